//! Reading events while those before them are compressed.

use std::sync::mpsc::sync_channel;
use std::thread;

use crate::{Event, ReadError};

/// An event, or why it could not be read.
pub(super) type Read = Result<Event, ReadError>;

/// Pieces that are read and wait to be compressed.
const PIECES: usize = 2;

/// Bytes of a piece. It ends with the event that reaches them.
const PIECE_BYTES: usize = 256 << 10;

/// Lets another thread read the events that `take` gets. Where there can be none, they are read here.
pub(super) fn read_ahead<E, T>(
    events: impl Fn() -> E,
    take: impl FnOnce(&mut dyn Iterator<Item = Read>) -> T,
) -> T
where
    E: Iterator<Item = Read> + Send,
{
    let (give, given) = sync_channel(PIECES);
    let mut ahead = events();
    let read = move || {
        loop {
            let piece = piece(&mut ahead);
            if piece.is_empty() || give.send(piece).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        match thread::Builder::new().name("journal-archive".to_owned()).spawn_scoped(scope, read) {
            Ok(_) => take(&mut given.into_iter().flatten()),
            Err(_) => take(&mut events()),
        }
    })
}

fn piece(events: &mut impl Iterator<Item = Read>) -> Vec<Read> {
    let (mut piece, mut bytes) = (Vec::new(), 0);
    for event in events {
        bytes += event.as_ref().map_or(0, |event| event.payload.len() + size_of::<Event>());
        piece.push(event);
        if bytes >= PIECE_BYTES {
            break;
        }
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Millis, Seq};

    fn events(count: u64, bytes: usize) -> impl Iterator<Item = Read> + Send {
        (1..=count).map(move |number| {
            Ok(Event { seq: Seq::new(number), time: Millis::new(0), payload: vec![0; bytes] })
        })
    }

    #[test]
    fn events_that_are_read_ahead_come_all_and_in_order() {
        for bytes in [0, 100, PIECE_BYTES] {
            let numbers: Vec<u64> = read_ahead(
                || events(1000, bytes),
                |events| events.map(|event| event.unwrap().seq.get()).collect(),
            );
            assert!(numbers.iter().copied().eq(1..=1000), "{bytes}");
        }
    }

    #[test]
    fn who_stops_early_ends_the_reading() {
        let first = read_ahead(|| events(u64::MAX - 1, 100), |events| events.next().unwrap().unwrap().seq);
        assert_eq!(first, Seq::FIRST);
    }
}
