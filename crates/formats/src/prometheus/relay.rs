//! Reading files of records on several cores, with what comes of it handed over in the order of the files.
//!
//! Whoever is free takes the next block, decompresses and checks its records and digests them. Digests wait for those
//! before them; whoever completes the row hands it over while the others go on. So the order-dependent part runs beside
//! the rest, and memory is a few blocks, whatever the size of the log.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, PoisonError};

use super::directory::{Directory, Framing, Scanner};
use super::feed::{Block, Feed};
use crate::survey::lock;
use crate::{Part, Progress, ReadError};

/// How far a thread may read ahead of what was handed over, in blocks.
const AHEAD: u64 = 16;

/// What is to be read, and how.
#[derive(Clone, Debug)]
pub struct Relay<'a> {
    /// Files of records, in the order in which they are read.
    pub parts: &'a [&'a Part],
    /// How many threads may work.
    pub workers: NonZeroUsize,
    /// Where progress is counted.
    pub progress: &'a Progress,
}

impl Directory {
    /// Reads files on several cores: `digest` is given what lies in a block, on any thread and in any order; `take` is
    /// given what came of each block, with the number of the part, in the order of the files. It empties the digest,
    /// which is used again.
    ///
    /// Ends early where `take` says so.
    pub fn relay<D: Default + Send>(
        &self,
        relay: &Relay<'_>,
        digest: impl Fn(&mut D, usize, Framing<'_>) + Sync,
        take: impl FnMut(&mut D, usize) -> ControlFlow<()> + Send,
    ) -> Result<(), ReadError> {
        let queue = Mutex::new(Queue { relay, next: 0, open: None, number: 0 });
        let row = Row {
            waiting: Mutex::new(Waiting { next: 0, digests: BTreeMap::new(), spare: Vec::new(), end: None }),
            moved: Condvar::new(),
            take: Mutex::new(take),
        };
        let run = || self.run(&queue, &row, &digest);
        std::thread::scope(|scope| {
            (1..relay.workers.get()).for_each(|_| {
                scope.spawn(run);
            });
            run();
        });
        let end = lock(&row.waiting).end.take();
        match end {
            Some(End::Failed(error)) => Err(error),
            Some(End::Asked) | None => Ok(()),
        }
    }

    fn run<D: Default + Send, F: FnMut(&mut D, usize) -> ControlFlow<()> + Send>(
        &self,
        queue: &Mutex<Queue<'_>>,
        row: &Row<D, F>,
        digest: &(impl Fn(&mut D, usize, Framing<'_>) + Sync),
    ) {
        let (mut block, mut scanner) = (Block::default(), Scanner::new());
        loop {
            let task = match lock(queue).next(&mut block) {
                Ok(Some(task)) => task,
                Ok(None) => return,
                Err(error) => return row.end(End::Failed(error)),
            };
            let Some(mut made) = row.begin(task.number) else { return };
            let Some(part) = lock(queue).relay.parts.get(task.part).copied() else { return };
            let mut visit = |framing: Framing<'_>| {
                digest(&mut made, task.part, framing);
                ControlFlow::Continue(())
            };
            if scanner.scan(self, part, &block, &mut visit).is_continue() {
                row.hand_in(task, made);
            }
        }
    }
}

/// A block's place in the row, and the number of the part that it belongs to.
#[derive(Clone, Copy)]
struct Task {
    number: u64,
    part: usize,
}

/// What is left to read.
struct Queue<'a> {
    relay: &'a Relay<'a>,
    next: usize,
    open: Option<(usize, Feed)>,
    number: u64,
}

impl Queue<'_> {
    fn next(&mut self, block: &mut Block) -> Result<Option<Task>, ReadError> {
        loop {
            if let Some((part, feed)) = &mut self.open {
                let part = *part;
                match feed.next(block) {
                    Ok(Some(bytes)) => {
                        self.relay.progress.add(bytes);
                        let number = self.number;
                        self.number += 1;
                        return Ok(Some(Task { number, part }));
                    }
                    Ok(None) => self.open = None,
                    Err(error) => return Err(self.failed(part, error)),
                }
            }
            let at = self.next;
            let Some(part) = self.relay.parts.get(at) else { return Ok(None) };
            self.next += 1;
            self.open = Some((at, Feed::open(part).map_err(|error| self.failed(at, error))?));
        }
    }

    /// Nothing is read any more.
    fn failed(&mut self, at: usize, error: io::Error) -> ReadError {
        (self.open, self.next) = (None, usize::MAX);
        match self.relay.parts.get(at) {
            Some(part) => ReadError::new(part, error),
            None => ReadError { file: String::new(), source: error },
        }
    }
}

/// Where digests wait for their turn.
struct Row<D, F> {
    waiting: Mutex<Waiting<D>>,
    /// Something was handed over, or it is over.
    moved: Condvar,
    take: Mutex<F>,
}

