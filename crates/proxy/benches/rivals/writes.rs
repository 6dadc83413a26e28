//! Writes: durable by way of the proxy, beside the service itself, a proxy that keeps nothing, and a sync of the same disk.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use crate::clients::{Load, Paths, Span};
use crate::contestant::{Running, Who};
use crate::figures::{Round, mebibytes, medians, shown, size};
use crate::{Surroundings, now};

const SPAN: Span = Span::Time { before: Duration::from_millis(200), counted: Duration::from_millis(800) };
/// Bytes of the file that is synced; each of its blocks was written before, as those of the journal's segments were.
const SYNCED: u64 = 64 << 20;

pub(crate) fn measure(surroundings: &Surroundings) {
    println!("| body | connections | who | writes a second | p50 | p99 | p99.9 | processor of a write |");
    println!("|---|---|---|---|---|---|---|---|");
    let nginx = Who::Nginx.start(surroundings);
    let Some(seawall) = Who::Seawall.start(surroundings) else { return };
    let file = tempfile::tempdir_in(&surroundings.place).unwrap();
    let file = prewritten(&file.path().join("synced"));
    for sent in [1 << 10, 16 << 10] {
        for connections in [1, 16, 64] {
            let load = |paths| Load { method: "POST", paths, sent, got: 16, connections };
            let mut rows: [(&str, Vec<Round>); 5] = [
                ("a sync alone", Vec::new()),
                ("the service itself", Vec::new()),
                ("nginx, nothing kept", Vec::new()),
                ("Seawall, a lane each", Vec::new()),
                ("Seawall, one lane", Vec::new()),
            ];
            for _ in 0..surroundings.rounds {
                let through = |running: &Running, paths| {
                    Some(Round::by(running, || load(paths).run(running.address, SPAN)))
                };
                let rounds = [
                    Some(sync(&file, sent)),
                    Some(load(Paths::Own).run(surroundings.service.address, SPAN)),
                    nginx.as_ref().and_then(|nginx| through(nginx, Paths::Own)),
                    through(&seawall, Paths::Own),
                    through(&seawall, Paths::One),
                ];
                for (row, round) in rows.iter_mut().zip(rounds) {
                    row.1.extend(round);
                }
            }
            for (who, rounds) in rows.iter().filter(|(_, rounds)| !rounds.is_empty()) {
                show(&load(Paths::Own), who, &medians(rounds));
            }
        }
    }
    println!("\nPeak memory of Seawall: {}.", mebibytes(seawall.peak()));
}

fn show(load: &Load, who: &str, round: &Round) {
    assert_eq!(round.refused, 0, "{who} refused writes");
    let Round { per_second, p50, p99, p999, processor, .. } = round;
    println!(
        "| {} | {} | {who} | {per_second:.0} | {} | {} | {} | {} |",
        size(load.sent),
        load.connections,
        shown(*p50),
        shown(*p99),
        shown(*p999),
        shown(*processor),
    );
}

fn prewritten(path: &Path) -> File {
    let mut file = File::options().create(true).truncate(true).read(true).write(true).open(path).unwrap();
    let piece = vec![1; 1 << 20];
    for _ in 0..SYNCED >> 20 {
        file.write_all(&piece).unwrap();
    }
    file.sync_all().unwrap();
    file
}

/// One write and one sync after the other: what a group commit costs if nobody shares it.
fn sync(file: &File, bytes: u64) -> Round {
    let (begun, piece) = (now(), vec![2; usize::try_from(bytes).unwrap()]);
    let (mut delays, mut at) = (Vec::new(), 0);
    while begun.elapsed() < Duration::from_millis(400) {
        let start = now();
        file.write_all_at(&piece, at).unwrap();
        file.sync_data().unwrap();
        delays.push(start.elapsed());
        at = (at + bytes) % SYNCED;
    }
    let count = delays.len();
    Round::of(delays, (count, 0), begun.elapsed())
}
