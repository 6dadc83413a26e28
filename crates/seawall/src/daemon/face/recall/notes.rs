//! What is known of keys, on the disk: a journal of its own, in `keys` of the journal's directory.
//!
//! A request with a key is noted before its events are appended: which stream, and which numbers they will have, since
//! nobody else appends to that stream meanwhile. So a start can tell from the stream itself how many of them are there,
//! whenever the daemon was killed:
//!
//! | killed | the next start finds | a repetition |
//! |---|---|---|
//! | before the note is synced | nothing | is the first one |
//! | after it, with none of the events | a note, and a stream that ends before them | is the first one |
//! | with some of the events | a note, and a stream that ends among them | appends the others |
//! | with all of them, answered or not | a note, and a stream that goes on behind them | is answered as the first was |
//!
//! That it was done is noted too, for streams that have been closed and archived since; nobody waits for that.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use journal::{
    CommitError, Consumer, Journal, Millis, OpenError, Options, Outcome, Recovery, Seq, Span, Start, Stream,
    Ticket, WhenFull,
};
use serde::{Deserialize, Serialize};

use super::{Half, Print};
use crate::clock;
use crate::journals;

/// The stream of the notes.
const STREAM: &str = "keys";

/// Who has no use for notes that are older than the window.
const CONSUMER: &str = "window";

/// Bytes of a segment: some hundred notes.
const SEGMENT: u64 = 64 << 10;

/// Bytes of all notes: more than the keys take that are remembered. Beyond, the oldest are forgotten.
const MOST_BYTES: u64 = 64 << 20;

/// Notes that are let go of at once.
const AT_ONCE: usize = 256;

/// What happened to a key.
#[derive(Serialize, Deserialize)]
struct Note {
    stream: String,
    key: String,
    print: Print,
    what: What,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum What {
    /// Events are to be appended to the stream of this number, from the one number to the other. Of the same request, so
    /// many are there from `begin` on.
    Begun { number: u64, first: u64, last: u64, begin: u64, have: u64 },
    /// All are there.
    Done { first: u64, last: u64 },
    /// It failed, and so many are there from `begin` on.
    Half { begin: u64, have: u64 },
}

/// What a start knows of a key.
#[derive(Clone, Copy)]
pub(super) enum Known {
    /// It was done.
    Done(Span),
    /// Some of it was.
    Half(Half),
}

/// A key as a start has found it.
pub(super) struct Found {
    pub(super) stream: String,
    pub(super) key: String,
    pub(super) print: Print,
    pub(super) at: Millis,
    pub(super) known: Known,
}

/// The journal of notes.
pub(super) struct Notes {
    journal: Journal,
    stream: Stream,
    consumer: Consumer,
    /// Notes that are kept, the oldest first.
    kept: Mutex<VecDeque<(Millis, Seq)>>,
}

/// Whose note it is.
#[derive(Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) stream: &'a str,
    pub(super) key: &'a str,
    pub(super) print: Print,
}

impl Notes {
    /// Opens them, or makes them; says what is known from before, the oldest first.
    pub(super) fn open(directory: &Path, events: &Journal) -> Result<(Self, Vec<Found>), OpenError> {
        let journal = journals::open_when_free(directory, &options())?;
        let refuse = |error: CommitError| {
            OpenError::Disk(journal::storage::Fault::on(
                "begin the notes in",
                &directory.display().to_string(),
            )(std::io::Error::other(error.to_string())))
        };
        let stream = journal.stream(STREAM).map_err(refuse)?;
        let consumer = journal.consumer(CONSUMER, Start::Oldest).map_err(refuse)?;
        let mut kept = VecDeque::new();
        let mut last: HashMap<(String, String), (Millis, Print, What)> = HashMap::new();
        let mut order = Vec::new();
        // One that cannot be read is a key that is not known.
        for event in consumer.pending(&stream).filter_map(Result::ok) {
            kept.push_back((event.time, event.seq));
            let Ok(Note { stream, key, print, what }) = serde_json::from_slice(&event.payload) else {
                continue;
            };
            if last.insert((stream.clone(), key.clone()), (event.time, print, what)).is_none() {
                order.push((stream, key));
            }
        }
        let notes = Self { journal, stream, consumer, kept: Mutex::new(kept) };
        let mut found = Vec::new();
        for name in order {
            let Some((at, print, what)) = last.remove(&name) else { continue };
            let (stream, key) = name;
            let known = judged(what, &stream, events);
            if matches!(what, What::Begun { .. }) {
                // From now on others append to that stream, so it is noted as it is found.
                notes.settle(Whose { stream: &stream, key: &key, print }, known).map_err(refuse)?;
            }
            found.extend(known.map(|known| Found { stream, key, print, at, known }));
        }
        found.sort_by_key(|found| found.at);
        Ok((notes, found))
    }

