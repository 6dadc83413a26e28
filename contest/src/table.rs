//! The table, as it stands in `docs/performance.md`.

use std::time::Duration;

use crate::round::{Order, Round, median};

pub(crate) fn head() {
    println!(
        "| bytes | writers | who | appends a second | of the bare loop | p50 | p99 | p99.9 | p99 of a sync | processor |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
}

/// A row for each contestant; the first is the limit.
pub(crate) fn rows(order: &Order, all: &[(&str, Vec<Round>)]) {
    let Some((_, limit)) = all.first() else { return };
    let limit = median(limit, |round| round.per_second);
    for (name, rounds) in all {
        let per_second = median(rounds, |round| round.per_second);
        let sync = median(rounds, |round| round.sync_p99).map_or(String::new(), shown);
        let cpu = median(rounds, |round| round.cpu).map_or(String::new(), shown);
        println!(
            "| {} | {} | {name} | {per_second:.0} | {:.2} | {} | {} | {} | {sync} | {cpu} |",
            order.payload.len(),
            order.writers,
            per_second / limit,
            shown(median(rounds, |round| round.median)),
            shown(median(rounds, |round| round.p99)),
            shown(median(rounds, |round| round.p999)),
        );
    }
}

fn shown(delay: Duration) -> String {
    let micros = delay.as_secs_f64() * 1e6;
    if micros < 10.0 {
        format!("{micros:.1} us")
    } else if micros < 1000.0 {
        format!("{micros:.0} us")
    } else {
        format!("{:.1} ms", micros / 1000.0)
    }
}
