//! `seawall dump`: the records of a log as JSON lines, damage in place.

mod filter;
pub(crate) mod matchers;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use formats::{Body, Damage, Depth, Entry, Format, Note, Order, Part, ReadError, Record};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::cli::DumpArgs;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::report::Subject;
use crate::show::{self, Screen, Talk, progress, units};
use filter::{Filter, MAX_SERIES, Sieve};

/// What to dump.
#[derive(Debug)]
pub(crate) struct Plan {
    path: PathBuf,
    format: Option<Format>,
    filter: Filter,
    stream: Option<String>,
}

impl Plan {
    /// What the arguments mean now: spans before the present become points in time.
    pub(crate) fn new(args: DumpArgs) -> Self {
        let now = clock::now();
        let filter = Filter {
            types: args.types,
            selectors: args.selectors,
            stream: None,
            since: args.since.map(|moment| moment.resolve(now)),
            until: args.until.map(|moment| moment.resolve(now)),
        };
        Self { path: args.place.path, format: args.place.kind.format, filter, stream: args.stream }
    }
}

/// Writes the records to standard output.
pub(crate) fn run(plan: &Plan, screen: &Screen) -> Result<Exit, Failure> {
    let subject = Subject::open(&plan.path, plan.format)?;
    let order = subject.order(Depth::Bytes, clock::now());
    // The streams of a journal share its files; those of other logs have their own.
    let (mut filter, mut stream) = (plan.filter.clone(), plan.stream.clone());
    if subject.log.format() == Format::Journal {
        filter.stream = stream.take();
    }
    let parts = chosen((&plan.path, stream), subject.log.parts())?;
    let out = io::stdout();
    // Lines that scroll by show the progress themselves.
    let talk = if out.is_terminal() { Talk::Silent } else { screen.talk };
    let screen = Screen { talk, ..*screen };
    let mut dump = Dump::new(filter, BufWriter::new(out.lock()));
    let total = parts.iter().map(|part| part.bytes).sum();
    progress::watched(&screen, &order.progress, total, || dump.log(&subject, &order, &parts))?;
    dump.tell(&screen);
    Ok(dump.exit())
}

/// The parts of the stream that was asked for, or all.
fn chosen<'a>((path, stream): (&Path, Option<String>), parts: &'a [Part]) -> Result<Vec<&'a Part>, Failure> {
    let Some(stream) = stream else { return Ok(parts.iter().collect()) };
    let chosen: Vec<&Part> = parts.iter().filter(|part| is_of_stream(&part.name, &stream)).collect();
    if chosen.is_empty() {
        let mut held: Vec<&str> = parts.iter().take(5).map(|part| part.name.as_str()).collect();
        if parts.len() > held.len() {
            held.push("and others");
        }
        let held = if held.is_empty() { "no files".to_owned() } else { held.join(", ") };
        return Err(Failure::NoStream { path: path.to_owned(), stream, held });
    }
    Ok(chosen)
}

/// A stream is called by its file's name: whole, without the directory, or without the ending too.
fn is_of_stream(part: &str, stream: &str) -> bool {
    let name = Path::new(part).file_name().and_then(|name| name.to_str()).unwrap_or(part);
    let stem = name.strip_suffix(".wal.zst").or_else(|| name.strip_suffix(".wal"));
    part == stream || name == stream || stem == Some(stream)
}

/// A dump at work.
struct Dump<W> {
    sieve: Sieve,
    out: W,
    written: u64,
    damage: u64,
    unread: Vec<ReadError>,
}

impl<W: Write> Dump<W> {
    fn new(filter: Filter, out: W) -> Self {
        Self { sieve: Sieve::new(filter), out, written: 0, damage: 0, unread: Vec::new() }
    }

    /// What only the listing shows (missing files) first, then every part in the order of the log.
    fn log(&mut self, subject: &Subject, order: &Order, parts: &[&Part]) -> Result<(), Failure> {
        self.listing(subject, order).map_err(Failure::Output)?;
        for part in parts {
            self.part(subject, order, part).map_err(Failure::Output)?;
        }
        self.out.flush().map_err(Failure::Output)
    }

