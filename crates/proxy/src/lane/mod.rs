//! A lane: writes that are applied in the order in which they came, and the clients who wait for them.
//!
//! [`Course`] decides; what is here keeps it behind a lock, and keeps who waits beside it.

mod ahead;
mod carrier;
mod course;
mod delivery;
mod key;
mod recall;
mod tally;
mod unhurried;
mod verdict;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use http::Response;
use journal::{CommitError, Journal, Millis, Seq, SharedBytes, Stream, Ticket};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use self::course::{Admission, Course, Step};
use crate::body::Body;
use crate::entry::Entry;

pub(crate) use carrier::start;
pub(crate) use course::{Omission, Stage};
pub(crate) use key::LaneNumber;
pub(crate) use recall::{park_heads, recall};
pub(crate) use tally::Tallies;
pub(crate) use unhurried::Unhurried;

/// A write that is no longer than this is copied into the journal's queue: that costs less than to hold it there.
const COPIED: usize = 4 << 10;

/// What a client is told about its write.
pub(crate) enum Outcome {
    /// A server's answer, or an error in its place.
    Answered(Response<Body>),
    /// It is durable, and will be applied.
    Queued,
}

/// What became of the wish not to wait any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// The write is queued.
    Queued,
    /// It was decided just now, and the answer is on its way.
    Answered,
}

/// A write whose client waits.
pub(crate) struct Waiting {
    pub(crate) client: oneshot::Sender<Outcome>,
    /// The write, and the room that it takes: as long as the leader is to be asked.
    pub(crate) entry: Option<(Arc<Entry>, OwnedSemaphorePermit)>,
    pub(crate) patience: Wish,
}

/// What a client wants if no server is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To be told at once.
    Know,
    /// To wait all the same.
    Wait,
}

/// What a track is to do.
pub(crate) enum Work {
    /// Ask for this write, and give the answer to the client.
    Ask(Seq, Arc<Entry>),
    /// Send what is pending from here on.
    Repeat(Seq, Pace),
    /// Send this again.
    Again(Seq),
    Rest,
}

/// How a track repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It follows the leader.
    Follow,
    /// It catches up, and shares that with other lanes.
    Drain,
}

pub(crate) struct Lane {
    pub(crate) number: LaneNumber,
    name: String,
    stream: OnceLock<Stream>,
    tallies: Arc<Tallies>,
    state: Mutex<State>,
}

