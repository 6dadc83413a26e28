//! What a reader must say about damaged Prometheus segments: which bytes, what is lost, and nothing else.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::little_endian_bytes,
    reason = "a test that fails says enough"
)]

use std::ops::{ControlFlow, Range};

use formats::prometheus::record::{Labels, Point, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Pages, read_segment, survey_segment};
use formats::{Body, Damage, Entry, Note};

const PAGE: usize = 32 * 1024;

/// What reading found.
#[derive(Default)]
struct Seen {
    records: Vec<Range<u64>>,
    damage: Vec<Damage>,
    notes: Vec<Note>,
}

fn read(bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    read_segment(bytes, &mut |entry: Entry| {
        match entry.body {
            Body::Record(_) => seen.records.push(entry.span),
            Body::Damage(damage) => seen.damage.push(damage),
            Body::Note(note) => seen.notes.push(note),
        }
        ControlFlow::Continue(())
    });
    seen
}

fn samples(count: u64, time: i64) -> Vec<u8> {
    let all = (1..=count).map(|series| Point {
        series: SeriesRef(series),
        time,
        value: (series * 7919 % 1000) as f64 / 8.0,
    });
    let mut out = Vec::new();
    Record::Samples(all.collect()).encode(&mut out);
    out
}

fn series(number: u64) -> Vec<u8> {
    let pairs =
        Labels::write_pairs([(&b"__name__"[..], &b"up"[..]), (b"job", number.to_string().as_bytes())]);
    let labels = Labels::of_pairs(&pairs).unwrap();
    let mut out = Vec::new();
    Record::Series(vec![Series { series: SeriesRef(number), labels }]).encode(&mut out);
    out
}

/// A segment with small records, one that spans several pages, snappy and zstd ones, and padding at its end.
fn segment() -> Vec<u8> {
    let mut pages = Pages::default();
    for number in 1..=20 {
        pages.log(&series(number), Compression::None);
        pages.log(&samples(number, 1000), Compression::Snappy);
    }
    pages.log(&samples(9_000, 2000), Compression::None);
    for number in 1..=20 {
        pages.log(&samples(50 + number, 3000), Compression::Zstd);
    }
    pages.close();
    pages.bytes().to_vec()
}

/// The fragments of a sound segment, found by a walk that shares nothing with the reader.
fn fragments(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if PAGE - at % PAGE < 7 || bytes[at] == 0 {
            at = (at / PAGE + 1) * PAGE;
            continue;
        }
        let len = 7 + usize::from(bytes[at + 1]) * 256 + usize::from(bytes[at + 2]);
        all.push(at..at + len);
        at += len;
    }
    all
}

#[test]
fn a_sound_segment_has_no_damage_and_every_record() {
    let seen = read(&segment());
    assert_eq!(seen.damage, []);
    assert_eq!(seen.notes, []);
    assert_eq!(seen.records.len(), 61);
}

#[test]
fn any_flipped_byte_is_reported_where_its_fragment_begins_and_costs_its_record_alone() {
    let sound = segment();
    let fragments = fragments(&sound);
    let whole = read(&sound).records;
    // In data every byte weighs the same; headers and padding are what differs.
    let interesting = |at: usize| {
        let fragment = fragments.iter().find(|fragment| fragment.contains(&at));
        fragment.map_or(at.is_multiple_of(97), |fragment| at - fragment.start < 12 || at.is_multiple_of(211))
    };
    for at in (0..sound.len()).filter(|at| interesting(*at)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0xff;
        let seen = read(&bytes);
        let first = seen.damage.first().unwrap_or_else(|| panic!("flip at {at} was not seen"));
        if let Some(fragment) = fragments.iter().find(|fragment| fragment.contains(&at)) {
            assert_eq!(first.start, fragment.start as u64, "flip at {at}: {first:?}");
            assert!(first.end <= fragment.end as u64, "flip at {at}: {first:?}");
            let hit = |record: &&Range<u64>| !record.contains(&(at as u64));
            let kept: Vec<_> = whole.iter().filter(hit).cloned().collect();
            assert_eq!(seen.records, kept, "flip at {at}");
        } else {
            assert_eq!((first.start, first.end), (at as u64, at as u64 + 1), "flip at {at}");
            assert_eq!(seen.records, whole, "flip at {at}");
        }
        assert_eq!(seen.damage.len(), 1, "flip at {at}: {:?}", seen.damage);
    }
}

