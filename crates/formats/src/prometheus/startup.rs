//! What the server would do with a log at its next start: rules observed on 2.42, 2.53 and 3.5.
//!
//! Pure: what was found goes in, a verdict comes out. [`super::gaps`] says which files are missing, and
//! [`super::replay`] what the server's own reader makes of those that are damaged.
//!
//! * Files must be numbered without a hole in the log, in its checkpoint, in the log of late samples and in
//!   `chunks_head`, and none may have a number twice; the log begins with 0, or behind the checkpoint. Else it does
//!   not start. Nor does it over a file named like a checkpoint; a directory named like a segment is a damaged one.
//! * Where its reader stops in a segment, it cuts that segment and deletes all later ones. It serves what it read
//!   before, and reads no late samples in that run.
//! * Where it stops in the log of late samples, it does the same there; but 2.42 takes that for damage to the log, and
//!   cuts the segment of the same number.
//! * Where its reader stops in a checkpoint, it takes the number of the checkpoint's file for that of a segment: it
//!   deletes all segments above that number, and exits when there is none of that number to cut.
//! * It starts without a word over what its reader takes: over zeros to the end of a page, though it may join the
//!   record before them to the one behind, and over a record that was begun and never finished at the end of a
//!   segment, though no checkpoint will ever get past it.
//! * A record cut by the end of the newest segment costs that record alone.
//! * Files of `chunks_head` and snapshots of the head are shortcuts: a damaged one is deleted or passed over, and the
//!   log read instead. A file of `chunks_head` whose header is bad, or that is empty, keeps it from starting, unless
//!   it is the last one.
//! * Samples whose series nobody declared are dropped, and so are all samples of a series that it has read when a
//!   record declares the series once more, unless they are in `chunks_head` or in a block.
//! * A block without readable `meta.json` is passed over; one with it and without the rest keeps it from starting.

use super::gaps::Gap;
use super::head_chunks;
use super::layout::{Index, Layout, LockFile, Scope};
use super::redeclared::AGAIN;
use super::replay::{Ending, Joints, Replay};
use crate::{Damage, Depth, Liveness, Lost, Note, Order, Role, Survey, Value, Verdict};

/// Adds to a survey what only the directory as a whole shows.
pub(super) fn conclude(layout: &Layout, order: &Order, survey: &mut Survey, replays: &[Replay]) {
    let ignored = |note: &&Note| order.liveness == Liveness::Stopped || note.code != "unfinished-checkpoint";
    for note in layout.notes.iter().filter(ignored) {
        survey.note(note.clone());
    }
    let gaps = layout.gaps();
    let mut verdict = if was_read(order, survey) { Verdict::Starts } else { Verdict::Unknown };
    if let Some(what) = refusal(layout, &gaps, survey) {
        verdict.worsen(Verdict::Refuses { what });
    }
    for gap in gaps {
        let (cause, lost) = (gap.kind.cause().into(), Lost::default());
        survey.damage(Damage { file: gap.file, start: 0, end: 0, cause, lost });
    }
    // Where it stops it loses the most, so that is what is told, wherever it lies; of the others the first.
    let (stopped, others): (Vec<_>, Vec<_>) =
        replays.iter().partition(|replay| matches!(replay.ending, Ending::Stopped(_)));
    for replay in stopped.into_iter().chain(others) {
        verdict.worsen(consequence(layout, survey, replay));
    }
    for (index, file) in &layout.folders {
        let cause = "a directory has the name of a segment".into();
        survey.damage(Damage { file: file.clone(), start: 0, end: 0, cause, lost: Lost::default() });
        verdict.worsen(folder(layout, survey, *index, file));
    }
    let shortcuts: Vec<_> =
        survey.damage.listed().iter().map(|damage| beside_the_log(survey, damage)).collect();
    for beside in shortcuts {
        match beside {
            Beside::Nothing => {}
            Beside::Loss(what) => verdict.worsen(Verdict::StartsWithLoss { what }),
            Beside::Note(note) => survey.note(note),
        }
    }
    if let Some(what) = undeclared(survey) {
        verdict.worsen(Verdict::StartsWithLoss { what });
    }
    survey.verdict = verdict;
    note_left_over(layout, survey);
    add_facts(layout, order, survey);
}

/// Whether enough was read for a verdict.
fn was_read(order: &Order, survey: &Survey) -> bool {
    let counts =
        |file: &str| survey.parts.iter().any(|part| part.part.name == file && part.part.role.counts());
    order.depth != Depth::Listing && !survey.unreadable.iter().any(|error| counts(&error.file))
}

/// Why it does not start, apart from damage that its reader finds.
fn refusal(layout: &Layout, gaps: &[Gap], survey: &Survey) -> Option<String> {
    if let Some(gap) = gaps.first() {
        return Some(gap.refusal());
    }
    if let Some(file) = bad_head_chunks(survey) {
        return Some(format!("it does not start: {file} has no sound file header"));
    }
    layout.broken_blocks.first().map(|block| format!("it does not start: it finds the block {block}"))
}

