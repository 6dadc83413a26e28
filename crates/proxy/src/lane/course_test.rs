//! The laws of a lane's order, one by one and against a model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn seq(number: u64) -> Seq {
    Seq::new(number)
}

/// A lane of `tracks` servers with nothing in it.
fn fresh(tracks: usize) -> Course {
    Course::new(seq(0), &vec![None; tracks])
}

#[test]
fn a_write_is_sent_to_the_leader_first_and_elsewhere_once_it_is_decided() {
    let mut course = fresh(2);
    assert_eq!(course.arrive(seq(1)), Admission::Wait);
    assert_eq!(course.starts(), [0]);
    assert_eq!(course.step(0), Step::Ask(seq(1)));
    assert_eq!(course.step(1), Step::Rest);
    course.settled(0, seq(1));
    assert_eq!(course.starts(), [1]);
    assert_eq!((course.step(1), course.step(0)), (Step::Repeat(seq(1)), Step::Rest));
}

#[test]
fn what_the_leader_refuses_reaches_nobody() {
    let mut course = fresh(3);
    course.arrive(seq(1));
    course.step(0);
    assert_eq!(course.spare(0, seq(1)).tracks, [1, 2]);
    assert!(course.starts().is_empty());
    course.arrive(seq(2));
    course.step(0);
    course.settled(0, seq(2));
    assert_eq!(course.step(1), Step::Repeat(seq(2)));
}

#[test]
fn a_replica_answers_for_a_dead_primary_and_nobody_is_told_to_come_back() {
    let mut course = fresh(2);
    course.arrive(seq(1));
    course.arrive(seq(2));
    course.step(0);
    assert!(course.fail(0).is_empty(), "the replica is there");
    assert_eq!(course.step(0), Step::Rest);
    assert_eq!(course.starts(), [1]);
    assert_eq!(course.step(1), Step::Ask(seq(1)));
    course.settled(1, seq(1));
    assert_eq!(course.step(1), Step::Ask(seq(2)));
}

#[test]
fn without_a_leader_writes_are_queued_and_those_who_wait_are_told() {
    let mut course = fresh(1);
    course.arrive(seq(1));
    course.arrive(seq(2));
    course.step(0);
    assert_eq!(course.lose(0), [seq(2)], "the first is being sent and will fail by itself");
    assert_eq!(course.fail(0), [seq(1)]);
    assert_eq!(course.arrive(seq(3)), Admission::Queued);
    assert!(course.starts().is_empty());
}

#[test]
fn a_lane_is_drained_then_fenced_then_live() {
    let mut course = fresh(1);
    course.lose(0);
    for number in 1..=100 {
        assert_eq!(course.arrive(seq(number)), Admission::Queued);
    }
    course.come_back(0);
    assert_eq!(course.stage(0), Some(Stage::Draining(seq(100), 0)));
    assert_eq!(course.arrive(seq(101)), Admission::Queued, "a drain is not waited for");
    for number in 1..=100 {
        assert_eq!(course.step(0), Step::Repeat(seq(number)));
        course.settled(0, seq(number));
    }
    assert_eq!(course.stage(0), Some(Stage::Fenced(seq(101))));
    assert_eq!(course.arrive(seq(102)), Admission::Wait);
    assert_eq!(course.step(0), Step::Repeat(seq(101)));
    course.settled(0, seq(101));
    assert_eq!((course.stage(0), course.step(0)), (Some(Stage::Live), Step::Ask(seq(102))));
}

#[test]
fn a_drain_that_never_gets_nearer_is_fenced_after_two_rounds() {
    let mut course = fresh(1);
    course.lose(0);
    let mut last = 0;
    let mut arrive = |course: &mut Course| {
        last += 1;
        course.arrive(seq(last))
    };
    for _ in 0..100 {
        arrive(&mut course);
    }
    course.come_back(0);
    let mut sent = 0;
    while arrive(&mut course) == Admission::Queued {
        let Step::Repeat(next) = course.step(0) else { panic!("it drains") };
        course.settled(0, next);
        sent += 1;
    }
    assert_eq!(sent, 200);
}

