//! What was imported, as people read it.

use super::paint::paint;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::{text, units};
use crate::commands::import::Row;
use crate::journals::imports::Mode;

/// A row for each file, what is wrong with files, and a sum.
pub(crate) fn imports(rows: &[Row], mode: Mode, screen: &Screen) -> String {
    let theme = &screen.theme;
    let right = Align::Right;
    let mut table = Table::new(&[Align::Left, right, right, right, Align::Left]);
    table.titles(theme.dim, &["STREAM", "RECORDS", "ALREADY", "NEW", ""]);
    for row in rows {
        let (style, remark) = match (&row.failure, row.remarks.damage.count()) {
            (Some(_), _) => (theme.bad, "not imported to its end".to_owned()),
            (None, 0) if row.remarks.is_torn => (theme.dim, "torn end".to_owned()),
            (None, 0) => (theme.dim, String::new()),
            (None, count) => (theme.bad, units::counted(count, "damage", "damages")),
        };
        let counts = [row.brought.records, row.brought.already, row.brought.imported];
        let counts = counts.map(|count| Cell::plain(units::count(count)));
        let name = Cell::plain(units::safe(&row.source.stream));
        table.row([name].into_iter().chain(counts).chain([Cell::new(style, remark)]));
    }
    let table =
        if screen.detail == Detail::Little || rows.is_empty() { String::new() } else { table.render() };
    text::stacked([table, wrong(rows, screen), sum(rows, mode, screen)])
}

fn wrong(rows: &[Row], screen: &Screen) -> String {
    let theme = &screen.theme;
    let mut lines = Vec::new();
    for row in rows {
        let path = units::path(&row.source.path);
        if let Some(failure) = &row.failure {
            lines.push(format!(
                "{} {path}: {}",
                paint(theme.bad, "not imported:"),
                units::safe(&failure.to_string())
            ));
            lines.extend(failure.hint().map(|hint| format!("  {} {hint}", paint(theme.dim, "hint:"))));
        }
        for damage in row.remarks.damage.listed() {
            lines.push(format!(
                "{} {path}, bytes {} to {}: {}",
                paint(theme.bad, "damage:"),
                units::count(damage.start),
                units::count(damage.end),
                units::safe(&damage.cause)
            ));
        }
        if row.remarks.is_torn {
            lines.push(format!(
                "{path} ends inside a record, as after a crash: nobody was told that it is safe"
            ));
        }
        if row.remarks.tried > 0 {
            let records = units::counted(row.remarks.tried, "record", "records");
            lines.push(format!("{path}: {records} said to be sent or failed are brought in like all others"));
        }
    }
    text::lines(&lines)
}

fn sum(rows: &[Row], mode: Mode, screen: &Screen) -> String {
    if screen.detail == Detail::Little {
        return String::new();
    }
    let imported: u64 = rows.iter().map(|row| row.brought.imported).sum();
    let already: u64 = rows.iter().map(|row| row.brought.already).sum();
    let events = units::counted(imported, "event", "events");
    let done = match mode {
        Mode::Append => format!("imported {events}"),
        Mode::Rehearse => format!("would import {events}"),
    };
    match already {
        0 => format!("{done}\n"),
        already => format!("{done}; {} in the journal already\n", units::counted(already, "was", "were")),
    }
}
