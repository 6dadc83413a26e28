//! What only the whole of a journal shows: streams, consumers, what keeps its segments, and what the next start does.

use std::path::Path;

use formats::{Depth, Note, Order, Survey, TopRow, TopTable, Value, Verdict};
use journal::reader::{
    Absent, Blocker, ConsumerSummary, IdFile, QUARANTINE_FOLDER, Standing, StreamSummary, Summary,
};

use super::{Extent, JournalLog, held, life};
use crate::show::units;

/// Consumers that are listed; a journal takes no more.
const MOST_CONSUMERS: usize = journal::limits::CONSUMERS;

/// Adds what the whole shows to what the segments have shown.
pub(super) fn conclude(log: &JournalLog, order: &Order, survey: &mut Survey) {
    if log.extent == Extent::OneFile {
        return;
    }
    if matches!(log.reader.id_file(), IdFile::Missing) {
        let message =
            "there is no journal.id; the next start writes it again if all headers agree".to_owned();
        survey.note(Note { code: "id-missing", file: String::new(), message });
    }
    if let Some(note) = quarantined(&log.root) {
        survey.note(note);
    }
    survey.verdict = refusal(log).unwrap_or_default();
    let top = match order.depth {
        Depth::Listing => return,
        Depth::Bytes => 0,
        Depth::Contents { top } => top,
    };
    match log.summary(life(order)) {
        Ok(Some(summary)) => {
            facts(log, summary, survey);
            survey.top = vec![largest(&summary.streams, top)];
            if survey.verdict == Verdict::Unknown && survey.unreadable.is_empty() {
                survey.verdict = start(log, summary, survey);
            }
        }
        Ok(None) => {}
        Err(fault) => {
            let message = format!("what it holds could not be added up: {fault}");
            survey.note(Note { code: "not-added-up", file: String::new(), message });
        }
    }
}

/// Why a start would refuse this journal; it changes nothing then.
fn refusal(log: &JournalLog) -> Option<Verdict> {
    let refuses = |what: String| Some(Verdict::Refuses { what });
    for file in &log.segments {
        match &file.standing {
            Standing::Foreign(other) => {
                return refuses(format!(
                    "it does not open the journal, since {} belongs to {other}",
                    file.name
                ));
            }
            Standing::Misnamed(says) => {
                return refuses(format!(
                    "it does not open the journal, since {} is segment {says} by its header",
                    file.name
                ));
            }
            Standing::Sound | Standing::Damaged | Standing::Newer(_) | Standing::Unreadable(_) => {}
        }
    }
    match log.reader.id_file() {
        IdFile::Sound(_) if log.segments.is_empty() => {
            refuses("it does not open the journal, since all its segments are gone".to_owned())
        }
        IdFile::Newer(_) | IdFile::Unreadable(_) => None,
        _ if log.reader.journal().is_none() => {
            refuses("it does not open the journal, since no header says any more which one it is".to_owned())
        }
        _ => None,
    }
}

/// What the next start makes of a journal that it opens.
fn start(log: &JournalLog, summary: &Summary, survey: &Survey) -> Verdict {
    let gone = summary.missing.iter().filter_map(|missing| match missing.lost {
        Absent::Events(events) => Some(events),
        Absent::FramesBefore(_) => None,
    });
    let events = gone.sum::<u64>() + held(&log.lost).values().sum::<u64>();
    let counted = [(summary.lost_frames, "frame", "frames"), (events, "unsettled event", "unsettled events")];
    let lost = counted.iter().filter(|(count, ..)| *count > 0);
    let lost: Vec<String> = lost.map(|(count, one, many)| units::counted(*count, one, many)).collect();
    if survey.damage.is_empty() || lost.is_empty() {
        return Verdict::Starts;
    }
    let what = format!(
        "it copies what it finds damaged to {QUARANTINE_FOLDER}/ and goes on without {}",
        lost.join(" and ")
    );
    Verdict::StartsWithLoss { what }
}

fn facts(log: &JournalLog, summary: &Summary, survey: &mut Survey) {
    let id = log.reader.journal().map_or(Value::Null, |id| Value::Text(id.to_string()));
    survey.fact("journal", id);
    survey.fact("streams", summary.streams.len() as u64);
    let consumers = summary.consumers.iter().take(MOST_CONSUMERS).map(consumer).collect();
    survey.fact("consumers", Value::List(consumers));
    survey.fact("unsettled_events", summary.live_events);
    survey.fact("unsettled_bytes", summary.live_bytes);
    survey.fact("parked_events", summary.consumers.iter().map(|known| known.parked).sum::<u64>());
    survey.fact("lost_to_damage", summary.lost_to_damage);
    survey.fact("lost_to_budget", summary.lost_to_budget);
    survey.fact("blocker", summary.blocker.as_ref().map_or(Value::Null, |known| Value::Text(blocker(known))));
}

fn consumer(known: &ConsumerSummary) -> Value {
    Value::map([
        ("name", Value::Text(known.name.clone())),
        ("pending", known.pending.into()),
        ("parked", known.parked.into()),
    ])
}

/// Why the oldest segment that holds something is not cleared away.
fn blocker(known: &Blocker) -> String {
    let events = units::counted(known.events, "event", "events");
    let segment = format!("segment {} is kept by {events}", known.segment);
    match known.consumers.as_slice() {
        [] => format!("{segment}: no consumer is registered, so that everything is kept"),
        [only] => format!("{segment}, the first of stream {}, which {only} has not settled", known.stream),
        [first, others @ ..] => format!(
            "{segment}, the first of stream {}, which {first} and {} have not settled",
            known.stream,
            units::counted(others.len() as u64, "other", "others")
        ),
    }
}

/// The streams with the most events that nobody has settled.
fn largest(streams: &[StreamSummary], top: usize) -> TopTable {
    let mut streams: Vec<&StreamSummary> = streams.iter().filter(|stream| stream.live > 0).collect();
    streams.sort_by(|a, b| b.live.cmp(&a.live).then_with(|| a.name.cmp(&b.name)));
    let row = |stream: &&StreamSummary| TopRow { name: stream.name.clone(), series: 1, samples: stream.live };
    TopTable { by: "stream", rows: streams.iter().take(top).map(row).collect() }
}

/// Copies of damaged bytes that earlier starts have made.
fn quarantined(root: &Path) -> Option<Note> {
    let entries = std::fs::read_dir(root.join(QUARANTINE_FOLDER)).ok()?;
    let files = entries.count() as u64;
    let message = format!(
        "{QUARANTINE_FOLDER}/ holds {} with bytes that earlier starts found damaged or cut off",
        units::counted(files, "file", "files")
    );
    (files > 0).then(|| Note { code: "journal-quarantine", file: String::new(), message })
}
