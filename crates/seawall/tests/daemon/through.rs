//! Commands that ask the daemon: they say what they say without it, and what they append is there once, whatever it goes
//! through meanwhile.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::{Value, json};

use super::running::{Daemon, House, names, opened};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

const SOCKET: &str = "[server]\nsocket = 'seawall.sock'\n";

/// A command that is told where the daemon is.
fn asking(house: &House, daemon: &Daemon, args: &[&str]) -> Command {
    let mut command = house.seawall(args);
    command.env("SEAWALL_SERVER_LISTEN", daemon.address.to_string());
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lines(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:05} {}", "x".repeat(number * 37 % 900))).collect()
}

/// The payloads of a stream in a journal that nobody has open.
fn payloads(house: &House, stream: &str) -> Vec<String> {
    let events = house.events(stream).into_iter();
    events.map(|(_, payload)| String::from_utf8(payload).unwrap()).collect()
}

#[test]
fn a_command_says_the_same_through_the_daemon_and_without_it() {
    let house = House::new("");
    house.park("jobs", "server");
    // The first start registers the archive.
    assert!(house.start().stop().success());
    let commands: [&[&str]; 8] = [
        &["streams", "--json"],
        &["consumers", "list", "--json"],
        &["consumers", "list"],
        &["parked", "list", "--json"],
        &["parked", "list", "--consumer", "server"],
        &["parked", "show", "server:jobs:3"],
        &["parked", "export", "server:jobs:1", "server:jobs:2"],
        &["parked", "drop", "server:jobs:2"],
    ];
    let direct: Vec<Output> = commands.iter().map(|args| house.seawall(args).output().unwrap()).collect();
    let daemon = house.start();
    for (args, direct) in commands.iter().zip(&direct) {
        let through = asking(&house, &daemon, args).output().unwrap();
        assert_eq!((text(&through), through.status.code()), (text(direct), direct.status.code()), "{args:?}");
    }
    let locked = house.seawall(&["streams", "--json", "--journal", "journal"]).output().unwrap();
    let error = serde_json::from_slice::<Value>(&locked.stdout).unwrap();
    assert_eq!((locked.status.code(), &error["error"]["code"]), (Some(4), &json!("in-use")));
    assert!(error["error"]["hint"].as_str().unwrap().contains("SEAWALL_SERVER_LISTEN"), "{error}");
}

#[test]
fn what_is_changed_through_the_daemon_is_changed() {
    let house = House::new("");
    house.park("jobs", "server");
    let daemon = house.start();
    let run = |args: &[&str]| {
        let output = asking(&house, &daemon, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        text(&output)
    };
    assert!(run(&["parked", "requeue", "server:jobs:1"]).contains("1 event is pending again"));
    run(&["parked", "drop", "--yes", "--export", "given-up.ndjson", "server:jobs:3"]);
    assert!(fs::read_to_string(house.path("given-up.ndjson")).unwrap().contains("\"base64\":\"/w==\""));
    assert!(run(&["parked", "drop", "--yes", "--all"]).contains("journal/dropped/"));
    assert_eq!(names(&house.path("journal/dropped")).len(), 2, "the daemon keeps what it gives up");
    assert_eq!(run(&["parked", "list", "--json"]), "");
    assert!(run(&["close", "jobs"]).contains("jobs is closed"));
    assert!(run(&["close", "jobs"]).contains("was closed already"));
    assert!(run(&["consumers", "drop", "--yes", "server"]).contains("seawall import"));
    assert!(!run(&["consumers", "list"]).contains("server"));
    let missing = asking(&house, &daemon, &["close", "--json", "nothing"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(3));
    assert!(text(&missing).contains("\"no-stream\""), "{missing:?}");
}

#[test]
fn the_configuration_says_where_the_daemon_is_and_shows_its_token() {
    let house = House::new("[server]\ntoken_file = 'token'\nprotect_reads = true\n");
    house.write("token", TOKEN);
    let daemon = house.start();
    let append = |command: &mut Command| {
        command.stdin(Stdio::from(File::open(house.path("seawall.toml")).unwrap())).output().unwrap()
    };
    let refused = append(asking(&house, &daemon, &["append", "--json", "s"]).arg("-q"));
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(text(&refused).contains("\"unauthorized\""), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("this needs the token"), "{refused:?}");
    let taken = append(&mut asking(&house, &daemon, &["append", "-c", "seawall.toml", "s"]));
    assert!(taken.status.success() && text(&taken).contains("appended 3 events to s: 1 to 3"), "{taken:?}");
    let by_variable =
        asking(&house, &daemon, &["streams", "--json"]).env("SEAWALL_SERVER_TOKEN", TOKEN).output().unwrap();
    assert!(text(&by_variable).contains("\"live\":3"), "{by_variable:?}");
}

#[test]
fn where_no_daemon_runs_its_journal_is_worked_on() {
    let house = House::new("[server]\nsocket = 'seawall.sock'\n[journal]\ndir = 'elsewhere'\n");
    fs::write(house.path("input"), "one\n\ntwo").unwrap();
    let mut append = house.seawall(&["append", "-c", "seawall.toml", "s"]);
    append.env_remove("SEAWALL_JOURNAL_DIR").stdin(Stdio::from(File::open(house.path("input")).unwrap()));
    let output = append.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no daemon runs at seawall.sock; working on elsewhere itself"), "{said}");
    let journal = opened(&house.path("elsewhere"));
    assert_eq!(journal.info(&journal.find_stream("s").unwrap()).unwrap().live, 3);
}

#[test]
fn lines_reach_the_daemon_as_they_are_in_batches_of_any_size() {
    let house = House::new("[server]\nmax_body = '1KiB'\nmax_body_memory = '64KiB'\n");
    let daemon = house.start();
    let mut wanted = lines(300);
    wanted.extend([String::new(), "\r".to_owned(), "no end".to_owned()]);
    fs::write(house.path("input"), wanted.join("\n")).unwrap();
    let mut append = asking(&house, &daemon, &["append", "--json", "s"]);
    let output = append.stdin(Stdio::from(File::open(house.path("input")).unwrap())).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output).ends_with(&format!("\"last\":{}}}\n", wanted.len())), "{output:?}");
    let mut raw = asking(&house, &daemon, &["append", "--raw", "raw"]);
    fs::write(house.path("bytes"), b"\x00\n\xff").unwrap();
    assert!(raw.stdin(Stdio::from(File::open(house.path("bytes")).unwrap())).status().unwrap().success());
    assert!(daemon.stop().success());
    assert_eq!(payloads(&house, "s"), wanted);
    assert_eq!(house.events("raw"), [(1, b"\x00\n\xff".to_vec())]);
}

