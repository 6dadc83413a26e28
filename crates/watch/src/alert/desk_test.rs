//! A desk tells each change once, whatever the channel does.

use proptest::prelude::*;

use super::*;
use crate::alert::Topic;

fn rules() -> Rules {
    Rules {
        route: Route::default(),
        reminder: Some(Duration::from_hours(1)),
        endings: Endings::Told,
        patience: Duration::from_mins(10),
    }
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn bad(severity: Severity) -> News {
    News::trouble("db", Topic::Health, severity, "too big".to_owned())
}

fn well() -> News {
    News::well("db", Topic::Health)
}

fn delivered() -> Verdict {
    Verdict::Delivered { said: String::new() }
}

fn retry() -> Verdict {
    Verdict::Retry { after: None, reason: "down".to_owned() }
}

/// Takes the letter that is due, and delivers it.
fn sent(desk: &mut Desk, now: i64) -> Option<(Occasion, Severity)> {
    let letter = desk.due(at(now))?;
    desk.settle(delivered(), at(now));
    Some((letter.occasion, letter.severity))
}

use Occasion::{Firing, Reminder, Resolved};
use Severity::{Critical, Warning};

#[test]
fn each_change_is_told_once() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning), at(0));
    assert_eq!(sent(&mut desk, 0), Some((Firing, Warning)));
    desk.hear(&bad(Warning), at(10));
    assert_eq!(sent(&mut desk, 10), None, "nothing has changed");
    desk.hear(&bad(Critical), at(20));
    assert_eq!(sent(&mut desk, 20), Some((Firing, Critical)));
    desk.hear(&bad(Warning), at(30));
    assert_eq!(sent(&mut desk, 30), Some((Firing, Warning)));
    desk.hear(&well(), at(40));
    assert_eq!(sent(&mut desk, 40), Some((Resolved, Warning)));
    desk.hear(&well(), at(50));
    assert_eq!(sent(&mut desk, 50), None);
    assert_eq!((desk.next(at(50)), desk.firing()), (None, 0));
}

#[test]
fn trouble_that_lasts_is_told_again() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning), at(0));
    sent(&mut desk, 0);
    assert_eq!(desk.next(at(0)), Some(at(3_600)));
    assert_eq!(sent(&mut desk, 3_599), None);
    assert_eq!(sent(&mut desk, 3_600), Some((Reminder, Warning)));
    assert_eq!(desk.next(at(3_600)), Some(at(7_200)));
}

#[test]
fn what_ends_by_itself_is_told_as_over() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning).for_now(Duration::from_secs(100)), at(0));
    sent(&mut desk, 0);
    assert_eq!(desk.next(at(0)), Some(at(100)));
    desk.hear(&bad(Warning).for_now(Duration::from_secs(100)), at(50));
    assert_eq!(sent(&mut desk, 149), None, "it was told again");
    assert_eq!(sent(&mut desk, 150), Some((Resolved, Warning)));
}

#[test]
fn a_channel_for_the_worst_hears_an_end_when_it_is_no_longer_the_worst() {
    let route = Route { least: Critical, ..Route::default() };
    let mut desk = Desk::new(Rules { route, ..rules() });
    desk.hear(&bad(Warning), at(0));
    assert_eq!(sent(&mut desk, 0), None);
    desk.hear(&bad(Critical), at(10));
    assert_eq!(sent(&mut desk, 10), Some((Firing, Critical)));
    desk.hear(&bad(Warning), at(20));
    assert_eq!(sent(&mut desk, 20), Some((Resolved, Critical)));
}

#[test]
fn what_cannot_be_delivered_is_tried_again_with_pauses_that_double() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning), at(0));
    let mut now = 0;
    for pause in [1, 2, 4, 8, 16, 32, 64, 128] {
        let letter = desk.due(at(now)).unwrap();
        assert_eq!(letter.at, at(0), "it is the same letter");
        assert_eq!(desk.settle(retry(), at(now)), None);
        assert_eq!(desk.due(at(now + pause - 1)), None);
        now += pause;
        assert_eq!(desk.next(at(now - pause)), Some(at(now)));
    }
    assert_eq!(sent(&mut desk, now), Some((Firing, Warning)));
    assert_eq!(desk.tally(), Tally { sent: 1, failed: 8, ..Tally::default() });
}

#[test]
fn a_letter_is_given_up_at_last_and_the_reminder_is_another_one() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning), at(0));
    desk.due(at(0)).unwrap();
    desk.settle(retry(), at(0));
    desk.due(at(600)).unwrap();
    let lost = desk.settle(retry(), at(600)).unwrap();
    assert_eq!((lost.occasion, lost.reason.as_str()), (Firing, "down"));
    assert_eq!(desk.due(at(2_000)), None);
    assert_eq!(sent(&mut desk, 4_200), Some((Reminder, Warning)));
    assert_eq!(desk.tally().lost, 1);
}

#[test]
fn a_receiver_that_asks_for_time_gets_it_within_reason() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning), at(0));
    desk.due(at(0)).unwrap();
    desk.settle(Verdict::Retry { after: Some(Duration::from_secs(90)), reason: String::new() }, at(0));
    assert_eq!(desk.due(at(89)), None);
    desk.due(at(90)).unwrap();
    desk.settle(Verdict::Retry { after: Some(Duration::MAX), reason: String::new() }, at(90));
    assert_eq!(desk.next(at(90)), Some(at(90 + 3_600)));
}

