//! Judging a log: facts, limits and the present in, findings out. Nothing here reads a file or a clock.
//!
//! What is wrong and how bad that is, `watch` decides, for this gate as for the daemon. The words are from here.
//!
//! * A limit that is exceeded is a warning: the server may still start.
//! * Damage, and a start that is known to fail or to lose data over damage, is critical.
//! * A limit that was asked for and cannot be judged is a warning too: unknown is not fine.

mod advice;
pub(crate) mod gauges;

use std::path::Path;

use formats::{Depth, Format, Survey, UnixTime};
use watch::{Breach, Evidence, Flaw, FlawKind, Floor, Measure};

use crate::show::{lost_with_all, text, units};

pub(crate) use watch::{Health, Limits, Oldest, Room, Severity, oldest as oldest_age};

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

impl Facts<'_> {
    /// Them as they are held against limits.
    pub(crate) fn measured(&self) -> watch::Facts {
        watch::Facts::of(self.survey, self.room, self.now)
    }
}

/// Everything that is wrong, the worst first.
pub(crate) fn judge(facts: &Facts<'_>, limits: &Limits) -> Vec<Finding> {
    let measured = facts.measured();
    let flaws = measured.flaws.iter().map(|flaw| of_flaw(facts, flaw));
    let breaches = watch::breaches(&measured, limits);
    let breaches = breaches.iter().map(|breach| of_breach(facts, &measured, (breach, limits)));
    let mut findings: Vec<Finding> = flaws.chain(breaches).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// The state that follows. A gate is not told how far beyond a limit a log may be: every breach is a warning.
pub(crate) fn health(facts: &Facts<'_>, limits: &Limits) -> Health {
    let measured = facts.measured();
    let breaches = vec![Severity::Warning; watch::breaches(&measured, limits).len()];
    let is_listed = facts.depth == Depth::Listing && limits.is_empty();
    let evidence = if is_listed { Evidence::Nothing } else { Evidence::Something };
    watch::health(&measured, &breaches, evidence)
}

/// What a finding is, its message, and its advice.
type Words = (Code, String, String);

fn of_flaw(facts: &Facts<'_>, flaw: &Flaw) -> Finding {
    let (code, message, advice) = match flaw.kind {
        FlawKind::Damage | FlawKind::Found => damage(facts),
        FlawKind::Unreadable | FlawKind::Server => unreadable(facts, flaw),
        FlawKind::StartsWithLoss | FlawKind::Refuses | FlawKind::CrashLoops => verdict(facts, flaw),
    };
    Finding { code, severity: flaw.severity, message, advice }
}

fn of_breach(facts: &Facts<'_>, measured: &watch::Facts, (breach, limits): (&Breach, &Limits)) -> Finding {
    let (code, message, advice) = match breach.measure {
        Measure::Size => size(facts, breach),
        Measure::Files => files(breach),
        Measure::Age => age(measured, breach),
        Measure::Memory => memory(facts, breach),
        Measure::Free => free(measured, limits.min_free.unwrap_or(Floor::Bytes(breach.limit))),
    };
    Finding { code, severity: Severity::Warning, message, advice }
}

fn damage(facts: &Facts<'_>) -> Words {
    let damage = &facts.survey.damage;
    let mut files: Vec<&str> = damage.listed().iter().map(|damage| damage.file.as_str()).collect();
    files.dedup();
    let message = format!(
        "{} in {}: {}",
        units::counted(damage.count(), "damage", "damages"),
        units::counted(files.len() as u64, "file", "files"),
        lost_with_all(facts.survey),
    );
    (Code::Damage, message, advice::of_damage(facts))
}

fn unreadable(facts: &Facts<'_>, first: &Flaw) -> Words {
    let message = match facts.survey.unreadable.len() {
        0 | 1 => first.what.clone(),
        more => format!("{}, and {} more", first.what, units::counted(more as u64 - 1, "file", "files")),
    };
    let advice =
        "run as the user that the server runs as; where the system reports an I/O error, look at the disk";
    (Code::Unreadable, message, advice.to_owned())
}

fn verdict(facts: &Facts<'_>, flaw: &Flaw) -> Words {
    let path = units::path(facts.path);
    let (code, advice) = match flaw.kind {
        FlawKind::StartsWithLoss => (
            Code::StartsWithLoss,
            format!("do not start the server before: `seawall repair {path}` shows what can be saved"),
        ),
        FlawKind::CrashLoops => (
            Code::CrashLoops,
            format!(
                "stop restarting the server, since every start can lose more; `seawall repair {path}` shows how it \
                 would start"
            ),
        ),
        _ => (
            Code::Refuses,
            format!(
                "do not delete files one by one: `seawall repair {path}` shows how it would start, and what is lost"
            ),
        ),
    };
    (code, text::at_the_next_start(&flaw.what), advice)
}

fn size(facts: &Facts<'_>, breach: &Breach) -> Words {
    let (bytes, limit) = (told(breach, units::size), units::size(breach.limit));
    (Code::MaxSize, format!("the log takes {bytes}; the limit is {limit}"), advice::of_size(facts))
}

fn files(breach: &Breach) -> Words {
    let files = told(breach, |files| units::counted(files, "file", "files"));
    let message = format!("the log has {files}; the limit is {}", units::count(breach.limit));
    let advice = "many small files mean many restarts or a server that no longer removes what it has persisted: \
                  look into its own log for failed checkpoints or snapshots";
    (Code::MaxFiles, message, advice.to_owned())
}

/// A value that may not be known.
fn told(breach: &Breach, text: impl Fn(u64) -> String) -> String {
    breach.value.map_or_else(|| "an unknown number".to_owned(), text)
}

fn age(measured: &watch::Facts, breach: &Breach) -> Words {
    let allowed = units::span(breach.limit as f64);
    let Some(age) = measured.oldest else {
        let message = format!("the age of the oldest record cannot be told; the limit is {allowed}");
        return (Code::MaxAge, message, "drop --max-age for this log, or read it with --verify".to_owned());
    };
    let old = units::span(age.seconds as f64);
    let message = match age.of {
        Oldest::Record => format!("the oldest record is {old} old; the limit is {allowed}"),
        Oldest::File => format!("the oldest file was last written {old} ago; the limit is {allowed}"),
    };
    let advice = "the server has not shortened its log for too long, or did not run: look into its own log for failed \
                  checkpoints or snapshots";
    (Code::MaxAge, message, advice.to_owned())
}

fn memory(facts: &Facts<'_>, breach: &Breach) -> Words {
    let allowed = units::size(breach.limit);
    let Some(estimate) = facts.survey.estimate else {
        let message =
            format!("the memory of the next start cannot be forecast for this log; the limit is {allowed}");
        return (Code::MemoryLimit, message, "limit the log's size with --max-size instead".to_owned());
    };
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
    (Code::MemoryLimit, message, advice)
}

fn free(measured: &watch::Facts, floor: Floor) -> Words {
    let Some(room) = measured.room else {
        let message = "the free space cannot be told".to_owned();
        return (Code::MinFree, message, "drop --min-free for this log".to_owned());
    };
    let wanted = match floor {
        Floor::Bytes(bytes) => units::size(bytes),
        Floor::Percent(percent) => format!("{percent}%"),
    };
    let message = format!(
        "{} are free on its file system ({:.1}% of {}); at least {wanted} are wanted",
        units::size(room.free),
        room.percent(),
        units::size(room.total)
    );
    let advice =
        "free room or grow the file system before the server starts: a log that meets a full disk is damaged";
    (Code::MinFree, message, advice.to_owned())
}

#[cfg(test)]
#[path = "limits_test.rs"]
mod tests;
