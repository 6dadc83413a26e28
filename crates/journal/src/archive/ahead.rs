//! Reading events, and making records of them, while those before them are compressed.

use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;

use super::arwal::{MOST_PAYLOAD, put_record};
use super::{ASIDE, ArchiveError};
use crate::log::hold;
use crate::read::Found;
use crate::storage::Fault;
use crate::{Pending, ReadError, Seq};

/// What gives events, one after the other. It lends them, since what is put into a record at once needs no memory of its own.
pub(super) trait Source: Send {
    /// Lets `take` have the next event; nothing if there is none.
    fn next<T>(&mut self, take: impl FnMut(Found<'_>) -> T) -> Option<Result<T, ReadError>>;
}

impl Source for Pending {
    fn next<T>(&mut self, take: impl FnMut(Found<'_>) -> T) -> Option<Result<T, ReadError>> {
        self.next_found(take)
    }
}

/// Events that follow each other, as records.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) records: Vec<u8>,
    pub(super) events: u64,
    /// The last event, damaged or not.
    pub(super) last: Option<Seq>,
    pub(super) damaged: Vec<Seq>,
    /// Why there are no more.
    pub(super) failed: Option<ArchiveError>,
}

/// Pieces that are read and wait to be compressed.
const PIECES: usize = 2;

/// Bytes of a piece. It ends with the event that reaches them.
const PIECE_BYTES: usize = 256 << 10;

/// Damaged events of a piece at most.
const MOST_DAMAGED: usize = 4096;

/// Memory of records that were compressed, for those that are read next: the system need not find it and zero it anew.
#[derive(Clone, Default)]
pub(super) struct Spent(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spent {
    pub(super) fn put(&self, mut records: Vec<u8>) {
        records.clear();
        // What a large event took is not kept.
        records.shrink_to(2 * PIECE_BYTES);
        hold(&self.0).push(records);
    }

    fn take(&self) -> Vec<u8> {
        hold(&self.0).pop().unwrap_or_else(|| Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4))
    }
}

/// Lets another thread read the events that `take` gets. Where there can be none, they are read here.
pub(super) fn read_ahead<S: Source, T>(
    events: impl Fn() -> S,
    spent: &Spent,
    take: impl FnOnce(&mut dyn Iterator<Item = Piece>) -> T,
) -> T {
    let (give, given) = sync_channel(PIECES);
    let mut ahead = pieces(events(), spent);
    let read = move || while ahead.next().is_some_and(|piece| give.send(piece).is_ok()) {};
    thread::scope(|scope| {
        match thread::Builder::new().name("journal-archive".to_owned()).spawn_scoped(scope, read) {
            Ok(_) => take(&mut given.into_iter()),
            Err(_) => take(&mut pieces(events(), spent)),
        }
    })
}

/// All events, in pieces.
pub(super) fn pieces<S: Source>(mut events: S, spent: &Spent) -> impl Iterator<Item = Piece> + use<S> {
    let spent = spent.clone();
    std::iter::from_fn(move || {
        let piece = Piece::of(&mut events, spent.take());
        (piece.last.is_some() || piece.failed.is_some()).then_some(piece)
    })
}

impl Piece {
    fn of(events: &mut impl Source, records: Vec<u8>) -> Self {
        let mut piece = Self { records, ..Self::default() };
        while piece.records.len() < PIECE_BYTES && piece.damaged.len() < MOST_DAMAGED {
            match events.next(|event| piece.add(event)) {
                None => break,
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => {
                    piece.failed = Some(error);
                    break;
                }
                Some(Err(ReadError::Damaged { seq, .. })) => {
                    piece.last = Some(seq);
                    piece.damaged.push(seq);
                }
                Some(Err(error)) => {
                    piece.failed = Some(ArchiveError::Read(error));
                    break;
                }
            }
        }
        piece
    }

    fn add(&mut self, event: Found<'_>) -> Result<(), ArchiveError> {
        if event.payload.len() as u64 > MOST_PAYLOAD {
            return Err(too_long(event.seq));
        }
        self.last = Some(event.seq);
        self.events += 1;
        put_record(&mut self.records, event);
        Ok(())
    }
}

fn too_long(seq: Seq) -> ArchiveError {
    let cause = format!("event {seq} is longer than {MOST_PAYLOAD} bytes");
    Fault::on("put into", ASIDE)(io::Error::new(io::ErrorKind::InvalidData, cause)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Millis;

    /// So many events of so many bytes that are still to come.
    struct Zeros {
        next: u64,
        last: u64,
        bytes: Vec<u8>,
    }

    impl Source for Zeros {
        fn next<T>(&mut self, mut take: impl FnMut(Found<'_>) -> T) -> Option<Result<T, ReadError>> {
            let seq = Seq::new(self.next);
            self.next += 1;
            let found = Found { seq, time: Millis::new(0), payload: &self.bytes };
            (seq.get() <= self.last).then(|| Ok(take(found)))
        }
    }

    fn events(last: u64, bytes: usize) -> Zeros {
        Zeros { next: 1, last, bytes: vec![0; bytes] }
    }

    #[test]
    fn events_that_are_read_ahead_come_all_and_in_order() {
        for bytes in [0, 100, PIECE_BYTES] {
            let mut records = Vec::new();
            let mut all = events(1000, bytes);
            while all.next(|event| put_record(&mut records, event)).is_some() {}
            let spent = Spent::default();
            let (read, last) = read_ahead(
                || events(1000, bytes),
                &spent,
                |pieces| {
                    pieces.fold((Vec::new(), None), |(mut read, _), piece| {
                        read.extend_from_slice(&piece.records);
                        spent.put(piece.records);
                        (read, piece.last)
                    })
                },
            );
            assert!(read == records, "{bytes}");
            assert_eq!(last, Some(Seq::new(1000)));
        }
    }

    #[test]
    fn who_stops_early_ends_the_reading() {
        let first = read_ahead(
            || events(u64::MAX - 1, 100),
            &Spent::default(),
            |pieces| pieces.next().unwrap().events,
        );
        assert!(first > 0);
    }
}
