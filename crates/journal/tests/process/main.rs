//! The journal in a process of its own on a real file system: killed at any moment, with system calls that fail, and on
//! a disk that loses power.
//!
//! A child appends, settles, closes and archives, and says of each thing what became of it. Whatever happens to the
//! child, what it has called safe holds at the next start.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::print_stderr, reason = "what the child says, and the figures of a run")]

#[path = "../crash/chance.rs"]
mod chance;
mod child;
mod failing;
mod ledger;
mod power;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use child::Work;
use ledger::Ledger;

/// The command that starts a child in its `life` of a journal.
fn command(place: &Path, work: Work, life: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child::child", "--ignored", "--nocapture"]);
    command.env(child::PLACE, place).env(child::WORK, work.name()).env(child::LIFE, life.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Enters what the child says: so many lines, or all until it ends.
fn listen(said: &mut impl BufRead, ledger: &mut Ledger, lines: usize) {
    for line in said.lines().map_while(Result::ok).take(lines) {
        ledger.enter(&line);
    }
}

fn hear(child: &mut Child) -> impl BufRead + use<> {
    BufReader::new(child.stderr.take().unwrap())
}

#[test]
fn what_a_process_called_safe_is_there_when_it_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("journal");
    let mut ledger = Ledger::default();
    for (life, lines) in (0..).zip([1, 2, 17, 40, 64, 99, 500, 2000]) {
        let mut child = command(&place, Work::Busy, life).spawn().unwrap();
        let mut said = hear(&mut child);
        listen(&mut said, &mut ledger, lines);
        child.kill().unwrap();
        listen(&mut said, &mut ledger, usize::MAX);
        child.wait().unwrap();
        ledger.check(&place).unwrap_or_else(|error| panic!("killed after {lines} lines: {error}"));
    }
    assert!(ledger.counts().appended > 500, "{:?}", ledger.counts());
}
