//! What is done about a log, move by move.

use super::*;
use crate::{Blocker, Cron, FlawKind, Limits, OverDamage, RestartRules, Room, Withheld, Zone};

fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(second)
}

fn facts(files: u64) -> Facts {
    let room = Some(Room { free: 900 << 40, total: 1_000 << 40 });
    Facts { files: Some(files), bytes: Some(files * 100), room, ..Facts::default() }
}

/// 30 files are worth attention, 60 are dangerous; a cooldown of five minutes.
fn course(schedule: Option<u64>) -> Course {
    course_by(schedule.map(|seconds| Schedule::Every(Duration::from_secs(seconds))))
}

fn course_by(schedule: Option<Schedule>) -> Course {
    let rhythm = Rhythm { cooldown: Duration::from_mins(5), schedule };
    Course::new(Thresholds::classic(), Some(rhythm))
}

fn words(steps: &[Step]) -> Vec<String> {
    let word = |step: &Step| match step {
        Step::Tell(Happening::Health { from, to }) => format!("{} > {}", from.name(), to.health.name()),
        Step::Tell(Happening::Checkpoint { outcome, .. }) => outcome.name().to_owned(),
        Step::Tell(other) => other.name().to_owned(),
        Step::Checkpoint(reason) => format!("checkpoint: {}", reason.name()),
        Step::Restart(reason) => format!("restart: {}", reason.name()),
    };
    steps.iter().map(word).collect()
}

fn see(course: &mut Course, files: u64, second: i64) -> Vec<String> {
    words(&course.see(Ok(facts(files)), at(second)))
}

fn settle(course: &mut Course, files: u64, second: i64) -> Vec<String> {
    let outcome = course.has_helped(&facts(files), at(second));
    let in_vain = Outcome::Ineffective { waited: Duration::from_secs(30), said: None };
    words(&course.settle(outcome.unwrap_or(in_vain), at(second)))
}

#[test]
fn a_log_that_grows_is_checkpointed_shrinks_and_is_well_and_each_of_that_is_told_once() {
    let mut course = course(None);
    assert_eq!(see(&mut course, 10, 0), ["unknown > healthy"]);
    assert!(see(&mut course, 25, 10).is_empty());
    assert_eq!(see(&mut course, 31, 20), ["healthy > warning", "checkpoint: warning"]);
    assert!(see(&mut course, 32, 30).is_empty(), "one at a time");
    assert_eq!(settle(&mut course, 3, 35), ["effective"]);
    assert_eq!(see(&mut course, 3, 40), ["warning > healthy"]);
    assert_eq!(course.helped, Some(at(35)));
    assert_eq!(course.tally, Tally { effective: 1, freed_bytes: 2_800, ..Tally::default() });
}

#[test]
fn a_warning_waits_for_the_cooldown_and_danger_does_not() {
    let mut course = course(None);
    assert_eq!(see(&mut course, 31, 0), ["unknown > warning", "checkpoint: warning"]);
    assert_eq!(settle(&mut course, 31, 1), ["ineffective"]);
    assert!(see(&mut course, 31, 299).is_empty());
    assert_eq!(see(&mut course, 31, 300), ["checkpoint: warning"]);
    settle(&mut course, 31, 301);
    assert_eq!(see(&mut course, 61, 310), ["warning > critical", "checkpoint: critical"]);
    settle(&mut course, 61, 311);
    assert!(see(&mut course, 62, 320).is_empty(), "in danger still, and tried not long ago");
    assert_eq!(see(&mut course, 63, 610), ["checkpoint: critical"]);
}

#[test]
fn a_restart_is_considered_once_when_checkpoints_do_not_help_a_log_in_danger() {
    let mut course = course(None);
    see(&mut course, 61, 0);
    assert_eq!(settle(&mut course, 61, 1), ["ineffective"]);
    see(&mut course, 61, 300);
    assert_eq!(settle(&mut course, 61, 301), ["ineffective", "wal.restart_consideration"]);
    see(&mut course, 61, 600);
    assert_eq!(settle(&mut course, 61, 601), ["ineffective"]);
    assert_eq!(see(&mut course, 2, 610), ["critical > healthy"]);
    see(&mut course, 61, 900);
    settle(&mut course, 61, 901);
    see(&mut course, 61, 1_200);
    assert_eq!(settle(&mut course, 61, 1_201), ["ineffective", "wal.restart_consideration"]);
}

