//! Figures of those who are told of trouble. Their names are those of the configuration, so there are never many.

use watch::alert::Figures;

use super::exposition::{Kind, Page};

/// One of them.
type Figure = fn(&Figures) -> u64;

/// Adds them.
pub(super) fn write(page: &mut Page, all: &[Figures]) {
    let families: [(&str, Kind, &str, Figure); 6] = [
        ("seawall_alerts_sent_total", Kind::Counter, "Letters that were taken.", |one| one.tally.sent),
        ("seawall_alerts_failures_total", Kind::Counter, "Attempts that failed.", |one| one.tally.failed),
        ("seawall_alerts_lost_total", Kind::Counter, "Letters that were given up.", |one| one.tally.lost),
        (
            "seawall_alerts_overflow_total",
            Kind::Counter,
            "News that found no place, since there was too much trouble.",
            |one| one.tally.overflow,
        ),
        ("seawall_alerts_firing", Kind::Gauge, "Troubles that there are, of those that are told.", |one| {
            one.firing as u64
        }),
        ("seawall_alerts_waiting", Kind::Gauge, "Letters that wait, or are on their way.", |one| {
            one.waiting as u64
        }),
    ];
    for (name, kind, help, value) in families {
        page.family(name, kind, help);
        for one in all {
            page.sample(name, &[("alert", &one.name), ("kind", one.kind)], value(one));
        }
    }
}
