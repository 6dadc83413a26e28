//! The rules and the dashboard in front of a real Prometheus, which scrapes a real daemon: each panel has something to
//! show, and the rules fire at what is wrong.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use testkit::prometheus::{Prometheus, Server};
use testkit::wait_for;

use super::figures::{asked, deploy, panels};
use super::fronts::front;
use super::http::Request;
use super::running::{Daemon, House, PATIENCE};

/// All that there may be, and most of it in trouble: servers that are not there, a log that grows, one that is cleared, one that
/// cannot be, one that is too large, and one that is not there.
const TROUBLE: &str = "[[ship]]\nname = 'nobody'\nurl = 'http://127.0.0.1:9/'\n\
    [[alert]]\nname = 'hook'\nkind = 'webhook'\nurl = 'http://127.0.0.1:9/'\n\
    [[proxy]]\nname = 'front'\nlisten = '127.0.0.1:0'\nprimary = 'http://127.0.0.1:9'\ncheck_interval = '50ms'\n\
    [[watch]]\nname = 'growing'\npath = 'growing'\nformat = 'directory'\ninterval = '1s'\nmin_free = '0%'\n\
    max_size = '10MiB'\ncritical_size = '20MiB'\n\
    [[watch]]\nname = 'cleared'\npath = 'cleared'\nformat = 'directory'\ninterval = '1s'\nmin_free = '0%'\n\
    max_files = 2\n\
    [watch.checkpoint]\ncommand = 'rm -f cleared/*'\ncooldown = '0s'\n[watch.restart]\ncommand = 'true'\n\
    [[watch]]\nname = 'kept'\npath = 'kept'\nformat = 'directory'\ninterval = '1s'\nmin_free = '0%'\n\
    max_files = 0\ncritical_files = 0\n\
    [watch.checkpoint]\ncommand = 'false'\ncooldown = '1s'\n\
    [[watch]]\nname = 'gone'\npath = 'gone'\nformat = 'directory'\ninterval = '1s'\n";

/// A file that grows steadily until this is dropped.
struct Growth {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Growth {
    fn of(path: PathBuf) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        let thread = thread::spawn(move || {
            // It has an end of its own, far behind that of the test.
            for _ in 0..1_000 {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                file.write_all(&[b'x'; 8 * 1024]).unwrap();
                thread::sleep(Duration::from_millis(50));
            }
        });
        Self { ended, thread: Some(thread) }
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// A daemon with all of that.
fn troubled(house: &House) -> (Daemon, Growth) {
    for (directory, files) in [("growing", 1), ("cleared", 4), ("kept", 1)] {
        fs::create_dir(house.path(directory)).unwrap();
        (0..files).for_each(|number| fs::write(house.path(&format!("{directory}/{number}")), "x").unwrap());
    }
    let growth = Growth::of(house.path("growing/0"));
    let daemon = house.start();
    daemon.post("/v1/streams/jobs/events", b"x");
    daemon.post("/v1/streams/jobs/close", b"");
    let queued = Request::new(front(&daemon), "POST", "/things").body(b"{}").send();
    assert_eq!(queued.status, 202, "{queued:?}");
    (daemon, growth)
}

fn scraping(prometheus: &Prometheus, house: &House, daemon: &Daemon) -> Server {
    let rules = deploy("prometheus/seawall.rules.yaml");
    prometheus
        .on(house.path("prometheus"))
        .config("global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }")
        .config(format!("rule_files: ['{}']", rules.display()))
        .job(format!("{{ job_name: seawall, static_configs: [{{ targets: ['{}'] }}] }}", daemon.address))
        .start()
        .unwrap()
}

/// How each rule is, by its name: `inactive`, `pending` or `firing`.
fn rules(server: &Server) -> BTreeMap<String, String> {
    let answer: Value = serde_json::from_str(&server.get("/api/v1/rules").unwrap()).unwrap();
    let groups = answer["data"]["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rules
        .map(|rule| {
            assert!(rule["health"] != "err", "{rule}");
            (text(&rule["name"]), text(&rule["state"]))
        })
        .collect()
}

#[test]
#[ignore = "starts a real server"]
fn every_panel_shows_something_and_rules_fire_where_prometheus_scrapes_a_daemon_in_trouble() {
    let Some(prometheus) = Prometheus::need("3.5") else { return };
    let house = House::new(TROUBLE);
    let (daemon, _growth) = troubled(&house);
    let server = scraping(&prometheus, &house, &daemon);
    // Rules about Prometheus itself name figures that it has.
    let own = fs::read_to_string(deploy("prometheus/seawall.rules.yaml")).unwrap();
    let words = own.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for name in words.filter(|word| word.starts_with("prometheus_tsdb_")) {
        assert!(server.metric(name).is_some(), "{name}");
    }
    let mut empty: Vec<_> =
        panels().into_iter().map(|(title, expression)| (title, asked(&expression))).collect();
    let all_show = || {
        empty.retain(|(_, expression)| {
            let answer: Value = serde_json::from_str(&server.query(expression).unwrap()).unwrap();
            answer["data"]["result"].as_array().unwrap().is_empty()
        });
        empty.is_empty().then_some(())
    };
    assert!(wait_for(PATIENCE, all_show).is_some(), "nothing to see: {empty:#?}");
    let wrong = [
        "SeawallAlertsWait",
        "SeawallCheckpointsDoNotHelp",
        "SeawallLogCritical",
        "SeawallLogSoonCritical",
        "SeawallLogUnknown",
        "SeawallProxyServerDown",
        "SeawallProxyWithoutServer",
        "SeawallShipWaits",
    ];
    let mut seen = BTreeMap::new();
    let all_seen = || {
        seen = rules(&server);
        wrong.iter().all(|name| seen[*name] != "inactive").then_some(())
    };
    let all_seen = wait_for(PATIENCE, all_seen);
    assert!(all_seen.is_some() && seen["SeawallCheckpointsDoNotHelp"] == "firing", "{seen:?}");
    // What is well is not told.
    for well in [
        "SeawallDown",
        "SeawallNotReady",
        "SeawallProxyRefusesWrites",
        "SeawallWatchStopped",
        "SeawallLogDamaged",
    ] {
        assert_eq!(seen[well], "inactive", "{well}");
    }
}
