//! Lines from a descriptor as they arrive: without waiting for more than the next one, until a deadline, or until the
//! process is told to end. In memory is one line, or a buffer of many, whatever comes.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGTERM};

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// Tells when the process is to end.
pub(crate) struct Ending(UnixStream);

impl Ending {
    /// From here on, SIGINT and SIGTERM do not end the process by themselves.
    pub(crate) fn watch() -> io::Result<Self> {
        let (told, teller) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            signal_hook::low_level::pipe::register(signal, teller.try_clone()?)?;
        }
        Ok(Self(told))
    }
}

/// Why there is no further line now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// There is none yet, and the deadline has passed.
    Late,
    /// The input has ended, and with it the last line.
    Ended,
    /// The process is to end.
    Told,
    /// The line is longer than is allowed.
    TooLong,
}

/// Lines as they arrive.
pub(crate) struct Lines {
    source: File,
    ending: Ending,
    /// What was read; what lies before `start` was handed out.
    buffer: Vec<u8>,
    start: usize,
    /// Up to here there is no end of a line.
    searched: usize,
    longest: usize,
    has_ended: bool,
}

impl Lines {
    /// The lines of `source`, of at most `longest` bytes each.
    pub(crate) fn new(source: OwnedFd, ending: Ending, longest: usize) -> Self {
        let source = File::from(source);
        Self { source, ending, buffer: Vec::new(), start: 0, searched: 0, longest, has_ended: false }
    }

    /// The next line, without its end; waits for it until the deadline, or for ever where there is none.
    pub(crate) fn next(&mut self, deadline: Option<Instant>) -> io::Result<Result<&[u8], Pause>> {
        loop {
            if let Some(end) = self.end_of_line() {
                let line = self.start..end;
                self.start = end + 1;
                self.searched = self.start;
                return Ok(self.buffer.get(line).ok_or(Pause::TooLong));
            }
            let waiting = self.buffer.len() - self.start.min(self.buffer.len());
            if waiting > self.longest {
                return Ok(Err(Pause::TooLong));
            }
            if self.has_ended {
                let rest = self.start..self.buffer.len();
                self.start = self.buffer.len();
                return Ok(if waiting == 0 {
                    Err(Pause::Ended)
                } else {
                    Ok(self.buffer.get(rest).unwrap_or_default())
                });
            }
            if let Err(pause) = self.wait(deadline)? {
                return Ok(Err(pause));
            }
            self.fill()?;
        }
    }

    /// All that is left as one piece of at most the longest line's bytes.
    pub(crate) fn rest(&mut self) -> io::Result<Result<&[u8], Pause>> {
        while !self.has_ended {
            if self.buffer.len() - self.start > self.longest {
                return Ok(Err(Pause::TooLong));
            }
            if let Err(pause) = self.wait(None)? {
                return Ok(Err(pause));
            }
            self.fill()?;
        }
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        Ok(if rest.len() > self.longest { Err(Pause::TooLong) } else { Ok(rest) })
    }

    /// Whether the process is told to end, waiting for that at most so long.
    pub(crate) fn is_told_within(&self, span: Duration) -> io::Result<bool> {
        let mut told = [PollFd::from_borrowed_fd(self.ending.0.as_fd(), PollFlags::IN)];
        match poll(&mut told, Some(&timespec(span))) {
            Err(Errno::INTR) => Ok(false),
            ready => Ok(ready? > 0),
        }
    }

    /// Where the next line ends, if its end is here.
    fn end_of_line(&mut self) -> Option<usize> {
        let found = self.buffer.get(self.searched..)?.iter().position(|&byte| byte == b'\n');
        let end = found.map(|at| self.searched + at);
        self.searched = end.unwrap_or(self.buffer.len());
        // One that is too long is so however it arrives.
        end.filter(|end| end - self.start <= self.longest)
    }

    /// Waits until there is something to read, or no more.
    fn wait(&self, deadline: Option<Instant>) -> io::Result<Result<(), Pause>> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(crate::clock::instant()));
            let mut both = [
                PollFd::from_borrowed_fd(self.ending.0.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.source.as_fd(), PollFlags::IN),
            ];
            let ready = match poll(&mut both, left.map(timespec).as_ref()) {
                Err(Errno::INTR) => continue,
                ready => ready?,
            };
            let [told, _] = &both;
            return Ok(match told.revents().is_empty() {
                false => Err(Pause::Told),
                true if ready == 0 => Err(Pause::Late),
                true => Ok(()),
            });
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + CHUNK, 0);
        let read = self.source.read(self.buffer.get_mut(before..).unwrap_or_default());
        let taken = match &read {
            Ok(taken) => *taken,
            Err(_) => 0,
        };
        self.buffer.truncate(before + taken);
        match read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
            Ok(taken) => {
                self.has_ended = taken == 0;
                Ok(())
            }
        }
    }
}

fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: span.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::OwnedFd;

    use super::*;
    use crate::clock;

    fn lines(longest: usize) -> (io::PipeWriter, UnixStream, Lines) {
        let (reader, writer) = io::pipe().unwrap();
        let (told, teller) = UnixStream::pair().unwrap();
        (writer, teller, Lines::new(OwnedFd::from(reader), Ending(told), longest))
    }

    fn text(next: io::Result<Result<&[u8], Pause>>) -> Result<String, Pause> {
        next.unwrap().map(|line| String::from_utf8(line.to_vec()).unwrap())
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_needs_no_end() {
        let (mut writer, _teller, mut lines) = lines(100);
        writer.write_all(b"one\n\ntwo\r\nthree").unwrap();
        drop(writer);
        for line in ["one", "", "two\r", "three"] {
            assert_eq!(text(lines.next(None)).as_deref(), Ok(line));
        }
        assert_eq!(text(lines.next(None)), Err(Pause::Ended));
        assert_eq!(text(lines.next(None)), Err(Pause::Ended));
    }

    #[test]
    fn a_line_that_is_not_whole_is_waited_for_until_the_deadline() {
        let (mut writer, _teller, mut lines) = lines(100);
        writer.write_all(b"on").unwrap();
        assert_eq!(text(lines.next(Some(clock::instant()))), Err(Pause::Late));
        writer.write_all(b"e\ntw").unwrap();
        assert_eq!(text(lines.next(None)).as_deref(), Ok("one"));
        assert_eq!(text(lines.next(Some(clock::instant()))), Err(Pause::Late));
    }

    #[test]
    fn a_line_may_be_as_long_as_is_allowed_and_no_longer() {
        let (mut writer, _teller, mut lines) = lines(3);
        writer.write_all(b"abc\nabcd\nx\n").unwrap();
        assert_eq!(text(lines.next(None)).as_deref(), Ok("abc"));
        assert_eq!(text(lines.next(None)), Err(Pause::TooLong));
        assert_eq!(text(lines.next(None)), Err(Pause::TooLong));
    }

    #[test]
    fn whoever_is_told_to_end_waits_no_longer() {
        let (_writer, mut teller, mut lines) = lines(3);
        teller.write_all(b"x").unwrap();
        assert_eq!(text(lines.next(None)), Err(Pause::Told));
    }

    #[test]
    fn the_rest_is_one_piece() {
        let (mut writer, _teller, mut lines) = lines(9);
        writer.write_all(b"a\nb\0c\n").unwrap();
        drop(writer);
        assert_eq!(text(lines.rest()).as_deref(), Ok("a\nb\0c\n"));
    }
}
