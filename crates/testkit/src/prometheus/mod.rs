//! Real Prometheus servers: start one on a data directory, ask it, stop it, see how it replayed its log.

mod error;
mod replay;
mod served;
mod server;
mod writer;

use std::path::PathBuf;

pub use error::DriveError;
pub use replay::Replay;
pub use served::{Content, Labels, Sample, assert_same, difference};
pub use server::{Server, Setup};
pub use writer::BenchSize;

use crate::peers::{Peer, need_peer};

/// One version of Prometheus on this machine, with its `promtool`.
#[derive(Clone, Debug)]
pub struct Prometheus {
    peer: Peer,
}

impl Prometheus {
    /// Every version that is here, oldest first.
    pub fn versions() -> Vec<Self> {
        let mut found: Vec<_> = Peer::all().into_iter().filter_map(Self::from_peer).collect();
        found.sort_by_key(|prometheus| numbers(prometheus.version()));
        found
    }

    /// The version that a test needs, with as much of its number as matters; noted as a skip when it is not here.
    pub fn need(version: &str) -> Option<Self> {
        need_peer(&format!("prometheus-{version}")).and_then(Self::from_peer)
    }

    fn from_peer(peer: Peer) -> Option<Self> {
        peer.name().starts_with("prometheus-").then_some(Self { peer })
    }

    /// The whole version number.
    pub fn version(&self) -> &str {
        self.peer.name().trim_start_matches("prometheus-")
    }

    /// Prepares a server on a data directory. Nothing runs before [`Setup::start`].
    pub fn on(&self, data: impl Into<PathBuf>) -> Setup<'_> {
        Setup::new(self, data.into())
    }
}

/// The version's numbers, since as text 2.9 would come after 2.53.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(numbers("2.9.1") < numbers("2.53.0"));
        assert!(numbers("2.53.3") < numbers("3.5.0"));
    }
}
