//! Reading events back beside reading the files, and archiving beside zstd: one stream of log lines.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use journal::archive::Archiver;
use journal::storage::{Disk, Storage};
use journal::{Start, Stream};

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

/// Prints a row for each of both.
pub(crate) fn measure(path: &Path) {
    let journal = open(path);
    let stream = journal.stream("lines").unwrap();
    let archiver =
        Archiver::new(&journal, journal::Scope::All, Arc::new(Disk::at(&path.join("archives")).unwrap()))
            .unwrap();
    let reader = journal.consumer("reader", Start::Oldest).unwrap();
    let lines: Vec<String> = (0..EVENTS).map(line).collect();
    let bytes: u64 = lines.iter().map(|line| line.len() as u64).sum();
    for some in lines.chunks(4096) {
        journal.append_all(&stream, some).unwrap();
    }
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
    let alone = compress(&lines, bytes);
    reader.unregister().wait().unwrap();
    close(&journal, &stream);
    let begun = now();
    let made = archiver.run().unwrap();
    let archived = bytes as f64 / begun.elapsed().as_secs_f64();
    println!(
        "| archiving them, synced | {:.0} MB/s to {:.1} % of their size; zstd alone {:.0} MB/s |",
        archived / 1e6,
        made.iter().map(|made| made.archive.bytes).sum::<u64>() as f64 * 100.0 / bytes as f64,
        alone / 1e6,
    );
}

fn close(journal: &journal::Journal, stream: &Stream) {
    journal.close_stream(stream).wait().unwrap();
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

/// How fast zstd compresses the lines as the archiver does, bytes a second.
fn compress(lines: &[String], bytes: u64) -> f64 {
    let begun = now();
    let mut encoder = zstd::Encoder::new(io::sink(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    lines.iter().for_each(|line| encoder.write_all(line.as_bytes()).unwrap());
    encoder.finish().unwrap();
    bytes as f64 / begun.elapsed().as_secs_f64()
}
