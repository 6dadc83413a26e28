//! When the first pending event of each stream came, so that it is read from the disk once.

use std::collections::HashMap;

use journal::{Consumer, Millis, Seq, StreamNumber};

/// Events that are read at one time. Where more are not known, the next times read on; those that lie furthest back come
/// first, and few of the others are older.
const MOST_READ: usize = 1000;

#[derive(Default)]
pub(super) struct Ages(HashMap<StreamNumber, (Seq, Millis)>);

impl Ages {
    /// When the oldest event came that a consumer has pending, as far as is known.
    pub(super) fn oldest(&mut self, consumer: &Consumer) -> Option<Millis> {
        let before = std::mem::take(&mut self.0);
        let mut read = 0;
        for (stream, seq) in consumer.heads() {
            let number = stream.number();
            let known = before.get(&number).filter(|(known, _)| *known == seq).map(|(_, time)| *time);
            let time = match known {
                Some(time) => Some(time),
                None if read >= MOST_READ => None,
                None => {
                    read += 1;
                    // One that is damaged is about to be parked, and one that is gone was delivered meanwhile.
                    consumer.read(&stream, seq).ok().flatten().map(|event| event.time)
                }
            };
            self.0.extend(time.map(|time| (number, (seq, time))));
        }
        self.0.values().map(|(_, time)| *time).min()
    }
}
