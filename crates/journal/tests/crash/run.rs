//! One seeded run: what callers do, what the disk does to them, and whether the journal has kept its word.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::storage::Storage;
use journal::{
    Commit, CommitError, Identity, Journal, JournalId, Millis, OpenError, Options, Outcome, Seq, WhenFull,
};

use crate::chance::Chance;
use crate::disk::{CrashDisk, Fault};
use crate::model::{Event, Law, State, Stream, Sure, Verb};
use crate::readers::Readers;

const SEGMENT: u64 = 64 << 10;

/// What a run has seen and done, for the figures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) appended: u64,
    pub(crate) crashes: u64,
    pub(crate) faults: u64,
    pub(crate) cuts: u64,
    pub(crate) rotted: u64,
    pub(crate) damage: u64,
    pub(crate) segments: u64,
    pub(crate) carried: u64,
    pub(crate) dropped: u64,
    pub(crate) refused: u64,
}

struct Run {
    seed: u64,
    disk: CrashDisk,
    chance: Chance,
    journal: Option<Journal>,
    readers: Readers,
    streams: BTreeMap<String, Stream>,
    /// The streams that events are appended to.
    open: Vec<String>,
    next: u64,
    /// How many the journal may have: with the fewest, it is full now and then.
    segments: u64,
    when_full: WhenFull,
    tally: Tally,
}

/// When the journal is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Start,
    Between,
}

type Checked = Result<(), String>;

/// Plays the run of a seed.
pub(crate) fn run(seed: u64) -> Result<Tally, String> {
    let mut chance = Chance::new(seed);
    let mut run = Run {
        seed,
        disk: CrashDisk::new(seed),
        journal: None,
        readers: Readers::draw(&mut Chance::new(!seed)),
        streams: BTreeMap::new(),
        open: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
        next: 0,
        segments: if seed.is_multiple_of(3) { 6 } else { 12 },
        when_full: if chance.one_in(5) { WhenFull::DropOldest } else { WhenFull::Reject },
        tally: Tally::default(),
        chance,
    };
    run.play()?;
    Ok(run.tally)
}

impl Run {
    fn play(&mut self) -> Checked {
        let rots = self.chance.one_in(6);
        for _ in 0..2 + self.chance.below(4) {
            let has_faults = self.chance.one_in(2);
            if has_faults && self.chance.one_in(3) {
                self.arm();
            }
            self.open(Law::Strict)?;
            if self.chance.one_in(2) {
                self.disk.arm(self.chance.below(60), Fault::PowerOff);
            }
            for _ in 0..self.chance.below(40) {
                if has_faults && self.chance.one_in(12) {
                    self.arm();
                } else if self.chance.one_in(40) {
                    self.disk.arm(self.chance.below(4), Fault::Ruined);
                }
                self.step()?;
                if self.disk.is_off() {
                    self.crash();
                    self.open(Law::Strict)?;
                }
            }
            self.stop();
        }
        if rots {
            return self.rot();
        }
        self.disk.disarm();
        self.open(Law::Strict)?;
        self.settle_everything()?;
        self.stop();
        self.open(Law::Strict)?;
        self.readers.last_one_comes();
        self.look(Moment::Start, Law::Strict)?;
        self.settle_everything()?;
        self.nothing_is_left()
    }

    fn arm(&mut self) {
        let faults = [Fault::Broken, Fault::NoRoom, Fault::Short, Fault::PowerOff, Fault::Unreadable];
        let fault = faults[self.chance.below(5) as usize];
        self.disk.arm(self.chance.below(25), fault);
        self.tally.faults += 1;
    }

    fn options(&self) -> Options {
        let mut options = Options::new(|| Millis::new(1));
        options.identity = Identity::Only(JournalId::new(u128::from(self.seed)));
        options.commit = Commit::Caller;
        options.segment_size = SEGMENT;
        options.max_event = SEGMENT / 4;
        options.max_bytes = self.segments * SEGMENT;
        options.when_full = self.when_full;
        options
    }

