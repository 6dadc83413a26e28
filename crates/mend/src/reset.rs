//! The last resort: the whole log is taken away, so that the server starts without it, and can be put back.
//!
//! * **Prometheus**: `wal`, `wbl`, `chunks_head` and every `chunk_snapshot.*` go; blocks stay. A server makes the
//!   directories that it misses. They go in an order in which a server that starts in between reads what is there
//!   without harm: the snapshot, which may hide the log; late samples, which refer to chunks; chunks, which repeat
//!   what the log holds; then the log itself.
//! * **`InfluxDB` 3**: every WAL file goes that a start would replay; Parquet files and snapshots stay. Files up to the
//!   watermark stay too: they cost nothing, and without any the server tries to delete every number from 1 on.
//! * **Others** are refused: for them it would not be a start without recent data but a broken database, or there is no
//!   start to be saved.

use std::fs;
use std::path::Path;

use formats::{Depth, Format, Log, Note, Order, Progress, Role, Survey, TimeRange, detect, survey};

use crate::change::to_the_minute;
use crate::influxdb3::Takeaway;
use crate::{Action, Kept, Loss, MendError, Mending, Plan, Site, Source, Span, Stage, Step, StepKind, other};

/// The directories of a log, in the order in which they go; a dot at the end stands for any number behind it.
const DIRECTORIES: [&str; 4] = ["chunk_snapshot.", "wbl", "chunks_head", "wal"];

/// Takes a whole log away.
#[derive(Debug)]
pub struct Reset {
    plan: Plan,
}

impl Reset {
    /// Reads the log and says what is lost without it.
    pub fn plan(log: &dyn Log, order: &Order) -> Result<Self, MendError> {
        let site = Site::of(log);
        let plan = match log.format() {
            Format::Prometheus => prometheus(&site, order)?,
            Format::Influxdb3 => Takeaway::of(log)?.plan(&site, order)?,
            Format::Arwal => {
                return Err(MendError::Impossible {
                    reason: "a job log is written for one job, and no start depends on another one"
                        .to_owned(),
                    advice: "`seawall repair` keeps every event that verifies".to_owned(),
                });
            }
            format => {
                return Err(other::refusal(format, "taking it away does not make a server start soundly"));
            }
        };
        Ok(Self { plan })
    }
}

impl Mending for Reset {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, stage: &mut Stage, _progress: &Progress) -> Result<(), MendError> {
        self.plan.steps.iter().for_each(|step| stage.remove(&step.path));
        Ok(())
    }
}

fn prometheus(site: &Site, order: &Order) -> Result<Plan, MendError> {
    let names = directories(&site.root)?;
    if names.is_empty() {
        return Err(MendError::Impossible {
            reason: format!("{} holds no directory called wal, wbl or chunks_head", site.root.display()),
            advice: "name the server's data directory".to_owned(),
        });
    }
    // The path that was named may be that of a part of the log.
    let log = detect(&site.root, Some(Format::Prometheus))?;
    let survey = survey(log.as_ref(), &Order { depth: Depth::Bytes, ..order.clone() });
    let step = |name: &String| Step {
        kind: StepKind::Remove,
        path: name.clone(),
        bytes_before: Some(bytes_below(log.as_ref(), name)),
        bytes_after: None,
        why: "taken away with the whole log".to_owned(),
    };
    let steps: Vec<Step> = names.iter().map(step).collect();
    let notes = vec![blocks(&survey), damage(&survey)].into_iter().flatten().collect();
    let loss = loss(&survey, steps.iter().filter_map(|step| step.bytes_before).sum());
    if let Some(error) = survey.unreadable.into_iter().next() {
        return Err(error.into());
    }
    Ok(Plan {
        action: Action::Reset,
        site: site.clone(),
        sources: sources(log.as_ref(), &names)?,
        steps,
        loss,
        kept: Kept::default(),
        servers_own: None,
        needs: 0,
        work: 0,
        notes,
    })
}

/// Those of [`DIRECTORIES`] that are there.
fn directories(root: &Path) -> Result<Vec<String>, MendError> {
    let entries = fs::read_dir(root).map_err(MendError::io("list", root))?;
    let mut there = Vec::new();
    for entry in entries {
        let entry = entry.map_err(MendError::io("list", root))?;
        there.extend(entry.file_name().into_string().ok().filter(|_| entry.path().is_dir()));
    }
    there.sort();
    let is = |wanted: &str, name: &str| name == wanted || wanted.ends_with('.') && name.starts_with(wanted);
    let named = |wanted: &'static str| there.iter().filter(move |name| is(wanted, name)).cloned();
    Ok(DIRECTORIES.into_iter().flat_map(named).collect())
}

fn bytes_below(log: &dyn Log, directory: &str) -> u64 {
    let below = |name: &str| name.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    log.parts().iter().filter(|part| below(&part.name)).map(|part| part.bytes).sum()
}

fn sources(log: &dyn Log, names: &[String]) -> Result<Vec<Source>, MendError> {
    let files = log.parts().iter().filter(|part| part.role != Role::Block).map(|part| part.path.clone());
    let directories = names.iter().map(|name| log.root().join(name));
    directories.chain(files).map(|path| Source::of(&path).map_err(MendError::io("look at", &path))).collect()
}

/// Everything that verifies in what a start reads. What is damaged is lost already.
fn loss(survey: &Survey, bytes: u64) -> Loss {
    let read = survey.records().is_some();
    Loss {
        records: survey.records().or(Some(0)),
        samples: survey.samples.or_else(|| (!read).then_some(0)),
        series: survey.series,
        bytes,
        times: survey.times.map(span),
    }
}

fn span(times: TimeRange) -> Span {
    let millis = |nanos: i128| i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX);
    Span { from: millis(times.min.nanos()), to: millis(times.max.nanos()) }
}

/// What stays. Samples of the log that are older than the end of the blocks are in these as well, but for late ones.
fn blocks(survey: &Survey) -> Option<Note> {
    let blocks = || survey.parts.iter().filter(|part| part.part.role == Role::Block);
    let times = blocks().filter_map(|block| block.times).reduce(TimeRange::union)?;
    let samples: u64 = blocks().map(|block| block.samples).sum();
    let count = blocks().count();
    let stay = if count == 1 { "1 block stays".to_owned() } else { format!("{count} blocks stay") };
    let message = format!(
        "{stay}, with {samples} samples from {} to {}; what the log holds of that time is there too, but for samples that \
         came late",
        to_the_minute(times.min),
        to_the_minute(times.max)
    );
    Some(Note { code: "blocks-stay", file: String::new(), message })
}

fn damage(survey: &Survey) -> Option<Note> {
    let message = format!(
        "the log is damaged in {} places; a repair keeps everything that verifies, and a reset nothing",
        survey.damage.count()
    );
    (!survey.damage.is_empty()).then(|| Note { code: "repairable", file: String::new(), message })
}
