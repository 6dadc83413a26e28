//! A write as it lies in the journal: the bytes of an event, and back.
//!
//! ```text
//! version   1 byte: 1
//! lane      what the dialect called the lane
//! method    as it was sent
//! target    the path and the query
//! headers   their count as u16, then for each its name and its value
//! body      the rest
//! ```
//!
//! The lane, the method and the target, and each name and value of a header, are a length as u32 and so many bytes.
//! Numbers are little-endian. The journal's frame has the checksum.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::call::{Call, Head};
use crate::dialect::LaneKey;

const VERSION: u8 = 1;

/// A write, and the lane that it was written in.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The lane.
    pub lane: LaneKey,
    /// The write.
    pub call: Call,
}

/// Bytes that are no write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// Another program wrote it, or a newer one.
    #[error("it has version {0}, and this program knows {VERSION}")]
    Version(u8),
    /// Bytes are missing.
    #[error("it ends too early")]
    Short,
    /// A part of it cannot be.
    #[error("its {0} is none")]
    Part(&'static str),
}

impl Entry {
    /// Bytes that come before the body.
    pub(crate) fn front_bytes(lane: &str, head: &Head) -> usize {
        let headers: usize =
            head.headers.iter().map(|(name, value)| 8 + name.as_str().len() + value.len()).sum();
        15 + lane.len() + head.method.as_str().len() + head.target.as_str().len() + headers
    }

    /// What comes before the body.
    pub(crate) fn front(lane: &LaneKey, head: &Head) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::front_bytes(lane.as_str(), head));
        out.push(VERSION);
        put(&mut out, lane.as_str().as_bytes());
        put(&mut out, head.method.as_str().as_bytes());
        put(&mut out, head.target.as_str().as_bytes());
        // A head has at most some hundred headers: the listener refuses more.
        let count = u16::try_from(head.headers.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&bytes_of_u16(count));
        for (name, value) in head.headers.iter().take(usize::from(count)) {
            put(&mut out, name.as_str().as_bytes());
            put(&mut out, value.as_bytes());
        }
        out
    }

    /// The bytes of it.
    pub fn encode(&self) -> Vec<u8> {
        let Call { head, body } = &self.call;
        [&Self::front(&self.lane, head)[..], body].concat()
    }

    /// Reads the bytes of one.
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, BadEntry> {
        let mut rest = bytes.into();
        match take(&mut rest, 1)?.first() {
            Some(&VERSION) => {}
            other => return Err(BadEntry::Version(other.copied().unwrap_or(0))),
        }
        let lane = String::from_utf8(part(&mut rest)?.to_vec()).map_err(|_| BadEntry::Part("lane"))?;
        let method = Method::from_bytes(&part(&mut rest)?).map_err(|_| BadEntry::Part("method"))?;
        let written = part(&mut rest)?;
        // Whoever parses one drops a fragment, and an empty one is taken for another.
        let target = PathAndQuery::from_maybe_shared(written.clone());
        let target = target.ok().filter(|target| target.as_str().as_bytes() == written);
        let target = target.ok_or(BadEntry::Part("target"))?;
        let mut headers = HeaderMap::new();
        for _ in 0..u16_of(&take(&mut rest, 2)?) {
            let name =
                HeaderName::from_bytes(&part(&mut rest)?).map_err(|_| BadEntry::Part("header's name"))?;
            let value = HeaderValue::from_maybe_shared(part(&mut rest)?);
            let value = value.map_err(|_| BadEntry::Part("header's value"))?;
            headers.try_append(name, value).map_err(|_| BadEntry::Part("list of headers"))?;
        }
        let head = Head { method, target, headers };
        Ok(Self { lane: LaneKey::new(lane), call: Call { head, body: rest } })
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    // Heads and bodies are limited to far less than 4 GiB.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&bytes_of_u32(length));
    out.extend_from_slice(bytes);
}

fn take(rest: &mut Bytes, count: usize) -> Result<Bytes, BadEntry> {
    if rest.len() < count {
        return Err(BadEntry::Short);
    }
    Ok(rest.split_to(count))
}

fn part(rest: &mut Bytes) -> Result<Bytes, BadEntry> {
    let length = u32_of(&take(rest, 4)?);
    take(rest, usize::try_from(length).unwrap_or(usize::MAX))
}

#[expect(clippy::little_endian_bytes, reason = "the format's only place that writes numbers")]
fn bytes_of_u32(number: u32) -> [u8; 4] {
    number.to_le_bytes()
}

#[expect(clippy::little_endian_bytes, reason = "the format's only place that writes numbers")]
fn bytes_of_u16(number: u16) -> [u8; 2] {
    number.to_le_bytes()
}

fn u32_of(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn u16_of(bytes: &[u8]) -> u16 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u16::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> Entry {
        let mut headers = HeaderMap::new();
        headers.append("a", HeaderValue::from_static("1"));
        headers.append("a", HeaderValue::from_bytes(b"\xff").unwrap());
        let head = Head { method: Method::PUT, target: "/x?y=%20".parse().unwrap(), headers };
        Entry { lane: LaneKey::new("/x"), call: Call { head, body: Bytes::from_static(b"hi") } }
    }

    const GOLDEN: &[u8] = b"\x01\x02\0\0\0/x\x03\0\0\0PUT\x08\0\0\0/x?y=%20\x02\0\
        \x01\0\0\0a\x01\0\0\x001\x01\0\0\0a\x01\0\0\0\xffhi";

    #[test]
    fn an_entry_has_these_bytes() {
        assert_eq!(entry().encode(), GOLDEN);
        assert_eq!(Entry::front_bytes("/x", &entry().call.head) + 2, GOLDEN.len());
    }

    #[test]
    fn an_entry_is_read_back_as_it_was() {
        let back = Entry::decode(GOLDEN.to_vec()).unwrap();
        assert_eq!(back.lane, LaneKey::new("/x"));
        assert_eq!(back.call.head.method, Method::PUT);
        assert_eq!(back.call.head.target, "/x?y=%20");
        assert_eq!(back.call.head.headers, entry().call.head.headers);
        assert_eq!(back.call.body, "hi");
    }

    #[test]
    fn an_entry_that_is_cut_short_is_refused_up_to_its_body() {
        for length in 0..GOLDEN.len() - 2 {
            let error = Entry::decode(GOLDEN[..length].to_vec()).unwrap_err();
            assert!(matches!(error, BadEntry::Short | BadEntry::Version(0)), "{length}: {error}");
        }
    }

    #[test]
    fn a_target_that_would_be_read_as_another_is_none() {
        for target in [&b"/x?#=%20"[..], b"#"] {
            let (before, behind) = GOLDEN.split_at(14);
            let length = [u8::try_from(target.len()).unwrap(), 0, 0, 0];
            let bytes = [before, &length, target, &behind[12..]].concat();
            assert_eq!(Entry::decode(bytes).unwrap_err(), BadEntry::Part("target"), "{target:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..60) {
            drop(Entry::decode(bytes.clone()));
            let mut bent = GOLDEN.to_vec();
            bent.splice(at.min(GOLDEN.len()).., bytes);
            drop(Entry::decode(bent));
        }
    }
}
