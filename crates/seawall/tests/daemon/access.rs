//! Who may ask for what.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use rustix::process::Signal;

use super::http::{Request, read};
use super::running::House;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn what_changes_something_needs_the_token() {
    let house = House::new("[server]\ntoken_file = 'token'\n");
    house.write("token", &format!("{TOKEN}\n"));
    let daemon = house.start();
    let post = |header: Option<&str>| {
        let request = daemon.request("POST", "/v1/streams/s/events").body(b"x");
        match header {
            Some(header) => request.header("Authorization", header).send(),
            None => request.send(),
        }
    };
    let refused = post(None);
    assert_eq!((refused.status, refused.code().as_str()), (401, "unauthorized"));
    assert!(refused.head.contains("www-authenticate: bearer"), "{}", refused.head);
    assert_eq!(post(Some("Bearer wrong")).status, 401);
    assert_eq!(post(Some(&format!("Basic {TOKEN}"))).status, 401);
    assert_eq!(post(Some(&format!("Bearer {TOKEN}x"))).status, 401);
    assert_eq!(post(Some("Bearer")).status, 401);
    assert_eq!(post(Some(&format!("bearer {TOKEN}"))).status, 200);
    assert_eq!(daemon.get("/v1/streams").status, 200, "reading needs none");
    assert!(!daemon.told().iter().any(|line| line.to_string().contains(TOKEN)));
}

#[test]
fn reads_can_be_protected_and_what_keeps_the_daemon_alive_cannot() {
    let house = House::new("[server]\nprotect_reads = true\n").with("SEAWALL_SERVER_TOKEN", TOKEN);
    let daemon = house.start();
    for path in ["/v1/streams", "/metrics", "/api/v1/openapi.json"] {
        assert_eq!(daemon.get(path).status, 401, "{path}");
        let header = format!("Bearer {TOKEN}");
        assert_eq!(daemon.request("GET", path).header("Authorization", &header).send().status, 200, "{path}");
    }
    assert_eq!((daemon.get("/livez").status, daemon.get("/readyz").status), (200, 200));
}

#[test]
fn whoever_may_open_the_socket_needs_no_token() {
    let house = House::new("[server]\nsocket = 'seawall.sock'\nsocket_mode = '0660'\n")
        .with("SEAWALL_SERVER_TOKEN", TOKEN);
    let daemon = house.start();
    let path = house.path("seawall.sock");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let mut stream = UnixStream::connect(&path).unwrap();
    write!(
        stream,
        "POST /v1/streams/s/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
    )
    .unwrap();
    assert_eq!(read(&mut stream).unwrap().status, 200);
    daemon.kill();
    let daemon = house.start();
    let again = UnixStream::connect(&path);
    assert!(again.is_ok(), "a socket that was left behind is replaced");
    drop(again);
    assert!(daemon.stop().success());
    assert!(!path.exists(), "and removed at the end");
}

#[test]
fn without_a_token_no_page_of_a_browser_gets_through() {
    let house = House::new("");
    let daemon = house.start();
    let with = |host: &str, origin: &str| {
        let head = format!(
            "POST /v1/streams/s/events HTTP/1.1\r\nHost: {host}\r\n{origin}Connection: close\r\nContent-Length: 1\r\n\r\nx"
        );
        let mut stream = super::http::connect(daemon.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        read(&mut stream).unwrap().status
    };
    assert_eq!(with("evil.example:7400", ""), 403, "a name that leads here");
    assert_eq!(with("localhost", "Origin: https://evil.example\r\n"), 403);
    assert_eq!(with("localhost:1", ""), 200);
    assert_eq!(with("[::1]:1", ""), 200);
}

#[test]
fn a_new_token_counts_after_a_reload() {
    let house = House::new("[server]\ntoken_file = 'token'\n");
    house.write("token", TOKEN);
    let daemon = house.start();
    let post = |token: &str| {
        let request = Request::new(daemon.address, "POST", "/v1/streams/s/events").body(b"x");
        request.header("Authorization", &format!("Bearer {token}")).send().status
    };
    let new = "fedcba9876543210fedcba9876543210";
    assert_eq!((post(TOKEN), post(new)), (200, 401));
    house.write("token", new);
    daemon.signal(Signal::HUP);
    daemon.line("the configuration was read again");
    assert_eq!((post(TOKEN), post(new)), (401, 200));
}
