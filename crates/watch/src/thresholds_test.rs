//! Where logs become worth attention, where they become dangerous, and when they are well again.

use super::*;
use crate::Room;

fn facts(files: u64, bytes: u64) -> Facts {
    let room = Some(Room { free: 900, total: 1_000 });
    Facts { files: Some(files), bytes: Some(bytes), room, ..Facts::default() }
}

fn worst(found: &[(Severity, Breach)]) -> Option<Severity> {
    found.iter().map(|(severity, _)| *severity).max()
}

#[test]
fn the_classic_preset_draws_its_lines_where_they_were_always_drawn() {
    let classic = Thresholds::classic();
    let warning = Some(Severity::Warning);
    let critical = Some(Severity::Critical);
    for (files, bytes, expected) in [
        (30, GIB, None),
        (31, 0, warning),
        (60, 0, warning),
        (61, 0, critical),
        (0, GIB + 1, warning),
        (0, 3 * GIB, warning),
        (0, 3 * GIB + 1, critical),
        (31, 3 * GIB + 1, critical),
    ] {
        assert_eq!(worst(&classic.breaches(&facts(files, bytes), &[])), expected, "{files} {bytes}");
    }
}

#[test]
fn a_log_that_hovers_around_its_limit_is_told_once() {
    let classic = Thresholds::classic();
    let mut held = classic.breaches(&facts(31, 0), &[]);
    for files in [30, 28, 31, 28] {
        held = classic.breaches(&facts(files, 0), &held);
        assert_eq!(worst(&held), Some(Severity::Warning), "{files}");
        assert_eq!(held[0].1.limit, 30, "the limit that was chosen is told");
    }
    held = classic.breaches(&facts(27, 0), &held);
    assert!(held.is_empty());
    assert!(classic.breaches(&facts(30, 0), &held).is_empty(), "what is well again stays so up to the limit");
    let held = classic.breaches(&facts(61, 0), &[]);
    assert_eq!(worst(&classic.breaches(&facts(58, 0), &held)), Some(Severity::Critical));
    assert_eq!(worst(&classic.breaches(&facts(54, 0), &held)), Some(Severity::Warning));
}

#[test]
fn what_cannot_be_measured_breaks_its_limit() {
    let found = Thresholds::classic().breaches(&Facts::default(), &[]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|(_, breach)| breach.value.is_none()));
}

#[test]
fn a_chosen_warning_moves_what_is_critical_unless_that_is_chosen_too() {
    let size = |bytes| Limits { max_size: Some(bytes), ..Limits::default() };
    let engine = Thresholds::of(Some(Format::Sqlite));
    let followed = engine.with(&size(100), &Limits::default());
    assert_eq!((followed.warning.max_size, followed.critical.max_size), (Some(100), Some(300)));
    assert_eq!(followed.warning.min_free, engine.warning.min_free);
    let chosen = engine.with(&size(100), &size(150));
    assert_eq!((chosen.warning.max_size, chosen.critical.max_size), (Some(100), Some(150)));
    let alone = engine.with(&Limits::default(), &size(1 << 40));
    assert_eq!((alone.warning.max_size, alone.critical.max_size), (Some(64 * MIB), Some(1 << 40)));
}
