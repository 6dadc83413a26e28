//! Logs that are read while their server starts, writes, compacts, checkpoints and deletes: no false alarm, ever.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use formats::Verdict;
use tempfile::TempDir;
use testkit::prometheus::{BenchSize, Prometheus, Setup};
use testkit::wait_for;

use crate::counts::{replays, survey_live, total};
use crate::model::survey_of;

/// Long enough for any machine; only a broken run waits so long.
const LIMIT: Duration = Duration::from_mins(2);

/// Reads a log again and again, and answers with how often.
fn read_until(ended: &AtomicBool, data: &Path) -> u64 {
    let mut readings = 0;
    while !ended.load(Ordering::Relaxed) {
        let survey = survey_live(data);
        assert!(survey.damage.is_empty(), "reading {readings}: {:?}", survey.damage);
        assert!(survey.unreadable.is_empty(), "reading {readings}: {:?}", survey.unreadable);
        // Series that a checkpoint was about to declare can be missing from one reading, and nothing else.
        let fine = match &survey.verdict {
            Verdict::Starts => true,
            other => other.what().is_some_and(|what| what.contains("that no record declares")),
        };
        assert!(fine, "reading {readings}: {:?}", survey.verdict);
        readings += 1;
    }
    readings
}

/// A server that compacts its head as soon as something is committed, which a rule does that finds nothing.
pub(crate) fn compacting<'a>(
    prometheus: &'a Prometheus,
    data: &Path,
    rules: &Path,
    block: &str,
) -> Setup<'a> {
    let rule = "groups: [{ name: none, interval: 300ms, rules: [{ record: none, expr: vector(1) > 2 }] }]";
    std::fs::write(rules, rule).unwrap();
    prometheus
        .on(data)
        .flag(format!("--storage.tsdb.min-block-duration={block}"))
        .flag(format!("--storage.tsdb.max-block-duration={block}"))
        .config(format!("rule_files: ['{}']", rules.display()))
}

fn no_moment_of_a_server_s_life_looks_like_damage(prometheus: &Prometheus) {
    let home = TempDir::new().unwrap();
    let out = home.path().join("bench");
    let data = prometheus.bench_write(&out, BenchSize { series: 200, scrapes: 500 }).unwrap();
    let ended = AtomicBool::new(false);
    let readings = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_until(&ended, &data));
        let written =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| live(prometheus, &data, home.path())));
        ended.store(true, Ordering::Relaxed);
        let readings = reader.join();
        written.unwrap();
        readings.unwrap()
    });
    assert!(readings > 20, "{readings}");
    let survey = survey_of(&data);
    assert_eq!((survey.damage.count(), &survey.verdict), (0, &Verdict::Starts), "{:?}", survey.damage);
    assert!(survey.facts.iter().any(|fact| fact.name == "blocks"), "{:?}", survey.facts);
    let server = prometheus.on(&data).start().unwrap();
    replays(&server);
    server.kill().unwrap();
}

/// Starts servers until one has made blocks and a checkpoint, and has deleted what they replace.
fn live(prometheus: &Prometheus, data: &Path, home: &Path) {
    for _ in 0..3 {
        prometheus.on(data).start().unwrap().stop().unwrap();
        prometheus.on(data).start().unwrap().kill().unwrap();
    }
    let server = compacting(prometheus, data, &home.join("rules.yml"), "30m")
        .scraping_itself(Duration::from_millis(200))
        .start()
        .unwrap();
    let done = wait_for(LIMIT, || {
        let made = total(&server, "prometheus_tsdb_checkpoint_creations_total");
        let written = total(&server, "prometheus_tsdb_head_samples_appended_total");
        (made > 0 && written > 2000 && !data.join("wal/00000000").exists()).then_some(())
    });
    done.unwrap_or_else(|| panic!("{}", server.log()));
    server.kill().unwrap();
}

testkit::for_each_version! { no_moment_of_a_server_s_life_looks_like_damage }
