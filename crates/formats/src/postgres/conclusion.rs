//! What only the whole log shows: missing segments, what keeps old ones, what the next start will do.

use std::collections::BTreeMap;
use std::path::Path;

use super::control::{self, Control, Slot};
use super::layout::{Layout, Placed, Scope};
use super::lsn::Lsn;
use super::page;
use super::reader::Tally;
use crate::{Damage, Lost, Part, Role, Survey, Value, Verdict};

/// A stretch of the stream that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hole {
    timeline: u32,
    from: Lsn,
    to: Lsn,
}

/// Adds what only the whole log shows.
pub(super) fn conclude(layout: &Layout, tallies: &BTreeMap<String, Tally>, survey: &mut Survey) {
    let live: Vec<(&Part, Placed)> = live(layout).collect();
    let mut holes = gaps(&live, survey);
    for (part, placed) in &live {
        let timeline = placed.segment.timeline;
        let damage = tallies.get(&part.name).map(|tally| tally.damage.as_slice()).unwrap_or_default();
        holes.extend(damage.iter().map(|place| Hole { timeline, from: place.start, to: place.end }));
    }
    let end = end_of_log(&live, tallies);
    facts(layout, &live, end, survey);
    if tallies.is_empty() {
        return;
    }
    match layout.control.filter(|_| layout.scope == Scope::Everything) {
        None => survey.verdict.worsen(verdict_without_control(&holes)),
        Some(control) => {
            if is_missing(&live, &control) {
                survey.damage(missing_checkpoint(&live, &control));
            }
            survey.verdict.worsen(verdict(&live, &control, &holes));
        }
    }
}

fn live(layout: &Layout) -> impl Iterator<Item = (&Part, Placed)> {
    let live = layout.parts.iter().filter(|part| part.role == Role::Live);
    live.filter_map(|part| Some((part, *layout.segments.get(&part.name)?)))
}

/// Segments that are missing between others of their timeline.
fn gaps(live: &[(&Part, Placed)], survey: &mut Survey) -> Vec<Hole> {
    let mut holes = Vec::new();
    for ((_, before), (part, after)) in live.iter().zip(live.iter().skip(1)) {
        let (before, after) = (before.segment, after.segment);
        if before.timeline != after.timeline || before.end() >= after.start {
            continue;
        }
        holes.push(Hole { timeline: after.timeline, from: before.end(), to: after.start });
        let bytes = after.start.since(before.end());
        let count = bytes / after.geometry.segment;
        let cause = format!("segments are missing before this one: {count}").into();
        let lost = Lost { records: None, bytes };
        survey.damage(Damage { file: part.name.clone(), start: 0, end: 0, cause, lost });
    }
    holes
}

/// The timeline that the log is on, and where it ends there; `None` when it was not read.
fn end_of_log(live: &[(&Part, Placed)], tallies: &BTreeMap<String, Tally>) -> Option<Lsn> {
    let timeline = live.iter().map(|(_, placed)| placed.segment.timeline).max()?;
    let of_timeline = live.iter().filter(|(_, placed)| placed.segment.timeline == timeline);
    of_timeline.filter_map(|(part, _)| tallies.get(&part.name)).map(|tally| tally.end).max()
}

/// Whether the segment with the last checkpoint record is not there.
fn is_missing(live: &[(&Part, Placed)], control: &Control) -> bool {
    let holds = |placed: &Placed| {
        let segment = placed.segment;
        (segment.start..segment.end()).contains(&control.checkpoint) && segment.timeline <= control.timeline
    };
    !live.iter().any(|(_, placed)| holds(placed))
}

fn missing_checkpoint(live: &[(&Part, Placed)], control: &Control) -> Damage {
    let last = live.last();
    let len = last.map_or(0, |(part, _)| part.bytes);
    let cause = format!("the segment with the last checkpoint, at {}, is missing", control.checkpoint).into();
    let file = last.map_or_else(String::new, |(part, _)| part.name.clone());
    Damage { file, start: len, end: len, cause, lost: Lost::default() }
}

/// Where a replay begins is not known, so neither is whether it comes to a hole.
fn verdict_without_control(holes: &[Hole]) -> Verdict {
    let first = holes.iter().map(|hole| hole.from).min();
    first.map_or(Verdict::Unknown, |from| Verdict::StartsWithLoss {
        what: format!("a replay that begins before {from} ends there and loses what is behind"),
    })
}

