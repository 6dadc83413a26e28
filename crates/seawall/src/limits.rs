//! Judging a log: facts, limits and the present in, findings out. Nothing here reads a file or a clock.
//!
//! * A limit that is exceeded is a warning: the server may still start.
//! * Damage, and a start that is known to fail or to lose data over damage, is critical.
//! * A limit that was asked for and cannot be judged is a warning too: unknown is not fine.

mod advice;
pub(crate) mod gauges;

use std::path::Path;
use std::time::Duration;

use formats::{Depth, Format, Survey, UnixTime, Verdict};

use crate::show::{lost_with_all, text, units};
use crate::sizes::Floor;

/// What a log may be like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    /// Bytes that a start has to read.
    pub(crate) max_size: Option<u64>,
    /// Age of the oldest record or file.
    pub(crate) max_age: Option<Duration>,
    /// Files that a start has to read.
    pub(crate) max_files: Option<u64>,
    /// Memory that the start may take.
    pub(crate) memory: Option<u64>,
    /// Room that has to be left.
    pub(crate) min_free: Option<Floor>,
}

/// Room on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes that a user other than root can still write.
    pub(crate) free: u64,
    /// Bytes in all.
    pub(crate) total: u64,
}

/// What a log is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// Where it lies, for advice that names it.
    pub(crate) path: &'a Path,
    /// What it is, for advice that fits.
    pub(crate) format: Format,
    /// What it holds.
    pub(crate) survey: &'a Survey,
    /// How deep that was looked at.
    pub(crate) depth: Depth,
    /// Room on its file system, where that was asked for.
    pub(crate) room: Option<Room>,
    /// The present.
    pub(crate) now: UnixTime,
}

/// How bad a finding is: later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Worth attention.
    Warning,
    /// Data or the next start are at stake.
    Critical,
}

/// The state of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nothing is wrong as far as was looked.
    Healthy,
    /// A limit is exceeded.
    Warning,
    /// Damaged, or its server would not start.
    Critical,
    /// Nothing was looked at that could tell.
    Unknown,
}

/// What a finding is about; the names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    MaxSize,
    MaxAge,
    MaxFiles,
    MemoryLimit,
    MinFree,
    Damage,
    Unreadable,
    StartsWithLoss,
    Refuses,
    CrashLoops,
    InUse,
    UnfinishedChange,
    WouldLose,
    NotFixed,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    /// What was found and what was expected, in one sentence.
    pub(crate) message: String,
    /// What to do.
    pub(crate) advice: String,
}

impl Code {
    /// The word in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Code::MaxSize => "max-size",
            Code::MaxAge => "max-age",
            Code::MaxFiles => "max-files",
            Code::MemoryLimit => "memory-limit",
            Code::MinFree => "min-free",
            Code::Damage => "damage",
            Code::Unreadable => "unreadable",
            Code::StartsWithLoss => "starts-with-loss",
            Code::Refuses => "refuses",
            Code::CrashLoops => "crash-loops",
            Code::InUse => "in-use",
            Code::UnfinishedChange => "unfinished-change",
            Code::WouldLose => "would-lose",
            Code::NotFixed => "not-fixed",
        }
    }
}

impl Severity {
    /// The word in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

impl Health {
    /// The word in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Health::Healthy => "healthy",
            Health::Warning => "warning",
            Health::Critical => "critical",
            Health::Unknown => "unknown",
        }
    }
}

impl Limits {
    /// Whether nothing is limited.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Limits::default()
    }
}

