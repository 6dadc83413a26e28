//! `seawall verify`: whether every byte of a log can be trusted.

use std::path::PathBuf;

use formats::{Depth, Format, Liveness, Survey, Verdict};

use crate::cli::{Form, Server, VerifyArgs};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::report::{Bounds, Report, Subject};
use crate::show::{self, Detail, Screen, units};

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
        Form::Json => screen.print_json(&json::head(&report).into())?,
        Form::Text => screen.print(&text(&report, screen))?,
    }
    Ok(report.exit_of_a_reading())
}

fn text(report: &Report, screen: &Screen) -> String {
    let survey = &report.survey;
    let sound = survey.damage.is_empty() && survey.unreadable.is_empty();
    if sound && screen.detail == Detail::Little {
        return String::new();
    }
    let mut text = show::headline(report, screen);
    let table = if sound && screen.detail != Detail::Full {
        String::new()
    } else {
        show::file_table(&only_damaged(survey, screen), screen)
    };
    for block in [table, show::damage_list(survey, screen), show::notes(&survey.notes, screen)] {
        if !block.is_empty() {
            text.push_str(&block);
            text.push('\n');
        }
    }
    text.push_str(&conclusion(report));
    text.push_str(&show::verdict(&survey.verdict, screen));
    text.push_str(&advice(report));
    text
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

/// Whether the log is sound, in one sentence.
fn conclusion(report: &Report) -> String {
    let survey = &report.survey;
    let (files, bytes) = survey.weight();
    let files = units::counted(files, "file", "files");
    let unread: Vec<String> = survey.unreadable.iter().map(|error| units::safe(&error.to_string())).collect();
    if !unread.is_empty() {
        let list = unread.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
        let more = if unread.len() > 5 { format!("; and {} more", unread.len() - 5) } else { String::new() };
        return format!("Not everything could be read: {list}{more}.\n");
    }
    if survey.damage.is_empty() {
        let records = survey
            .records()
            .map_or("every record".to_owned(), |records| units::counted(records, "record", "records"));
        return format!("Sound: {records} in {files}, {} checked.\n", units::size(bytes));
    }
    let count = units::counted(survey.damage.count(), "place", "places");
    let kept = survey.records().map_or(String::new(), |records| {
        format!("; {} around it can still be read", units::counted(records, "record", "records"))
    });
    format!("Damaged in {count}: {} lost{kept}.\n", units::size(survey.damage.lost_bytes()))
}

/// What to do now.
fn advice(report: &Report) -> String {
    let path = units::path(&report.path);
    let harmless = matches!(report.survey.verdict, Verdict::Unknown | Verdict::Starts);
    if report.survey.damage.is_empty() && harmless {
        return String::new();
    }
    format!("Copy it before any server touches it: cp -a {path} {path}.copy\n")
}

#[cfg(test)]
#[path = "verify_test.rs"]
mod tests;
