//! Records on their way to the daemon, which keeps the ledger: batches say what comes before them, so that one which was
//! taken, and whose answer was lost, is known when it comes again.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::Duration;

use formats::Progress;
use hyper::Method;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Ask, Client, Patience, encoded};
use crate::failure::{Failure, JournalFailure, RemoteFailure, Told};
use crate::journals::imports::source::Source;
use crate::journals::imports::{Brought, Halt, Mode, mixed};
use crate::journals::payloads;
use crate::json::Object;
use crate::show::Screen;

/// Records that are sent together.
const BATCH: usize = 1000;

/// Bytes of a body, but for its last record.
const BATCH_BYTES: usize = 4 << 20;

/// How long a daemon is asked again that does not answer, or is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long the daemon is waited for.
pub(super) const fn patience(screen: &Screen) -> Patience {
    Patience::of(PATIENCE, "the same command goes on where this one ended", *screen)
}

/// What the daemon knows of an import.
#[derive(Deserialize)]
struct Known {
    records: u64,
    sum: String,
    /// Records behind these that an interrupted batch was to append, and may have.
    beyond: u64,
    copy: Option<bool>,
    /// Bytes of an event at most.
    max_event: u64,
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
    patience: Patience,
    mode: Mode,
    source: &'s Source,
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
    /// Asks the daemon how much it knows of an import. A file of which it would not take a record is refused as a whole.
    pub(super) fn begin(
        (client, screen): (&'s RefCell<Client>, &Screen),
        mode: Mode,
        source: &'s Source,
    ) -> Result<Self, Failure> {
        let path = format!("/api/v1/imports/{}", encoded(&source.ledger));
        let patience = patience(screen);
        let known = patience.ask(&mut client.borrow_mut(), |client| ask(client, &path))?;
        refuse_too_large(source, &known)?;
        let known_sum = u64::from_str_radix(&known.sum, 16).unwrap_or_default();
        let batch = Batch::behind(Before { records: 0, sum: 0 });
        let brought = Brought::default();
        Ok(Self { client, patience, mode, source, path, known, known_sum, sum: 0, batch, brought })
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
            let path = format!("{path}?records={records}&sum={sum:016x}");
            let known = self.patience.ask(&mut self.client.borrow_mut(), |client| ask(client, &path));
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
        let stream = encoded(&self.source.stream);
        let path = format!("{}?stream={stream}&records={records}&sum={sum:016x}", self.path);
        let headers = vec![("content-type", "application/x-ndjson".to_owned())];
        let ask = Ask { method: Method::POST, path, headers, body: batch.body() };
        let sent = self.patience.ask(&mut self.client.borrow_mut(), |client| {
            let reply = client.answered(&ask)?;
            Ok(serde_json::from_slice::<Done>(&reply.body).map_err(|error| client.odd(&error.to_string()))?)
        });
        match sent {
            Ok(done) => {
                self.brought.already += done.already;
                self.brought.imported += done.imported;
                Ok(())
            }
            Err(Failure::Remote(RemoteFailure::Refused(told))) if told.code == "differs" => {
                Err(Halt::Differs)
            }
            Err(Failure::Remote(RemoteFailure::Refused(told))) if told.code == "body-too-large" => {
                match batch.halves() {
                    Some((first, second)) => {
                        self.send_batch(first)?;
                        self.send_batch(second)
                    }
                    None => Err(Halt::Refused(too_much(self.source, records + 1, told))),
                }
            }
            Err(failure) => Err(Halt::Refused(failure)),
        }
    }
}

fn ask(client: &mut Client, path: &str) -> Result<Known, Failure> {
    let reply = client.get(path)?;
    Ok(serde_json::from_slice(&reply.body).map_err(|error| client.odd(&error.to_string()))?)
}

/// Refuses a file with a record that the daemon would not take, before any of it is sent.
fn refuse_too_large(source: &Source, known: &Known) -> Result<(), Failure> {
    let limit = known.max_event;
    if !source.may_hold_more_than(limit) {
        return Ok(());
    }
    let (mut record, mut found) = (0, None);
    let looked = source.each(&Progress::default(), &mut |incoming| {
        record += 1;
        let bytes = incoming.payload.len() as u64;
        if record <= known.records || bytes <= limit {
            return ControlFlow::Continue(());
        }
        found = Some(bytes);
        ControlFlow::Break(())
    });
    // What cannot be read is met again by whoever sends it, and what lies before it is brought in.
    let (Some(bytes), Ok(_)) = (found, looked) else { return Ok(()) };
    let (path, stream) = (source.path.clone(), source.stream.clone());
    Err(JournalFailure::RecordTooLarge { path, stream, record, bytes, limit }.into())
}

/// One record is more than a request may hold.
fn too_much(source: &Source, record: u64, told: Told) -> Failure {
    let Source { path, stream, .. } = source;
    let message = format!(
        "record {record} of {} for the stream {stream} does not fit into a request: {}",
        path.display(),
        told.message
    );
    let hint =
        "raise server.max_body of the daemon, which takes it up at SIGHUP, and import again".to_owned();
    RemoteFailure::Refused(Told { message, hint: Some(hint), ..told }).into()
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
