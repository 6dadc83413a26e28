//! `seawall guard`: check a log, fix what may be fixed, then become its server.
//!
//! The server replaces this process, so that signals, supervisors and the exit code are its own. Its environment,
//! working directory and open files are those that Seawall was given; everything is said on standard error, since
//! standard output belongs to the server. SIGPIPE, which the Rust runtime ignores, is put back to its default.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::cli::{Form, GuardArgs, OnProblem, Rehearsal};
use crate::commands::check::{self, Gate, holds_nothing, nothing_yet};
use crate::commands::fix;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::limits::Code;
use crate::servers;
use crate::show::{self, Detail, Screen, units};

/// What to check and what to start.
#[derive(Debug)]
pub(crate) struct Plan {
    path: PathBuf,
    gate: Gate,
    on_problem: OnProblem,
    program: OsString,
    arguments: Vec<OsString>,
}

impl Plan {
    /// What the arguments mean: the log's path may stand in the server's own flags.
    pub(crate) fn new(args: GuardArgs) -> Result<Self, Failure> {
        let named = args.path.or(args.path_flag);
        let path = named.or_else(|| servers::log_of(&args.command, &|name| std::env::var_os(name)));
        let path = path.ok_or_else(|| {
            let known = servers::known();
            Failure::Usage(format!(
                "cannot tell from the command where its log lies: name it, as in `seawall guard PATH -- CMD` \
                 (command lines that are understood: {known})"
            ))
        })?;
        let mut words = args.command.into_iter();
        let program = words.next().ok_or_else(|| Failure::Usage("no command to start".to_owned()))?;
        let gate = args.gate.into();
        Ok(Self { path, gate, on_problem: args.on_problem, program, arguments: words.collect() })
    }

    /// Where the log lies.
    #[cfg(test)]
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    fn name(&self) -> String {
        units::safe(&self.program.to_string_lossy())
    }
}

/// Checks the log and starts the server, or does not.
///
/// Comes back only if the server was not started.
pub(crate) fn run(plan: &Plan, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let aside = screen.beside();
    if holds_nothing(&plan.path) {
        if form == Form::Json {
            show::print_json(&json::nothing_yet(&plan.path))?;
        }
        say(&aside, &nothing_yet(&plan.path));
        return start(plan, &aside);
    }
    let exit = match judge(plan, form, screen) {
        Ok(exit) => exit,
        Err(failure) if plan.on_problem == OnProblem::Start => {
            show::tell(&show::failure(&failure, &aside));
            Exit::Failed
        }
        Err(failure) => return Err(failure),
    };
    match (exit, plan.on_problem) {
        (Exit::Fine, _) => start(plan, &aside),
        // Two servers on one log destroy it: no flag can want that.
        (Exit::Refused, _) | (_, OnProblem::Refuse) => {
            show::tell(&format!("seawall: not starting {}\n", plan.name()));
            Ok(exit)
        }
        (_, OnProblem::Start) => {
            show::tell(&format!("seawall: starting {} in spite of that (--on-problem start)\n", plan.name()));
            start(plan, &aside)
        }
    }
}

/// Tells what was found and done, and how a refusal would end.
fn judge(plan: &Plan, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let aside = screen.beside();
    let mut fixed = fix::judge(&plan.path, &plan.gate, screen)?;
    if !fixed.checked.report.found(Code::InUse) {
        // A second server on the same log would damage it: to a guard that is no remark but an objection.
        fixed.checked.object_to_use();
    }
    if form == Form::Json {
        show::print_json(&check::document(&fixed, &plan.gate))?;
    }
    let report = &fixed.checked.report;
    if !report.findings.is_empty() || !fixed.attempts.is_empty() {
        show::tell(&check::text(&fixed, &aside));
    }
    if report.findings.is_empty() {
        let (files, bytes) = report.survey.weight();
        let files = units::counted(files, "file", "files");
        let path = units::path(&report.path);
        say(&aside, &format!("{path}: {files}, {}; no objections", units::size(bytes)));
    }
    Ok(fixed.exit())
}

fn say(aside: &Screen, text: &str) {
    if aside.detail != Detail::Little {
        show::tell(&format!("seawall: {text}\n"));
    }
}

/// Becomes the server, or only tells that it would.
fn start(plan: &Plan, aside: &Screen) -> Result<Exit, Failure> {
    if plan.gate.rehearsal == Rehearsal::Dry {
        say(aside, &format!("would start {}", plan.name()));
        return Ok(Exit::Fine);
    }
    let source = Command::new(&plan.program).args(&plan.arguments).exec();
    Err(Failure::Start { program: plan.name(), source })
}
