//! The JSON of each command has the fields that `docs/contracts.md` lists, of the types that it gives, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::blocks::{document, repository};
use crate::workshop::{Workshop, shell};

const CONTRACT: &str = "docs/contracts.md";

/// Objects whose keys differ from log to log.
const OPEN: [&str; 2] = ["records_by_type", "details"];

/// The types that were seen at each path of some documents.
type Seen = BTreeMap<String, BTreeSet<&'static str>>;

fn look(value: &Value, path: &str, seen: &mut Seen) {
    let (kind, inner): (_, Vec<(String, &Value)>) = match value {
        Value::Null => ("null", Vec::new()),
        Value::Bool(_) => ("bool", Vec::new()),
        Value::Number(_) => ("number", Vec::new()),
        Value::String(_) => ("text", Vec::new()),
        Value::Array(items) => ("list", items.iter().map(|item| (format!("{path}[]"), item)).collect()),
        Value::Object(_) if OPEN.contains(&path) => ("object", Vec::new()),
        Value::Object(fields) => {
            let name = |key: &String| if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            ("object", fields.iter().map(|(key, value)| (name(key), value)).collect())
        }
    };
    // An element of a list is described by its fields.
    if !path.is_empty() && !path.ends_with("[]") {
        seen.entry(path.to_owned()).or_default().insert(kind);
    }
    inner.into_iter().for_each(|(path, value)| look(value, &path, seen));
}

fn documents(command: &mut Command) -> Vec<Value> {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::Deserializer::from_str(&text).into_iter().map(Result::unwrap).collect()
}

/// Everything that a command prints about logs in every state.
fn seen(arguments: &[&str]) -> Seen {
    let workshop = Workshop::new();
    let corpus = repository().join("crates/formats/tests/corpus/influxdb3/v3.10.1");
    let mut seen = Seen::new();
    for arguments in arguments {
        // What stands before a semicolon only prepares.
        let (before, call) = arguments.rsplit_once("; ").unwrap_or(("true", arguments));
        let line = format!("({before}) > before.log 2>&1; exec seawall {call}");
        let line = line.replace("INFLUXDB3", &corpus.to_string_lossy());
        let printed = documents(&mut shell(workshop.path(), &line));
        assert!(!printed.is_empty(), "{line} prints nothing");
        printed.iter().for_each(|document| look(document, "", &mut seen));
    }
    seen
}

/// What is wrong between the table below `heading` and what was seen.
fn differences(heading: &str, seen: &Seen) -> Vec<String> {
    let rows = document(CONTRACT).rows(heading);
    let mut wrong = Vec::new();
    for (path, kinds) in seen {
        let Some(row) = rows.iter().find(|row| row.first() == Some(path)) else {
            wrong.push(format!("{heading}: the field {path} is not listed"));
            continue;
        };
        let listed: Vec<&str> = row.get(1).unwrap().split(" or ").collect();
        let strange = kinds.iter().filter(|kind| !listed.contains(kind));
        wrong.extend(strange.map(|kind| format!("{heading}: {path} is also {kind}")));
        // What makes some fields unknown, such as a file that may not be read, is not to be had in every test.
        let unseen = listed.iter().filter(|kind| **kind != "null" && !kinds.contains(*kind));
        wrong.extend(
            unseen.map(|kind| format!("{heading}: {path} is never {kind} in any of the test's logs")),
        );
    }
    let gone = rows.iter().filter_map(|row| row.first()).filter(|path| !seen.contains_key(*path));
    wrong.extend(gone.map(|path| format!("{heading}: no command prints {path}")));
    wrong
}

fn demand(heading: &str, arguments: &[&str]) {
    demand_fields(heading, &seen(arguments));
}

fn demand_fields(heading: &str, seen: &Seen) {
    let wrong = differences(heading, seen);
    assert!(wrong.is_empty(), "{CONTRACT}\n{}", wrong.join("\n"));
}

#[test]
fn the_common_head_has_the_fields_that_are_listed() {
    demand(
        "### Common head",
        &[
            "verify --json data",
            "verify --json damaged",
            "verify --json INFLUXDB3/base",
            "verify --json INFLUXDB3/snapshot-pending",
            "verify --json INFLUXDB3/retained-zero-byte",
            "verify --json INFLUXDB3/mid-flipped-byte",
            "check --json --allow-missing absent",
            "check --json data --max-size 1kB",
            "check --json data --memory-limit 1kB",
            "check --json --max-size 1GB INFLUXDB3/base",
        ],
    );
}

#[test]
fn inspect_adds_the_fields_that_are_listed() {
    let mut seen = seen(&["inspect --json data", "inspect --json damaged", "inspect --json INFLUXDB3/base"]);
    seen.retain(|path, _| ["files", "top"].iter().any(|added| path.starts_with(added)));
    let wrong = differences("### What `inspect` adds", &seen);
    assert!(wrong.is_empty(), "{CONTRACT}\n{}", wrong.join("\n"));
}

#[test]
fn a_failure_has_the_fields_that_are_listed() {
    demand("### Failures", &["verify --json absent", "dump --json --stream none data"]);
}

