//! Laws of the frames of a file: they are those of a scan of all its bytes, and little of the file is in memory or read twice.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::format::{Head, Record, Scan, frame_bytes, put_frame};
use crate::storage::{Memory, Storage, write_all};
use crate::{JournalId, Lsn, Millis, SegmentId, Seq, StreamNumber};

fn identity(segment: u64) -> Identity {
    Identity::new(JournalId::new(7), SegmentId::new(segment))
}

/// A part of a segment's file.
#[derive(Clone, Debug)]
enum Stretch {
    /// A frame that is sound.
    Frame(usize),
    /// A frame of which a byte is flipped, some way into it.
    Flipped(usize, usize),
    /// A frame that was for another segment, as in a file that was used before.
    Stale(usize),
    /// Marks every eight bytes, each claiming a frame of this length.
    Forged(usize, u32),
    /// What was never written.
    Zeros(usize),
}

/// Lengths around those at which something changes: of the window, and of what is held before it is believed.
fn length() -> impl Strategy<Value = usize> {
    let believed = usize::try_from(BELIEVED).unwrap();
    prop_oneof![
        6 => 0..200usize,
        4 => 200..70_000usize,
        2 => ROOM - 200..ROOM + 200,
        1 => ROOM + 200..believed - 200,
        1 => believed - 200..believed + 200,
        1 => believed..believed + ROOM * 2,
    ]
}

fn stretch() -> impl Strategy<Value = Stretch> {
    let claim = prop_oneof![0..200u32, 200..300_000u32, 1_900_000..2_300_000u32, any::<u32>()];
    prop_oneof![
        6 => length().prop_map(Stretch::Frame),
        2 => (length(), any::<usize>()).prop_map(|(length, at)| Stretch::Flipped(length, at)),
        1 => length().prop_map(Stretch::Stale),
        1 => (1..300usize, claim).prop_map(|(marks, claim)| Stretch::Forged(marks, claim)),
        1 => (0..ROOM).prop_map(|bytes| Stretch::Zeros(bytes / 8 * 8)),
    ]
}

fn put(bytes: &mut Vec<u8>, identity: Identity, (lsn, length): (u64, usize)) {
    let head = Head {
        kind: Record::Mark.kind(),
        behind: 1,
        lsn: Lsn::new(lsn),
        time: Millis::new(0),
        stream: StreamNumber::NONE,
        seq: Seq::default(),
    };
    let offset = bytes.len() as u64;
    put_frame(bytes, &identity, offset, &head, &vec![0xa5; length]);
}

#[expect(clippy::little_endian_bytes, reason = "a head as it stands in the file")]
fn forge(bytes: &mut Vec<u8>, marks: usize, claim: u32) {
    for _ in 0..marks {
        bytes.extend(identity(1).mark().to_le_bytes());
        bytes.extend(claim.to_le_bytes());
    }
}

/// The file, and the bytes of the longest sound frame.
fn file_of(stretches: &[Stretch]) -> (Vec<u8>, u64) {
    let (mut bytes, mut longest) = (vec![0; 4096], 0);
    for (lsn, stretch) in (1..).zip(stretches) {
        let start = bytes.len();
        match *stretch {
            Stretch::Frame(length) => {
                put(&mut bytes, identity(1), (lsn, length));
                longest = longest.max(frame_bytes(length as u64));
            }
            Stretch::Flipped(length, at) => {
                put(&mut bytes, identity(1), (lsn, length));
                let at = start + at % (bytes.len() - start);
                bytes[at] ^= 0x10;
            }
            Stretch::Stale(length) => put(&mut bytes, identity(2), (lsn, length)),
            Stretch::Forged(marks, claim) => forge(&mut bytes, marks, claim),
            Stretch::Zeros(length) => bytes.resize(start + length, 0),
        }
    }
    (bytes, longest)
}

/// A file in memory that counts what is read of it.
struct Counted {
    file: Arc<dyn StoredFile>,
    /// What it says that its size is.
    size: u64,
    read: AtomicU64,
}

