//! Idle connections of one thread to one server. The one that was used last is used first, so that the others grow old
//! and are closed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;

/// Connections that are kept, for each thread and server. More are closed after their answer.
const MOST_IDLE: usize = 256;

pub(crate) struct Pool {
    idle: Mutex<VecDeque<(Instant, Box<Connection>)>>,
    keep: Duration,
}

impl Pool {
    pub(crate) fn new(keep: Duration) -> Self {
        Self { idle: Mutex::new(VecDeque::new()), keep }
    }

    /// An idle connection that seems to be open.
    pub(crate) fn take(&self) -> Option<Box<Connection>> {
        loop {
            let mut connection = self.newest()?;
            if connection.is_open() {
                return Some(connection);
            }
        }
    }

    fn newest(&self) -> Option<Box<Connection>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while idle.front().is_some_and(|(since, _)| since.elapsed() > self.keep) {
            idle.pop_front();
        }
        idle.pop_back().map(|(_, connection)| connection)
    }

    pub(super) fn give_back(&self, connection: Box<Connection>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= MOST_IDLE {
            idle.pop_front();
        }
        idle.push_back((Instant::now(), connection));
    }
}
