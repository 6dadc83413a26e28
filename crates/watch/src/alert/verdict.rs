//! What an answer means for a letter.

use std::io;
use std::time::Duration;

use formats::UnixTime;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::alert::Secrets;
use crate::call::Reply;

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Delivered {
        /// What was said to it.
        said: String,
    },
    /// It may be taken later.
    Retry {
        /// Not before so long, if the receiver said so.
        after: Option<Duration>,
        /// Why it was not taken.
        reason: String,
    },
    /// It will never be taken as it is.
    Refused {
        /// Why.
        reason: String,
    },
}

/// Judges the answer of an HTTP API.
///
/// A status that says that the address or the credentials are wrong is no refusal of the letter: somebody may set that
/// right, and reload.
pub(crate) fn judge(reply: io::Result<Reply>, secrets: &Secrets, now: UnixTime) -> Verdict {
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return Verdict::Retry { after: None, reason: secrets.scrub(&error.to_string()) },
    };
    let status = reply.status;
    let said = secrets.scrub(&String::from_utf8_lossy(&reply.body.unwrap_or_default()));
    let answered = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
    let after = reply.retry_after.as_deref().and_then(|text| seconds(text, now));
    match status.as_u16() {
        200..=299 => Verdict::Delivered { said: answered },
        300..=399 => {
            let reason = format!("answered {status}: it has moved, and redirects are not followed");
            Verdict::Retry { after, reason }
        }
        401 | 403 | 404 | 405 | 407 | 408 | 425 | 429 | 500.. => {
            Verdict::Retry { after, reason: format!("answered {answered}") }
        }
        _ => Verdict::Refused { reason: format!("answered {answered}") },
    }
}

/// A number of seconds, or a date.
fn seconds(text: &str, now: UnixTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    let left = i128::from(at.as_second()) - now.nanos().div_euclid(1_000_000_000);
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(784_111_700);

    fn of(status: u16, retry_after: Option<&str>) -> Verdict {
        let status = StatusCode::from_u16(status).unwrap();
        let retry_after = retry_after.map(str::to_owned);
        judge(Ok(Reply { status, retry_after, body: Some("why".into()) }), &Secrets::default(), NOW)
    }

    #[test]
    fn only_a_status_of_success_is_a_delivery() {
        for status in 100..=599 {
            let is_delivered = matches!(of(status, None), Verdict::Delivered { .. });
            assert_eq!(is_delivered, (200..300).contains(&status), "{status}");
        }
    }

    #[test]
    fn a_letter_is_refused_where_trying_again_cannot_help() {
        for status in [400, 406, 410, 413, 415, 422] {
            assert!(matches!(of(status, None), Verdict::Refused { .. }), "{status}");
        }
        for status in [301, 401, 403, 404, 408, 429, 500, 502, 503, 504] {
            assert!(matches!(of(status, None), Verdict::Retry { .. }), "{status}");
        }
    }

    #[test]
    fn a_receiver_says_when_it_wants_to_be_asked_again() {
        let after = |text| match of(429, Some(text)) {
            Verdict::Retry { after, .. } => after,
            other => panic!("{other:?}"),
        };
        assert_eq!(after("30"), Some(Duration::from_secs(30)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(77)));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }
}
