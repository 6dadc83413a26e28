//! Drains or repairs a log and tells what that took: for benchmarks.
//!
//! `cargo run --release -p mend --example mend -- repair DIR`, or `drain DIR [keep SECONDS | until MILLIS]`

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a command-line example that measures")]

use std::num::NonZeroUsize;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::{Instant, SystemTime};

use formats::{Depth, Order, Progress, UnixTime};
use mend::prometheus::{Cut, Drain, Repair};
use mend::{Mending, Terms, apply};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let millis = |word: &str| word.parse::<i64>().expect("a number");
    let now: UnixTime = SystemTime::now().into();
    let workers = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let order = Order::new(Depth::Bytes, now).workers(workers);
    let drain = |dir: &str, cut| {
        Box::new(Drain::plan(Path::new(dir), cut, &order).expect("a plan")) as Box<dyn Mending>
    };
    let begin = Instant::now();
    let mending = match words.as_slice() {
        ["repair", dir] => Box::new(Repair::plan(Path::new(dir), &order).expect("a plan")),
        ["drain", dir] => drain(dir, Cut::Default),
        ["drain", dir, "keep", seconds] => drain(dir, Cut::Keep(millis(seconds) * 1000)),
        ["drain", dir, "until", time] => drain(dir, Cut::Until(millis(time))),
        _ => return println!("usage: repair DIR, or drain DIR [keep SECONDS | until MILLIS]"),
    };
    let planned = begin.elapsed();
    for step in &mending.plan().steps {
        println!("{:?} {} ({})", step.kind, step.path, step.why);
    }
    apply(mending.as_ref(), &Terms { now, progress: Progress::default() }).expect("a receipt");
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
