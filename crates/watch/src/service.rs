//! A server that a target names: where it answers, and what it wants to see before it does.

use std::fmt;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method, StatusCode};

use crate::alert::{Secret, Secrets};
use crate::base64::encoded;
use crate::call::{Call, Caller, Roots, RootsError, Url};

/// Bytes of an answer at most: Prometheus' own figures are half a megabyte.
const LARGEST: usize = 8 << 20;

/// What a server knows one by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A bearer token.
    Bearer(Secret),
    /// A name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// Why a server cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// It cannot be spoken to with TLS.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The token does not fit into a header.
    #[error("a token is visible ASCII letters")]
    Token,
    /// What stands before the first colon is the name.
    #[error("a name has no colon in it")]
    User,
}

/// A server that can be asked. It is shown as its scheme, host and port.
pub struct Service {
    caller: Caller,
    authorization: Option<HeaderValue>,
    secrets: Secrets,
    /// What makes it this one, beside its address.
    terms: Terms,
}

/// Under which terms a server is asked.
#[derive(PartialEq, Eq)]
struct Terms {
    credentials: Option<Credentials>,
    roots: Vec<u8>,
    limit: Duration,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Service {
    /// A server at that address, trusted by these roots. Each of the phases, until there is a connection and until there is an
    /// answer, may take as long as the limit says.
    pub fn new(
        url: Url,
        roots: &Roots,
        credentials: Option<Credentials>,
        limit: Duration,
    ) -> Result<Self, ServiceError> {
        let mut secrets = Secrets::default();
        // A path says where something is; a query may say who asks.
        url.target().split_once('?').into_iter().for_each(|(_, query)| secrets.add_target(query));
        let authorization = match &credentials {
            None => None,
            Some(credentials) => Some(header(credentials, &mut secrets)?),
        };
        let terms = Terms { credentials, roots: roots.digest(), limit };
        let caller = Caller::new(url, roots, limit)?.reading(LARGEST);
        Ok(Self { caller, authorization, secrets, terms })
    }

    /// Asks for something below the address; an error says why there is no whole answer.
    pub(crate) async fn ask_below(&self, path: &str) -> Result<Answer, String> {
        self.exchange(Method::GET, &self.caller.url().below(path)).await
    }

    /// Asks for what the address itself names.
    pub(crate) async fn ask(&self, method: Method) -> Result<Answer, String> {
        self.exchange(method, self.caller.url().target()).await
    }

    /// What it said, without anything secret, in one short line.
    pub(crate) fn said(&self, answer: &Answer) -> String {
        self.secrets.scrub(&String::from_utf8_lossy(&answer.body))
    }

    async fn exchange(&self, method: Method, target: &str) -> Result<Answer, String> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("seawall/", env!("CARGO_PKG_VERSION"))));
        headers.extend(self.authorization.clone().map(|value| (AUTHORIZATION, value)));
        let call = Call { method, headers, body: Bytes::new() };
        let reply = self.caller.call_at(target, call).await;
        let reply = reply.map_err(|error| format!("failed to ask {self}: {error}"))?;
        let whole = reply.body.ok_or_else(|| {
            format!("the answer of {self} broke off, or has more than {} MiB", LARGEST >> 20)
        })?;
        Ok(Answer { status: reply.status, body: whole })
    }
}

/// The header that shows credentials.
fn header(credentials: &Credentials, secrets: &mut Secrets) -> Result<HeaderValue, ServiceError> {
    let text = match credentials {
        Credentials::Bearer(token) => {
            secrets.add(token.reveal());
            format!("Bearer {}", token.reveal())
        }
        Credentials::Basic { user, .. } if user.contains(':') => return Err(ServiceError::User),
        Credentials::Basic { user, password } => {
            let pair = encoded(format!("{user}:{}", password.reveal()).as_bytes());
            secrets.add(password.reveal());
            secrets.add(&pair);
            format!("Basic {pair}")
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| ServiceError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.caller.url() == other.caller.url() && self.terms == other.terms
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.caller.url(), f)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(credentials: Option<Credentials>) -> Result<Service, ServiceError> {
        let url = "http://localhost:9090/prom/?key=hunter22".parse().unwrap();
        Service::new(url, &Roots::default(), credentials, Duration::from_secs(1))
    }

    fn basic(user: &str) -> Credentials {
        Credentials::Basic { user: user.to_owned(), password: Secret::new("open sesame".to_owned()) }
    }

    #[test]
    fn credentials_are_sent_as_the_standards_have_them_and_never_shown() {
        // RFC 7617, section 2.
        let aladdin = service(Some(basic("Aladdin"))).unwrap();
        let sent = aladdin.authorization.as_ref().unwrap();
        assert_eq!(sent.to_str().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(sent.is_sensitive());
        let answer = Answer {
            status: StatusCode::OK,
            body: "no open sesame, no QWxhZGRpbjpvcGVuIHNlc2FtZQ==, no hunter22".into(),
        };
        assert_eq!(aladdin.said(&answer), "no (hidden), no (hidden), no (hidden)");
        assert_eq!(format!("{aladdin} {aladdin:?}"), "http://localhost:9090 http://localhost:9090");
    }

    #[test]
    fn what_no_header_can_hold_is_refused() {
        assert_eq!(service(Some(basic("a:b"))).unwrap_err(), ServiceError::User);
        let token = Credentials::Bearer(Secret::new("a\nb".to_owned()));
        assert_eq!(service(Some(token)).unwrap_err(), ServiceError::Token);
    }

    #[test]
    fn the_same_server_under_other_terms_is_another_one() {
        let plain = service(None).unwrap();
        assert!(plain == service(None).unwrap());
        assert!(plain != service(Some(basic("a"))).unwrap());
        assert!(service(Some(basic("a"))).unwrap() != service(Some(basic("b"))).unwrap());
    }
}