/// A file of `chunks_head` that the server cannot open.
fn bad_head_chunks(survey: &Survey) -> Option<&str> {
    let files: Vec<_> = survey.parts.iter().filter(|part| part.part.role == Role::HeadChunks).collect();
    let (last, others) = files.split_last()?;
    let bad = |file: &str| {
        let listed = survey.damage.listed().iter();
        listed.filter(|damage| damage.file == file).any(|damage| damage.cause == head_chunks::BAD_HEADER)
    };
    let empty = others.iter().find(|part| part.part.bytes < head_chunks::FILE_HEADER as u64);
    let first = others.iter().chain([last]).find(|part| bad(&part.part.name));
    empty.or(first).map(|part| part.part.name.as_str())
}

/// What follows from how the server reads a damaged file of the log.
fn consequence(layout: &Layout, survey: &Survey, replay: &Replay) -> Verdict {
    let file = &replay.file;
    let what = match (replay.ending, replay.role) {
        (Ending::Stopped(_), Role::Checkpoint) => return wiped(layout, survey, replay),
        (Ending::Stopped(at), _) => return cut(survey, replay, at),
        (Ending::Unfinished, _) => {
            format!("it starts over {file}, but every checkpoint fails there, so the WAL grows for ever")
        }
        (Ending::Whole, _) if replay.joints == Joints::OverZeros => format!(
            "it starts without a word over the zeros in {file} and joins the record before them to the one behind: samples that never existed"
        ),
        (Ending::Whole, _) if costs_nothing(survey, file) => return Verdict::Starts,
        (Ending::Whole, _) if let Some(cause) = declares_again(survey, file) => {
            format!("it starts without a word; in {file} {cause}")
        }
        (Ending::Whole, _) => format!("it starts without a word; what was damaged in {file} is gone"),
    };
    Verdict::StartsWithLoss { what }
}

/// What a file makes the server forget.
fn declares_again<'a>(survey: &'a Survey, file: &str) -> Option<&'a str> {
    let mut damages = survey.damage.listed().iter().filter(|damage| damage.file == *file);
    damages.find_map(|damage| damage.cause.contains(AGAIN).then_some(damage.cause.as_ref()))
}

/// Whether the damages of a file lose no record.
fn costs_nothing(survey: &Survey, file: &str) -> bool {
    let mut damages = survey.damage.listed().iter().filter(|damage| damage.file == *file);
    damages.all(|damage| damage.lost.records == Some(0))
}

/// It cuts a segment where it stopped, and deletes all later ones.
fn cut(survey: &Survey, replay: &Replay, at: u64) -> Verdict {
    let file = &replay.file;
    let mut from = survey.parts.iter().skip_while(|part| part.part.name != *file);
    let here = from.next();
    let later: Vec<_> = from.filter(|part| part.part.role == replay.role).collect();
    let behind = |all: Option<u64>, kept: u64| all.unwrap_or(0).saturating_sub(kept);
    let records = behind(here.and_then(|part| part.records), replay.records)
        + later.iter().filter_map(|part| part.records).sum::<u64>();
    let samples = behind(here.map(|part| part.samples), replay.samples)
        + later.iter().map(|part| part.samples).sum::<u64>();
    if records == 0 && costs_nothing(survey, file) {
        return Verdict::Starts;
    }
    let deletes = match later.len() {
        0 => "drops all that is behind it".to_owned(),
        1 => "deletes the segment after it".to_owned(),
        count => format!("deletes the {count} segments after it"),
    };
    let late = survey.parts.iter().filter(|part| part.part.role == Role::OutOfOrder);
    let late = match late.map(|part| part.samples).sum::<u64>() {
        0 => String::new(),
        _ if replay.role == Role::OutOfOrder => String::new(),
        count => format!(", and {count} late samples are not read"),
    };
    let instead = match replay.role {
        Role::OutOfOrder => "; 2.42 cuts the WAL in its place, and deletes all segments after that number",
        _ => "",
    };
    let what = format!(
        "it cuts {file} at byte {at} and {deletes}: {samples} sound samples are gone then{late}{instead}"
    );
    Verdict::StartsWithLoss { what }
}

/// It cannot read a directory, and does with it what it does with a damaged segment.
fn folder(layout: &Layout, survey: &Survey, folder: Index, file: &str) -> Verdict {
    let later: Vec<_> = layout.segments.iter().filter(|(index, _)| *index > folder).collect();
    if later.is_empty() || layout.checkpoint.is_some_and(|checkpoint| folder <= checkpoint) {
        return Verdict::Starts;
    }
    let is_later = |name: &str| later.iter().any(|(_, file)| file == name);
    let parts = survey.parts.iter().filter(|part| is_later(&part.part.name));
    let samples: u64 = parts.map(|part| part.samples).sum();
    let count = later.len();
    let what = format!(
        "it takes the directory {file} for a damaged segment and deletes the {count} behind it: {samples} sound samples are gone then"
    );
    Verdict::StartsWithLoss { what }
}

