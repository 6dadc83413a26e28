//! Durable appends, side by side on one disk in one run: the journal, a bare loop of group commit as the limit, and logs
//! that others use for this. `cargo xtask bench journal` runs it.
//!
//! Every append is acknowledged after its sync: `contest alone NAME COUNT` lets one writer append so often and nothing
//! else, for `strace` to count the syncs of. `contest append` prints a table, or `contest append BYTES WRITERS` a part of
//! it.
//!
//! | from the environment | |
//! |---|---|
//! | `SEAWALL_BENCH_DIR` | where files are made; the disk that is measured |
//! | `SEAWALL_BENCH_MILLIS` | how long a round is, 600 if it is not set |
//! | `SEAWALL_BENCH_ROUNDS` | rounds of each contestant, 3 if it is not set |
//! | `SEAWALL_BENCH_WHO` | who takes part beside the bare loop, separated by semicolons; all if it is not set |
//! | `SEAWALL_REDIS` | the server of Redis; without it, Redis does not take part |

mod bare;
mod okay;
mod raft;
mod redis;
mod round;
mod run;
mod seawall;
mod sqlite;
mod table;
mod tasks;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    run::run(&words.iter().map(String::as_str).collect::<Vec<_>>());
}
