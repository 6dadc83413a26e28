//! Parked events, as people read them.

use formats::UnixTime;
use journal::Event;

use super::paint::paint;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::{text, units};
use crate::commands::parked::{Aside, GivingUp};

/// How many ids a plan names.
const NAMED: usize = 20;

/// How much of an event is shown.
const SHOWN: usize = 4096;

/// A list of them.
pub(crate) fn parked(all: &[Aside], screen: &Screen) -> String {
    if all.is_empty() {
        return if screen.detail == Detail::Little {
            String::new()
        } else {
            "nothing is parked\n".to_owned()
        };
    }
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
    table.titles(screen.theme.dim, &["EVENT", "PARKED (UTC)", "REASON"]);
    for aside in all {
        table.row([
            Cell::plain(units::safe(&aside.place().id())),
            Cell::plain(units::time(UnixTime::from_millis(aside.event.since.get()))),
            Cell::plain(units::safe(&aside.event.reason)),
        ]);
    }
    table.render()
}

/// One with what is in it.
pub(crate) fn parked_event(aside: &Aside, event: Option<&Event>, screen: &Screen) -> String {
    let label = |text: &str| paint(screen.theme.dim, &format!("{text:<10}"));
    let mut lines = vec![
        format!("{}{}", label("event"), units::safe(&aside.place().id())),
        format!("{}{}", label("reason"), units::safe(&aside.event.reason)),
        format!("{}{}", label("parked"), units::time(UnixTime::from_millis(aside.event.since.get()))),
    ];
    match event {
        None => lines.push(paint(screen.theme.bad, "what is in it is damaged")),
        Some(event) => {
            lines.push(format!(
                "{}{}",
                label("appended"),
                units::time(UnixTime::from_millis(event.time.get()))
            ));
            lines.push(format!("{}{}", label("size"), units::size(event.payload.len() as u64)));
            lines.push(String::new());
            let (shown, rest) = event.payload.split_at(event.payload.len().min(SHOWN));
            lines.extend(
                String::from_utf8_lossy(shown).lines().map(|line| format!("  {}", units::safe(line))),
            );
            if !rest.is_empty() {
                lines.push(format!("  {} {} more", screen.glyphs.more, units::size(rest.len() as u64)));
            }
        }
    }
    text::lines(&lines)
}

/// How many are delivered again.
pub(crate) fn requeued(count: u64, screen: &Screen) -> String {
    match count {
        _ if screen.detail == Detail::Little => String::new(),
        0 => "nothing is parked\n".to_owned(),
        count => format!("{} pending again\n", units::counted(count, "event is", "events are")),
    }
}

/// What is given up, or would be.
pub(crate) fn given_up(dropping: &GivingUp, screen: &Screen) -> String {
    let count = dropping.chosen.len() as u64;
    if count == 0 {
        return requeued(0, screen);
    }
    if let Some(path) = dropping.export.as_ref().filter(|_| dropping.applied) {
        let path = units::path(path);
        let events = units::counted(count, "event", "events");
        return format!("dropped {events}; the way back is `seawall import {path}`\n");
    }
    let named = dropping.chosen.iter().take(NAMED);
    let mut lines: Vec<String> =
        named.map(|aside| format!("  {}", units::safe(&aside.place().id()))).collect();
    if count > lines.len() as u64 {
        lines.push(format!("  {} {} more", screen.glyphs.more, units::count(count - lines.len() as u64)));
    }
    let events = units::counted(count, "event", "events");
    lines.push(format!("{events} would be given up, and written to a file first"));
    text::lines(&lines)
}
