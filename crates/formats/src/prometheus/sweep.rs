//! Surveying a whole log on several cores.
//!
//! Work is shared out block by block, not segment by segment: segments are few and unequal. Whoever is free takes
//! the queue's lock, reads and frames the next block (a tenth of the work: memory speed), releases the lock and
//! decompresses and checks what it got. So one thread needs no other, two share evenly, and memory is one block
//! each, whatever the size of the log.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use super::contents::{self, Contents};
use super::feed::{Block, Feed};
use super::forecast::{Load, forecast};
use super::found::What;
use super::layout::Content;
use super::redeclared;
use super::refs::RefSet;
use super::skim::{Skim, skim};
use super::unpack::Unpacker;
use super::{Dialect, PrometheusLog, blank, damage, torn, undecodable, vanished};
use crate::survey::{Tally, lock};
use crate::{Body, Depth, Entry, Log, Malformed, Order, Part, Role, Survey};

/// Reads all of `log`.
pub(super) fn survey(log: &PrometheusLog, order: &Order) -> Survey {
    let queue = Mutex::new(Queue { log, order, next: 0, open: None });
    let run = || Worker::new(log, order).run(&queue);
    let workers = std::thread::scope(|scope| {
        let others: Vec<_> = (1..order.workers.get()).map(|_| scope.spawn(run)).collect();
        let mut all = vec![run()];
        all.extend(others.into_iter().filter_map(|other| other.join().ok()));
        all
    });
    add_up(log, order, workers)
}

/// Reads the one part of `log` from `feed`.
pub(super) fn survey_feed<R: io::Read>(log: &PrometheusLog, order: &Order, mut feed: Feed<R>) -> Survey {
    let mut worker = Worker::new(log, order);
    let mut block = Block::default();
    for part in log.parts() {
        while let Ok(Some(_)) = feed.next(&mut block) {
            worker.digest(part, 0, &block);
        }
    }
    add_up(log, order, vec![worker])
}

/// Puts together what the threads found.
fn add_up(log: &PrometheusLog, order: &Order, mut workers: Vec<Worker<'_>>) -> Survey {
    let mut survey = Survey::default();
    for (at, part) in log.parts().iter().enumerate() {
        let tallies = workers.iter_mut().filter_map(|worker| worker.tallies.remove(&at));
        tallies.fold(Tally::default(), Tally::merge).add_to(part, &mut survey);
    }
    let (mut series, mut again) = (RefSet::default(), RefSet::default());
    let mut contents = Vec::new();
    let mut load = Load::default();
    for worker in workers {
        load.samples += worker.examiner.load.samples;
        load.histograms += worker.examiner.load.histograms;
        again.union(worker.examiner.again);
        series.common(&worker.examiner.series).for_each(|number| {
            again.insert(number);
        });
        series.union(worker.examiner.series);
        contents.extend(worker.examiner.contents);
    }
    if log.dialect == Dialect::Loki {
        // Loki's series numbers are hashes, and its tallies count the series records themselves.
        return survey;
    }
    survey.series = series.len();
    if again.len() != Some(0) {
        redeclared::find(log, order, &again).into_iter().for_each(|damage| survey.damage(damage));
    }
    survey.estimate = survey.series.map(|series| forecast(Load { series, ..load }));
    if let Depth::Contents { top } = order.depth {
        let (tables, unknown) = contents::conclude(&contents, top);
        survey.top = tables;
        survey.fact("unknown_series", unknown.series);
        survey.fact("unknown_samples", unknown.samples);
    }
    survey
}

/// What is left to read.
struct Queue<'a> {
    log: &'a PrometheusLog,
    order: &'a Order,
    next: usize,
    open: Option<(usize, Feed)>,
}

/// A piece of work.
enum Task {
    /// A block of the part of that number was filled in.
    Block(usize),
    /// The part of that number is read as a whole.
    Whole(usize),
    /// The part of that number cannot be read.
    Failed(usize, io::Error),
    /// Nothing is left.
    Done,
}

impl Queue<'_> {
    fn next(&mut self, block: &mut Block) -> Task {
        loop {
            if let Some((at, feed)) = &mut self.open {
                let at = *at;
                match feed.next(block) {
                    Ok(Some(bytes)) => {
                        self.order.progress.add(bytes);
                        return Task::Block(at);
                    }
                    Ok(None) => self.open = None,
                    Err(error) => {
                        self.open = None;
                        return Task::Failed(at, error);
                    }
                }
            }
            let at = self.next;
            let Some(part) = self.log.parts().get(at) else { return Task::Done };
            self.next += 1;
            match self.log.content(part) {
                Content::Records(_) => match Feed::open(part) {
                    Ok(feed) => self.open = Some((at, feed)),
                    Err(error) => return Task::Failed(at, error),
                },
                Content::Snapshot | Content::HeadChunks(_) | Content::BlockMeta => return Task::Whole(at),
            }
        }
    }
}

