//! The order of writes in one lane, as a pure state machine: which server may be sent which write now, who answers the
//! client, and what a failure means for those who wait.
//!
//! Each server has a *track*: its position in the lane, and a stage.
//!
//! ```text
//!           failed, or the server is gone              the server is back
//!   Live  ------------------------------->  Broken  ----------------------->  Draining
//!    ^                                         ^                                  |
//!    |  through to where the fence             |  failed                          |  little is left, or it was gone
//!    |  was put up                             |                                  v  through twice
//!    +--------------------------------------- Fenced  <---------------------------+
//! ```
//!
//! A track sends one write at a time, in the order of the journal, so nothing overtakes in it. The *leader* is the first
//! track that is live or fenced: the primary's, or in its absence a replica's. A new write waits for the leader's answer,
//! and no other track sends it before, so that what the leader refuses reaches nobody. Without a leader, a write is
//! *decided* as soon as it is durable: its client is told that it is queued, and every track may send it. The same
//! happens to those who wait when the last leader breaks.
//!
//! While a track drains, new writes go by another leader or are queued. A fence lets them wait instead: behind it, the
//! backlog cannot grow faster than it is sent, so that a drain ends under any load.

use std::collections::BTreeSet;

use journal::Seq;

/// A backlog of so many writes is worth waiting for.
const NEAR: u64 = 32;
/// A track that is further behind than this cannot stand in for the leader.
const FAR: u64 = 256;

/// How a track stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has what was written, but for what is on its way.
    Live,
    /// Its server is gone.
    Broken,
    /// It sends what has come meanwhile, up to this write, and has been through so many times.
    Draining(Seq, u8),
    /// It sends the rest up to this write, and new writes wait for it.
    Fenced(Seq),
}

/// What becomes of a new write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// A server will answer.
    Wait,
    /// No server is there; it will be sent later.
    Queued,
}

/// What a track does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It sends this write, whose client waits for the answer.
    Ask(Seq),
    /// It sends this write, which is decided: the next that is pending from there on.
    Repeat(Seq),
    /// It sends this write again, which had been parked.
    Again(Seq),
    /// It has nothing to do now.
    Rest,
}

/// Which way a refusal goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spared {
    /// Other tracks that have not sent the write, and must not.
    pub(crate) tracks: Vec<usize>,
}

/// What became of the wish that a write be not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Omission {
    Done,
    /// It is being sent, or its client waits for it.
    OnTheWay,
    /// It is not pending.
    Settled,
}

#[derive(Clone, Debug)]
struct Track {
    /// Everything before is settled, but for what is parked.
    next: Seq,
    /// Before `next`, and wanted again.
    again: BTreeSet<Seq>,
    /// From `next` on, and not to be sent.
    spared: BTreeSet<Seq>,
    stage: Stage,
    work: Work,
}

/// Whether somebody works for a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    None,
    Looking,
    Sending(Seq),
}

/// One lane.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// The newest write; zero if there is none.
    last: Seq,
    /// The newest write of which a client was told anything.
    told: Seq,
    /// Writes whose clients wait for the leader's answer.
    undecided: BTreeSet<Seq>,
    tracks: Vec<Track>,
}

impl Course {
    /// The course of a lane whose newest write is `last`, with the first pending write of each track.
    pub(crate) fn new(last: Seq, pending: &[Option<Seq>]) -> Self {
        let track = |first: &Option<Seq>| {
            let mut track = Track {
                next: first.unwrap_or(last.next()),
                again: BTreeSet::new(),
                spared: BTreeSet::new(),
                stage: Stage::Broken,
                work: Work::None,
            };
            track.come_back(last);
            track
        };
        Self { last, told: last, undecided: BTreeSet::new(), tracks: pending.iter().map(track).collect() }
    }

    pub(crate) fn last(&self) -> Seq {
        self.last
    }

    pub(crate) fn stage(&self, track: usize) -> Option<Stage> {
        self.tracks.get(track).map(|track| track.stage)
    }

    /// Writes of which clients were told and that a track has not sent, at most.
    pub(crate) fn backlog(&self, track: usize) -> u64 {
        let all = self.tracks.get(track).map_or(0, |track| track.backlog(self.last));
        all.saturating_sub(self.undecided.len() as u64)
    }

