//! Events on their way to a server again: in order, one request at a time, each until the server has it or refuses it.
//!
//! What was dealt with is noted after each request, for each stream. A replay that goes on sends only what comes behind that. Events have the same keys whenever they are replayed, and batches are cut where numbers are missing, so that
//! the key of a batch names all of its events.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crc_fast::{CrcAlgorithm, checksum};
use journal::{Event, Seq};
use ship::{Batch, Cause, Course, OnRefused, Origin, Pace, Policy, Sink, Turn, judge};
use tokio::runtime::{Builder, Runtime};

use super::noting::Notes;
use crate::cli::Beginning;
use crate::clock;
use crate::failure::{Failure, RemoteFailure};
use crate::show::progress::{Counter, IsTyped};
use crate::show::{self, Screen, units};

/// Events that are refused and told one by one; the rest are counted.
const TOLD: u64 = 20;

/// Who sends events.
pub(super) struct Sender {
    sink: Arc<dyn Sink>,
    policy: Policy,
    pace: Option<Pace>,
    runtime: Runtime,
    /// How long the server may fail.
    patience: Duration,
    /// Since when it does.
    failing: Option<Instant>,
    notes: Notes,
    beginning: Beginning,
    screen: Screen,
    counter: Counter,
    sent: u64,
    refused: u64,
}

/// One stream on its way.
pub(super) struct Passage {
    origin: Origin,
    stream: Arc<str>,
    waiting: Vec<Event>,
    bytes: usize,
    course: Course,
    /// What its mark is called.
    mark: u64,
    /// The number up to which all is dealt with.
    after: u64,
    pub(super) sent: u64,
    pub(super) refused: u64,
}

