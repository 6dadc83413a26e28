//! Which server has which name: a name has a backlog and a position in every lane, so that what is called otherwise than
//! before would get what another one lacks.

use journal::Journal;

use crate::error::StartError;
use crate::known::{Known, Lesson};
use crate::settings::{Feed, Settings};

/// Under which word the address of a server is known.
const PREFIX: &str = "seawall/server/";

/// The name of a server's consumer.
pub(crate) fn consumer(proxy: &str, server: &str) -> String {
    format!("proxy/{proxy}/{server}")
}

/// Refuses a server that had another name until now, and says what is new about the others.
pub(crate) fn changes(
    settings: &Settings,
    known: &Known,
    journal: &Journal,
) -> Result<Vec<Lesson>, StartError> {
    let before = known.beginning(PREFIX, usize::MAX);
    let mut lessons = Vec::new();
    for server in settings.upstreams.iter().filter(|server| server.feed == Feed::Journal) {
        let (key, address) = (format!("{PREFIX}{}", server.name), server.origin.to_string());
        let lies_there = |known: &&(String, std::sync::Arc<str>)| *known.1 == *address;
        if before.iter().filter(lies_there).any(|(known, _)| *known == key) {
            continue;
        }
        // One whose consumer was dropped has no backlog that could be another's.
        let names = before.iter().filter(lies_there).filter_map(|(known, _)| known.strip_prefix(PREFIX));
        let mut names = names.filter(|name| journal.find_consumer(&consumer(&settings.name, name)).is_some());
        if let Some(before) = names.next() {
            let (name, before) = (server.name.clone(), before.to_owned());
            return Err(StartError::Renamed { name, address, before });
        }
        lessons.push(Lesson::Put { key, value: address });
    }
    Ok(lessons)
}