fn verdict(live: &[(&Part, Placed)], control: &Control, holes: &[Hole]) -> Verdict {
    let refuses =
        |what: &str, at: Lsn| Verdict::Refuses { what: format!("the server finds no {what} at {at}") };
    let of_timeline = holes.iter().filter(|hole| hole.timeline == control.timeline);
    let covers = |at: Lsn| of_timeline.clone().any(|hole| (hole.from..hole.to).contains(&at));
    if is_missing(live, control) || covers(control.checkpoint) {
        return refuses("valid checkpoint record", control.checkpoint);
    }
    if control.is_stopped_in_order() {
        return Verdict::Starts;
    }
    if covers(control.redo) {
        return refuses("record to begin the replay with", control.redo);
    }
    let first = of_timeline.clone().map(|hole| hole.from).filter(|from| *from > control.redo).min();
    first.map_or(Verdict::Starts, |from| Verdict::StartsWithLoss {
        what: format!("the replay ends at {from}: the server takes the damage for the end of the log"),
    })
}

fn facts(layout: &Layout, live: &[(&Part, Placed)], end: Option<Lsn>, survey: &mut Survey) {
    let first = live.first().map(|(_, placed)| placed.segment);
    let last = live.last().map(|(_, placed)| placed.segment);
    let identity = last.and_then(|segment| segment.identity);
    let lsn = |at: Option<Lsn>| at.map_or(Value::Null, |at| Value::from(at.to_string()));
    let number = |number: Option<u64>| number.map_or(Value::Null, Value::from);
    let version = identity.and_then(|identity| page::version(identity.magic));
    survey.fact("version", version.map_or(Value::Null, Value::from));
    survey.fact("system_identifier", number(identity.map(|identity| identity.system)));
    survey.fact("timeline", number(last.map(|segment| segment.timeline.into())));
    survey.fact("segment_bytes", number(last.map(|segment| segment.geometry.segment)));
    survey.fact("segments", live.len() as u64);
    let recycled = layout.segments.len() - live.len();
    survey.fact("recycled_segments", recycled as u64);
    survey.fact("first_lsn", lsn(first.map(|segment| segment.start)));
    survey.fact("end_lsn", lsn(end));
    let ahead = last.zip(end).map(|(last, end)| last.end().since(end));
    let bytes: u64 = live.iter().map(|(_, placed)| placed.segment.geometry.segment).sum();
    survey.fact("live_bytes", number(ahead.map(|ahead| bytes.saturating_sub(ahead))));
    if let Some(control) = layout.control {
        survey.fact("state", control.state());
        survey.fact("checkpoint_lsn", lsn(Some(control.checkpoint)));
        survey.fact("redo_lsn", lsn(Some(control.redo)));
        survey.fact("replay_bytes", number(end.map(|end| end.since(control.redo))));
    }
    keepers(layout, first.map(|segment| segment.start), end, survey);
}

/// What keeps old segments: slots and the archive.
fn keepers(layout: &Layout, first: Option<Lsn>, end: Option<Lsn>, survey: &mut Survey) {
    let (ready, done) = control::archive_status(&layout.wal).unwrap_or_default();
    survey.fact("archive_ready", ready);
    survey.fact("archive_done", done);
    let Some(data) = &layout.data else { return };
    let Ok(slots) = control::slots(data) else { return };
    let shown = |slot: &Slot| {
        let restart = slot.restart.map_or(Value::Null, |restart| Value::from(restart.to_string()));
        let held =
            slot.restart.zip(end).map_or(Value::Null, |(restart, end)| Value::from(end.since(restart)));
        Value::map([
            ("name", Value::from(slot.name.as_str())),
            ("restart_lsn", restart),
            ("held_bytes", held),
        ])
    };
    survey.fact("replication_slots", slots.iter().map(shown).collect::<Vec<_>>());
    survey.fact("blocker", blocker(layout, &slots, first, ready).map_or(Value::Null, Value::from));
}

/// Why the oldest segment is still there although no replay needs it.
fn blocker(layout: &Layout, slots: &[Slot], first: Option<Lsn>, ready: u64) -> Option<String> {
    let control = layout.control?;
    let segment = layout.segments.values().next()?.segment.geometry.segment;
    let first = first.filter(|first| first.plus(segment) <= control.redo)?;
    let oldest = slots.iter().filter_map(|slot| Some((slot.restart?, &slot.name))).min();
    if let Some((restart, name)) = oldest
        && restart < first.plus(segment)
    {
        return Some(format!("replication slot {name} keeps everything from {restart} on"));
    }
    let is_waiting = is_oldest_unarchived(&layout.wal, layout);
    is_waiting.then(|| format!("{ready} segments wait to be archived, the oldest among them"))
}

fn is_oldest_unarchived(wal: &Path, layout: &Layout) -> bool {
    let oldest = live(layout).next().and_then(|(part, _)| part.path.file_name());
    oldest.is_some_and(|name| {
        wal.join("archive_status").join(format!("{}.ready", name.to_string_lossy())).is_file()
    })
}
