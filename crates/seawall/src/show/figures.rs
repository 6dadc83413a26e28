//! The key figures of a log, one a line, and its largest contributors.

use formats::{Estimate, Fact, Format, PartSurvey, Role, Survey, TopTable, UnixTime, Value};

use super::bar;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::things::{Name, Things, title_of};
use super::{text, units};
use crate::json::Shown;
use crate::limits::{Oldest, oldest_age};
use crate::report::Report;

/// So many facts get a line each; more of them run on in one paragraph.
const FEW: usize = 4;

/// How far that paragraph stands from the edge.
const INDENT: usize = 13;

/// What a format is called among people.
pub(crate) const fn label(format: Format) -> &'static str {
    match format {
        Format::Journal => "Seawall journal",
        Format::Prometheus => "Prometheus write-ahead log",
        Format::Loki => "Loki write-ahead log",
        Format::Influxdb3 => "InfluxDB 3 write-ahead log",
        Format::Arwal => "ARWAL001 job log",
        Format::Postgres => "PostgreSQL write-ahead log",
        Format::Sqlite => "SQLite write-ahead log",
        Format::Etcd => "etcd write-ahead log",
    }
}

/// The key figures, the most telling first.
pub(crate) fn figures(report: &Report, screen: &Screen) -> String {
    let survey = &report.survey;
    let mut table = Table::new(&[Align::Left, Align::Left]);
    let mut put = |label: &str, text: String| {
        if !text.is_empty() {
            table.row([Cell::new(screen.theme.dim, label), Cell::plain(text)]);
        }
    };
    if report.root != report.path {
        put("Lies in", units::safe(&report.root.to_string_lossy()));
    }
    put("Size", size(survey));
    put("Beside it", beside(survey));
    put("Holds", holds(survey, Things::of(report.format)));
    put("Records", records(survey));
    put("Time", time(survey));
    put("Age", age(survey, report.now));
    put("Next start", survey.estimate.map_or(String::new(), estimate));
    let known: Vec<&Fact> = survey.facts.iter().filter(|fact| says_something(&fact.value)).collect();
    if screen.detail == Detail::Full || known.len() <= FEW {
        known.iter().for_each(|fact| put(&text::sentence_case(&fact_words(fact)), fact_text(fact)));
    } else if screen.detail == Detail::Normal {
        let facts: Vec<String> =
            known.iter().map(|fact| format!("{}: {}", fact_words(fact), fact_text(fact))).collect();
        let lines = text::wrapped(&facts.join("; "), screen.width.saturating_sub(INDENT).max(40));
        lines
            .into_iter()
            .enumerate()
            .for_each(|(line, facts)| put(if line == 0 { "Details" } else { "" }, facts));
    }
    table.render()
}

fn size(survey: &Survey) -> String {
    let (files, bytes) = survey.weight();
    format!("{} in {}", units::size(bytes), units::counted(files, "file", "files"))
}

/// Files that a start does not read as log.
fn beside(survey: &Survey) -> String {
    let mut roles: Vec<(Role, u64, u64)> = Vec::new();
    for PartSurvey { part, .. } in survey.parts.iter().filter(|survey| !survey.part.role.counts()) {
        match roles.iter_mut().find(|(role, ..)| *role == part.role) {
            Some((_, files, bytes)) => {
                *files += 1;
                *bytes += part.bytes;
            }
            None => roles.push((part.role, 1, part.bytes)),
        }
    }
    let text = |(role, files, bytes): &(Role, u64, u64)| {
        format!("{} {} ({})", units::count(*files), role_of_files(*role, *files), units::size(*bytes))
    };
    roles.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn role_of_files(role: Role, files: u64) -> &'static str {
    let (one, many) = match role {
        Role::Live => ("log file", "log files"),
        Role::Checkpoint => ("checkpoint file", "checkpoint files"),
        Role::OutOfOrder => ("out-of-order file", "out-of-order files"),
        Role::HeadChunks => ("head chunk file", "head chunk files"),
        Role::HeadSnapshot => ("head snapshot file", "head snapshot files"),
        Role::Block => ("block file", "block files"),
        Role::Retained => ("file no longer needed", "files no longer needed"),
        Role::Marker => ("marker", "markers"),
        Role::Stray => ("stray file", "stray files"),
    };
    if files == 1 { one } else { many }
}

fn holds(survey: &Survey, Things { samples, series }: Things) -> String {
    let held = [(survey.series, series), (survey.samples, samples)];
    let named =
        |(count, (one, many)): (Option<u64>, Name)| count.map(|count| units::counted(count, one, many));
    held.into_iter().filter_map(named).collect::<Vec<_>>().join(", ")
}

