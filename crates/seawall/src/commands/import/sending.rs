//! Records on their way to the daemon, which keeps the ledger: batches say what comes before them, so that one which was
//! taken, and whose answer was lost, is known when it comes again.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Ask, Client, Lost, Reply, encoded};
use crate::clock;
use crate::failure::{Failure, RemoteFailure};
use crate::journals::imports::{Brought, Halt, Mode, mixed};
use crate::journals::payloads;
use crate::json::Object;
use crate::show::{self, Screen};

/// Records that are sent together.
const BATCH: usize = 1000;

/// Bytes of a body, but for its last record.
const BATCH_BYTES: usize = 4 << 20;

/// How long a batch is sent again to a daemon that does not answer, or is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long the first pause before another attempt is; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long a pause becomes.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the daemon knows of an import.
#[derive(Deserialize)]
struct Known {
    records: u64,
    sum: String,
    /// Records behind these that an interrupted batch was to append, and may have.
    beyond: u64,
    copy: Option<bool>,
}

/// What became of a batch.
#[derive(Deserialize)]
struct Done {
    already: u64,
    imported: u64,
}

/// What comes before a record.
#[derive(Clone, Copy)]
struct Before {
    records: u64,
    sum: u64,
}

/// Records that are sent together, as lines.
struct Batch {
    before: Before,
    lines: Vec<(u64, String)>,
    bytes: usize,
}

/// The records of one file on their way.
pub(super) struct Sending<'s> {
    client: &'s RefCell<Client>,
    screen: &'s Screen,
    mode: Mode,
    stream: &'s str,
    path: String,
    known: Known,
    known_sum: u64,
    sum: u64,
    batch: Batch,
    pub(super) brought: Brought,
}

impl Batch {
    fn behind(before: Before) -> Self {
        Self { before, lines: Vec::new(), bytes: 0 }
    }

    fn body(&self) -> Bytes {
        self.lines.iter().map(|(_, line)| line.as_str()).collect::<String>().into()
    }

    /// It in two, where it has more records than one.
    fn halves(mut self) -> Option<(Self, Self)> {
        let second = self.lines.split_off(self.lines.len() / 2);
        let (sum, _) = self.lines.last()?;
        let before = Before { records: self.before.records + self.lines.len() as u64, sum: *sum };
        Some((self, Self { before, lines: second, bytes: 0 }))
    }
}

