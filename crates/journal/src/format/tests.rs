//! Laws of the format: what is put comes back, what is hostile is refused, what is misplaced does not pass.

use proptest::prelude::*;

use super::*;
use crate::{ConsumerNumber, JournalId, Lsn, Millis, SegmentId, Seq, Span, StreamNumber};

fn identity(segment: u64) -> Identity {
    Identity::new(JournalId::new(7), SegmentId::new(segment))
}

fn head_of(record: &Record<'_>, lsn: u64) -> Head {
    Head {
        kind: record.kind(),
        behind: 1,
        lsn: Lsn::new(lsn),
        time: Millis::new(-5),
        stream: record.stream(),
        seq: record.seq(),
    }
}

/// A segment of 64 KiB with events of these sizes; the offset of each, and where the last ends.
fn segment(sizes: &[usize]) -> (Vec<u8>, Vec<u64>) {
    let mut bytes = vec![0; 4096];
    let mut offsets = Vec::new();
    for (lsn, size) in (1..).zip(sizes) {
        let payload = vec![0xa5; *size];
        let record = Record::Event { stream: StreamNumber::FIRST, seq: Seq::new(lsn), payload: &payload };
        let offset = bytes.len() as u64;
        offsets.push(offset);
        put_frame(&mut bytes, &identity(1), offset, &head_of(&record, lsn), &payload);
    }
    offsets.push(bytes.len() as u64);
    bytes.resize(64 << 10, 0);
    (bytes, offsets)
}

fn lsns(bytes: &[u8]) -> Vec<u64> {
    let frames = Scan::new(identity(1), bytes).filter_map(|found| match found {
        Found::Frame(_, frame) => Some(frame.head().lsn.get()),
        Found::Bad(_) => None,
    });
    frames.collect()
}

fn bad(bytes: &[u8]) -> Vec<Bad> {
    let ranges = Scan::new(identity(1), bytes).filter_map(|found| match found {
        Found::Bad(bad) => Some(bad),
        Found::Frame(..) => None,
    });
    ranges.collect()
}

#[test]
fn every_frame_of_a_segment_is_found_and_nothing_else() {
    let (bytes, offsets) = segment(&[0, 1, 7, 8, 1000]);
    assert_eq!(lsns(&bytes), [1, 2, 3, 4, 5]);
    let mut scan = Scan::new(identity(1), &bytes);
    assert_eq!(scan.by_ref().count(), 5);
    assert_eq!(Some(&scan.position()), offsets.last());
}

#[test]
fn a_flipped_bit_costs_the_frame_that_it_is_in_and_no_other() {
    let (sound, offsets) = segment(&[0, 1, 7, 30]);
    let end = usize::try_from(*offsets.last().unwrap()).unwrap();
    for at in 4096..end {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        let hit = offsets.iter().filter(|&&offset| offset <= at as u64).count() as u64;
        let rest: Vec<u64> = (1..=4).filter(|&lsn| lsn != hit).collect();
        assert_eq!(lsns(&bytes), rest, "byte {at}");
        // A last frame that has lost its mark is not seen to be there at all.
        let is_seen = hit < 4 || !(offsets[3]..offsets[3] + 4).contains(&(at as u64));
        assert_eq!(bad(&bytes).len(), usize::from(is_seen), "byte {at}");
    }
}

#[test]
fn a_bad_range_says_whether_a_good_frame_stands_behind_it() {
    let (mut bytes, offsets) = segment(&[10, 10, 10]);
    let flip = |bytes: &mut Vec<u8>, frame: usize| bytes[usize::try_from(offsets[frame]).unwrap() + 50] ^= 1;
    flip(&mut bytes, 1);
    assert_eq!(bad(&bytes), [Bad { start: offsets[1], end: offsets[2], behind: Behind::Frame }]);
    flip(&mut bytes, 1);
    flip(&mut bytes, 2);
    assert_eq!(bad(&bytes), [Bad { start: offsets[2], end: offsets[3], behind: Behind::Nothing }]);
}

