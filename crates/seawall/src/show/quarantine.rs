//! What a quarantine holds, as people read it.

use std::path::Path;

use super::paint::paint;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::units;
use crate::commands::quarantine::{Entry, Pruning, State};

/// The changes of a log, the oldest first.
pub(crate) fn quarantine(root: &Path, entries: &[Entry], screen: &Screen) -> String {
    if entries.is_empty() {
        return format!("{} was never changed by Seawall\n", units::path(root));
    }
    let theme = &screen.theme;
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Right, Align::Left]);
    table.titles(theme.dim, &["RECEIPT", "MADE (UTC)", "HOLDS", ""]);
    for entry in entries {
        let (style, state) = match &entry.state {
            State::Done => (theme.dim, undoes(entry)),
            State::TakenBack { by } => (theme.dim, format!("taken back by {}", units::safe(by))),
            State::Unfinished => (theme.bad, "interrupted".to_owned()),
        };
        let made = entry.receipt.as_ref().map_or(String::new(), |receipt| units::time(receipt.made));
        table.row([
            Cell::plain(units::safe(&entry.id)),
            Cell::plain(made),
            Cell::plain(units::size(entry.bytes)),
            Cell::new(style, state),
        ]);
    }
    table.render()
}

fn undoes(entry: &Entry) -> String {
    let undoes = entry.receipt.as_ref().and_then(|receipt| receipt.undoes.as_deref());
    undoes.map_or(String::new(), |id| format!("takes back {}", units::safe(id)))
}

/// What is removed for good, or would be.
pub(crate) fn pruning(pruning: &Pruning, screen: &Screen) -> String {
    if pruning.chosen.is_empty() {
        let quiet = screen.detail == Detail::Little;
        return if quiet { String::new() } else { "nothing to remove\n".to_owned() };
    }
    let count = units::counted(pruning.chosen.len() as u64, "change", "changes");
    let size = units::size(pruning.bytes());
    if pruning.applied {
        return format!("removed what {count} had replaced: {size} are free again\n");
    }
    let names = pruning.chosen.iter().map(|(receipt, bytes)| {
        format!("  {}  {}\n", units::safe(receipt), paint(screen.theme.dim, &units::size(*bytes)))
    });
    let names: String = names.collect();
    format!("{names}{count} could not be undone any more; that frees {size}\n")
}