impl Sender {
    /// One for a server.
    pub(super) fn new(
        (sink, policy): (Arc<dyn Sink>, Policy),
        (rate, patience): (Option<u32>, Duration),
        (notes, beginning): (Notes, Beginning),
        screen: &Screen,
    ) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::Input)?;
        Ok(Self {
            sink,
            // Whoever replays wants to know what is refused, and have the rest sent.
            policy: Policy { on_refused: OnRefused::Park, ..policy },
            pace: rate.map(Pace::new),
            runtime,
            patience,
            failing: None,
            notes,
            beginning,
            screen: *screen,
            counter: Counter::new(screen, IsTyped::No),
            sent: 0,
            refused: 0,
        })
    }

    /// Begins a stream. Its events are known by `id`, which is the same whenever they are replayed.
    pub(super) fn begin(&self, id: &str, stream: &str) -> Passage {
        let mark = checksum(CrcAlgorithm::Crc64Nvme, id.as_bytes());
        let after = match self.beginning {
            Beginning::Resumed => self.notes.done(mark),
            Beginning::New => 0,
        };
        Passage {
            origin: Origin::named(id),
            stream: stream.into(),
            waiting: Vec::new(),
            bytes: 0,
            course: Course::default(),
            mark,
            after,
            sent: 0,
            refused: 0,
        }
    }

    /// Takes the next event of a stream, and sends what makes a batch.
    pub(super) fn take(&mut self, passage: &mut Passage, event: Event) -> Result<(), Failure> {
        if event.seq.get() <= passage.after {
            return Ok(());
        }
        if passage.waiting.last().is_some_and(|last| last.seq.next() != event.seq) {
            self.send(passage)?;
        }
        passage.bytes += event.payload.len();
        passage.waiting.push(event);
        let limits = self.policy.batch;
        let is_full = passage.waiting.len() >= limits.events || passage.bytes >= limits.bytes;
        if is_full { self.send(passage) } else { Ok(()) }
    }

    /// Sends all that waits.
    pub(super) fn send(&mut self, passage: &mut Passage) -> Result<(), Failure> {
        while !passage.waiting.is_empty() {
            let most = passage.course.most().min(self.sink.most_events()).min(passage.waiting.len()).max(1);
            let events: Vec<Event> = passage.waiting.iter().take(most).cloned().collect();
            let batch = Batch { origin: passage.origin.clone(), stream: Arc::clone(&passage.stream), events };
            self.keep_pace(most);
            let answer = self.runtime.block_on(self.sink.send(&batch));
            let share = (RandomState::new().hash_one(0u8) % 1024) as f64 / 1024.0;
            match passage.course.turn(most, judge(&answer, clock::millis()), &self.policy, share) {
                Turn::Settle => {
                    passage.sent += most as u64;
                    self.sent += most as u64;
                    self.done(passage, most)?;
                }
                Turn::Park(reason) => {
                    self.refuse(passage, &reason);
                    self.done(passage, most)?;
                }
                Turn::Smaller => {}
                Turn::Pause(pause, Cause::Failed(reason) | Cause::Blocked(reason)) => {
                    self.wait(pause, &reason)?;
                }
                Turn::Hold(pause, reason) => {
                    self.wait(pause.unwrap_or(self.policy.backoff.initial), &reason)?;
                }
            }
        }
        passage.bytes = 0;
        Ok(())
    }

    /// Notes that the first events are dealt with.
    fn done(&mut self, passage: &mut Passage, events: usize) -> Result<(), Failure> {
        let last = passage.waiting.drain(..events).next_back().map_or(Seq::FIRST, |event| event.seq);
        if self.failing.take().is_some() {
            show::hint(&self.screen, &format!("{} takes events again", self.sink.place()));
        }
        passage.after = last.get();
        self.notes.note(passage.mark, last.get())?;
        self.counter.set(self.sent);
        Ok(())
    }

    fn refuse(&mut self, passage: &mut Passage, reason: &str) {
        passage.refused += 1;
        self.refused += 1;
        let seq = passage.waiting.first().map_or(0, |event| event.seq.get());
        if self.refused <= TOLD {
            let stream = units::safe(&passage.stream);
            show::tell(&format!("seawall: event {seq} of {stream} is refused: {}\n", units::safe(reason)));
        }
        if self.refused == TOLD + 1 {
            show::tell("seawall: more are refused, which are counted\n");
        }
    }

    fn keep_pace(&mut self, events: usize) {
        let now = tokio::time::Instant::from_std(clock::instant());
        let wait = self.pace.as_mut().map_or(Duration::ZERO, |pace| pace.take(events, now));
        std::thread::sleep(wait);
    }

    /// Waits before the same batch is sent again, not longer than the server may fail.
    fn wait(&mut self, pause: Duration, reason: &str) -> Result<(), Failure> {
        let now = clock::instant();
        if self.failing.is_none() {
            let (place, patience) = (self.sink.place(), self.patience);
            show::hint(
                &self.screen,
                &format!("{place} does not take events: {reason}; trying for {patience:?}"),
            );
        }
        let left = self.patience.saturating_sub(now.duration_since(*self.failing.get_or_insert(now)));
        if left.is_zero() {
            let (place, reason) = (self.sink.place(), reason.to_owned());
            return Err(RemoteFailure::Untaken { place, patience: self.patience, reason }.into());
        }
        std::thread::sleep(pause.min(left));
        Ok(())
    }

    /// What tells one replay from another, beside its server.
    pub(super) fn place(sink: &dyn Sink, text: Option<&str>) -> String {
        format!("{}\n{}", sink.place(), text.unwrap_or_default())
    }
}

/// What the events of a file are known by: the stream, and the first record.
pub(super) fn id_of(stream: &str, first_mark: &[u8], path: &Path) -> String {
    let mut bytes = stream.as_bytes().to_vec();
    bytes.push(0);
    bytes.extend_from_slice(first_mark);
    // An export names events of several streams in a file of its own; a log is the same log compressed or not.
    if path.extension().is_some_and(|ending| ending == "ndjson") {
        bytes.extend_from_slice(path.as_os_str().as_encoded_bytes());
    }
    format!("file-{:016x}", checksum(CrcAlgorithm::Crc64Nvme, &bytes))
}
