//! What an answer means for a batch: a pure function of the answer and the present.

use std::time::Duration;

use journal::Millis;

use crate::Answer;

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server has all of it.
    Delivered,
    /// It is to be sent again.
    Retry {
        /// Not before so long; nothing if the server did not say.
        after: Option<Duration>,
        /// Whose fault it seems to be.
        fault: Fault,
        /// Why, in words.
        reason: String,
    },
    /// The server will never take it as it is.
    Refused {
        /// Why, in words.
        reason: String,
    },
}

/// Whose fault a failure seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server is not there, or has too much to do: every stream waits, and the batch is not blamed.
    Server,
    /// It may be the batch: others go on, and the attempt counts.
    Batch,
}

/// Judges an answer.
///
/// A status that says that the address or the credentials are wrong is no refusal of the events: parking all of them
/// would punish them for a mistake in a configuration.
pub fn judge(answer: &Answer, now: Millis) -> Verdict {
    let retry = |fault, after, reason: &str| Verdict::Retry { after, fault, reason: reason.to_owned() };
    match answer {
        Answer::Taken => Verdict::Delivered,
        Answer::Absent(cause) => retry(Fault::Server, None, cause),
        Answer::Silent(cause) => retry(Fault::Batch, None, cause),
        Answer::Unfit(cause) => Verdict::Refused { reason: cause.clone() },
        Answer::Status { status, retry_after, said } => {
            let after = retry_after.map(|after| after.from(now));
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            let reason = format!("the server answered {status}{said}");
            match status {
                429 | 503 => retry(Fault::Server, after, &reason),
                // A request with the same key is not finished, as that of a client that was killed.
                409 if after.is_some() => retry(Fault::Batch, after, &reason),
                401 | 403 | 404 | 405 | 407 | 408 | 425 => retry(Fault::Batch, after, &reason),
                400..=499 => Verdict::Refused { reason },
                _ => retry(Fault::Batch, after, &reason),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RetryAfter;

    fn of(status: u16) -> Verdict {
        judge(&Answer::Status { status, retry_after: None, said: String::new() }, Millis::new(0))
    }

    fn fault(verdict: &Verdict) -> Option<Fault> {
        match verdict {
            Verdict::Retry { fault, .. } => Some(*fault),
            _ => None,
        }
    }

    #[test]
    fn only_what_the_server_says_that_it_has_is_delivered() {
        assert_eq!(judge(&Answer::Taken, Millis::new(0)), Verdict::Delivered);
        for status in [100, 302, 304, 500, 599] {
            assert_ne!(of(status), Verdict::Delivered, "{status}");
        }
    }

    #[test]
    fn an_answer_that_blames_the_events_refuses_them() {
        for status in [400, 402, 406, 409, 410, 411, 413, 414, 415, 422, 431, 451, 499] {
            assert!(matches!(of(status), Verdict::Refused { .. }), "{status}");
        }
    }

    #[test]
    fn an_address_or_credentials_that_are_wrong_refuse_nothing() {
        for status in [401, 403, 404, 405, 407] {
            assert_eq!(fault(&of(status)), Some(Fault::Batch), "{status}");
        }
    }

    #[test]
    fn a_server_that_is_gone_or_busy_holds_all_streams_and_blames_no_batch() {
        for status in [429, 503] {
            assert_eq!(fault(&of(status)), Some(Fault::Server), "{status}");
        }
        assert_eq!(fault(&judge(&Answer::Absent(String::new()), Millis::new(0))), Some(Fault::Server));
        for status in [408, 425, 500, 501, 502, 504, 301] {
            assert_eq!(fault(&of(status)), Some(Fault::Batch), "{status}");
        }
    }

    #[test]
    fn a_server_says_when_it_wants_to_be_asked_again() {
        let retry_after = Some(RetryAfter::In(Duration::from_secs(9)));
        let answer = Answer::Status { status: 429, retry_after, said: "slow".to_owned() };
        let reason = "the server answered 429: slow".to_owned();
        let after = Some(Duration::from_secs(9));
        let conflict = Answer::Status { status: 409, retry_after, said: String::new() };
        assert_eq!(fault(&judge(&conflict, Millis::new(0))), Some(Fault::Batch), "it goes by");
        assert_eq!(judge(&answer, Millis::new(0)), Verdict::Retry { after, fault: Fault::Server, reason });
    }
}
