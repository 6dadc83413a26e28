//! Envelopes of the Connect protocol's streams, and the error at the end of one.
//!
//! A stream is a sequence of envelopes: a byte of flags, the length as four bytes with the most significant first, and so
//! many bytes. Flag 1 says that they are compressed, which nothing here asks for. Flag 2 says that it is the last one:
//! JSON with an `error`, or without one.

use serde::Deserialize;

use crate::Answer;
use crate::client::said;

const COMPRESSED: u8 = 1;
const LAST: u8 = 2;

/// The end of a stream.
#[derive(Deserialize)]
struct End {
    error: Option<ConnectError>,
}

/// Why the server did not do it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct ConnectError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// A message in its envelope.
pub(super) fn message(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let len = u32::try_from(bytes.len())
        .map_err(|_| format!("{} bytes are too many for a message", bytes.len()))?;
    let mut envelope = Vec::with_capacity(bytes.len() + 5);
    envelope.push(0);
    // Most significant first: the network's order, unlike everything on our disks.
    envelope.extend((0..4).rev().map(|at| u8::try_from(len >> (8 * at) & 0xff).unwrap_or_default()));
    envelope.extend_from_slice(bytes);
    Ok(envelope)
}

/// The error at the end of a stream, or that there is none; or why it is no whole stream.
pub(super) fn ending(mut stream: &[u8]) -> Result<Option<ConnectError>, String> {
    loop {
        let Some((head, rest)) = stream.split_at_checked(5) else {
            return Err("it ends before its last envelope".to_owned());
        };
        let (flags, len) = head.split_first().unwrap_or((&0, &[]));
        let len = len.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
        let Some((content, rest)) = rest.split_at_checked(len) else {
            return Err(format!("an envelope says that it has {len} bytes, and has fewer"));
        };
        if flags & COMPRESSED != 0 {
            return Err("an envelope is compressed, which was not asked for".to_owned());
        }
        if flags & LAST == 0 {
            stream = rest;
            continue;
        }
        if !rest.is_empty() {
            return Err("something follows its last envelope".to_owned());
        }
        let end: End =
            serde_json::from_slice(content).map_err(|error| format!("its end is no JSON: {error}"))?;
        return Ok(end.error);
    }
}

impl ConnectError {
    /// The answer that it is, in statuses of HTTP as the protocol lists them.
    ///
    /// This server says `invalid_argument` whatever went wrong, also when its database is gone, and `internal` of what it
    /// cannot read. So only what it says of an event itself refuses events.
    pub(super) fn answer(self) -> Answer {
        let blames_an_event =
            ["exceeds limit", "unmarshal", "marshal event"].iter().any(|word| self.message.contains(word));
        let status = match self.code.as_str() {
            _ if blames_an_event => 400,
            "failed_precondition" | "out_of_range" => 400,
            "unauthenticated" => 401,
            "permission_denied" => 403,
            "not_found" | "unimplemented" => 404,
            "already_exists" => 409,
            "resource_exhausted" => 429,
            "unavailable" => 503,
            "deadline_exceeded" => 504,
            _ => 500,
        };
        let said = said(format!("{} {}", self.code, self.message).as_bytes());
        Answer::Status { status, retry_after: None, said }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stream_that_ends_without_an_error_was_taken() {
        assert_eq!(ending(b"\0\0\0\0\0\x02\0\0\0\x02{}"), Ok(None));
        assert_eq!(ending(b"\x02\0\0\0\x0f{\"metadata\":{}}"), Ok(None));
    }

    #[test]
    fn a_stream_that_does_not_end_says_nothing() {
        for torn in [
            &b""[..],
            b"\0\0\0\0\0",
            b"\x02\0\0\0\x02{",
            b"\x03\0\0\0\x02{}",
            b"\x02\0\0\0\x02{}x",
            b"\x02\0\0\0\0",
        ] {
            assert!(ending(torn).is_err(), "{torn:x?}");
        }
    }

    #[test]
    fn only_an_error_about_an_event_refuses_events() {
        let status = |json: &str| {
            let mut stream = b"\x02\0\0\0".to_vec();
            stream.push(u8::try_from(json.len()).unwrap());
            stream.extend(json.as_bytes());
            match ending(&stream).unwrap().unwrap().answer() {
                Answer::Status { status, .. } => status,
                other => panic!("{other:?}"),
            }
        };
        for (json, wanted) in [
            (r#"{"error":{"code":"invalid_argument","message":"job not found"}}"#, 500),
            (
                r#"{"error":{"code":"invalid_argument","message":"event size=358500 exceeds limit=358400"}}"#,
                400,
            ),
            (r#"{"error":{"code":"internal","message":"invalid_argument: unmarshal message: x"}}"#, 400),
            (r#"{"error":{"code":"unauthenticated"}}"#, 401),
            (r#"{"error":{"code":"unavailable","message":"x"}}"#, 503),
            (r#"{"error":{"code":"resource_exhausted"}}"#, 429),
            (r#"{"error":{}}"#, 500),
        ] {
            assert_eq!(status(json), wanted, "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            ending(&bytes).ok();
        }
    }

    #[test]
    fn an_envelope_says_how_long_it_is() {
        assert_eq!(message(b"ab").unwrap(), b"\0\0\0\0\x02ab");
        assert_eq!(message(&[0; 258]).unwrap()[..5], *b"\0\0\0\x01\x02");
    }
}
