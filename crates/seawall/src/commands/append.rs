//! `seawall append`: lines from standard input become events, each acknowledged once it is on the disk.
//!
//! They go to the daemon that was named if it runs, and else into the journal. After whatever goes wrong, what is on the
//! disk is told line by line: it is all that a writer needs to go on.

mod books;
mod sending;

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::Instant;

use journal::{Journal, Seq, Stream, Ticket};
use serde_json::json;

use crate::cli::{AppendArgs, Cut, Form};
use crate::clock;
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure, Partly};
use crate::journals::lines::{Ending, Lines, Pause};
use crate::journals::{self, Access, Missing, imports};
use crate::show::progress::{Counter, IsTyped};
use crate::show::{self, Screen};
use books::{Books, Outcome, Untaken};
use sending::{Parcel, Sender};

/// Bytes of lines that share a write at most: a quarter of what the journal lets wait for the disk.
const BATCH_BYTES: usize = 8 << 20;

/// Bytes of lines that share a request to the daemon, which lets all its clients hold so much.
const PARCEL_BYTES: usize = 1 << 20;

/// Bytes of a line at most that the daemon is asked to take; it may take less, and says so.
const LONGEST_SENT: usize = 32 << 20;

/// Appends all of standard input.
pub(crate) fn run(args: &AppendArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let ending = Ending::watch().map_err(Failure::Input)?;
    let (taker, longest) = match journals::access(&args.journal, Missing::Make, screen)? {
        Access::Own(journal, directory) => {
            // What a kill has left of an import is looked up before anything else is there.
            imports::settle(&directory, &journal).map_err(JournalFailure::Disk)?;
            let stream = journal.stream(&args.stream).map_err(JournalFailure::Commit)?;
            let longest = usize::try_from(journal.max_event()).unwrap_or(usize::MAX);
            (Taker::Journal { journal, stream, tickets: Vec::new() }, longest)
        }
        Access::Daemon(client) => {
            let parcel = Parcel::of(args.cut);
            let patience = args.retry_for.duration();
            let sender = Sender::new((client, patience), &args.stream, *screen);
            (Taker::Daemon { sender: Box::new(sender), parcel }, LONGEST_SENT)
        }
    };
    let input = io::stdin().as_fd().try_clone_to_owned().map_err(Failure::Input)?;
    let is_typed = if io::stdin().is_terminal() { IsTyped::Yes } else { IsTyped::No };
    let mut intake = Intake {
        lines: Lines::new(input, ending, longest),
        taker,
        books: Books::new(&args.stream),
        form,
        counter: Counter::new(screen, is_typed),
    };
    if is_typed == IsTyped::Yes {
        show::hint(screen, "type events, one on each line; Ctrl-D ends");
    }
    let end = match args.cut {
        Cut::Whole => intake.whole(),
        Cut::Lines => intake.all(args),
    };
    let Intake { books, counter, .. } = intake;
    drop(counter);
    end.map_err(|stop| stop.told(&books, longest))?;
    if form == Form::Text {
        show::print(&show::appended(&books.stream, books.span(), books.durable, screen))?;
    }
    Ok(Exit::Fine)
}

/// Why no more is taken.
enum Stop {
    /// The process was told to end.
    Told,
    /// A line is too long.
    TooLong,
    /// The input could not be read.
    Input(io::Error),
    /// Whoever reads the acknowledgements is gone, or cannot take them.
    Output(Failure),
    /// Some of the last batch were not taken.
    Refused(Untaken),
}

/// Who takes lines.
enum Taker {
    /// The journal, where they are on their way at once.
    Journal { journal: Journal, stream: Stream, tickets: Vec<Ticket<Seq>> },
    /// The daemon, which gets them together.
    Daemon { sender: Box<Sender>, parcel: Parcel },
}

impl Taker {
    /// Takes one more into the batch.
    fn take(&mut self, line: &[u8]) {
        match self {
            Taker::Journal { journal, stream, tickets } => tickets.push(journal.append(stream, line)),
            Taker::Daemon { parcel, .. } => parcel.add(line),
        }
    }

