//! The proxies of the daemon: from two variables or from the file, through an outage, a kill and an end.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;
use testkit::wait_for;

use super::http::Request;
use super::running::{Daemon, House, PATIENCE, opened};

/// A service over HTTP that keeps what is written to it, by path. It can go, and come back on the same port.
pub(crate) struct Service {
    address: SocketAddr,
    kept: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
    gone: Option<Arc<AtomicBool>>,
    /// Held, no write is answered.
    gate: Arc<Mutex<()>>,
    /// Writes that have come as far as the gate.
    arrived: Arc<AtomicUsize>,
}

impl Service {
    pub(crate) fn start() -> Self {
        let mut service = Self {
            address: ([127, 0, 0, 1], 0).into(),
            kept: Arc::default(),
            gone: None,
            gate: Arc::default(),
            arrived: Arc::default(),
        };
        service.come();
        service
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn at(&self, path: &str) -> Vec<String> {
        self.kept.lock().unwrap().get(path).cloned().unwrap_or_default()
    }

    pub(crate) fn come(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        let gone = Arc::new(AtomicBool::new(false));
        let (kept, ending) = (Arc::clone(&self.kept), Arc::clone(&gone));
        let (gate, arrived) = (Arc::clone(&self.gate), Arc::clone(&self.arrived));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ending.load(Ordering::Acquire) {
                    return;
                }
                let pass = || {
                    arrived.fetch_add(1, Ordering::Release);
                    drop(gate.lock());
                };
                answer(stream, &kept, pass);
            }
        });
        self.gone = Some(gone);
    }

    /// Closes its port, which is certain once nobody gets through.
    pub(crate) fn go(&mut self) {
        self.gone.take().unwrap().store(true, Ordering::Release);
        let refused = || TcpStream::connect(self.address).is_err().then_some(());
        wait_for(PATIENCE, refused).expect("it goes");
    }
}

/// One request for each connection.
fn answer(mut stream: TcpStream, kept: &Mutex<BTreeMap<String, Vec<String>>>, pass: impl Fn()) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    let mut words = head.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return };
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    if method != "GET" {
        pass();
    }
    let mut kept = kept.lock().unwrap();
    let said = match method {
        "GET" => kept.get(path).map_or_else(String::new, |all| all.join(",")),
        _ => {
            kept.entry(path.to_owned()).or_default().push(String::from_utf8(body).unwrap());
            "kept".to_owned()
        }
    };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}", said.len())
        .ok();
}

const BEGUN: &str = "a proxy takes requests";

/// Where the proxy of a daemon listens.
pub(crate) fn front(daemon: &Daemon) -> SocketAddr {
    daemon.line(BEGUN)["address"].as_str().unwrap().parse().unwrap()
}

/// A daemon of nothing but variables, with checks that are soon.
fn house(primary: &Service, replica: &Service) -> House {
    let house = House::new("").with("PRIMARY_URL", &primary.url()).with("REPLICA_URL", &replica.url());
    std::fs::remove_file(house.path("seawall.toml")).unwrap();
    house
        .with("SEAWALL_PROXY_DIALECT", "plain")
        .with("SEAWALL_PROXY_LISTEN", "127.0.0.1:0")
        .with("SEAWALL_PROXY_CHECK_INTERVAL", "50ms")
        .with("SEAWALL_PROXY_CONNECT_TIMEOUT", "1s")
}

fn post(at: SocketAddr, path: &str, body: &str) -> super::http::Answer {
    Request::new(at, "POST", path).body(body.as_bytes()).send()
}

fn arrives(service: &Service, path: &str, bodies: &[&str]) {
    let there = || (service.at(path) == bodies).then_some(());
    wait_for(PATIENCE, there).unwrap_or_else(|| panic!("{path} has {:?}", service.at(path)));
}

#[test]
fn two_variables_make_a_proxy_that_goes_on_without_its_primary_and_brings_it_what_it_missed() {
    let (mut primary, replica) = (Service::start(), Service::start());
    let house = house(&primary, &replica);
    let daemon = house.start();
    let front = front(&daemon);
    assert_eq!(post(front, "/a", "1").status, 200);
    arrives(&replica, "/a", &["1"]);
    primary.go();
    assert_eq!(post(front, "/a", "2").status, 200, "the replica answers");
    assert_eq!(Request::new(front, "GET", "/a").send().body, "1,2");
    assert_eq!(primary.at("/a"), ["1"]);
    primary.come();
    arrives(&primary, "/a", &["1", "2"]);
    assert!(daemon.get("/readyz").body.contains("\"ready\":true"));
    assert!(
        Request::new(front, "GET", "/metrics")
            .send()
            .body
            .contains("seawall_proxy_writes_total{proxy=\"proxy\"} 2")
    );
    assert!(daemon.stop().success());
}

