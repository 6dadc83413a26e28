//! The journal on a disk that loses power, lies, fails at any call, and rots.
//!
//! A run is a seed. `SEAWALL_CRASH_RUNS` says how many are played, `SEAWALL_CRASH_SEED` from which on:
//!
//! ```sh
//! SEAWALL_CRASH_SEED=42 SEAWALL_CRASH_RUNS=1 cargo test -p journal --test crash
//! ```
//!
//! What the runs have found stands in `docs/journal-format.md`, with the seed of each.

#![expect(clippy::print_stderr, reason = "the figures of a run, for who asks for them")]
#![expect(clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::cast_possible_truncation, reason = "numbers of a test are small")]
#![expect(clippy::little_endian_bytes, reason = "filler")]

mod chance;
mod disk;
mod model;
mod readers;
mod run;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use run::Tally;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Plays the runs, on all cores, and says which seed has failed.
fn play(runs: u64) {
    let first = setting("SEAWALL_CRASH_SEED", 1);
    let (next, end) = (AtomicU64::new(first), first + setting("SEAWALL_CRASH_RUNS", runs));
    let worker = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(tally);
            }
            tally.add(run::run(seed).map_err(|error| format!("seed {seed}: {error}"))?);
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut total = Tally::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            match worker.join() {
                Ok(Ok(tally)) => total.add(tally),
                Ok::<Result<_, String>, _>(Err(error)) => panic!("{error}"),
                Err(cause) => std::panic::resume_unwind(cause),
            }
        }
    });
    eprintln!("{total:?}");
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_settled_comes_back_whatever_the_disk_does() {
    play(300);
}

#[test]
#[ignore = "takes minutes"]
fn nothing_acknowledged_is_lost_in_a_hundred_thousand_runs() {
    play(100_000);
}
