//! The lanes as a journal has them at a start.

use std::collections::HashMap;
use std::sync::Arc;

use journal::{CommitError, Consumer, Journal, Outcome, Seq};

use super::{Lane, LaneNumber, Tallies};

/// All lanes of a proxy, each with what is pending in it for each consumer.
pub(crate) fn recall(
    journal: &Journal,
    proxy: &str,
    consumers: &[Consumer],
    tallies: &Arc<Tallies>,
) -> Vec<Lane> {
    let streams = journal.streams().into_iter().map(|stream| (stream.name, stream.last));
    let last: HashMap<String, Option<Seq>> = streams.collect();
    let oldest = |consumer: &Consumer| -> HashMap<String, Seq> {
        let backlog = consumer.backlog().into_iter();
        backlog.map(|backlog| (backlog.stream.name().to_owned(), backlog.oldest)).collect()
    };
    let pending: Vec<HashMap<String, Seq>> = consumers.iter().map(oldest).collect();
    let lane = |number: LaneNumber| {
        let name = number.stream(proxy);
        let last = last.get(&name).copied().flatten().unwrap_or_default();
        let pending: Vec<Option<Seq>> = pending.iter().map(|of| of.get(&name).copied()).collect();
        Lane::new(number, proxy, (last, &pending), tallies)
    };
    LaneNumber::all().map(lane).collect()
}

/// Puts the first pending write of each lane aside: it may have been on its way when the process ended, and it may be sent
/// once only. Those behind it were not, since each is sent after the one before is settled.
pub(crate) fn park_heads(proxy: &str, consumers: &[Consumer]) -> Result<(), CommitError> {
    let prefix = LaneNumber::prefix(proxy);
    let reason = "whether it was applied is unknown: the proxy ended while it may have been on its way";
    for consumer in consumers {
        let backlog = consumer.backlog().into_iter();
        let tickets = backlog.filter(|backlog| backlog.stream.name().starts_with(&prefix)).map(|backlog| {
            consumer.settle(&backlog.stream, backlog.oldest, Outcome::Parked(reason.to_owned()))
        });
        let tickets: Vec<_> = tickets.collect();
        tickets.into_iter().try_for_each(journal::Ticket::wait)?;
    }
    Ok(())
}
