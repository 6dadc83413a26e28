//! A program that takes JSON, and can tell that it comes from here.
//!
//! The signature covers the time and the body, so that nobody can send an old letter again: `X-Seawall-Signature` is
//! `sha256=` and the HMAC-SHA256, in hexadecimal, of `X-Seawall-Timestamp`, a dot and the body, with the secret as the key.

use aws_lc_rs::hmac;
use formats::UnixTime;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;

use super::{Line, TokenError, hex, id, thread};
use crate::alert::letter::rfc3339;
use crate::alert::{Letter, Secret, Stationery};
use crate::call::{Call, Caller};

/// A program that takes JSON.
pub struct Webhook {
    pub(super) line: Line,
    /// It is large.
    key: Option<Box<hmac::Key>>,
}

const TIMESTAMP: HeaderName = HeaderName::from_static("x-seawall-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-seawall-signature");
const IDEMPOTENCY: HeaderName = HeaderName::from_static("idempotency-key");

impl Webhook {
    /// Sends to that address; signs with the secret, and shows the token, if there are any.
    pub fn new(caller: Caller, secret: Option<&Secret>, token: Option<&Secret>) -> Result<Self, TokenError> {
        let key = |secret: &Secret| hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
        let key = secret.map(key).map(Box::new);
        let line = Line::new(caller).with_token(token)?;
        let line = secret.into_iter().fold(line, Line::hiding);
        Ok(Self { line, key })
    }

    pub(super) fn call(&self, letter: &Letter, paper: &Stationery, now: UnixTime) -> Call {
        let id = id(letter, paper);
        let body = json!({
            "id": id,
            "alert": thread(letter, paper),
            "state": letter.occasion.name(),
            "severity": letter.severity.name(),
            "target": letter.key.target,
            "event": letter.key.topic.name(),
            "message": letter.message,
            "advice": letter.advice,
            "since": rfc3339(letter.since),
            "time": rfc3339(letter.at),
            "source": paper.source,
            "title": paper.title(letter),
            "text": paper.text(letter),
        });
        let mut call = self.line.json(&body);
        let mut put = |name: HeaderName, text: &str| {
            // Numbers and hexadecimal digits fit any header.
            call.headers.extend(HeaderValue::from_str(text).ok().map(|value| (name, value)));
        };
        put(IDEMPOTENCY, &id);
        if let Some(key) = &self.key {
            let time = now.nanos().div_euclid(1_000_000_000).to_string();
            let signed = [time.as_bytes(), b".", &call.body].concat();
            put(TIMESTAMP, &time);
            put(SIGNATURE, &format!("sha256={}", hex(hmac::sign(key, &signed).as_ref())));
        }
        call
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, letter, line, paper};
    use super::*;
    use crate::alert::Occasion;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // RFC 4231, case 2.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        assert_eq!(
            hex(hmac::sign(&key, b"what do ya want for nothing?").as_ref()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_letter_is_signed_with_the_time_at_which_it_leaves() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let webhook = Webhook { line: line("http://a/"), key: Some(Box::new(key.clone())) };
        let call = webhook.call(&letter(Occasion::Firing), &paper(), UnixTime::from_seconds(500));
        assert_eq!(call.headers.get(TIMESTAMP).unwrap(), "500");
        let signature =
            call.headers.get(SIGNATURE).unwrap().to_str().unwrap().strip_prefix("sha256=").unwrap();
        let signed = [b"500.", call.body.as_ref()].concat();
        assert_eq!(signature, hex(hmac::sign(&key, &signed).as_ref()));
        let body = body(&call);
        assert_eq!((&body["state"], &body["since"]), (&json!("firing"), &json!("1970-01-01T00:01:00Z")));
        assert_eq!(call.headers.get(IDEMPOTENCY).unwrap(), body["id"].as_str().unwrap());
    }

    #[test]
    fn without_a_secret_nothing_claims_to_be_signed() {
        let webhook = Webhook { line: line("http://a/"), key: None };
        let call = webhook.call(&letter(Occasion::Firing), &paper(), UnixTime::from_seconds(500));
        assert_eq!(call.headers.get(SIGNATURE), None);
    }
}
