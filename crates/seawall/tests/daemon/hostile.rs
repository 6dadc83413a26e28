//! Requests that nobody means well with: a status, and everything else goes on.

use std::io::Write;
use std::net::TcpStream;

use testkit::wait_for;

use super::http::{Answer, connect, read};
use super::running::{Daemon, House, PATIENCE};

fn raw(daemon: &Daemon, bytes: &[u8]) -> Option<Answer> {
    let mut stream = connect(daemon.address).unwrap();
    // The daemon may close before it has read all of it.
    stream.write_all(bytes).ok();
    stream.shutdown(std::net::Shutdown::Write).ok();
    read(&mut stream).ok()
}

fn status(daemon: &Daemon, text: &str) -> Option<u16> {
    raw(daemon, text.as_bytes()).map(|answer| answer.status)
}

#[test]
fn what_is_no_request_is_refused_and_everything_else_goes_on() {
    let house = House::new("");
    let daemon = house.start();
    let host = "Host: localhost\r\nConnection: close\r\n";
    let post = format!("POST /v1/streams/s/events HTTP/1.1\r\n{host}");
    for garbage in ["\x16\x03\x01\x02\x00\x01\x00", "SSH-2.0-client\r\n\r\n", "\r\n\r\n\r\n\0", "GET\r\n\r\n"]
    {
        assert!(!matches!(status(&daemon, garbage), Some(200..=299)), "{garbage:?}");
    }
    let huge = format!("GET /livez HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(status(&daemon, &huge), Some(431));
    let many = "X: x\r\n".repeat(1000);
    assert_eq!(status(&daemon, &format!("GET /livez HTTP/1.1\r\n{host}{many}\r\n")), Some(431));
    let conflicting = format!("{post}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde");
    assert_eq!(status(&daemon, &conflicting), Some(400));
    let smuggled = format!(
        "{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n"
    );
    assert!(!matches!(status(&daemon, &smuggled), Some(200..=299)), "one length or the other, never both");
    assert_eq!(
        status(&daemon, &format!("{post}Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n")),
        Some(400)
    );
    assert_eq!(status(&daemon, &format!("{post}Content-Length: 99999999999999999999\r\n\r\n")), Some(400));
    assert_eq!(status(&daemon, &format!("{post}Content-Length: 9999999999\r\n\r\n")), Some(413));
    assert!(
        !matches!(status(&daemon, &format!("{post}Content-Length: 9\r\n\r\nabc")), Some(200..=299)),
        "cut off"
    );
    assert_eq!(status(&daemon, &format!("GET /v1/streams/%zz/close HTTP/1.1\r\n{host}\r\n")), Some(404));
    assert_eq!(status(&daemon, &format!("GET /v1/streams/%ff/close HTTP/1.1\r\n{host}\r\n")), Some(404));
    assert_eq!(status(&daemon, &format!("GET /../../etc/passwd HTTP/1.1\r\n{host}\r\n")), Some(404));
    assert_eq!(daemon.get("/livez").status, 200);
    assert_eq!(daemon.get("/v1/streams").body, "", "none of it left anything");
    assert!(daemon.stop().success());
}

#[test]
fn one_connection_too_many_is_told_so_and_there_is_room_again_when_others_leave() {
    let house = House::new("[server]\nmax_connections = 3\n");
    let daemon = house.start();
    let idle: Vec<TcpStream> = (0..3).map(|_| connect(daemon.address).unwrap()).collect();
    let busy = || daemon.request("GET", "/livez").try_send().ok().filter(|answer| answer.status == 503);
    let answer = wait_for(PATIENCE, busy).expect("there is no place left");
    assert_eq!(answer.code(), "busy");
    drop(idle);
    let free = || daemon.request("GET", "/livez").try_send().ok().filter(|answer| answer.status == 200);
    wait_for(PATIENCE, free).expect("there are places again");
}

#[test]
fn bodies_together_take_no_more_memory_than_they_may() {
    let house = House::new("[server]\nmax_body = '64KiB'\nmax_body_memory = '128KiB'\n");
    let daemon = house.start();
    let head = format!(
        "POST /v1/streams/s/events HTTP/1.1\r\nHost: {}\r\nContent-Length: 65536\r\n\r\nx",
        daemon.address
    );
    let held: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = connect(daemon.address).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let taken = || daemon.get("/metrics").body.contains("\nseawall_http_body_bytes 131072\n").then_some(());
    wait_for(PATIENCE, taken).expect("the memory is taken");
    let answer = daemon.post("/v1/streams/s/events", b"x");
    assert_eq!((answer.status, answer.code().as_str()), (503, "busy"));
    assert_eq!(daemon.get("/readyz").status, 200, "what needs no body goes on");
    drop(held);
    let taken = || Some(daemon.post("/v1/streams/s/events", b"x")).filter(|answer| answer.status == 200);
    wait_for(PATIENCE, taken).expect("the memory is free again");
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    let house = House::new("[server]\nrequest_timeout = '100ms'\n");
    let daemon = house.start();
    let mut stream = connect(daemon.address).unwrap();
    write!(
        stream,
        "POST /v1/streams/s/events HTTP/1.1\r\nHost: {}\r\nContent-Length: 9\r\n\r\nabc",
        daemon.address
    )
    .unwrap();
    let answer = read(&mut stream).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (408, "body-timeout"));
}