/// One thread's work.
struct Worker<'a> {
    log: &'a PrometheusLog,
    order: &'a Order,
    unpacker: Unpacker,
    tallies: HashMap<usize, Tally>,
    examiner: Examiner,
}

impl<'a> Worker<'a> {
    fn new(log: &'a PrometheusLog, order: &'a Order) -> Self {
        let contents =
            matches!(order.depth, Depth::Contents { .. }).then(|| Contents::behind(log.layout.blocks_end));
        let examiner = Examiner { contents, ..Examiner::default() };
        Self { log, order, unpacker: Unpacker::new(), tallies: HashMap::new(), examiner }
    }

    fn run(mut self, queue: &Mutex<Queue<'_>>) -> Self {
        let mut block = Block::default();
        loop {
            let task = lock(queue).next(&mut block);
            let (Task::Block(at) | Task::Whole(at) | Task::Failed(at, _)) = task else { return self };
            let Some(part) = self.log.parts().get(at) else { continue };
            match task {
                Task::Block(_) => self.digest(part, at, &block),
                Task::Whole(_) => self.tallies.entry(at).or_default().read(self.log, part, self.order),
                Task::Failed(_, error) if error.kind() == io::ErrorKind::NotFound => {
                    self.tallies.entry(at).or_default().add(vanished(part));
                }
                Task::Failed(_, error) => self.tallies.entry(at).or_default().fail(error),
                Task::Done => {}
            }
        }
    }

    /// Decompresses, checks and counts what lies in a block.
    fn digest(&mut self, part: &Part, at: usize, block: &Block) {
        let Content::Records(tail) = self.log.content(part) else { return };
        let dialect = self.log.dialect;
        let tally = self.tallies.entry(at).or_default();
        // What a checkpoint covers is not read any more: it must not declare a series that the rest misses.
        let mut examiner = (part.role != Role::Retained).then_some(&mut self.examiner);
        for found in &block.batch.found {
            let body = match &found.what {
                What::Record(place, compression) if dialect == Dialect::Loki => {
                    match self.unpacker.open(block.bytes(place), *compression, dialect.decoder()) {
                        Ok(record) => Body::Record(record),
                        Err(cause) => Body::Damage(undecodable(part, found, cause)),
                    }
                }
                What::Record(place, compression) => {
                    let packed = block.bytes(place);
                    let skimmed = self.unpacker.open(packed, *compression, |record| match &mut examiner {
                        Some(examiner) => examiner.examine(record),
                        None => skim(record, |_| {}),
                    });
                    match skimmed {
                        Ok(skim) => {
                            tally.count(skim.kind.name(), 0, skim.points, skim.range());
                            continue;
                        }
                        Err(cause) => Body::Damage(undecodable(part, found, cause)),
                    }
                }
                What::Damage(cause, lost) => Body::Damage(damage(part, found, cause, *lost)),
                What::Torn => torn(part, tail, found, self.order.liveness),
                What::Blank => blank(part, tail, found),
            };
            tally.add(Entry { span: found.span.clone(), body });
        }
    }
}

/// What records are examined for beyond their soundness.
#[derive(Default)]
struct Examiner {
    series: RefSet,
    /// Series that were declared more than once.
    again: RefSet,
    load: Load,
    /// Only where the order asks for contents.
    contents: Option<Contents>,
}

impl Examiner {
    /// Checks a record, notes the series that it declares, and counts its samples where that is asked for.
    #[inline]
    fn examine(&mut self, record: &[u8]) -> Result<Skim, Malformed> {
        let checked = skim(record, |one| {
            if !self.series.insert(one.series.0) {
                self.again.insert(one.series.0);
            }
            if let Some(contents) = &mut self.contents {
                contents.declare(one);
            }
        })?;
        if checked.kind.holds_histograms() {
            self.load.histograms += checked.points;
        } else {
            self.load.samples += checked.points;
        }
        if let Some(contents) = &mut self.contents {
            contents.count(record)?;
        }
        Ok(checked)
    }
}
