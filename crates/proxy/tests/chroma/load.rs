//! Servers and the proxy itself are killed at random moments, under load, with a client that keeps books.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, Millis, Options};
use proxy::Proxy;
use serde_json::Value;
use testkit::chroma::{Chroma, Server, free_port};
use testkit::wait_for;

use crate::house::{BOOKS, settings};

const PLACE: &str = "SEAWALL_TEST_PROXY";
/// Kills, unless `SEAWALL_TEST_KILLS` says more.
const KILLS: u64 = 8;
const WORKERS: &str = "4";
/// Attempts of the client between two kills, at most.
const ATTEMPTS: u64 = 60;
/// Only a broken run takes so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// The proxy as a process of its own, so that it can be killed.
#[test]
#[ignore = "a part of the other test, which starts it"]
fn child() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let words: Vec<&str> = place.split(' ').collect();
    let [directory, listen, primary, replica] = words.as_slice() else { panic!("{place}") };
    let servers = [("primary", (*primary).to_owned()), ("replica", (*replica).to_owned())];
    let settings = settings(listen.parse().unwrap(), &servers);
    let journal = Journal::open(Path::new(directory), Options::new(|| Millis::new(0))).unwrap();
    let listener = Arc::new(|notice: &proxy::Notice| eprintln!("{notice:?}"));
    let _running = Proxy::start(settings, journal, Arc::new(|| Millis::new(0)), listener).unwrap();
    println!("\nserving");
    // Until it is killed.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

struct House {
    primary: Server,
    replica: Server,
    proxy: Served,
    place: String,
}

/// What is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Primary,
    Replica,
    Both,
    Proxy,
}

/// A proxy in a process of its own.
struct Served {
    child: Child,
    /// Kept open: a process that cannot print ends.
    _lines: Lines<BufReader<ChildStdout>>,
}

fn start(place: &str) -> Served {
    let log = File::options().create(true).append(true).open(log_of(place)).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "load::child", "--ignored", "--nocapture"]).env(PLACE, place);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = lines.by_ref().map_while(Result::ok);
    assert!(told.any(|line| line == "serving"), "the proxy does not serve");
    Served { child, _lines: lines }
}

/// What the proxy told about itself lies beside its journal.
fn log_of(place: &str) -> String {
    format!("{}.log", place.split(' ').next().unwrap())
}

impl House {
    fn kill(&mut self, victim: Victim) {
        match victim {
            Victim::Primary => self.primary.kill().unwrap(),
            Victim::Replica => self.replica.kill().unwrap(),
            Victim::Both => {
                self.primary.kill().unwrap();
                self.replica.kill().unwrap();
            }
            Victim::Proxy => {
                self.proxy.child.kill().unwrap();
                self.proxy.child.wait().unwrap();
            }
        }
    }

    fn restart(&mut self, victim: Victim) {
        match victim {
            Victim::Primary => self.primary.start().unwrap(),
            Victim::Replica => self.replica.start().unwrap(),
            Victim::Both => {
                self.replica.start().unwrap();
                self.primary.start().unwrap();
            }
            Victim::Proxy => self.proxy = start(&self.place),
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
    let directory = tempfile::tempdir().unwrap();
    let primary = chroma.on(directory.path().join("primary")).unwrap();
    let replica = chroma.on(directory.path().join("replica")).unwrap();
    let port = free_port().unwrap();
    let journal = directory.path().join("journal");
    let place = format!("{} 127.0.0.1:{port} {} {}", journal.display(), primary.url(), replica.url());
    let mut house = House { proxy: start(&place), primary, replica, place };

    let seed = number_in_environment("SEAWALL_TEST_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let kills = number_in_environment("SEAWALL_TEST_KILLS").unwrap_or(KILLS);
    let mut load = chroma.script(include_str!("load.py"));
    load.args([&port.to_string(), WORKERS, &seed.to_string()]);
    let mut load = load.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(load.stdout.take().unwrap()).lines();
    let (mut state, mut done) = (seed, pass(&mut lines, ATTEMPTS));
    for _ in 0..kills {
        let kinds = [Victim::Primary, Victim::Replica, Victim::Both, Victim::Proxy];
        let victim = kinds[usize::try_from(chance(&mut state, 4)).unwrap()];
        house.kill(victim);
        done += pass(&mut lines, 1 + chance(&mut state, ATTEMPTS));
        house.restart(victim);
        done += pass(&mut lines, 1 + chance(&mut state, ATTEMPTS));
    }
    drop(load.stdin.take());
    let books = lines.map_while(Result::ok).last().unwrap();
    let books: Value = serde_json::from_str(&books).unwrap();
    assert!(load.wait().unwrap().success());
    assert!(done > kills, "of the writes only {done} were acknowledged");

    let mut python = chroma.session().unwrap();
    python.run(BOOKS).unwrap();
    let ports = (house.primary.port(), house.replica.port());
    let check = format!("import json\ntold = json.loads(r'''{books}''')\nports = {ports:?}\n{CHECK}");
    let mut wrong = Value::Null;
    let found = wait_for(PATIENCE, || {
        wrong = python.run(&check).unwrap_or_else(Value::String);
        (wrong == Value::Array(Vec::new())).then_some(())
    });
    let log = std::fs::read_to_string(log_of(&house.place)).unwrap();
    assert!(found.is_some(), "seed {seed}: {wrong:#}\n{log}");
    house.kill(Victim::Proxy);
}

/// What is on the servers and may not be there, or is not there and has to be.
const CHECK: &str = "
both = [books(port) for port in ports]
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