#[test]
fn a_restart_that_is_configured_is_made_after_checkpoints_in_vain_and_counted_anew_after_it() {
    let mut course = course(None);
    let rules = RestartRules {
        after: 1,
        cooldown: Duration::from_secs(1_000),
        most_a_day: 9,
        over_damage: OverDamage::Refuse,
    };
    course.restarts.rule(Some(rules));
    see(&mut course, 61, 0);
    assert_eq!(settle(&mut course, 61, 1), ["ineffective", "wal.restart_consideration", "restart: critical"]);
    assert!(see(&mut course, 61, 400).is_empty(), "no checkpoint meanwhile");
    assert_eq!(course.denial(at(400)), Some(Denied::Running));
    assert_eq!(course.ask_restart(at(400)), Err(Hindrance::Running));
    let in_vain = RestartOutcome::InVain { took: Duration::from_secs(9) };
    assert_eq!(words(&course.settle_restart(in_vain, at(401))), ["wal.restart"]);
    assert_eq!(see(&mut course, 61, 402), ["checkpoint: critical"]);
    assert_eq!(course.ask_restart(at(402)), Err(Hindrance::Running), "nor a restart while one is made");
    assert_eq!(settle(&mut course, 61, 403), ["ineffective", "wal.restart_consideration"], "it is too soon");
    assert_eq!(see(&mut course, 61, 1_000), ["checkpoint: critical"]);
    assert_eq!(settle(&mut course, 61, 1_002), ["ineffective", "restart: critical"], "it is told once");
    assert_eq!(course.restarts.withheld, Withheld { cooldown: 1, ..Withheld::default() });
}

#[test]
fn a_schedule_counts_from_the_first_look_and_from_each_checkpoint() {
    let mut course = course(Some(600));
    see(&mut course, 1, 0);
    assert!(see(&mut course, 1, 599).is_empty());
    assert_eq!(see(&mut course, 1, 600), ["checkpoint: scheduled"]);
    assert_eq!(settle(&mut course, 0, 601), ["effective"]);
    assert!(see(&mut course, 1, 1_199).is_empty());
    assert_eq!(see(&mut course, 1, 1_200), ["checkpoint: scheduled"]);
}

#[test]
fn a_schedule_by_the_clock_is_kept_once_and_after_the_cooldown_of_what_came_between() {
    let cron = Cron::parse("30 0 * * *", Zone::default()).unwrap();
    let mut course = course_by(Some(Schedule::Cron(cron)));
    see(&mut course, 1, 0);
    assert_eq!(course.next(), Some(at(1_800)));
    assert!(see(&mut course, 1, 1_799).is_empty());
    assert_eq!(see(&mut course, 31, 1_795), ["healthy > warning", "checkpoint: warning"]);
    settle(&mut course, 1, 1_796);
    see(&mut course, 1, 1_800);
    assert!(see(&mut course, 1, 2_094).is_empty(), "it is too soon after the other one");
    assert_eq!(see(&mut course, 1, 2_095), ["checkpoint: scheduled"]);
    settle(&mut course, 0, 2_096);
    assert_eq!(course.next(), Some(at(86_400 + 1_800)));
    assert!(see(&mut course, 1, 86_400).is_empty());
}

#[test]
fn what_cannot_be_seen_is_unknown_and_nothing_is_done_about_it() {
    let mut course = course(Some(1));
    see(&mut course, 31, 0);
    settle(&mut course, 31, 1);
    let blind = |course: &mut Course, second| words(&course.see(Err("gone".to_owned()), at(second)));
    assert_eq!(blind(&mut course, 600), ["warning > unknown"]);
    assert!(blind(&mut course, 700).is_empty());
    assert_eq!((course.facts.is_none(), course.forecast), (true, None));
    assert_eq!(course.ask(None, at(700)), Err(Denied::NoWay));
    assert_eq!(see(&mut course, 28, 800)[0], "unknown > warning", "it was not seen to become well");
}

#[test]
fn a_log_in_danger_that_is_lost_from_sight_is_in_no_new_danger_when_it_is_back() {
    let mut course = course(None);
    see(&mut course, 61, 0);
    settle(&mut course, 61, 1);
    course.see(Err("gone".to_owned()), at(10));
    assert_eq!(see(&mut course, 61, 20), ["unknown > critical"]);
    assert_eq!(see(&mut course, 61, 300), ["checkpoint: critical"]);
}

#[test]
fn a_checkpoint_by_hand_is_denied_while_one_runs_and_while_it_is_too_soon() {
    let mut course = course(None);
    see(&mut course, 10, 0);
    assert_eq!(course.ask(Some(facts(10)), at(1)), Ok(Step::Checkpoint(Reason::Manual)));
    assert_eq!(course.ask(Some(facts(10)), at(2)), Err(Denied::Running));
    settle(&mut course, 1, 3);
    assert_eq!(course.ask(Some(facts(1)), at(61)), Err(Denied::Cooling { left: Duration::from_mins(4) }));
    assert!(course.ask(Some(facts(1)), at(301)).is_ok());
    let mut none = Course::new(Thresholds::classic(), None);
    see(&mut none, 61, 0);
    assert_eq!(none.ask(Some(facts(61)), at(1)), Err(Denied::NoWay));
}

