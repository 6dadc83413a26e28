//! The index against a model that keeps every event and every settlement in plain sets.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const STREAM: StreamNumber = StreamNumber::FIRST;

#[derive(Clone, Debug)]
enum Step {
    Append,
    Skip(u64),
    Settle(u32, u8, u64, u64),
    Carry(u64),
    Lose(u64),
    /// From there, for streams that begin with this.
    Register(Start, &'static str),
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Append),
        1 => (1u64..130).prop_map(Step::Skip),
        4 => (1u32..4, 0u8..4, 1u64..200, 0u64..90).prop_map(|(c, o, first, len)| Step::Settle(c, o, first, len)),
        1 => (1u64..25).prop_map(Step::Carry),
        1 => (1u64..25).prop_map(Step::Lose),
        1 => (prop_oneof![Just(Start::Oldest), Just(Start::Newest)], prop_oneof![Just(""), Just("s"), Just("t")])
            .prop_map(|(start, prefix)| Step::Register(start, prefix)),
        1 => Just(Step::Reload),
    ]
}

/// What one consumer has with an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Wanted,
    Parked,
    Done,
}

#[derive(Default)]
struct Model {
    next: u64,
    live: BTreeSet<u64>,
    registered: u32,
    /// Those whom the stream concerns.
    consumers: BTreeMap<u32, BTreeMap<u64, State>>,
}

impl Model {
    fn state(&self, consumer: u32, seq: u64) -> State {
        self.consumers[&consumer].get(&seq).copied().unwrap_or(State::Wanted)
    }

    fn settle(&mut self, consumer: u32, outcome: u8, first: u64, last: u64) {
        for seq in first..=last.min(self.next - 1) {
            let is_live = self.live.contains(&seq);
            let Some(states) = self.consumers.get_mut(&consumer) else { return };
            let state = states.entry(seq).or_insert(State::Wanted);
            *state = match (outcome, *state) {
                (1, _) if is_live => State::Parked,
                (0 | 1, _) | (3, State::Parked) => State::Done,
                (2, State::Parked) => State::Wanted,
                (_, state) => state,
            };
        }
        self.release();
    }

    fn release(&mut self) {
        if self.consumers.is_empty() {
            return;
        }
        let kept =
            |seq: &u64| self.consumers.keys().any(|&consumer| self.state(consumer, *seq) != State::Done);
        let live: BTreeSet<u64> = self.live.iter().copied().filter(kept).collect();
        self.live = live;
    }

    fn pending(&self, consumer: u32) -> Vec<u64> {
        self.live.iter().copied().filter(|&seq| self.state(consumer, seq) == State::Wanted).collect()
    }
}

fn place(number: u64) -> Place {
    Place::new(SegmentId::new(1 + number % 3), number * 64, 64).unwrap()
}

fn apply(index: &mut Index, record: &Record<'_>, at: u64) {
    index.apply(record, Some(place(at)), Millis::new(7)).unwrap();
}

fn act(index: &mut Index, model: &mut Model, step: &Step) {
    let settlings = [Settling::Delivered, Settling::Parked("r"), Settling::Requeued, Settling::Dropped];
    match *step {
        Step::Append => {
            apply(
                index,
                &Record::Event { stream: STREAM, seq: Seq::new(model.next), payload: b"" },
                model.next,
            );
            model.live.insert(model.next);
            model.next += 1;
        }
        Step::Skip(count) => {
            index.skip(count);
            model.next += count;
        }
        Step::Settle(consumer, outcome, first, len) => {
            let span = Span::new(Seq::new(first), Seq::new(first + len)).unwrap();
            let settling = settlings[usize::from(outcome)];
            let number = ConsumerNumber::new(consumer);
            apply(
                index,
                &Record::Settled { stream: STREAM, consumer: number, settling, spans: vec![span] },
                0,
            );
            model.settle(consumer, outcome, first, first + len);
        }
        Step::Carry(seq) => {
            apply(index, &Record::Carried { stream: STREAM, seq: Seq::new(seq), payload: b"" }, seq + 1);
        }
        Step::Lose(seq) => {
            let spans = vec![Span::one(Seq::new(seq))];
            apply(index, &Record::Lost { stream: STREAM, to: LostTo::Damage, spans }, 0);
            model.live.remove(&seq);
        }
        Step::Register(start, prefix) => {
            model.registered += 1;
            let number = model.registered;
            let name = format!("c{number}");
            let consumer = ConsumerNumber::new(number);
            apply(index, &Record::Registered { consumer, start, prefix, name: &name }, 0);
            if !"s".starts_with(prefix) {
                return;
            }
            let states = if start == Start::Newest { 1..model.next } else { 1..1 };
            model.consumers.insert(number, states.map(|seq| (seq, State::Done)).collect());
            model.release();
        }
        Step::Reload => {
            let parts = index.parts(40);
            let mut loaded = Index::default();
            parts.iter().for_each(|part| loaded.load(part).unwrap());
            assert_eq!(loaded.parts(40), parts);
            *index = loaded;
        }
    }
}

