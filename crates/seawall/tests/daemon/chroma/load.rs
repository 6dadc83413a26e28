//! Servers and the daemon itself are killed at random moments, under load, with a client that keeps books.

use std::io::{BufRead, BufReader, Lines};
use std::process::{ChildStdout, Stdio};

use serde_json::Value;
use testkit::chroma::Chroma;
use testkit::wait_for;

use super::house::Library;
use crate::running::PATIENCE;

/// Kills, unless `SEAWALL_TEST_KILLS` says more.
const KILLS: u64 = 8;
const WORKERS: &str = "4";
/// Attempts of the client between two kills, at most.
const ATTEMPTS: u64 = 60;

/// What is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Primary,
    Replica,
    Both,
    Daemon,
}

impl Library {
    fn lose(&mut self, victim: Victim) {
        match victim {
            Victim::Primary => self.primary.kill().unwrap(),
            Victim::Replica => self.replica.kill().unwrap(),
            Victim::Both => {
                self.primary.kill().unwrap();
                self.replica.kill().unwrap();
            }
            Victim::Daemon => self.kill(),
        }
    }

    fn bring_back(&mut self, victim: Victim) {
        match victim {
            Victim::Primary => self.primary.start().unwrap(),
            Victim::Replica => self.replica.start().unwrap(),
            Victim::Both => {
                self.replica.start().unwrap();
                self.primary.start().unwrap();
            }
            Victim::Daemon => self.start(),
        }
    }
}

/// A sequence of numbers that look like chance; the same one for a seed.
fn chance(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

fn number_in_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn pass(lines: &mut Lines<BufReader<ChildStdout>>, attempts: u64) -> u64 {
    let lines = lines.by_ref().take(usize::try_from(attempts).unwrap());
    lines.filter(|line| line.as_deref().is_ok_and(|line| line == "done")).count() as u64
}

#[test]
#[ignore = "starts a real server"]
fn every_acknowledged_write_is_on_both_servers_whatever_was_killed() {
    let Some(chroma) = Chroma::need() else { return };
    // Servers that are back are found within a second.
    let mut library = Library::open(&chroma, &[("CHECK_INTERVAL", "1"), ("REQUEST_TIMEOUT", "5")]);
    let seed = number_in_environment("SEAWALL_TEST_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let kills = number_in_environment("SEAWALL_TEST_KILLS").unwrap_or(KILLS);
    let mut load = chroma.script(include_str!("load.py"));
    load.args([&library.port.to_string(), WORKERS, &seed.to_string()]);
    let mut load = load.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(load.stdout.take().unwrap()).lines();
    let (mut state, mut done) = (seed, pass(&mut lines, ATTEMPTS));
    for _ in 0..kills {
        let kinds = [Victim::Primary, Victim::Replica, Victim::Both, Victim::Daemon];
        let victim = kinds[usize::try_from(chance(&mut state, 4)).unwrap()];
        library.lose(victim);
        done += pass(&mut lines, 1 + chance(&mut state, ATTEMPTS));
        library.bring_back(victim);
        done += pass(&mut lines, 1 + chance(&mut state, ATTEMPTS));
    }
    drop(load.stdin.take());
    let books = lines.map_while(Result::ok).last().unwrap();
    let books: Value = serde_json::from_str(&books).unwrap();
    assert!(load.wait().unwrap().success());
    assert!(done > kills, "of the writes only {done} were acknowledged");

    let check = format!("import json\ntold = json.loads(r'''{books}''')\n{CHECK}");
    let mut wrong = Value::Null;
    let found = wait_for(PATIENCE, || {
        wrong = library.python.run(&check).unwrap_or_else(Value::String);
        (wrong == Value::Array(Vec::new())).then_some(())
    });
    assert!(found.is_some(), "seed {seed}: {wrong:#}\n{:#?}", library.told());
}

/// What is on the servers and may not be there, or is not there and has to be.
const CHECK: &str = "
both = [books(port) for port in (primary, replica)]
def wrong(server, have):
    if set(have) != set(told):
        yield [server, sorted(have), 'instead of', sorted(told)]
    for name in set(have) & set(told):
        records = {id: record[0] for id, record in have[name]['records'].items()}
        for id in set(records) | set(told[name]):
            if records.get(id) not in told[name].get(id, [None]):
                yield [server, name, id, records.get(id), 'is none of', told[name].get(id)]
found = [one for server, have in enumerate(both) for one in wrong(server, have)]
found += [] if both[0] == both[1] else ['the servers differ']
found[:20]
";