    /// Opens the journal, again and again while the disk fails, and looks at what is there.
    fn open(&mut self, law: Law) -> Checked {
        // A block that is ruined and power that is lost before its events are carried over are two faults.
        self.disk.disarm_ruin();
        for _ in 0..20 {
            let storage: Arc<dyn Storage> = Arc::new(self.disk.clone());
            match Journal::open_in(&storage, self.options()) {
                Ok(journal) => {
                    self.tally.cuts += u64::from(journal.recovery().cut.is_some());
                    self.tally.damage += journal.recovery().damage.len() as u64;
                    let is_sound = journal.recovery().damage.is_empty();
                    if law == Law::Strict && !is_sound {
                        return Err(format!("a crash looks like damage: {:?}", journal.recovery()));
                    }
                    self.journal = Some(journal);
                    return self.look(Moment::Start, law);
                }
                Err(OpenError::Disk(_)) => self.crash(),
                Err(other) => return Err(format!("cannot be opened: {other}")),
            }
        }
        Err("cannot be opened at all".to_owned())
    }

    fn journal(&self) -> Result<Journal, String> {
        self.journal.clone().ok_or_else(|| "no journal is open".to_owned())
    }

    /// Whether everybody is registered who is here: without a place to write, that may not be possible.
    fn all_are_registered(&self) -> Result<bool, String> {
        let journal = self.journal()?;
        Ok(self.readers.numbers().all(|number| self.readers.get(&journal, number).is_ok()))
    }

    /// Ends the process in one way or another.
    fn stop(&mut self) {
        match self.chance.below(6) {
            0 => drop(self.journal.take()),
            1 => {
                self.disk.kill();
                self.journal = None;
            }
            _ => self.crash(),
        }
    }

    fn crash(&mut self) {
        // First the power, then the process: what it does while it ends reaches nothing any more.
        self.disk.lose_power();
        self.journal = None;
        self.tally.crashes += 1;
    }

    fn step(&mut self) -> Checked {
        match self.chance.below(20) {
            0..=8 => self.append(),
            9..=14 => self.settle_some(),
            15 => self.settle_most(),
            16 => self.set_aside(),
            17 => self.close(),
            18 => self.look(Moment::Between, Law::Strict),
            _ => Ok(()),
        }
    }

    fn append(&mut self) -> Checked {
        let journal = self.journal()?;
        let name = self.open[self.chance.below(self.open.len() as u64) as usize].clone();
        let Ok(stream) = journal.stream(&name) else { return Ok(()) };
        let count = 1 + if self.chance.one_in(3) { self.chance.below(8) } else { 0 };
        let mut tickets = Vec::new();
        for _ in 0..count {
            let payload = self.payload();
            tickets.push((journal.append(&stream, &payload), payload));
        }
        let mut is_behind = false;
        for (ticket, payload) in tickets {
            let seq = match ticket.wait() {
                Ok(seq) if is_behind => {
                    return Err(format!("event {seq} has passed one by that was refused"));
                }
                Ok(seq) => Some(seq),
                Err(CommitError::Unknown(_)) => {
                    is_behind = true;
                    None
                }
                Err(
                    CommitError::Stopped(_)
                    | CommitError::DiskFull(_)
                    | CommitError::OverBudget { .. }
                    | CommitError::Behind { .. },
                ) => {
                    self.tally.refused += 1;
                    is_behind = true;
                    continue;
                }
                Err(other) => return Err(format!("appending: {other}")),
            };
            self.tally.appended += u64::from(seq.is_some());
            let consumers = self.readers.wants(&name);
            self.streams.entry(name.clone()).or_default().events.insert(payload, Event { seq, consumers });
        }
        Ok(())
    }

    fn payload(&mut self) -> Vec<u8> {
        self.next += 1;
        let mut payload = format!("{:08}", self.next).into_bytes();
        let len = match self.chance.below(10) {
            0 => SEGMENT / 4 - 8,
            1..=3 => self.chance.below(6000),
            _ => self.chance.below(300),
        };
        let filler = self.chance.next().to_le_bytes();
        let filled = payload.len() + len as usize;
        payload.extend(filler.repeat(len as usize / filler.len() + 1));
        payload.truncate(filled);
        payload
    }

