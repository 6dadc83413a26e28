//! A course that goes on after a restart as if there had been none.

use std::time::Duration;

use super::*;
use crate::course::{Rhythm, Step};
use crate::kept::lines;
use crate::{Facts, Happening, Room, Schedule, Thresholds};

fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(second)
}

fn rhythm() -> Rhythm {
    Rhythm { cooldown: Duration::from_mins(5), schedule: Some(Schedule::Every(Duration::from_hours(2))) }
}

fn fresh() -> Course {
    Course::new(Thresholds::classic(), Some(rhythm()))
}

fn facts(files: u64) -> Facts {
    let room = Some(Room { free: 900 << 40, total: 1_000 << 40 });
    Facts { files: Some(files), bytes: Some(files * 100), room, ..Facts::default() }
}

fn restarted(course: &Course, second: i64) -> Option<Course> {
    let mut page = Page::new();
    course.keep(&mut page);
    let (file, mut again) = (page.close(), fresh());
    for (name, mut fields) in lines(&file)? {
        again.recall(name, &mut fields, at(second))?;
    }
    again.resume(at(second));
    Some(again)
}

fn checkpoints(steps: &[Step]) -> usize {
    steps.iter().filter(|step| matches!(step, Step::Checkpoint(_))).count()
}

/// In danger, with a checkpoint that did not help.
fn in_vain() -> Course {
    let mut course = fresh();
    course.see(Ok(facts(61)), at(1_000));
    course.settle(Outcome::Ineffective { waited: Duration::from_secs(3), said: None }, at(1_010));
    course
}

#[test]
fn a_cooldown_a_schedule_and_attempts_in_vain_hold_over_a_restart() {
    let mut course = restarted(&in_vain(), 1_020).unwrap();
    assert_eq!(
        checkpoints(&course.see(Ok(facts(61)), at(1_030))),
        0,
        "it was in danger before the restart too"
    );
    assert_eq!(course.cooldown(at(1_100)), Some(Duration::from_secs(200)));
    assert_eq!(checkpoints(&course.see(Ok(facts(61)), at(1_300))), 1);
    let steps = course.settle(Outcome::Failed("x".to_owned()), at(1_301));
    assert!(steps.iter().any(|step| matches!(step, Step::Tell(Happening::RestartConsideration { .. }))));
    assert_eq!((course.tally.ineffective, course.tally.failed), (1, 1));
    let mut quiet = fresh();
    quiet.see(Ok(facts(1)), at(0));
    let mut quiet = restarted(&quiet, 3_600).unwrap();
    assert_eq!(checkpoints(&quiet.see(Ok(facts(1)), at(7_199))), 0);
    assert_eq!(checkpoints(&quiet.see(Ok(facts(1)), at(7_200))), 1, "the schedule goes on");
}

#[test]
fn the_last_checkpoint_is_known_whatever_became_of_it() {
    let took = Duration::from_millis(1_500);
    for outcome in [
        Outcome::Effective { freed_bytes: 7, freed_replay: 8, took },
        Outcome::Idle,
        Outcome::Ineffective { waited: took, said: None },
        Outcome::Ineffective { waited: took, said: Some("a reader is in the way".to_owned()) },
        Outcome::Failed("no such slot\n\u{1b}[2J".to_owned()),
    ] {
        let mut course = fresh();
        course.see(Ok(facts(31)), at(10));
        course.settle(outcome.clone(), at(20));
        let again = restarted(&course, 30).unwrap();
        assert_eq!(again.made, Some(Made { at: at(20), reason: Reason::Warning, outcome }));
        assert_eq!((again.helped, again.tally), (course.helped, course.tally));
    }
}

#[test]
fn a_forecast_goes_on_unless_nobody_has_looked_for_longer_than_before() {
    let mut course = fresh();
    (0..30_i64).for_each(|step| {
        course.see(Ok(facts(1 + step.unsigned_abs())), at(step * 60));
    });
    let forecast = course.forecast.unwrap();
    let mut soon = restarted(&course, 1_900).unwrap();
    soon.see(Ok(facts(32)), at(1_860));
    let again = soon.forecast.unwrap();
    assert!((again.growth - forecast.growth).abs() < 0.1 && again.watched > forecast.watched);
    let mut late = restarted(&course, 9_000).unwrap();
    late.see(Ok(facts(150)), at(9_000));
    assert_eq!(late.forecast, None);
}

#[test]
fn a_log_that_hovers_around_its_limit_is_not_well_because_of_a_restart() {
    let mut course = fresh();
    course.see(Ok(facts(31)), at(0));
    let mut again = restarted(&course, 10).unwrap();
    again.see(Ok(facts(29)), at(10));
    assert_eq!(again.judgement.health, crate::Health::Warning);
}

#[test]
fn a_time_of_a_clock_that_was_set_back_since_is_now() {
    let mut again = restarted(&in_vain(), 5).unwrap();
    again.see(Ok(facts(1)), at(6));
    assert_eq!(again.cooldown(at(306)), None, "and no cooldown of years");
}

#[test]
fn a_line_that_makes_no_sense_is_refused_and_one_that_is_not_known_is_passed_over() {
    let recalled = |line: &str| {
        let (name, words) = line.split_once(' ').unwrap();
        let mut page = Page::new();
        drop(page.line(name).word(words));
        let file = page.close();
        let (name, mut fields) = lines(&file).unwrap().next().unwrap();
        fresh().recall(name, &mut fields, at(0))
    };
    for wrong in [
        "point 1",
        "point x 1 1",
        "breach warning max-size 1",
        "breach bad max-size - 1",
        "breach warning max-fun - 1",
        "course - - - - x",
        "course - - -",
        "told 1",
        "tally 1 2 3",
        "tally -1 2 3 4",
        "made 1 manual better",
        "made 1 manual failed %zz",
        "spacing -1",
    ] {
        assert_eq!(recalled(wrong), None, "{wrong}");
    }
    assert_eq!(recalled("later whatever it is"), Some(()));
}
