//! Ten million events over one hundred thousand streams: what a pending event costs in memory, and how long a start
//! takes; and how fast events are read back and archived. `cargo bench -p journal --bench scale`; `SEAWALL_BENCH_EVENTS`
//! makes it smaller.

#![expect(clippy::unwrap_used, reason = "a benchmark says what went wrong by failing")]
#![expect(clippy::print_stdout, reason = "its result")]

mod reading;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use journal::{Consumer, Journal, Millis, Options, Outcome, Seq, Span, Start, Stream};

const STREAMS: u64 = 100_000;
const BYTES: usize = 64;

fn main() {
    let events =
        std::env::var("SEAWALL_BENCH_EVENTS").ok().and_then(|value| value.parse().ok()).unwrap_or(10_000_000);
    let place = std::env::var_os("SEAWALL_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let directory = tempfile::tempdir_in(place).unwrap();
    let path = directory.path().join("journal");

    println!("| what | figure |");
    println!("|---|---|");
    let journal = open(&path);
    let streams: Vec<Stream> =
        (0..STREAMS).map(|number| journal.stream(&format!("stream-{number}")).unwrap()).collect();
    let before = resident();
    let begun = now();
    fill(&journal, &streams, events);
    println!(
        "| appending {events} events of {BYTES} bytes to {STREAMS} streams | {:.1} s |",
        begun.elapsed().as_secs_f64()
    );
    let grown = resident().saturating_sub(before);
    println!("| memory of a pending event | {:.1} bytes |", grown as f64 / events as f64);
    drop(journal);

    let journal = reopen(&path, "all of them pending");
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    settle(&consumer, &streams, events / STREAMS);
    drop((journal, consumer));
    reopen(&path, "one in ten pending");
    reading::measure(&directory.path().join("lines"));
}

fn open(path: &Path) -> Journal {
    let mut options = Options::new(|| Millis::new(0));
    options.max_bytes = 40 << 30;
    Journal::open(path, options).unwrap()
}

fn fill(journal: &Journal, streams: &[Stream], events: u64) {
    for _ in 0..events / STREAMS {
        // The queue is bounded for those who wait; who drops tickets has to wait now and then.
        for some in streams.chunks(10_000) {
            let tickets: Vec<_> = some.iter().map(|stream| journal.append(stream, [0x5a; BYTES])).collect();
            tickets.into_iter().for_each(|ticket| assert!(ticket.wait().is_ok()));
        }
    }
}

/// All but the last tenth of each stream.
fn settle(consumer: &Consumer, streams: &[Stream], each: u64) {
    for stream in streams {
        let span = Span::new(Seq::FIRST, Seq::new((each * 9 / 10).max(1))).unwrap();
        drop(consumer.settle(stream, span, Outcome::Delivered));
    }
    let last = streams.last().unwrap();
    consumer.settle(last, Seq::FIRST, Outcome::Delivered).wait().unwrap();
}

fn reopen(path: &Path, what: &str) -> Journal {
    let begun = now();
    let journal = open(path);
    let (taken, stats) = (begun.elapsed(), journal.stats());
    println!(
        "| a start, {what}: {} live events in {} segments | {:.2} s, {} frames read, {:.0} MB resident |",
        stats.live_events,
        stats.segments,
        taken.as_secs_f64(),
        journal.recovery().frames,
        resident() as f64 / 1e6,
    );
    journal
}

/// Bytes of memory that this process has.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
