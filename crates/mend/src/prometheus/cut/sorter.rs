//! Samples on their way into runs: one batch is filled while the one before it is sorted and written.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use super::batch::{Batch, Item};
use super::roster::SeriesId;
use super::runs::{RunWriter, Runs};
use crate::MendError;

/// Takes samples in, in the order of the log.
pub(super) struct Sorter<'scope> {
    batch: Batch,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
    writer: ScopedJoinHandle<'scope, Result<Runs, MendError>>,
}

/// The thread that writes has ended, and will say why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended;

impl<'scope> Sorter<'scope> {
    /// Begins; `scope` gets the thread that writes.
    pub(super) fn begin<'env>(scope: &'scope Scope<'scope, 'env>, mut writer: RunWriter<'scope>) -> Self {
        // None waits between the two: with the one that is filled and the one that is written, two are in memory.
        let (full, to_write) = sync_channel::<Batch>(0);
        let (written, empty) = sync_channel(1);
        let writer = scope.spawn(move || {
            let mut spare = Batch::default();
            for batch in to_write {
                // Nobody waits for it any more when all is taken in.
                written.try_send(std::mem::take(&mut spare)).unwrap_or(());
                writer.write(&batch)?;
                spare = batch;
                spare.clear();
            }
            Ok(writer.finish())
        });
        Self { batch: Batch::default(), full, empty, writer }
    }

    /// Takes an item.
    #[inline]
    pub(super) fn push(&mut self, series: SeriesId, time: i64, item: &Item<'_>) -> Result<(), Ended> {
        self.batch.push(series, time, item);
        if self.batch.is_full() { self.hand_over() } else { Ok(()) }
    }

    /// Waits until all is written.
    pub(super) fn finish(mut self) -> Result<Runs, MendError> {
        if !self.batch.is_empty() {
            // If it has ended, it says why below.
            self.hand_over().unwrap_or(());
        }
        drop(self.full);
        self.writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn hand_over(&mut self) -> Result<(), Ended> {
        let full = std::mem::take(&mut self.batch);
        self.full.send(full).map_err(|_| Ended)?;
        self.batch = self.empty.recv().map_err(|_| Ended)?;
        Ok(())
    }
}
