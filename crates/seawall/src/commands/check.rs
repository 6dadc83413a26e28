//! `seawall check`: the gate before a start. `guard` judges by the same rules.

use std::fs;
use std::path::{Path, PathBuf};

use formats::{Depth, Format};

use crate::cli::{CheckArgs, FirstStart, Fix, Form, GateArgs, Rehearsal};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::limits::gauges::{Gauge, gauges};
use crate::limits::{Facts, Limits};
use crate::report::{Bounds, Report, Subject};
use crate::room;
use crate::show::text::stacked;
use crate::show::{self, Detail, Screen};

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
        let Fix::None = args.fix;
        let bytes = |size: Option<crate::sizes::Size>| size.map(crate::sizes::Size::bytes);
        // The forecast needs to know how many series there are, and the age is that of records: the times of files
        // that were copied or restored say nothing.
        let reads = args.verify || args.memory_limit.is_some() || args.max_age.is_some();
        let depth = if reads { Depth::Bytes } else { Depth::Listing };
        let limits = Limits {
            max_size: bytes(args.max_size),
            max_age: args.max_age.map(crate::spans::Span::duration),
            max_files: args.max_files,
            memory: bytes(args.memory_limit),
            min_free: args.min_free,
        };
        Self { format: args.kind.format, limits, depth, rehearsal: args.rehearsal }
    }
}

/// Judges the log and tells what is wrong.
pub(crate) fn run(plan: &Plan, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    if plan.first_start == FirstStart::Allow && holds_nothing(&plan.path) {
        return first_start(&plan.path, form, screen);
    }
    let checked = Checked::new(&plan.path, &plan.gate, screen)?;
    match form {
        Form::Json => show::print_json(&document(&checked.report))?,
        Form::Text => show::print(&text(&checked, screen))?,
    }
    Ok(checked.report.exit_of_a_gate())
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
        let facts = Facts { path, survey: &survey, depth: gate.depth, room, now: order.now };
        let gauges = gauges(&facts, &gate.limits);
        let report = Report::new(&subject, &order, survey, Bounds { limits: gate.limits, room });
        Ok(Self { subject, report, gauges })
    }
}

/// The common head and nothing else.
pub(crate) fn document(report: &Report) -> serde_json::Value {
    json::head(report).into()
}

/// The findings with their advice, and how far the log is from each limit.
pub(crate) fn text(checked: &Checked, screen: &Screen) -> String {
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
/// A fresh ext4 volume holds `lost+found` and nothing else.
pub(crate) fn holds_nothing(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lost+found")),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
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
    format!("{} holds nothing yet: a first start", show::units::path(path))
}

#[cfg(test)]
#[path = "check_test.rs"]
mod tests;