    fn listing(&mut self, subject: &Subject, order: &Order) -> io::Result<()> {
        let listing =
            formats::survey(subject.log.as_ref(), &Order { depth: Depth::Listing, ..order.clone() });
        for note in subject.in_use().iter().chain(&listing.notes) {
            self.line(&Line::Note(note))?;
        }
        for damage in listing.damage.listed() {
            self.damaged(damage)?;
        }
        Ok(())
    }

    fn part(&mut self, subject: &Subject, order: &Order, part: &Part) -> io::Result<()> {
        let mut failed = Ok(());
        let mut visit = |entry: Entry| match self.entry(part, entry) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        };
        let read = subject.log.read(part, order, &mut visit);
        self.unread.extend(read.err());
        failed
    }

    fn entry(&mut self, part: &Part, entry: Entry) -> io::Result<()> {
        match entry.body {
            Body::Record(record) => match self.sieve.keep(record) {
                Some(record) => {
                    self.written += 1;
                    self.line(&Line::Record(&part.name, &entry.span, &record))
                }
                None => Ok(()),
            },
            Body::Damage(damage) => self.damaged(&damage),
            Body::Note(note) => self.line(&Line::Note(&note)),
        }
    }

    fn damaged(&mut self, damage: &Damage) -> io::Result<()> {
        self.damage += 1;
        self.line(&Line::Damage(damage))
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    /// What the lines do not say by themselves.
    fn tell(&self, screen: &Screen) {
        for error in &self.unread {
            show::tell(&format!("seawall: {}\n", units::safe(&error.to_string())));
        }
        if self.sieve.forgot() {
            let series = units::count(MAX_SERIES as u64);
            show::tell(&format!(
                "seawall: more than {series} series match; what belongs to later ones is missing\n"
            ));
        }
        if screen.detail == show::Detail::Little {
            return;
        }
        if self.damage > 0 {
            let places = units::counted(self.damage, "place", "places");
            show::tell(&format!("seawall: damaged in {places}; the lines with \"damage\" say where\n"));
        }
        if self.written == 0 {
            show::tell("seawall: no record matches\n");
        }
    }

    fn exit(&self) -> Exit {
        if self.damage > 0 {
            Exit::Damage
        } else if self.unread.is_empty() {
            Exit::Fine
        } else {
            Exit::Failed
        }
    }
}

/// One line of the dump.
enum Line<'a> {
    Record(&'a str, &'a Range<u64>, &'a Record),
    Damage(&'a Damage),
    Note(&'a Note),
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Line::Record(file, span, record) => {
                place(&mut map, (file, span.start, span.end))?;
                map.serialize_entry("type", record.kind)?;
                put_fields(&mut map, record)?;
            }
            Line::Damage(damage) => {
                place(&mut map, (&damage.file, damage.start, damage.end))?;
                let content = serde_json::json!({"cause": damage.cause, "lost": json::lost(damage)});
                map.serialize_entry("damage", &content)?;
            }
            Line::Note(note) => map.serialize_entry("note", &json::note(note))?,
        }
        map.end()
    }
}

/// The fields of a record; one that is called like what stands before them gets an underscore.
fn put_fields<M: SerializeMap>(map: &mut M, record: &Record) -> Result<(), M::Error> {
    record.fields.iter().try_for_each(|(name, value)| match name.as_ref() {
        "file" | "start" | "end" | "type" | "damage" | "note" => {
            map.serialize_entry(&format!("{name}_"), &json::Shown(value))
        }
        name => map.serialize_entry(name, &json::Shown(value)),
    })
}

fn place<M: SerializeMap>(map: &mut M, (file, start, end): (&str, u64, u64)) -> Result<(), M::Error> {
    map.serialize_entry("file", file)?;
    map.serialize_entry("start", &start)?;
    map.serialize_entry("end", &end)
}

#[cfg(test)]
#[path = "dump_test.rs"]
mod tests;
