//! What the server would do with a log at its next start: rules observed on 2.42, 2.53 and 3.5.
//!
//! Pure: what was found goes in, a verdict comes out.
//!
//! * Segments must be numbered without a hole; the first is 0, or the one behind the checkpoint.
//! * Damage that the server sees in a segment makes it cut that segment there and delete all later ones.
//! * Damage that it sees in a checkpoint makes it delete every segment, and not come up.
//! * A hole of whole pages, and a record that was begun and never finished at the end of a segment, it does not see:
//!   it serves samples that never existed, or can never checkpoint again.
//! * A record cut by the end of the newest segment costs that record alone.

use super::found::{BLANK, HOLE, RESERVED_BITS, UNFINISHED_AT_END};
use super::fragment::PAGE_U64;
use super::layout::{Index, Layout, LockFile, Scope};
use crate::{Damage, Lost, Note, Order, Role, Survey, Value, Verdict};

/// Adds to a survey what only the directory as a whole shows; `behind` is the number of samples behind the [`cut`].
pub(super) fn conclude(layout: &Layout, order: &Order, survey: &mut Survey, behind: Option<u64>) {
    for note in &layout.notes {
        survey.note(note.clone());
    }
    let gaps = gaps(layout);
    let mut verdict =
        if survey.kinds.is_empty() && survey.damage.is_empty() { Verdict::Unknown } else { Verdict::Starts };
    if let Some(what) = refusal(layout, &gaps) {
        verdict.worsen(Verdict::Refuses { what });
    }
    for missing in gaps {
        let cause = "the segment is missing";
        let file = layout.segment_name(missing);
        survey.damage(Damage { file, start: 0, end: 0, cause: cause.into(), lost: Lost::default() });
    }
    // A cut loses the most, so it is what is told, wherever it lies; of the others the first.
    let cuts = cut(survey).into_iter().chain(first_cut(survey, Role::OutOfOrder));
    for damage in cuts.chain(survey.damage.listed()) {
        verdict.worsen(consequence(layout, survey, damage, behind));
    }
    survey.verdict = verdict;
    note_left_over(layout, survey);
    add_facts(layout, order, survey);
}

/// How many missing segments are listed one by one.
const MAX_GAPS: usize = 1000;

/// Segments that should be there and are not.
fn gaps(layout: &Layout) -> Vec<Index> {
    if layout.scope == Scope::Fragment {
        return Vec::new();
    }
    let mut gaps = Vec::new();
    let mut expected = first_needed(layout);
    for (index, _) in &layout.segments {
        while expected < *index && gaps.len() < MAX_GAPS {
            gaps.push(expected);
            expected = expected.next();
        }
        expected = index.next().max(expected);
    }
    gaps
}

/// The segment that a start reads first; segments before it may be there, and then without a hole up to it.
fn first_needed(layout: &Layout) -> Index {
    let needed = layout.checkpoint.map_or(Index(0), Index::next);
    layout.segments.first().map_or(needed, |(first, _)| needed.min(*first))
}

fn refusal(layout: &Layout, gaps: &[Index]) -> Option<String> {
    let missing = layout.segment_name(*gaps.first()?);
    let first = layout.segments.first().map(|(index, _)| *index);
    Some(if first.is_some_and(|first| gaps.first().is_some_and(|gap| *gap > first)) {
        format!("it does not start: segments are not sequential, {missing} is missing")
    } else {
        format!("it does not start: it begins reading at {missing}, which is missing")
    })
}

/// What one damage leads to.
fn consequence(layout: &Layout, survey: &Survey, damage: &Damage, behind: Option<u64>) -> Verdict {
    let Some(role) =
        survey.parts.iter().find(|part| part.part.name == damage.file).map(|part| part.part.role)
    else {
        return Verdict::Unknown;
    };
    match role {
        Role::Checkpoint => Verdict::Refuses {
            what: format!(
                "it finds {} in the checkpoint, deletes all {} WAL segments, and exits",
                damage.cause,
                layout.segments.len()
            ),
        },
        Role::Live => damaged_segment(survey, damage, behind),
        Role::OutOfOrder => damaged_segment(survey, damage, None),
        Role::HeadChunks => Verdict::StartsWithLoss {
            what: format!(
                "it deletes {} and every later file of chunks_head; what the WAL still holds it reads from there",
                damage.file
            ),
        },
        Role::Block => Verdict::StartsWithLoss {
            what: format!("it ignores the block of {}: {}", damage.file, damage.cause),
        },
        Role::HeadSnapshot => Verdict::StartsWithLoss {
            what: format!("it drops the snapshot with {} and replays the WAL instead", damage.file),
        },
        Role::Retained | Role::Marker | Role::Stray => Verdict::Unknown,
    }
}

