//! What clients have not read yet: it takes memory, of which there is so much for all of them, and time, of which each has so
//! much.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};

use super::answer::Refusal;
use super::body::kibibytes;

/// Bytes of answers that may wait for their clients: sixteen of the largest pages of events.
pub(super) const MOST_UNREAD: usize = 64 << 20;

/// Bytes of an answer that are not counted. Each connection may hold as much.
const UNCOUNTED: usize = 64 << 10;

/// Bytes on their way to a client, and the room that they take until the last of them is written.
struct Held<B, R> {
    bytes: B,
    _room: R,
}

impl<B: AsRef<[u8]>, R> AsRef<[u8]> for Held<B, R> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

/// Bytes that hold a room until they are written, or their connection has ended.
pub(super) fn holding<R: Send + 'static>(bytes: impl AsRef<[u8]> + Send + 'static, room: R) -> Bytes {
    Bytes::from_owner(Held { bytes, _room: room })
}

/// The bytes of an answer within the room of all of them.
pub(super) fn within(bytes: Bytes, rooms: &Arc<Semaphore>) -> Result<Bytes, Refusal> {
    if bytes.len() <= UNCOUNTED {
        return Ok(bytes);
    }
    // One that is larger than all the room has it alone.
    let units = kibibytes(bytes.len()).min(kibibytes(MOST_UNREAD));
    match Arc::clone(rooms).try_acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX)) {
        Ok(room) => Ok(holding(bytes, room)),
        Err(_) => {
            let message = format!(
                "answers that their clients have not read yet take {} MiB together",
                MOST_UNREAD >> 20
            );
            let busy = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
            Err(busy.hint("try again in a second, or ask for less at once").retry_after(1))
        }
    }
}

/// A connection that ends when its client does not take what it is sent.
pub(super) struct Taken<IO> {
    stream: IO,
    patience: Duration,
    /// Runs while the client takes nothing.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<IO> Taken<IO> {
    /// A client may take nothing for so long.
    pub(super) const fn within(stream: IO, patience: Duration) -> Self {
        Self { stream, patience, waiting: None }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        let cause = format!("the client has read nothing for {patience:?}");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, cause)))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Taken<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Taken<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::runtime::Builder;

    use super::*;

    fn run<T>(what: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
    }

    #[test]
    fn a_client_that_reads_nothing_is_let_go_of() {
        run(async {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let mut ours = Taken::within(ours, Duration::from_millis(20));
            let error = ours.write_all(&vec![0; 8 << 20]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            drop(theirs);
        });
    }

    #[test]
    fn a_client_that_reads_now_and_then_gets_all() {
        run(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let mut ours = Taken::within(ours, Duration::from_mins(1));
            let writing = async {
                ours.write_all(&vec![7; 8 << 20]).await.unwrap();
                drop(ours);
            };
            let reading = async {
                let mut all = Vec::new();
                theirs.read_to_end(&mut all).await.unwrap();
                all.len()
            };
            assert_eq!(tokio::join!(writing, reading).1, 8 << 20);
        });
    }

    #[test]
    fn answers_have_so_much_room_together_until_they_are_dropped() {
        let rooms = Arc::new(Semaphore::new(kibibytes(MOST_UNREAD)));
        let half = || Bytes::from(vec![0; MOST_UNREAD / 2]);
        let first = within(half(), &rooms).unwrap();
        let part = first.slice(1..2);
        let second = within(half(), &rooms).unwrap();
        assert_eq!(within(half(), &rooms).unwrap_err().code, "busy");
        assert!(within(Bytes::from(vec![0; UNCOUNTED]), &rooms).is_ok(), "what is small is answered always");
        drop(first);
        assert!(within(half(), &rooms).is_err(), "a part of it is not written yet");
        drop(part);
        assert!(within(half(), &rooms).is_ok());
        drop(second);
        assert!(
            within(Bytes::from(vec![0; MOST_UNREAD + 1]), &rooms).is_ok(),
            "one that is too large has all"
        );
    }
}
