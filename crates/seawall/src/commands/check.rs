//! `seawall check`: the gate before a start. `guard` judges by the same rules.

use std::fs;
use std::path::{Path, PathBuf};

use formats::{Depth, Format};

use crate::cli::{CheckArgs, FirstStart, Fix, Form, GateArgs, Rehearsal};
use crate::clock;
use crate::commands::fix::{self, Fixed};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::limits::gauges::{Gauge, gauges};
use crate::limits::{Code, Facts, Finding, Limits, Severity};
use crate::report::{Bounds, Report, Subject};
use crate::room;
use crate::show::text::{self, stacked};
use crate::show::{self, Detail, Screen, units};
use mend::{Action, Progressed, QUARANTINE, Site};

/// What to check.
#[derive(Debug)]
pub(crate) struct Plan {
    path: PathBuf,
    gate: Gate,
    first_start: FirstStart,
}

/// What both gates judge by.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) format: Option<Format>,
    pub(crate) limits: Limits,
    pub(crate) depth: Depth,
    pub(crate) fixes: Vec<Fix>,
    pub(crate) rehearsal: Rehearsal,
}

impl From<CheckArgs> for Plan {
    fn from(args: CheckArgs) -> Self {
        // The parser demands one of the two.
        let path = args.path.or(args.path_flag).unwrap_or_default();
        Self { path, gate: args.gate.into(), first_start: args.first_start }
    }
}

impl From<GateArgs> for Gate {
    fn from(args: GateArgs) -> Self {
        let bytes = |size: Option<crate::sizes::Size>| size.map(crate::sizes::Size::bytes);
        // The forecast needs to know how many series there are, and the age is that of records: the times of files
        // that were copied or restored say nothing.
        let mends = args.fix.contains(&Fix::Repair);
        let reads = args.verify || mends || args.memory_limit.is_some() || args.max_age.is_some();
        let depth = if reads { Depth::Bytes } else { Depth::Listing };
        let limits = Limits {
            max_size: bytes(args.max_size),
            max_age: args.max_age.map(crate::spans::Span::duration),
            max_files: args.max_files,
            memory: bytes(args.memory_limit),
            min_free: args.min_free.map(crate::sizes::Floor::meant),
        };
        Self { format: args.kind.format, limits, depth, fixes: args.fix, rehearsal: args.rehearsal }
    }
}

/// Judges the log and tells what is wrong.
pub(crate) fn run(plan: &Plan, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    if plan.first_start == FirstStart::Allow && holds_nothing(&plan.path) {
        return first_start(&plan.path, form, screen);
    }
    let fixed = fix::judge(&plan.path, &plan.gate, screen)?;
    match form {
        Form::Json => show::print_json(&document(&fixed, &plan.gate))?,
        Form::Text => show::print(&text(&fixed, screen))?,
    }
    Ok(fixed.exit())
}

/// A log that was judged.
pub(crate) struct Checked {
    pub(crate) subject: Subject,
    pub(crate) report: Report,
    pub(crate) gauges: Vec<Gauge>,
}

impl Checked {
    /// Reads as deep as the gate asks for and judges.
    pub(crate) fn new(path: &Path, gate: &Gate, screen: &Screen) -> Result<Self, Failure> {
        let subject = Subject::open(path, gate.format)?;
        let order = subject.order(gate.depth, clock::now());
        let survey = subject.survey(&order, screen);
        let room = gate.limits.min_free.map(|_| room::of(path)).transpose()?;
        let format = subject.log.format();
        let facts = Facts { path, format, survey: &survey, depth: gate.depth, room, now: order.now };
        let gauges = gauges(&facts, &gate.limits);
        let mut report = Report::new(&subject, &order, survey, Bounds { limits: gate.limits, room });
        object_to_unfinished(&subject, &mut report);
        Ok(Self { subject, report, gauges })
    }

    /// Makes an objection of the remark that a process is writing the log; it is said once.
    pub(crate) fn object_to_use(&mut self) {
        let Some(holder) = self.subject.holders.first() else { return };
        self.report.survey.notes.retain(|note| note.code != "in-use");
        self.report.add(Finding {
            code: Code::InUse,
            severity: Severity::Critical,
            message: format!("{} (process {}) is writing this log", holder.name, holder.pid),
            advice: "stop that process first: two programs that write one log destroy it".to_owned(),
        });
    }
}