/// Changes that have something to do and some that have not, that find something settled, and that cannot mend all.
const CHANGES: [&str; 8] = [
    "reset --json data",
    "seawall reset --yes data; undo --json --yes data",
    "repair --json data",
    "repair --json damaged",
    "mkdir jobs; printf 'ARWAL001xxxxxxxxxxxx' | zstd -q > jobs/a.wal.zst; repair --json jobs",
    "mv damaged/wal/00000009 gone; repair --json damaged",
    "cp -r INFLUXDB3/stray-bak influx; repair --json --yes influx",
    "mkdir -p damaged/wal-quarantine/20260131T120000Z-trim/new; repair --json --yes damaged",
];

#[test]
fn a_change_has_the_fields_that_are_listed() {
    let mut seen = seen(&CHANGES);
    // An undo that brings damage back finds it.
    for (path, kinds) in self::seen(&["seawall repair --yes damaged; undo --json --yes damaged"]) {
        seen.entry(path).or_default().extend(kinds);
    }
    demand_fields("### Changes", &seen);
}

#[test]
fn a_pruning_has_the_fields_that_are_listed() {
    demand("### Prunings", &["seawall reset --yes data; quarantine prune --json --older-than 0s data"]);
}

#[test]
fn a_gate_that_fixes_adds_the_fields_that_are_listed() {
    let broken = "cp -r INFLUXDB3/mid-flipped-byte influx; check --json --fix repair influx";
    let locked = "seawall repair --yes damaged; check --json --fix drain --max-size 1 INFLUXDB3/base";
    let unfinished = "mkdir -p data/wal-quarantine/20260131T120000Z-trim/new; check --json --fix repair data";
    let mut seen = seen(&[broken, locked, unfinished]);
    let own = ["settled", "before", "fixes[].error", "fixes"];
    seen.retain(|path, _| own.contains(&path.as_str()) || path.starts_with("before."));
    seen.retain(|path, _| !path.starts_with("before.findings["));
    demand_fields("### What `--fix` adds", &seen);
}

#[test]
fn lines_of_a_quarantine_have_the_fields_that_are_listed() {
    let undone = "seawall reset --yes data; seawall undo --yes data";
    let cut = "mkdir -p data/wal-quarantine/20260131T120000Z-trim/new";
    let mut seen = seen(&[&format!("{undone}; {cut}; quarantine list --json data")]);
    seen.retain(|path, _| !path.contains(['.', '[']));
    demand_fields("### Lines of `quarantine list`", &seen);
}

#[test]
fn what_appends_and_closes_prints_the_fields_that_are_listed() {
    demand("### Lines of `append`", &["append --json app < app.log"]);
    demand("### Closings", &["close --json jobs"]);
}

#[test]
fn a_plan_has_the_fields_that_are_listed() {
    let plan = "plan --json --write-size 5KiB --rate 10/m --outage 1h";
    demand("### What `plan` prints", &[plan, &format!("{plan} --replay-rate 1/s")]);
}

#[test]
fn alerts_have_the_fields_that_are_listed() {
    const ALERT: &str =
        "printf '[[alert]]\\nkind = \"webhook\"\\nurl = \"http://127.0.0.1:1/\"\\n' > alerts.toml";
    demand("### Lines of `alert list`", &[&format!("{ALERT}; alert list --json -c alerts.toml")]);
    demand("### Lines of `alert test`", &[&format!("{ALERT}; alert test --json -c alerts.toml")]);
}

#[test]
fn what_shows_a_journal_prints_the_fields_that_are_listed() {
    demand("### Lines of `streams`", &["streams --json"]);
    demand("### Lines of `consumers list`", &["consumers list --json"]);
    demand("### Lines of `replay`", &["replay --json --dry-run --all", "replay --json --dry-run worker"]);
}

#[test]
fn parked_events_have_the_fields_that_are_listed() {
    let mut seen = seen(&["parked list --json", "parked export", "parked show --json server:jobs:2"]);
    seen.retain(|path, _| !["data", "text"].contains(&path.split('.').next().unwrap()));
    demand_fields("### Parked events", &seen);
    let settled =
        ["parked drop --json --all", "parked drop --json --yes --all", "parked requeue --json --all"];
    demand("### Parked events that are requeued or given up", &settled);
    demand("### Unregistering", &["consumers drop --json mirror", "consumers drop --json --yes mirror"]);
}

#[test]
fn lines_of_an_import_have_the_fields_that_are_listed() {
    let other = "cp worker/wal/job-1.wal a.wal; seawall import a.wal; cp worker/wal/job-2.wal a.wal";
    let mut seen = seen(&["import --json worker", &format!("{other}; import --json a.wal")]);
    seen.retain(|path, _| !path.starts_with("error."));
    demand_fields("### Lines of `import`", &seen);
}

#[test]
fn archives_have_the_fields_that_are_listed() {
    demand("### Lines of `archive list`", &["archive run --json", "archive list --json"]);
    demand("### Cleanups", &["seawall archive run; archive cleanup --json --older-than 0s"]);
}

#[test]
fn lines_of_a_dump_have_the_fields_that_are_listed() {
    let mut seen =
        seen(&["dump damaged", "dump INFLUXDB3/retained-zero-byte", "dump INFLUXDB3/mid-flipped-byte"]);
    let own = ["file", "start", "end", "type", "damage", "note"];
    seen.retain(|path, _| own.contains(&path.split(['.', '[']).next().unwrap()));
    let wrong = differences("### Lines of `dump`", &seen);
    assert!(wrong.is_empty(), "{CONTRACT}\n{}", wrong.join("\n"));
}
