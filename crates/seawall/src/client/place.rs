//! Where the daemon is, and how names stand in its paths.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use crate::config::Door;
use crate::show::units;

/// Where the daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An address.
    Network(SocketAddr),
    /// Its Unix socket.
    Socket(PathBuf),
}

/// Whose machine a place is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// This one.
    This,
    /// Another one, as far as its address says.
    Another,
}

impl Place {
    /// The socket, else the address. Who listens everywhere is reached here.
    pub(super) fn of(door: &Door) -> Self {
        if let Some(path) = &door.socket {
            return Self::Socket(path.clone());
        }
        let mut address = door.listen.address();
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        Self::Network(address)
    }

    /// Whose machine it is on.
    pub(crate) fn machine(&self) -> Machine {
        match self {
            Place::Network(address) if !address.ip().is_loopback() => Machine::Another,
            Place::Network(_) | Place::Socket(_) => Machine::This,
        }
    }

    /// What it is called in a request.
    pub(super) fn host(&self) -> String {
        match self {
            Place::Network(address) => address.to_string(),
            Place::Socket(_) => "localhost".to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Network(address) => address.fmt(f),
            Place::Socket(path) => f.write_str(&units::path(path)),
        }
    }
}

/// A name as it stands in a path or a query.
pub(crate) fn encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to text does not fail.
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_in_a_path_whatever_it_is() {
        assert_eq!(encoded("jobs-1_2.x~"), "jobs-1_2.x~");
        assert_eq!(encoded("a b/c:\u{e4}%"), "a%20b%2Fc%3A%C3%A4%25");
    }

    #[test]
    fn who_listens_everywhere_is_reached_here() {
        let place = |listen: &str, socket: Option<&str>| {
            let door =
                Door { listen: listen.parse().unwrap(), socket: socket.map(PathBuf::from), token: None };
            Place::of(&door)
        };
        assert_eq!(place("0.0.0.0:7400", None).to_string(), "127.0.0.1:7400");
        assert_eq!(place("[::]:7400", None).to_string(), "[::1]:7400");
        assert_eq!(place("127.0.0.1:1", Some("a.sock")), Place::Socket("a.sock".into()));
        assert_eq!(place("10.0.0.1:1", None).machine(), Machine::Another);
        assert_eq!(place("[::1]:1", None).machine(), Machine::This);
    }
}
