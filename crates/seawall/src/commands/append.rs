//! `seawall append`: lines from standard input become events, each acknowledged once it is on the disk.
//!
//! After whatever goes wrong, what is on the disk is told line by line: it is all that a writer needs to go on.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::Instant;

use journal::{CommitError, Journal, Seq, Stream, Ticket};
use serde_json::json;

use crate::cli::{AppendArgs, Cut, Form};
use crate::clock;
use crate::exit::Exit;
use crate::failure::{Failure, JournalFailure, Partly, commit_code};
use crate::journals::lines::{Ending, Lines, Pause};
use crate::journals::{self, Missing};
use crate::show::progress::{Counter, IsTyped};
use crate::show::{self, Screen, units};

/// Bytes of lines that share a write at most: a quarter of what the journal lets wait for the disk.
const BATCH_BYTES: usize = 8 << 20;

/// Appends all of standard input.
pub(crate) fn run(args: &AppendArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let ending = Ending::watch().map_err(Failure::Input)?;
    let journal = journals::open(&args.journal, Missing::Make, screen)?;
    let stream = journal.stream(&args.stream).map_err(JournalFailure::Commit)?;
    let input = io::stdin().as_fd().try_clone_to_owned().map_err(Failure::Input)?;
    let longest = usize::try_from(journal.max_event()).unwrap_or(usize::MAX);
    let is_typed = if io::stdin().is_terminal() { IsTyped::Yes } else { IsTyped::No };
    let mut intake = Intake {
        lines: Lines::new(input, ending, longest),
        journal: &journal,
        stream: &stream,
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
    /// The journal refused some of the last batch.
    Refused(CommitError),
}

/// An intake at work.
struct Intake<'i> {
    lines: Lines,
    journal: &'i Journal,
    stream: &'i Stream,
    books: Books,
    form: Form,
    counter: Counter,
}

impl Intake<'_> {
    fn all(&mut self, args: &AppendArgs) -> Result<(), Stop> {
        loop {
            let (tickets, pause) = self.gather(args)?;
            self.settle(tickets)?;
            match pause {
                Some(Pause::Ended) => return Ok(()),
                Some(Pause::Told) => return Err(Stop::Told),
                Some(Pause::TooLong) => return Err(Stop::TooLong),
                Some(Pause::Late) | None => {}
            }
        }
    }

    fn whole(&mut self) -> Result<(), Stop> {
        let ticket = match self.lines.rest().map_err(Stop::Input)? {
            Ok(event) => self.journal.append(self.stream, event),
            Err(Pause::Told) => return Err(Stop::Told),
            Err(_) => return Err(Stop::TooLong),
        };
        self.settle(vec![ticket])
    }

    /// The lines of the next batch on their way, and why it has no more of them.
    fn gather(&mut self, args: &AppendArgs) -> Result<(Vec<Ticket<Seq>>, Option<Pause>), Stop> {
        let mut tickets = Vec::new();
        let mut bytes = 0;
        // The first line is waited for, and then as long as was asked for.
        let mut deadline: Option<Instant> = None;
        while tickets.len() < args.batch_size.get() && bytes < BATCH_BYTES {
            match self.lines.next(deadline) {
                Ok(Ok(line)) => {
                    bytes += line.len();
                    tickets.push(self.journal.append(self.stream, line));
                }
                Ok(Err(pause)) => return Ok((tickets, Some(pause))),
                // What came before it is not given up.
                Err(error) => return self.settle(tickets).and(Err(Stop::Input(error))),
            }
            deadline.get_or_insert_with(|| {
                clock::instant() + args.flush_interval.map(crate::spans::Span::duration).unwrap_or_default()
            });
        }
        Ok((tickets, None))
    }

    /// Waits until the batch is on the disk, and says so.
    fn settle(&mut self, tickets: Vec<Ticket<Seq>>) -> Result<(), Stop> {
        let outcomes: Vec<Result<Seq, CommitError>> = tickets.into_iter().map(Ticket::wait).collect();
        let acknowledged = self.books.enter(&outcomes);
        self.counter.set(self.books.durable);
        if self.form == Form::Json {
            for (first, last) in acknowledged {
                let line = json!({"stream": self.books.stream, "first": first.get(), "last": last.get()});
                show::print(&format!("{line}\n")).map_err(Stop::Output)?;
            }
        }
        outcomes.into_iter().find_map(Result::err).map_or(Ok(()), |error| Err(Stop::Refused(error)))
    }
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    Durable,
    Refused,
    Unknown,
}

