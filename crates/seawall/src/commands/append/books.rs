//! What became of every line: all that a writer needs to go on.

use std::fmt::Write as _;

use journal::{CommitError, Seq};

use crate::failure::commit_code;
use crate::show::units;

/// What became of a line that was handed over.
pub(super) type Outcome = Result<Seq, Untaken>;

/// Why a line is not on the disk for certain.
#[derive(Clone, Debug)]
pub(super) struct Untaken {
    pub(super) became: Became,
    pub(super) cause: String,
    pub(super) code: &'static str,
}

impl Untaken {
    /// Why a line is not there.
    pub(super) fn refused(cause: impl Into<String>, code: &'static str) -> Self {
        Self { became: Became::Refused, cause: cause.into(), code }
    }
}

impl From<CommitError> for Untaken {
    fn from(error: CommitError) -> Self {
        let became = if matches!(error, CommitError::Unknown(_)) { Became::Unknown } else { Became::Refused };
        Self { became, cause: error.to_string(), code: commit_code(&error) }
    }
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    Durable,
    Refused,
    Unknown,
}

/// What became of all lines so far.
pub(super) struct Books {
    pub(super) stream: String,
    /// Events on the disk.
    pub(super) durable: u64,
    first: Option<Seq>,
    last: Option<Seq>,
    /// What became of lines, in runs of their numbers.
    runs: Vec<(Became, u64, u64)>,
}

impl Books {
    pub(super) fn new(stream: &str) -> Self {
        Self { stream: stream.to_owned(), durable: 0, first: None, last: None, runs: Vec::new() }
    }

    /// Enters the next lines, and says which events are on the disk: from one to another, mostly one run.
    pub(super) fn enter(&mut self, outcomes: &[Outcome]) -> Vec<(Seq, Seq)> {
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
                Err(untaken) => untaken.became,
            };
            let line = self.lines() + 1;
            match self.runs.last_mut().filter(|(before, ..)| *before == became) {
                Some((_, _, last)) => *last = line,
                None => self.runs.push((became, line, line)),
            }
        }
        acknowledged
    }

    pub(super) fn lines(&self) -> u64 {
        self.runs.last().map_or(0, |(_, _, last)| *last)
    }

    pub(super) fn span(&self) -> Option<(Seq, Seq)> {
        self.first.zip(self.last)
    }

    /// One clause for each thing that may have become of lines.
    pub(super) fn told(&self) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_tell_lines_apart_by_what_became_of_them() {
        let mut books = Books::new("jobs");
        let refused = || Err(CommitError::OverBudget { limit: 9 }.into());
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
        books.enter(&[Err(CommitError::OverBudget { limit: 9 }.into())]);
        assert_eq!(books.told().first().map(String::as_str), Some("nothing is on the disk"));
    }
}
