//! Reading events back beside reading the files, and archiving beside zstd: one stream of log lines.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use journal::archive::Archiver;
use journal::storage::{Disk, Storage, read_range};
use journal::{Journal, Start, Stream};

use super::{now, open};

const EVENTS: u64 = 400_000;

/// A line as services log them: words that come again, and an id that does not.
fn line(number: u64) -> String {
    let (low, high) =
        (number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number.wrapping_mul(0xd1b5_4a32_d192_ed03));
    let path = ["/api/v1/orders", "/api/v1/customers", "/healthz", "/api/v1/orders/search"];
    format!(
        r#"{{"ts":"2026-01-01T00:{:02}:{:02}.{:06}Z","level":"info","service":"checkout","pod":"checkout-{:02}","trace":"{low:016x}{high:016x}","method":"POST","path":"{}","status":{},"ms":{},"bytes":{},"message":"request completed, cache {} after {} tries, upstream answered within its deadline"}}"#,
        number / 60_000 % 60,
        number / 1000 % 60,
        number % 1000 * 1000,
        number % 17,
        path.get(usize::try_from(low % 4).unwrap()).unwrap(),
        [200, 201, 204, 404].get(usize::try_from(high % 4).unwrap()).unwrap(),
        low % 900,
        high % 20_000,
        if low.is_multiple_of(3) { "missed" } else { "hit" },
        high % 5,
    )
}

/// How often a stream is archived, and how often zstd compresses the same bytes, in turn.
const ROUNDS: usize = 5;

/// Prints a row for each of both.
pub(crate) fn measure(path: &Path) {
    let journal = open(path);
    let archives: Arc<dyn Storage> = Arc::new(Disk::at(&path.join("archives")).unwrap());
    let archiver = Archiver::new(&journal, journal::Scope::All, Arc::clone(&archives)).unwrap();
    let lines: Vec<String> = (0..EVENTS).map(line).collect();
    read(path, &journal, &lines);
    let mut rounds: Vec<Round> =
        (0..ROUNDS).map(|_| archive((path, &journal), &archiver, &*archives, &lines)).collect();
    rounds.sort_by(|one, other| one.share().total_cmp(&other.share()));
    let median = rounds.get(ROUNDS / 2).unwrap();
    println!(
        "| archiving them, synced | {:.0} MB/s to {:.1} % of their size; zstd alone {:.0} MB/s; {:.2} of it, {:.2} to {:.2} in {ROUNDS} rounds |",
        median.archived / 1e6,
        median.size * 100.0,
        median.alone / 1e6,
        median.share(),
        rounds.first().unwrap().share(),
        rounds.last().unwrap().share(),
    );
}

fn fill(journal: &Journal, name: &str, lines: &[String]) -> Stream {
    let stream = journal.stream(name).unwrap();
    for some in lines.chunks(4096) {
        journal.append_all(&stream, some).unwrap();
    }
    stream
}

fn read(path: &Path, journal: &Journal, lines: &[String]) {
    let reader = journal.consumer("reader", Start::Oldest).unwrap();
    let stream = fill(journal, "read", lines);
    let bytes: u64 = lines.iter().map(|line| line.len() as u64).sum();
    let raw = raw(path);
    let begun = now();
    let read: u64 = reader.pending(&stream).map(|event| event.unwrap().payload.len() as u64).sum();
    let back = read as f64 / begun.elapsed().as_secs_f64();
    assert_eq!(read, bytes);
    println!(
        "| reading back {EVENTS} events of {} bytes | {:.2} GB/s, {:.2} million a second; the files alone {:.2} GB/s |",
        bytes / EVENTS,
        back / 1e9,
        back / 1e6 / (bytes / EVENTS) as f64,
        raw / 1e9,
    );
    reader.unregister().wait().unwrap();
}

/// Bytes a second, and what became of them.
struct Round {
    archived: f64,
    alone: f64,
    size: f64,
}

impl Round {
    fn share(&self) -> f64 {
        self.archived / self.alone
    }
}

/// Waits until the journal has made the file of its next segment: that belongs to what was appended.
fn rest(path: &Path) {
    let storage = Disk::at(path).unwrap();
    while storage.list().unwrap().iter().any(|name| name == "spare.tmp") {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Archives the lines, and lets zstd compress what is in the archive.
fn archive(
    (path, journal): (&Path, &Journal),
    archiver: &Archiver,
    archives: &dyn Storage,
    lines: &[String],
) -> Round {
    let stream = fill(journal, "archived", lines);
    journal.close_stream(&stream).wait().unwrap();
    rest(path);
    let begun = now();
    let made = archiver.run().unwrap().remove(0).archive;
    let archived = begun.elapsed().as_secs_f64();
    let file = archives.open(&made.name).unwrap();
    let log = zstd::decode_all(&*read_range(&*file, 0, made.bytes).unwrap()).unwrap();
    archives.remove(&made.name).unwrap();
    let bytes = log.len() as f64;
    Round { archived: bytes / archived, alone: bytes / compress(&log), size: made.bytes as f64 / bytes }
}

/// How fast the segments are read, bytes a second, without looking at them.
fn raw(path: &Path) -> f64 {
    let storage = Disk::at(path).unwrap();
    let mut buffer = vec![0; 256 << 10];
    let (begun, mut bytes) = (now(), 0);
    for name in storage.list().unwrap().iter().filter(|name| name.contains(".seg")) {
        let mut file = fs::File::open(path.join(name)).unwrap();
        loop {
            match file.read(&mut buffer).unwrap() {
                0 => break,
                read => bytes += read as u64,
            }
        }
    }
    bytes as f64 / begun.elapsed().as_secs_f64()
}

/// How many seconds zstd takes to compress a log as the archiver does.
fn compress(log: &[u8]) -> f64 {
    let begun = now();
    let mut encoder = zstd::Encoder::new(io::sink(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    log.chunks(256 << 10).for_each(|some| encoder.write_all(some).unwrap());
    encoder.finish().unwrap();
    begun.elapsed().as_secs_f64()
}