fn records(survey: &Survey) -> String {
    let Some(all) = survey.records() else { return String::new() };
    let mut kinds: Vec<(&str, u64)> = survey.kinds.iter().map(|(kind, count)| (*kind, *count)).collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let kinds: Vec<String> =
        kinds.iter().map(|(kind, count)| format!("{} {kind}", units::count(*count))).collect();
    if kinds.is_empty() { units::count(all) } else { format!("{} ({})", units::count(all), kinds.join(", ")) }
}

fn time(survey: &Survey) -> String {
    survey.times.map_or(String::new(), |times| {
        let length = times.max.seconds_since(times.min);
        format!("{} UTC ({})", units::range(times), units::span(length))
    })
}

fn age(survey: &Survey, now: UnixTime) -> String {
    oldest_age(survey, now).map_or(String::new(), |age| {
        let ago = units::span(age.seconds as f64);
        match age.of {
            Oldest::Record => format!("oldest record {ago} old"),
            Oldest::File => format!("oldest file written {ago} ago"),
        }
    })
}

fn estimate(estimate: Estimate) -> String {
    let time = units::span(estimate.replay_seconds);
    let error = estimate.memory_error * 100.0;
    let memory = units::size(estimate.memory_bytes);
    format!("takes about {time} and {memory} of memory, give or take {error:.0}%")
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Text(text) => !text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(fields) => !fields.is_empty(),
        _ => true,
    }
}

/// The name of a fact without the unit that its value is shown in.
fn fact_words(fact: &Fact) -> String {
    let name = fact.name.strip_suffix("_bytes").or_else(|| fact.name.strip_suffix("_seconds"));
    name.unwrap_or(fact.name).replace('_', " ")
}

/// A fact in the unit that its name ends in.
fn fact_text(fact: &Fact) -> String {
    match &fact.value {
        Value::Unsigned(bytes) if fact.name.ends_with("_bytes") => units::size(*bytes),
        Value::Unsigned(seconds) if fact.name.ends_with("_seconds") => units::span(*seconds as f64),
        Value::Float(seconds) if fact.name.ends_with("_seconds") => units::span(*seconds),
        value => value_text(value),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "unknown".to_owned(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::Unsigned(number) => units::count(*number),
        Value::Float(number) if number.fract() != 0.0 => format!("{number:.2}"),
        Value::Text(text) => units::safe(text),
        Value::Time(time) => format!("{} UTC", units::time(*time)),
        Value::List(items) => items.iter().map(value_text).collect::<Vec<_>>().join(", "),
        Value::Map(fields) => {
            let field = |(name, value): &(std::borrow::Cow<'static, str>, Value)| {
                format!("{} {}", units::safe(&name.replace('_', " ")), value_text(value))
            };
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
        other => units::safe(&serde_json::to_string(&Shown(other)).unwrap_or_default()),
    }
}

/// The largest contributors, one table for each criterion.
pub(crate) fn top_tables(tables: &[TopTable], things: Things, screen: &Screen) -> String {
    let tables = tables.iter().filter(|table| !table.rows.is_empty());
    text::stacked(tables.map(|table| top_table(table, things, screen)))
}

fn top_table(top: &TopTable, things: Things, screen: &Screen) -> String {
    let theme = &screen.theme;
    // A format without samples is compared by series.
    let weight = |row: &formats::TopRow| if row.samples > 0 { row.samples } else { row.series };
    let largest = top.rows.iter().map(weight).max().unwrap_or(0);
    let whole = bar::Whole { largest, cells: bar::WIDTH };
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Left]);
    let title = format!("TOP {}", top.by.replace('_', " ").to_uppercase());
    table.titles(theme.dim, &[&title, &title_of(things.series), &title_of(things.samples), ""]);
    for row in &top.rows {
        table.row([
            Cell::plain(shortened(&units::safe(&row.name), screen)),
            Cell::plain(units::count(row.series)),
            Cell::plain(units::count(row.samples)),
            bar::bar(weight(row), whole, &[], (theme, &screen.glyphs)),
        ]);
    }
    table.render()
}

/// A name that leaves room for the numbers beside it.
fn shortened(name: &str, screen: &Screen) -> String {
    let room = screen.width.saturating_sub(50).max(20);
    if name.chars().count() <= room {
        return name.to_owned();
    }
    let kept: String = name.chars().take(room.saturating_sub(screen.glyphs.more.chars().count())).collect();
    format!("{kept}{}", screen.glyphs.more)
}
