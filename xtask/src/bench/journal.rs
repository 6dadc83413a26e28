//! `bench journal`: durable appends to the journal beside a bare loop of group commit and beside the logs of others, on one
//! disk in one run; then what a pending event costs, how long a start takes, and how fast events are read and archived.
//!
//! The others are built in `contest/`, outside the workspace: what is shipped knows nothing of them. Whether each of them
//! syncs every append is counted before it is measured.

use std::path::PathBuf;
use std::process::Command;

use testkit::Peer;

use crate::command::{Failure, Outcome};
use crate::workspace::{self, cargo, output, target};

/// Who appends, as `contest` calls them.
const NAMES: [&str; 6] = ["bare loop", "seawall", "raft-engine", "okaywal", "sqlite", "redis"];

/// Appends of two runs. What a log syncs when it is made and ended is the same in both, give or take a few.
const FEW: u64 = 100;
const MANY: u64 = 1100;
const GIVE_OR_TAKE: u64 = 10;

/// Runs all of it and prints tables as they stand in `docs/performance.md`.
pub(crate) fn run() -> Outcome {
    let contest = Contest::build()?;
    contest.count_syncs()?;
    println!();
    workspace::run(contest.command().arg("append"))?;
    println!();
    let mut scale = cargo(["bench", "--quiet", "--package", "journal", "--bench", "scale"]);
    workspace::run(scale.env(DIRECTORY, contest.directory))
}

/// Names the disk that is measured.
const DIRECTORY: &str = "SEAWALL_BENCH_DIR";

/// The program that lets them append, and what it is started with.
struct Contest {
    program: PathBuf,
    directory: PathBuf,
    redis: Option<Command>,
    strace: Option<Command>,
}

impl Contest {
    fn build() -> Result<Self, Failure> {
        let place = target().join("contest");
        let mut build =
            cargo(["build", "--release", "--manifest-path", "contest/Cargo.toml", "--target-dir"]);
        workspace::run(build.arg(&place))?;
        let directory = std::env::var_os(DIRECTORY).map_or_else(|| target().join("bench"), PathBuf::from);
        std::fs::create_dir_all(&directory)
            .map_err(|cause| Failure::Work(format!("could not make {}: {cause}", directory.display())))?;
        let peer = |name: &str, program: &str| {
            let peer = Peer::all().into_iter().find(|peer| peer.name().starts_with(name));
            if peer.is_none() {
                println!("{name} is not here; `cargo xtask peers` fetches it");
            }
            peer.map(|peer| peer.command(program))
        };
        let redis = peer("redis", "usr/bin/redis-server");
        let strace = peer("strace", "usr/bin/strace");
        Ok(Self { program: place.join("release/contest"), directory, redis, strace })
    }

    fn command(&self) -> Command {
        self.with_surroundings(Command::new(&self.program))
    }

    /// Where files go, and where Redis and its libraries are.
    fn with_surroundings(&self, mut command: Command) -> Command {
        command.env(DIRECTORY, &self.directory);
        if let Some(redis) = &self.redis {
            command.env("SEAWALL_REDIS", redis.get_program());
            command.envs(redis.get_envs().filter_map(|(name, value)| Some((name, value?))));
        }
        command
    }

    /// Shows how many syncs an append of a single writer takes. One that takes less than one each is not measured against.
    fn count_syncs(&self) -> Outcome {
        let Some(strace) = &self.strace else { return Ok(()) };
        println!("| who | syncs for {} more appends by one writer |", MANY - FEW);
        println!("|---|---|");
        for name in NAMES.into_iter().filter(|name| *name != "redis" || self.redis.is_some()) {
            let syncs = self.syncs(strace, name, MANY)?.saturating_sub(self.syncs(strace, name, FEW)?);
            println!("| {name} | {syncs} |");
            if syncs + GIVE_OR_TAKE < MANY - FEW {
                return Err(Failure::Work(format!("{name} acknowledges appends that it has not synced")));
            }
        }
        Ok(())
    }

    /// The syncs of all threads and children while one writer appends so often.
    fn syncs(&self, strace: &Command, name: &str, appends: u64) -> Result<u64, Failure> {
        let record = self.directory.join("syncs.txt");
        let mut command = self.with_surroundings(Command::new(strace.get_program()));
        command.args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o"]).arg(&record);
        command.arg(&self.program).args(["alone", name, &appends.to_string()]);
        output(&mut command).map_err(Failure::Work)?;
        let calls = std::fs::read_to_string(&record)
            .map_err(|cause| Failure::Work(format!("could not read {}: {cause}", record.display())))?;
        std::fs::remove_file(&record).ok();
        // A call that others interrupt in the record has a second line, without a bracket behind its name.
        Ok(calls.lines().filter(|line| line.contains("sync(")).count() as u64)
    }
}
