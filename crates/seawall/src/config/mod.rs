//! The configuration, in two stages: what was written, in a file and in the environment, and what it means.
//!
//! * [`key`] is what can be written: sections of keys, each with its kind, its default and what it is for. Parsing, errors,
//!   the environment's names, `config show`, the schema and `docs/configuration.md` all come from these lists.
//! * [`written`] is what was written, each value with the place that it comes from.
//! * Each section has a file of its own, with its keys and with the type that holds what they mean. A value of that type
//!   cannot be invalid: nothing is opened or bound before it exists.

mod alert;
mod alone;
mod edition;
mod follow;
mod front;
mod journal;
mod key;
mod log;
mod name;
mod nearby;
mod nearest;
mod pem;
mod problem;
mod reader;
mod schema;
mod secret;
mod server;
mod share;
mod ship;
mod watched;
mod written;

use std::path::PathBuf;
use std::sync::Arc;

use ::watch::alert::Sender;

pub(crate) use edition::Change;
use edition::changes;
pub(crate) use front::ProxySettings;
pub(crate) use journal::{Archiving, JournalSettings};
pub(crate) use key::Reload;
pub(crate) use log::{Level, LogForm, LogSettings};
pub(crate) use nearby::{Door, Nearby};
pub(crate) use problem::Problem;
use reader::Reader;
pub(crate) use schema::schema;
pub(crate) use secret::Token;
pub(crate) use server::{Mode, Reads, ServerSettings};
pub(crate) use ship::ShipSettings;
use written::Entry;
pub(crate) use written::{Origin, Sources, Table, Written};

/// Every section, in the order in which they are shown.
pub(crate) const SECTIONS: [&key::Section; 7] = [
    &server::SECTION,
    &journal::SECTION,
    &watched::SECTION,
    &ship::SECTION,
    &front::SECTION,
    &alert::SECTION,
    &log::SECTION,
];

/// What the daemon is to do.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    /// `[server]`
    pub(crate) server: ServerSettings,
    /// `[journal]`
    pub(crate) journal: JournalSettings,
    /// `[[ship]]`, each.
    pub(crate) ships: Vec<ShipSettings>,
    /// `[[watch]]`, each.
    pub(crate) targets: Vec<watch::Target>,
    /// `[[proxy]]`, each.
    pub(crate) proxies: Vec<ProxySettings>,
    /// `[[alert]]`, each.
    pub(crate) alerts: Vec<Arc<Sender>>,
    /// `[log]`
    pub(crate) log: LogSettings,
    /// Where all of it comes from.
    pub(crate) written: Written,
}

impl Config {
    /// Reads and understands all sources, or says everything that is wrong with them.
    pub(crate) fn load(sources: &Sources) -> Result<Self, Vec<Problem>> {
        let (written, problems) = Written::read(sources);
        Self::understand(written, sources, problems)
    }

    /// Reads all sources again, for a daemon that runs with this configuration: what it can take, and what is different. What
    /// needs a restart stays as it is, and the rest has to make sense with that.
    pub(crate) fn reload(&self, sources: &Sources) -> Result<(Self, Vec<Change>), Vec<Problem>> {
        let new = Self::load(sources)?;
        let changes = changes(&self.written, &new.written);
        let written = new.written.taken_by(&self.written);
        Ok((Self::understand(written, sources, Vec::new())?, changes))
    }

    fn understand(
        written: Written,
        sources: &Sources,
        mut problems: Vec<Problem>,
    ) -> Result<Self, Vec<Problem>> {
        let server = server::understand(&written, &mut problems);
        let journal = journal::understand(&written, &sources.environment, &mut problems);
        let ships = ship::understand(&written, &mut problems);
        let targets = watched::understand(&written, &sources.environment, &mut problems);
        let proxies = front::understand(&written, journal.as_ref(), &mut problems);
        let alerts = alert::understand(&written, &mut problems);
        let log = log::understand(&written, &mut problems);
        match (server, journal, (ships, targets, proxies), (alerts, log)) {
            (
                Some(server),
                Some(journal),
                (Some(ships), Some(targets), Some(proxies)),
                (Some(alerts), Some(log)),
            ) if problems.is_empty() => {
                let file = written.file.clone();
                Ok(Self { file, server, journal, ships, targets, proxies, alerts, log, written })
            }
            _ => Err(problems),
        }
    }
}

#[cfg(test)]
mod tests;
