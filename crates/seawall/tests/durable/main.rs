//! The commands that write to a journal, killed or failed at each of their system calls, and on a file system that loses
//! power: what they called safe is there, in order, and nothing else is.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "tests")]
#![expect(clippy::print_stderr, reason = "the figures of a run, for who asks for them")]

mod failing;
mod parked;
mod power;
mod roomless;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use journal::{Commit, Journal, Millis, Openness, Options, Start};

const SEGMENT: u64 = 64 << 10;

/// The program with its segments as small as can be, its journal in `place`, its input and output in files there.
fn seawall(place: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" < input >> output", env!("CARGO_BIN_EXE_seawall")]).args(words);
    command.args(["--journal", "journal"]).current_dir(place);
    command.env("SEAWALL_JOURNAL_SEGMENT_SIZE", SEGMENT.to_string());
    command
}

/// Events of a few kilobytes, each different, for several segments.
fn lines(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{number} {}", "x".repeat(number * 977 % 12_000))).collect()
}

fn open(place: &Path) -> Journal {
    let mut options = Options::new(|| Millis::new(0));
    options.commit = Commit::Caller;
    options.segment_size = SEGMENT;
    options.max_event = SEGMENT / 4;
    let journal = Journal::open(&place.join("journal"), options).unwrap();
    assert!(journal.recovery().damage.is_empty(), "{:?}", journal.recovery());
    journal
}

/// What is in a journal: each stream that has events, with them, and whether it is open.
fn there(place: &Path) -> BTreeMap<String, (Vec<String>, Openness)> {
    let journal = open(place);
    let reader = journal.consumer("test", Start::Oldest).unwrap();
    let streams = journal.streams().into_iter().map(|info| {
        let events = reader.pending(&journal.stream(&info.name).unwrap());
        let events = events.map(|event| String::from_utf8(event.unwrap().payload).unwrap()).collect();
        (info.name, (events, info.openness))
    });
    let there = streams.collect();
    reader.unregister().wait().unwrap();
    there
}

/// The last event that the program called safe, a line each; half a line at the end is none, and an error says no more.
fn last_safe(said: &str) -> usize {
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let last = |line| serde_json::from_str::<serde_json::Value>(line).ok()?.get("last")?.as_u64();
    whole.lines().rev().find_map(last).map_or(0, |last| usize::try_from(last).unwrap())
}

/// Whether these are the lines from the first on. They are long, so only their numbers are told.
fn assert_begins(lines: &[String], events: &[String]) {
    let numbers: Vec<&str> = events.iter().filter_map(|event| event.split(' ').next()).collect();
    assert!(lines.starts_with(events), "{numbers:?}");
}

/// An archive of these lines, as the program takes it in.
fn write_archive(place: &Path, lines: &[String]) {
    let mut options = Options::new(|| Millis::new(0));
    options.commit = Commit::Caller;
    let journal = Journal::open_in(&(Arc::new(journal::storage::Memory::default()) as _), options).unwrap();
    let archiver = journal::archive::Archiver::new(
        &journal,
        journal::Scope::All,
        Arc::new(journal::storage::Disk::at(place).unwrap()),
    );
    let stream = journal.stream("job").unwrap();
    journal.append_all(&stream, lines).unwrap();
    journal.close_stream(&stream).wait().unwrap();
    assert_eq!(archiver.unwrap().run().unwrap().len(), 1);
}
