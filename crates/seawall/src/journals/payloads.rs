//! What is in an event, as JSON, so that the very bytes can be had back from it.
//!
//! JSON stands as itself where writing it again gives the same bytes; other text stands as text, and the rest in base64.

use serde_json::{Map, Value};

use crate::json::base64;

/// The fields that hold a payload; an object has one of them.
const DATA: &str = "data";
const TEXT: &str = "text";
const BASE64: &str = "base64";

/// The field and the value that stand for a payload.
pub(crate) fn shown(payload: &[u8]) -> (&'static str, Value) {
    let Ok(text) = std::str::from_utf8(payload) else { return (BASE64, base64(payload).into()) };
    let value = serde_json::from_str::<Value>(text).ok();
    let is_same = |value: &Value| serde_json::to_string(value).is_ok_and(|again| again == text);
    value.filter(is_same).map_or_else(|| (TEXT, text.into()), |value| (DATA, value))
}

/// The payload that an object's field stands for.
pub(crate) fn read(object: &Map<String, Value>) -> Option<Vec<u8>> {
    match (object.get(DATA), object.get(TEXT), object.get(BASE64)) {
        (Some(value), None, None) => serde_json::to_vec(value).ok(),
        (None, Some(Value::String(text)), None) => Some(text.clone().into_bytes()),
        (None, None, Some(Value::String(text))) => decoded(text),
        _ => None,
    }
}

/// Standard base64 with padding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let is_whole = text.len().is_multiple_of(4) && text.len() - digits.len() <= 2;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut bits) = (0u32, 0u32);
    for digit in digits.bytes() {
        group = (group << 6 | sextet(digit)?) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((group >> bits) & 0xff).ok()?);
        }
    }
    is_whole.then_some(bytes)
}

fn sextet(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_comes_back_as_it_was() {
        let table: &[(&[u8], &str)] = &[
            (br#"{"b":1,"a":[true,null]}"#, DATA),
            (b"17", DATA),
            (br#"{"a": 1}"#, TEXT),
            (b"12345678901234567890123", TEXT),
            (b"1.10", TEXT),
            (b"text", TEXT),
            (b"", TEXT),
            (b"\xff", BASE64),
            (b"\xff\0", BASE64),
            (b"\xff\0\xfe", BASE64),
            (&[0x80; 100], BASE64),
        ];
        for (payload, field) in table {
            let (name, value) = shown(payload);
            assert_eq!(name, *field, "{payload:?}");
            let line = serde_json::to_string(&Map::from_iter([(name.to_owned(), value)])).unwrap();
            assert_eq!(read(&serde_json::from_str(&line).unwrap()).as_deref(), Some(*payload), "{line}");
        }
    }

    #[test]
    fn what_is_no_base64_is_nothing() {
        for wrong in ["a", "ab", "a===", "a b=", "====", "\u{e4}bc="] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
