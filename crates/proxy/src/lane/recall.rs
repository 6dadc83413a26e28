//! The lanes as a journal has them at a start.

use std::collections::HashMap;
use std::sync::Arc;

use journal::{Consumer, Journal, Seq};

use super::{Lane, LaneNumber, Tallies};

/// All lanes of a proxy, each with what is pending in it for each consumer.
pub(crate) fn recall(journal: &Journal, proxy: &str, consumers: &[Consumer], tallies: &Arc<Tallies>) -> Vec<Lane> {
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