#[test]
fn a_line_that_the_daemon_refuses_is_told_and_none_behind_it_is_there() {
    let house = House::new("[journal]\nmax_event = '16KiB'\n");
    let daemon = house.start();
    fs::write(house.path("input"), format!("one\n{}\nthree\n", "x".repeat(20_000))).unwrap();
    let mut append = asking(&house, &daemon, &["append", "--json", "--batch-size", "1", "s"]);
    let output = append.stdin(Stdio::from(File::open(house.path("input")).unwrap())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("line 1 is on the disk (event 1 of s); line 2 is not on the disk"), "{said}");
    assert!(text(&output).contains("\"too-large\""), "{output:?}");
    assert!(daemon.stop().success());
    assert_eq!(payloads(&house, "s"), ["one"]);
}

#[test]
fn a_daemon_that_does_not_come_back_is_given_up_on_and_what_is_safe_is_told() {
    let house = House::new(SOCKET);
    let daemon = house.start();
    let args = ["append", "--json", "-c", "seawall.toml", "--retry-for", "300ms", "s"];
    let mut child = house.seawall(&args);
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one\n").unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = String::new();
    output.read_line(&mut acknowledged).unwrap();
    assert_eq!(acknowledged, "{\"stream\":\"s\",\"first\":1,\"last\":1}\n");
    daemon.kill();
    input.write_all(b"two\n").unwrap();
    let code = child.wait().unwrap().code();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("line 1 is on the disk (event 1 of s); line 2 is"), "{said}");
}

#[test]
fn lines_are_there_once_and_in_order_however_often_the_daemon_is_killed_meanwhile() {
    let house = House::new(SOCKET);
    let wanted = lines(3000);
    fs::write(house.path("input"), wanted.join("\n")).unwrap();
    let mut daemon = house.start();
    let args = ["append", "--json", "-c", "seawall.toml", "--batch-size", "20", "s"];
    let mut append = house.seawall(&args);
    append.stdin(Stdio::from(File::open(house.path("input")).unwrap()));
    append.stdout(Stdio::piped()).stderr(File::create(house.path("said")).unwrap());
    let mut child = append.spawn().unwrap();
    let mut acknowledged = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut kills = 0;
    // Each time some batches were answered, others are on their way.
    while acknowledged.by_ref().nth(12).is_some() {
        daemon.kill();
        daemon = house.start();
        kills += 1;
    }
    let said = || fs::read_to_string(house.path("said")).unwrap();
    assert!(child.wait().unwrap().success(), "{}", said());
    assert!(kills > 5, "only {kills} kills");
    assert!(daemon.stop().success());
    assert_eq!(payloads(&house, "s"), wanted);
}

/// Hands connections on to the daemon, and cuts every third answer off.
fn lossy(to: &Daemon) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, to) = (listener.local_addr().unwrap(), to.address);
    thread::spawn(move || {
        for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
            let Ok(server) = TcpStream::connect(to) else { return };
            let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut up, &mut down));
            let (mut server, mut client) = (server, client);
            thread::spawn(move || {
                // The answer to the request is read, and never handed on.
                let mut answer = [0; 4096];
                for round in 0.. {
                    let Ok(read @ 1..) = server.read(&mut answer) else { break };
                    if round == number % 3 + 1 {
                        break;
                    }
                    client.write_all(answer.get(..read).unwrap()).ok();
                }
                client.shutdown(std::net::Shutdown::Both).ok();
            });
        }
    });
    address
}

#[test]
fn a_batch_whose_answer_was_lost_is_not_there_twice() {
    let house = House::new("");
    let daemon = house.start();
    let wanted = lines(200);
    fs::write(house.path("input"), wanted.join("\n")).unwrap();
    let mut append = house.seawall(&["append", "--batch-size", "10", "s"]);
    append.env("SEAWALL_SERVER_LISTEN", lossy(&daemon).to_string());
    let output = append.stdin(Stdio::from(File::open(house.path("input")).unwrap())).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("does not answer") && said.contains("answers again"), "{said}");
    assert!(daemon.stop().success());
    assert_eq!(payloads(&house, "s"), wanted);
}
