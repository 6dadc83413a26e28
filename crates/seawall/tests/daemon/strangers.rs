//! A proxy of the daemon between clients and servers that keep to nothing: each gets a status or is cut off, the log tells,
//! and everything else goes on.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use testkit::wait_for;

use super::fronts::{Service, front};
use super::http::{Request, connect, read};
use super::running::{Daemon, House, PATIENCE, opened};

/// Memory that all of this together may take. A head and a body have 64 KiB at most here.
const MOST_BYTES: u64 = 64 << 20;

fn house(primary: &str, replica: &str) -> House {
    House::new(&format!(
        "[[proxy]]\nname = 'shop'\nlisten = '127.0.0.1:0'\nprimary = '{primary}'\nreplicas = ['{replica}']\n\
         max_body = '64KiB'\ncheck_interval = '50ms'\nrequest_timeout = '5s'\n"
    ))
}

/// The status of what is answered; nothing if the connection ends without an answer.
fn status(at: SocketAddr, bytes: &[u8]) -> Option<u16> {
    let mut stream = connect(at).unwrap();
    // It may be answered, and closed, before all of it was read.
    stream.write_all(bytes).ok();
    stream.shutdown(Shutdown::Write).ok();
    read(&mut stream).ok().map(|answer| answer.status)
}

/// Bytes of memory that a daemon has had at most.
fn peak(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn hostile_clients_of_a_proxy_are_refused_and_told_of_and_everything_else_goes_on() {
    let (primary, replica) = (Service::start(), Service::start());
    let house = house(&primary.url(), &replica.url());
    let daemon = house.start();
    let (front, before) = (front(&daemon), peak(&daemon));
    let idle: Vec<TcpStream> = (0..1000).map(|_| connect(front).unwrap()).collect();
    let post = |rest: &str| format!("POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{rest}");
    let refused = [
        (post("Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"), 400),
        (post("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), 400),
        (post("X: 1\r\n folded: 2\r\n\r\n"), 400),
        (post("X : 1\r\n\r\n"), 400),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20)), 414),
        (post(&format!("X: {}\r\n\r\n", "x".repeat(1 << 20))), 431),
        (post(&format!("{}\r\n", "X: x\r\n".repeat(1000))), 431),
        (post(&format!("Content-Length: {}\r\n\r\n{}", 8 << 20, "x".repeat(8 << 20))), 413),
        (post("Content-Length: 9\r\n\r\nabc"), 408),
    ];
    for (bytes, wanted) in &refused {
        let got = status(front, bytes.as_bytes());
        // One that is still sending, or hangs up within a body, may not hear the answer.
        let may_miss_it = bytes.len() > 1 << 20 || *wanted == 408;
        // What is too long is one thing or the other, by how much of it has come.
        let is_too_long = *wanted == 414 && got == Some(431);
        assert!(
            got == Some(*wanted) || is_too_long || (may_miss_it && got.is_none()),
            "{got:?}, not {wanted}"
        );
    }
    // A length beside chunks is one of two: what is behind it never becomes a request of its own.
    let smuggled =
        post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST /b HTTP/1.1\r\n\r\n");
    status(front, smuggled.as_bytes());
    let bare = "POST /c HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 1\n\nc";
    let mut stream = connect(front).unwrap();
    stream.write_all(bare.as_bytes()).unwrap();
    let answered = read(&mut stream).unwrap();
    assert!(matches!(answered.status, 200 | 400), "{answered:?}");
    assert_eq!(Request::new(front, "POST", "/d").body(b"d").send().status, 200);
    assert!(primary.at("/b").is_empty() && primary.at("/a").concat().is_empty());
    assert_eq!(primary.at("/d"), ["d"]);
    let told = || {
        daemon
            .told()
            .into_iter()
            .find(|line| line["message"].as_str().unwrap().starts_with("refused what 127.0.0.1 sent"))
    };
    assert_eq!(wait_for(PATIENCE, told).expect("the log tells")["proxy"], "shop");
    let grown = peak(&daemon) - before;
    assert!(grown < MOST_BYTES, "{grown} bytes for {} clients", idle.len() + refused.len());
    drop(idle);
    assert!(daemon.stop().success());
}

/// A server that answers each request with these bytes, whatever it was asked, and hangs up.
fn garbage(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                stream.write_all(&answer).ok();
            }
        }
    });
    address
}

#[test]
fn a_primary_that_answers_garbage_is_gone_with_its_reason_and_a_replica_answers() {
    let shapes: [Vec<u8>; 3] = [
        b"\x16\x03\x01\x02\x00 no HTTP at all\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd".to_vec(),
        [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 4 << 20]].concat(),
    ];
    for shape in shapes {
        let replica = Service::start();
        let house = house(&format!("http://{}", garbage(shape)), &replica.url());
        let daemon = house.start();
        let (front, before) = (front(&daemon), peak(&daemon));
        assert_eq!(Request::new(front, "POST", "/a").body(b"1").send().status, 200, "the replica answers");
        assert_eq!(Request::new(front, "GET", "/a").send().body, "1");
        let told = || {
            let gone = |message: &str| message.starts_with("primary is gone: ");
            daemon.told().into_iter().find(|line| gone(line["message"].as_str().unwrap()))
        };
        wait_for(PATIENCE, told).expect("the log tells");
        assert!(peak(&daemon) - before < MOST_BYTES);
        assert!(daemon.stop().success());
    }
}

#[test]
fn while_its_journal_cannot_be_read_a_proxy_says_that_it_is_starting() {
    let (primary, replica) = (Service::start(), Service::start());
    let house = house(&primary.url(), &replica.url());
    assert!(house.start().stop().success());
    let held = opened(&house.path("journal/proxies/shop"));
    // A daemon waits half a second for a journal. On a slow machine, that may be over before it is asked.
    let ask = || {
        let daemon = house.begin();
        let listens = daemon.line("a proxy listens, and reads its journal");
        let front: SocketAddr = listens["address"].as_str().unwrap().parse().unwrap();
        let answer = Request::new(front, "POST", "/a").body(b"1").try_send().ok()?;
        Some((answer, Request::new(front, "GET", "/health").try_send().ok()?, daemon.get("/readyz"), daemon))
    };
    let (answer, health, ready, mut daemon) = wait_for(PATIENCE, ask).expect("it is asked in time");
    assert_eq!((answer.status, answer.code().as_str()), (503, "starting"));
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    assert_eq!((health.status, &health.json()["status"]), (503, &"starting".into()));
    assert_eq!(ready.status, 503);
    drop(held);
    let begun = || {
        let is_ready = daemon.told().iter().any(|line| line["message"] == "ready");
        is_ready.then_some(true).or_else(|| daemon.has_ended().then_some(false))
    };
    if !wait_for(PATIENCE, begun).expect("it starts, or gives up") {
        daemon = house.start();
    }
    assert_eq!(Request::new(front(&daemon), "POST", "/a").body(b"2").send().status, 200);
    assert_eq!(primary.at("/a").first().map(String::as_str), Some("2"), "nothing was taken before");
    assert!(daemon.stop().success());
}