    fn settle(&self, whose: Whose<'_>, known: Option<Known>) -> Result<(), CommitError> {
        let noted = match known {
            Some(Known::Done(span)) => self.done(whose, span),
            Some(Known::Half(half)) => self.half(whose, Some(half)),
            None => self.half(whose, None),
        };
        noted.wait().map(drop)
    }

    /// What its start has found.
    pub(super) fn recovery(&self) -> &Recovery {
        self.journal.recovery()
    }

    /// Notes that a request will append so many events to a stream, behind those that it has there; lasts when this ends.
    pub(super) async fn begin(
        &self,
        whose: Whose<'_>,
        (stream, events): (&Stream, Span),
        half: Option<Half>,
    ) -> Result<(), CommitError> {
        let (first, last) = (events.first().get(), events.last().get());
        let Half { begin, have } = half.unwrap_or(Half { begin: events.first(), have: 0 });
        let what = What::Begun { number: stream.number().get(), first, last, begin: begin.get(), have };
        let seq = self.note(whose, what).await?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push_back((clock::millis(), seq));
        Ok(())
    }

    /// Notes that it was done, for some time to come.
    pub(super) fn done(&self, whose: Whose<'_>, events: Span) -> Ticket<Seq> {
        self.note(whose, What::Done { first: events.first().get(), last: events.last().get() })
    }

    /// Notes that it has failed, with what is there.
    pub(super) fn half(&self, whose: Whose<'_>, half: Option<Half>) -> Ticket<Seq> {
        let Half { begin, have } = half.unwrap_or(Half { begin: Seq::FIRST, have: 0 });
        self.note(whose, What::Half { begin: begin.get(), have })
    }

    fn note(&self, Whose { stream, key, print }: Whose<'_>, what: What) -> Ticket<Seq> {
        let note = Note { stream: stream.to_owned(), key: key.to_owned(), print, what };
        // It has neither maps nor numbers that JSON lacks; a note that said nothing would be no key.
        self.journal.append(&self.stream, serde_json::to_vec(&note).unwrap_or_default())
    }

    /// Lets go of what is older than the window, some at once.
    pub(super) fn forget(&self, window: Duration) {
        let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let oldest = Millis::new(clock::millis().get().saturating_sub(window));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let old = kept.iter().take_while(|(at, _)| *at < oldest).count();
        if old < AT_ONCE {
            return;
        }
        // What was done is noted between those that were begun, and goes with them.
        let last = kept.drain(..old).next_back();
        if let Some(span) = last.and_then(|(_, last)| Span::new(Seq::FIRST, last)) {
            drop(self.consumer.settle(&self.stream, span, Outcome::Delivered));
        }
    }
}

fn options() -> Options {
    Options {
        segment_size: SEGMENT,
        max_event: SEGMENT / 4,
        max_bytes: MOST_BYTES,
        when_full: WhenFull::DropOldest,
        ..Options::new(clock::millis)
    }
}

/// What became of a key; nothing if none of it is there.
fn judged(what: What, stream: &str, events: &Journal) -> Option<Known> {
    let half = |begin, have| (have > 0).then_some(Known::Half(Half { begin: Seq::new(begin), have }));
    match what {
        What::Done { first, last } => Span::new(Seq::new(first), Seq::new(last)).map(Known::Done),
        What::Half { begin, have } => half(begin, have),
        What::Begun { number, first, last, begin, have } => {
            let found = events.find_stream(stream).filter(|stream| stream.number().get() == number);
            let end = found.and_then(|stream| events.info(&stream)?.last).map_or(0, Seq::get);
            let there = end.min(last).saturating_sub(first.saturating_sub(1));
            let begin = if have == 0 { first } else { begin };
            if end >= last {
                return Span::new(Seq::new(begin), Seq::new(last)).map(Known::Done);
            }
            half(begin, have.saturating_add(there))
        }
    }
}
