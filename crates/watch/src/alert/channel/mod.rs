//! The ways on which letters leave. Each knows what one kind of receiver wants to be sent.

mod alertmanager;
mod pagerduty;
mod slack;
mod webhook;

use std::fmt;

use formats::UnixTime;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method};
use serde_json::Value;

use crate::alert::verdict::judge;
use crate::alert::{Email, Letter, Occasion, Secret, Secrets, Stationery, Verdict};
use crate::call::{Call, Caller};

pub use alertmanager::Alertmanager;
pub use pagerduty::PagerDuty;
pub use slack::Slack;
pub use webhook::Webhook;

/// How a receiver is told.
pub enum Channel {
    /// A program that takes JSON, signed.
    Webhook(Webhook),
    /// Slack, or whatever takes the same.
    Slack(Slack),
    /// `PagerDuty`'s events.
    PagerDuty(PagerDuty),
    /// Prometheus' Alertmanager.
    Alertmanager(Alertmanager),
    /// Mail.
    Email(Email),
}

impl Channel {
    /// Sends a letter.
    pub async fn send(&self, letter: &Letter, paper: &Stationery, now: UnixTime) -> Verdict {
        match self {
            Channel::Webhook(channel) => channel.line.post(channel.call(letter, paper, now), now).await,
            Channel::Slack(channel) => channel.line.post(channel.call(letter, paper), now).await,
            Channel::PagerDuty(channel) => {
                let verdict = channel.line.post(channel.call(letter, paper), now).await;
                // An incident that only a test has opened is closed at once.
                match (&verdict, letter.occasion) {
                    (Verdict::Delivered { .. }, Occasion::Test) => {
                        let end = Letter { occasion: Occasion::Resolved, ..letter.clone() };
                        channel.line.post(channel.call(&end, paper), now).await
                    }
                    _ => verdict,
                }
            }
            Channel::Alertmanager(channel) => channel.line.post(channel.call(letter, paper, now), now).await,
            Channel::Email(channel) => channel.send(letter, paper).await,
        }
    }

    /// The word in configurations.
    pub const fn kind(&self) -> &'static str {
        match self {
            Channel::Webhook(_) => "webhook",
            Channel::Slack(_) => "slack",
            Channel::PagerDuty(_) => "pagerduty",
            Channel::Alertmanager(_) => "alertmanager",
            Channel::Email(_) => "email",
        }
    }

    /// Where letters go, without anything that is secret.
    pub fn place(&self) -> String {
        match self {
            Channel::Webhook(channel) => channel.line.caller.url().to_string(),
            Channel::Slack(channel) => channel.line.caller.url().to_string(),
            Channel::PagerDuty(channel) => channel.line.caller.url().to_string(),
            Channel::Alertmanager(channel) => channel.line.caller.url().to_string(),
            Channel::Email(channel) => channel.place(),
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channel").field(&self.kind()).field(&self.place()).finish()
    }
}

/// A way to an HTTP API, and what must not be read about it.
pub(crate) struct Line {
    caller: Caller,
    token: Option<HeaderValue>,
    secrets: Secrets,
}

/// A token that no header can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token has visible ASCII letters only")]
pub struct TokenError;

impl Line {
    pub(crate) fn new(caller: Caller) -> Self {
        let mut secrets = Secrets::default();
        secrets.add_target(caller.url().target());
        Self { caller, token: None, secrets }
    }

    /// The same with a bearer token.
    pub(crate) fn with_token(mut self, token: Option<&Secret>) -> Result<Self, TokenError> {
        if let Some(token) = token {
            self.secrets.add(token.reveal());
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", token.reveal())).map_err(|_| TokenError)?;
            value.set_sensitive(true);
            self.token = Some(value);
        }
        Ok(self)
    }

    /// The same with something else that must not be read.
    pub(crate) fn hiding(mut self, secret: &Secret) -> Self {
        self.secrets.add(secret.reveal());
        self
    }

    async fn post(&self, call: Call, now: UnixTime) -> Verdict {
        judge(self.caller.call(call).await, &self.secrets, now)
    }

    /// A call with a body of JSON.
    fn json(&self, body: &Value) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("seawall/", env!("CARGO_PKG_VERSION"))));
        headers.extend(self.token.clone().map(|token| (AUTHORIZATION, token)));
        Call { method: Method::POST, headers, body: Bytes::from(body.to_string()) }
    }
}

/// What tells letters apart: the same for each attempt to deliver one.
pub(crate) fn id(letter: &Letter, paper: &Stationery) -> String {
    let parts = [
        paper.source.as_str(),
        &letter.key.target,
        letter.key.topic.name(),
        letter.occasion.name(),
        letter.severity.name(),
        &letter.at.nanos().to_string(),
    ];
    short_hash(&parts)
}

/// What tells troubles apart: the same for all letters about one.
pub(crate) fn thread(letter: &Letter, paper: &Stationery) -> String {
    let since = letter.since.nanos().to_string();
    short_hash(&[paper.source.as_str(), &letter.key.target, letter.key.topic.name(), &since])
}

fn short_hash(parts: &[&str]) -> String {
    // No part can hold the byte that stands between them.
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, parts.join("\0").as_bytes());
    hex(digest.as_ref().get(..16).unwrap_or_default())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Severity;
    use crate::alert::{Key, Topic};
    use crate::call::Roots;
    use std::time::Duration;

    pub(crate) fn line(url: &str) -> Line {
        let roots = Roots::default();
        Line::new(Caller::new(url.parse().unwrap(), &roots, Duration::from_secs(1)).unwrap())
    }

    pub(crate) fn paper() -> Stationery {
        Stationery {
            source: "host".to_owned(),
            title: "[{severity}] {target} {state}".parse().unwrap(),
            text: "{message}".parse().unwrap(),
        }
    }

    pub(crate) fn letter(occasion: Occasion) -> Letter {
        Letter {
            key: Key { target: "db".to_owned(), topic: Topic::Health },
            occasion,
            severity: Severity::Critical,
            message: "5 GiB & growing".to_owned(),
            advice: Some("look at it".to_owned()),
            since: UnixTime::from_seconds(60),
            at: UnixTime::from_seconds(120),
        }
    }

    pub(crate) fn body(call: &Call) -> Value {
        serde_json::from_slice(&call.body).unwrap()
    }

    #[test]
    fn an_id_is_the_same_for_each_attempt_and_another_for_each_letter() {
        let firing = letter(Occasion::Firing);
        assert_eq!(id(&firing, &paper()), id(&firing.clone(), &paper()));
        assert_ne!(id(&firing, &paper()), id(&letter(Occasion::Resolved), &paper()));
        assert_eq!(thread(&firing, &paper()), thread(&letter(Occasion::Resolved), &paper()));
        let later = Letter { since: UnixTime::from_seconds(61), ..firing.clone() };
        assert_ne!(thread(&firing, &paper()), thread(&later, &paper()));
    }
}
