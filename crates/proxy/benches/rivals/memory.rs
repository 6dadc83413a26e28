//! Memory that bodies take: of reads, which are streamed, and of writes, which are held up to a limit.

use crate::Surroundings;
use crate::clients::{Load, Paths, Span};
use crate::contestant::Who;
use crate::figures::{mebibytes, size};

/// Clients that send or get a large body at the same time.
const STREAMS: usize = 4;
const SIZES: [u64; 4] = [1 << 20, 16 << 20, 256 << 20, 1 << 30];

pub(crate) fn measure(surroundings: &Surroundings) {
    println!("| body | who | peak memory, {STREAMS} downloads | peak memory, {STREAMS} streamed uploads |");
    println!("|---|---|---|---|");
    for bytes in SIZES {
        for who in Who::ALL {
            let peak = |sent, got| {
                let load = Load { method: "GET", paths: Paths::Own, sent, got, connections: STREAMS };
                peak(surroundings, who, &load, 1).map(|(_, _, peak)| mebibytes(peak))
            };
            // One process each, so that neither has what the other one took.
            if let Some((down, up)) = peak(0, bytes).zip(peak(bytes, 0)) {
                println!("| {} | {} | {down} | {up} |", size(bytes), who.name());
            }
        }
    }
    println!();
    println!("| body of a write | clients | who | taken | turned away | peak memory |");
    println!("|---|---|---|---|---|---|");
    for (sent, connections) in [(64 << 10, 64), (1 << 20, 64), (4 << 20, 64), (8 << 20, 4)] {
        for who in Who::ALL {
            let load = Load { method: "POST", paths: Paths::Own, sent, got: 16, connections };
            if let Some((taken, refused, peak)) = peak(surroundings, who, &load, 8) {
                let (size, peak) = (size(sent), mebibytes(peak));
                println!("| {size} | {connections} | {} | {taken} | {refused} | {peak} |", who.name());
            }
        }
    }
}

/// What a process that has done nothing else answers, and the most memory that it had.
fn peak(surroundings: &Surroundings, who: Who, load: &Load, requests: usize) -> Option<(usize, usize, u64)> {
    let running = who.start(surroundings)?;
    let round = load.run(running.address, Span::Requests(requests));
    Some((round.answers, round.refused, running.peak()))
}
