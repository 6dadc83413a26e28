//! `seawall streams`: what the journal holds, and what each consumer has left to do.

use std::collections::BTreeMap;

use journal::{Consumer, Journal, StreamInfo};

use crate::cli::{Form, StreamsArgs};
use crate::client;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::journals::{self, Access, Missing};
use crate::json;
use crate::show::{self, Screen};

/// A stream, and those who have something to do in it.
pub(crate) struct Row {
    pub(crate) info: StreamInfo,
    /// By the consumers' names.
    pub(crate) standings: Vec<Standing>,
}

/// What a consumer has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) consumer: String,
    pub(crate) pending: u64,
    pub(crate) parked: u64,
}

/// Shows the streams.
pub(crate) fn run(args: &StreamsArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let (rows, stats) = match journals::access(&args.journal, Missing::Refuse, screen)? {
        Access::Own(journal, _) => (rows(&journal), Some(journal.stats())),
        Access::Daemon(mut client) => (client::streams(&mut client)?, None),
    };
    match form {
        Form::Json => show::print(&json::lines(rows.iter().map(json::journal::stream)))?,
        Form::Text => show::print(&show::streams(&rows, stats.as_ref(), screen))?,
    }
    Ok(Exit::Fine)
}

/// Every stream, by name.
pub(crate) fn rows(journal: &Journal) -> Vec<Row> {
    let mut names = journal.consumers();
    names.sort();
    let consumers: Vec<Consumer> = names.iter().filter_map(|name| journal.find_consumer(name)).collect();
    let by_consumer: Vec<BTreeMap<String, Standing>> = consumers.iter().map(by_stream).collect();
    let mut streams = journal.streams();
    streams.sort_by(|a, b| a.name.cmp(&b.name));
    let row = |info: StreamInfo| {
        let of = |(consumer, streams): (&Consumer, &BTreeMap<String, Standing>)| {
            let none = || Standing { consumer: consumer.name().to_owned(), ..Standing::default() };
            streams.get(&info.name).cloned().unwrap_or_else(none)
        };
        let standings = consumers.iter().zip(&by_consumer).map(of).collect();
        Row { info, standings }
    };
    streams.into_iter().map(row).collect()
}

/// What a consumer has to do, by stream.
pub(crate) fn by_stream(consumer: &Consumer) -> BTreeMap<String, Standing> {
    let mut streams: BTreeMap<String, Standing> = BTreeMap::new();
    let none = || Standing { consumer: consumer.name().to_owned(), ..Standing::default() };
    for backlog in consumer.backlog() {
        streams.entry(backlog.stream.name().to_owned()).or_insert_with(none).pending = backlog.pending;
    }
    for parked in consumer.parked(usize::MAX) {
        streams.entry(parked.stream).or_insert_with(none).parked += 1;
    }
    streams
}
