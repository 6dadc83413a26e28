//! Who is told of trouble, and whether that works.

use std::sync::Arc;

use watch::alert::Sender;

use super::screen::Screen;
use super::table::{Align, Cell, Table};
use super::units;
use crate::commands::alert::{Taken, Tried};

/// A line for each alert.
pub(crate) fn alerts(senders: &[Arc<Sender>], screen: &Screen) -> String {
    if senders.is_empty() {
        return "nobody is told: no [[alert]] is configured\n".to_owned();
    }
    let mut table = Table::new(&[Align::Left; 6]);
    table.titles(screen.theme.dim, &["ALERT", "KIND", "TO", "AT LEAST", "EVENTS", "TARGETS"]);
    for sender in senders {
        let route = &sender.rules.route;
        let events: Vec<&str> = route.topics.iter().map(|topic| topic.name()).collect();
        let targets: Vec<&str> = route.targets.iter().map(|pattern| pattern.0.as_str()).collect();
        let listed = |words: Vec<&str>| if words.is_empty() { "all".to_owned() } else { words.join(", ") };
        let cells = [
            sender.name.clone(),
            sender.channel.kind().to_owned(),
            sender.channel.place(),
            route.least.name().to_owned(),
            listed(events),
            listed(targets),
        ];
        table.row(cells.map(|text| Cell::plain(units::safe(&text))));
    }
    table.render()
}

/// A line for each alert that was tried.
pub(crate) fn tried(tried: &[Tried], screen: &Screen) -> String {
    let mut table = Table::new(&[Align::Left; 5]);
    table.titles(screen.theme.dim, &["ALERT", "KIND", "TO", "TEST", "ANSWER"]);
    for one in tried {
        let (taken, said) = one.outcome();
        let (style, word) = match taken {
            Taken::Yes => (screen.theme.good, "taken"),
            Taken::No => (screen.theme.bad, "not taken"),
        };
        let plain = |text: &str| Cell::plain(units::safe(text));
        let (kind, place) = (one.sender.channel.kind(), one.sender.channel.place());
        table.row([plain(&one.sender.name), plain(kind), plain(&place), Cell::new(style, word), plain(said)]);
    }
    table.render()
}
