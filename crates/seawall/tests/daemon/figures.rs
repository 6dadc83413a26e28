//! Alerts and panels are about figures that the daemon really shows, and Prometheus' own tools accept them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::{need_program, wait_for};

use super::running::{House, PATIENCE};

pub(crate) fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}

/// Names of figures in an expression.
fn names(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours =
        |word: &&str| ["wal_", "disk_", "seawall_", "process_"].iter().any(|begin| word.starts_with(begin));
    words.filter(ours).map(str::to_owned).collect()
}

/// Every expression of the rules.
fn rules() -> Vec<String> {
    let text = fs::read_to_string(deploy("prometheus/seawall.rules.yaml")).unwrap();
    let expressions = text.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    expressions.map(str::to_owned).collect()
}

pub(crate) fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(deploy("grafana/seawall.json")).unwrap()).unwrap()
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no list {key}"))
}

/// The panels that show something: rows are their headings.
fn showing(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(dashboard, "panels").iter().filter(|panel| panel["type"] != "row")
}

/// Every expression of the panels, each with its panel's title.
pub(crate) fn panels() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |panel: &Value| {
        let title = text(&panel["title"]);
        list(panel, "targets")
            .iter()
            .map(move |target| (title.clone(), text(&target["expr"])))
            .collect::<Vec<_>>()
    };
    showing(&dashboard).flat_map(of).collect()
}

/// An expression as Grafana asks it where everything is chosen.
pub(crate) fn asked(expression: &str) -> String {
    ["$instance", "$target", "$proxy"]
        .iter()
        .fold(expression.to_owned(), |text, name| text.replace(name, ".*"))
}

#[test]
fn every_figure_in_an_alert_or_a_panel_is_one_that_the_daemon_shows() {
    let ship = "[[ship]]\nname = 'nobody'\nurl = 'http://127.0.0.1:9/'\n";
    let house = House::new(ship);
    let daemon = house.start();
    daemon.post("/v1/streams/jobs/events", b"x");
    daemon.post("/v1/streams/jobs/close", b"");
    let archived = || daemon.get("/metrics").body.contains("\nwal_archive_size_bytes ").then_some(());
    wait_for(PATIENCE, archived).expect("the archive is counted");
    let page = daemon.get("/metrics").body;
    let families: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let shown = |name: &String| {
        families.contains(name.as_str()) || families.contains(name.trim_end_matches("_bucket"))
    };
    let (rules, panels) = (rules(), panels());
    assert!(rules.len() > 30 && panels.len() > 40);
    let expressions = rules.iter().chain(panels.iter().map(|(_, expression)| expression));
    for name in expressions.flat_map(|expression| names(expression)) {
        assert!(shown(&name), "{name} is not among\n{page}");
    }
    assert!(page.contains("wal_failures_total{reason=\"disk-full\"} 0"), "a counter begins at zero: {page}");
}

#[test]
fn the_alerts_and_panels_of_the_runbook_are_there_with_its_thresholds() {
    let text = fs::read_to_string(deploy("prometheus/seawall.rules.yaml")).unwrap();
    for (alert, condition, lasting) in [
        ("WALHighLatency", "> 0.01", Some("5m")),
        ("WALPendingEvents", "wal_pending_events > 1000", Some("5m")),
        ("WALDiskFull", "(wal_archive_size_bytes / disk_total_bytes) > 0.9", Some("1m")),
        ("WALFailedEvents", "increase(wal_failures_total[5m]) > 0", None),
    ] {
        let rule = text.split("- alert: ").find(|rule| rule.starts_with(alert)).unwrap();
        assert!(rule.lines().any(|line| line.contains("expr: ") && line.ends_with(condition)), "{rule}");
        let stated = rule.lines().find_map(|line| line.trim().strip_prefix("for: "));
        assert_eq!(stated, lasting, "{alert}");
    }
    let dashboard = dashboard();
    let panel =
        |title: &str| list(&dashboard, "panels").iter().find(|panel| panel["title"] == title).unwrap();
    for (title, kind, thresholds) in [
        ("WAL Append Latency", "timeseries", &[(10, "yellow"), (20, "red")][..]),
        ("Pending Events", "gauge", &[(100, "green"), (1_000, "yellow"), (10_000, "red")]),
        (
            "Archive Size",
            "gauge",
            &[(5_000_000_000u64, "green"), (10_000_000_000, "yellow"), (20_000_000_000, "red")],
        ),
        ("Retry Rate", "timeseries", &[(10, "red")]),
    ] {
        let panel = panel(title);
        let steps = list(&panel["fieldConfig"]["defaults"]["thresholds"], "steps").iter().skip(1);
        let steps: Vec<(u64, &str)> =
            steps.map(|step| (step["value"].as_u64().unwrap(), step["color"].as_str().unwrap())).collect();
        assert_eq!((panel["type"].as_str(), steps.as_slice()), (Some(kind), thresholds), "{title}");
    }
}

#[test]
fn the_panels_have_numbers_of_their_own_and_lie_beside_each_other() {
    let dashboard = dashboard();
    let mut numbers = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in list(&dashboard, "panels") {
        assert!(panel["type"] == "row" || panel["datasource"]["uid"] == "${datasource}", "{panel}");
        assert!(numbers.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{panel}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{} covers another panel", panel["title"]);
            }
        }
    }
}

#[test]
#[ignore = "runs promtool"]
fn promtool_accepts_the_rules_and_they_fire_when_they_should() {
    for what in [
        ["check", "rules", "seawall.rules.yaml"],
        ["test", "rules", "seawall.rules.test.yaml"],
        ["check", "config", "scrape.yaml"],
    ] {
        let Some(mut promtool) = need_program("promtool") else { return };
        let output = promtool.args(what).current_dir(deploy("prometheus")).output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what:?}: {said}");
    }
}

#[test]
fn every_rule_has_a_test_and_a_section_that_says_what_to_do() {
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let (rules, tests) =
        (read(deploy("prometheus/seawall.rules.yaml")), read(deploy("prometheus/seawall.rules.test.yaml")));
    let guide = read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/rules.md"));
    let sections: BTreeSet<&str> = guide.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut named = BTreeSet::new();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap();
        named.insert(name);
        assert!(
            tests.contains(&format!("alertname=\"{name}\"")) || tests.contains(&format!("{name}|")),
            "{name}"
        );
        let place = format!("runbook: docs/guides/rules.md#{}", name.to_ascii_lowercase());
        assert!(rule.lines().any(|line| line.trim() == place), "{name} does not lead to {place}");
    }
    assert_eq!(sections, named);
}
