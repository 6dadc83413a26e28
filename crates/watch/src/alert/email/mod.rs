//! Mail, by SMTP: to a relay that takes it on for this machine.
//!
//! * [`Mailbox`] is an address, with a name or without. What could end a line is in neither.
//! * `message` is what is sent: a head and a text, in ASCII whatever the letter is written in.
//! * `session` is the talk with the relay, and `reply` what it says.
//!
//! A connection is protected before anything is said that matters, or nothing is sent: there is no falling back to a
//! connection that can be read. Addresses are ASCII; a domain with other letters is written as its `xn--` form.

mod mailbox;
mod message;
mod reply;
mod session;

use std::time::Duration;

use crate::alert::{Letter, Secret, Secrets, Stationery, Verdict};
use crate::base64::encoded;
use crate::call::{Roots, RootsError, Tls};

pub use mailbox::{Mailbox, MailboxError};
use reply::Reply;
use session::{Session, Trouble};

/// How the way to a relay is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// TLS is asked for with STARTTLS, as is usual on port 587.
    StartTls,
    /// TLS from the first byte on, as is usual on port 465.
    Implicit,
    /// Nothing: for a relay on this machine. Credentials are not sent.
    None,
}

/// Whom a relay knows.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// A server that takes mail on.
pub struct Relay {
    host: String,
    port: u16,
    safety: Safety,
    tls: Option<Tls>,
    login: Option<Login>,
    secrets: Secrets,
}

/// Mail.
pub struct Email {
    relay: Relay,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// How long each step of the talk may take.
    limit: Duration,
}

impl Relay {
    /// A relay there. With [`Safety::None`] there can be no login.
    pub fn new(
        (host, port): (&str, u16),
        safety: Safety,
        login: Option<Login>,
        roots: &Roots,
    ) -> Result<Self, RootsError> {
        let tls = if safety == Safety::None { None } else { Some(roots.for_host(host)?) };
        let login = login.filter(|_| safety != Safety::None);
        let mut secrets = Secrets::default();
        if let Some(login) = &login {
            secrets.add(login.password.reveal());
            secrets.add(&encoded(login.password.reveal().as_bytes()));
            secrets.add(&encoded(session::plain(login).as_bytes()));
        }
        Ok(Self { host: host.to_owned(), port, safety, tls, login, secrets })
    }
}

impl Email {
    /// Mail from somebody to some, through a relay that may take so long for each step.
    pub fn new(relay: Relay, from: Mailbox, to: Vec<Mailbox>, limit: Duration) -> Self {
        Self { relay, from, to, limit }
    }

    pub(super) fn place(&self) -> String {
        let to: Vec<&str> = self.to.iter().map(Mailbox::address).collect();
        format!("{} through {}:{}", to.join(", "), self.relay.host, self.relay.port)
    }

    pub(super) async fn send(&self, letter: &Letter, paper: &Stationery) -> Verdict {
        let message = message::written((&self.from, &self.to), letter, paper);
        let said = match self.talk(&message).await {
            Ok((accepted, refused)) => {
                let said = self.relay.secrets.scrub(&accepted.to_string());
                let refused: Vec<String> = refused.iter().map(|(to, why)| format!("{to}: {why}")).collect();
                let rest = self.relay.secrets.scrub(&refused.join("; "));
                let said = if rest.is_empty() { said } else { format!("{said}; not taken for {rest}") };
                return Verdict::Delivered { said };
            }
            Err(trouble) => trouble,
        };
        let reason = self.relay.secrets.scrub(&said.to_string());
        if said.is_final() { Verdict::Refused { reason } } else { Verdict::Retry { after: None, reason } }
    }

    /// Hands the message over: the relay's word that it has it, and those whom it does not take it for.
    async fn talk(&self, message: &str) -> Result<(Reply, Vec<(String, Reply)>), Trouble> {
        let mut session = Session::open(&self.relay, &self.from, self.limit).await?;
        let outcome = session.hand_over(&self.from, &self.to, message).await;
        session.quit().await;
        outcome
    }
}
