//! What it all comes to, in plain sentences: sound or not, what the server would do, and what to do now.

use formats::{Survey, Verdict};

use super::damage::lost_with_all;
use super::paint::paint;
use super::screen::{Detail, Screen};
use super::{text, units};
use crate::report::Report;

/// How many files that could not be read are named.
const NAMED: usize = 5;

/// The last lines of a reading.
pub(crate) fn conclusion(report: &Report, screen: &Screen) -> String {
    let survey = &report.survey;
    let theme = &screen.theme;
    let (style, sentence) = soundness(survey);
    let style = match style {
        Soundness::Sound => theme.good,
        Soundness::Damaged => theme.bad,
        Soundness::Unread => theme.warn,
    };
    let mut lines = vec![paint(style, &text::wrapped(&sentence, screen.width).join("\n"))];
    lines.extend(verdict(&survey.verdict, screen));
    if screen.detail != Detail::Little {
        lines.extend(advice(report));
    }
    lines.join("\n") + "\n"
}

enum Soundness {
    Sound,
    Damaged,
    Unread,
}

fn soundness(survey: &Survey) -> (Soundness, String) {
    let (files, bytes) = survey.weight();
    let files = units::counted(files, "file", "files");
    let records = |records| units::counted(records, "record", "records");
    if !survey.damage.is_empty() {
        let count = units::counted(survey.damage.count(), "place", "places");
        let around = survey
            .records()
            .map_or(String::new(), |count| format!("; {} around it can still be read", records(count)));
        let lost = lost_with_all(survey);
        return (Soundness::Damaged, format!("Damaged in {count}: {lost}{around}.{}", unread(survey)));
    }
    if !survey.unreadable.is_empty() {
        return (Soundness::Unread, format!("Not sound, not damaged: unknown.{}", unread(survey)));
    }
    let records = survey.records().map_or("every record".to_owned(), records);
    (Soundness::Sound, format!("Sound: {records} in {files}, {} checked.", units::size(bytes)))
}

/// What could not be read, as a sentence that follows another.
fn unread(survey: &Survey) -> String {
    let errors = &survey.unreadable;
    if errors.is_empty() {
        return String::new();
    }
    let named: Vec<String> = errors.iter().take(NAMED).map(|error| units::safe(&error.to_string())).collect();
    let more =
        if errors.len() > NAMED { format!("; and {} more", errors.len() - NAMED) } else { String::new() };
    format!(" Not everything could be read: {}{more}.", named.join("; "))
}

/// What the server would do at its next start.
fn verdict(verdict: &Verdict, screen: &Screen) -> Option<String> {
    let theme = &screen.theme;
    let (style, what) = match verdict {
        Verdict::Unknown => return None,
        Verdict::Starts => (theme.good, "at the next start everything is kept".to_owned()),
        Verdict::StartsWithLoss { what } => (theme.warn, text::at_the_next_start(what)),
        Verdict::Refuses { what } | Verdict::CrashLoops { what } => {
            (theme.bad, text::at_the_next_start(what))
        }
    };
    let sentence = text::sentence(&what);
    Some(paint(style, &text::wrapped(&sentence, screen.width).join("\n")))
}

/// What to do now.
fn advice(report: &Report) -> Option<String> {
    let path = units::path(&report.path);
    let harmless = matches!(report.survey.verdict, Verdict::Unknown | Verdict::Starts);
    let needed = !report.survey.damage.is_empty() || !harmless;
    needed.then(|| format!("Do not start the server before: seawall repair {path} shows what can be saved."))
}
