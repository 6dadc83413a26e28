//! Changes as people read them: what is kept first, then what is lost, then what happens to which file.

use mend::{Action, Kept, Plan, Step};

use super::damage::notes;
use super::figures::label;
use super::paint::paint;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::things::{Name, Things};
use super::{text, units};
use crate::changes::{Change, End, Settled};
use crate::commands::fix::Attempt;
use crate::json;

/// How many steps are listed unless all are asked for.
const LISTED: usize = 20;

/// How it is spoken of: as something that would happen, or that has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tense {
    Would,
    Did,
}

impl Tense {
    fn choose(self, would: &'static str, did: &'static str) -> &'static str {
        match self {
            Tense::Would => would,
            Tense::Did => did,
        }
    }
}

/// A change that is planned, or one that is done.
pub(crate) fn change(change: &Change, screen: &Screen) -> String {
    let tense = if change.receipt.is_some() { Tense::Did } else { Tense::Would };
    let plan = &change.plan;
    if plan.is_empty() {
        let quiet = screen.detail == Detail::Little;
        let nothing = if quiet { String::new() } else { nothing(change, screen) };
        return text::stacked([nothing, notes(&plan.notes, screen)]);
    }
    let table = if screen.detail == Detail::Little { String::new() } else { steps(&plan.steps, screen) };
    text::stacked([
        headline(change, tense, screen),
        table,
        sentences(plan, tense, screen),
        notes(&plan.notes, screen),
        ending(change, screen),
    ])
}

/// A fix that a gate tried.
pub(crate) fn attempt(attempt: &Attempt, screen: &Screen) -> String {
    match attempt {
        Attempt::Planned(planned) => change(planned, screen),
        Attempt::Failed(step, failure) => {
            format!("The {} was not possible: {}.\n", step.name(), units::safe(&failure.to_string()))
        }
    }
}

/// What became of an earlier change that had been interrupted.
pub(crate) fn settled(settled: &Settled) -> String {
    let end = match settled.end {
        End::Finished => "was finished",
        End::Partly => "was not carried on: what it had done stays, and can be taken back",
        End::TakenBack => "was taken back: it had taken nothing from the log",
    };
    let written = match settled.written.as_slice() {
        [] => String::new(),
        [one] => format!("; {one} was written to since"),
        [first, others @ ..] => {
            let others = units::counted(others.len() as u64, "other file", "other files");
            format!("; {first} and {others} were written to since")
        }
    };
    format!("an earlier change, {}, had been interrupted and {end}{written}", settled.receipt)
}

fn nothing(change: &Change, screen: &Screen) -> String {
    let what = match change.plan.action {
        Action::Repair => "nothing to repair",
        Action::Drain => "nothing to drain",
        Action::Trim => "nothing to trim",
        Action::Reset => "nothing to take away",
        Action::Undo => "nothing to take back",
    };
    let path = paint(screen.theme.strong, &units::safe(&change.path.to_string_lossy()));
    format!("{path}  {}  {}\n", label(change.plan.site.format), paint(screen.theme.good, what))
}

fn headline(change: &Change, tense: Tense, screen: &Screen) -> String {
    let (would, did) = match change.plan.action {
        Action::Repair => ("to be repaired", "repaired"),
        Action::Drain => ("to be drained", "drained"),
        Action::Trim => ("to be trimmed", "trimmed"),
        Action::Reset => ("to be taken away", "taken away"),
        Action::Undo => ("to be put back", "put back"),
    };
    let theme = &screen.theme;
    let style = if tense == Tense::Did { theme.good } else { theme.warn };
    let path = paint(theme.strong, &units::safe(&change.path.to_string_lossy()));
    format!("{path}  {}  {}\n", label(change.plan.site.format), paint(style, tense.choose(would, did)))
}

fn steps(steps: &[Step], screen: &Screen) -> String {
    let theme = &screen.theme;
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Right, Align::Right, Align::Left]);
    table.titles(theme.dim, &["STEP", "FILE", "NOW", "THEN", "WHY"]);
    let size = |bytes: Option<u64>| Cell::plain(bytes.map_or(String::new(), units::size));
    let shown = if screen.detail == Detail::Full { usize::MAX } else { LISTED };
    for step in steps.iter().take(shown) {
        table.row([
            Cell::plain(json::change::kind(step.kind)),
            Cell::plain(units::safe(&step.path)),
            size(step.bytes_before),
            size(step.bytes_after),
            Cell::new(theme.dim, units::safe(&step.why)),
        ]);
    }
    if steps.len() > shown {
        let more = format!("{} {} more steps (-v lists them)", screen.glyphs.more, steps.len() - shown);
        table.line(Cell::new(theme.dim, more));
    }
    table.render()
}

/// What is kept, what is lost, and what it takes, each a line.
fn sentences(plan: &Plan, tense: Tense, screen: &Screen) -> String {
    let theme = &screen.theme;
    let mut lines = Vec::new();
    let mut say = |style, sentence: String| {
        lines.extend(text::wrapped(&sentence, screen.width).into_iter().map(|line| paint(style, &line)));
    };
    if let Some(kept) = kept(plan, tense) {
        say(theme.good, kept);
    }
    if plan.action != Action::Undo {
        let style = if plan.loss.is_none() { theme.good } else { theme.warn };
        say(style, loss(plan, tense));
    }
    text::lines(&lines)
}

