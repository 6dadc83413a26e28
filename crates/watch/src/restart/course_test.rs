//! When a server is restarted, move by move.

use super::*;
use crate::{Consulted, Flaw, FlawKind, Severity};

fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(second)
}

fn rules() -> RestartRules {
    RestartRules {
        after: 2,
        cooldown: Duration::from_hours(1),
        most_a_day: 2,
        over_damage: OverDamage::Refuse,
    }
}

fn restarts() -> Restarts {
    let mut restarts = Restarts::default();
    restarts.rule(Some(rules()));
    restarts
}

fn facts(bytes: u64, is_ready: Option<bool>) -> Facts {
    let server = is_ready.map(|is_ready| Consulted { is_ready, ..Consulted::default() });
    Facts { bytes: Some(bytes), server, ..Facts::default() }
}

const PATIENCE: Duration = Duration::from_mins(10);

fn made(restarts: &mut Restarts, second: i64) {
    assert_eq!(restarts.hindrance(Reason::Critical, &Judgement::default(), at(second)), None);
    restarts.begin(Reason::Critical, facts(100, None), at(second));
    restarts.settle(RestartOutcome::InVain { took: Duration::ZERO }, at(second + 1));
}

fn withheld(restarts: &Restarts, second: i64) -> Option<&'static str> {
    restarts.hindrance(Reason::Critical, &Judgement::default(), at(second)).map(Hindrance::name)
}

#[test]
fn none_is_made_where_nothing_says_how_within_the_cooldown_or_too_often_a_day() {
    assert_eq!(withheld(&Restarts::default(), 0), Some("no-restart"));
    let mut restarts = restarts();
    made(&mut restarts, 0);
    assert_eq!(withheld(&restarts, 3_599), Some("cooldown"));
    made(&mut restarts, 3_600);
    assert_eq!(withheld(&restarts, 3 * 3_600), Some("enough"));
    assert_eq!(restarts.hindrance(Reason::Manual, &Judgement::default(), at(3_700)), None, "somebody asks");
    made(&mut restarts, 24 * 3_600);
    assert_eq!((restarts.tally.ineffective, restarts.made.as_ref().unwrap().at), (3, at(24 * 3_600 + 1)));
}

#[test]
fn none_is_made_over_damage_whoever_asks_unless_that_is_wanted() {
    let flaw = |kind| Flaw { kind, severity: Severity::Critical, what: "why".to_owned() };
    let judged = |kind| Judgement { flaws: vec![flaw(kind)], ..Judgement::default() };
    let mut restarts = restarts();
    for judgement in
        [judged(FlawKind::Damage), judged(FlawKind::CrashLoops), Judgement::blind("gone".to_owned())]
    {
        for reason in [Reason::Critical, Reason::Manual] {
            assert_eq!(restarts.hindrance(reason, &judgement, at(0)), Some(Hindrance::Damaged));
        }
    }
    assert_eq!(
        restarts.hindrance(Reason::Manual, &judged(FlawKind::Server), at(0)),
        None,
        "that is what it is for"
    );
    restarts.rule(Some(RestartRules { over_damage: OverDamage::Restart, ..rules() }));
    assert_eq!(restarts.hindrance(Reason::Critical, &judged(FlawKind::Damage), at(0)), None);
}

#[test]
fn a_server_is_back_when_it_serves_and_the_log_has_a_while_to_shrink_then() {
    let mut restarts = restarts();
    restarts.begin(Reason::Manual, facts(100, Some(true)), at(0));
    assert_eq!(withheld(&restarts, 1), Some("running"));
    restarts.done(at(5));
    for (bytes, is_ready, second) in [(100, false, 6), (50, false, 20), (100, true, 30), (120, true, 59)] {
        assert_eq!(
            restarts.outcome(Some(&facts(bytes, Some(is_ready))), at(second), PATIENCE),
            None,
            "{second}"
        );
    }
    let took = Duration::from_secs(30);
    assert_eq!(
        restarts.outcome(Some(&facts(120, Some(true))), at(60), PATIENCE),
        Some(RestartOutcome::InVain { took })
    );
    let helped = RestartOutcome::Helped { took, freed_bytes: 10, freed_replay: 0 };
    assert_eq!(restarts.outcome(Some(&facts(90, Some(true))), at(60), PATIENCE), Some(helped));
}

#[test]
fn a_server_that_goes_down_again_is_not_back_and_one_that_never_serves_is_lost() {
    let mut restarts = restarts();
    restarts.begin(Reason::Manual, facts(100, Some(true)), at(0));
    restarts.done(at(100));
    assert_eq!(restarts.outcome(Some(&facts(100, Some(true))), at(101), PATIENCE), None);
    assert_eq!(restarts.outcome(Some(&facts(100, Some(false))), at(140), PATIENCE), None);
    assert_eq!(restarts.outcome(None, at(699), PATIENCE), None, "what cannot be seen is not back");
    let lost = restarts.outcome(Some(&facts(1, Some(false))), at(700), PATIENCE);
    assert!(matches!(&lost, Some(RestartOutcome::Lost(why)) if why.contains("600s")), "{lost:?}");
    restarts.settle(lost.unwrap(), at(700));
    assert_eq!(restarts.tally.lost, 1);
}

#[test]
fn without_a_server_to_ask_it_counts_as_back_at_once() {
    let mut restarts = restarts();
    restarts.begin(Reason::Critical, facts(100, None), at(0));
    let took = Duration::from_secs(2);
    let helped = RestartOutcome::Helped { took, freed_bytes: 99, freed_replay: 0 };
    assert_eq!(restarts.outcome(Some(&facts(1, None)), at(2), PATIENCE), Some(helped));
}

#[test]
fn what_is_remembered_has_a_bound() {
    let mut restarts = restarts();
    for second in 0..i64::try_from(MOST).unwrap() + 50 {
        restarts.begin(Reason::Manual, facts(1, None), at(second));
        restarts.settle(RestartOutcome::Failed("why".to_owned()), at(second));
    }
    assert_eq!(restarts.begun.len(), MOST);
}