/// A change that was interrupted half-way is finished by the next changing command, on files that a server would have
/// changed meanwhile: it must not start. One that had touched nothing is only in the way.
fn object_to_unfinished(subject: &Subject, report: &mut Report) {
    let Some(left) = mend::unfinished(&Site::of(subject.log.as_ref()).root) else { return };
    let (severity, message) = match left.stage {
        Progressed::Placing => (Severity::Critical, "was interrupted half-way"),
        Progressed::Writing => (Severity::Warning, "was interrupted before it touched anything"),
    };
    report.survey.notes.retain(|note| note.code != Code::UnfinishedChange.name());
    report.add(Finding {
        code: Code::UnfinishedChange,
        severity,
        message: format!("a change of this log, {}, {message}", left.receipt),
        advice: format!(
            "run the same command again with --yes, or `seawall undo --yes {}`, before the server starts",
            units::path(&subject.path)
        ),
    });
}

/// The common head, and what was fixed where something might have been.
pub(crate) fn document(fixed: &Fixed, gate: &Gate) -> serde_json::Value {
    let mut object = json::head(&fixed.checked.report);
    if !gate.fixes.is_empty() {
        object.extend(json::change::fixes(fixed));
    }
    object.into()
}

/// What was found, what was done about it, and what is left.
pub(crate) fn text(fixed: &Fixed, screen: &Screen) -> String {
    let before = fixed.before.as_ref().map_or(String::new(), |before| judgement(before, screen));
    let settled =
        fixed.settled.as_ref().map_or(String::new(), |it| text::sentence(&show::settled(it)) + "\n");
    let attempts = fixed.attempts.iter().map(|attempt| show::attempt(attempt, screen));
    let now = judgement(&fixed.checked, screen);
    // On a rehearsal, and where nothing could be done, what was found comes before what would be or was tried.
    let (first, last) = if fixed.before.is_some() { (before, now) } else { (now, String::new()) };
    stacked([settled, first].into_iter().chain(attempts).chain([last]))
}

/// The findings with their advice, and how far the log is from each limit.
pub(crate) fn judgement(checked: &Checked, screen: &Screen) -> String {
    let report = &checked.report;
    if report.findings.is_empty() && screen.detail == Detail::Little {
        return String::new();
    }
    let normal = |block: String| if screen.detail == Detail::Little { String::new() } else { block };
    let full = |block: String| if screen.detail == Detail::Full { block } else { String::new() };
    let shallow = report.findings.is_empty() && report.depth == Depth::Listing;
    let remark = if shallow { "Names and sizes were looked at; --verify checks every byte.\n" } else { "" };
    stacked([
        show::headline(report, screen),
        full(show::figures(report, screen)),
        normal(show::gauges(&checked.gauges, screen)),
        show::findings(&report.findings, screen),
        show::notes(&report.survey.notes, screen),
        normal(remark.to_owned()),
    ])
}

/// Whether `path` is not there, or a directory that nothing was written to yet.
///
/// A fresh ext4 volume holds `lost+found` and nothing else. A log that was taken away has left its quarantine.
pub(crate) fn holds_nothing(path: &Path) -> bool {
    let means_nothing =
        |entry: fs::DirEntry| entry.file_name() == "lost+found" || entry.file_name() == QUARANTINE;
    match fs::read_dir(path) {
        Ok(mut entries) => {
            mend::unfinished(path).is_none()
                && (entries.all(|entry| entry.is_ok_and(means_nothing)) || was_taken_away(path))
        }
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Whether the last thing that was done here took the log away, and no server has begun a new one.
fn was_taken_away(path: &Path) -> bool {
    let newest = mend::receipts(path).ok().and_then(|receipts| receipts.into_iter().next_back());
    newest.is_some_and(|(receipt, _)| {
        receipt.action == Action::Reset && receipt.steps.iter().all(|step| !path.join(&step.path).exists())
    })
}

fn first_start(path: &Path, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    match form {
        Form::Json => show::print_json(&json::nothing_yet(path))?,
        Form::Text if screen.detail == Detail::Little => {}
        Form::Text => show::print(&format!("{}\n", nothing_yet(path)))?,
    }
    Ok(Exit::Fine)
}

/// What is said about a path that holds nothing yet.
pub(crate) fn nothing_yet(path: &Path) -> String {
    format!("{} holds nothing yet: a first start", units::path(path))
}

#[cfg(test)]
#[path = "check_test.rs"]
mod tests;
