//! What people see of a log.

use formats::{Fact, PartSurvey, Role, Survey, TopRow, TopTable, UnixTime, Verdict};

use super::*;
use crate::limits::Health;
use crate::report::fake::{FakeLog, damage};

fn report(survey: Survey) -> Report {
    Report {
        path: "/data".into(),
        root: "/data".into(),
        format: Format::Prometheus,
        survey,
        depth: Depth::Contents { top: 10 },
        now: UnixTime::from_seconds(2_000),
        findings: Vec::new(),
        health: Health::Healthy,
    }
}

fn survey_of(files: u64) -> Survey {
    let names: Vec<String> = (0..files).map(|number| format!("wal/{number:04}")).collect();
    let parts: Vec<(&str, Role, u64)> = names.iter().map(|name| (name.as_str(), Role::Live, 1024)).collect();
    let parts = FakeLog::new(&parts).parts;
    let read = |part| PartSurvey { records: Some(1), ..PartSurvey::unread(part) };
    Survey { parts: parts.iter().map(read).collect(), verdict: Verdict::Starts, ..Survey::default() }
}

#[test]
fn a_long_log_is_folded_in_the_middle_but_never_over_damage() {
    let mut survey = survey_of(500);
    survey.damage(damage("wal/0250", 1, 2));
    let shown = text(&report(survey), &Screen::plain());
    assert!(shown.contains("wal/0009") && !shown.contains("wal/0010 "));
    assert!(shown.contains("... 240 more files, 240 KiB (-v lists them)"), "{shown}");
    assert!(shown.contains("wal/0250"));
    assert!(shown.contains("... 229 more files, 229 KiB"), "{shown}");
    assert!(shown.contains("wal/0480") && shown.contains("wal/0499"));
}

#[test]
fn with_full_detail_every_file_is_shown() {
    let screen = Screen { detail: Detail::Full, ..Screen::plain() };
    let shown = text(&report(survey_of(500)), &screen);
    assert!(shown.contains("wal/0250") && !shown.contains("more files"));
}

#[test]
fn with_little_detail_the_figures_are_left() {
    let screen = Screen { detail: Detail::Little, ..Screen::plain() };
    let shown = text(&report(survey_of(3)), &screen);
    assert!(shown.contains("3.00 KiB in 3 files") && !shown.contains("wal/0001"), "{shown}");
}

#[test]
fn names_from_a_log_cannot_steer_the_terminal() {
    let mut survey = survey_of(1);
    let rows = vec![TopRow { name: "\x1b]0;gotcha\x07".to_owned(), series: 1, samples: 1 }];
    survey.top.push(TopTable { by: "metric", rows });
    survey.facts.push(Fact { name: "host", value: "\x1b[2J".into() });
    survey.parts[0].part.name = "wal/\r0000".to_owned();
    survey.damage(formats::Damage { cause: "\x1b[31m".into(), ..damage("wal/\r0000", 0, 1) });
    let shown = text(&report(survey), &Screen::plain());
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
}

#[test]
fn a_table_that_is_too_wide_drops_its_times_before_it_breaks() {
    let mut survey = survey_of(2);
    survey.parts[0].times =
        Some(formats::TimeRange { min: UnixTime::from_seconds(0), max: UnixTime::from_seconds(90_000) });
    let wide = text(&report(survey), &Screen::plain());
    assert!(wide.contains("1970-01-01 00:00:00 - 1970-01-02 01:00:00"));
    let mut survey = survey_of(2);
    survey.parts[0].times = Some(formats::TimeRange::at(UnixTime::from_seconds(0)));
    let narrow = text(&report(survey), &Screen { width: 50, ..Screen::plain() });
    assert!(
        narrow.lines().filter(|line| line.contains("wal/")).all(|line| line.chars().count() <= 50),
        "{narrow}"
    );
}

#[test]
fn facts_are_shown_in_the_unit_of_their_name() {
    let mut survey = survey_of(1);
    survey.fact("page_bytes", 32_768u64);
    survey.fact("lag_seconds", 90u64);
    survey.fact("open_transactions", 1_234u64);
    survey.fact("unknown_thing", formats::Value::Null);
    let shown = text(&report(survey), &Screen::plain());
    for part in ["Page", "32.0 KiB", "Lag", "1 min 30 s", "Open transactions", "1,234"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("Unknown thing"), "what is not known is not a figure");
}
