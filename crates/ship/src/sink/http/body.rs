//! Bodies of the sink `http`: events as JSON, whatever is in them.
//!
//! What is JSON itself stands under `data` as it was written; anything else stands under `data_base64`.

use jiff::Timestamp;
use journal::{Event, Millis, Seq};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Batch;

/// One event.
#[derive(Serialize)]
struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    seq: u64,
    key: String,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
}

#[derive(Serialize)]
struct Whole<'a> {
    stream: &'a str,
    events: Vec<Item<'a>>,
}

/// `{"stream":...,"events":[{"seq":...,"key":...,"time":...,"data":...}]}`
pub(super) fn object(batch: &Batch) -> Vec<u8> {
    let items = batch.events.iter().map(|event| item(batch, event, None)).collect();
    write(&Whole { stream: &batch.stream, events: items })
}

/// A line for each event, with its stream.
pub(super) fn lines(batch: &Batch) -> Vec<u8> {
    let mut body = Vec::new();
    for event in &batch.events {
        let mut line = write(&item(batch, event, Some(&batch.stream)));
        // A line end can only be white space between the words of what was JSON already.
        line.iter_mut().filter(|byte| matches!(**byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        line.push(b'\n');
        body.append(&mut line);
    }
    body
}

/// A time as RFC 3339 has it, in UTC.
pub(super) fn time(time: Millis) -> String {
    let known = Timestamp::from_millisecond(time.get());
    // The clock of a journal may be anything; what is no time stands as the beginning of all.
    known.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn item<'a>(batch: &Batch, event: &'a Event, stream: Option<&'a str>) -> Item<'a> {
    let Event { seq, time: at, payload } = event;
    let data = serde_json::from_slice::<&RawValue>(payload).ok();
    let data_base64 = data.is_none().then(|| base64(payload));
    Item { stream, seq: Seq::get(*seq), key: batch.key_of(*seq), time: time(*at), data, data_base64 }
}

fn write(value: &impl Serialize) -> Vec<u8> {
    // Numbers, text and what is JSON already can always be written.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4_usize {
            let index = (group >> (18 - 6 * digit)) & 63;
            let known = DIGITS.get(index as usize).filter(|_| digit <= chunk.len());
            text.push(known.map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::Origin;

    fn batch(payloads: &[&[u8]]) -> Batch {
        let events = payloads.iter().zip(7..).map(|(payload, seq)| Event {
            seq: Seq::new(seq),
            time: Millis::new(1_700_000_000_123),
            payload: payload.to_vec(),
        });
        Batch { origin: Origin::named("o-1"), stream: "a \"job\"".into(), events: events.collect() }
    }

    #[test]
    fn a_batch_is_one_object_with_keys_and_times() {
        let text = String::from_utf8(object(&batch(&[b"{\"a\": 1.0}", b"\xff"]))).unwrap();
        assert_eq!(
            text,
            "{\"stream\":\"a \\\"job\\\"\",\"events\":[\
             {\"seq\":7,\"key\":\"o-1-7\",\"time\":\"2023-11-14T22:13:20.123Z\",\"data\":{\"a\": 1.0}},\
             {\"seq\":8,\"key\":\"o-1-8\",\"time\":\"2023-11-14T22:13:20.123Z\",\"data_base64\":\"/w==\"}]}"
        );
    }

    #[test]
    fn whatever_is_in_an_event_is_one_line_of_json() {
        let hostile: &[&[u8]] =
            &[b"{\n\"a\":\r\n1}", b"text\nmore", b"", b"1 2", b"\"\\n\"", &b"[".repeat(4000), b"null"];
        let text = String::from_utf8(lines(&batch(hostile))).unwrap();
        let parsed: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(parsed.len(), hostile.len());
        assert_eq!(parsed[0]["data"]["a"], 1);
        assert_eq!(parsed[1]["data_base64"], "dGV4dAptb3Jl");
        assert_eq!(parsed[2]["data_base64"], "");
        assert_eq!(parsed[4]["data"], "\n");
        assert!(parsed[5]["data_base64"].is_string() && parsed[6]["data"].is_null());
        assert!(parsed.iter().all(|line| line["stream"] == "a \"job\""));
    }

    #[test]
    fn base64_is_what_everybody_writes() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
