//! Files that lie in memory, read as if each were the newest of its kind in a log.

use std::path::PathBuf;

use super::feed::Feed;
use super::layout::{Content, Layout, Tail};
use super::{Dialect, Framed, PrometheusLog, head_chunks, loki, read_feed, snapshot, sweep, values_of};
use crate::{Depth, Malformed, Order, Part, Record, Role, Survey, UnixTime, Visit};

/// Streams a segment.
pub fn read_segment(bytes: &[u8], visit: &mut Visit<'_>) {
    read_framed(bytes, Tail::MayBeTorn, values_of, visit);
}

/// Streams a segment of Loki.
pub fn read_loki_segment(bytes: &[u8], visit: &mut Visit<'_>) {
    read_framed(bytes, Tail::MayBeTorn, loki::record, visit);
}

/// Streams a segment of a snapshot of the head.
pub fn read_snapshot_segment(bytes: &[u8], visit: &mut Visit<'_>) {
    read_framed(bytes, Tail::MustBeWhole, snapshot::record, visit);
}

/// Streams a file of `chunks_head`.
pub fn read_head_chunks(bytes: &[u8], visit: &mut Visit<'_>) {
    let part = part(bytes, Role::HeadChunks);
    // Reading from memory does not fail.
    head_chunks::read_bytes(bytes, &part, Tail::MayBeTorn, visit).unwrap_or(());
}

/// Adds a segment up as a survey does, which takes another way than [`read_segment`] and must find the same.
pub fn survey_segment(bytes: &[u8]) -> Survey {
    let layout = Layout {
        parts: vec![part(bytes, Role::Live)],
        contents: [(String::new(), Content::Records(Tail::MayBeTorn))].into(),
        ..Layout::default()
    };
    let log = PrometheusLog { layout, dialect: Dialect::Prometheus };
    let order = Order::new(Depth::Contents { top: 10 }, UnixTime::from_seconds(0));
    sweep::survey_feed(&log, &order, Feed::new(bytes, bytes.len() as u64))
}

fn read_framed(
    bytes: &[u8],
    tail: Tail,
    decode: fn(&[u8]) -> Result<Record, Malformed>,
    visit: &mut Visit<'_>,
) {
    let feed = Feed::new(bytes, bytes.len() as u64);
    let part = part(bytes, Role::Live);
    let order = Order::new(Depth::Bytes, UnixTime::from_seconds(0));
    // Reading from memory does not fail.
    read_feed(feed, &Framed { part: &part, tail, decode }, &order, visit).unwrap_or(());
}

fn part(bytes: &[u8], role: Role) -> Part {
    Part { name: String::new(), path: PathBuf::new(), role, bytes: bytes.len() as u64, modified: None }
}
