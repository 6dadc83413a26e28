//! Reading events, and making records of them, while those before them are compressed.

use std::io;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::arwal::{MOST_PAYLOAD, put_record};
use super::{ASIDE, ArchiveError};
use crate::storage::Fault;
use crate::{Event, ReadError, Seq};

/// An event, or why it could not be read.
pub(super) type Read = Result<Event, ReadError>;

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

/// Lets another thread read the events that `take` gets. Where there can be none, they are read here.
pub(super) fn read_ahead<E, T>(
    events: impl Fn() -> E,
    take: impl FnOnce(&mut dyn Iterator<Item = Piece>) -> T,
) -> T
where
    E: Iterator<Item = Read> + Send,
{
    let (give, given) = sync_channel(PIECES);
    let mut ahead = pieces(events());
    let read = move || while ahead.next().is_some_and(|piece| give.send(piece).is_ok()) {};
    thread::scope(|scope| {
        match thread::Builder::new().name("journal-archive".to_owned()).spawn_scoped(scope, read) {
            Ok(_) => take(&mut given.into_iter()),
            Err(_) => take(&mut pieces(events())),
        }
    })
}

/// All events, in pieces.
pub(super) fn pieces(mut events: impl Iterator<Item = Read>) -> impl Iterator<Item = Piece> {
    std::iter::from_fn(move || {
        let piece = Piece::of(&mut events);
        (piece.last.is_some() || piece.failed.is_some()).then_some(piece)
    })
}

impl Piece {
    fn of(events: &mut impl Iterator<Item = Read>) -> Self {
        let mut piece = Self::default();
        for event in events {
            match event {
                Ok(event) if event.payload.len() as u64 > MOST_PAYLOAD => {
                    piece.failed = Some(too_long(event.seq));
                    break;
                }
                Ok(event) => {
                    piece.last = Some(event.seq);
                    piece.events += 1;
                    put_record(&mut piece.records, &event);
                }
                Err(ReadError::Damaged { seq, .. }) => {
                    piece.last = Some(seq);
                    piece.damaged.push(seq);
                }
                Err(error) => {
                    piece.failed = Some(ArchiveError::Read(error));
                    break;
                }
            }
            if piece.records.len() >= PIECE_BYTES || piece.damaged.len() >= MOST_DAMAGED {
                break;
            }
        }
        piece
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

    fn events(count: u64, bytes: usize) -> impl Iterator<Item = Read> + Send {
        (1..=count).map(move |number| {
            Ok(Event { seq: Seq::new(number), time: Millis::new(0), payload: vec![0; bytes] })
        })
    }

    #[test]
    fn events_that_are_read_ahead_come_all_and_in_order() {
        for bytes in [0, 100, PIECE_BYTES] {
            let mut records = Vec::new();
            events(1000, bytes).for_each(|event| put_record(&mut records, &event.unwrap()));
            let (read, last) = read_ahead(
                || events(1000, bytes),
                |pieces| {
                    pieces.fold((Vec::new(), None), |(mut read, _), piece| {
                        read.extend(piece.records);
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
        let first = read_ahead(|| events(u64::MAX - 1, 100), |pieces| pieces.next().unwrap().events);
        assert!(first > 0);
    }
}
