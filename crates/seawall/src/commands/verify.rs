//! `seawall verify`: whether every byte of a log can be trusted.

use std::path::PathBuf;

use formats::{Depth, Format, Liveness, Survey};

use crate::cli::{Form, Server, VerifyArgs};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::report::{Bounds, Report, Subject};
use crate::show::text::stacked;
use crate::show::things::Things;
use crate::show::{self, Detail, Screen};

/// What to verify.
#[derive(Debug)]
pub(crate) struct Plan {
    path: PathBuf,
    format: Option<Format>,
    server: Server,
}

impl From<VerifyArgs> for Plan {
    fn from(args: VerifyArgs) -> Self {
        Self { path: args.place.path, format: args.place.kind.format, server: args.server }
    }
}

/// Reads every byte of the log and lists what cannot be trusted.
pub(crate) fn run(plan: &Plan, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let mut subject = Subject::open(&plan.path, plan.format)?;
    if plan.server == Server::Running {
        subject.liveness = Liveness::Running;
    }
    let order = subject.order(Depth::Bytes, clock::now());
    let survey = subject.survey(&order, screen);
    let report = Report::new(&subject, &order, survey, Bounds::default());
    match form {
        Form::Json => show::print_json(&json::head(&report).into())?,
        Form::Text => show::print(&text(&report, screen))?,
    }
    Ok(report.exit_of_a_reading())
}

fn text(report: &Report, screen: &Screen) -> String {
    let survey = &report.survey;
    let sound = survey.damage.is_empty() && survey.unreadable.is_empty();
    if sound && screen.detail == Detail::Little {
        return String::new();
    }
    let table = if sound && screen.detail != Detail::Full {
        String::new()
    } else {
        show::file_table(&only_damaged(survey, screen), Things::of(report.format), screen)
    };
    stacked([
        show::headline(report, screen),
        table,
        show::damage_list(survey, screen),
        show::notes(&survey.notes, screen),
        show::conclusion(report, screen),
    ])
}

/// The files that matter here: with full detail all of them, else those with damage.
fn only_damaged(survey: &Survey, screen: &Screen) -> Survey {
    let worth = |part: &&formats::PartSurvey| screen.detail == Detail::Full || part.damage > 0;
    Survey {
        parts: survey.parts.iter().filter(worth).cloned().collect(),
        damage: survey.damage.clone(),
        ..Survey::default()
    }
}

#[cfg(test)]
#[path = "verify_test.rs"]
mod tests;