#[test]
fn a_disk_that_others_fill_is_a_warning_and_wants_a_checkpoint_only_when_it_is_all_but_full() {
    let mut course = course(None);
    let free = |free: u64| Facts { room: Some(Room { free: free << 40, total: 1_000 << 40 }), ..facts(1) };
    assert_eq!(words(&course.see(Ok(free(90)), at(0))), ["unknown > warning"]);
    assert_eq!(words(&course.see(Ok(free(49)), at(9))), ["warning > critical", "checkpoint: critical"]);
}

#[test]
fn a_checkpoint_by_hand_is_held_against_the_log_as_it_is_then() {
    let mut course = course(None);
    see(&mut course, 10, 0);
    course.ask(Some(facts(29)), at(20)).unwrap();
    let helped = course.has_helped(&facts(12), at(21));
    assert!(matches!(helped, Some(Outcome::Effective { freed_bytes: 1_700, .. })), "{helped:?}");
}

#[test]
fn a_checkpoint_helps_when_less_is_replayed_though_the_file_keeps_its_size() {
    let mut course = course(None);
    let replay = |count| Some(crate::Replay { count, unit: "frames" });
    course.see(Ok(Facts { replay: replay(500), ..facts(1) }), at(0));
    course.ask(Some(Facts { replay: replay(500), ..facts(1) }), at(1)).unwrap();
    assert_eq!(course.has_helped(&Facts { replay: replay(500), ..facts(1) }, at(2)), None);
    let helped = course.has_helped(&Facts { replay: replay(100), ..facts(1) }, at(2)).unwrap();
    let took = Duration::from_secs(1);
    assert_eq!(helped, Outcome::Effective { freed_bytes: 0, freed_replay: 400, took });
    assert_eq!(course.has_helped(&Facts::default(), at(2)), None, "what is not known is not less");
    course.settle(helped, at(2));
    course.see(Ok(Facts { replay: replay(0), ..facts(1) }), at(400));
    course.ask(Some(Facts { replay: replay(0), ..facts(1) }), at(401)).unwrap();
    assert_eq!(course.has_helped(&Facts { replay: replay(0), ..facts(1) }, at(402)), Some(Outcome::Idle));
}

#[test]
fn a_flaw_is_told_when_it_appears_makes_a_log_critical_and_no_checkpoint_is_made_over_it() {
    let mut course = course(Some(60));
    let flaw = Flaw { kind: FlawKind::CrashLoops, severity: Severity::Critical, what: "it ends".to_owned() };
    let broken = Facts { flaws: vec![flaw], blockers: vec![Blocker("why".to_owned())], ..facts(1) };
    let steps = course.see(Ok(broken.clone()), at(0));
    assert_eq!(words(&steps), ["wal.damage", "unknown > critical"]);
    assert_eq!(course.judgement.blockers.len(), 1);
    assert!(course.see(Ok(broken.clone()), at(10)).is_empty());
    assert!(course.see(Ok(broken), at(1_000)).is_empty(), "nor when its time has come");
}

#[test]
fn a_forecast_is_told_once_when_it_comes_within_the_hour() {
    let warning = Limits { max_size: Some(1 << 40), ..Limits::default() };
    let critical = Limits { max_size: Some(90_000), ..Limits::default() };
    let mut course = Course::new(Thresholds { warning, critical }, None);
    let told: Vec<String> =
        (0..40).flat_map(|step| see(&mut course, 10 + step, i64::try_from(step * 10).unwrap())).collect();
    assert!(course.forecast.unwrap().critical.unwrap().likely > SOON);
    assert_eq!(told, ["unknown > healthy"]);
    let told: Vec<String> =
        (40..600).flat_map(|step| see(&mut course, 10 + step, i64::try_from(step * 10).unwrap())).collect();
    assert_eq!(told, ["wal.forecast"]);
}

#[test]
fn a_clock_that_is_set_back_neither_panics_nor_checkpoints_without_end() {
    let mut course = course(Some(60));
    see(&mut course, 31, 1_000);
    settle(&mut course, 1, 1_001);
    assert_eq!(see(&mut course, 1, 5), ["warning > healthy"]);
    assert_eq!(course.cooldown(at(6)), Some(Duration::from_mins(5)));
}
