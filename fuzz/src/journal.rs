//! A journal in memory, and the laws that its reader and its start keep whatever the bytes are.

use std::ops::ControlFlow;
use std::sync::Arc;

use journal::format::SegmentHeader;
use journal::reader::{Life, Piece, Reader};
use journal::storage::{Memory, Storage, write_all};
use journal::{Commit, Journal, JournalId, Lsn, Millis, Options, SegmentId};

/// The journal that all inputs are of.
pub const ID: u128 = 0x5ea_3a11;

/// Bytes of a segment: the smallest that there may be.
const SEGMENT: usize = 64 << 10;

/// The file of a segment with a sound header, and `frames` behind it.
pub fn segment(number: u64, first: u64, frames: &[u8]) -> Vec<u8> {
    let header = SegmentHeader {
        journal: JournalId::new(ID),
        segment: SegmentId::new(number),
        first: Lsn::new(first),
        made: Millis::new(0),
        size: SEGMENT as u64,
    };
    let mut file = header.encode();
    file.extend_from_slice(&frames[..frames.len().min(SEGMENT - file.len())]);
    file.resize(SEGMENT, 0);
    file
}

/// A directory with these files.
pub fn directory(files: &[(String, Vec<u8>)]) -> Arc<dyn Storage> {
    let storage: Arc<dyn Storage> = Arc::new(Memory::default());
    for (name, bytes) in files {
        if let Ok(file) = storage.create(name) {
            write_all(&*file, 0, bytes).expect("memory can be written");
        }
    }
    storage
}

/// Reads all of it: pieces lie in order, apart, and in the file.
pub fn read(storage: &Arc<dyn Storage>, life: Life) -> u64 {
    let reader = Reader::of(Arc::clone(storage)).expect("memory can be read");
    let summary = reader.summary().expect("memory can be read");
    let mut unsound = 0;
    for file in reader.segments() {
        let wanted = summary.as_ref().map(|summary| summary.wanted(file.segment)).unwrap_or_default();
        let mut reached = 0;
        let mut visit = |piece: Piece<'_>| {
            let (start, end) = match piece {
                Piece::Frame(offset, frame, _) => (offset, offset + frame.bytes()),
                Piece::Unsound(found) => {
                    unsound += 1;
                    // That a file is short is told first, and an index may place events anywhere.
                    assert!(found.start <= found.end, "{found:?}");
                    return ControlFlow::Continue(());
                }
                Piece::Torn(start, end) => (start, end),
            };
            assert!(
                reached <= start && start <= end && end <= file.bytes,
                "{start} to {end} behind {reached}"
            );
            reached = end;
            ControlFlow::Continue(())
        };
        reader.read(file.segment, life, wanted, &mut visit).expect("memory can be read");
    }
    unsound
}

/// Opens it, if it lets itself be opened: a start counts as the reader does, and finds damage once.
pub fn start(storage: &Arc<dyn Storage>) {
    let options = || {
        let mut options = Options::new(|| Millis::new(0));
        options.commit = Commit::Caller;
        options.segment_size = SEGMENT as u64;
        options.max_event = 16 << 10;
        options
    };
    let reader = Reader::of(Arc::clone(storage)).expect("memory can be read");
    let foreseen = reader.summary().expect("memory can be read").map(|summary| summary.live_events);
    let Ok(opened) = Journal::open_in(storage, options()) else { return };
    let live = opened.stats().live_events;
    assert!(
        foreseen.is_none_or(|foreseen| foreseen == live),
        "{foreseen:?} were foreseen, and {live} are there"
    );
    drop(opened);
    let again = Journal::open_in(storage, options()).expect("what was opened is opened again");
    assert_eq!(again.recovery().damage, [], "damage is found once");
    assert_eq!(again.stats().live_events, live);
}