#[test]
fn a_server_is_current_once_it_has_what_clients_were_told() {
    let mut course = fresh(2);
    course.arrive(seq(1));
    assert!(course.is_current(1), "nobody was told of the first yet");
    course.step(0);
    course.settled(0, seq(1));
    assert!(course.is_current(0) && !course.is_current(1));
    course.step(1);
    course.settled(1, seq(1));
    assert!(course.is_current(1));
}

#[test]
fn a_replica_that_is_far_behind_does_not_stand_in() {
    let mut course = fresh(2);
    for number in 1..=FAR + 2 {
        course.arrive(seq(number));
        course.step(0);
        course.settled(0, seq(number));
    }
    assert!(matches!(course.stage(1), Some(Stage::Draining(..))));
    course.lose(0);
    assert_eq!(course.arrive(seq(FAR + 3)), Admission::Queued);
}

#[test]
fn a_requeued_write_is_sent_before_what_is_new() {
    let mut course = fresh(1);
    course.arrive(seq(1));
    course.step(0);
    course.settled(0, seq(1));
    course.requeue(0, seq(1));
    assert!(!course.is_current(0));
    course.arrive(seq(2));
    assert_eq!(course.step(0), Step::Again(seq(1)));
    course.settled(0, seq(1));
    assert_eq!(course.step(0), Step::Ask(seq(2)));
}

#[test]
fn a_pending_write_can_be_omitted_unless_it_is_on_its_way() {
    let mut course = fresh(2);
    course.lose(0);
    course.lose(1);
    for number in 1..=3 {
        course.arrive(seq(number));
    }
    assert_eq!(course.omit(0, seq(2)), Omission::Done);
    course.come_back(0);
    assert_eq!(course.step(0), Step::Repeat(seq(1)));
    assert_eq!((course.omit(0, seq(1)), course.omit(0, seq(9))), (Omission::OnTheWay, Omission::Settled));
    course.settled(0, seq(1));
    assert_eq!((course.step(0), course.omit(0, seq(1))), (Step::Repeat(seq(3)), Omission::Settled));
    course.come_back(1);
    assert_eq!(course.step(1), Step::Repeat(seq(1)));
}

#[test]
fn a_start_takes_up_what_is_pending() {
    let course = Course::new(seq(50), &[Some(seq(3)), None, Some(seq(50))]);
    assert!(matches!(course.stage(0), Some(Stage::Draining(..))));
    assert_eq!((course.stage(1), course.stage(2)), (Some(Stage::Live), Some(Stage::Fenced(seq(50)))));
    assert_eq!([course.backlog(0), course.backlog(1), course.backlog(2)], [48, 0, 1]);
}

