//! The OpenAPI document, the contract and the daemon say the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use testkit::{need_program, wait_for};

use super::fronts::front;
use super::http::{Answer, Request};
use super::running::{Daemon, House, PATIENCE, names};
use super::watch::PILE;

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter()
            .map(move |(method, operation)| (method.to_ascii_uppercase(), path.clone(), operation))
    };
    paths.iter().flat_map(of).collect()
}

/// Each kind of thing that a request can be about, as it is called in a path.
fn filled(path: &str, (parked, write): (&str, &str)) -> String {
    let id = if path.contains("/writes/") { write } else { parked };
    let filled = path.replace("{stream}", "jobs").replace("{id}", id).replace("{consumer}", "server");
    // Only a log can be read in full.
    let target = if path.ends_with("/scrub") { "job" } else { "pile" };
    let filled = filled.replace("{name}", target).replace("{archive}", "old").replace("{import}", "job");
    let filled = filled.replace("{replay}", "0123456789abcdef");
    assert!(!filled.contains('{'), "{path}: this test does not know what stands there");
    filled
}

fn fits(schema: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    };
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().unwrap())),
        kind => is(kind.as_str().unwrap()),
    }
}

/// Holds a good answer against what the document says of it.
fn hold(operation: &Value, answer: &Answer, what: &str) {
    let content = operation["responses"]["2XX"]["content"].as_object().unwrap();
    let (kind, media) = content.iter().next().unwrap();
    assert!(answer.head.contains(&format!("content-type: {kind}")), "{what}: {}", answer.head);
    let Some(properties) = media["schema"]["properties"].as_object() else { return };
    let is_in_parts = answer.head.contains("transfer-encoding: chunked");
    // Between parts are their sizes.
    for line in answer.body.lines().filter(|line| !is_in_parts || line.starts_with('{')) {
        let value: Value = serde_json::from_str(line).unwrap();
        let stated: BTreeSet<&String> = properties.keys().collect();
        let given: BTreeSet<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(given, stated, "{what}");
        for (name, schema) in properties {
            assert!(fits(schema, &value[name]), "{what}: {name} is {}", value[name]);
        }
    }
}

fn ask(daemon: &Daemon, write: &str, (method, path): (&str, &str)) -> Answer {
    let body: &[u8] = match (method, path) {
        (_, "/api/v1/parked/requeue") => br#"{"ids":["server:more:1"]}"#,
        (_, "/api/v1/parked/drop") => br#"{"ids":["server:jobs:3"]}"#,
        (_, "/api/v1/archives/drop") => br#"{"ids":["old.wal.zst"]}"#,
        ("POST", "/api/v1/imports/{import}") => br#"{"sum":"01","text":"x"}"#,
        ("POST", "/api/v1/replays/{replay}") => br#"{"id":"01","done":3}"#,
        ("POST", _) => b"x",
        _ => b"",
    };
    // What is given up can be shown no more.
    let id = if method == "DELETE" { "server:jobs:2" } else { "server:jobs:1" };
    let query = if (method, path) == ("POST", "/api/v1/imports/{import}") { "?stream=job" } else { "" };
    daemon.request(method, &format!("{}{query}", filled(path, (id, write)))).body(body).send()
}