impl Counted {
    fn of(bytes: &[u8]) -> Self {
        let file = Memory::default().create("segment").unwrap();
        write_all(&*file, 0, bytes).unwrap();
        Self { file, size: bytes.len() as u64, read: AtomicU64::new(0) }
    }

    fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl StoredFile for Counted {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(offset, into)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

/// Holds what is found in the file against a scan of its bytes, and says how much memory that took.
fn demand_like_a_scan(bytes: &[u8]) -> usize {
    let file = Counted::of(bytes);
    let mut frames = Frames::of(identity(1), &file).unwrap();
    for _ in 0..2 {
        let mut scan = Scan::new(identity(1), bytes);
        let mut compare = |found: Found<'_>| {
            assert!(scan.next() == Some(found), "another than at {}", scan.position());
            Ok(ControlFlow::Continue(()))
        };
        frames.each(&mut compare).unwrap();
        assert!(scan.next().is_none(), "less than a scan finds");
    }
    frames.room()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_found_in_a_file_is_what_a_scan_finds_in_its_bytes(
        stretches in proptest::collection::vec(stretch(), 0..12),
        cut in prop_oneof![3 => Just(0usize), 1 => 0..5000usize],
        zeros in 0..ROOM * 2,
    ) {
        let (mut bytes, longest) = file_of(&stretches);
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        if cut == 0 {
            bytes.resize(bytes.len() + zeros, 0);
        }
        let room = demand_like_a_scan(&bytes) as u64;
        prop_assert!(room <= BELIEVED.max(longest) + 2 * ROOM as u64, "{room} bytes of memory");
    }

    #[test]
    fn noise_is_read_as_a_scan_reads_it(noise in proptest::collection::vec(any::<u8>(), 0..9000)) {
        demand_like_a_scan(&noise);
    }
}

#[test]
fn frames_are_found_wherever_the_edge_of_the_window_cuts_them() {
    for shift in (0..200).step_by(8) {
        let filler = ROOM - usize::try_from(frame_bytes(0)).unwrap() - shift;
        let stretches =
            [Stretch::Frame(filler), Stretch::Frame(90), Stretch::Flipped(90, shift), Stretch::Frame(0)];
        demand_like_a_scan(&file_of(&stretches).0);
    }
}

#[test]
fn a_forged_file_of_nothing_but_marks_is_read_a_bounded_number_of_times_in_little_memory() {
    for claim in [48, 64 << 10, 1 << 20, 3 << 20, u32::MAX] {
        let mut bytes = vec![0; 4096];
        forge(&mut bytes, (4 << 20) / 8, claim);
        let file = Counted::of(&bytes);
        let mut frames = Frames::of(identity(1), &file).unwrap();
        frames.each(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
        let most = (PASSES + 2) * bytes.len() as u64;
        assert!(file.read() <= most, "{} bytes of {} read for {claim}", file.read(), bytes.len());
        assert!(frames.room() as u64 <= BELIEVED + 2 * ROOM as u64, "{} bytes for {claim}", frames.room());
        demand_like_a_scan(&bytes);
    }
}

#[test]
fn a_sound_file_is_read_once_whatever_the_size_of_its_window() {
    let (bytes, _) = file_of(&vec![Stretch::Frame(1000); 4000]);
    let file = Counted::of(&bytes);
    let mut frames = Frames::of(identity(1), &file).unwrap();
    frames.each(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
    assert_eq!(file.read(), bytes.len() as u64 - HEADER_BYTES);
    assert_eq!(frames.room(), ROOM);
}

#[test]
fn a_file_that_is_cut_while_it_is_read_ends_there() {
    let (whole, _) = file_of(&vec![Stretch::Frame(1000); 1000]);
    let there = &whole[..whole.len() / 2];
    let mut file = Counted::of(there);
    file.size = whole.len() as u64;
    let mut found = 0;
    let mut count = |_: Found<'_>| {
        found += 1;
        Ok(ControlFlow::Continue(()))
    };
    Frames::of(identity(1), &file).unwrap().each(&mut count).unwrap();
    assert_eq!(found, Scan::new(identity(1), there).count());
}