    /// The first write that a track has not sent.
    pub(crate) fn head(&self, track: usize) -> Option<Seq> {
        let track = self.tracks.get(track)?;
        let next = Some(track.next).filter(|next| *next <= self.last);
        track.again.first().copied().or(next)
    }

    /// Whether a track has everything of which a client was told.
    pub(crate) fn is_current(&self, track: usize) -> bool {
        self.tracks.get(track).is_some_and(|track| track.next > self.told && track.again.is_empty())
    }

    /// Whether a track still has to send a write, as far as is known: what was settled before the start, and ahead of
    /// others, is found when its turn comes.
    pub(crate) fn owes(&self, track: usize, seq: Seq) -> bool {
        let is_ahead = |track: &Track| seq >= track.next && seq <= self.last && !track.spared.contains(&seq);
        self.tracks.get(track).is_some_and(|track| is_ahead(track) || track.again.contains(&seq))
    }

    fn leader(&self) -> Option<usize> {
        self.tracks.iter().position(|track| matches!(track.stage, Stage::Live | Stage::Fenced(_)))
    }

    /// A write is durable. They come in their order; one that was passed over is decided.
    pub(crate) fn arrive(&mut self, seq: Seq) -> Admission {
        self.last = self.last.max(seq);
        let leader = self.leader();
        for (number, track) in self.tracks.iter_mut().enumerate() {
            if Some(number) != leader && track.stage == Stage::Live && track.backlog(seq) > FAR {
                track.stage = Stage::Draining(seq, 0);
            }
        }
        if leader.is_some() {
            self.undecided.insert(seq);
            return Admission::Wait;
        }
        self.told = self.told.max(seq);
        Admission::Queued
    }

    /// A client does not wait any more: it was told that its write is queued.
    pub(crate) fn release(&mut self, seq: Seq) {
        if self.undecided.remove(&seq) {
            self.told = self.told.max(seq);
        }
    }

    /// Tracks that have something to do and nobody who does it. Somebody has to, for each.
    pub(crate) fn starts(&mut self) -> Vec<usize> {
        let idle = |number: &usize| self.tracks.get(*number).is_some_and(|track| track.work == Work::None);
        let numbers: Vec<usize> = (0..self.tracks.len()).filter(idle).collect();
        let able = numbers.into_iter().filter(|number| self.look(*number) != Step::Rest);
        let able: Vec<usize> = able.collect();
        for number in &able {
            self.set_work(*number, Work::Looking);
        }
        able
    }

    /// What a track does next. After [`Step::Rest`], nobody works for it.
    pub(crate) fn step(&mut self, number: usize) -> Step {
        let step = self.look(number);
        self.set_work(
            number,
            match step {
                Step::Rest => Work::None,
                Step::Ask(seq) | Step::Repeat(seq) | Step::Again(seq) => Work::Sending(seq),
            },
        );
        step
    }

    fn look(&self, number: usize) -> Step {
        let Some(track) = self.tracks.get(number) else { return Step::Rest };
        if track.stage == Stage::Broken {
            return Step::Rest;
        }
        if let Some(seq) = track.again.first() {
            return Step::Again(*seq);
        }
        if track.next > self.last {
            return Step::Rest;
        }
        let seq = track.next;
        if !self.undecided.contains(&seq) {
            return Step::Repeat(seq);
        }
        // The leader before may still be asked, though its server counts as gone: its answer would count.
        let is_asked = self.is_sent(seq, number);
        if self.leader() == Some(number) && !is_asked { Step::Ask(seq) } else { Step::Rest }
    }

    /// Whether a track other than this one is sending a write.
    fn is_sent(&self, seq: Seq, besides: usize) -> bool {
        let mut tracks = self.tracks.iter().enumerate();
        tracks.any(|(number, track)| number != besides && track.work == Work::Sending(seq))
    }

    fn set_work(&mut self, number: usize, work: Work) {
        if let Some(track) = self.tracks.get_mut(number) {
            track.work = work;
        }
    }

    /// The next write that is pending for a track is this one; those before are settled.
    pub(crate) fn skip_to(&mut self, number: usize, seq: Seq) {
        let last = self.last;
        if let Some(track) = self.tracks.get_mut(number) {
            track.next = track.next.max(seq);
            track.advance(last);
        }
    }