#[test]
fn a_write_that_was_queued_outlives_a_kill_of_the_daemon_and_can_be_asked_for() {
    let (mut primary, mut replica) = (Service::start(), Service::start());
    let house = house(&primary, &replica);
    let daemon = house.start();
    primary.go();
    replica.go();
    let queued = post(front(&daemon), "/a", "1");
    assert_eq!(queued.status, 202, "{}", queued.body);
    let said: Value = serde_json::from_str(&queued.body).unwrap();
    daemon.kill();
    let daemon = house.start();
    let front = front(&daemon);
    let place = format!("/seawall/writes/{}", said["id"].as_str().unwrap());
    let state =
        || -> Value { serde_json::from_str(&Request::new(front, "GET", &place).send().body).unwrap() };
    // It may have been sent before the kill, for all that the proxy knows now.
    assert!(["queued", "unknown"].contains(&state()["state"].as_str().unwrap()), "{}", state());
    primary.come();
    replica.come();
    arrives(&primary, "/a", &["1"]);
    arrives(&replica, "/a", &["1"]);
    wait_for(PATIENCE, || (state()["state"] == "applied").then_some(())).expect("it is applied");
    let told = daemon.get(&format!("/api/v1/writes/{}", said["id"].as_str().unwrap())).json();
    assert_eq!((&told["state"], &told["proxy"]), (&"applied".into(), &"proxy".into()));
    assert_eq!(told["upstreams"], state()["upstreams"], "both places say the same");
    assert_eq!(daemon.get("/api/v1/writes").body, "", "nothing is left");
    for (path, code) in
        [("writes/x", "no-write"), ("writes?proxy=x", "no-proxy"), ("writes?state=x", "bad-query")]
    {
        assert_eq!(daemon.get(&format!("/api/v1/{path}")).code(), code);
    }
    assert!(daemon.stop().success());
}

#[test]
fn every_proxy_has_a_journal_of_its_own_that_commands_read_and_an_end_leaves_what_is_pending() {
    let mut primary = Service::start();
    let house = House::new(&format!(
        "[[proxy]]\nname = 'shop'\nlisten = '127.0.0.1:0'\nprimary = '{}'\nconnect_timeout = '1s'\n",
        primary.url()
    ));
    let daemon = house.start();
    primary.go();
    let front = front(&daemon);
    assert_eq!(post(front, "/a", "1").status, 202);
    assert_eq!(daemon.post("/v1/streams/s/events", b"event").status, 200);
    let second = house.seawall(&["streams", "--journal", "journal/proxies/shop"]).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains(&format!("process {}", daemon.pid())), "{said}");
    let seen = house.seawall(&["verify", "journal/proxies/shop"]).output().unwrap();
    assert_eq!(seen.status.code(), Some(0), "{}", String::from_utf8_lossy(&seen.stdout));
    daemon.signal(Signal::TERM);
    daemon.line("a proxy has ended; what is pending stays in its journal");
    assert!({ daemon }.ended().success());
    let streams = |place: &str| {
        let journal = opened(&house.path(place));
        journal.streams().into_iter().map(|stream| stream.name).collect::<Vec<_>>()
    };
    assert_eq!(streams("journal"), ["s"]);
    let streams = streams("journal/proxies/shop");
    let [known, lane] = &streams[..] else { panic!("one lane, and what is known: {streams:?}") };
    assert!(known == "proxy/shop/known" && lane.starts_with("proxy/shop/"), "{streams:?}");
}

#[test]
fn a_write_that_has_begun_is_answered_before_the_end_and_nobody_else_is_let_in() {
    let primary = Service::start();
    let house = House::new(&format!(
        "[server]\ndrain_timeout = '2m'\n[[proxy]]\nlisten = '127.0.0.1:0'\nprimary = '{}'\nrequest_timeout = '2m'\n",
        primary.url()
    ));
    let mut daemon = house.start();
    let front = front(&daemon);
    let held = primary.gate.lock().unwrap();
    let client = thread::spawn(move || post(front, "/a", "1"));
    let arrived = || (primary.arrived.load(Ordering::Acquire) == 1).then_some(());
    wait_for(PATIENCE, arrived).expect("the write arrives");
    daemon.signal(Signal::TERM);
    let refused = || TcpStream::connect(front).is_err().then_some(());
    wait_for(PATIENCE, refused).expect("nobody else is let in");
    drop(held);
    let answer = client.join().unwrap();
    assert_eq!((answer.status, &*answer.body), (200, "kept"));
    assert!(daemon.ended().success());
}

#[test]
fn a_proxy_that_cannot_be_is_refused_with_its_place_before_anything_is_opened() {
    let house = House::new("[[proxy]]\nname = 'a'\nlisten = 'x'\n");
    let refused = house.seawall(&["run"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(64));
    let said = String::from_utf8(refused.stderr).unwrap();
    for place in ["seawall.toml:3:10: proxy.listen: ", "seawall.toml:1:1: proxy.primary: it has to be set"] {
        assert!(said.contains(place), "{said}");
    }
    assert!(!house.path("journal").exists());
}

#[test]
fn a_port_that_is_taken_ends_the_daemon_and_says_whose_it_would_be() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let house = House::new(&format!(
        "[[proxy]]\nname = 'shop'\nlisten = '{listen}'\nprimary = 'http://127.0.0.1:1'\n"
    ));
    let refused = house.seawall(&["run"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains(&format!("failed to start the proxy shop: cannot listen on {listen}")), "{said}");
}

#[test]
fn a_change_of_a_proxy_is_told_to_need_a_restart() {
    let primary = Service::start();
    let file = |window: &str| {
        format!(
            "[[proxy]]\nlisten = '127.0.0.1:0'\nprimary = '{}'\nrequest_timeout = '{window}'\n",
            primary.url()
        )
    };
    let house = House::new(&file("5s"));
    let daemon = house.start();
    daemon.line(BEGUN);
    house.write("seawall.toml", &file("6s"));
    daemon.signal(Signal::HUP);
    let told = daemon.line("a change of this key needs a restart");
    assert_eq!((&told["key"], &told["after"]), (&"proxy.proxy.request_timeout".into(), &"6s".into()));
    assert_eq!(post(front(&daemon), "/a", "1").status, 200);
}
