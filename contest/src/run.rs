//! Who takes part, who comes when, and what is asked of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::round::{Contestant, Order, Round, processor_time};
use crate::seawall::{self, Waiting};
use crate::{bare, okay, raft, redis, sqlite, table};

/// Who takes part, in the order of the table. The limit comes first.
const NAMES: [&str; 7] =
    ["bare loop", "seawall", "seawall, threads", "raft-engine", "okaywal", "sqlite", "redis"];

const SIZES: [usize; 2] = [256, 2048];
const WRITERS: [usize; 4] = [1, 16, 64, 256];

/// Does what was asked for.
pub(crate) fn run(words: &[&str]) {
    match words {
        ["append"] => append(&SIZES, &WRITERS),
        ["append", bytes, writers] => append(&[number(bytes)], &[number(writers)]),
        ["alone", name, count] => alone(name, number(count)),
        _ => panic!("usage: contest append [BYTES WRITERS] | contest alone NAME COUNT"),
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// A directory on the disk that is measured.
fn directory() -> tempfile::TempDir {
    let place = std::env::var_os("SEAWALL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(place).unwrap()
}

fn redis_server() -> Option<OsString> {
    std::env::var_os("SEAWALL_REDIS")
}

/// Whether a contestant is wanted.
fn is_wanted(name: &str) -> bool {
    let Ok(wanted) = std::env::var("SEAWALL_BENCH_WHO") else { return true };
    name == NAMES[0] || wanted.split(';').any(|wanted| wanted == name)
}

/// Opens a contestant's log; nothing if what it needs is not here.
fn enter(name: &str, directory: &Path) -> Option<Box<dyn Contestant>> {
    Some(match name {
        "bare loop" => Box::new(bare::Bare::new(directory)),
        "seawall" => Box::new(seawall::Seawall::new(directory, Waiting::Tasks)),
        "seawall, threads" => Box::new(seawall::Seawall::new(directory, Waiting::Threads)),
        "raft-engine" => Box::new(raft::Raft::new(directory)),
        "okaywal" => Box::new(okay::Okay::new(directory)),
        "sqlite" => Box::new(sqlite::Sqlite::new(directory)),
        "redis" => Box::new(redis::Redis::new(&redis_server()?, directory)),
        _ => panic!("nobody is called {name}"),
    })
}

/// Bytes that do not compress.
fn payload(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..bytes).map(next).collect()
}

fn append(sizes: &[usize], numbers: &[usize]) {
    table::head();
    for &bytes in sizes {
        for &writers in numbers {
            let time = Duration::from_millis(setting("SEAWALL_BENCH_MILLIS", 600));
            cell(&Order { writers, payload: payload(bytes), time, most: usize::MAX });
        }
    }
}

/// Lets all contestants append as ordered, in turns, and shows what it came to.
fn cell(order: &Order) {
    let directory = directory();
    let mut all: Vec<(&str, Box<dyn Contestant>, Vec<Round>)> = Vec::new();
    for (number, name) in NAMES.into_iter().enumerate().filter(|(_, name)| is_wanted(name)) {
        let own = directory.path().join(number.to_string());
        std::fs::create_dir(&own).unwrap();
        all.extend(enter(name, &own).map(|contestant| (name, contestant, Vec::new())));
    }
    // What is done once, as making files, is done before.
    for (_, contestant, _) in &mut all {
        contestant.prepare();
        contestant.round(order);
        contestant.rest();
    }
    for turn in 0..setting("SEAWALL_BENCH_ROUNDS", 3) as usize {
        // Who comes first is another one each time, so that what disturbs the machine does not hit the same one.
        for place in 0..all.len() {
            let at = (place + turn * 3) % all.len();
            let (name, contestant, rounds) = &mut all[at];
            rounds.push(measured(name, contestant.as_mut(), order));
            contestant.rest();
        }
    }
    let rounds: Vec<(&str, Vec<Round>)> = all.into_iter().map(|(name, _, rounds)| (name, rounds)).collect();
    table::rows(order, &rounds);
}

/// A round with the processor time of each append.
fn measured(name: &str, contestant: &mut dyn Contestant, order: &Order) -> Round {
    let before = processor_time();
    let mut round = contestant.round(order);
    let spent = processor_time() - before;
    let appends = round.per_second * order.time.as_secs_f64();
    round.cpu = (name != "redis").then(|| spent.div_f64(appends.max(1.0)));
    round
}

/// Lets one writer append `count` times.
fn alone(name: &str, count: usize) {
    let directory = directory();
    let mut contestant = enter(name, directory.path()).expect("what it needs is here");
    contestant.round(&Order { writers: 1, payload: payload(256), time: Duration::MAX, most: count });
}