#[test]
fn frames_of_an_earlier_life_or_quoted_in_a_payload_do_not_pass() {
    let (bytes, offsets) = segment(&[16]);
    let frame = &bytes[4096..usize::try_from(offsets[1]).unwrap()];
    assert!(Frame::verify(&identity(1), 4096, frame).is_some());
    assert!(Frame::verify(&identity(2), 4096, frame).is_none());
    assert!(Frame::verify(&identity(1), 4104, frame).is_none());
    assert_eq!(Scan::new(identity(2), &bytes).count(), 0);
}

#[test]
fn a_forged_file_of_nothing_but_marks_is_scanned_in_bounded_time() {
    let (sound, _) = segment(&[0]);
    let mut bytes = vec![0; 1 << 20];
    for place in bytes[4096..].chunks_mut(8) {
        place[..4].copy_from_slice(&sound[4096..4100]);
        place[4..].copy_from_slice(&[0, 0, 8, 0]);
    }
    assert!(Scan::new(identity(1), &bytes).count() <= 1);
}

#[test]
fn a_header_is_refused_when_any_byte_of_it_is_wrong() {
    let header = SegmentHeader {
        journal: JournalId::new(1),
        segment: SegmentId::new(2),
        first: Lsn::new(3),
        made: Millis::new(4),
        size: 5,
    };
    let sound = header.encode();
    assert_eq!(SegmentHeader::decode(&sound), Ok(header));
    for at in 0..72 {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        assert!(SegmentHeader::decode(&bytes).is_err(), "byte {at}");
    }
    let mut newer = sound.clone();
    newer[8] = 2;
    assert_eq!(SegmentHeader::decode(&newer), Err(BadHeader::Newer(2)));
    assert_eq!(SegmentHeader::decode(&sound[..71]), Err(BadHeader::Damaged));
}

#[test]
fn the_header_of_a_directory_comes_back_and_is_refused_when_wrong() {
    let header = DirectoryHeader { journal: JournalId::new(1), made: Millis::new(4) };
    let mut bytes = header.encode();
    assert_eq!(DirectoryHeader::decode(&bytes), Ok(header));
    bytes[20] ^= 1;
    assert_eq!(DirectoryHeader::decode(&bytes), Err(BadHeader::Damaged));
}

#[test]
fn a_place_takes_twelve_bytes() {
    assert_eq!(size_of::<Place>(), 12);
    assert_eq!(size_of::<Option<Place>>(), 12);
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let steps = proptest::collection::vec((2u64..9, 0u64..5), 0..6);
    steps.prop_map(|steps| {
        let mut at = 0;
        let span = |(gap, len)| {
            let first = at + gap;
            at = first + len;
            Span::new(Seq::new(first), Seq::new(at)).unwrap()
        };
        steps.into_iter().map(span).collect()
    })
}

fn returns(record: &Record<'_>) {
    let mut payload = Vec::new();
    record.put_payload(&mut payload);
    let mut bytes = Vec::new();
    put_frame(&mut bytes, &identity(1), 4096, &head_of(record, 9), &payload);
    let frame = Frame::verify(&identity(1), 4096, &bytes).unwrap();
    assert_eq!(frame.bytes(), bytes.len() as u64);
    assert_eq!(&Record::decode(frame.head(), frame.payload()).unwrap(), record);
}

