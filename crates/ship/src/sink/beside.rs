//! What is sent beside the events: headers, and a bearer token that may be renewed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::StartError;

/// What is sent beside the events.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    headers: HeaderMap,
    bearer: Option<Secret>,
}

/// A secret: it, or the file that holds it.
#[derive(Clone)]
pub enum Secret {
    /// It.
    Fixed(String),
    /// The file that holds it. It is read for each request, since tokens are renewed.
    File(PathBuf),
}

/// Bytes of a secret at most: far more than any token has, and little to hold.
const LONGEST: u64 = 16 << 10;

/// Headers that say how a request is framed or where it goes. They follow from the rest.
const OURS: [HeaderName; 4] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION];

impl Beside {
    /// Headers by name and value, and the token of `Authorization`.
    pub fn new(headers: &[(String, String)], bearer: Option<Secret>) -> Result<Self, StartError> {
        let mut map = HeaderMap::new();
        map.insert(USER_AGENT, HeaderValue::from_static(concat!("seawall/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in headers {
            let bad = |cause: String| StartError::Header { name: name.clone(), cause };
            let known: HeaderName = name.parse().map_err(|_| bad("it is no name of a header".to_owned()))?;
            if OURS.contains(&known) {
                return Err(bad("it follows from the request and cannot be set".to_owned()));
            }
            if bearer.is_some() && known == AUTHORIZATION {
                return Err(bad("there is a token too; keep one of the two".to_owned()));
            }
            let mut value = HeaderValue::from_str(value).map_err(|error| bad(error.to_string()))?;
            value.set_sensitive(true);
            map.append(known, value);
        }
        Ok(Self { headers: map, bearer })
    }

    /// The headers of a request that is made now.
    pub(crate) fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = self.headers.clone();
        if let Some(bearer) = &self.bearer {
            let token = bearer.read()?;
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value = value.map_err(|_| "the token cannot stand in a header".to_owned())?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

impl Secret {
    /// It, as it is now.
    pub(crate) fn read(&self) -> Result<String, String> {
        match self {
            Self::Fixed(text) => Ok(text.clone()),
            Self::File(path) => {
                load(path).map_err(|error| format!("failed to read the token in {}: {error}", path.display()))
            }
        }
    }
}

fn load(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_token_is_read_from_its_file_each_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let beside = Beside::new(&[pair("X-Team", "7")], Some(Secret::File(path.clone()))).unwrap();
        assert!(beside.headers().unwrap_err().contains("failed to read the token"));
        for token in ["one", "two"] {
            std::fs::write(&path, format!("{token}\n")).unwrap();
            let headers = beside.headers().unwrap();
            assert_eq!(headers[AUTHORIZATION], format!("Bearer {token}"));
            assert_eq!(headers["x-team"], "7");
        }
        assert!(!format!("{:?}", beside.headers()).contains("two"), "a token is not shown");
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused_by_name() {
        let refused = |headers: &[(String, String)], bearer: Option<Secret>| {
            Beside::new(headers, bearer).unwrap_err().to_string()
        };
        for (name, value, cause) in [
            ("a b", "x", "no name of a header"),
            ("X", "a\nb", "header value"),
            ("Content-Length", "1", "follows from the request"),
        ] {
            let message = refused(&[pair(name, value)], None);
            assert!(message.contains(cause) && message.contains(name), "{message}");
        }
        let both = refused(&[pair("authorization", "x")], Some(Secret::Fixed("y".to_owned())));
        assert!(both.contains("keep one"), "{both}");
    }
}