#[test]
fn any_flipped_bit_of_a_header_is_reported_within_its_record() {
    let sound = segment();
    let whole = read(&sound).records;
    for fragment in fragments(&sound) {
        let record = whole.iter().find(|record| record.contains(&(fragment.start as u64))).unwrap();
        for (at, bit) in (fragment.start..fragment.start + 7).flat_map(|at| (0..8).map(move |bit| (at, bit)))
        {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << bit;
            let seen = read(&bytes);
            let first = seen.damage.first().unwrap_or_else(|| panic!("bit {bit} at {at} was not seen"));
            // A type that turns into another valid type breaks the record where it begins.
            let starts = [record.start, fragment.start as u64];
            assert!(starts.contains(&first.start), "bit {bit} at {at}: {first:?}, record {record:?}");
            let mut others = whole.iter().filter(|other| *other != record);
            assert!(others.all(|other| seen.records.contains(other)), "bit {bit} at {at}");
        }
    }
}

#[test]
fn a_segment_cut_anywhere_loses_only_the_record_that_was_cut() {
    let sound = segment();
    let whole = read(&sound).records;
    for len in (0..sound.len()).step_by(7) {
        let seen = read(&sound[..len]);
        let kept: Vec<_> = whole.iter().filter(|record| record.end <= len as u64).cloned().collect();
        assert_eq!(seen.records, kept, "cut at {len}");
        assert_eq!(seen.damage, [], "cut at {len}");
        let inside = whole.iter().any(|record| record.start < len as u64 && (len as u64) < record.end);
        assert_eq!(seen.notes.len(), usize::from(inside), "cut at {len}: {:?}", seen.notes);
    }
}

#[test]
fn a_record_that_spans_a_zeroed_page_is_lost_and_the_zeros_are_the_damage() {
    let sound = segment();
    let long = read(&sound).records.into_iter().max_by_key(|record| record.end - record.start).unwrap();
    let page = usize::try_from(long.start).unwrap().next_multiple_of(PAGE);
    assert!(page + PAGE < usize::try_from(long.end).unwrap(), "the record has a page to itself");
    let mut bytes = sound.clone();
    bytes[page..page + PAGE].fill(0);
    let seen = read(&bytes);
    assert_eq!(seen.records.len(), 60);
    let [damage] = seen.damage.as_slice() else { panic!("{:?}", seen.damage) };
    assert_eq!((damage.start, damage.end), (page as u64, (page + PAGE) as u64));
    // Two bytes less than a header at the end of a page are padding, not part of the record.
    assert!(long.end - long.start - damage.lost.bytes < 14, "{damage:?} {long:?}");
}

#[test]
fn a_first_fragment_that_nothing_continues_is_damage_where_it_begins() {
    let sound = segment();
    let long = read(&sound).records.into_iter().max_by_key(|record| record.end - record.start).unwrap();
    let page = usize::try_from(long.start).unwrap().next_multiple_of(PAGE);
    let mut bytes = sound[..page].to_vec();
    bytes.resize(page + PAGE, 0);
    let seen = read(&bytes);
    let [damage] = seen.damage.as_slice() else { panic!("{:?}", seen.damage) };
    assert_eq!((damage.start, damage.end), (long.start, page as u64));
    assert_eq!(damage.lost.records, Some(1));
}

#[test]
fn pages_of_zeros_at_the_end_of_the_newest_file_are_noted_and_padding_is_not() {
    let mut bytes = segment();
    assert_eq!(read(&bytes).notes, []);
    let end = bytes.len();
    bytes.resize(end + 2 * PAGE, 0);
    let seen = read(&bytes);
    assert_eq!((seen.damage.len(), seen.notes.len()), (0, 1));
    assert_eq!(seen.notes[0].code, "blank-tail");
    assert!(seen.notes[0].message.contains(&(2 * PAGE).to_string()), "{:?}", seen.notes);
}

#[test]
fn zeroed_bytes_in_a_page_lose_no_record_behind_them() {
    let sound = segment();
    let whole = read(&sound).records;
    for start in (0..4096).step_by(512) {
        let mut bytes = sound.clone();
        bytes[start..start + 512].fill(0);
        let hole = start as u64..start as u64 + 512;
        let seen = read(&bytes);
        let missed = |record: &&Range<u64>| record.end <= hole.start || record.start >= hole.end;
        let kept: Vec<_> = whole.iter().filter(missed).cloned().collect();
        assert_eq!(seen.records, kept, "hole at {start}");
        let first = seen.damage.first().unwrap();
        let hit = whole.iter().find(|record| record.end > hole.start).unwrap();
        assert_eq!(first.start, hit.start, "hole at {start}: {:?}", seen.damage);
    }
}

