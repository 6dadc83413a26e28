//! What may be in a journal: every event with the states that each consumer may have it in.

use std::collections::BTreeMap;

use journal::Seq;

/// What a consumer has with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Wanted = 1,
    Parked = 2,
    Done = 4,
}

/// Some states, any of which it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct States(u8);

impl States {
    pub(crate) fn only(state: State) -> Self {
        Self(state as u8)
    }

    pub(crate) fn may_be(self, state: State) -> bool {
        self.0 & state as u8 != 0
    }

    pub(crate) fn is(self, state: State) -> bool {
        self == Self::only(state)
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn map(self, change: impl Fn(State) -> State) -> Self {
        let states =
            [State::Wanted, State::Parked, State::Done].into_iter().filter(|&state| self.may_be(state));
        states.fold(Self(0), |all, state| all.or(Self::only(change(state))))
    }
}

/// How sure something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sure {
    Yes,
    Maybe,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Deliver,
    Park,
    Requeue,
    Drop,
}

/// An event that was appended, or may have been.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Its number, once that is known.
    pub(crate) seq: Option<Seq>,
    pub(crate) consumers: Vec<States>,
}

/// What may be in a stream: events by their payload, which begins with the order in which they were appended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) events: BTreeMap<Vec<u8>, Event>,
}

/// What is seen of a stream by one consumer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) pending: Vec<(Seq, Vec<u8>)>,
    pub(crate) parked: Vec<(Seq, Vec<u8>)>,
}

/// What may be missing or be there again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Law {
    /// Nothing.
    Strict,
    /// Acknowledged events may be missing: the budget dropped them.
    MayMiss,
    /// Also settled ones may be there again: damage was reported.
    MayRepeat,
}

impl Stream {
    /// Changes what consumer `consumer` has with event `seq`.
    pub(crate) fn settle(&mut self, consumer: usize, seq: Seq, verb: Verb, sure: Sure) {
        let Some(event) = self.events.values_mut().find(|event| event.seq == Some(seq)) else {
            panic!("settles event {seq}, which the model does not know")
        };
        let old = event.consumers[consumer];
        let new = old.map(|state| match (verb, state) {
            (Verb::Deliver, _) | (Verb::Drop, State::Parked) => State::Done,
            (Verb::Park, _) => State::Parked,
            (Verb::Requeue, State::Parked) => State::Wanted,
            (Verb::Requeue | Verb::Drop, state) => state,
        });
        event.consumers[consumer] = if sure == Sure::Yes { new } else { old.or(new) };
    }

    /// Holds what is seen against what may be, and takes what is seen for what is from then on.
    pub(crate) fn compare(&mut self, seen: &[Seen], law: Law) -> Result<(), String> {
        for (consumer, seen) in seen.iter().enumerate() {
            self.nothing_is_invented(seen)?;
            in_order(&seen.pending)?;
            in_order(&seen.parked)?;
            for (payload, event) in &mut self.events {
                let is_in = |list: &[(Seq, Vec<u8>)]| list.iter().any(|(_, found)| found == payload);
                let state = match (is_in(&seen.pending), is_in(&seen.parked)) {
                    (true, true) => return Err(format!("{} is pending and parked", show(payload))),
                    (true, false) => State::Wanted,
                    (false, true) => State::Parked,
                    (false, false) => State::Done,
                };
                let allowed = event.consumers[consumer].may_be(state)
                    || event.seq.is_none()
                    || law == Law::MayRepeat
                    || law == Law::MayMiss && state == State::Done;
                if !allowed {
                    let known = event.consumers[consumer];
                    return Err(format!(
                        "{} is {state:?} for consumer {consumer} and should be {known:?}",
                        show(payload)
                    ));
                }
                event.consumers[consumer] = States::only(state);
            }
        }
        // What was unknown and is not there was not appended.
        self.events.retain(|_, event| event.seq.is_some());
        Ok(())
    }

    fn nothing_is_invented(&mut self, seen: &Seen) -> Result<(), String> {
        for (seq, payload) in seen.pending.iter().chain(&seen.parked) {
            let Some(event) = self.events.get_mut(payload) else {
                return Err(format!("{} with number {seq} was never appended", show(payload)));
            };
            match event.seq {
                Some(known) if known != *seq => {
                    return Err(format!("{} was acknowledged as {known} and is {seq}", show(payload)));
                }
                _ => event.seq = Some(*seq),
            }
        }
        Ok(())
    }
}

fn in_order(list: &[(Seq, Vec<u8>)]) -> Result<(), String> {
    match list.windows(2).find(|pair| pair[0].0 >= pair[1].0 || pair[0].1 >= pair[1].1) {
        Some(pair) => Err(format!("{} comes before {}", show(&pair[0].1), show(&pair[1].1))),
        None => Ok(()),
    }
}

fn show(payload: &[u8]) -> String {
    String::from_utf8_lossy(&payload[..payload.len().min(12)]).into_owned()
}