struct Waiting<D> {
    /// The number of the block whose turn it is.
    next: u64,
    digests: BTreeMap<u64, (usize, D)>,
    spare: Vec<D>,
    end: Option<End>,
}

/// Why it ends early.
enum End {
    Asked,
    Failed(ReadError),
}

impl<D: Default, F: FnMut(&mut D, usize) -> ControlFlow<()>> Row<D, F> {
    /// Waits until the block may be digested; `None` if it is over.
    fn begin(&self, number: u64) -> Option<D> {
        let mut waiting = lock(&self.waiting);
        while waiting.end.is_none() && number >= waiting.next + AHEAD {
            waiting = self.moved.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.end.is_none().then(|| waiting.spare.pop().unwrap_or_default())
    }

    /// Puts a digest in the row, and hands over what is ready, unless another thread is at it.
    fn hand_in(&self, task: Task, made: D) {
        lock(&self.waiting).digests.insert(task.number, (task.part, made));
        // Whoever is at it may have looked just before this was put in; then nobody holds `take` any more.
        while self.is_ready() {
            let Ok(mut take) = self.take.try_lock() else { return };
            while let Some((part, mut made)) = self.pop() {
                let flow = take(&mut made, part);
                let mut waiting = lock(&self.waiting);
                waiting.next += 1;
                waiting.spare.push(made);
                self.moved.notify_all();
                if flow.is_break() {
                    waiting.end.get_or_insert(End::Asked);
                    return;
                }
            }
        }
    }

    fn is_ready(&self) -> bool {
        let waiting = lock(&self.waiting);
        waiting.end.is_none() && waiting.digests.contains_key(&waiting.next)
    }

    fn pop(&self) -> Option<(usize, D)> {
        let mut waiting = lock(&self.waiting);
        let next = waiting.next;
        if waiting.end.is_some() { None } else { waiting.digests.remove(&next) }
    }

    fn end(&self, end: End) {
        lock(&self.waiting).end.get_or_insert(end);
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prometheus::record::{Point, Record, SeriesRef};
    use crate::prometheus::{Compression, Pages};

    /// Three segments of several blocks, with a sample for each record that counts up.
    fn log() -> (tempfile::TempDir, Directory) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("wal")).unwrap();
        let mut time = 0;
        for segment in 0..3 {
            let mut pages = Pages::default();
            while pages.bytes().len() < 700_000 {
                let point = Point { series: SeriesRef(1), time, value: 0.0 };
                time += 1;
                let mut record = Vec::new();
                Record::Samples(vec![point; 100]).encode(&mut record);
                pages.log(&record, Compression::None);
            }
            pages.close();
            std::fs::write(dir.path().join(format!("wal/{segment:08}")), pages.bytes()).unwrap();
        }
        let directory = Directory::list(dir.path()).unwrap().unwrap();
        (dir, directory)
    }

    fn times(directory: &Directory, workers: usize, most: usize) -> Vec<(usize, i64)> {
        let parts: Vec<&Part> = directory.parts().iter().collect();
        let progress = Progress::default();
        let workers = NonZeroUsize::new(workers).unwrap();
        let relay = Relay { parts: &parts, workers, progress: &progress };
        let digest = |times: &mut Vec<i64>, _: usize, framing: Framing<'_>| {
            let Framing::Record(frame) = framing else { panic!("{framing:?}") };
            times.extend(frame.gist.times.map(|(min, _)| min));
        };
        let mut all = Vec::new();
        let take = |times: &mut Vec<i64>, part: usize| {
            all.extend(times.drain(..).map(|time| (part, time)));
            if all.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        directory.relay(&relay, digest, take).unwrap();
        all
    }

    #[test]
    fn what_is_handed_over_is_in_the_order_of_the_files_on_any_number_of_threads() {
        let (_dir, directory) = log();
        let alone = times(&directory, 1, usize::MAX);
        assert!(alone.iter().map(|(_, time)| *time).eq(0..i64::try_from(alone.len()).unwrap()));
        assert_eq!(alone.last().map(|(part, _)| *part), Some(2));
        for workers in 2..6 {
            assert_eq!(times(&directory, workers, usize::MAX), alone);
        }
    }

    #[test]
    fn reading_ends_where_that_is_asked_for() {
        let (_dir, directory) = log();
        for workers in 1..4 {
            let all = times(&directory, workers, 1);
            assert!(!all.is_empty() && all.len() < 1000, "{}", all.len());
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let (dir, directory) = log();
        std::fs::remove_file(dir.path().join("wal/00000001")).unwrap();
        let parts: Vec<&Part> = directory.parts().iter().collect();
        let progress = Progress::default();
        let relay = Relay { parts: &parts, workers: NonZeroUsize::MIN, progress: &progress };
        let error = directory.relay(&relay, |(): &mut (), _, _| {}, |(), _| ControlFlow::Continue(()));
        assert_eq!(error.unwrap_err().file, "wal/00000001");
    }
}
