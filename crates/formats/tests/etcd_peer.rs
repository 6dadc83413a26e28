//! What is read from a log must be what etcd itself says of it, and what the verdict says must be what it does.

#![expect(clippy::unwrap_used, reason = "tests")]

mod peer;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use formats::{Depth, Order, Survey, UnixTime, Value, detect, survey};
use peer::Programs;

/// The server, or nothing, and then the test is skipped.
fn etcd() -> Option<Programs> {
    peer::find("etcd", "etcd", "usr/bin")
}

/// A running member.
struct Member {
    process: Child,
    port: u16,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Member {
    /// Starts etcd over `data`; an error is its last words.
    fn start(program: &Programs, data: &Path) -> Result<Self, String> {
        let (port, peer) = (free_port(), free_port());
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let process = program
            .command("etcd")
            .args(["--data-dir".as_ref(), data.as_os_str()])
            .args(["--listen-client-urls", &url(port), "--advertise-client-urls", &url(port)])
            .args(["--listen-peer-urls", &url(peer), "--initial-advertise-peer-urls", &url(peer)])
            .args(["--initial-cluster", &format!("default={}", url(peer)), "--logger", "zap"])
            .args(["--log-outputs", "stderr"])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut member = Self { process, port };
        // etcd says on its log that it serves, or ends.
        let mut log = BufReader::new(member.process.stderr.take().unwrap());
        let mut words = String::new();
        loop {
            let from = words.len();
            if log.read_line(&mut words).unwrap() == 0 {
                return Err(words);
            }
            if words.get(from..).unwrap().contains("serving client traffic") {
                break;
            }
        }
        // The rest of the log has to be drained, or etcd would wait for it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Ok(member)
    }

    /// Asks the JSON gateway.
    fn ask(&self, route: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let len = body.len();
        let head = format!("POST {route} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 OK"), "{route}: {answer}");
        answer
    }

