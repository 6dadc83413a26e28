//! Delivery to a server on the same machine, beside a bare loop that sends bodies that are there already over the same number
//! of connections. `cargo bench -p ship --bench delivery`; `SEAWALL_BENCH_EVENTS` makes it smaller.

#![expect(clippy::unwrap_used, reason = "a benchmark says what went wrong by failing")]
#![expect(clippy::print_stdout, reason = "its result")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use journal::{Journal, Millis, Options, Scope, Start};
use ship::{Beside, Form, Http, Packing, Policy, Settings, Shipper, Times, Trust};
use testkit::{Collector, Reply};
use tokio::runtime::Runtime;

const BYTES: usize = 200;
const BATCH: usize = 500;
const RUNS: usize = 5;

fn main() {
    let events =
        std::env::var("SEAWALL_BENCH_EVENTS").ok().and_then(|value| value.parse().ok()).unwrap_or(200_000);
    let place = std::env::var_os("SEAWALL_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    println!("| streams | connections | bare loop | ship | of it |");
    println!("|---|---|---|---|---|");
    for (streams, connections) in [(1, 1), (64, 8)] {
        let (mut bare, mut ship) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            bare.push(events as f64 / loop_bare(events, connections).as_secs_f64());
            ship.push(events as f64 / deliver(&place, events, streams, connections).as_secs_f64());
        }
        let (bare, ship) = (median(bare), median(ship));
        let of = ship / bare;
        println!("| {streams} | {connections} | {bare:.0} events/s | {ship:.0} events/s | {of:.2} |");
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap()
}

/// A server that counts what comes, and does nothing else.
fn server(bodies: &Arc<AtomicU64>) -> Collector {
    let count = Arc::clone(bodies);
    let serve = move |_: &testkit::Delivery| {
        count.fetch_add(1, Ordering::Relaxed);
        Some(Reply::status(204))
    };
    Collector::start(serve).unwrap()
}

fn payload() -> Vec<u8> {
    format!("{{\"line\":\"{}\"}}", "x".repeat(BYTES - 11)).into_bytes()
}

/// Sends a body again and again.
fn loop_bare(events: usize, connections: usize) -> Duration {
    let server = server(&Arc::default());
    let event = format!(
        "{{\"seq\":100000,\"key\":\"{}-1-100000\",\"time\":\"2026-01-31T12:00:00.123Z\",\"data\":{}}}",
        "0".repeat(32),
        String::from_utf8(payload()).unwrap()
    );
    let body = format!("{{\"stream\":\"stream-1\",\"events\":[{}]}}", vec![event; BATCH].join(","));
    let begun = now();
    thread::scope(|scope| {
        for _ in 0..connections {
            let (body, address) = (&body, server.address());
            scope.spawn(move || send_again(address, body, events / BATCH / connections));
        }
    });
    begun.elapsed()
}

fn send_again(address: SocketAddr, body: &str, times: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..times {
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {}
        assert!(line.starts_with("HTTP/1.1 204"), "{line}");
    }
}

/// Delivers a journal of so many events, until all of them are settled.
fn deliver(place: &Path, events: usize, streams: usize, connections: usize) -> Duration {
    let directory = tempfile::tempdir_in(place).unwrap();
    let journal = Journal::open(directory.path(), Options::new(|| Millis::new(0))).unwrap();
    let payload = payload();
    for number in 0..streams {
        let stream = journal.stream(&format!("stream-{number}")).unwrap();
        journal.append_all(&stream, vec![&payload; events / streams]).unwrap();
    }
    let server = server(&Arc::default());
    let address = format!("http://{}/", server.address()).parse().unwrap();
    let link = (&Trust::default(), Times::default());
    let sink = Http::new(address, link, Beside::default(), (Form::Json, Packing::None)).unwrap();
    let policy = Policy { in_flight: connections, ..Policy::default() };
    let settings = Settings {
        name: "bench".to_owned(),
        scope: Scope::All,
        start: Start::Oldest,
        sink: Arc::new(sink),
        policy,
    };
    let runtime = Runtime::new().unwrap();
    let _inside = runtime.enter();
    let begun = now();
    let running =
        Shipper::start(settings, journal.clone(), Arc::new(|| Millis::new(0)), Arc::new(|_| {})).unwrap();
    let consumer = journal.find_consumer("bench").unwrap();
    while !consumer.waiting().is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    let spent = begun.elapsed();
    runtime.block_on(running.drain(Duration::from_secs(10)));
    spent
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
