//! Protobuf, as far as the call needs it: one message that is written, and a look at those that are passed on.

/// Field 1, with a length.
const TASK_TOKEN: u8 = 1 << 3 | 2;
/// Field 2, with a length.
const EVENTS: u8 = 2 << 3 | 2;

/// `PublishJobEventsRequest { string task_token = 1; repeated JobEvent events = 2; }`
pub(super) fn publish<'a>(token: &str, events: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut message = Vec::new();
    put(&mut message, TASK_TOKEN, token.as_bytes());
    for event in events {
        put(&mut message, EVENTS, event);
    }
    message
}

fn put(message: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    message.push(tag);
    let mut rest = bytes.len() as u64;
    while rest >= 0x80 {
        message.push(low_bits(rest) | 0x80);
        rest >>= 7;
    }
    message.push(low_bits(rest));
    message.extend_from_slice(bytes);
}

fn low_bits(value: u64) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or_default()
}

/// Whether bytes are fields of a message. What is in those fields is for the server to judge.
pub(super) fn is_message(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match after_field(bytes) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    true
}

/// What follows the first field.
fn after_field(bytes: &[u8]) -> Option<&[u8]> {
    let (tag, rest) = varint(bytes)?;
    // Numbers of fields have 29 bits, and none is zero.
    if tag >> 3 == 0 || tag > u64::from(u32::MAX) {
        return None;
    }
    match tag & 7 {
        0 => varint(rest).map(|(_, rest)| rest),
        1 => rest.get(8..),
        2 => {
            let (len, rest) = varint(rest)?;
            rest.get(usize::try_from(len).ok()?..)
        }
        5 => rest.get(4..),
        // Groups are of the language before this one.
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(at).ok()?).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_its_token_and_its_events() {
        let long = [7; 200];
        let message = publish("tok", [&b"\x08\x01\x18\x07"[..], &long].into_iter());
        let head = b"\x0a\x03tok\x12\x04\x08\x01\x18\x07\x12\xc8\x01\x07\x07";
        assert_eq!(&message[..head.len()], head);
        assert_eq!(message.len(), head.len() + 198);
        assert!(is_message(&message));
    }

    #[test]
    fn what_is_no_message_is_seen() {
        for whole in [
            &b""[..],
            b"\x08\x01",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x11abcdefgh",
            b"\x15abcd",
        ] {
            assert!(is_message(whole), "{whole:x?}");
        }
        for torn in [
            &b"\x08"[..],
            b"\x12\x05abcd",
            b"\x00\x01",
            b"hello",
            b"{\"a\":1}",
            b"\x11abc",
            b"\xff",
            b"\x0b\x0c",
        ] {
            assert!(!is_message(torn), "{torn:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            is_message(&bytes);
        }

        #[test]
        fn what_was_written_is_a_message(events in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..9)) {
            prop_assert!(is_message(&publish("t", events.iter().map(Vec::as_slice))));
        }
    }
}