#[test]
fn zeros_from_inside_a_header_to_the_end_of_its_page_lose_what_was_there() {
    let sound = segment();
    let whole = read(&sound).records;
    for left in 1..7 {
        let start = fragments(&sound)[4].start + left;
        let mut bytes = sound.clone();
        bytes[start..PAGE].fill(0);
        let seen = read(&bytes);
        let hit = whole.iter().find(|record| record.end > start as u64).unwrap();
        let behind = |record: &&Range<u64>| record.end <= hit.start || record.start >= PAGE as u64;
        let kept: Vec<_> = whole.iter().filter(behind).cloned().collect();
        assert_eq!(seen.records, kept, "{left} bytes of the header are left");
        let [damage] = seen.damage.as_slice() else { panic!("{:?}", seen.damage) };
        assert_eq!((damage.start, damage.end), (hit.start, PAGE as u64), "{damage:?}");
        assert_eq!(damage.lost.records, None, "{damage:?}");
    }
}

#[test]
fn noise_of_a_whole_page_costs_the_records_that_touch_it() {
    let sound = segment();
    let whole = read(&sound).records;
    let mut bytes = sound.clone();
    let mut state = 1u64;
    for byte in &mut bytes[PAGE..2 * PAGE] {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *byte = (state >> 56).to_le_bytes()[0];
    }
    let seen = read(&bytes);
    let noise = PAGE as u64..2 * PAGE as u64;
    let missed = |record: &&Range<u64>| record.end <= noise.start || record.start >= noise.end;
    let kept: Vec<_> = whole.iter().filter(missed).cloned().collect();
    assert_eq!(seen.records, kept);
    let [damage] = seen.damage.as_slice() else { panic!("{:?}", seen.damage) };
    assert_eq!((damage.start, damage.end), (noise.start, noise.end));
}

#[test]
fn fragments_without_data_are_joined_as_the_server_writes_them() {
    let mut pages = Pages::default();
    // Leaves exactly a header's room in the page: the next record begins with a fragment without data.
    pages.log(&vec![20; PAGE - 7 - 7], Compression::None);
    pages.log(&samples(3, 1), Compression::None);
    assert_eq!(&pages.bytes()[PAGE - 7..PAGE], &[2, 0, 0, 0, 0, 0, 0]);
    let seen = read(pages.bytes());
    assert_eq!((seen.records.len(), seen.damage.len()), (2, 0));
}

#[test]
fn a_page_of_nothing_but_plausible_headers_does_not_hang() {
    let mut bytes = Vec::new();
    while bytes.len() < 64 * PAGE {
        bytes.extend_from_slice(&[1, 0x3f, 0xff, 9, 9, 9, 9]);
    }
    assert!(read(&bytes).records.is_empty());
}

#[test]
fn a_series_record_that_breaks_off_declares_none_of_its_series() {
    let mut record = series(1);
    record.extend(series(2).get(1..).unwrap());
    record.extend([0, 0, 0]);
    let mut pages = Pages::default();
    pages.log(&series(7), Compression::None);
    pages.log(&record, Compression::None);
    let survey = survey_segment(pages.bytes());
    assert_eq!((survey.damage.count(), survey.records(), survey.series), (1, Some(1), Some(1)));
}

/// A page that holds the beginning of a record alone, with a bit that no writer sets, and one with whole records.
fn begun_and_marked() -> Vec<u8> {
    let (mut begun, mut whole) = (Pages::default(), Pages::default());
    begun.log(&vec![20; 2 * PAGE], Compression::None);
    whole.log(&samples(3, 1), Compression::None);
    let mut bytes = begun.bytes()[..PAGE].to_vec();
    bytes[0] |= 0x20;
    bytes.extend_from_slice(whole.bytes());
    bytes
}

#[test]
fn a_reserved_bit_in_a_record_that_is_lost_is_told_once() {
    let seen = read(&begun_and_marked());
    let places: Vec<_> = seen.damage.iter().map(|damage| (damage.start, damage.end)).collect();
    assert_eq!((seen.records.len(), places), (1, vec![(0, 1), (1, PAGE as u64)]));
}