/// It takes a file of the checkpoint for a segment of that number.
fn wiped(layout: &Layout, survey: &Survey, replay: &Replay) -> Verdict {
    let number = replay.file.rsplit_once('/').map_or(replay.file.as_str(), |(_, number)| number);
    let segments = layout.segments.len();
    let first = survey.damage.listed().iter().find(|damage| damage.file == replay.file);
    let cause = first.map_or("damage", |damage| damage.cause.as_ref());
    if layout.segments.iter().any(|(_, name)| name.ends_with(number)) {
        let what = format!("it finds {cause} in the checkpoint and deletes all WAL segments after {number}");
        return Verdict::StartsWithLoss { what };
    }
    Verdict::Refuses {
        what: format!("it finds {cause} in the checkpoint, deletes all {segments} WAL segments, and exits"),
    }
}

/// What damage of a file that is not the log itself leads to.
enum Beside {
    Nothing,
    Loss(String),
    Note(Note),
}

fn beside_the_log(survey: &Survey, damage: &Damage) -> Beside {
    let file = &damage.file;
    let role = survey.parts.iter().find(|part| part.part.name == *file).map(|part| part.part.role);
    match role {
        Some(Role::HeadChunks) => Beside::Note(Note {
            code: "head-chunks-lost",
            file: file.clone(),
            message:
                "the server deletes this and every later file of chunks_head, and takes their samples from the WAL"
                    .to_owned(),
        }),
        Some(Role::HeadSnapshot) => Beside::Note(Note {
            code: "head-snapshot-lost",
            file: file.clone(),
            message: "the server drops the snapshot and replays the WAL instead".to_owned(),
        }),
        Some(Role::Block) => {
            Beside::Loss(format!("it ignores the block of {file}: {}", damage.cause))
        }
        _ => Beside::Nothing,
    }
}

/// Samples that the server drops because it cannot tell what they measure.
fn undeclared(survey: &Survey) -> Option<String> {
    let lost = survey.facts.iter().find(|fact| fact.name == "unknown_series")?;
    match lost.value {
        Value::Unsigned(series) if series > 0 => {
            Some(format!("it drops the samples of {series} series that no record declares"))
        }
        _ => None,
    }
}

fn note_left_over(layout: &Layout, survey: &mut Survey) {
    let Some(checkpoint) = layout.checkpoint else { return };
    let left_over = layout.segments.iter().filter(|(index, _)| *index <= checkpoint).count();
    if left_over > 0 {
        let message = format!(
            "{left_over} segments are covered by the checkpoint and are not read any more; the server deletes them at its next checkpoint"
        );
        survey.note(Note { code: "left-over-segments", file: String::new(), message });
    }
    let last = layout.segments.last().map(|(index, _)| *index);
    if layout.scope != Scope::Fragment && last.is_none_or(|last| last < checkpoint) {
        survey.verdict.worsen(Verdict::StartsWithLoss {
            what: "it starts a segment with a number below the checkpoint, and never reads it again: what is written from then on is lost at the next restart".to_owned(),
        });
    }
}

fn add_facts(layout: &Layout, order: &Order, survey: &mut Survey) {
    let scope = match layout.scope {
        Scope::Fragment => "part of a log",
        Scope::Wal => "WAL directory",
        Scope::Data
            if layout.parts.iter().any(|part| part.role == Role::HeadChunks || part.role == Role::Block) =>
        {
            "server"
        }
        Scope::Data => "server or agent",
    };
    survey.fact("scope", scope);
    survey.fact("checkpoint", layout.checkpoint.map_or(Value::Null, |index| Value::Unsigned(index.0)));
    if let Some(lock) = layout.lock_file {
        survey.fact("lock_file", lock == LockFile::Present);
    }
    let late: u64 =
        survey.parts.iter().filter(|part| part.part.role == Role::OutOfOrder).map(|part| part.samples).sum();
    if late > 0 {
        survey.fact("out_of_order_samples", late);
    }
    let blocks = survey.parts.iter().filter(|part| part.part.role == Role::Block).count() as u64;
    if blocks == 0 {
        return;
    }
    survey.fact("blocks", blocks);
    survey.fact("blocks_end", layout.blocks_end.map_or(Value::Null, Value::Time));
    if let Some(end) = layout.blocks_end.filter(|end| *end > order.now) {
        let minutes = end.seconds_since(order.now) / 60.0;
        survey.verdict.worsen(Verdict::StartsWithLoss {
            what: format!("a block ends {minutes:.0} minutes in the future: until then it rejects every sample as out of bounds"),
        });
    }
}
