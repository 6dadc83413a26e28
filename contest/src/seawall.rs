//! The journal: its writers are futures on one thread, as in the product; or threads that wait, as its peers' are.

use std::cell::Cell;
use std::path::Path;

use journal::{Consumer, Journal, Millis, Options, Outcome, Seq, Span, Start, Stream};

use crate::round::{Contestant, Order, Round, alone, threads};
use crate::tasks::drive;

/// Events between two settlements, as by a consumer that keeps up.
const SETTLED: u64 = 4096;

/// How its writers wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// As futures.
    Tasks,
    /// With a thread each.
    Threads,
}

/// The journal.
pub(crate) struct Seawall {
    journal: Journal,
    stream: Stream,
    consumer: Consumer,
    waiting: Waiting,
}

impl Seawall {
    pub(crate) fn new(directory: &Path, waiting: Waiting) -> Self {
        let journal = Journal::open(&directory.join("journal"), Options::new(|| Millis::new(0))).unwrap();
        let stream = journal.stream("s").unwrap();
        let consumer = journal.consumer("c", Start::Oldest).unwrap();
        Self { journal, stream, consumer, waiting }
    }

    /// A consumer keeps up, so that segments are used again as they would be.
    fn settle(&self) {
        let last = self.journal.streams().first().and_then(|stream| stream.last);
        if let Some(span) = last.and_then(|last| Span::new(Seq::FIRST, last)) {
            drop(self.consumer.settle(&self.stream, span, Outcome::Delivered));
        }
    }

    fn by_tasks(&self, order: &Order) -> Round {
        let count = Cell::new(0u64);
        let append = || {
            count.set(count.get() + 1);
            if count.get().is_multiple_of(SETTLED) {
                self.settle();
            }
            self.journal.append(&self.stream, &order.payload)
        };
        match order.writers {
            1 => alone(order, || assert!(append().wait().is_ok())),
            _ => drive(order, append),
        }
    }

    fn by_threads(&self, order: &Order) -> Round {
        let most = SETTLED / order.writers as u64;
        threads(order, |number| {
            let mut count = 0u64;
            move || {
                count += 1;
                if number == 0 && count.is_multiple_of(most) {
                    self.settle();
                }
                self.journal.append(&self.stream, &order.payload).wait().unwrap();
            }
        })
    }
}

impl Contestant for Seawall {
    /// Goes once through the segments that it will use again, as the files of others are written before.
    fn prepare(&mut self) {
        while self.journal.stats().counters.segments_retired < 3 {
            self.journal.append_all(&self.stream, vec![[0; 64 << 10]; 64]).unwrap();
            self.settle();
        }
    }

    fn round(&mut self, order: &Order) -> Round {
        match self.waiting {
            Waiting::Tasks => self.by_tasks(order),
            Waiting::Threads => self.by_threads(order),
        }
    }

    fn rest(&mut self) {
        self.settle();
    }
}
