//! The proxy beside nginx and `HAProxy`, and beside the service itself, in one run on one machine: reads that pass through,
//! writes that are durable, and the memory that bodies take. `cargo xtask bench proxy` builds the program, fetches the
//! others and runs this; what is not there does not take part.
//!
//! The service and the clients are the same for everybody: a thread each of this process, which speak just as much HTTP
//! as is needed, so that what differs is what stands between them.
//!
//! | from the environment | |
//! |---|---|
//! | `SEAWALL_BENCH_PROGRAM` | the program, as it is shipped |
//! | `SEAWALL_BENCH_DIR` | where journals are made; the disk that is measured |
//! | `SEAWALL_BENCH_ROUNDS` | rounds of each contestant, 5 if it is not set |
//! | `SEAWALL_BENCH_PART` | `reads`, `writes` or `memory`; all if it is not set |

#![expect(clippy::unwrap_used, reason = "a benchmark says what went wrong by failing")]
#![expect(clippy::print_stdout, reason = "its result")]

mod clients;
mod contestant;
mod figures;
mod memory;
mod reads;
mod service;
mod wire;
mod writes;

use std::path::PathBuf;
use std::time::Instant;

use service::Service;

/// What every part is measured with.
struct Surroundings {
    service: Service,
    place: PathBuf,
    rounds: usize,
}

fn main() {
    let variable = |name: &str| std::env::var(name).ok();
    let place = variable("SEAWALL_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let rounds = variable("SEAWALL_BENCH_ROUNDS").and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let surroundings = Surroundings { service: Service::start(), place, rounds };
    let wanted = variable("SEAWALL_BENCH_PART");
    for part in ["reads", "writes", "memory"] {
        if wanted.as_deref().is_some_and(|wanted| wanted != part) {
            continue;
        }
        match part {
            "reads" => reads::measure(&surroundings),
            "writes" => writes::measure(&surroundings),
            _ => memory::measure(&surroundings),
        }
        println!();
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
