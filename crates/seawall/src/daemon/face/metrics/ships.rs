//! Figures of the ships, each by its name.

use ship::{State, Status, Totals, View};

use super::exposition::{Kind, Page};
use crate::daemon::face::ships::word;

/// What is counted: its name, what it is, and where it is found.
type Counter = (&'static str, &'static str, fn(&Totals) -> u64);

const COUNTERS: [Counter; 7] = [
    ("delivered_events", "Events that the server has said it has.", |totals| totals.delivered),
    ("delivered_bytes", "Bytes of those events.", |totals| totals.delivered_bytes),
    ("parked_events", "Events that were put aside.", |totals| totals.parked),
    ("requests", "Requests that were made.", |totals| totals.requests),
    ("retries", "Requests with a batch that had been sent before.", |totals| totals.retries),
    ("failures", "Requests that did not end with the batch being taken.", |totals| totals.failures),
    ("refusals", "Requests that were answered by refusing the batch.", |totals| totals.refused),
];

/// How old what waits has become.
const OLDEST: &str = "seawall_ship_oldest_pending_seconds";

/// All of them.
pub(super) fn write(page: &mut Page, views: &[View], ages: &[Option<f64>]) {
    let all: Vec<(&str, Status)> = views.iter().map(|view| (view.name(), view.status())).collect();
    let retries: u64 = all.iter().map(|(_, status)| status.totals.retries).sum();
    page.one("wal_retries_total", Kind::Counter, "Batches that were sent to a server again.", retries);
    for (what, help, value) in COUNTERS {
        let name = format!("seawall_ship_{what}_total");
        page.family(&name, Kind::Counter, help);
        for (ship, status) in &all {
            page.sample(&name, &[("ship", ship)], value(&status.totals));
        }
    }
    let mut gauge = |name: &str, help: &str, value: fn(&Status) -> u64| {
        page.family(name, Kind::Gauge, help);
        for (ship, status) in &all {
            page.sample(name, &[("ship", ship)], value(status));
        }
    };
    gauge("seawall_ship_in_flight_requests", "Requests on their way.", |status| status.in_flight);
    gauge("seawall_ship_waiting_streams", "Streams that wait by themselves.", |status| status.waiting_count);
    gauge(
        "seawall_ship_blocked_streams",
        "Streams that wait for an event that the server refuses.",
        |status| status.blocked_count,
    );
    page.family(OLDEST, Kind::Gauge, "How long ago the oldest event came that is not delivered.");
    for ((ship, _), age) in all.iter().zip(ages) {
        // Where nothing waits, nothing is old.
        if let Some(age) = age {
            page.sample(OLDEST, &[("ship", ship)], age);
        }
    }
    page.family("seawall_ship_state", Kind::Gauge, "1 for what the ship does.");
    for (ship, status) in &all {
        for state in [State::Delivering, State::Held, State::Waiting] {
            let labels = [("ship", *ship), ("state", word(state))];
            page.sample("seawall_ship_state", &labels, u8::from(status.state == state));
        }
    }
}
