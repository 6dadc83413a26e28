//! Where a server is and as whom it is spoken to, as `libpq` writes it. A password does not belong there: what stands in a
//! configuration in the open is shown.

use std::fmt;
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// `postgres://user@host:5432/database`, or `host=/run/postgresql user=me dbname=database`.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn {
    pub(super) config: Config,
    pub(super) safety: Safety,
}

/// Whether others can read what is said, and whether the server has to prove who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Safety {
    /// Nobody is kept from reading.
    Open,
    /// TLS where the server has it, and no proof.
    Offered,
    /// TLS, and no proof: who sits in between is not noticed.
    Unproven,
    /// TLS, and a certificate that vouches for the host.
    Proven,
}

/// Why a text is none. It does not repeat the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; write it like postgres://user@host:5432/database, or host=/run/postgresql user=me dbname=database"
)]
pub struct DsnError(String);

/// Words of `libpq` that say something which is said elsewhere here, or not at all.
const FOREIGN: [(&str, &str); 5] = [
    ("sslrootcert", "sslrootcert is said here by the key ca"),
    ("passfile", "passfile is said here by the key password_file"),
    ("sslcert", "certificates of clients are not known here"),
    ("service", "services are not known here"),
    ("sslmode=verify-ca", "verify-ca is not known here, and verify-full is"),
];

/// How it is written that the server has to prove who it is, which the library leaves to its caller.
const PROVEN: &str = "sslmode=verify-full";

impl FromStr for Dsn {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let wrong = |why: &str| DsnError(why.to_owned());
        let text = text.trim();
        if let Some((_, why)) = FOREIGN.iter().find(|(word, _)| text.contains(word)) {
            return Err(wrong(why));
        }
        let plain = text.replace(PROVEN, "sslmode=require");
        // What the library says of it may repeat a part of a password with a letter that has a meaning.
        let mut config: Config =
            plain.parse().map_err(|_| wrong("it cannot be understood as the address of a database"))?;
        if config.get_password().is_some() {
            return Err(wrong(
                "a password in it would be shown: put it into the key password, or into a file that password_file names",
            ));
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("it names no host, and no directory with a socket"));
        }
        let safety = match config.get_ssl_mode() {
            // A server has no TLS on a socket, and nobody who could not read its memory too reads along.
            _ if is_socket(&config) => Safety::Open,
            _ if plain != text => Safety::Proven,
            _ if !text.contains("sslmode") && !is_local(&config) => Safety::Proven,
            SslMode::Disable => Safety::Open,
            SslMode::Prefer => Safety::Offered,
            _ => Safety::Unproven,
        };
        match safety {
            Safety::Open => config.ssl_mode(SslMode::Disable),
            Safety::Offered => config.ssl_mode(SslMode::Prefer),
            Safety::Unproven | Safety::Proven => config.ssl_mode(SslMode::Require),
        };
        if config.get_application_name().is_none() {
            config.application_name("seawall");
        }
        Ok(Self { config, safety })
    }
}

fn is_socket(config: &Config) -> bool {
    let is_socket = |host: &Host| matches!(host, Host::Unix(_));
    config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(is_socket)
}

/// Whether what is said never leaves this machine.
fn is_local(config: &Config) -> bool {
    let is_here = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        Host::Unix(_) => true,
    };
    let hosts = config.get_hosts().iter().all(is_here);
    hosts && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

impl Dsn {
    /// Whether the server has to prove who it is, by a certificate.
    pub fn is_proven(&self) -> bool {
        self.safety == Safety::Proven
    }
}

/// Where it leads.
impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgreSQL at ")?;
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        match (self.config.get_hosts().first(), self.config.get_hostaddrs().first()) {
            (Some(Host::Unix(directory)), _) => write!(f, "{}/.s.PGSQL.{port}", directory.display()),
            (Some(Host::Tcp(name)), _) if name.contains(':') => write!(f, "[{name}]:{port}"),
            (Some(Host::Tcp(name)), _) => write!(f, "{name}:{port}"),
            (None, Some(address)) => write!(f, "{address}:{port}"),
            (None, None) => f.write_str("no host"),
        }
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_has_to_prove_who_it_is_unless_somebody_wants_it_otherwise() {
        for (text, shown, safety) in [
            ("postgres://me@db.example.com/app", "db.example.com:5432", Safety::Proven),
            ("postgres://me@db:6432/app?sslmode=disable", "db:6432", Safety::Open),
            ("host=db user=me sslmode=require", "db:5432", Safety::Unproven),
            ("host=db user=me sslmode=verify-full", "db:5432", Safety::Proven),
            ("postgres://localhost", "localhost:5432", Safety::Offered),
            ("postgresql://[::1]:1/app", "[::1]:1", Safety::Offered),
            ("host=/run/postgresql dbname=postgres", "/run/postgresql/.s.PGSQL.5432", Safety::Open),
            ("host=/run/pg sslmode=verify-full", "/run/pg/.s.PGSQL.5432", Safety::Open),
            ("postgres://me@%2Frun%2Fpg/app", "/run/pg/.s.PGSQL.5432", Safety::Open),
            ("postgres://localhost?sslmode=verify-full", "localhost:5432", Safety::Proven),
        ] {
            let dsn: Dsn = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((dsn.to_string(), dsn.safety), (format!("PostgreSQL at {shown}"), safety), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_database_is_refused_with_its_cause_and_not_repeated() {
        for (text, cause) in [
            ("postgres://me:secret@db/app", "would be shown"),
            ("host=db password=secret", "would be shown"),
            ("postgres://me:sec?ret=secret@db/app", "would be shown"),
            ("postgres://me@db:sec/ret", "cannot be understood"),
            ("postgres://me@db/app?secret=1", "cannot be understood"),
            ("secret", "cannot be understood"),
            ("dbname=secret", "no host"),
            ("host=db sslrootcert=/secret", "the key ca"),
            ("host=db sslmode=verify-ca", "verify-full is"),
        ] {
            let error = text.parse::<Dsn>().unwrap_err().to_string();
            assert!(error.contains(cause) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