/// Everything that is wrong, the worst first.
pub(crate) fn judge(facts: &Facts<'_>, limits: &Limits) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(damage(facts));
    findings.extend(unreadable(facts));
    findings.extend(verdict(facts));
    findings.extend(limits.max_size.and_then(|limit| size(facts, limit)));
    findings.extend(limits.max_files.and_then(|limit| files(facts, limit)));
    findings.extend(limits.max_age.and_then(|limit| age(facts, limit)));
    findings.extend(limits.memory.and_then(|limit| memory(facts, limit)));
    findings.extend(limits.min_free.and_then(|floor| free(facts, floor)));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// The state that follows from the findings.
pub(crate) fn health(facts: &Facts<'_>, limits: &Limits, findings: &[Finding]) -> Health {
    let mut critical = findings.iter().filter(|finding| finding.severity == Severity::Critical);
    match findings.iter().map(|finding| finding.severity).max() {
        // What could not be read may be sound or not.
        Some(Severity::Critical) if critical.all(|finding| finding.code == Code::Unreadable) => {
            Health::Unknown
        }
        Some(Severity::Critical) => Health::Critical,
        Some(Severity::Warning) => Health::Warning,
        // Names and sizes alone say nothing about a log unless they are held against something.
        None if facts.depth == Depth::Listing && limits.is_empty() => match facts.survey.verdict {
            Verdict::Unknown => Health::Unknown,
            _ => Health::Healthy,
        },
        None => Health::Healthy,
    }
}

/// Age of the oldest record that a start reads, or of the oldest file where records have no times or were not read.
pub(crate) fn oldest_age(survey: &Survey, now: UnixTime) -> Option<Age> {
    if let Some(times) = survey.times {
        return Some(Age { seconds: seconds_between(times.min, now), of: Oldest::Record });
    }
    let counting = survey.parts.iter().filter(|survey| survey.part.role.counts());
    let oldest = counting.filter_map(|survey| survey.part.modified).min()?;
    Some(Age { seconds: seconds_between(oldest, now), of: Oldest::File })
}

/// Whole seconds; none for what lies in the future.
fn seconds_between(earlier: UnixTime, now: UnixTime) -> u64 {
    u64::try_from((now.nanos() - earlier.nanos()) / 1_000_000_000).unwrap_or(0)
}

/// How old the oldest thing of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age {
    /// How old.
    pub(crate) seconds: u64,
    /// What it is.
    pub(crate) of: Oldest,
}

/// What the age is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oldest {
    /// The time in a record.
    Record,
    /// The time at which a file was last written.
    File,
}

fn warning(code: Code, message: String, advice: String) -> Finding {
    Finding { code, severity: Severity::Warning, message, advice }
}

fn critical(code: Code, message: String, advice: String) -> Finding {
    Finding { code, severity: Severity::Critical, message, advice }
}

fn damage(facts: &Facts<'_>) -> Option<Finding> {
    let damage = &facts.survey.damage;
    if damage.is_empty() {
        return None;
    }
    let mut files: Vec<&str> = damage.listed().iter().map(|damage| damage.file.as_str()).collect();
    files.dedup();
    let message = format!(
        "{} in {}: {}",
        units::counted(damage.count(), "damage", "damages"),
        units::counted(files.len() as u64, "file", "files"),
        lost_with_all(facts.survey),
    );
    Some(critical(Code::Damage, message, advice::of_damage(facts)))
}

fn unreadable(facts: &Facts<'_>) -> Option<Finding> {
    let first = facts.survey.unreadable.first()?;
    let message = match facts.survey.unreadable.len() {
        1 => first.to_string(),
        more => format!("{first}, and {} more", units::counted(more as u64 - 1, "file", "files")),
    };
    let advice =
        "run as the user that the server runs as; where the system reports an I/O error, look at the disk";
    Some(critical(Code::Unreadable, message, advice.to_owned()))
}

fn verdict(facts: &Facts<'_>) -> Option<Finding> {
    let path = units::path(facts.path);
    match &facts.survey.verdict {
        Verdict::Unknown | Verdict::Starts => None,
        Verdict::StartsWithLoss { what: loss } => {
            let finding = if facts.survey.damage.is_empty() { warning } else { critical };
            let advice =
                format!("do not start the server before: `seawall repair {path}` shows what can be saved");
            Some(finding(Code::StartsWithLoss, text::at_the_next_start(loss), advice))
        }
        Verdict::Refuses { what: refusal } => {
            let advice = format!(
                "do not delete files one by one: `seawall repair {path}` shows how it would start, and what is lost"
            );
            Some(critical(Code::Refuses, text::at_the_next_start(refusal), advice))
        }
        Verdict::CrashLoops { what: loop_ } => {
            let advice = format!(
                "stop restarting the server, since every start can lose more; `seawall repair {path}` shows how it \
                 would start"
            );
            Some(critical(Code::CrashLoops, text::at_the_next_start(loop_), advice))
        }
    }
}

