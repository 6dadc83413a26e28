//! What events say, and what they end.

use formats::UnixTime;
use watch::alert::State;
use watch::{Blocker, Breach, Confidence, Eta, FlawKind, Measure};

use super::*;

fn told(what: Happening) -> Vec<News> {
    news_of(&Event { seq: 1, at: UnixTime::from_seconds(0), target: "db".to_owned(), what })
}

fn message(news: &News) -> (Severity, &str) {
    match &news.state {
        State::Trouble(trouble) => (trouble.severity, &trouble.message),
        State::Well => panic!("{news:?} is no trouble"),
    }
}

fn health(to: Judgement) -> Vec<News> {
    told(Happening::Health { from: Health::Healthy, to })
}

#[test]
fn a_log_that_is_worse_says_by_how_much_and_why_it_is_not_reclaimed() {
    let breach = Breach { measure: Measure::Size, value: Some(5 << 30), limit: 1 << 30 };
    let files = Breach { measure: Measure::Files, value: None, limit: 30 };
    let news = health(Judgement {
        health: Health::Critical,
        breaches: vec![(Severity::Critical, breach), (Severity::Warning, files)],
        blockers: vec![Blocker("a reader holds it".to_owned())],
        ..Judgement::default()
    });
    let expected = "critical after healthy: the size of the log is 5.00 GiB; the limit is 1.00 GiB; \
                    the number of files cannot be told; the limit is 30";
    assert_eq!(message(&news[0]), (Severity::Critical, expected));
    let State::Trouble(trouble) = &news[0].state else { panic!() };
    assert_eq!(trouble.advice.as_deref(), Some("It is not reclaimed: a reader holds it"));
}

#[test]
fn a_log_that_cannot_be_seen_is_worth_attention_and_ends_no_damage() {
    let news = health(Judgement::blind("permission denied".to_owned()));
    let expected = "unknown after healthy: permission denied";
    assert_eq!(message(&news[0]), (Severity::Warning, expected));
    assert!(!news.contains(&News::well("db", Topic::Damage)));
}

#[test]
fn a_log_that_is_well_ends_everything_about_it_but_its_checkpoints() {
    let news = health(Judgement { health: Health::Healthy, ..Judgement::default() });
    for topic in [Topic::Health, Topic::RestartConsideration, Topic::Damage, Topic::Forecast] {
        assert!(news.contains(&News::well("db", topic)), "{topic:?}");
    }
    assert!(!news.contains(&News::well("db", Topic::Checkpoint)));
}

#[test]
fn a_checkpoint_that_helps_ends_what_one_that_did_not_began() {
    let checkpoint = |outcome| told(Happening::Checkpoint { reason: Reason::Critical, outcome }).remove(0);
    let failed = checkpoint(Outcome::Failed("refused".to_owned()));
    assert_eq!(message(&failed), (Severity::Warning, "a checkpoint (critical) did not help: refused"));
    let vain = checkpoint(Outcome::Ineffective { waited: Duration::from_secs(30), said: None });
    assert_eq!(vain.key, failed.key);
    let good = checkpoint(Outcome::Idle);
    assert_eq!(good, News::well("db", Topic::Checkpoint));
    assert!(told(Happening::CheckpointBegun(Reason::Manual)).is_empty());
}

#[test]
fn a_forecast_says_what_comes_and_ends_by_itself() {
    let eta = Eta { likely: Duration::from_mins(40), soonest: Duration::from_mins(30), latest: None };
    let news = told(Happening::Forecast(Forecast {
        growth: 1_048_576.0,
        watched: Duration::from_hours(3),
        confidence: Confidence::Good,
        warning: None,
        critical: Some(eta),
        full: None,
    }));
    let expected = "in danger in 40 min; it has grown by 60.0 MiB a minute for 3 h";
    assert_eq!(message(&news[0]), (Severity::Warning, expected));
    let State::Trouble(trouble) = &news[0].state else { panic!() };
    assert_eq!(trouble.lasts, Some(FORESEEN));
}

#[test]
fn damage_is_as_bad_as_it_is() {
    let flaw =
        Flaw { kind: FlawKind::Damage, severity: Severity::Critical, what: "00000003: torn".to_owned() };
    assert_eq!(message(&told(Happening::Damage(flaw))[0]), (Severity::Critical, "damage: 00000003: torn"));
}
