//! What writing a block costs: `cargo bench -p mend --bench block`.
//!
//! * packing numbers, per sample: a steady counter and a noisy gauge;
//! * writing a block of a million series with ten labels each, in time and memory.
//!
//! Time is that on a core. Before the block, memory holds its texts, which the caller keeps.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails says enough")]

use std::fs;
use std::hint::black_box;
use std::time::Duration;

use mend::block::chunk::Encoder;
use mend::block::{BlockWriter, Description, Label, Pool, Segments, Symbols, Ulid};

const SAMPLES: u32 = 20_000_000;
const SERIES: u32 = 1_000_000;

fn main() {
    pack("a steady counter", f64::from);
    pack("a noisy gauge", |n| f64::from(n.wrapping_mul(0x9e37_79b9) >> 12) / 1000.0);
    pack("a constant", |_| 1.0);
    let began = on_core();
    let (series, bytes) = write_block();
    let peak = peak_memory();
    let took = on_core().saturating_sub(began);
    println!("a block of {series} series: {took:?}, {bytes} bytes, at most {peak} of memory");
}

/// How long this process has been running on a core, so that others on the machine do not count.
fn on_core() -> Duration {
    let spent = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = spent.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

fn pack(name: &str, value: impl Fn(u32) -> f64) {
    let mut encoder = Encoder::default();
    let (mut time, mut bytes) = (1_767_225_600_000, 0);
    let began = on_core();
    for n in 0..SAMPLES {
        time += 15_000;
        let ended = encoder.float(time, value(black_box(n))).unwrap();
        bytes += ended.map_or(0, |chunk| chunk.data.len());
    }
    let took = on_core().saturating_sub(began);
    let (each, size) = (took.as_nanos() as f64 / f64::from(SAMPLES), bytes as f64 / f64::from(SAMPLES));
    println!("packing {name}: {each:.1} ns and {size:.2} bytes per sample");
}

/// Ten labels: some that few series share, some that many do.
fn write_block() -> (u64, u64) {
    let mut pool = Pool::default();
    let mut text = |text: String| pool.intern(text.as_bytes()).unwrap();
    let names: Vec<_> = (0..10).map(|n| text(format!("label_{n}"))).collect();
    // Values sort as they count.
    let values: Vec<_> = (0..SERIES).map(|n| text(format!("value-{n:07}"))).collect();
    let symbols = Symbols::of(&pool, names.iter().chain(&values).copied());
    let ordinal = |id| symbols.ordinal(id).unwrap();
    let names: Vec<_> = names.into_iter().map(ordinal).collect();
    let values: Vec<_> = values.into_iter().map(ordinal).collect();
    let home = tempfile::TempDir::new().unwrap();
    let dir = home.path().join("block");
    let before = peak_memory();
    println!("before the block: {before} of memory");
    let mut writer = BlockWriter::create(&dir, &symbols, Segments::default()).unwrap();
    for series in 0..SERIES {
        let mut encoder = Encoder::default();
        for n in 0..8 {
            assert!(encoder.float(n * 15_000, f64::from(series)).unwrap().is_none());
        }
        let chunks = [encoder.finish().unwrap()];
        let shares = [1_000_000, 500_000, 100_000, 10_000, 1_000, 500, 100, 50, 10, 1];
        let labels = names.iter().zip(shares).map(|(&name, share)| {
            let value = *values.get((series / share) as usize).unwrap();
            Label { name, value }
        });
        let labels: Vec<_> = labels.collect();
        writer.series(&labels, &chunks).unwrap();
    }
    let written = writer.finish(&Description::of_head(Ulid::new(0, 0))).unwrap();
    (written.stats.num_series, written.bytes)
}

/// The most memory that this process ever had in use.
fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(String::new, |line| line.trim().to_owned())
}