proptest! {
    #[test]
    fn every_record_comes_back_as_it_was_put(
        number in 1u64..1000,
        small in 1u32..1000,
        spans in spans(),
        text in "[a-z]{0,20}",
        prefix in "[a-z]{0,20}",
        payload in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let (stream, seq) = (StreamNumber::new(number), Seq::new(number));
        let consumer = ConsumerNumber::new(small);
        returns(&Record::Opened { stream, name: &text });
        returns(&Record::Event { stream, seq, payload: &payload });
        returns(&Record::Carried { stream, seq, payload: &payload });
        returns(&Record::Closed(stream));
        returns(&Record::Registered { consumer, start: Start::Newest, prefix: &prefix, name: &text });
        returns(&Record::Unregistered(consumer));
        returns(&Record::Lost { stream, to: LostTo::Budget, spans: spans.clone() });
        returns(&Record::Index { part: small, more: More::Ends, entries: &payload });
        returns(&Record::Mark);
        for settling in [Settling::Delivered, Settling::Parked(&text), Settling::Requeued, Settling::Dropped] {
            returns(&Record::Settled { stream, consumer, settling, spans: spans.clone() });
        }
    }

    #[test]
    fn every_entry_of_an_index_comes_back_as_it_was_put(
        number in 1u64..=crate::number::MOST,
        small in 1u32..u32::MAX,
        places in proptest::collection::vec(proptest::option::of((1u64..9, 0u64..999, 1u64..99)), 0..9),
    ) {
        let (stream, seq) = (StreamNumber::new(number), Seq::new(number));
        let consumer = ConsumerNumber::new(small);
        let places: Vec<Option<Place>> = places
            .into_iter()
            .map(|place| place.and_then(|(s, o, b)| Place::new(SegmentId::new(s), o * 8, b)))
            .collect();
        let entries = [
            Entry::Totals(Totals {
                next_stream: stream,
                next_consumer: consumer,
                lost_to_damage: number,
                lost_to_budget: 0,
            }),
            Entry::Consumer(consumer, "p", "c"),
            Entry::Stream(stream, Openness::Open, seq, "s"),
            Entry::Position(consumer, stream, seq),
            Entry::Ahead(consumer, stream, Span::one(seq)),
            Entry::Parked(consumer, stream, seq, Millis::new(-1), "r"),
            Entry::Again(consumer, stream, seq),
            Entry::Aside(stream, seq, Place::new(SegmentId::FIRST, 4096, 64).unwrap()),
        ];
        let mut bytes = Vec::new();
        put_places(&mut bytes, stream, seq, places.iter().copied());
        entries.iter().for_each(|entry| put_entry(&mut bytes, entry));
        let mut read = Vec::new();
        for_each_entry(&bytes, |entry| read.push(entry)).unwrap();
        let Some((Entry::Places(_, first, found), rest)) = read.split_first() else { panic!("no places") };
        prop_assert_eq!((*first, found.iter().collect::<Vec<_>>()), (seq, places));
        prop_assert_eq!(rest, entries);
    }

    #[test]
    fn hostile_bytes_are_refused_and_nothing_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        kind in 0u8..12,
    ) {
        let head = Head { kind, ..head_of(&Record::Mark, 1) };
        Record::decode(&head, &bytes).ok();
        for_each_entry(&bytes, |entry| {
            if let Entry::Places(_, _, places) = entry {
                assert!(places.iter().count() <= bytes.len());
            }
        })
        .ok();
        prop_assert_eq!(SegmentHeader::decode(&bytes), Err(BadHeader::Damaged));
        prop_assert_eq!(DirectoryHeader::decode(&bytes), Err(BadHeader::Damaged));
        prop_assert_eq!(Scan::new(identity(1), &bytes).count(), 0);
    }

    #[test]
    fn a_segment_with_any_bytes_in_it_is_scanned_without_an_invented_frame(
        sizes in proptest::collection::vec(0usize..200, 1..8),
        at in 0usize..3000,
        noise in proptest::collection::vec(any::<u8>(), 1..600),
    ) {
        let (mut bytes, _) = segment(&sizes);
        bytes[4096 + at..4096 + at + noise.len()].copy_from_slice(&noise);
        let found = lsns(&bytes);
        prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(found.len() <= sizes.len());
    }
}

#[test]
fn a_frame_whose_numbers_no_journal_comes_to_is_none() {
    let far = crate::number::MOST;
    for (lsn, seq, is_one) in
        [(far, far, true), (far + 1, 1, false), (1, far + 1, false), (u64::MAX, u64::MAX, false)]
    {
        let record = Record::Event { stream: StreamNumber::FIRST, seq: Seq::new(seq), payload: b"x" };
        let mut bytes = Vec::new();
        put_frame(&mut bytes, &identity(1), 4096, &head_of(&record, lsn), b"x");
        assert_eq!(Frame::verify(&identity(1), 4096, &bytes).is_some(), is_one, "{lsn}, {seq}");
    }
}
