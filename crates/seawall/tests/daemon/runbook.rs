//! The runbook of delivery: each of its commands that needs a daemon runs, against one, in the order of the page.
//!
//! Commands of other programs are left out, but for `curl`. What the page shows as printed is held by the tests of documents.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use testkit::wait_for;

use super::running::{Daemon, House, PATIENCE, names};
use super::sample;

/// Lines of the page between fences of `sh`, in its order.
fn lines() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/ship-runbook.md");
    let text = fs::read_to_string(page).unwrap();
    let blocks = text.split("\n```").filter_map(|block| block.strip_prefix("sh\n"));
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// A line with the places of this house instead of those of the page.
fn here(line: &str, daemon: &Daemon) -> String {
    let pairs = [
        ("/etc/seawall/seawall.toml", "seawall.toml"),
        ("/var/lib/seawall/journal", "journal"),
        ("/etc/prometheus/rules/", ""),
        ("localhost:7400", &daemon.address.to_string()),
        ("curl ", "curl --fail --silent "),
        ("tail -F app.log", "cat app.log"),
    ];
    pairs.iter().fold(line.to_owned(), |line, (from, to)| line.replace(from, to))
}

/// A house with events that were refused, a consumer that is gone, and an archive.
fn house(receiver: &Daemon) -> House {
    let url = format!("http://{}/v1/streams/{{stream}}/events", receiver.address);
    let ship = format!("[[ship]]\nname = 'collector'\nurl = '{url}'\nformat = 'raw'\n");
    let house = House::new(&format!("[server]\nsocket = 'seawall.sock'\n{ship}"));
    house.park("jobs/0", "collector");
    house.park("jobs/1", "old-server");
    house.write("app.log", "started\nready\n");
    sample::write_worker(&house.path("worker"));
    house
}

#[test]
fn every_command_of_the_runbook_runs_against_a_daemon() {
    let receiver = House::new("").start();
    let house = house(&receiver);
    let daemon = house.start();
    daemon.post("/v1/streams/done/events", b"x");
    daemon.post("/v1/streams/done/close", b"");
    let archived =
        || names(&house.path("journal/archive")).contains(&"done.wal.zst".to_owned()).then_some(());
    wait_for(PATIENCE, archived).expect("it is archived");
    let mut ran = 0;
    for line in lines() {
        let is_ours = line.split(['|', ' ']).any(|word| word == "seawall") || line.starts_with("curl ");
        // A second daemon would want the first one's place; its configuration is checked instead.
        if !is_ours
            || line.contains("seawall run")
            || line.starts_with("systemctl")
            || line.starts_with("rsync")
        {
            continue;
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_seawall")).parent().unwrap().to_owned();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &here(&line, &daemon)]).current_dir(house.path("")).env_clear();
        command.env("PATH", path).env("SEAWALL_JOURNAL_DIR", "journal").stdin(Stdio::null());
        let output = command.output().unwrap();
        // A disk may want attention, a log of the worker is damaged, and nothing that is asked for here may fail.
        let may_find = ["doctor", "--dry-run", "import"].iter().any(|word| line.contains(word));
        let most = i32::from(may_find) * 2;
        let code = output.status.code().unwrap_or(-1);
        assert!((0..=most).contains(&code), "{line}\n{output:?}");
        ran += 1;
    }
    assert!(ran > 20, "only {ran} commands were found");
    let consumers = daemon.get("/api/v1/consumers").body;
    assert!(consumers.contains("collector") && !consumers.contains("old-server"), "{consumers}");
}