#[test]
fn a_refused_letter_is_given_up_at_once_and_holds_up_no_other() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Critical), at(0));
    desk.hear(&News::trouble("web", Topic::Health, Warning, String::new()), at(0));
    assert_eq!(desk.due(at(0)).unwrap().key.target, "db", "the worst one first");
    assert!(desk.settle(Verdict::Refused { reason: "no".to_owned() }, at(0)).is_some());
    assert_eq!(desk.due(at(0)).unwrap().key.target, "web");
}

#[test]
fn trouble_that_nobody_could_be_told_of_is_told_as_over() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning), at(0));
    desk.due(at(0)).unwrap();
    desk.settle(retry(), at(0));
    desk.hear(&well(), at(10));
    assert_eq!(sent(&mut desk, 10), Some((Resolved, Warning)));
    assert_eq!(sent(&mut desk, 20), None);
}

#[test]
fn trouble_that_comes_back_before_its_end_was_told_has_not_ended() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning), at(0));
    sent(&mut desk, 0);
    desk.hear(&well(), at(10));
    desk.hear(&bad(Warning), at(20));
    assert_eq!(sent(&mut desk, 20), None);
    // While its end is on its way, it is another trouble.
    desk.hear(&well(), at(30));
    assert_eq!(desk.due(at(30)).unwrap().occasion, Resolved);
    desk.hear(&bad(Warning), at(31));
    desk.settle(delivered(), at(32));
    let letter = desk.due(at(32)).unwrap();
    assert_eq!((letter.occasion, letter.since), (Firing, at(31)));
}

#[test]
fn a_channel_without_endings_is_told_of_trouble_all_the_same() {
    let mut desk = Desk::new(Rules { endings: Endings::Silent, ..rules() });
    desk.hear(&bad(Warning), at(0));
    desk.hear(&well(), at(1));
    assert_eq!(sent(&mut desk, 1), Some((Firing, Warning)), "it was there");
    assert_eq!(sent(&mut desk, 2), None);
    assert_eq!(desk.next(at(2)), None);
}

#[test]
fn other_rules_forget_what_they_do_not_cover_and_send_again_what_was_on_its_way() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning), at(0));
    desk.due(at(0)).unwrap();
    desk.rule(rules());
    assert_eq!(sent(&mut desk, 0), Some((Firing, Warning)));
    desk.rule(Rules { route: Route { topics: vec![Topic::Damage], ..Route::default() }, ..rules() });
    assert_eq!((desk.firing(), desk.next(at(0))), (0, None));
}

#[test]
fn troubles_without_number_are_counted_and_not_kept() {
    let mut desk = Desk::new(rules());
    for number in 0..MOST + 5 {
        desk.hear(&News::trouble(&number.to_string(), Topic::Health, Warning, String::new()), at(0));
    }
    assert_eq!((desk.firing(), desk.tally().overflow), (MOST, 5));
}

#[test]
fn a_clock_that_is_set_back_silences_nobody() {
    let mut desk = Desk::new(rules());
    desk.hear(&bad(Warning), at(1_000_000));
    desk.due(at(1_000_000)).unwrap();
    desk.settle(retry(), at(1_000_000));
    assert!(desk.due(at(0)).is_some());
}

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    Hear(Option<Severity>),
    /// Takes the letter that is due, if one is.
    Take,
    Settle(Option<bool>),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let severity = prop_oneof![Just(None), Just(Some(Warning)), Just(Some(Critical))];
    let step = prop_oneof![
        severity.prop_map(Step::Hear),
        Just(Step::Take),
        prop::option::of(any::<bool>()).prop_map(Step::Settle),
        (1_i64..4_000).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    /// What a receiver knows from the letters that it took is, once nothing is due any more, what is so. It never hears the
    /// same twice but as a reminder.
    #[test]
    fn a_receiver_knows_what_is_so_and_hears_nothing_twice(steps in steps()) {
        let mut desk = Desk::new(Rules { patience: Duration::from_hours(100), ..rules() });
        let (mut now, mut is, mut knows) = (0, None, None);
        let mut away: Option<Letter> = None;
        let learn = |knows: &mut Option<Severity>, letter: &Letter| -> Result<(), TestCaseError> {
            match letter.occasion {
                Firing => prop_assert_ne!(*knows, Some(letter.severity)),
                Reminder => prop_assert_eq!(*knows, Some(letter.severity)),
                _ => {}
            }
            *knows = (letter.occasion != Resolved).then_some(letter.severity);
            Ok(())
        };
        for step in steps {
            match step {
                Step::Hear(what) => {
                    is = what;
                    desk.hear(&what.map_or_else(well, bad), at(now));
                }
                Step::Take => away = away.or(desk.due(at(now))),
                Step::Settle(is_taken) => if let Some(letter) = away.take() {
                    if is_taken == Some(true) { learn(&mut knows, &letter)?; }
                    let verdict = if is_taken == Some(true) { delivered() } else { retry() };
                    prop_assert_eq!(desk.settle(verdict, at(now)), None);
                }
                Step::Wait(seconds) => now += seconds,
            }
        }
        if let Some(letter) = away {
            learn(&mut knows, &letter)?;
            desk.settle(delivered(), at(now));
        }
        for _ in 0..4 {
            now += 400;
            if let Some(letter) = desk.due(at(now)) {
                learn(&mut knows, &letter)?;
                desk.settle(delivered(), at(now));
            }
        }
        prop_assert_eq!(knows, is);
    }
}