    /// The events of a stream that a consumer certainly wants.
    fn wanted(&mut self, consumer: usize, state: State) -> Option<(String, Vec<Seq>)> {
        let names: Vec<String> = self.streams.keys().cloned().collect();
        let name = names.get(self.chance.below(names.len() as u64) as usize)?.clone();
        let events = self.streams[&name].events.values();
        let wanted = events.filter(|event| event.consumers[consumer].is(state)).filter_map(|event| event.seq);
        Some((name, wanted.collect()))
    }

    fn settle(&mut self, consumer: usize, name: &str, events: &[Seq], verb: Verb) -> Checked {
        // What all have settled is gone, so a consumer that is registered later does not find it.
        if !self.all_are_registered()? {
            return Ok(());
        }
        let Ok(known) = self.readers.get(&self.journal()?, consumer) else { return Ok(()) };
        let Ok(stream) = self.journal()?.stream(name) else { return Ok(()) };
        let outcome = match verb {
            Verb::Deliver => Outcome::Delivered,
            Verb::Park => Outcome::Parked("it was refused".to_owned()),
            Verb::Requeue => Outcome::Requeued,
            Verb::Drop => Outcome::Dropped,
        };
        let ticket =
            known.settle_some(&stream, events.iter().copied(), outcome).map_err(|error| error.to_string())?;
        let sure = match ticket.wait() {
            Ok(()) => Sure::Yes,
            Err(CommitError::Unknown(_)) => Sure::Maybe,
            Err(CommitError::Stopped(_) | CommitError::DiskFull(_)) => return Ok(()),
            // All events of a closed stream were dropped, and its name is another's now.
            Err(CommitError::NotAppended { .. }) if self.journal()?.stats().lost_to_budget > 0 => {
                return Ok(());
            }
            Err(other) => return Err(format!("settling: {other}")),
        };
        let Some(stream) = self.streams.get_mut(name) else { return Ok(()) };
        events.iter().for_each(|&seq| stream.settle(consumer, seq, verb, sure));
        Ok(())
    }

    fn settle_some(&mut self) -> Checked {
        let consumer = usize::from(self.chance.one_in(4));
        let Some((name, wanted)) = self.wanted(consumer, State::Wanted) else { return Ok(()) };
        let chosen: Vec<Seq> = wanted.into_iter().take(10).filter(|_| !self.chance.one_in(4)).collect();
        if chosen.is_empty() { Ok(()) } else { self.settle(consumer, &name, &chosen, Verb::Deliver) }
    }

    /// Everything of a stream but one event, by both: what is left keeps a segment until it is carried.
    fn settle_most(&mut self) -> Checked {
        for consumer in self.readers.numbers() {
            let Some((name, wanted)) = self.wanted(consumer, State::Wanted) else { return Ok(()) };
            if wanted.len() > 1 {
                self.settle(consumer, &name, &wanted[1..], Verb::Deliver)?;
            }
        }
        Ok(())
    }

    fn set_aside(&mut self) -> Checked {
        let (state, verb) = match self.chance.below(4) {
            0 => (State::Parked, Verb::Requeue),
            1 => (State::Parked, Verb::Drop),
            _ => (State::Wanted, Verb::Park),
        };
        let Some((name, events)) = self.wanted(0, state) else { return Ok(()) };
        let Some(&seq) = events.get(self.chance.below(events.len() as u64) as usize) else { return Ok(()) };
        // With a budget that drops, it may be gone, and then it cannot be parked.
        if self.when_full == WhenFull::DropOldest {
            return Ok(());
        }
        self.settle(0, &name, &[seq], verb)
    }

    fn close(&mut self) -> Checked {
        if !self.chance.one_in(4) {
            return Ok(());
        }
        let at = self.chance.below(self.open.len() as u64) as usize;
        self.next += 1;
        // Its successor concerns the same ones.
        let successor = format!("{}{}", self.open[at], self.next);
        let name = std::mem::replace(&mut self.open[at], successor);
        let journal = self.journal()?;
        let Ok(stream) = journal.stream(&name) else { return Ok(()) };
        match journal.close_stream(&stream).wait() {
            Ok(()) => match journal.append(&stream, b"late").wait() {
                Err(CommitError::Closed { .. } | CommitError::Stopped(_) | CommitError::DiskFull(_)) => {
                    Ok(())
                }
                other => Err(format!("a closed stream took an event: {other:?}")),
            },
            Err(_) => Ok(()),
        }
    }

