//! `seawall inspect`: what a log is and holds.

use std::path::PathBuf;

use formats::{Depth, Format};

use crate::cli::{Form, InspectArgs};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::report::{Bounds, Report, Subject};
use crate::show::text::stacked;
use crate::show::things::Things;
use crate::show::{self, Detail, Screen};

/// What to inspect.
#[derive(Debug)]
pub(crate) struct Plan {
    path: PathBuf,
    format: Option<Format>,
    top: usize,
}

impl From<InspectArgs> for Plan {
    fn from(args: InspectArgs) -> Self {
        Self { path: args.place.path, format: args.place.kind.format, top: args.top }
    }
}

/// Reads the log and shows it.
pub(crate) fn run(plan: &Plan, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let subject = Subject::open(&plan.path, plan.format)?;
    let order = subject.order(Depth::Contents { top: plan.top }, clock::now());
    let survey = subject.survey(&order, screen);
    let report = Report::new(&subject, &order, survey, Bounds::default());
    match form {
        Form::Json => show::print_json(&document(&report))?,
        Form::Text => show::print(&text(&report, screen))?,
    }
    Ok(report.exit_of_a_reading())
}

/// The common head, then every file and the largest contributors.
fn document(report: &Report) -> serde_json::Value {
    let mut object = json::head(report);
    object.insert("files".to_owned(), json::files(&report.survey.parts));
    object.insert("top".to_owned(), json::top(&report.survey.top));
    object.into()
}

/// Key figures first, then the files, the largest contributors, and what is wrong.
fn text(report: &Report, screen: &Screen) -> String {
    let survey = &report.survey;
    let things = Things::of(report.format);
    let tables = match screen.detail {
        Detail::Little => String::new(),
        Detail::Normal | Detail::Full => {
            stacked([show::file_table(survey, things, screen), show::top_tables(&survey.top, things, screen)])
        }
    };
    stacked([
        show::headline(report, screen),
        show::figures(report, screen),
        tables,
        show::damage_list(survey, screen),
        show::notes(&survey.notes, screen),
        show::conclusion(report, screen),
    ])
}

#[cfg(test)]
#[path = "inspect_test.rs"]
mod tests;
