//! How servers are spoken to, byte by byte: requests as they leave, answers however they come, connections that are used
//! again or not.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::client::{ask, connect, raw, read_answer};
use crate::house::{House, server};

/// What a server sends after a request, which is the so manieth of its connection.
trait Script: Fn(&str, u32) -> &'static [u8] + Clone + Send + 'static {}

impl<F: Fn(&str, u32) -> &'static [u8] + Clone + Send + 'static> Script for F {}

/// A proxy in front of a server that follows a script, and the requests that the server gets, with the number of the
/// connection.
fn house(script: impl Script) -> (House, Receiver<(u32, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, requests) = channel();
    std::thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming().map(Result::unwrap)) {
            let (seen, script) = (seen.clone(), script.clone());
            std::thread::spawn(move || follow(stream, number, &script, &seen));
        }
    });
    let house = House::built(1, |settings| {
        settings.upstreams[0] = server("primary", address);
        settings.threads = 1;
        settings.times.request = Duration::from_secs(5);
    });
    (house, requests)
}

fn follow(mut stream: TcpStream, number: u32, script: &impl Script, seen: &Sender<(u32, String)>) {
    for count in 0.. {
        let Some(request) = read_request(&mut stream) else { return };
        if request.starts_with("GET /probe") {
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok();
            continue;
        }
        let answer = script(&request, count);
        // Nobody may want to know what was asked.
        seen.send((number, request)).ok();
        if stream.write_all(answer).is_err() || script("", count + 1).is_empty() {
            return;
        }
    }
}

/// A request with as much of its body as its head announces.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    loop {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let is_whole = match length {
            Some(length) => body.len() >= length,
            None => !head.contains("chunked") || body.ends_with("0\r\n\r\n"),
        };
        if is_whole {
            return Some(text.into_owned());
        }
    }
}

#[test]
fn answers_are_understood_however_servers_delimit_them() {
    const ANSWERS: [&[u8]; 7] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x\r\nbc\r\n0\r\nT: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nabc",
        b"HTTP/1.0 200 OK\r\n\r\nabc",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 3\r\n\r\n",
    ];
    let house = once(&ANSWERS);
    let understood =
        [(200, "abc"), (200, "abc"), (200, "abc"), (200, "abc"), (404, ""), (204, ""), (304, "")];
    for (number, (status, body)) in understood.into_iter().enumerate() {
        let got = ask(house.address(), "GET", &format!("/{number}"), b"");
        assert_eq!((got.status, got.text().as_str()), (status, body), "answer {number}");
    }
}

/// In front of a server that gives one answer on each connection, the one that the path counts to, and leaves.
fn once(answers: &'static [&'static [u8]]) -> House {
    let answer = |request: &str| {
        let number = request.split(['/', ' ']).find_map(|word| word.parse::<usize>().ok());
        answers[number.unwrap_or(0)]
    };
    house(move |request, count| if count == 0 { answer(request) } else { b"" }).0
}

#[test]
fn what_is_no_answer_is_told_and_harms_nothing() {
    // A house for each: a server that fails often is not asked any more.
    const ANSWERS: [&[&[u8]]; 6] = [
        &[b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd"],
        &[b"HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\nabc"],
        &[b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nxxx"],
        &[b"SSH-2.0-OpenSSH_9\r\n"],
        &[b"\r\n\r\n"],
        &[b""],
    ];
    for answers in ANSWERS {
        let house = once(answers);
        let got = ask(house.address(), "GET", "/0", b"");
        assert_eq!(got.status, 503, "{}", String::from_utf8_lossy(answers[0]));
        assert_eq!(house.ask("GET", "/status", "").status, 200);
    }
}

#[test]
fn an_answer_that_breaks_off_does_not_look_whole() {
    const ANSWERS: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
    ];
    let house = once(&ANSWERS);
    for number in 0..ANSWERS.len() {
        let mut stream = connect(house.address());
        stream.write_all(format!("GET /{number} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).ok();
        let text = String::from_utf8_lossy(&all);
        assert!(!text.ends_with("0\r\n\r\n") && !text.contains("content-length: 3"), "{text}");
    }
}

#[test]
fn one_connection_serves_requests_one_after_the_other() {
    let (house, requests) = house(|_, _| b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    for _ in 0..5 {
        assert_eq!(ask(house.address(), "GET", "/a", b"").text(), "ok");
    }
    let connections: BTreeSet<u32> = (0..5).map(|_| requests.recv().unwrap().0).collect();
    // One of them may be taken by a check just when a request comes.
    assert!(connections.len() <= 2, "{connections:?}");
}

#[test]
fn what_comes_behind_an_answer_is_never_another_one_s() {
    let (house, _requests) = house(|_, _| {
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    });
    for _ in 0..5 {
        assert_eq!(ask(house.address(), "GET", "/a", b"").text(), "ok");
    }
}

#[test]
fn a_connection_that_was_closed_while_it_was_idle_costs_no_request() {
    let house = once(&[b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]);
    for _ in 0..20 {
        assert_eq!(ask(house.address(), "GET", "/a", b"").text(), "ok");
    }
    assert_eq!(house.status().counters.failed, 0);
}

#[test]
fn a_body_of_a_read_goes_through_with_its_length_or_in_chunks() {
    let (house, requests) = house(|_, _| b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let length = b"GET /a HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello";
    assert_eq!(raw(house.address(), length).text(), "ok");
    let (_, request) = requests.recv().unwrap();
    assert!(request.contains("\r\ncontent-length: 5\r\n") && request.ends_with("\r\n\r\nhello"), "{request}");
    assert!(!request.contains("expect"), "{request}");

    let mut stream = connect(house.address());
    stream
        .write_all(b"GET /b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n")
        .unwrap();
    stream.write_all(b"2\r\nlo\r\n0\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut stream).unwrap().text(), "ok");
    let (_, request) = requests.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\ntransfer-encoding: chunked") && !head.contains("content-length"), "{request}");
    let data: String = body.split("\r\n").skip(1).step_by(2).collect();
    assert_eq!(data, "hello", "{request}");
}

#[test]
fn a_write_without_a_body_says_so() {
    let (house, requests) = house(|_, _| b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    assert_eq!(ask(house.address(), "POST", "/a", b"").text(), "ok");
    assert!(requests.recv().unwrap().1.contains("\r\ncontent-length: 0\r\n"));
}
