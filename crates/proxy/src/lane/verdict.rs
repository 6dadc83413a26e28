//! What an answer means for a write: a pure function of the answer and of who waits for it.

use http::StatusCode;

use crate::dialect::Before;

/// Attempts at a write that a server answers with an error of its own, before it is parked.
const TRIES: u32 = 5;

/// How a write was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Its client waits, and nobody has decided.
    Asked,
    /// It is decided, and was sent so many times before.
    Repeated(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is applied.
    Accepted,
    /// It is not, the client is told so, and no other server gets it.
    Refused,
    /// The server is not there.
    Absent,
    /// The server wants it later.
    Later,
    /// It is put aside.
    Parked(String),
}

pub(crate) fn judge(sending: Sending, status: StatusCode, before: Before) -> Verdict {
    match status {
        // 307 and 308 ask to do it elsewhere, so it is not done; the others point to what was made.
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => not_applied(sending, status),
        _ if status.is_success() || status.is_redirection() || status.is_informational() => Verdict::Accepted,
        _ if crate::upstream::says_absent(status) => Verdict::Absent,
        _ if before == Before::Applied && sending != Sending::Asked => Verdict::Accepted,
        _ => not_applied(sending, status),
    }
}

fn not_applied(sending: Sending, status: StatusCode) -> Verdict {
    let is_passing = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    match sending {
        Sending::Asked => Verdict::Refused,
        Sending::Repeated(_) if is_passing => Verdict::Later,
        Sending::Repeated(tries) if status.is_server_error() && tries + 1 < TRIES => Verdict::Later,
        Sending::Repeated(_) => Verdict::Parked(format!("the server answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(sending: Sending, status: u16) -> Verdict {
        judge(sending, StatusCode::from_u16(status).unwrap(), Before::No)
    }

    #[test]
    fn an_answer_to_a_waiting_client_is_its_answer() {
        for status in [200, 201, 204, 302, 303] {
            assert_eq!(verdict(Sending::Asked, status), Verdict::Accepted, "{status}");
        }
        for status in [307, 308, 400, 404, 409, 413, 422, 429, 500, 501] {
            assert_eq!(verdict(Sending::Asked, status), Verdict::Refused, "{status}");
        }
    }

    #[test]
    fn a_gateway_that_finds_nobody_says_that_the_server_is_absent() {
        for status in [502, 503, 504] {
            assert_eq!(verdict(Sending::Asked, status), Verdict::Absent);
            assert_eq!(verdict(Sending::Repeated(9), status), Verdict::Absent);
        }
    }

    #[test]
    fn what_is_repeated_and_refused_is_parked() {
        for status in [400, 404, 409, 422] {
            assert!(matches!(verdict(Sending::Repeated(0), status), Verdict::Parked(_)), "{status}");
        }
        assert_eq!(verdict(Sending::Repeated(0), 429), Verdict::Later);
        assert_eq!(verdict(Sending::Repeated(3), 500), Verdict::Later);
        assert!(matches!(verdict(Sending::Repeated(4), 500), Verdict::Parked(_)));
    }

    #[test]
    fn what_had_been_applied_counts_as_applied_when_it_is_repeated() {
        let conflict = StatusCode::CONFLICT;
        assert_eq!(judge(Sending::Repeated(0), conflict, Before::Applied), Verdict::Accepted);
        assert_eq!(judge(Sending::Asked, conflict, Before::Applied), Verdict::Refused);
    }
}