#[test]
fn the_daemon_answers_as_its_openapi_document_says() {
    let front_of_nobody =
        "[[proxy]]\nname = 'shop'\nlisten = '127.0.0.1:0'\nprimary = 'http://127.0.0.1:1'\n";
    let restart = "[watch.restart]\ncommand = 'true'\n";
    let log = "[[watch]]\nname = 'job'\npath = 'job.wal'\nscrub = '0s'\n";
    let house = House::new(&format!("{PILE}{restart}{log}{front_of_nobody}"));
    house.write("job.wal", "ARWAL001");
    house.park("jobs", "server");
    house.park("more", "server");
    fs::create_dir(house.path("pile")).unwrap();
    fs::write(house.path("pile/1"), "").unwrap();
    let daemon = house.start();
    daemon.line("a log under watch is well");
    daemon.post("/v1/streams/old/events", b"x");
    daemon.post("/v1/streams/old/close", b"");
    let is_there = || names(&house.path("journal/archive")).contains(&"old.wal.zst".to_owned()).then_some(());
    wait_for(PATIENCE, is_there).expect("it is archived");
    let queued = Request::new(front(&daemon), "POST", "/orders").body(b"order").send();
    assert_eq!(queued.status, 202);
    let write = queued.json()["id"].as_str().unwrap().to_owned();
    let document = daemon.get("/api/v1/openapi.json").json();
    let operations = operations(&document);
    assert!(operations.len() >= 7, "{operations:?}");
    // What makes a stream comes first, then what shows and what settles events, what ends all that last.
    let rank = |method: &str, path: &str| match (method, path) {
        (_, path) if path.ends_with("/events") => 0,
        ("GET", _) => 1,
        (_, "/api/v1/parked/requeue") => 4,
        (_, path) if path.ends_with("/close") || path.contains("{consumer}") => 5,
        // No checkpoint is made while a server is being restarted.
        (_, path) if path.ends_with("/restart") => 6,
        _ => 3,
    };
    let mut sorted = operations.clone();
    sorted.sort_by_key(|(method, path, _)| rank(method, path));
    // That one has no end, and a test of its own.
    for (method, path, operation) in sorted.iter().filter(|(_, path, _)| path != "/api/v1/events") {
        let answer = ask(&daemon, &write, (method, path));
        let wanted = if path.ends_with("/scrub") { 202 } else { 200 };
        assert_eq!(answer.status, wanted, "{method} {path}: {answer:?}");
        hold(operation, &answer, &format!("{method} {path}"));
        assert!(operation["summary"].as_str().unwrap().ends_with('.'));
    }
    for path in operations.iter().map(|(_, path, _)| path).collect::<BTreeSet<_>>() {
        let allowed: Vec<&str> =
            operations.iter().filter(|(_, of, _)| of == path).map(|(method, ..)| method.as_str()).collect();
        let answer = daemon.request("PATCH", &filled(path, ("x", "x"))).send();
        assert_eq!((answer.status, answer.code().as_str()), (405, "wrong-method"), "{path}");
        for method in allowed {
            assert!(
                answer
                    .head
                    .lines()
                    .any(|line| line.starts_with("allow: ") && line.contains(&method.to_ascii_lowercase()))
            );
        }
    }
}

#[test]
fn the_contract_lists_every_route_and_every_figure_and_no_other() {
    let house = House::new("");
    let daemon = house.start();
    daemon.post("/v1/streams/s/events", b"x");
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contracts.md");
    let contract = fs::read_to_string(contract).unwrap();
    let rows = |heading: &str| -> BTreeSet<String> {
        let section =
            contract.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
        let lines = section.lines().take_while(|line| !line.starts_with('#'));
        lines.filter_map(|line| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned())).collect()
    };
    let document = daemon.get("/api/v1/openapi.json").json();
    let routes: BTreeSet<String> =
        operations(&document).into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(rows("### Routes"), routes);
    // Archives are counted once somebody has looked.
    let counted =
        || Some(daemon.get("/metrics").body).filter(|page| page.contains("\nwal_archive_size_bytes "));
    let page = wait_for(PATIENCE, counted).expect("the archives are counted");
    let figures: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned()))
        .collect();
    assert_eq!(rows("### Figures"), figures);
}

#[test]
#[ignore = "runs promtool"]
fn promtool_accepts_the_figures() {
    let Some(mut promtool) = need_program("promtool") else { return };
    let house = House::new("");
    let daemon = house.start();
    daemon.post("/v1/streams/s/events", b"x");
    let page = daemon.get("/metrics").body;
    let mut checked = promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut checked.stdin.take().unwrap(), page.as_bytes()).unwrap();
    let output = checked.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
