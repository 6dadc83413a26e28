//! Where events are delivered to: the address of one route of one server.

use std::fmt;
use std::str::FromStr;

/// `http://host:port/path?query`, with TLS or without it. `{stream}` in the path or the query stands for the stream's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// With or without TLS.
    pub scheme: Scheme,
    /// The host's name or address, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path and the query.
    pub target: String,
}

/// Whether a server is spoken to with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without.
    Http,
    /// With.
    Https,
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url} is no address to deliver to: {cause}; write it like https://host:port/path")]
pub struct AddressError {
    url: String,
    cause: &'static str,
}

/// What stands for the name of the stream.
const STREAM: &str = "{stream}";

impl Address {
    /// The host, and the port unless it is the usual one: what stands in the `Host` header.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The path and the query for events of a stream.
    pub(crate) fn target_for(&self, stream: &str) -> String {
        self.target.replace(STREAM, &encoded(stream))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let refuse = |cause| AddressError { url: url.to_owned(), cause };
        let (scheme, standard, rest) = match url.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, 80, rest),
            Some(("https", rest)) => (Scheme::Https, 443, rest),
            _ => return Err(refuse("it begins with neither http:// nor https://")),
        };
        let (authority, target) = match rest.find(['/', '?', '#']).and_then(|at| rest.split_at_checked(at)) {
            Some((authority, target)) => (authority, target),
            None => (rest, ""),
        };
        let authority: http::uri::Authority =
            authority.parse().map_err(|_| refuse("it names no host that can be understood"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("it has a user or a password; there are keys for headers and for a token"));
        }
        if target.contains('#') {
            return Err(refuse("it has a fragment, which no server is sent"));
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let filled = target.replace(STREAM, "x");
        filled.parse::<http::uri::PathAndQuery>().map_err(|_| refuse("its path cannot be understood"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(standard);
        Ok(Self { scheme, host, port, target })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.target)
    }
}

/// A name as it may stand in a path, in a query and in a header.
pub(crate) fn encoded(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_was_read() {
        for url in
            ["http://a/", "https://a.b:8443/base?x=1", "http://[::1]:9000/", "http://a/{stream}?s={stream}"]
        {
            assert_eq!(url.parse::<Address>().unwrap().to_string(), url);
        }
        assert_eq!("http://a:80".parse::<Address>().unwrap().to_string(), "http://a/");
        assert_eq!("http://a?x".parse::<Address>().unwrap().to_string(), "http://a/?x");
    }

    #[test]
    fn the_name_of_a_stream_cannot_leave_its_place_in_a_path() {
        let address: Address = "http://a/jobs/{stream}/events".parse().unwrap();
        assert_eq!(address.target_for("../a b?\u{e4}"), "/jobs/..%2Fa%20b%3F%C3%A4/events");
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_cause() {
        for (url, cause) in [
            ("ftp://a", "neither http:// nor https://"),
            ("a:80", "neither"),
            ("http://u:p@a", "user or a password"),
            ("http://", "no host"),
            ("http://a/#x", "fragment"),
            ("http://a/\u{7f}", "path"),
        ] {
            let error = url.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(cause), "{url}: {error}");
        }
    }
}
