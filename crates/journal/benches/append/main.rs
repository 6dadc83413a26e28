//! Appends a second beside a bare loop of group commit, on the same disk in the same run: `cargo bench -p journal`.
//!
//! Every append is acknowledged after its sync. The directory is below `target`, or where `SEAWALL_BENCH_DIR` says.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark says what went wrong by failing"
)]
#![expect(clippy::print_stdout, reason = "its result")]

mod bare;
mod tasks;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use bare::Bare;
use journal::{Journal, Millis, Options, Outcome, Seq, Span, Start};
use tasks::{Round, alone, drive};

const TIME: Duration = Duration::from_millis(700);
const ROUNDS: usize = 5;

fn main() {
    let place = std::env::var_os("SEAWALL_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    println!(
        "| bytes | writers | bare: a second | p50 us | p99 us | journal: a second | p50 us | p99 us | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for bytes in [256, 2048] {
        for writers in [1, 16, 64, 256] {
            let directory = tempfile::tempdir_in(&place).unwrap();
            let bare = Bare::new(directory.path());
            let options = Options::new(|| Millis::new(0));
            let journal = Journal::open(&directory.path().join("journal"), options).unwrap();
            let payload = vec![0xa5; bytes];
            let mut rounds: [Vec<Round>; 2] = Default::default();
            for _ in 0..ROUNDS {
                rounds[0].push(drive(writers, TIME, || bare.append(&payload)));
                rounds[1].push(journal_round(&journal, writers, &payload));
            }
            let [bare, ours] = rounds.map(median);
            println!(
                "| {bytes} | {writers} | {:.0} | {} | {} | {:.0} | {} | {} | {:.2} |",
                bare.per_second,
                bare.median.as_micros(),
                bare.p99.as_micros(),
                ours.per_second,
                ours.median.as_micros(),
                ours.p99.as_micros(),
                ours.per_second / bare.per_second,
            );
        }
    }
}

/// Events between two settlements, as by a consumer that keeps up.
const SETTLED: u64 = 4096;

/// One round, while a consumer settles what was appended, so that segments are used again as they would be.
fn journal_round(journal: &Journal, writers: usize, payload: &[u8]) -> Round {
    let stream = journal.stream("s").unwrap();
    let consumer = journal.consumer("c", Start::Oldest).unwrap();
    let count = Cell::new(0u64);
    let append = || {
        count.set(count.get() + 1);
        if count.get().is_multiple_of(SETTLED)
            && let Some(known) = journal.streams().first().and_then(|stream| stream.last)
            && let Some(span) = Span::new(Seq::FIRST, known)
        {
            drop(consumer.settle(&stream, span, Outcome::Delivered));
        }
        journal.append(&stream, payload)
    };
    let round = match writers {
        1 => alone(TIME, || assert!(append().wait().is_ok())),
        _ => drive(writers, TIME, append),
    };
    let last = journal.append(&stream, payload).wait().unwrap();
    let all = Span::new(Seq::FIRST, last).unwrap();
    consumer.settle(&stream, all, Outcome::Delivered).wait().unwrap();
    round
}

fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    rounds.swap_remove(rounds.len() / 2)
}