fn size(facts: &Facts<'_>, limit: u64) -> Option<Finding> {
    let (_, bytes) = facts.survey.weight();
    (bytes > limit).then(|| {
        let message = format!("the log takes {}; the limit is {}", units::size(bytes), units::size(limit));
        warning(Code::MaxSize, message, advice::of_size(facts))
    })
}

fn files(facts: &Facts<'_>, limit: u64) -> Option<Finding> {
    let (files, _) = facts.survey.weight();
    (files > limit).then(|| {
        let message = format!("the log has {}; the limit is {}", units::counted(files, "file", "files"), units::count(limit));
        let advice = "many small files mean many restarts or a server that no longer removes what it has persisted: \
                      look into its own log for failed checkpoints or snapshots";
        warning(Code::MaxFiles, message, advice.to_owned())
    })
}

fn age(facts: &Facts<'_>, limit: Duration) -> Option<Finding> {
    let allowed = units::span(limit.as_secs_f64());
    let Some(age) = oldest_age(facts.survey, facts.now) else {
        let (files, _) = facts.survey.weight();
        // A log without files has nothing that could be too old.
        return (files > 0).then(|| {
            let message = format!("the age of the oldest record cannot be told; the limit is {allowed}");
            warning(Code::MaxAge, message, "drop --max-age for this log, or read it with --verify".to_owned())
        });
    };
    (age.seconds > limit.as_secs()).then(|| {
        let old = units::span(age.seconds as f64);
        let message = match age.of {
            Oldest::Record => format!("the oldest record is {old} old; the limit is {allowed}"),
            Oldest::File => format!("the oldest file was last written {old} ago; the limit is {allowed}"),
        };
        let advice = "the server has not shortened its log for too long, or did not run: look into its own log for failed \
                      checkpoints or snapshots";
        warning(Code::MaxAge, message, advice.to_owned())
    })
}

fn memory(facts: &Facts<'_>, limit: u64) -> Option<Finding> {
    let allowed = units::size(limit);
    let Some(estimate) = facts.survey.estimate else {
        let message =
            format!("the memory of the next start cannot be forecast for this log; the limit is {allowed}");
        return Some(warning(
            Code::MemoryLimit,
            message,
            "limit the log's size with --max-size instead".to_owned(),
        ));
    };
    (estimate.memory_at_most() > limit).then(|| {
        let message = format!(
            "the next start will take about {} of memory, at most {}; the limit is {allowed}",
            units::size(estimate.memory_bytes),
            units::size(estimate.memory_at_most())
        );
        let advice = format!(
            "give the server {} for this start (the container's memory limit counts too), or it is killed during the \
             replay and starts over; `seawall inspect {}` shows which series fill the log{}",
            units::size(estimate.memory_at_most()),
            units::path(facts.path),
            advice::drain(facts)
        );
        warning(Code::MemoryLimit, message, advice)
    })
}

fn free(facts: &Facts<'_>, floor: Floor) -> Option<Finding> {
    let Some(room) = facts.room else {
        let message = "the free space cannot be told".to_owned();
        return Some(warning(Code::MinFree, message, "drop --min-free for this log".to_owned()));
    };
    let share = room.free as f64 / (room.total.max(1)) as f64 * 100.0;
    let (short, wanted) = match floor {
        Floor::Bytes(bytes) => (room.free < bytes, units::size(bytes)),
        Floor::Percent(percent) => (share < percent, format!("{percent}%")),
    };
    short.then(|| {
        let message = format!(
            "{} are free on its file system ({share:.1}% of {}); at least {wanted} are wanted",
            units::size(room.free),
            units::size(room.total)
        );
        let advice = "free room or grow the file system before the server starts: a log that meets a full disk is damaged";
        warning(Code::MinFree, message, advice.to_owned())
    })
}

#[cfg(test)]
#[path = "limits_test.rs"]
mod tests;