fn agree(index: &Index, model: &Model) {
    for number in (1..=model.registered).filter(|number| !model.consumers.contains_key(number)) {
        assert!(index.pending(ConsumerNumber::new(number), STREAM, Seq::FIRST, usize::MAX).is_empty());
    }
    for &consumer in model.consumers.keys() {
        let pending = index.pending(ConsumerNumber::new(consumer), STREAM, Seq::FIRST, usize::MAX);
        let pending: Vec<u64> = pending.into_iter().map(|(seq, _)| seq.get()).collect();
        assert_eq!(pending, model.pending(consumer), "consumer {consumer}");
        let position = index.position(ConsumerNumber::new(consumer), STREAM);
        let parked: Vec<u64> = position.parked().map(|(seq, _)| seq.get()).collect();
        let wanted = model.live.iter().copied().filter(|&seq| model.state(consumer, seq) == State::Parked);
        assert_eq!(parked, wanted.collect::<Vec<_>>());
    }
    let live: Vec<u64> = index.stream(STREAM).unwrap().events(Seq::FIRST).map(|(seq, _)| seq.get()).collect();
    assert_eq!(live, model.live.iter().copied().collect::<Vec<_>>());
    let used: u64 = (1..4).map(|segment| index.usage(SegmentId::new(segment)).events).sum();
    assert_eq!((index.live(), used), (live.len() as u64, live.len() as u64));
}

proptest! {
    #[test]
    fn the_index_knows_what_plain_sets_know(steps in proptest::collection::vec(step(), 0..80)) {
        let mut index = Index::default();
        let mut model = Model { next: 1, ..Model::default() };
        apply(&mut index, &Record::Opened { stream: STREAM, name: "s" }, 0);
        for step in &steps {
            act(&mut index, &mut model, step);
            agree(&index, &model);
        }
    }
}

#[test]
fn a_closed_stream_is_forgotten_once_its_events_are_settled() {
    let mut index = Index::default();
    let consumer = ConsumerNumber::FIRST;
    apply(&mut index, &Record::Registered { consumer, start: Start::Oldest, prefix: "", name: "c" }, 0);
    apply(&mut index, &Record::Opened { stream: STREAM, name: "s" }, 0);
    apply(&mut index, &Record::Event { stream: STREAM, seq: Seq::FIRST, payload: b"" }, 0);
    apply(&mut index, &Record::Closed(STREAM), 0);
    assert_eq!(index.number_of("s"), Some(STREAM));
    let spans = vec![Span::one(Seq::FIRST)];
    let settling = Settling::Delivered;
    apply(&mut index, &Record::Settled { stream: STREAM, consumer, settling, spans }, 0);
    assert_eq!((index.number_of("s"), index.stream_count()), (None, 0));
    assert!(index.consumers()[0].positions.is_empty());
}

#[test]
fn a_closed_stream_that_concerns_nobody_is_forgotten_once_its_events_are_lost() {
    let mut index = Index::default();
    let lanes =
        Record::Registered { consumer: ConsumerNumber::FIRST, start: Start::Oldest, prefix: "t", name: "c" };
    apply(&mut index, &lanes, 0);
    apply(&mut index, &Record::Opened { stream: STREAM, name: "s" }, 0);
    apply(&mut index, &Record::Event { stream: STREAM, seq: Seq::FIRST, payload: b"" }, 0);
    apply(&mut index, &Record::Closed(STREAM), 0);
    assert_eq!((index.live(), index.stream_count()), (1, 1));
    apply(
        &mut index,
        &Record::Lost { stream: STREAM, to: LostTo::Budget, spans: vec![Span::one(Seq::FIRST)] },
        0,
    );
    assert_eq!((index.live(), index.stream_count()), (0, 0));
}

#[test]
fn an_event_of_a_stream_without_a_name_is_kept_for_everybody() {
    let mut index = Index::default();
    let lanes =
        Record::Registered { consumer: ConsumerNumber::FIRST, start: Start::Oldest, prefix: "t", name: "c" };
    apply(&mut index, &lanes, 0);
    apply(&mut index, &Record::Event { stream: StreamNumber::new(4), seq: Seq::new(9), payload: b"" }, 0);
    assert_eq!(index.number_of("lost-4"), Some(StreamNumber::new(4)));
    assert_eq!(index.pending(ConsumerNumber::FIRST, StreamNumber::new(4), Seq::FIRST, 9).len(), 1);
    assert_eq!(index.name_stream("next"), StreamNumber::new(5));
}

#[test]
fn numbers_that_may_have_been_lost_are_not_given_out_again() {
    let mut index = Index::default();
    apply(&mut index, &Record::Opened { stream: STREAM, name: "s" }, 0);
    apply(&mut index, &Record::Event { stream: STREAM, seq: Seq::FIRST, payload: b"" }, 0);
    index.skip(3);
    assert_eq!(index.stream(STREAM).unwrap().draft.next, Seq::new(5));
}

#[test]
fn an_event_far_ahead_keeps_no_place_for_each_number_that_it_passes_over() {
    let mut index = Index::default();
    apply(&mut index, &Record::Opened { stream: STREAM, name: "s" }, 0);
    for number in 0..100 {
        let seq = Seq::new(1 + number * (MAX_GAP - 1));
        apply(&mut index, &Record::Event { stream: STREAM, seq, payload: b"" }, number);
    }
    let stream = index.stream(STREAM).unwrap();
    assert_eq!((stream.live(), stream.window()), (100, 100));
    assert_eq!(stream.place(Seq::new(MAX_GAP)), Some(place(1)));
}

#[test]
fn ten_million_pending_events_take_less_than_32_bytes_each() {
    // The queue of a stream at its worst: just grown to twice what it holds.
    let mut index = Index::default();
    apply(&mut index, &Record::Opened { stream: STREAM, name: "s" }, 0);
    for seq in 1..=(1 << 16) + 1 {
        apply(&mut index, &Record::Event { stream: STREAM, seq: Seq::new(seq), payload: b"" }, seq);
    }
    let (_, places) = index.stream(STREAM).unwrap().places();
    assert!(places.capacity() * size_of::<Option<Place>>() < 32 * places.len());
}