struct State {
    course: Course,
    waiting: BTreeMap<Seq, Waiting>,
    /// Durable, with others missing before them.
    early: BTreeMap<Seq, Waiting>,
    /// A write may be in the journal that nobody will report.
    gaps: Gaps,
    /// The write of each track that was sent and not answered.
    doubts: Vec<Option<Seq>>,
    /// What each track counts for in the tallies.
    counted: Vec<tally::Share>,
    /// When the write of each track came that was asked for last.
    times: Vec<Option<(Seq, Millis)>>,
    touched: Option<tokio::time::Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gaps {
    None,
    Possible,
}

/// Tracks for which somebody has to work from now on.
#[must_use = "somebody has to work for these tracks"]
pub(crate) struct Starts(pub(crate) Vec<usize>);

impl Lane {
    /// The lane whose newest write is `last`, and the first pending write of each track.
    pub(crate) fn new(
        number: LaneNumber,
        proxy: &str,
        (last, pending): (Seq, &[Option<Seq>]),
        tallies: &Arc<Tallies>,
    ) -> Self {
        let state = State {
            course: Course::new(last, pending),
            waiting: BTreeMap::new(),
            early: BTreeMap::new(),
            gaps: Gaps::None,
            // Nobody knows whether it was on its way when the process ended.
            doubts: pending.to_vec(),
            counted: vec![tally::Share::default(); pending.len()],
            times: vec![None; pending.len()],
            touched: None,
        };
        let lane = Self {
            number,
            name: number.stream(proxy),
            stream: OnceLock::new(),
            tallies: Arc::clone(tallies),
            state: Mutex::new(state),
        };
        lane.count(&mut lane.hold());
        lane
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, counts, and says which tracks have something to do.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> (T, Starts) {
        let mut state = self.hold();
        let result = change(&mut state);
        self.count(&mut state);
        let starts = Starts(state.course.starts());
        (result, starts)
    }

    fn count(&self, state: &mut State) {
        let State { course, counted, .. } = state;
        for (track, counted) in counted.iter_mut().enumerate() {
            self.tallies.count(track, counted, tally::Share::of(course, track));
        }
    }

    /// Its stream; it is named with its first write.
    pub(crate) fn stream(&self, journal: &Journal) -> Result<&Stream, CommitError> {
        if let Some(stream) = self.stream.get() {
            return Ok(stream);
        }
        let stream = journal.stream(&self.name)?;
        Ok(self.stream.get_or_init(|| stream))
    }

    pub(crate) fn append(&self, journal: &Journal, bytes: Bytes) -> Result<Ticket<Seq>, CommitError> {
        let stream = self.stream(journal)?;
        if bytes.len() <= COPIED {
            return Ok(journal.append(stream, bytes));
        }
        let shared: SharedBytes = Arc::new(bytes);
        Ok(journal.append_shared(stream, &shared))
    }

    /// A write is durable. Tickets may be answered in any order; the course sees writes in theirs.
    pub(crate) fn arrive(&self, seq: Seq, waiting: Waiting) -> Starts {
        let ((), starts) = self.change(|state| {
            state.touched = Some(tokio::time::Instant::now());
            self.tallies.touch();
            if seq <= state.course.last() {
                // It was passed over and is decided.
                waiting.client.send(Outcome::Queued).ok();
                return;
            }
            state.early.insert(seq, waiting);
            state.publish();
        });
        starts
    }

    /// A write was not acknowledged and may be in the journal all the same.
    pub(crate) fn expect_gap(&self) -> Starts {
        let ((), starts) = self.change(|state| {
            state.gaps = Gaps::Possible;
            state.publish();
        });
        starts
    }

    /// What a track is to do next. Whoever is told to rest works for it no more.
    pub(crate) fn next(&self, track: usize) -> Work {
        let mut state = self.hold();
        match state.course.step(track) {
            Step::Ask(seq) => {
                let entry = state.waiting.get(&seq).and_then(|waiting| waiting.entry.as_ref());
                match entry {
                    Some((entry, _)) => Work::Ask(seq, Arc::clone(entry)),
                    None => Work::Repeat(seq, Pace::Follow),
                }
            }
            Step::Repeat(seq) => {
                let pace = match state.course.stage(track) {
                    Some(Stage::Live) => Pace::Follow,
                    _ => Pace::Drain,
                };
                Work::Repeat(seq, pace)
            }
            Step::Again(seq) => Work::Again(seq),
            Step::Rest => Work::Rest,
        }
    }

    pub(crate) fn skip_to(&self, track: usize, seq: Seq) -> Starts {
        self.change(|state| state.course.skip_to(track, seq)).1
    }

    /// A track has done with a write. Who waits for it is to be answered.
    pub(crate) fn settled(&self, track: usize, seq: Seq) -> (Option<oneshot::Sender<Outcome>>, Starts) {
        self.change(|state| {
            state.course.settled(track, seq);
            state.forget_doubt(track, seq);
            state.waiting.remove(&seq).map(|waiting| waiting.client)
        })
    }

    /// A write is refused for all: these other tracks do not send it.
    pub(crate) fn spare(
        &self,
        track: usize,
        seq: Seq,
    ) -> ((Option<oneshot::Sender<Outcome>>, Vec<usize>), Starts) {
        self.change(|state| {
            let spared = state.course.spare(track, seq);
            state.forget_doubt(track, seq);
            (state.waiting.remove(&seq).map(|waiting| waiting.client), spared.tracks)
        })
    }

    /// A write could not be sent.
    pub(crate) fn fail(&self, track: usize) -> Starts {
        let ((), starts) = self.change(|state| {
            let released = state.course.fail(track);
            state.tell(&released);
        });
        starts
    }

    /// It is not known whether a write was applied.
    pub(crate) fn doubt(&self, track: usize, seq: Seq) {
        if let Some(doubt) = self.hold().doubts.get_mut(track) {
            *doubt = Some(seq);
        }
    }

    /// A server is gone.
    pub(crate) fn lose(&self, track: usize) -> Starts {
        let ((), starts) = self.change(|state| {
            let released = state.course.lose(track);
            state.tell(&released);
        });
        starts
    }

    pub(crate) fn come_back(&self, track: usize) -> Starts {
        self.change(|state| state.course.come_back(track)).1
    }

    pub(crate) fn requeue(&self, track: usize, seq: Seq) -> Starts {
        self.change(|state| state.course.requeue(track, seq)).1
    }

    /// What is to be done at the start.
    pub(crate) fn starts(&self) -> Starts {
        self.change(|_| ()).1
    }

    /// A client waits no more, unless its answer is there.
    pub(crate) fn release(&self, seq: Seq) -> (Release, Starts) {
        self.change(|state| match state.waiting.remove(&seq) {
            Some(_) => {
                state.course.release(seq);
                Release::Queued
            }
            None => Release::Answered,
        })
    }

    /// Takes over the client of a write that was asked for: from now on it gets the answer and nothing else. Nobody, if it
    /// was told already that its write is queued.
    pub(crate) fn claim(&self, seq: Seq) -> Option<oneshot::Sender<Outcome>> {
        self.hold().waiting.remove(&seq).map(|waiting| waiting.client)
    }

    /// A track does not send a write that is pending.
    pub(crate) fn omit(&self, track: usize, seq: Seq) -> (Omission, Starts) {
        self.change(|state| {
            let omission = state.course.omit(track, seq);
            if omission == Omission::Done {
                state.forget_doubt(track, seq);
            }
            omission
        })
    }

    pub(crate) fn remembered(&self, track: usize, seq: Seq) -> Option<Millis> {
        let known = self.hold().times.get(track).copied().flatten();
        known.filter(|(known, _)| *known == seq).map(|(_, time)| time)
    }

    pub(crate) fn remember(&self, track: usize, seq: Seq, time: Millis) {
        if let Some(known) = self.hold().times.get_mut(track) {
            *known = Some((seq, time));
        }
    }

    pub(crate) fn is_current(&self, track: usize) -> bool {
        self.hold().course.is_current(track)
    }

    pub(crate) fn touched(&self) -> Option<tokio::time::Instant> {
        self.hold().touched
    }

    /// Whether a track still has to send a write.
    pub(crate) fn owes(&self, track: usize, seq: Seq) -> bool {
        self.hold().course.owes(track, seq)
    }

    /// How a track stands.
    pub(crate) fn standing(&self, track: usize) -> Standing {
        let state = self.hold();
        Standing {
            stage: state.course.stage(track),
            backlog: state.course.backlog(track),
            head: state.course.head(track),
            last: state.course.last(),
            doubt: state.doubts.get(track).copied().flatten(),
        }
    }
}

/// How a track stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) stage: Option<Stage>,
    pub(crate) backlog: u64,
    pub(crate) head: Option<Seq>,
    pub(crate) last: Seq,
    /// The write that was sent and not answered.
    pub(crate) doubt: Option<Seq>,
}

impl State {
    /// Lets the course see what is next, and what comes after gaps that nobody will fill.
    fn publish(&mut self) {
        while let Some(first) = self.early.first_entry() {
            if *first.key() != self.course.last().next() && self.gaps == Gaps::None {
                return;
            }
            let (seq, waiting) = first.remove_entry();
            self.waiting.insert(seq, waiting);
            if self.course.arrive(seq) == Admission::Queued {
                self.tell(&[seq]);
            }
        }
        self.gaps = Gaps::None;
    }