const TRACKS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Move {
    Arrive,
    Send(usize),
    Accept(usize),
    Refuse(usize),
    Fail(usize),
    Lose(usize),
    ComeBack(usize),
    GiveUp(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let track = 0..TRACKS;
    let one = prop_oneof![
        4 => Just(Move::Arrive),
        4 => track.clone().prop_map(Move::Send),
        4 => track.clone().prop_map(Move::Accept),
        1 => track.clone().prop_map(Move::Refuse),
        1 => track.clone().prop_map(Move::Fail),
        1 => track.clone().prop_map(Move::Lose),
        2 => track.prop_map(Move::ComeBack),
        1 => (1_u64..40).prop_map(Move::GiveUp),
    ];
    prop::collection::vec(one, 0..300)
}

/// What was done, kept apart from the course.
#[derive(Default)]
struct Books {
    arrived: u64,
    /// What each server has, in order.
    has: [Vec<u64>; TRACKS],
    on_the_way: [Option<Step>; TRACKS],
    refused: BTreeSet<u64>,
    /// What clients were told that it is accepted or queued.
    promised: BTreeSet<u64>,
    waiting: BTreeSet<u64>,
    parked: BTreeMap<u64, usize>,
}

impl Books {
    fn play(&mut self, course: &mut Course, one: Move) {
        match one {
            Move::Arrive => {
                self.arrived += 1;
                match course.arrive(seq(self.arrived)) {
                    Admission::Wait => self.waiting.insert(self.arrived),
                    Admission::Queued => self.promised.insert(self.arrived),
                };
            }
            Move::Send(track) if self.on_the_way[track].is_none() => {
                let step = course.step(track);
                self.on_the_way[track] = Some(step).filter(|step| *step != Step::Rest);
            }
            Move::Accept(track) => self.accept(course, track),
            Move::Refuse(track) => self.refuse(course, track),
            Move::Fail(track) if self.on_the_way[track].take().is_some() => {
                let released = course.fail(track);
                self.release(&released);
            }
            Move::Lose(track) => {
                let released = course.lose(track);
                self.release(&released);
            }
            Move::ComeBack(track) => course.come_back(track),
            Move::GiveUp(number) if self.waiting.remove(&number) => {
                course.release(seq(number));
                self.promised.insert(number);
            }
            Move::Send(_) | Move::Fail(_) | Move::GiveUp(_) => {}
        }
    }

    fn release(&mut self, released: &[Seq]) {
        for one in released {
            assert!(self.waiting.remove(&one.get()), "released, and did not wait");
            self.promised.insert(one.get());
        }
    }

    fn accept(&mut self, course: &mut Course, track: usize) {
        let Some(Step::Ask(sent) | Step::Repeat(sent)) = self.on_the_way[track].take() else { return };
        self.has[track].push(sent.get());
        course.settled(track, sent);
        if self.waiting.remove(&sent.get()) {
            self.promised.insert(sent.get());
        }
    }

    /// Live, a refusal is for all; of what is decided, it is parked where it was refused.
    fn refuse(&mut self, course: &mut Course, track: usize) {
        let Some(Step::Ask(sent) | Step::Repeat(sent)) = self.on_the_way[track].take() else { return };
        if self.waiting.remove(&sent.get()) {
            course.spare(track, sent);
            self.refused.insert(sent.get());
        } else {
            course.settled(track, sent);
            *self.parked.entry(sent.get()).or_default() += 1;
        }
    }

    fn check(&self, course: &Course) {
        for (track, has) in self.has.iter().enumerate() {
            assert!(has.windows(2).all(|pair| pair[0] < pair[1]), "track {track} was overtaken: {has:?}");
            assert!(has.iter().all(|one| (1..=self.arrived).contains(one)), "invented");
            assert!(has.iter().all(|one| !self.refused.contains(one)), "refused, and sent");
            if course.is_current(track) {
                let misses = |one: &&u64| !has.contains(one) && !self.parked.contains_key(one);
                assert_eq!(self.promised.iter().find(misses), None, "track {track} is current and lacks it");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_overtaken_lost_or_invented(moves in moves()) {
        let mut course = fresh(TRACKS);
        let mut books = Books::default();
        for one in moves {
            books.play(&mut course, one);
            books.check(&course);
        }
        // Every server comes back and everything is sent.
        for _ in 0..=2 * books.arrived + 2 {
            for track in 0..TRACKS {
                books.play(&mut course, Move::ComeBack(track));
                books.play(&mut course, Move::Send(track));
                books.play(&mut course, Move::Accept(track));
                books.check(&course);
            }
        }
        prop_assert!(books.waiting.is_empty(), "somebody waits for ever");
        for track in 0..TRACKS {
            prop_assert_eq!((course.backlog(track), course.stage(track)), (0, Some(Stage::Live)));
            let lacks = |one: &&u64| !books.has[track].contains(one) && !books.parked.contains_key(one);
            prop_assert_eq!(books.promised.iter().find(lacks), None);
        }
    }
}