    /// Puts a value of `bytes` bytes.
    fn put(&self, bytes: usize) {
        // Three letters are four characters of base64.
        let value = "eHh4".repeat(bytes.div_ceil(3));
        self.ask("/v3/kv/put", &format!(r#"{{"key":"a2V5","value":"{value}"}}"#));
    }

    fn raft_index(&self) -> u64 {
        let answer = self.ask("/v3/maintenance/status", "{}");
        let (_, rest) = answer.split_once(r#""raftIndex":""#).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.process.kill();
        let _waited = self.process.wait();
    }
}

fn number(survey: &Survey, name: &str) -> u64 {
    match &survey.facts.iter().find(|fact| fact.name == name).unwrap().value {
        Value::Unsigned(number) => *number,
        other => panic!("{name} is {other:?}"),
    }
}

fn stopped(path: &Path) -> Survey {
    survey(detect(path, None).unwrap().as_ref(), &Order::new(Depth::Bytes, UnixTime::from_seconds(0)))
}

/// A data directory that took ten small keys and a last large one, its raft index, and etcd.
fn filled(dir: &Path) -> Option<(Programs, PathBuf, u64)> {
    let program = etcd()?;
    let data = dir.join("data");
    let member = Member::start(&program, &data).unwrap();
    (0..10).for_each(|_| member.put(20));
    member.put(3000);
    let index = member.raft_index();
    Some((program, data, index))
}

fn newest_file(data: &Path) -> PathBuf {
    let log = detect(data, None).unwrap();
    log.parts().iter().rfind(|part| part.name.ends_with("0.wal")).unwrap().path.clone()
}

/// Where each record lies, and its kind.
fn records(data: &Path) -> Vec<(std::ops::Range<usize>, &'static str)> {
    let mut found = Vec::new();
    formats::etcd::scan(&fs::read(newest_file(data)).unwrap(), &mut |entry| {
        if let formats::Body::Record(record) = entry.body {
            let [start, end] = [entry.span.start, entry.span.end].map(|at| usize::try_from(at).unwrap());
            found.push((start..end, record.kind));
        }
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    found
}

/// Where the last entry lies, a large one.
fn last_entry(data: &Path) -> std::ops::Range<usize> {
    records(data).into_iter().rfind(|(_, kind)| *kind == "entry").unwrap().0
}

fn changed(data: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let file = newest_file(data);
    let mut bytes = fs::read(&file).unwrap();
    change(&mut bytes);
    fs::write(&file, &bytes).unwrap();
}

#[test]
fn the_entries_are_those_that_etcd_counts_while_it_runs_and_after() {
    let Some(program) = etcd() else { return };
    let dir = tempfile::tempdir().unwrap();
    let member = Member::start(&program, dir.path()).unwrap();
    (0..50).for_each(|n| member.put(n * 20));
    let index = member.raft_index();
    let order = Order::new(Depth::Bytes, UnixTime::from_seconds(0)).live();
    let running = survey(detect(dir.path(), None).unwrap().as_ref(), &order);
    assert_eq!((running.kinds["entry"], number(&running, "last_index")), (index, index));
    assert!(running.damage.is_empty(), "{:?}", running.damage.listed());
    drop(member);
    let after = stopped(dir.path());
    assert_eq!((number(&after, "entries"), number(&after, "last_index")), (index, index));
    assert_eq!((after.damage.count(), after.verdict.name()), (0, "starts"));
    assert!(number(&after, "live_bytes") < 200_000 && number(&after, "preallocated_bytes") > 60_000_000);
}

#[test]
fn etcd_does_not_start_over_a_changed_byte() {
    let dir = tempfile::tempdir().unwrap();
    let Some((program, data, _)) = filled(dir.path()) else { return };
    let entries: Vec<_> = records(&data).into_iter().filter(|(_, kind)| *kind == "entry").collect();
    let victim = entries[entries.len() / 2].0.clone();
    changed(&data, |bytes| bytes[victim.end - 16] ^= 1);
    let survey = stopped(&data);
    let damage = &survey.damage.listed()[0];
    assert_eq!((damage.start, damage.end), (victim.start as u64, victim.end as u64));
    assert_eq!((survey.verdict.name(), survey.damage.count()), ("refuses", 1));
    let words = Member::start(&program, &data).err().expect("etcd started");
    assert!(words.contains("crc mismatch"), "{words}");
}

#[test]
fn etcd_cuts_a_record_with_an_unwritten_sector() {
    let dir = tempfile::tempdir().unwrap();
    let Some((program, data, index)) = filled(dir.path()) else { return };
    let victim = last_entry(&data);
    let sector = (victim.start + 8).next_multiple_of(512) + 512;
    changed(&data, |bytes| {
        bytes[sector..sector + 512].fill(0);
        bytes[victim.end..].fill(0);
    });
    let survey = stopped(&data);
    assert_eq!((survey.verdict.name(), survey.damage.count()), ("starts", 0));
    assert_eq!((survey.notes[0].code, number(&survey, "last_index")), ("torn-tail", index - 1));
    Member::start(&program, &data).unwrap();
    assert!(stopped(&data).notes.iter().any(|note| note.code == "broken-copy"));
}

#[test]
fn etcd_takes_a_zero_length_for_the_end_and_loses_what_is_behind() {
    let dir = tempfile::tempdir().unwrap();
    let Some((program, data, _)) = filled(dir.path()) else { return };
    let entries: Vec<_> = records(&data).into_iter().filter(|(_, kind)| *kind == "entry").collect();
    let (hole, before) = (entries[entries.len() - 4].0.clone(), entries.len() as u64 - 4);
    changed(&data, |bytes| bytes[hole.clone()].fill(0));
    let survey = stopped(&data);
    assert_eq!(
        (survey.verdict.name(), survey.damage.listed()[0].start),
        ("starts-with-loss", hole.start as u64)
    );
    drop(Member::start(&program, &data));
    let after = stopped(&data);
    assert!(after.damage.is_empty());
    // What etcd wrote since goes on from the index before the hole, as if nothing had been behind.
    assert_eq!(number(&after, "overwritten_entries"), 0);
    let last = number(&after, "last_index");
    assert!(last >= before && number(&after, "entries") == last, "{last} {before}");
}

#[test]
fn etcd_cuts_a_log_that_ends_inside_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let Some((program, data, index)) = filled(dir.path()) else { return };
    let victim = last_entry(&data);
    changed(&data, |bytes| bytes.truncate(victim.end - 100));
    let survey = stopped(&data);
    assert_eq!((survey.verdict.name(), survey.notes[0].code), ("starts", "torn-tail"));
    assert_eq!(number(&survey, "last_index"), index - 1);
    Member::start(&program, &data).unwrap();
}