/// What is saved, beside what the server itself would save.
fn kept(plan: &Plan, tense: Tense) -> Option<String> {
    let things = Things::of(plan.site.format);
    let parts = [
        part(plan.kept.records, plan.loss.records, ("record", "records")),
        part(plan.kept.samples, plan.loss.samples, things.samples),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return None;
    }
    let own = plan.servers_own.as_ref().and_then(|own| servers_own(&plan.kept, own, things)).map_or(
        String::new(),
        |count| {
            let verb = tense.choose("would keep", "would have kept");
            format!("; the server's own repair {verb} {count}")
        },
    );
    Some(format!("{} {}{own}.", tense.choose("Keeps", "Kept"), parts.join(" and ")))
}

fn part(kept: Option<u64>, lost: Option<u64>, (one, many): Name) -> Option<String> {
    let kept = kept?;
    Some(match lost {
        Some(0) if kept == 0 => return None,
        Some(0) => format!("all {}", units::counted(kept, one, many)),
        Some(lost) => format!("{} of {}", units::count(kept), units::counted(kept + lost, one, many)),
        None => units::counted(kept, one, many),
    })
}

/// The server's own count of what it was first counted in here.
fn servers_own(kept: &Kept, own: &Kept, things: Things) -> Option<String> {
    if kept.records.is_some_and(|kept| kept > 0) && own.records.is_some() {
        return own.records.map(|records| units::counted(records, "record", "records"));
    }
    let (one, many) = things.samples;
    own.samples.map(|samples| units::counted(samples, one, many))
}

fn loss(plan: &Plan, tense: Tense) -> String {
    let verb = tense.choose("Loses", "Lost");
    format!("{verb} {}.", lost(plan))
}

/// What is lost, as the object of a sentence.
pub(crate) fn lost(plan: &Plan) -> String {
    let (loss, things) = (&plan.loss, Things::of(plan.site.format));
    if loss.is_none() {
        return "nothing".to_owned();
    }
    let counts =
        [(loss.records, ("record", "records")), (loss.samples, things.samples), (loss.series, things.series)];
    let known = counts.iter().filter_map(|(count, (one, many))| {
        count.filter(|count| *count > 0).map(|count| units::counted(count, one, many))
    });
    let mut parts: Vec<String> = known.collect();
    let unknown: Vec<&str> =
        counts.iter().filter(|(count, _)| count.is_none()).map(|(_, (_, many))| *many).collect();
    if !unknown.is_empty() {
        parts.push(format!("an unknown number of {}", unknown.join(" and ")));
    }
    let times = loss.times.map_or(String::new(), |times| format!(", {}", units::range(times.range())));
    format!("{}{times}", parts.join(", "))
}

/// Bytes of what is replaced or removed.
fn kept_in_quarantine(plan: &Plan) -> u64 {
    plan.steps.iter().filter_map(|step| step.bytes_before).sum()
}

/// What to do now, or how to take it back.
fn ending(change: &Change, screen: &Screen) -> String {
    let plan = &change.plan;
    let path = units::path(&change.path);
    let mut lines = Vec::new();
    if let Some(receipt) = &change.receipt {
        let label = |text: &str| paint(screen.theme.dim, text);
        lines.push(format!("{} {receipt}", label("Receipt:")));
        lines.push(format!("{} seawall undo --yes {path} {receipt}", label("To take it back:")));
        let kept = kept_in_quarantine(plan);
        if kept > 0 && screen.detail != Detail::Little {
            let free = format!("To free the {} that it keeps:", units::size(kept));
            lines.push(format!("{} seawall quarantine prune --yes {path} {receipt}", label(&free)));
        }
    } else if screen.detail != Detail::Little {
        let needs = if plan.needs > 0 {
            format!("It needs {} of free space. ", units::size(plan.needs))
        } else {
            String::new()
        };
        let warning = format!(
            "{needs}Keep the server stopped until it is done. What is replaced or removed stays in {} until it is pruned.",
            units::path(&plan.site.root.join(mend::QUARANTINE))
        );
        lines.extend(text::wrapped(&warning, screen.width));
    }
    lines.extend(change.after.as_ref().into_iter().flat_map(|report| left(report, plan.action, screen)));
    text::lines(&lines)
}

/// What is still wrong; a change that mends leaves nothing, and one that takes back promises nothing.
fn left(report: &crate::report::Report, action: Action, screen: &Screen) -> Vec<String> {
    if report.findings.is_empty() || matches!(action, Action::Undo | Action::Reset) {
        return Vec::new();
    }
    let first = paint(screen.theme.bad, "Not everything is mended:");
    let mut lines = vec![first];
    lines.extend(super::findings(&report.findings, screen).lines().map(str::to_owned));
    lines
}
