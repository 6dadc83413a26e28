//! Shell scripts that were written for another balancer run unchanged: only the names of hosts are replaced.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use testkit::chroma::Chroma;
use testkit::{need_program, wait_for};

use super::house::Library;

const GUIDE: &str = include_str!("guide.md");

/// The shell blocks of the guide that have this in them.
fn blocks(what: &str) -> Vec<&'static str> {
    let blocks = GUIDE.split("```bash\n").skip(1).filter_map(|block| Some(block.split_once("```")?.0));
    let found: Vec<_> = blocks.filter(|block| block.contains(what)).collect();
    assert!(!found.is_empty(), "{what}");
    found
}

impl Library {
    /// Runs a script of the guide to its end, or to where it would sleep, and answers with what it said.
    fn script(&self, script: &str) -> String {
        let local = |port: u16| format!("http://127.0.0.1:{port}");
        let script = script
            .replace("https://chroma-load-balancer.onrender.com", &local(self.port))
            .replace("https://chroma-primary.onrender.com", &self.primary.url())
            .replace("https://chroma-replica.onrender.com", &self.replica.url());
        let mut bash = Command::new("bash");
        bash.env("BASH_FUNC_sleep%%", "() { exit 0; }").arg("-s");
        bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut bash = bash.spawn().unwrap();
        bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = bash.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    fn health_check(&self) -> String {
        self.script(blocks("wal_health_check.sh").first().unwrap())
    }

    /// What the health check says once it says this.
    fn check_until(&self, words: &str) -> String {
        let said = || Some(self.health_check()).filter(|said| said.contains(words));
        wait_for(Duration::from_secs(30), said).unwrap_or_else(|| panic!("{}", self.health_check()))
    }

    fn settled(&self) -> String {
        self.check_until("HEALTHY")
    }
}

#[test]
#[ignore = "starts a real server"]
fn scripts_for_another_balancer_run_unchanged_through_an_outage() {
    if ["curl", "jq", "bc"].into_iter().any(|name| need_program(name).is_none()) {
        return;
    }
    let Some(chroma) = Chroma::need() else { return };
    let mut library = Library::open(&chroma, &[("CHECK_INTERVAL", "1")]);
    let creates = *blocks("test_during_outage").first().unwrap();
    for block in blocks("").into_iter().filter(|block| *block != creates) {
        library.script(block);
    }
    let healthy = library.settled();
    for line in
        ["Pending writes: 0", "Currently replaying: false", "Primary: true", "Replica: true", "HEALTHY"]
    {
        assert!(healthy.contains(line), "no {line} in\n{healthy}");
    }
    assert!(library.script(blocks("wal_performance_test.sh").first().unwrap()).contains("GOOD"));
    library.settled();
    library.primary.kill().unwrap();
    assert!(library.script(creates).contains("test_during_outage"));
    let pending = library.script(blocks("Pending writes: $PENDING").first().unwrap());
    assert_eq!(pending, "Pending writes: 1\n");
    let warning = library.check_until("Primary: false");
    assert!(warning.contains("WARNING"), "{warning}");
    let watched = library.script(blocks("wal_monitor.sh").first().unwrap());
    assert!(watched.contains("Pending: 1, Replaying: false, Failed: 0"), "{watched}");
    library
        .run("client(proxy).get_collection('test_during_outage').add(ids=['a'], embeddings=[[1.0]], documents=['x'])");
    library.primary.start().unwrap();
    let records = json!({"a": ["x", null, [1.0]]});
    library.expect(&json!({"test_during_outage": {"metadata": {"test": true}, "records": records}}));
    library.settled();
}
