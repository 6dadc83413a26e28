//! A client's connection that may not stand still: neither before it has said what it speaks, nor while it is sent
//! something and does not take it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::patience::Patience;

/// What is no longer than this is written from one buffer, which costs the kernel less than several do.
const SMALL: usize = 4 << 10;
/// The preface of HTTP/2: so many bytes are read before it is certain which protocol it is.
const PREFACE: usize = 24;

pub(crate) struct Patient<IO> {
    stream: IO,
    /// Bytes of the preface that are still to come.
    unread: usize,
    opening: Patience,
    writing: Patience,
    /// Where small writes are put together.
    together: Vec<u8>,
}

impl<IO> Patient<IO> {
    pub(crate) fn new(stream: IO, header: Duration, stall: Duration) -> Self {
        let (opening, writing) = (Patience::new(header), Patience::new(stall));
        Self { stream, unread: PREFACE, opening, writing, together: Vec::new() }
    }
}

fn too_slow(what: &str, limit: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the client {what} for {limit:?}"))
}

impl<IO: AsyncRead + Unpin> AsyncRead for Patient<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.unread == 0 {
            return read;
        }
        if read.is_pending() {
            let limit = ready!(self.opening.poll(context));
            return Poll::Ready(Err(too_slow("said nothing", limit)));
        }
        self.unread = self.unread.saturating_sub(buffer.filled().len() - before);
        if self.unread == 0 {
            self.opening.rest();
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> Patient<IO> {
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing.rest();
            return written;
        }
        let limit = ready!(self.writing.poll(context));
        Poll::Ready(Err(too_slow("took nothing", limit)))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Patient<IO> {
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
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, together, .. } = &mut *self;
        let written = if slices.iter().map(|slice| slice.len()).sum::<usize>() <= SMALL {
            together.clear();
            slices.iter().for_each(|slice| together.extend_from_slice(slice));
            Pin::new(stream).poll_write(context, together)
        } else {
            Pin::new(stream).poll_write_vectored(context, slices)
        };
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
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, shut)
    }
}