    /// How much a batch takes.
    fn room(&self) -> usize {
        match self {
            Taker::Journal { .. } => BATCH_BYTES,
            Taker::Daemon { .. } => PARCEL_BYTES,
        }
    }

    /// Waits until the batch is on the disk.
    fn settle(&mut self, lines: &Lines) -> Vec<Outcome> {
        match self {
            Taker::Journal { tickets, .. } => {
                tickets.drain(..).map(|ticket| ticket.wait().map_err(Untaken::from)).collect()
            }
            Taker::Daemon { sender, parcel } => sender.send(parcel.take(), lines),
        }
    }
}

/// An intake at work.
struct Intake {
    lines: Lines,
    taker: Taker,
    books: Books,
    form: Form,
    counter: Counter,
}

impl Intake {
    fn all(&mut self, args: &AppendArgs) -> Result<(), Stop> {
        loop {
            let pause = self.gather(args)?;
            self.settle()?;
            match pause {
                Some(Pause::Ended) => return Ok(()),
                Some(Pause::Told) => return Err(Stop::Told),
                Some(Pause::TooLong) => return Err(Stop::TooLong),
                Some(Pause::Late) | None => {}
            }
        }
    }

    fn whole(&mut self) -> Result<(), Stop> {
        match self.lines.rest().map_err(Stop::Input)? {
            Ok(event) => self.taker.take(event),
            Err(Pause::Told) => return Err(Stop::Told),
            Err(_) => return Err(Stop::TooLong),
        }
        self.settle()
    }

    /// The lines of the next batch are on their way, and why it has no more of them.
    fn gather(&mut self, args: &AppendArgs) -> Result<Option<Pause>, Stop> {
        let (mut count, mut bytes) = (0, 0);
        // The first line is waited for, and then as long as was asked for.
        let mut deadline: Option<Instant> = None;
        while count < args.batch_size.get() && bytes < self.taker.room() {
            match self.lines.next(deadline) {
                Ok(Ok(line)) => {
                    bytes += line.len();
                    count += 1;
                    self.taker.take(line);
                }
                Ok(Err(pause)) => return Ok(Some(pause)),
                // What came before it is not given up.
                Err(error) => return self.settle().and(Err(Stop::Input(error))),
            }
            deadline.get_or_insert_with(|| {
                clock::instant() + args.flush_interval.map(crate::spans::Span::duration).unwrap_or_default()
            });
        }
        Ok(None)
    }

    /// Waits until the batch is on the disk, and says so.
    fn settle(&mut self) -> Result<(), Stop> {
        let outcomes = self.taker.settle(&self.lines);
        let acknowledged = self.books.enter(&outcomes);
        self.counter.set(self.books.durable);
        if self.form == Form::Json {
            for (first, last) in acknowledged {
                let line = json!({"stream": self.books.stream, "first": first.get(), "last": last.get()});
                show::print(&format!("{line}\n")).map_err(Stop::Output)?;
            }
        }
        outcomes.into_iter().find_map(Result::err).map_or(Ok(()), |untaken| Err(Stop::Refused(untaken)))
    }
}

impl Stop {
    /// The failure that this is, with what became of every line.
    fn told(self, books: &Books, longest: usize) -> Failure {
        let (cause, code) = match self {
            Stop::Told => ("told to end before the input did".to_owned(), "interrupted"),
            Stop::TooLong => {
                let line = books.lines() + 1;
                (format!("line {line} is longer than an event may be, which is {longest} bytes"), "too-large")
            }
            Stop::Input(error) => (format!("failed to read the input: {error}"), "unreadable"),
            Stop::Output(failure) => (failure.to_string(), failure.code()),
            Stop::Refused(untaken) => (untaken.cause, untaken.code),
        };
        JournalFailure::Partly(Partly { cause, code, books: books.told() }).into()
    }
}
