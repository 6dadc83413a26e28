//! The least HTTP that asks a server something: one request on one connection, within limits of size and time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Where a server is, or something that it offers: `http://host:port/path`. It may hold a password, so it is not shown whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    host: String,
    port: u16,
}

/// Why a text is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is something else.
    #[error("{0:?} is no address of a server, such as http://localhost:9090")]
    Malformed(String),
    /// It wants TLS.
    #[error(
        "https is not spoken here: name the server's plain port on this machine, or let a command ask, such as curl"
    )]
    Tls,
    /// It holds a name or a password.
    #[error("a name or password in an address is shown in logs: use checkpoint.http_token instead")]
    Credentials,
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let malformed = || UrlError::Malformed(text.to_owned());
        if text.split('/').nth(2).is_some_and(|authority| authority.contains('@')) {
            return Err(UrlError::Credentials);
        }
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(UrlError::Tls),
            _ => return Err(malformed()),
        }
        let host = uri.host().ok_or_else(malformed)?.trim_matches(['[', ']']).to_owned();
        Ok(Self { port: uri.port_u16().unwrap_or(80), host, uri })
    }
}

impl Url {
    /// Something that the server offers below this.
    pub(crate) fn below(&self, path: &str) -> String {
        format!("{}{path}", self.uri.path().trim_end_matches('/'))
    }

    /// What it names by itself.
    pub(crate) fn target(&self) -> String {
        self.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A query may hold a secret.
        write!(f, "http://{}:{}{}", self.host, self.port, self.uri.path())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) url: &'a Url,
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) token: Option<&'a str>,
    pub(crate) patience: Duration,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Bytes of an answer at most: Prometheus' own figures are half a megabyte.
const LARGEST: usize = 8 << 20;

/// Asks; an error says why there is no answer.
pub(crate) async fn ask(question: Question<'_>) -> Result<Answer, String> {
    let (url, patience) = (question.url, question.patience);
    match timeout(patience, exchange(question)).await {
        Ok(answer) => answer.map_err(|error| format!("failed to ask {url}: {error}")),
        Err(_) => Err(format!("{url} has not answered within {patience:?}")),
    }
}

async fn exchange(question: Question<'_>) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let Url { host, port, .. } = question.url;
    let stream = TcpStream::connect((host.as_str(), *port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = question.method;
    *request.uri_mut() = question.target.parse()?;
    let headers = request.headers_mut();
    let named = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    headers.insert(HOST, HeaderValue::from_str(&named)?);
    headers.insert(USER_AGENT, HeaderValue::from_static("seawall"));
    if let Some(token) = question.token {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let answer = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await?.to_bytes();
        Ok(Answer { status, body })
    };
    // The connection is driven beside the exchange and dropped with it: nothing is left behind by a timeout.
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_is_meant_and_never_shows_a_secret() {
        let url: Url = "http://localhost:9090/prom/?token=secret".parse().unwrap();
        assert_eq!(url.below("/-/ready"), "/prom/-/ready");
        assert_eq!(url.target(), "/prom/?token=secret");
        assert_eq!(format!("{url} {url:?}").matches("secret").count(), 0);
        let url: Url = "http://[::1]".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port), ("::1", 80));
        for (text, wrong) in [
            ("localhost:9090", UrlError::Malformed("localhost:9090".to_owned())),
            ("", UrlError::Malformed(String::new())),
            ("https://localhost", UrlError::Tls),
            ("http://me:secret@localhost", UrlError::Credentials),
        ] {
            assert_eq!(text.parse::<Url>(), Err(wrong), "{text}");
        }
    }
}
