//! Servers that are asked something: where they are, what they want to see, and what they are trusted by.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use watch::alert::Secret;
use watch::call::{Roots, RootsError, Url};
use watch::{Credentials, Service, ServiceError};

use super::refuse;
use crate::config::{Reader, pem};

/// The names of the keys that say how a server is asked.
#[derive(Clone, Copy)]
pub(super) struct Names {
    url: &'static str,
    token: &'static str,
    user: &'static str,
    password: &'static str,
    ca: &'static str,
}

/// Those of the server that writes a log.
const OF_SERVER: Names =
    Names { url: "url", token: "url_token", user: "url_user", password: "url_password", ca: "url_ca" };

/// Those of the request that makes a checkpoint.
pub(super) const OF_CHECKPOINT: Names = Names {
    url: "checkpoint.http",
    token: "checkpoint.http_token",
    user: "checkpoint.http_user",
    password: "checkpoint.http_password",
    ca: "checkpoint.http_ca",
};

/// How long the server that writes a log may take to connect, and to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server that writes a log, if it is named.
#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
pub(super) fn of_server(read: &mut Reader<'_>) -> Option<Option<Arc<Service>>> {
    let url = read.optional::<Url>(OF_SERVER.url);
    let access = Access::read(read, OF_SERVER);
    let (url, access) = (url?, access?);
    if url.is_none() {
        for name in [OF_SERVER.token, OF_SERVER.user, OF_SERVER.password, OF_SERVER.ca] {
            if read.is_written(name) {
                refuse(read, name, format!("it says nothing without {}", OF_SERVER.url));
            }
        }
    }
    match url {
        None => Some(None),
        Some(url) => access.service(read, url, PATIENCE).map(Some),
    }
}

/// What a server wants to see, and what it is trusted by.
pub(super) struct Access {
    names: Names,
    credentials: Option<Credentials>,
    ca: Option<Vec<u8>>,
}

/// A secret as it stands there.
struct Hidden(Secret);

impl FromStr for Hidden {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Secret::new(text.to_owned())))
    }
}

impl Access {
    /// What is written of it; nothing if that is wrong, which is told.
    pub(super) fn read(read: &mut Reader<'_>, names: Names) -> Option<Self> {
        let token = read.optional::<Hidden>(names.token);
        let user = read.optional::<String>(names.user);
        let password = read.optional::<Hidden>(names.password);
        let ca = pem::file(read, names.ca);
        let (token, user, password, ca) = (token?, user?, password?, ca?);
        let credentials = match (token, user, password) {
            (None, None, None) => None,
            (Some(token), None, None) => Some(Credentials::Bearer(token.0)),
            (None, Some(user), Some(password)) => Some(Credentials::Basic { user, password: password.0 }),
            (None, Some(_), None) => {
                refuse(read, names.user, format!("{} has to be set with it", names.password));
                return None;
            }
            (None, None, Some(_)) => {
                refuse(read, names.password, format!("{} has to be set with it", names.user));
                return None;
            }
            (Some(_), ..) => {
                let message = "it is shown a token, or a name and a password: keep one of the two";
                refuse(read, names.token, message.to_owned());
                return None;
            }
        };
        Some(Self { names, credentials, ca })
    }

    /// The server at an address; nothing if it cannot be asked, which is told.
    pub(super) fn service(self, read: &mut Reader<'_>, url: Url, limit: Duration) -> Option<Arc<Service>> {
        let names = self.names;
        let roots = if url.is_secret_on_the_wire() {
            Roots::new(self.ca.or_else(|| pem::system_roots(read, names.ca))?)
        } else {
            Roots::default()
        };
        let made = Service::new(url, &roots, self.credentials, limit);
        made.map_err(|error| {
            let name = match error {
                ServiceError::Token => names.token,
                ServiceError::User => names.user,
                ServiceError::Roots(RootsError::Name) => names.url,
                ServiceError::Roots(_) => names.ca,
            };
            refuse(read, name, error.to_string());
        })
        .ok()
        .map(Arc::new)
    }
}
