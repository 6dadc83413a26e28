//! What the child does, and what it says of it.
//!
//! It announces what it is about to do (`try`, `settle`) and says when that is safe (`safe`, `settled`), a line each:
//!
//! ```text
//! try STREAM EVENT                      safe STREAM SEQ EVENT
//! settle CONSUMER STREAM FIRST LAST     settled CONSUMER STREAM FIRST LAST
//! ```

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use journal::archive::{ARCHIVER, Archiver};
use journal::storage::Disk;
use journal::{
    Commit, CommitError, Consumer, Journal, Millis, Openness, Options, Outcome, Scope, Span, Start, Ticket,
};

pub(crate) const PLACE: &str = "SEAWALL_JOURNAL_CHILD";
pub(crate) const WORK: &str = "SEAWALL_JOURNAL_WORK";
pub(crate) const LIFE: &str = "SEAWALL_JOURNAL_LIFE";

/// What it has to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// A little of everything, on one thread: the n-th system call is the same one in every run.
    Short,
    /// As much as it can of everything at once, until it is stopped.
    Busy,
}

impl Work {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Busy => "busy",
        }
    }
}

pub(crate) fn options(commit: Commit) -> Options {
    let mut options = Options::new(|| Millis::new(0));
    options.commit = commit;
    options.segment_size = 64 << 10;
    options.max_event = 16 << 10;
    options.max_bytes = 12 << 20;
    options
}

/// The consumers, and what the names of their streams begin with.
pub(crate) const CONSUMERS: [(&str, &str); 3] = [("ship", ""), ("lanes", "lane/"), (ARCHIVER, "job/")];

pub(crate) fn scope(prefix: &str) -> Scope {
    if prefix.is_empty() { Scope::All } else { Scope::Prefix(prefix.to_owned()) }
}

/// The events of a life, in their order: `3.17` is followed by all these bytes.
pub(crate) fn payload(event: &str) -> Vec<u8> {
    let number: usize = event.split_once('.').unwrap().1.parse().unwrap();
    let filler = if number.is_multiple_of(23) { 12_000 } else { number * 37 % 3000 };
    let mut payload = format!("{event} ").into_bytes();
    payload.extend(event.bytes().cycle().take(filler));
    payload
}

#[test]
#[ignore = "a part of the other tests, which start it"]
fn child() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let place = Path::new(&place);
    let life = std::env::var(LIFE).unwrap();
    // What is refused is not said to be safe, and that is all that is asked.
    let outcome = match std::env::var(WORK).unwrap().as_str() {
        "short" => work_shortly(place, &life),
        _ => work_hard(place, &life),
    };
    match outcome {
        Ok(()) => say("done"),
        Err(error) => say(&format!("ended: {error}")),
    }
}

/// Says a line in one write, so that a kill does not leave half of it.
fn say(words: &str) {
    let line = format!("{words}\n");
    eprint!("{line}");
}

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn work_shortly(place: &Path, life: &str) -> Done {
    let journal = Journal::open(&place.join("log"), options(Commit::Caller))?;
    let archiver = archiver(&journal, place)?;
    let consumers = consumers(&journal)?;
    // Some of the events are large, so that segments are begun, given back, and carried from.
    for round in 1..7 {
        for stream in ["lane/a", "plain"] {
            let numbers = 23 * round - 2..=23 * round;
            append(&journal, stream, numbers.map(|number| format!("{life}.{number}")).collect())?;
        }
        for (name, consumer) in &consumers {
            settle_some((name, consumer), 2)?;
        }
    }
    let job = format!("job/{life}");
    append(&journal, &job, vec![format!("{life}.1"), format!("{life}.2")])?;
    journal.close_stream(&journal.stream(&job)?).wait()?;
    archive(&journal, &archiver)
}