#[test]
fn a_reserved_bit_behind_damage_is_told_behind_it() {
    let mut bytes = begun_and_marked();
    bytes[0] &= !0x20;
    bytes[PAGE] |= 0x20;
    let seen = read(&bytes);
    let page = PAGE as u64;
    let places: Vec<_> = seen.damage.iter().map(|damage| (damage.start, damage.end)).collect();
    assert_eq!((seen.records.len(), places), (1, vec![(0, page), (page, page + 1)]));
}

#[test]
fn a_reserved_bit_in_a_record_that_does_not_decode_is_told_once() {
    let mut pages = Pages::default();
    pages.log(&[1, 2, 3], Compression::None);
    let mut bytes = pages.bytes().to_vec();
    bytes[0] |= 0x20;
    let seen = read(&bytes);
    let places: Vec<_> = seen.damage.iter().map(|damage| (damage.start, damage.end)).collect();
    assert_eq!((seen.records.len(), places), (0, vec![(0, 1), (1, bytes.len() as u64)]));
    let lost: u64 = seen.damage.iter().map(|damage| damage.lost.bytes).sum();
    assert_eq!(lost, bytes.len() as u64);
}

#[test]
fn a_reserved_bit_in_the_last_fragment_of_a_record_is_told_before_its_content_is() {
    let mut pages = Pages::default();
    pages.log(&vec![64; PAGE], Compression::None);
    let mut bytes = pages.bytes().to_vec();
    bytes[PAGE] |= 0x20;
    let seen = read(&bytes);
    let places: Vec<_> = seen.damage.iter().map(|damage| (damage.start, damage.end)).collect();
    let (page, end) = (PAGE as u64, bytes.len() as u64);
    assert_eq!((seen.records.len(), places), (0, vec![(page, page + 1), (page + 1, end)]));
}

#[test]
fn a_record_that_is_cut_behind_a_reserved_bit_is_a_torn_tail_from_its_beginning() {
    let mut pages = Pages::default();
    pages.log(&vec![20; 3 * PAGE], Compression::None);
    let mut bytes = pages.bytes()[..2 * PAGE].to_vec();
    bytes[PAGE] |= 0x20;
    let mut torn = Vec::new();
    read_segment(&bytes, &mut |entry: Entry| {
        if matches!(entry.body, Body::Note(_)) {
            torn.push((entry.span.start, entry.span.end));
        }
        ControlFlow::Continue(())
    });
    assert_eq!(torn, [(0, 2 * PAGE as u64)]);
}

#[test]
fn damage_in_every_few_bytes_costs_no_more_than_noise_does() {
    // Good fragments of one byte with headers between them that announce a page each: every search finds something
    // at once, and every header promises a long checksum.
    let mut good = vec![1, 0, 1];
    good.extend_from_slice(&sum_in_header(&[255]));
    good.push(255);
    let mut page = Vec::new();
    while page.len() + 40 <= PAGE {
        page.extend_from_slice(&[0x01, 0x40, 0x00, 1, 2, 3, 4, 0x01, 0x30, 0x00, 1, 2, 3, 4]);
        page.extend_from_slice(&good);
    }
    page.resize(PAGE, 0);
    let bytes = page.repeat(64);
    let seen = read(&bytes);
    assert!(!seen.damage.is_empty());
    let covered: u64 = seen.damage.iter().map(|damage| damage.end - damage.start).sum();
    assert!(covered > bytes.len() as u64 / 2, "{covered}");
}

/// The checksum of a fragment's data, as it stands in its header.
fn sum_in_header(data: &[u8]) -> [u8; 4] {
    let mut pages = Pages::default();
    pages.log(data, Compression::None);
    pages.bytes()[3..7].try_into().unwrap()
}

#[test]
fn a_wrong_length_that_leads_into_padding_takes_no_sound_record_with_it() {
    let mut pages = Pages::default();
    (0..3).for_each(|time| pages.log(&samples(20, time), Compression::None));
    pages.close();
    let mut bytes = pages.bytes().to_vec();
    let first = read(&bytes).records[0].clone();
    // No such type, and a length that ends behind the last record.
    bytes[..4].fill(0x06);
    let seen = read(&bytes);
    assert_eq!(seen.records.len(), 2);
    assert_eq!(seen.damage.iter().map(|damage| damage.start..damage.end).collect::<Vec<_>>(), [first]);
}
