//! The format, pinned: these bytes are what version 1 looks like. If they have to change, the version has to.

use std::fmt::Write as _;

use super::{DirectoryHeader, Entry, Head, Identity, Place, Record, SegmentHeader, Settling};
use super::{put_entry, put_frame, put_places};
use crate::{ConsumerNumber, JournalId, Lsn, Millis, SegmentId, Seq, Span, StreamNumber};

const JOURNAL: JournalId = JournalId::new(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
const TIME: Millis = Millis::new(1_704_067_200_000);

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(16) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text
}

fn frame(lsn: u64, record: &Record<'_>) -> Vec<u8> {
    let identity = Identity::new(JOURNAL, SegmentId::new(2));
    let head = Head {
        kind: record.kind(),
        behind: 3,
        lsn: Lsn::new(lsn),
        time: TIME,
        stream: record.stream(),
        seq: record.seq(),
    };
    let mut payload = Vec::new();
    record.put_payload(&mut payload);
    let mut out = Vec::new();
    put_frame(&mut out, &identity, 4096, &head, &payload);
    out
}

#[test]
fn the_header_of_the_directory_is_as_it_was() {
    let bytes = DirectoryHeader { journal: JOURNAL, made: TIME }.encode();
    assert_eq!(hex(&bytes), DIRECTORY);
}

#[test]
fn the_header_of_a_segment_is_as_it_was() {
    let header = SegmentHeader {
        journal: JOURNAL,
        segment: SegmentId::new(2),
        first: Lsn::new(77),
        made: TIME,
        size: 64 << 20,
    };
    let bytes = header.encode();
    assert_eq!((bytes.len(), hex(&bytes[..80]).as_str()), (4096, SEGMENT));
}

#[test]
fn an_event_is_as_it_was() {
    let record = Record::Event { stream: StreamNumber::new(5), seq: Seq::new(9), payload: b"hello" };
    assert_eq!(hex(&frame(80, &record)), EVENT);
}

#[test]
fn a_settlement_is_as_it_was() {
    let record = Record::Settled {
        stream: StreamNumber::new(5),
        consumer: ConsumerNumber::new(1),
        settling: Settling::Parked("no"),
        spans: vec![Span::one(Seq::new(3)), Span::new(Seq::new(7), Seq::new(8)).unwrap()],
    };
    assert_eq!(hex(&frame(81, &record)), SETTLEMENT);
}

#[test]
fn a_registration_is_as_it_was() {
    let consumer = ConsumerNumber::new(1);
    let record = Record::Registered { consumer, start: super::Start::Newest, prefix: "a/", name: "ship" };
    assert_eq!(hex(&frame(82, &record)), REGISTRATION);
}

#[test]
fn the_entries_of_an_index_are_as_they_were() {
    let (stream, consumer) = (StreamNumber::new(300), ConsumerNumber::new(2));
    let mut bytes = Vec::new();
    put_entry(&mut bytes, &Entry::Consumer(consumer, "a/", "ship"));
    put_entry(&mut bytes, &Entry::Stream(stream, super::Openness::Closed, Seq::new(12), "jobs"));
    put_places(&mut bytes, stream, Seq::new(10), [None, Place::new(SegmentId::new(2), 4096, 64)].into_iter());
    put_entry(&mut bytes, &Entry::Parked(consumer, stream, Seq::new(11), Millis::new(-1), "why"));
    assert_eq!(hex(&bytes), ENTRIES);
}

const DIRECTORY: &str = "\
53454157414c4c490100000000000000
ffeeddccbbaa99887766554433221100
00f451c28c0100000000000000000000
00000000000000003c05d8e4e8d5e728
";
const SEGMENT: &str = "\
53454157414c4c4a0100000000100000
ffeeddccbbaa99887766554433221100
02000000000000004d00000000000000
00f451c28c0100000000000400000000
319b87af147b46fa0000000000000000
";
const EVENT: &str = "\
45c643ab350000000200000003000000
500000000000000000f451c28c010000
05000000000000000900000000000000
68656c6c6f000000b44cee3d062f2ca7
";
const SETTLEMENT: &str = "\
45c643ab5b0000000600000003000000
510000000000000000f451c28c010000
05000000000000000000000000000000
01000000010200000003000000000000
00030000000000000007000000000000
0008000000000000006e6f0000000000
98ea54615f400b4d
";
const REGISTRATION: &str = "\
45c643ab3c0000000400000003000000
520000000000000000f451c28c010000
00000000000000000000000000000000
010000000102612f7368697000000000
8eb01293e9a4abba
";
const ENTRIES: &str = "\
020202612f047368697003ac02010c04
6a6f627304ac020a0200028004400702
ac020b0103776879
";