/// What became of all lines so far.
struct Books {
    stream: String,
    /// Events on the disk.
    durable: u64,
    first: Option<Seq>,
    last: Option<Seq>,
    /// What became of lines, in runs of their numbers.
    runs: Vec<(Became, u64, u64)>,
}

impl Books {
    fn new(stream: &str) -> Self {
        Self { stream: stream.to_owned(), durable: 0, first: None, last: None, runs: Vec::new() }
    }

    /// Enters the next lines, and says which events are on the disk: from one to another, mostly one run.
    fn enter(&mut self, outcomes: &[Result<Seq, CommitError>]) -> Vec<(Seq, Seq)> {
        let mut acknowledged: Vec<(Seq, Seq)> = Vec::new();
        for outcome in outcomes {
            let became = match outcome {
                Ok(seq) => {
                    match acknowledged.last_mut().filter(|(_, last)| last.next() == *seq) {
                        Some((_, last)) => *last = *seq,
                        None => acknowledged.push((*seq, *seq)),
                    }
                    self.durable += 1;
                    self.first.get_or_insert(*seq);
                    self.last = Some(*seq);
                    Became::Durable
                }
                Err(CommitError::Unknown(_)) => Became::Unknown,
                Err(_) => Became::Refused,
            };
            let line = self.lines() + 1;
            match self.runs.last_mut().filter(|(before, ..)| *before == became) {
                Some((_, _, last)) => *last = line,
                None => self.runs.push((became, line, line)),
            }
        }
        acknowledged
    }

    fn lines(&self) -> u64 {
        self.runs.last().map_or(0, |(_, _, last)| *last)
    }

    fn span(&self) -> Option<(Seq, Seq)> {
        self.first.zip(self.last)
    }

    /// One clause for each thing that may have become of lines.
    fn told(&self) -> Vec<String> {
        let clause = |became, what: &str| {
            let runs = self.runs.iter().filter(|(run, ..)| *run == became);
            let count: u64 = runs.clone().map(|(_, first, last)| last - first + 1).sum();
            let mut ranges = String::new();
            for (_, first, last) in runs {
                let comma = if ranges.is_empty() { "" } else { ", " };
                let range = if first == last { format!("{first}") } else { format!("{first} to {last}") };
                write!(ranges, "{comma}{range}").ok();
            }
            let (word, verb) = if count == 1 { ("line", "is") } else { ("lines", "are") };
            (count > 0).then(|| format!("{word} {ranges} {verb} {what}"))
        };
        let events = self.span().map_or(String::new(), |(first, last)| {
            let range =
                if first == last { format!("event {first}") } else { format!("events {first} to {last}") };
            format!("on the disk ({range} of {})", units::safe(&self.stream))
        });
        let clauses = [
            clause(Became::Durable, &events),
            clause(Became::Unknown, "on the disk or not, which is unknown"),
            clause(Became::Refused, "not on the disk"),
        ];
        let mut told: Vec<String> = clauses.into_iter().flatten().collect();
        if self.durable == 0 {
            let is_known = self.runs.iter().all(|(became, ..)| *became == Became::Refused);
            let certain = if is_known { "" } else { " for certain" };
            told.insert(0, format!("nothing is on the disk{certain}"));
        }
        told.push(format!("line {} and all behind it were not taken", self.lines() + 1));
        told
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
            Stop::Refused(error) => (error.to_string(), commit_code(&error)),
        };
        JournalFailure::Partly(Partly { cause, code, books: books.told() }).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_tell_lines_apart_by_what_became_of_them() {
        let mut books = Books::new("jobs");
        let refused = || Err(CommitError::OverBudget { limit: 9 });
        assert_eq!(books.enter(&[Ok(Seq::new(7)), Ok(Seq::new(8))]), [(Seq::new(7), Seq::new(8))]);
        assert_eq!(
            books.enter(&[Ok(Seq::new(9)), refused(), Ok(Seq::new(10))]),
            [(Seq::new(9), Seq::new(10))]
        );
        assert_eq!(
            books.told(),
            [
                "lines 1 to 3, 5 are on the disk (events 7 to 10 of jobs)",
                "line 4 is not on the disk",
                "line 6 and all behind it were not taken"
            ]
        );
    }

    #[test]
    fn where_nothing_is_on_the_disk_that_is_said() {
        let mut books = Books::new("jobs");
        books.enter(&[Err(CommitError::OverBudget { limit: 9 })]);
        assert_eq!(books.told().first().map(String::as_str), Some("nothing is on the disk"));
    }
}
