//! The daemon's life: starting, reading its configuration again, ending.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;
use testkit::wait_for;

use super::http::{connect, read};
use super::running::{House, PATIENCE};

#[test]
fn without_a_file_it_starts_serves_says_so_and_ends_when_told() {
    let house = House::new("");
    fs::remove_file(house.path("seawall.toml")).unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = house.start();
        assert_eq!(daemon.line("starting")["file"], "none");
        let told = daemon.told();
        let at = |message: &str| told.iter().position(|line| line["message"] == message).unwrap();
        assert!(at("listening") < at("the journal is open"), "how long a start takes can be asked meanwhile");
        assert_eq!(daemon.get("/livez").body, "ok\n");
        assert_eq!(daemon.get("/readyz").body, "{\"ready\":true,\"reasons\":[],\"waiting\":[]}\n");
        daemon.signal(signal);
        assert!(daemon.ended().success());
        daemon.line("ended");
    }
}

#[test]
fn a_second_daemon_on_the_same_journal_is_refused_and_told_who_has_it() {
    let house = House::new("");
    let daemon = house.start();
    let second = house.seawall(&["run", "--log-format", "text"]).output().unwrap();
    assert_eq!(second.status.code(), Some(4));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains(&format!("is held by seawall (process {})", daemon.pid())), "{said}");
    assert_eq!(daemon.get("/livez").status, 200);
}

#[test]
fn an_address_that_is_taken_ends_it_with_advice() {
    let house = House::new("");
    let daemon = house.start();
    let other = House::new("").with("SEAWALL_SERVER_LISTEN", &daemon.address.to_string());
    let second = other.seawall(&["run"]).output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("failed to listen on") && said.contains("set server.listen"), "{said}");
}

#[test]
fn a_new_file_that_is_wrong_changes_nothing() {
    let house = House::new("[log]\nlevel = 'info'\n");
    let daemon = house.start();
    house.write("seawall.toml", "[log]\nlevel = 'debug'\n[server]\nlisen = 'x'\n");
    daemon.signal(Signal::HUP);
    daemon.line("nothing was changed: the configuration in force goes on");
    let problem = daemon.line("the new configuration is wrong");
    assert!(problem["problem"].as_str().unwrap().ends_with("the nearest is listen"), "{problem}");
    daemon.get("/livez");
    assert!(!daemon.told().iter().any(|line| line["level"] == "debug"), "the level is the old one");
    let page = daemon.get("/metrics").body;
    assert!(page.contains("\nseawall_config_last_reload_successful 0\n"), "{page}");
}

#[test]
fn a_new_file_counts_at_once_where_it_can_and_says_where_it_cannot() {
    let house = House::new("[log]\nlevel = 'info'\n");
    let daemon = house.start();
    house.write("seawall.toml", "[log]\nlevel = 'debug'\n[journal]\nmax_bytes = '20GiB'\n");
    daemon.signal(Signal::HUP);
    assert_eq!(daemon.line("changed")["key"], "log.level");
    let restart = daemon.line("a change of this key needs a restart");
    assert_eq!((&restart["key"], &restart["after"]), (&"journal.max_bytes".into(), &"20GiB".into()));
    daemon.line("the configuration was read again");
    daemon.get("/livez");
    assert_eq!(daemon.line("answered")["path"], "/livez");
    assert!(daemon.get("/metrics").body.contains("\nseawall_config_last_reload_successful 1\n"));
}

#[test]
fn a_request_that_has_begun_is_finished_before_the_end() {
    let house = House::new("[server]\ndrain_timeout = '2m'\n");
    let mut daemon = house.start();
    let mut stream = connect(daemon.address).unwrap();
    write!(
        stream,
        "POST /v1/streams/s/events HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nab",
        daemon.address
    )
    .unwrap();
    // The daemon has the head once it reads the body; it is asked about another until then.
    let busy = || daemon.get("/metrics").body.contains("\nseawall_http_connections 2\n").then_some(());
    wait_for(PATIENCE, busy).expect("both connections are there");
    daemon.signal(Signal::TERM);
    daemon.line("ending: no more connections, then what has begun, then the journal");
    let refused = || connect(daemon.address).is_err().then_some(());
    wait_for(PATIENCE, refused).expect("nobody else is let in");
    stream.write_all(b"cd").unwrap();
    assert_eq!(read(&mut stream).unwrap().status, 200);
    assert!(daemon.ended().success());
    assert_eq!(house.events("s"), [(1, b"abcd".to_vec())]);
}

#[test]
fn a_request_that_does_not_end_does_not_hold_the_daemon_up() {
    let house = House::new("[server]\ndrain_timeout = '50ms'\n");
    let mut daemon = house.start();
    let mut stream = connect(daemon.address).unwrap();
    write!(
        stream,
        "POST /v1/streams/s/events HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nab",
        daemon.address
    )
    .unwrap();
    let busy = || daemon.get("/metrics").body.contains("\nseawall_http_connections 2\n").then_some(());
    wait_for(PATIENCE, busy).expect("both connections are there");
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().success());
    daemon.line("requests had not ended within server.drain_timeout and are cut off");
}

#[test]
fn a_service_manager_is_told_that_it_is_ready_alive_reloading_and_ending() {
    let house = House::new("");
    let socket = UnixDatagram::bind(house.path("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let house = house.with("WATCHDOG_USEC", "200000");
    let path = house.path("notify");
    let house = house.with("NOTIFY_SOCKET", path.to_str().unwrap());
    let mut daemon = house.start();
    let hear = |wanted: &str| {
        let mut bytes = [0; 64];
        let mut all = Vec::new();
        while all.last().is_none_or(|last| last != wanted) {
            let len =
                socket.recv(&mut bytes).unwrap_or_else(|error| panic!("{error}: {wanted} after {all:?}"));
            all.push(String::from_utf8_lossy(&bytes[..len]).into_owned());
        }
        all
    };
    assert_eq!(hear("READY=1"), ["READY=1"]);
    hear("WATCHDOG=1");
    hear("WATCHDOG=1");
    daemon.signal(Signal::HUP);
    hear("RELOADING=1");
    hear("READY=1");
    daemon.signal(Signal::TERM);
    hear("STOPPING=1");
    assert!(daemon.ended().success());
}
