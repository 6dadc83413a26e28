//! The talk with a relay, as RFC 5321 has it.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::{Login, Mailbox, Relay, Reply, Safety};
use crate::base64::encoded;
use crate::call::{Dialer, Wire};

/// A talk that goes on.
pub(super) struct Session {
    wire: BufReader<Box<dyn Wire>>,
    limit: Duration,
}

/// Why a message was not handed over.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection.
    Wire { step: &'static str, source: io::Error },
    /// The relay says no.
    Refused { step: &'static str, reply: Reply },
    /// The relay cannot do what is asked for.
    Unable(&'static str),
}

impl Trouble {
    /// Whether trying again cannot help. A relay that does not know somebody may know them later, after a change of its
    /// configuration or of this one, so only a no to the message itself counts.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Refused { step: RECIPIENT | CONTENT, reply } if reply.code >= 500)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire { step, source } => write!(f, "failed to {step}: {source}"),
            Self::Refused { step, reply } => write!(f, "failed to {step}: the relay answered {reply}"),
            Self::Unable(what) => f.write_str(what),
        }
    }
}

const GREETING: &str = "greet the relay";
const PROTECTION: &str = "protect the connection";
const LOGIN: &str = "log in";
const SENDER: &str = "name the sender";
const RECIPIENT: &str = "name a recipient";
const CONTENT: &str = "hand the message over";

/// What a relay is told to log somebody in by PLAIN.
pub(super) fn plain(login: &Login) -> String {
    format!("\0{}\0{}", login.user, login.password.reveal())
}

impl Session {
    /// A talk that has come so far that a message can be handed over: protected, greeted, logged in.
    pub(super) async fn open(relay: &Relay, from: &Mailbox, limit: Duration) -> Result<Self, Trouble> {
        // A machine seldom knows a name that others know it by; the sender's domain is one that means something.
        let hello = format!("EHLO {}", from.domain());
        let dialer = Dialer::new(&relay.host, relay.port);
        let wire = match timeout(limit, dialer.dial()).await {
            Ok(dialed) => dialed.map_err(|source| Trouble::Wire { step: "connect", source })?,
            Err(_) => return Err(late("connect", limit)),
        };
        let mut session = Self { wire: BufReader::new(wire), limit };
        if relay.safety == Safety::Implicit {
            session = session.protected(relay).await?;
        }
        session.hear(GREETING).await?;
        let mut offer = session.ask(GREETING, &hello).await?;
        if relay.safety == Safety::StartTls {
            if !offer.offers("STARTTLS") {
                return Err(Trouble::Unable(
                    "the relay does not offer STARTTLS, and nothing is sent that others can read; tls = \"implicit\" is for port 465",
                ));
            }
            session.ask(PROTECTION, "STARTTLS").await?;
            // What stands there already was sent before the protection, by whoever.
            if !session.wire.buffer().is_empty() {
                return Err(Trouble::Unable("the relay went on talking without protection after STARTTLS"));
            }
            session = session.protected(relay).await?;
            offer = session.ask(GREETING, &hello).await?;
        }
        if let Some(login) = &relay.login {
            session.log_in(login, &offer).await?;
        }
        Ok(session)
    }

    async fn protected(self, relay: &Relay) -> Result<Self, Trouble> {
        let Some(tls) = &relay.tls else { return Ok(self) };
        let wire = match timeout(self.limit, tls.wrap(self.wire.into_inner())).await {
            Ok(wrapped) => wrapped.map_err(|source| Trouble::Wire { step: PROTECTION, source })?,
            Err(_) => return Err(late(PROTECTION, self.limit)),
        };
        Ok(Self { wire: BufReader::new(wire), limit: self.limit })
    }

    async fn log_in(&mut self, login: &Login, offer: &Reply) -> Result<(), Trouble> {
        let ways = offer.extension("AUTH").unwrap_or_default().to_ascii_uppercase();
        let has = |way: &str| ways.split_whitespace().any(|word| word == way);
        if has("PLAIN") {
            self.ask(LOGIN, &format!("AUTH PLAIN {}", encoded(plain(login).as_bytes()))).await?;
        } else if has("LOGIN") {
            self.ask(LOGIN, "AUTH LOGIN").await?;
            self.ask(LOGIN, &encoded(login.user.as_bytes())).await?;
            self.ask(LOGIN, &encoded(login.password.reveal().as_bytes())).await?;
        } else {
            return Err(Trouble::Unable(
                "the relay offers neither AUTH PLAIN nor AUTH LOGIN; leave user and password out if it needs none",
            ));
        }
        Ok(())
    }

    /// Hands a message over for everyone whom the relay takes it for.
    pub(super) async fn hand_over(
        &mut self,
        from: &Mailbox,
        to: &[Mailbox],
        message: &str,
    ) -> Result<(Reply, Vec<(String, Reply)>), Trouble> {
        self.ask(SENDER, &format!("MAIL FROM:<{}>", from.address())).await?;
        let mut refused = Vec::new();
        for mailbox in to {
            let to = mailbox.address();
            match self.ask(RECIPIENT, &format!("RCPT TO:<{to}>")).await {
                Ok(_) => {}
                Err(Trouble::Refused { reply, .. }) => refused.push((to.to_owned(), reply)),
                Err(trouble) => return Err(trouble),
            }
        }
        if refused.len() == to.len() {
            // One who may be taken later is enough to try again.
            let later = refused.iter().position(|(_, reply)| reply.code < 500).unwrap_or(0);
            if later < refused.len() {
                let (_, reply) = refused.swap_remove(later);
                return Err(Trouble::Refused { step: RECIPIENT, reply });
            }
        }
        self.ask(CONTENT, "DATA").await?;
        let accepted = self.ask(CONTENT, &format!("{}.", stuffed(message))).await?;
        Ok((accepted, refused))
    }

    /// Ends the talk. Whatever comes of that changes nothing.
    pub(super) async fn quit(mut self) {
        self.ask("end", "QUIT").await.ok();
    }

    /// Says a line, and hears a yes.
    async fn ask(&mut self, step: &'static str, line: &str) -> Result<Reply, Trouble> {
        let write = async {
            self.wire.write_all(line.as_bytes()).await?;
            self.wire.write_all(b"\r\n").await?;
            self.wire.flush().await
        };
        match timeout(self.limit, write).await {
            Ok(written) => written.map_err(|source| Trouble::Wire { step, source })?,
            Err(_) => return Err(late(step, self.limit)),
        }
        self.hear(step).await
    }

    async fn hear(&mut self, step: &'static str) -> Result<Reply, Trouble> {
        match timeout(self.limit, Reply::read(&mut self.wire)).await {
            Ok(Ok(reply)) if reply.is_good() => Ok(reply),
            Ok(Ok(reply)) => Err(Trouble::Refused { step, reply }),
            Ok(Err(source)) => Err(Trouble::Wire { step, source }),
            Err(_) => Err(late(step, self.limit)),
        }
    }
}

fn late(step: &'static str, limit: Duration) -> Trouble {
    let source = io::Error::new(io::ErrorKind::TimedOut, format!("nothing within {limit:?}"));
    Trouble::Wire { step, source }
}

/// A message in which no line is a dot alone, which would end it.
fn stuffed(message: &str) -> String {
    let lines = message.split_inclusive("\r\n");
    lines.map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() }).collect()
}

#[cfg(test)]
#[path = "session_test.rs"]
mod tests;
