//! A sliding window over a stream: looking ahead without holding more than was asked for.

use std::io::{self, Read, Seek, SeekFrom};

use crate::Progress;

/// How much is read at once at least; a system call per record would cost more than the record.
const CHUNK: usize = 64 * 1024;

/// A stream whose next bytes can be looked at before they are passed.
///
/// Nothing is allocated ahead of what the stream really delivers, so a length found in hostile bytes costs no
/// memory beyond the bytes that are there; callers bound what they [`peek`](Window::peek) at.
pub(crate) struct Window<R> {
    source: R,
    held: Vec<u8>,
    passed: usize,
    position: u64,
    ended: bool,
    failure: Option<io::Error>,
}

impl<R: Read> Window<R> {
    /// A window at the start of `source`.
    pub(crate) fn new(source: R) -> Self {
        Self { source, held: Vec::new(), passed: 0, position: 0, ended: false, failure: None }
    }

    /// Where the next byte lies in the stream.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next `len` bytes; fewer only where the stream ends or fails.
    #[inline]
    pub(crate) fn peek(&mut self, len: usize) -> &[u8] {
        let end = self.passed.saturating_add(len);
        if self.held.len() < end {
            self.fill(len);
        }
        let end = self.passed.saturating_add(len).min(self.held.len());
        self.held.get(self.passed..end).unwrap_or_default()
    }

    /// Passes `len` bytes that were peeked at.
    #[inline]
    pub(crate) fn skip(&mut self, len: usize) {
        let len = len.min(self.held.len() - self.passed);
        self.passed += len;
        self.position += len as u64;
    }

    /// Why the stream ended early, when it did; the bytes before that were handed out.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    /// Takes the failure out, to hand it on.
    pub(crate) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    #[cold]
    fn fill(&mut self, len: usize) {
        if self.ended {
            return;
        }
        self.held.drain(..self.passed);
        self.passed = 0;
        let missing = len.saturating_sub(self.held.len()).max(CHUNK);
        match self.source.by_ref().take(missing as u64).read_to_end(&mut self.held) {
            Ok(read) => self.ended = read < missing,
            Err(error) => {
                self.ended = true;
                self.failure = Some(error);
            }
        }
    }
}

/// A reader that counts what passes through it.
pub(crate) struct Counted<R> {
    source: R,
    progress: Progress,
}

impl<R: Read> Counted<R> {
    /// Counts into `progress`.
    pub(crate) fn new(source: R, progress: &Progress) -> Self {
        Self { source, progress: progress.clone() }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Delivers some bytes and then an error.
    struct Broken(&'static [u8]);

    impl Read for Broken {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("broken"));
            }
            self.0.read(into)
        }
    }

    #[test]
    fn peeking_does_not_move_and_skipping_does() {
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        let mut window = Window::new(bytes.as_slice());
        assert_eq!(window.peek(3), [0, 1, 2]);
        assert_eq!(window.peek(150_000).len(), 150_000);
        window.skip(150_000);
        assert_eq!(window.position(), 150_000);
        assert_eq!(window.peek(usize::MAX), &bytes[150_000..]);
    }

    #[test]
    fn what_a_failing_stream_delivered_is_handed_out_before_its_failure() {
        let mut window = Window::new(Broken(b"abc"));
        assert_eq!(window.peek(10), b"abc");
        assert_eq!(window.failure().map(ToString::to_string).as_deref(), Some("broken"));
    }

    #[test]
    fn a_huge_request_takes_no_more_memory_than_there_are_bytes() {
        let mut window = Window::new([7u8; 10].as_slice());
        assert_eq!(window.peek(usize::MAX).len(), 10);
        assert!(window.held.capacity() < 2 * CHUNK);
    }
}
