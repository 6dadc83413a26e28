//! Files of `chunks_head`: what is found in them, and where damage is reported.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::big_endian_bytes,
    clippy::cast_possible_truncation,
    reason = "a test that fails says enough"
)]

use std::ops::{ControlFlow, Range};

use formats::{Body, Damage, Depth, Entry, Note, Order, UnixTime, detect};

const CHUNKS: u64 = 6;

/// Golden bytes of a chunk file, chunk by chunk, with the zeros that the server writes ahead.
fn file() -> (Vec<u8>, Vec<Range<u64>>) {
    let mut bytes = vec![0x01, 0x30, 0xbc, 0x91, 1, 0, 0, 0];
    let mut chunks = Vec::new();
    for number in 1..=CHUNKS {
        let start = bytes.len();
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&(1000 * number).to_be_bytes());
        bytes.extend_from_slice(&(1000 * number + 500).to_be_bytes());
        let data = [&[0, 3][..], &vec![0xab; 20 * number as usize]].concat();
        bytes.push(1);
        assert!(data.len() < 128);
        bytes.push(data.len() as u8);
        bytes.extend_from_slice(&data);
        let sum = crc32c(&bytes[start..]);
        bytes.extend_from_slice(&sum.to_be_bytes());
        chunks.push(start as u64..bytes.len() as u64);
    }
    bytes.resize(4096, 0);
    (bytes, chunks)
}

/// Bit by bit, to share nothing with the reader.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |state, byte| {
        (0..8).fold(state ^ u32::from(*byte), |state, _| {
            (state >> 1) ^ (0x82f6_3b78 & (state & 1).wrapping_neg())
        })
    })
}

#[derive(Default)]
struct Seen {
    records: Vec<Range<u64>>,
    samples: u64,
    damage: Vec<Damage>,
    notes: Vec<Note>,
}

fn read(bytes: &[u8]) -> Seen {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("wal")).unwrap();
    std::fs::create_dir_all(dir.path().join("chunks_head")).unwrap();
    std::fs::write(dir.path().join("wal/00000000"), "").unwrap();
    std::fs::write(dir.path().join("chunks_head/000001"), bytes).unwrap();
    let log = detect(dir.path(), None).unwrap();
    let part = log.parts().iter().find(|part| part.name == "chunks_head/000001").unwrap();
    let mut seen = Seen::default();
    let order = Order::new(Depth::Bytes, UnixTime::from_seconds(0));
    let mut visit = |entry: Entry| {
        match entry.body {
            Body::Record(record) => {
                seen.samples += record.samples;
                seen.records.push(entry.span);
            }
            Body::Damage(damage) => {
                assert_eq!((damage.start, damage.end), (entry.span.start, entry.span.end));
                seen.damage.push(damage);
            }
            Body::Note(note) => seen.notes.push(note),
        }
        ControlFlow::Continue(())
    };
    log.read(part, &order, &mut visit).unwrap();
    seen
}

#[test]
fn a_sound_file_gives_every_chunk_and_no_word_about_its_zeros() {
    let (bytes, chunks) = file();
    let seen = read(&bytes);
    assert_eq!((seen.records, seen.samples), (chunks, 3 * CHUNKS));
    assert_eq!((seen.damage, seen.notes), (vec![], vec![]));
}

#[test]
fn any_flipped_byte_is_reported_where_its_chunk_begins_and_costs_that_chunk_alone() {
    let (sound, chunks) = file();
    let last = chunks.last().unwrap().clone();
    for at in (0..last.start as usize).chain((last.end as usize..sound.len()).step_by(37)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0xff;
        let seen = read(&bytes);
        let hit = chunks.iter().find(|chunk| chunk.contains(&(at as u64)));
        let start = hit.map_or(if at < 8 { 0 } else { at as u64 }, |chunk| chunk.start);
        assert_eq!(
            seen.damage.first().map(|damage| damage.start),
            Some(start),
            "flip at {at}: {:?}",
            seen.damage
        );
        assert_eq!(seen.damage.len(), 1, "flip at {at}: {:?}", seen.damage);
        let kept: Vec<_> = chunks.iter().filter(|chunk| Some(*chunk) != hit).cloned().collect();
        assert_eq!(seen.records, kept, "flip at {at}");
    }
}

#[test]
fn the_newest_file_may_end_inside_its_last_chunk() {
    let (sound, chunks) = file();
    let last = chunks.last().unwrap();
    // The first bytes of a small series number are zeros, as behind the last chunk.
    for len in last.start + 8..last.end {
        let seen = read(&sound[..len as usize]);
        assert_eq!(
            (seen.records.len() as u64, seen.damage.len(), seen.notes.len()),
            (CHUNKS - 1, 0, 1),
            "{len}"
        );
    }
}

#[test]
fn zeros_between_chunks_are_damage() {
    let (mut bytes, chunks) = file();
    bytes[chunks[2].start as usize..chunks[4].start as usize].fill(0);
    let seen = read(&bytes);
    assert_eq!(seen.records.len(), 4);
    assert_eq!(seen.damage.len(), 1, "{:?}", seen.damage);
    assert_eq!((seen.damage[0].start, seen.damage[0].end), (chunks[2].start, chunks[4].start));
}

#[test]
fn a_stray_byte_in_megabytes_of_zeros_is_told_once_and_chunks_behind_them_are_found() {
    let (sound, chunks) = file();
    let mut bytes = sound[..chunks[5].end as usize].to_vec();
    let end = bytes.len();
    bytes.resize(end + (6 << 20), 0);
    let stray = end + (2 << 20);
    bytes[stray] = 1;
    bytes.extend_from_slice(&sound[8..chunks[5].end as usize]);
    let seen = read(&bytes);
    assert_eq!(seen.records.len() as u64, 2 * CHUNKS);
    let places: Vec<_> = seen.damage.iter().map(|damage| (damage.start, damage.end)).collect();
    let stray = stray as u64;
    assert_eq!(places, [(stray, stray + 1), (stray + 1, (end + (6 << 20)) as u64)]);
}

#[test]
fn noise_of_a_megabyte_ends_and_costs_nothing_behind_it() {
    let (mut bytes, chunks) = file();
    bytes.truncate(chunks[5].end as usize);
    let mut state = 7u64;
    bytes.extend((0..1 << 20).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8 | 1
    }));
    let (again, _) = file();
    bytes.extend_from_slice(&again[8..chunks[5].end as usize]);
    let seen = read(&bytes);
    assert_eq!(seen.records.len() as u64, 2 * CHUNKS);
}
