//! The body of an answer on its way in, and the connection that is free once it has ended.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::SizeHint;

use super::connection::{Connection, garbled};
use super::framing::{After, Framing, Piece};
use super::pool::Pool;

/// A body that comes from a server.
pub(crate) struct Arrival {
    /// Until the body has ended.
    connection: Option<Box<Connection>>,
    framing: Framing,
    after: After,
    pool: Arc<Pool>,
}

impl Arrival {
    pub(super) fn new(
        connection: Box<Connection>,
        (framing, after): (Framing, After),
        pool: &Arc<Pool>,
    ) -> Self {
        let mut arrival = Self { connection: Some(connection), framing, after, pool: Arc::clone(pool) };
        if framing.is_over() {
            arrival.end();
        }
        arrival
    }

    /// All of the body, if it came with its head.
    pub(crate) fn whole(&mut self) -> Option<Bytes> {
        let Framing::Length(left) = self.framing else { return None };
        let Some(connection) = &mut self.connection else { return Some(Bytes::new()) };
        if (connection.inbox.len() as u64) < left {
            return None;
        }
        let Ok(Piece::Data(whole)) = self.framing.take(&mut connection.inbox) else { return None };
        self.end();
        Some(whole)
    }

    pub(crate) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
            // The server may want the rest of the request before it goes on. If it has closed that side, it does not.
            if matches!(connection.poll_send(context), Poll::Ready(Err(_))) {
                connection.give_up();
                self.after = After::Closed;
            }
            match self.framing.take(&mut connection.inbox) {
                Ok(Piece::Data(data)) => {
                    if self.framing.is_over() {
                        self.end();
                    }
                    return Poll::Ready(Some(Ok(data)));
                }
                Ok(Piece::Over) => {
                    self.end();
                    return Poll::Ready(None);
                }
                Ok(Piece::Wanting) => {}
                Err(garbage) => return self.break_off(garbled(garbage)),
            }
            match ready!(connection.poll_fill(context)) {
                Ok(0) if self.framing == Framing::UntilClosed => {
                    self.framing = Framing::Length(0);
                    self.connection = None;
                    return Poll::Ready(None);
                }
                Ok(0) => return self.break_off(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) => return self.break_off(error),
            }
        }
    }

    fn break_off(&mut self, error: io::Error) -> Poll<Option<io::Result<Bytes>>> {
        self.connection = None;
        Poll::Ready(Some(Err(error)))
    }

    /// Gives the connection back, unless something is left on it.
    fn end(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.after == After::Kept
            && connection.is_sent()
            && connection.inbox.is_empty()
        {
            self.pool.give_back(connection);
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.framing.is_over()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match self.framing {
            Framing::Length(left) => SizeHint::with_exact(left),
            _ => SizeHint::default(),
        }
    }
}
