//! Drains a log and tells what that took: for benchmarks.
//!
//! `cargo run --release -p mend --example drain -- DIR [keep SECONDS | until MILLIS]`

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a command-line example that measures")]

use std::num::NonZeroUsize;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::{Instant, SystemTime};

use formats::{Depth, Order, Progress};
use mend::prometheus::{Cut, Drain};
use mend::{Mending, Terms, apply};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let millis = |word: &str| word.parse::<i64>().expect("a number");
    let (dir, cut) = match words.as_slice() {
        [dir] => (dir, Cut::Default),
        [dir, "keep", seconds] => (dir, Cut::Keep(millis(seconds) * 1000)),
        [dir, "until", time] => (dir, Cut::Until(millis(time))),
        _ => return println!("usage: drain DIR [keep SECONDS | until MILLIS]"),
    };
    let now = SystemTime::now().into();
    let workers = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let begin = Instant::now();
    let drain =
        Drain::plan(Path::new(dir), cut, &Order::new(Depth::Bytes, now).workers(workers)).expect("a plan");
    let planned = begin.elapsed();
    println!("peak so far {} MiB", peak_memory().map_or(0, |bytes| bytes / 1_048_576));
    for step in &drain.plan().steps {
        println!("{:?} {} ({})", step.kind, step.path, step.why);
    }
    apply(&drain, &Terms { now, progress: Progress::default() }).expect("a receipt");
    println!(
        "planned {:.3} s, all {:.3} s, peak {} MiB",
        planned.as_secs_f64(),
        begin.elapsed().as_secs_f64(),
        peak_memory().map_or(0, |bytes| bytes / 1_048_576)
    );
}

/// The most memory that this process ever had in use.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    kibibytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