    /// A track has done with a write: it was delivered or parked there.
    pub(crate) fn settled(&mut self, number: usize, seq: Seq) {
        if self.undecided.remove(&seq) {
            self.told = self.told.max(seq);
        }
        let last = self.last;
        if let Some(track) = self.tracks.get_mut(number) {
            track.pass(seq);
            track.advance(last);
        }
    }

    /// A server has refused a write for all: those that have not sent it do not.
    pub(crate) fn spare(&mut self, number: usize, seq: Seq) -> Spared {
        self.settled(number, seq);
        let last = self.last;
        let others = self.tracks.iter_mut().enumerate().filter(|(other, track)| {
            *other != number && track.next <= seq && track.work != Work::Sending(seq)
        });
        let tracks = others.map(|(other, track)| {
            track.spared.insert(seq);
            track.advance(last);
            other
        });
        Spared { tracks: tracks.collect() }
    }

    /// A server is gone, or could not take a write. Those who waited for it and have no other leader are told that their
    /// writes are queued: these.
    pub(crate) fn lose(&mut self, number: usize) -> Vec<Seq> {
        if let Some(track) = self.tracks.get_mut(number) {
            track.stage = Stage::Broken;
        }
        if self.leader().is_some() {
            return Vec::new();
        }
        // One that is being sent will have its answer, or fail by itself.
        let is_sent = |seq: &&Seq| self.is_sent(**seq, usize::MAX);
        let released: Vec<Seq> = self.undecided.iter().filter(|seq| !is_sent(seq)).copied().collect();
        for seq in &released {
            self.release(*seq);
        }
        released
    }

    /// A write could not be sent.
    pub(crate) fn fail(&mut self, number: usize) -> Vec<Seq> {
        self.set_work(number, Work::Looking);
        self.lose(number)
    }

    /// A server is back, or is tried again.
    pub(crate) fn come_back(&mut self, number: usize) {
        let last = self.last;
        if let Some(track) = self.tracks.get_mut(number).filter(|track| track.stage == Stage::Broken) {
            track.come_back(last);
        }
    }

    /// A write that is pending is not to be sent.
    pub(crate) fn omit(&mut self, number: usize, seq: Seq) -> Omission {
        let last = self.last;
        let is_undecided = self.undecided.contains(&seq);
        let Some(track) = self.tracks.get_mut(number) else { return Omission::Settled };
        if track.work == Work::Sending(seq) || is_undecided {
            return Omission::OnTheWay;
        }
        if seq >= track.next && seq <= last {
            track.spared.insert(seq);
            track.advance(last);
            return Omission::Done;
        }
        if track.again.remove(&seq) { Omission::Done } else { Omission::Settled }
    }

    /// A parked write is wanted again.
    pub(crate) fn requeue(&mut self, number: usize, seq: Seq) {
        let Some(track) = self.tracks.get_mut(number) else { return };
        if seq < track.next {
            track.again.insert(seq);
        } else {
            track.spared.remove(&seq);
        }
    }
}

impl Track {
    fn backlog(&self, last: Seq) -> u64 {
        self.next.until(last.next()) + self.again.len() as u64
    }

    fn come_back(&mut self, last: Seq) {
        self.stage = match self.backlog(last) {
            0 => Stage::Live,
            1..=NEAR => Stage::Fenced(last),
            _ => Stage::Draining(last, 0),
        };
    }

    fn pass(&mut self, seq: Seq) {
        if !self.again.remove(&seq) && seq >= self.next {
            self.next = seq.next();
        }
    }

    /// It has come further: past what it is spared, and perhaps to another stage.
    fn advance(&mut self, last: Seq) {
        while self.spared.remove(&self.next) {
            self.next = self.next.next();
        }
        let backlog = self.backlog(last);
        self.stage = match self.stage {
            Stage::Draining(..) | Stage::Fenced(_) if backlog == 0 => Stage::Live,
            Stage::Draining(mark, times) if self.next > mark => match times {
                0 if backlog > NEAR => Stage::Draining(last, 1),
                _ => Stage::Fenced(last),
            },
            Stage::Fenced(mark) if self.next > mark && self.again.is_empty() => Stage::Live,
            stage => stage,
        };
    }
}

#[cfg(test)]
#[path = "course_test.rs"]
mod tests;