    /// Reads everything and holds it against the model.
    fn look(&mut self, moment: Moment, law: Law) -> Checked {
        let journal = self.journal()?;
        let (stats, unread) = (journal.stats(), self.disk.unread());
        let law = if law == Law::Strict && stats.lost_to_budget > 0 { Law::MayMiss } else { law };
        self.tally.segments += stats.counters.segments_begun;
        self.tally.carried += stats.counters.carried;
        self.tally.dropped += stats.lost_to_budget;
        if !self.all_are_registered()? {
            return Ok(());
        }
        let names: Vec<String> = self.streams.keys().cloned().collect();
        for name in names.into_iter().filter(|name| self.readers.concerned(name)) {
            let numbers = self.readers.numbers();
            let seen: Result<Vec<_>, _> =
                numbers.map(|number| self.readers.see(&journal, number, &name, law)).collect();
            let seen = match seen {
                Ok(seen) => seen,
                // What cannot be read now is read later.
                Err(_) if self.disk.is_off() || self.disk.unread() > unread => return Ok(()),
                Err(error) => return Err(error),
            };
            let Some(stream) = self.streams.get_mut(&name) else { continue };
            let mut compared = stream.clone();
            compared.compare(&seen, law).map_err(|error| format!("stream {name}: {error}; {stats:?}"))?;
            // Between two starts, what is unknown stays so: a start finds it, or makes it void.
            if moment == Moment::Start {
                *stream = compared;
            }
        }
        Ok(())
    }

    /// Flips bits while the journal is closed: what is missing afterwards has to be reported.
    fn rot(&mut self) -> Checked {
        self.disk.disarm();
        if self.disk.is_off() {
            self.crash();
        }
        for _ in 0..=self.chance.below(3) {
            let hit = self.disk.rot(|name| !name.contains('/'));
            self.tally.rotted += u64::from(hit.is_some());
        }
        let storage: Arc<dyn Storage> = Arc::new(self.disk.clone());
        let journal = match Journal::open_in(&storage, self.options()) {
            Ok(journal) => journal,
            // The version, or the only header that says which journal this is.
            Err(OpenError::Header { .. }) => return Ok(()),
            Err(other) => return Err(format!("cannot be opened after a bit flipped: {other}")),
        };
        let recovery = journal.recovery().clone();
        self.tally.damage += recovery.damage.len() as u64;
        self.journal = Some(journal.clone());
        self.readers.last_one_comes();
        // Registering may begin a segment, and what is carried then be found to be damaged.
        self.all_are_registered()?;
        let is_reported = !journal.damage().is_empty() || recovery.cut.is_some();
        drop(journal);
        self.look(Moment::Start, if is_reported { Law::MayRepeat } else { Law::Strict }).or_else(|error| {
            if error.contains("damaged") { Ok(()) } else { Err(format!("{error}; {recovery:?}")) }
        })
    }

    fn settle_everything(&mut self) -> Checked {
        for consumer in self.readers.numbers() {
            let names: Vec<String> = self.streams.keys().cloned().collect();
            for name in names {
                let events = self.streams[&name].events.values();
                let left = events.filter(|event| !event.consumers[consumer].is(State::Done));
                let left: Vec<Seq> = left.filter_map(|event| event.seq).collect();
                for some in left.chunks(200) {
                    self.settle(consumer, &name, some, Verb::Deliver)?;
                }
            }
        }
        Ok(())
    }

    fn nothing_is_left(&mut self) -> Checked {
        let live = self.journal()?.stats().live_events;
        if live == 0 { Ok(()) } else { Err(format!("{live} events are live after all were settled")) }
    }
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.appended += other.appended;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.cuts += other.cuts;
        self.rotted += other.rotted;
        self.damage += other.damage;
        self.segments += other.segments;
        self.carried += other.carried;
        self.dropped += other.dropped;
        self.refused += other.refused;
    }
}
