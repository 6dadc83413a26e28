//! Archives, and what a replay would send, as people read them.

use formats::{DamageList, Part, UnixTime};
use journal::archive::{Archive, Archived};

use super::paint::paint;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::{text, units};
use crate::cli::Sending;
use crate::commands::archive::Cleanup;
use crate::commands::replay::Row;

/// A list of archives.
pub(crate) fn archives(all: &[Archive], place: &str, screen: &Screen) -> String {
    let quiet = screen.detail == Detail::Little;
    if all.is_empty() {
        return if quiet { String::new() } else { format!("no archives in {place}\n") };
    }
    let bytes = all.iter().map(|archive| archive.bytes).sum();
    let count = units::counted(all.len() as u64, "archive", "archives");
    let total = format!("{count}, {}, in {place}\n", units::size(bytes));
    text::stacked([table(all, screen), if quiet { String::new() } else { total }])
}

fn table(all: &[Archive], screen: &Screen) -> String {
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Left]);
    table.titles(screen.theme.dim, &["ARCHIVE", "EVENTS", "SIZE", "MADE (UTC)"]);
    for archive in all {
        let made = archive.made.map(|made| units::time(UnixTime::from_millis(made.get())));
        table.row([
            Cell::plain(units::safe(&archive.name)),
            Cell::plain(archive.events.map_or_else(|| "?".to_owned(), units::count)),
            Cell::plain(units::size(archive.bytes)),
            Cell::plain(made.unwrap_or_else(|| "?".to_owned())),
        ]);
    }
    table.render()
}

/// What was archived.
pub(crate) fn archived(made: &[Archived], place: &str, screen: &Screen) -> String {
    let quiet = screen.detail == Detail::Little;
    let archives: Vec<Archive> = made.iter().map(|archived| archived.archive.clone()).collect();
    let mut lines = Vec::new();
    for archived in made.iter().filter(|archived| !archived.damaged.is_empty()) {
        let events = units::counted(archived.damaged.len() as u64, "event", "events");
        let what =
            format!("{events} of {} are damaged and not in the archive", units::safe(&archived.stream));
        lines.push(paint(screen.theme.bad, &what));
    }
    if !quiet {
        lines.push(match archives.len() as u64 {
            0 => "no closed stream to archive".to_owned(),
            count => {
                let streams = units::counted(count, "stream", "streams");
                format!("archived {streams} in {place}")
            }
        });
    }
    let table = if archives.is_empty() || quiet { String::new() } else { table(&archives, screen) };
    text::stacked([table, text::lines(&lines)])
}

/// What is removed, or would be.
pub(crate) fn cleanup(cleanup: &Cleanup, screen: &Screen) -> String {
    let quiet = screen.detail == Detail::Little;
    if cleanup.gone.is_empty() {
        return if quiet { String::new() } else { "nothing to remove\n".to_owned() };
    }
    let count = units::counted(cleanup.gone.len() as u64, "archive", "archives");
    let size = units::size(cleanup.gone.iter().map(|archive| archive.bytes).sum());
    if cleanup.applied {
        return if quiet { String::new() } else { format!("removed {count}: {size} are free again\n") };
    }
    let kept = units::counted(cleanup.kept as u64, "stays", "stay");
    text::stacked([
        table(&cleanup.gone, screen),
        format!("{count} would be removed for good, {size}; {kept}\n"),
    ])
}

/// What of an archive cannot be trusted.
pub(crate) fn damaged_archive(part: &Part, damage: &DamageList, screen: &Screen) -> String {
    let bad = paint(screen.aside.bad, "seawall:");
    let line = |damage: &formats::Damage| {
        let cause = units::safe(&damage.cause);
        format!(
            "{bad} damage in {}, bytes {} to {}: {cause}\n",
            units::path(&part.path),
            damage.start,
            damage.end
        )
    };
    damage.listed().iter().map(line).collect()
}

/// What was sent, or would be.
pub(crate) fn replay(rows: &[Row], sending: Sending, screen: &Screen) -> String {
    let theme = &screen.theme;
    let right = Align::Right;
    let mut table = Table::new(&[Align::Left, Align::Left, right, right, Align::Left, Align::Left]);
    table.titles(theme.dim, &["STREAM", "FROM", "EVENTS", "SIZE", "TIME (UTC)", ""]);
    for row in rows {
        let from = row.file.as_ref().map_or_else(|| "the journal".to_owned(), |path| units::path(path));
        let counted = |count: u64, text: String| (count > 0).then_some(text);
        let remarks = [
            counted(row.damage, units::counted(row.damage, "damage", "damages")),
            counted(row.refused, format!("{} refused", units::count(row.refused))),
        ];
        let remarks: Vec<String> = remarks.into_iter().flatten().collect();
        table.row([
            Cell::plain(units::safe(&row.stream)),
            Cell::new(theme.dim, from),
            Cell::plain(units::count(row.events)),
            Cell::plain(units::size(row.bytes)),
            Cell::plain(row.times.map_or_else(String::new, units::range)),
            Cell::new(theme.bad, remarks.join(", ")),
        ]);
    }
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
    let events = units::counted(sum(|row| row.events), "event", "events");
    let total = match sending {
        Sending::Rehearsed => format!("{events} would be sent, {}\n", units::size(sum(|row| row.bytes))),
        Sending::Wanted => format!("sent {events}\n"),
    };
    let table = if rows.is_empty() { String::new() } else { table.render() };
    text::stacked([table, if screen.detail == Detail::Little { String::new() } else { total }])
}
