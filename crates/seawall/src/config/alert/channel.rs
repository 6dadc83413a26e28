//! The way on which one is told: what each kind needs.

use std::str::FromStr;
use std::time::Duration;

use watch::alert::{
    Alertmanager, Channel, Email, Login, Mailbox, PagerDuty, Relay, Safety, Secret, Slack, Webhook,
};
use watch::call::{Caller, Roots, RootsError, Url};

use super::Listed;
use crate::config::{Reader, pem};

/// The way, with how long its steps may take, and how often an Alertmanager is told again.
pub(super) fn understand(
    read: &mut Reader<'_>,
    kind: Option<&str>,
    (limit, interval): (Option<Duration>, Duration),
) -> Option<Channel> {
    let url = read.optional::<Url>("url");
    let secrets = ["secret", "token", "routing_key", "password"].map(|name| read.optional::<Hidden>(name));
    let [secret, token, routing_key, password] = secrets;
    let ca = pem::file(read, "ca");
    let mail = Mail::read(read, kind);
    let (url, limit, ca) = (url?, limit?, ca?);
    let hidden = |secret: Option<Hidden>| secret.map(|secret| secret.0);
    let (secret, token, routing_key) = (hidden(secret?), hidden(token?), hidden(routing_key?));
    let ways = Ways { ca, limit };
    Some(match kind? {
        "webhook" => {
            let caller = ways.caller(read, url)?;
            Channel::Webhook(told(read, "token", Webhook::new(caller, secret.as_ref(), token.as_ref()))?)
        }
        "slack" => Channel::Slack(Slack::new(ways.caller(read, url)?)),
        "pagerduty" => {
            let key = missing(read, routing_key, "routing_key");
            let url = url.or_else(|| PagerDuty::USUAL.parse().ok());
            Channel::PagerDuty(PagerDuty::new(ways.caller(read, url)?, key?))
        }
        "alertmanager" => {
            let url = url.map(|url| url.with_usual_target(Alertmanager::USUAL));
            let caller = ways.caller(read, url)?;
            Channel::Alertmanager(told(read, "token", Alertmanager::new(caller, interval, token.as_ref()))?)
        }
        _ => Channel::Email(ways.email(read, mail?, hidden(password?))?),
    })
}

/// A secret.
struct Hidden(Secret);

impl FromStr for Hidden {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Secret::new(text.to_owned())))
    }
}

/// What has to be set for this kind; that it is not is told.
fn missing<T>(read: &mut Reader<'_>, value: Option<T>, name: &'static str) -> Option<T> {
    if value.is_none() {
        read.refuse_missing(name);
    }
    value
}

/// What came out well; what did not is told of a key.
fn told<T>(read: &mut Reader<'_>, name: &'static str, result: Result<T, impl ToString>) -> Option<T> {
    result.map_err(|error| read.refuse_value(name, error.to_string())).ok()
}

/// What ways have in common.
struct Ways {
    ca: Option<Vec<u8>>,
    limit: Duration,
}

impl Ways {
    fn caller(&self, read: &mut Reader<'_>, url: Option<Url>) -> Option<Caller> {
        let url = missing(read, url, "url")?;
        let roots = if url.is_secret_on_the_wire() { self.roots(read)? } else { Roots::default() };
        usable(read, "url", Caller::new(url, &roots, self.limit))
    }

    fn roots(&self, read: &mut Reader<'_>) -> Option<Roots> {
        let pem = self.ca.clone().or_else(|| pem::system_roots(read, "ca"));
        pem.map(Roots::new)
    }

    fn email(&self, read: &mut Reader<'_>, mail: Mail, password: Option<Secret>) -> Option<Email> {
        let roots = if mail.safety == Safety::None { Roots::default() } else { self.roots(read)? };
        let login = match (mail.user, password) {
            (Some(user), Some(password)) => Some(Login { user, password }),
            (None, None) => None,
            (Some(_), None) => {
                read.refuse_value("user", "password has to be set with it".to_owned());
                return None;
            }
            (None, Some(_)) => {
                read.refuse_value("password", "user has to be set with it".to_owned());
                return None;
            }
        };
        if login.is_some() && mail.safety == Safety::None {
            let message =
                "a password is not sent where others can read it; leave user and password out".to_owned();
            read.refuse_value("tls", message);
            return None;
        }
        let Server(host, port) = mail.server;
        let relay = usable(read, "smtp", Relay::new((&host, port), mail.safety, login, &roots))?;
        Some(Email::new(relay, mail.from, mail.to, self.limit))
    }
}

/// What TLS has to say against a place, or against the certificates.
fn usable<T>(read: &mut Reader<'_>, place: &'static str, result: Result<T, RootsError>) -> Option<T> {
    result
        .map_err(|error| {
            let name = if error == RootsError::Name { place } else { "ca" };
            read.refuse_value(name, error.to_string());
        })
        .ok()
}

/// What mail needs.
struct Mail {
    server: Server,
    safety: Safety,
    user: Option<String>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// A host and a port.
struct Server(String, u16);

/// Where relays take mail from those who log in.
const SUBMISSION: u16 = 587;

/// The same with TLS from the first byte on.
const SUBMISSIONS: u16 = 465;

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = match text.rsplit_once(':') {
            // An IPv6 address has colons of its own, and stands in brackets.
            Some((host, port)) if !port.ends_with(']') => {
                let port = port.parse().map_err(|_| format!("{text:?} has no port that is one"))?;
                (host, port)
            }
            _ => (text, SUBMISSION),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b".-:_".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_fit) {
            return Err(format!("{text:?} is no server; write it like smtp.example.com:587"));
        }
        Ok(Self(host.to_owned(), port))
    }
}

impl Mail {
    /// What is written of it; for mail it has to be all.
    fn read(read: &mut Reader<'_>, kind: Option<&str>) -> Option<Self> {
        let server = read.optional::<Server>("smtp");
        let tls =
            if read.is_written("tls") { read.entry("tls").map(|entry| Some(entry.text)) } else { Some(None) };
        let user = read.optional::<String>("user");
        let from = read.optional::<Mailbox>("from");
        let to = read.optional::<Listed<Mailbox>>("to");
        if kind != Some("email") {
            return None;
        }
        let server = missing(read, server?, "smtp");
        let from = missing(read, from?, "from");
        let to = missing(read, to?, "to");
        let (server, user) = (server?, user?);
        let safety = match tls?.as_deref() {
            Some("none") => Safety::None,
            Some("implicit") => Safety::Implicit,
            None if server.1 == SUBMISSIONS => Safety::Implicit,
            _ => Safety::StartTls,
        };
        Some(Self { server, safety, user, from: from?, to: to?.0 })
    }
}