    /// These are decided: those who want to know are told, and those who wait all the same give their room back.
    fn tell(&mut self, released: &[Seq]) {
        for seq in released {
            let Some(mut waiting) = self.waiting.remove(seq) else { continue };
            match waiting.patience {
                Wish::Know => drop(waiting.client.send(Outcome::Queued)),
                Wish::Wait => {
                    waiting.entry = None;
                    self.waiting.insert(*seq, waiting);
                }
            }
        }
    }

    fn forget_doubt(&mut self, track: usize, seq: Seq) {
        if let Some(doubt) = self.doubts.get_mut(track).filter(|doubt| **doubt == Some(seq)) {
            *doubt = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lane with one server, and a client that waits for each of so many writes.
    fn lane_with(writes: u64) -> (Lane, Vec<oneshot::Receiver<Outcome>>) {
        let number = LaneNumber::new(0).unwrap();
        let lane = Lane::new(number, "shop", (Seq::new(0), &[None]), &Arc::new(Tallies::new(1)));
        let arrive = |seq: u64| {
            let (client, told) = oneshot::channel();
            drop(lane.arrive(Seq::new(seq), Waiting { client, entry: None, patience: Wish::Know }));
            told
        };
        let told = (1..=writes).map(arrive).collect();
        (lane, told)
    }

    #[test]
    fn a_client_is_either_told_that_its_write_is_queued_or_gets_the_answer() {
        let (lane, _told) = lane_with(2);
        assert!(lane.claim(Seq::new(1)).is_some());
        assert_eq!(lane.release(Seq::new(1)).0, Release::Answered);
        assert_eq!(lane.release(Seq::new(2)).0, Release::Queued);
        assert!(lane.claim(Seq::new(2)).is_none());
    }

    #[test]
    fn writes_that_arrive_out_of_order_wait_for_those_before_them() {
        let (lane, mut told) = lane_with(0);
        let arrive = |seq: u64| {
            let (client, told) = oneshot::channel();
            drop(lane.arrive(Seq::new(seq), Waiting { client, entry: None, patience: Wish::Know }));
            told
        };
        told.extend([arrive(2), arrive(3)]);
        assert_eq!(lane.standing(0).last, Seq::new(0));
        told.push(arrive(1));
        assert_eq!(lane.standing(0).last, Seq::new(3));
        // One that is not reported any more holds nobody up.
        told.push(arrive(5));
        assert_eq!(lane.standing(0).last, Seq::new(3));
        drop(lane.expect_gap());
        assert_eq!(lane.standing(0).last, Seq::new(5));
        let mut late = arrive(4);
        assert!(matches!(late.try_recv(), Ok(Outcome::Queued)));
    }
}
