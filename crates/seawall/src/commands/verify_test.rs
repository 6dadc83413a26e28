//! What `verify` says.

use formats::{Note, Order, ReadError, Role, UnixTime, Verdict};

use super::*;
use crate::report::fake::FakeLog;

fn said(log: FakeLog, screen: &Screen) -> (String, Exit) {
    let subject = Subject::of("/data".as_ref(), Box::new(log));
    let order: Order = subject.order(Depth::Bytes, UnixTime::from_seconds(2_000));
    let survey = subject.survey(&order, screen);
    let report = Report::new(&subject, &order, survey, Bounds::default());
    (text(&report, screen), report.exit_of_a_reading())
}

fn log() -> FakeLog {
    FakeLog::new(&[("1", Role::Live, 100)]).record("1", formats::Record::new("samples"))
}

#[test]
fn a_sound_log_ends_well_and_says_what_comes() {
    let (text, exit) = said(FakeLog { verdict: Verdict::Starts, ..log() }, &Screen::plain());
    assert!(text.contains("Sound: 1 record in 1 file, 100 B checked.\n"), "{text}");
    assert!(text.ends_with("At the next start everything is kept.\n"), "{text}");
    assert_eq!(exit, Exit::Fine);
}

#[test]
fn damage_is_listed_and_followed_by_what_to_do() {
    let verdict = Verdict::StartsWithLoss { what: "it deletes the rest".to_owned() };
    let (text, exit) = said(FakeLog { verdict, ..log() }.damage("1", 10, 15), &Screen::plain());
    assert!(text.contains("Damaged in 1 place: 5 B lost; 1 record around it can still be read."), "{text}");
    assert!(text.contains("At the next start the server deletes the rest."), "{text}");
    assert!(text.contains("seawall repair /data shows what can be saved"), "{text}");
    assert_eq!(exit, Exit::Damage);
}

#[test]
fn more_damage_than_is_listed_is_told() {
    let mut log = log();
    for place in 0..60 {
        log = log.damage("1", 20 + place, 21 + place);
    }
    let (text, _) = said(log, &Screen::plain());
    assert!(text.contains("... 10 more (-v lists them)"), "{text}");
    assert!(text.contains("Damaged in 60 places"), "{text}");
}

#[test]
fn a_torn_end_is_a_remark_and_no_damage() {
    let note =
        Note { code: "torn-tail", file: "1".to_owned(), message: "the last record is torn".to_owned() };
    let (text, exit) = said(log().with("1", 5, formats::Body::Note(note)), &Screen::plain());
    assert!(text.contains("note  1: the last record is torn"), "{text}");
    assert_eq!(exit, Exit::Fine);
}

#[test]
fn quiet_says_nothing_about_a_sound_log() {
    let screen = Screen { detail: Detail::Little, ..Screen::plain() };
    assert_eq!(said(log(), &screen).0, "");
    assert!(said(log().damage("1", 10, 15), &screen).0.contains("Damaged in 1 place"));
}

#[test]
fn a_file_that_cannot_be_read_is_neither_sound_nor_damaged() {
    let subject = Subject::of("/data".as_ref(), Box::new(log()));
    let order = subject.order(Depth::Bytes, UnixTime::from_seconds(2_000));
    let mut survey = subject.survey(&order, &Screen::plain());
    survey
        .unreadable
        .push(ReadError { file: "1".to_owned(), source: std::io::ErrorKind::PermissionDenied.into() });
    let report = Report::new(&subject, &order, survey, Bounds::default());
    let text = text(&report, &Screen::plain());
    assert!(text.contains("Not everything could be read: failed to read 1: permission denied"), "{text}");
    assert!(!text.contains("Sound"), "{text}");
    assert_eq!(report.exit_of_a_reading(), Exit::Failed);
}
