//! The address of an HTTP API. Its path and its query may be credentials, so they are never shown.

use std::fmt;
use std::str::FromStr;

use hyper::http::uri;

/// `http://host:port/path?query`, or `https://`.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    scheme: Scheme,
    host: String,
    port: u16,
    target: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// Why a text is no address. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no address, {0}; write it like https://host:port/path")]
pub struct UrlError(&'static str);

impl Url {
    /// This machine, for what is not reached over the network.
    pub(crate) fn of_this_machine() -> Self {
        Self { scheme: Scheme::Http, host: "localhost".to_owned(), port: 80, target: "/".to_owned() }
    }

    /// The host's name or address, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path and the query.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// What the server offers below the path that is written; its query is left out.
    pub(crate) fn below(&self, path: &str) -> String {
        let base = self.target.split('?').next().unwrap_or_default();
        format!("{}{path}", base.trim_end_matches('/'))
    }

    /// The same server, asked for that below the path that is written: `/api` below `http://host/base/`.
    #[must_use]
    pub fn with_usual_target(self, usual: &str) -> Self {
        if self.target.ends_with(usual) {
            return self;
        }
        Self { target: format!("{}{usual}", self.target.trim_end_matches('/')), ..self }
    }

    /// Whether nobody on the way can read what is sent.
    pub fn is_secret_on_the_wire(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The host, and the port unless it is the usual one: what stands in the `Host` header.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let (scheme, standard, rest) = match url.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, 80, rest),
            Some(("https", rest)) => (Scheme::Https, 443, rest),
            _ => return Err(UrlError("since it begins with neither http:// nor https://")),
        };
        let split = rest.find(['/', '?', '#']).and_then(|at| rest.split_at_checked(at));
        let (authority, target) = split.unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(UrlError(
                "since it has a user or a password, which are not sent; there are keys for credentials",
            ));
        }
        let authority: uri::Authority =
            authority.parse().map_err(|_| UrlError("since it names no host that can be understood"))?;
        if target.contains('#') {
            return Err(UrlError("since it has a fragment, which no server is sent"));
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        target.parse::<uri::PathAndQuery>().map_err(|_| UrlError("since its path cannot be understood"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str() == authority.host() => standard,
            None => return Err(UrlError("since its port is none")),
        };
        Ok(Self { scheme, host, port, target })
    }
}

/// Where it leads, without its path.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_path() {
        for (url, shown, target) in [
            (
                "https://hooks.slack.com/services/T0/B0/secret",
                "https://hooks.slack.com",
                "/services/T0/B0/secret",
            ),
            ("http://[::1]:9093?token=secret", "http://[::1]:9093", "/?token=secret"),
            ("http://a:80", "http://a", "/"),
        ] {
            let url: Url = url.parse().unwrap();
            assert_eq!((url.to_string().as_str(), url.target()), (shown, target));
            assert!(!format!("{url:?}").contains("secret"));
        }
        let url: Url = "http://a/prom/?token=secret".parse().unwrap();
        assert_eq!(url.below("/-/ready"), "/prom/-/ready");
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_cause_and_not_repeated() {
        for (url, cause) in [
            ("secret", "neither"),
            ("ftp://secret", "neither"),
            ("https://user:secret@a", "user or a password"),
            ("http://", "no host"),
            ("http://a/secret#x", "fragment"),
            ("http://a:99999/secret", "port"),
            ("http://a/secret\u{7f}", "path"),
        ] {
            let error = url.parse::<Url>().unwrap_err().to_string();
            assert!(error.contains(cause) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
