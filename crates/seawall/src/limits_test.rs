//! What is found wrong with a log, and how bad that is.

use std::time::Duration;

use formats::{Estimate, PartSurvey, ReadError, Role, TimeRange, Verdict};
use watch::Age;

use super::*;
use crate::report::fake::{FakeLog, damage};

const NOW: UnixTime = UnixTime::from_seconds(10_000);

/// Two files of 600 bytes together, last written 9 000 seconds ago, and one that does not count.
fn survey() -> Survey {
    let log =
        FakeLog::new(&[("1", Role::Live, 100), ("2", Role::Checkpoint, 500), ("3", Role::HeadChunks, 9_999)]);
    Survey { parts: log.parts.iter().map(PartSurvey::unread).collect(), ..Survey::default() }
}

fn facts(survey: &Survey) -> Facts<'_> {
    let room = Some(Room { free: 200, total: 1_000 });
    Facts {
        path: Path::new("/data"),
        format: Format::Prometheus,
        survey,
        depth: Depth::Bytes,
        room,
        now: NOW,
    }
}

fn codes(survey: &Survey, limits: Limits) -> Vec<(Code, Severity)> {
    judge(&facts(survey), &limits).into_iter().map(|finding| (finding.code, finding.severity)).collect()
}

#[test]
fn a_limit_is_exceeded_only_beyond_it() {
    let survey = Survey {
        estimate: Some(Estimate { replay_seconds: 1.0, memory_bytes: 700, memory_error: 0.0 }),
        ..survey()
    };
    let at = |size, files, age, memory, free| Limits {
        max_size: Some(size),
        max_files: Some(files),
        max_age: Some(Duration::from_secs(age)),
        memory: Some(memory),
        min_free: Some(Floor::Bytes(free)),
    };
    assert_eq!(codes(&survey, at(600, 2, 9_000, 700, 200)), []);
    let all = [Code::MaxSize, Code::MaxFiles, Code::MaxAge, Code::MemoryLimit, Code::MinFree];
    let warnings: Vec<_> = all.into_iter().map(|code| (code, Severity::Warning)).collect();
    assert_eq!(codes(&survey, at(599, 1, 8_999, 699, 201)), warnings);
}

#[test]
fn a_share_of_free_space_is_one_of_the_whole_file_system() {
    let floor = |percent| Limits { min_free: Some(Floor::Percent(percent)), ..Limits::default() };
    assert_eq!(codes(&survey(), floor(20.0)), []);
    assert_eq!(codes(&survey(), floor(20.1)), [(Code::MinFree, Severity::Warning)]);
}

#[test]
fn what_cannot_be_judged_is_not_fine() {
    let limits = Limits { memory: Some(u64::MAX), ..Limits::default() };
    assert_eq!(codes(&survey(), limits), [(Code::MemoryLimit, Severity::Warning)]);
    let mut ageless = survey();
    ageless.parts.iter_mut().for_each(|part| part.part.modified = None);
    let limits = Limits { max_age: Some(Duration::MAX), ..Limits::default() };
    assert_eq!(codes(&ageless, limits), [(Code::MaxAge, Severity::Warning)]);
    assert_eq!(codes(&Survey::default(), limits), [], "a log without files has nothing that is too old");
}

#[test]
fn records_tell_the_age_better_than_files() {
    assert_eq!(oldest_age(&survey(), NOW), Some(Age { seconds: 9_000, of: Oldest::File }));
    let read = Survey { times: Some(TimeRange::at(UnixTime::from_seconds(4_000))), ..survey() };
    assert_eq!(oldest_age(&read, NOW), Some(Age { seconds: 6_000, of: Oldest::Record }));
    let future = Survey { times: Some(TimeRange::at(UnixTime::from_seconds(99_000))), ..survey() };
    assert_eq!(oldest_age(&future, NOW), Some(Age { seconds: 0, of: Oldest::Record }));
}

#[test]
fn a_loss_without_damage_is_a_warning_and_with_damage_critical() {
    let what = "it forgets".to_owned();
    let mut survey = Survey { verdict: Verdict::StartsWithLoss { what: what.clone() }, ..survey() };
    assert_eq!(codes(&survey, Limits::default()), [(Code::StartsWithLoss, Severity::Warning)]);
    survey.damage(damage("1", 3, 9));
    assert_eq!(
        codes(&survey, Limits::default()),
        [(Code::Damage, Severity::Critical), (Code::StartsWithLoss, Severity::Critical)]
    );
    survey.verdict = Verdict::Refuses { what };
    assert_eq!(
        codes(&survey, Limits::default()),
        [(Code::Damage, Severity::Critical), (Code::Refuses, Severity::Critical)]
    );
}

#[test]
fn the_worst_findings_come_first() {
    let mut survey = Survey { verdict: Verdict::CrashLoops { what: "it ends".to_owned() }, ..survey() };
    survey
        .unreadable
        .push(ReadError { file: "1".to_owned(), source: std::io::ErrorKind::PermissionDenied.into() });
    let limits = Limits { max_size: Some(0), ..Limits::default() };
    let severities: Vec<Severity> =
        codes(&survey, limits).into_iter().map(|(_, severity)| severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::Critical, Severity::Warning]);
}

#[test]
fn every_finding_names_both_numbers_and_what_to_do() {
    let limits = Limits { max_size: Some(64), max_files: Some(1), ..Limits::default() };
    for finding in judge(&facts(&survey()), &limits) {
        assert!(finding.message.contains("limit is"), "{}", finding.message);
        assert!(!finding.advice.is_empty());
    }
}

#[test]
fn health_is_unknown_where_nothing_could_tell() {
    let survey = survey();
    let judged = |depth, limits: Limits| {
        let facts = Facts { depth, ..facts(&survey) };
        health(&facts, &limits)
    };
    let kept = Limits { max_size: Some(1_000), ..Limits::default() };
    assert_eq!(judged(Depth::Listing, Limits::default()), Health::Unknown);
    assert_eq!(judged(Depth::Listing, kept), Health::Healthy);
    assert_eq!(judged(Depth::Bytes, Limits::default()), Health::Healthy);
}

#[test]
fn what_could_not_be_read_is_neither_sound_nor_damaged() {
    let mut survey = survey();
    survey
        .unreadable
        .push(ReadError { file: "1".to_owned(), source: std::io::ErrorKind::PermissionDenied.into() });
    let facts = facts(&survey);
    assert_eq!(health(&facts, &Limits::default()), Health::Unknown);
}

#[test]
fn a_gauge_says_what_the_judgement_says() {
    let survey = survey();
    let facts = facts(&survey);
    for (size, free) in [(599, 201), (600, 200), (601, 199), (0, 0)] {
        let limits = Limits { max_size: Some(size), min_free: Some(Floor::Bytes(free)), ..Limits::default() };
        let kept = gauges::gauges(&facts, &limits).iter().filter(|gauge| gauge.kept()).count();
        assert_eq!(kept, 2 - judge(&facts, &limits).len(), "{size} {free}");
    }
}