fn work_hard(place: &Path, life: &str) -> Done {
    let journal = Journal::open(&place.join("log"), options(Commit::Thread))?;
    let archiver = archiver(&journal, place)?;
    let consumers = consumers(&journal)?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for stream in ["lane/a", "lane/b", "plain"] {
            let (journal, over) = (&journal, &over);
            let append = move |step: usize| {
                let numbers = 5 * step..=5 * step + step % 5;
                append(journal, stream, numbers.map(|number| format!("{life}.{number}")).collect())
            };
            scope.spawn(move || until(over, append));
        }
        for (name, consumer) in &consumers {
            let over = &over;
            let settle = move |step| settle_some((name, consumer), 1 + step % 7);
            scope.spawn(move || until(over, settle));
        }
        until(&over, |step| {
            let job = format!("job/{life}.{step}");
            append(&journal, &job, (1..4).map(|event| format!("{life}.{event}")).collect())?;
            journal.close_stream(&journal.stream(&job)?).wait()?;
            archive(&journal, &archiver)
        })
    })
}

/// Acts again and again. Whoever cannot go on ends it for all: a settler with nothing to settle would never learn of it.
fn until(over: &AtomicBool, mut act: impl FnMut(usize) -> Done) -> Done {
    for step in 0.. {
        let done = if over.load(Ordering::Relaxed) { Err("another has ended".into()) } else { act(step) };
        if done.is_err() {
            over.store(true, Ordering::Relaxed);
            return done;
        }
    }
    Ok(())
}

fn archiver(journal: &Journal, place: &Path) -> Result<Archiver, Box<dyn std::error::Error + Send + Sync>> {
    let archive = Arc::new(Disk::at(&place.join("archive"))?);
    Ok(Archiver::new(journal, scope("job/"), archive)?)
}

/// Those that settle by themselves; the archiver is one of its own.
fn consumers(journal: &Journal) -> Result<Vec<(&'static str, Consumer)>, CommitError> {
    let known = CONSUMERS.into_iter().filter(|(name, _)| *name != ARCHIVER);
    known.map(|(name, of)| Ok((name, journal.consumer_of(name, Start::Oldest, scope(of))?))).collect()
}

fn append(journal: &Journal, stream: &str, events: Vec<String>) -> Done {
    let known = journal.stream(stream)?;
    let mut tickets: Vec<(Ticket<_>, String)> = Vec::new();
    for event in events {
        say(&format!("try {stream} {event}"));
        tickets.push((journal.append(&known, payload(&event)), event));
    }
    for (ticket, event) in tickets {
        let seq = ticket.wait()?;
        say(&format!("safe {stream} {seq} {event}"));
    }
    Ok(())
}

/// Settles the first few events of each stream.
fn settle_some((name, consumer): (&str, &Consumer), most: usize) -> Done {
    for backlog in consumer.backlog() {
        let events: Vec<_> = consumer.pending(&backlog.stream).take(most).collect::<Result<_, _>>()?;
        let ends = events.first().zip(events.last());
        let Some(span) = ends.and_then(|(first, last)| Span::new(first.seq, last.seq)) else { continue };
        let words = format!("{name} {} {} {}", backlog.stream.name(), span.first(), span.last());
        say(&format!("settle {words}"));
        consumer.settle(&backlog.stream, span, Outcome::Delivered).wait()?;
        say(&format!("settled {words}"));
    }
    thread::yield_now();
    Ok(())
}

/// Archives what is closed.
fn archive(journal: &Journal, archiver: &Archiver) -> Done {
    let closed = journal.streams().into_iter().filter(|stream| stream.openness == Openness::Closed);
    let closed: Vec<String> = closed
        .map(|stream| format!("{ARCHIVER} {} 1 {}", stream.name, stream.last.unwrap_or_default()))
        .collect();
    closed.iter().for_each(|words| say(&format!("settle {words}")));
    archiver.run()?;
    closed.iter().for_each(|words| say(&format!("settled {words}")));
    Ok(())
}
