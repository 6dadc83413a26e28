//! What a journal holds, as people read it.

use std::path::Path;

use journal::{Recovery, Seq, Stats};

use super::paint::paint;
use super::screen::{Detail, Screen, tell};
use super::table::{Align, Cell, Table};
use super::{text, units};
use crate::commands::consumers::{Fate, Leaving};
use crate::commands::streams::{Row, Standing};
use crate::json::journal::openness;

/// Says on standard error what a start has found, if it is anything.
pub(crate) fn recovery(recovery: &Recovery, directory: &Path, screen: &Screen) {
    let place = units::path(directory);
    let kept = |kept: &Option<String>| {
        kept.as_ref()
            .map_or(String::new(), |name| format!("; its bytes are in {place}/{}", units::safe(name)))
    };
    for damage in &recovery.damage {
        let what = format!(
            "damage in {place}, segment {}, bytes {} to {}: {} lost{}",
            damage.segment,
            damage.start,
            damage.end,
            units::counted(damage.lost_frames, "frame", "frames"),
            kept(&damage.kept)
        );
        tell(&format!("{} {what}\n", paint(screen.aside.bad, "seawall:")));
    }
    if let Some(cut) = recovery.cut.as_ref().filter(|_| screen.detail != Detail::Little) {
        let what =
            "the journal was not closed: what was being written, and nobody was told to be safe, is cut off";
        tell(&format!("seawall: {what}{}\n", kept(&cut.kept)));
    }
}

/// What was appended.
pub(crate) fn appended(stream: &str, span: Option<(Seq, Seq)>, count: u64, screen: &Screen) -> String {
    if screen.detail == Detail::Little {
        return String::new();
    }
    let stream = units::safe(stream);
    match span {
        None => format!("nothing to append to {stream}\n"),
        Some((first, last)) if first == last => format!("appended event {first} to {stream}\n"),
        Some((first, last)) => {
            let events = units::counted(count, "event", "events");
            format!("appended {events} to {stream}: {first} to {last}\n")
        }
    }
}

/// The streams, and what is in all of them together; a daemon does not tell the figures of its journal here.
pub(crate) fn streams(rows: &[Row], stats: Option<&Stats>, screen: &Screen) -> String {
    let theme = &screen.theme;
    let right = Align::Right;
    let mut table = Table::new(&[Align::Left, Align::Left, right, right, Align::Left, right, right]);
    table.titles(theme.dim, &["STREAM", "STATE", "LAST", "LIVE", "CONSUMER", "PENDING", "PARKED"]);
    for row in rows {
        let last = row.info.last.map_or(0, Seq::get);
        let own = [units::safe(&row.info.name), openness(row.info.openness).to_owned()];
        let own =
            own.into_iter().chain([units::count(last), units::count(row.info.live)]).collect::<Vec<_>>();
        let busy: Vec<&Standing> = row.standings.iter().filter(|one| one.pending + one.parked > 0).collect();
        let lines = busy.len().max(1);
        for line in 0..lines {
            let front = own.iter().map(|text| Cell::plain(if line == 0 { text.as_str() } else { "" }));
            let back = busy.get(line).map_or_else(Vec::new, |one| standing(one, screen));
            table.row(front.chain(back));
        }
    }
    let table = if rows.is_empty() { String::new() } else { table.render() };
    let totals = if screen.detail == Detail::Little { String::new() } else { totals(rows, stats, screen) };
    text::stacked([table, totals])
}

fn standing(one: &Standing, screen: &Screen) -> Vec<Cell> {
    let parked = if one.parked > 0 { screen.theme.warn } else { screen.theme.dim };
    vec![
        Cell::plain(units::safe(&one.consumer)),
        Cell::plain(units::count(one.pending)),
        Cell::new(parked, units::count(one.parked)),
    ]
}

fn totals(rows: &[Row], stats: Option<&Stats>, screen: &Screen) -> String {
    let streams = match rows.len() as u64 {
        0 => "no streams".to_owned(),
        count => units::counted(count, "stream", "streams"),
    };
    let live = rows.iter().map(|row| row.info.live).sum();
    let size = stats.map_or(String::new(), |stats| {
        format!(", {} in {}", units::size(stats.bytes), units::counted(stats.segments, "segment", "segments"))
    });
    let mut lines = vec![format!("{streams}, {}{size}", units::counted(live, "live event", "live events"))];
    if live > 0 && rows.iter().all(|row| row.standings.is_empty()) {
        lines.push("no consumer is registered, so everything is kept".to_owned());
    }
    let lost =
        stats.map(|stats| [(stats.lost_to_damage, "to damage"), (stats.lost_to_budget, "to the budget")]);
    for (count, to) in lost.into_iter().flatten().filter(|(count, _)| *count > 0) {
        let events = units::counted(count, "event was", "events were");
        lines.push(paint(screen.theme.bad, &format!("{events} lost {to}, ever")));
    }
    text::lines(&lines)
}

/// The consumers.
pub(crate) fn consumers(all: &[Standing], screen: &Screen) -> String {
    if all.is_empty() {
        return "no consumer is registered\n".to_owned();
    }
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right]);
    table.titles(screen.theme.dim, &["CONSUMER", "PENDING", "PARKED"]);
    all.iter().for_each(|one| table.row(standing(one, screen)));
    table.render()
}

/// A consumer that is unregistered, or would be.
pub(crate) fn leaving(leaving: &Leaving, screen: &Screen) -> String {
    let Leaving { standing, fate, export, applied } = leaving;
    let name = units::safe(&standing.consumer);
    if *applied {
        let back = export.as_ref().map_or(String::new(), |path| {
            format!("; the way back is `seawall import {}`", units::path(path))
        });
        return format!("unregistered {name}{back}\n");
    }
    let has = format!(
        "{name} has {} and {}",
        units::counted(standing.pending, "pending event", "pending events"),
        units::counted(standing.parked, "parked one", "parked ones")
    );
    let then = match fate {
        Fate::Kept => "It is the only consumer, so all of them are kept for the next one to come.",
        Fate::Released => {
            "Without it, those go that all others have settled. All of them would be written to a file first."
        }
    };
    text::lines(&[has + ".", paint(screen.theme.dim, then)])
}