impl<'s> Sending<'s> {
    /// Asks the daemon how much it knows of an import.
    pub(super) fn begin(
        (client, screen): (&'s RefCell<Client>, &'s Screen),
        mode: Mode,
        (stream, ledger): (&'s str, &str),
    ) -> Result<Self, Failure> {
        let path = format!("/api/v1/imports/{}", encoded(ledger));
        let known = ask(&mut client.borrow_mut(), &path)?;
        let known_sum = u64::from_str_radix(&known.sum, 16).unwrap_or_default();
        let batch = Batch::behind(Before { records: 0, sum: 0 });
        let brought = Brought::default();
        Ok(Self { client, screen, mode, stream, path, known, known_sum, sum: 0, batch, brought })
    }

    /// Takes the next record. `mark` is what it is recognised by.
    pub(super) fn add(&mut self, payload: &[u8], mark: &[u8]) -> Result<(), Halt> {
        let before = Before { records: self.brought.records, sum: self.sum };
        self.brought.records += 1;
        self.sum = mixed(self.sum, mark);
        let (records, known) = (self.brought.records, self.known.records);
        if records == known && self.sum != self.known_sum {
            return Err(Halt::Differs);
        }
        if records <= known {
            self.brought.already += 1;
            return Ok(());
        }
        if self.mode == Mode::Rehearse {
            let is_there = records - known <= self.known.beyond;
            let count = if is_there { &mut self.brought.already } else { &mut self.brought.imported };
            *count += 1;
            return Ok(());
        }
        if self.batch.lines.is_empty() {
            self.batch = Batch::behind(before);
        }
        let line = line(self.sum, payload);
        self.batch.bytes += line.len();
        self.batch.lines.push((self.sum, line));
        let is_full = self.batch.lines.len() >= BATCH || self.batch.bytes >= BATCH_BYTES;
        if is_full { self.send() } else { Ok(()) }
    }

    /// Sends what is left. Where all was known, it makes sure that it is no other log that is shorter.
    pub(super) fn end(&mut self) -> Result<(), Halt> {
        if self.brought.records < self.known.records {
            let (path, records, sum) = (&self.path, self.brought.records, self.sum);
            let known =
                ask(&mut self.client.borrow_mut(), &format!("{path}?records={records}&sum={sum:016x}"));
            let is_copy = known.map_err(Halt::Refused)?.copy == Some(true);
            return if is_copy { Ok(()) } else { Err(Halt::Differs) };
        }
        self.send()
    }

    /// Sends what is gathered, until it is known what became of it.
    pub(super) fn send(&mut self) -> Result<(), Halt> {
        let before = self.batch.before;
        let batch = std::mem::replace(&mut self.batch, Batch::behind(before));
        if batch.lines.is_empty() { Ok(()) } else { self.send_batch(batch) }
    }

    fn send_batch(&mut self, batch: Batch) -> Result<(), Halt> {
        let Before { records, sum } = batch.before;
        let stream = encoded(self.stream);
        let path = format!("{}?stream={stream}&records={records}&sum={sum:016x}", self.path);
        let headers = vec![("content-type", "application/x-ndjson".to_owned())];
        let ask = Ask { method: Method::POST, path, headers, body: batch.body() };
        match self.ask_until_answered(&ask) {
            Ok(done) => {
                self.brought.already += done.already;
                self.brought.imported += done.imported;
                Ok(())
            }
            Err(RemoteFailure::Refused(told)) if told.code == "differs" => Err(Halt::Differs),
            Err(RemoteFailure::Refused(told)) if told.code == "body-too-large" => match batch.halves() {
                Some((first, second)) => {
                    self.send_batch(first)?;
                    self.send_batch(second)
                }
                None => Err(Halt::Refused(RemoteFailure::Refused(told).into())),
            },
            Err(failure) => Err(Halt::Refused(failure.into())),
        }
    }

    /// Asks until there is an answer; not longer than its patience lasts.
    fn ask_until_answered(&self, ask: &Ask) -> Result<Done, RemoteFailure> {
        let mut client = self.client.borrow_mut();
        let (mut since, mut pause) = (None, FIRST_PAUSE);
        loop {
            let sent = client.send(ask);
            let (failure, after) = match judge(&client, sent) {
                Ok(done) => {
                    if since.is_some() {
                        show::hint(self.screen, &format!("the daemon at {} answers again", client.place()));
                    }
                    return Ok(done);
                }
                Err(Setback::Final(failure)) => return Err(failure),
                Err(Setback::Passing(failure, after)) => (failure, after),
            };
            let now = clock::instant();
            let begun = *since.get_or_insert_with(|| {
                let what = format!("{failure}; trying again for {PATIENCE:?}");
                show::hint(self.screen, &what);
                now
            });
            let left = PATIENCE.saturating_sub(now.duration_since(begun));
            if left.is_zero() {
                return Err(failure);
            }
            thread::sleep(after.unwrap_or(pause).min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Why an attempt came to nothing.
enum Setback {
    /// It will not work later either.
    Final(RemoteFailure),
    /// It may work later, or after so long.
    Passing(RemoteFailure, Option<Duration>),
}

fn judge(client: &Client, sent: Result<Reply, Lost>) -> Result<Done, Setback> {
    let reply = sent.map_err(|lost| Setback::Passing(client.lost(lost), None))?;
    if reply.status.is_success() {
        return serde_json::from_slice(&reply.body)
            .map_err(|error| Setback::Final(client.odd(&error.to_string())));
    }
    let told = client.told(&reply);
    let is_passing = ["busy", "starting", "timeout", "body-timeout", "too-many-pending"];
    let passes = is_passing.contains(&told.code.as_str());
    let failure = RemoteFailure::Refused(told);
    Err(if passes { Setback::Passing(failure, reply.retry_after) } else { Setback::Final(failure) })
}

fn ask(client: &mut Client, path: &str) -> Result<Known, Failure> {
    let reply = client.get(path)?;
    Ok(serde_json::from_slice(&reply.body).map_err(|error| client.odd(&error.to_string()))?)
}

fn line(sum: u64, payload: &[u8]) -> String {
    let (field, content) = payloads::shown(payload);
    let mut object = Object::new();
    object.insert("sum".to_owned(), format!("{sum:016x}").into());
    object.insert(field.to_owned(), content);
    format!("{}\n", Value::from(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_falls_in_two_of_which_each_says_what_comes_before_it() {
        let mut batch = Batch::behind(Before { records: 7, sum: 70 });
        batch.lines = (8..13).map(|number| (number * 10, format!("{number}\n"))).collect();
        let (first, second) = batch.halves().unwrap();
        assert_eq!((first.before.records, first.before.sum, &first.body()[..]), (7, 70, &b"8\n9\n"[..]));
        assert_eq!((second.before.records, second.before.sum), (9, 90));
        assert_eq!(second.body(), "10\n11\n12\n");
        assert!(second.halves().unwrap().0.halves().is_none(), "a record is not cut");
    }
}