/// The first damage that makes a start cut the log of `role`.
fn first_cut(survey: &Survey, role: Role) -> Option<&Damage> {
    let role_of = |damage: &Damage| {
        survey.parts.iter().find(|part| part.part.name == damage.file).map(|part| part.part.role)
    };
    survey.damage.listed().iter().find(|damage| role_of(damage) == Some(role) && is_seen(damage))
}

/// The damage at which a start cuts the main log.
pub(super) fn cut(survey: &Survey) -> Option<&Damage> {
    first_cut(survey, Role::Live)
}

/// Whether the server sees a damage when it starts.
fn is_seen(damage: &Damage) -> bool {
    let silent_hole = damage.cause == HOLE && damage.end.is_multiple_of(PAGE_U64);
    let missing = damage.start == damage.end;
    !silent_hole && !missing && ![BLANK, UNFINISHED_AT_END, RESERVED_BITS].contains(&damage.cause.as_ref())
}

/// What a start makes of damage in its segments, the worst first.
fn damaged_segment(survey: &Survey, damage: &Damage, behind: Option<u64>) -> Verdict {
    let file = &damage.file;
    let what = if damage.cause == UNFINISHED_AT_END {
        format!("it starts over {file}, but every checkpoint fails there, so the WAL grows for ever")
    } else if damage.cause == BLANK {
        format!("it starts; what the zeros at the end of {file} took the place of is lost")
    } else if damage.cause == RESERVED_BITS {
        format!("it starts; {file} is not as it was written")
    } else if is_seen(damage) {
        let role = survey.parts.iter().find(|part| part.part.name == *file).map(|part| part.part.role);
        let after = survey.parts.iter().skip_while(|part| part.part.name != *file).skip(1);
        let later = after.filter(|part| Some(part.part.role) == role).count();
        let lost =
            behind.map_or_else(String::new, |samples| format!(": {samples} sound samples are gone then"));
        let deletes = match later {
            0 => "drops all that is behind it".to_owned(),
            1 => "deletes the segment after it".to_owned(),
            count => format!("deletes the {count} segments after it"),
        };
        format!("it cuts {file} at byte {} and {deletes}{lost}", damage.start)
    } else {
        format!(
            "it starts without a word over the zeros in {file} and may join the record before them to the one behind: samples that never existed"
        )
    };
    Verdict::StartsWithLoss { what }
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
    let blocks: Vec<_> = survey.parts.iter().filter(|part| part.part.role == Role::Block).collect();
    if blocks.is_empty() {
        return;
    }
    let newest = blocks.iter().filter_map(|part| part.times).map(|times| times.max).max();
    let count = blocks.len() as u64;
    survey.fact("blocks", count);
    survey.fact("blocks_end", newest.map_or(Value::Null, Value::Time));
    if let Some(end) = newest.filter(|end| *end > order.now) {
        let minutes = end.seconds_since(order.now) / 60.0;
        survey.verdict.worsen(Verdict::StartsWithLoss {
            what: format!("a block ends {minutes:.0} minutes in the future: until then it rejects every sample as out of bounds"),
        });
    }
}

impl Layout {
    /// The name of a segment that is not there, in the manner of those that are.
    fn segment_name(&self, index: Index) -> String {
        let like = self.segments.first().map_or("00000000", |(_, name)| name.as_str());
        let (prefix, digits) = like
            .rsplit_once('/')
            .map_or(("", like), |(_, digits)| (like.strip_suffix(digits).unwrap_or(""), digits));
        format!("{prefix}{:0width$}", index.0, width = digits.len())
    }
}
