//! Every entry of the catalogue, repaired, and served by real servers: all that was good and nothing else, at once
//! and again after the server has written on and was started once more.

use std::sync::Mutex;
use std::time::Duration;

use formats::prometheus::Compression;
use mend::prometheus::Repair;
use mend::{Mending, Plan};
use testkit::prometheus::{Prometheus, Server, Setup, difference};
use testkit::{Exporter, Page, wait_for};

use crate::damage::{Case, dangling, of_chunks, of_snapped, of_the_log, of_written, split_chunks};
use crate::model::{Original, served_by};
use crate::plans::{order, repair};
use crate::sound::{Begin, Dir, now};

/// Servers that run side by side. They spend nearly all of their time waiting for their first scrape.
const AT_ONCE: usize = 24;

/// A server that could not yet scrape itself is broken by then.
const PATIENCE: Duration = Duration::from_mins(1);

/// Words in a log that a server has only for what a repair should have spared it.
const COMPLAINTS: [&str; 6] =
    ["orrupt", "epair", "not sequential", "Unknown series references", "out of sequence", "level=error"];

fn setup<'a>(prometheus: &'a Prometheus, dir: &Dir) -> Setup<'a> {
    // A server that has this feature would start from a snapshot if one were left.
    prometheus.on(dir.path()).feature("memory-snapshot-on-shutdown")
}

fn complaint(log: &str, plan: &Plan) -> Option<String> {
    let nameless = plan.loss.series != Some(0);
    let counts = |word: &&&str| !(nameless && **word == "Unknown series references");
    let words: Vec<_> = COMPLAINTS.iter().filter(counts).collect();
    log.lines().find(|line| words.iter().any(|word| line.contains(**word))).map(str::to_owned)
}

/// What is wrong with what the server makes of a repaired log.
fn fault(prometheus: &Prometheus, case: &Case) -> Option<String> {
    let planned = repair(case);
    let begin = now();
    let first = match setup(prometheus, &case.dir).scraping_itself(Duration::from_secs(1)).start() {
        Ok(server) => server,
        Err(error) => return Some(format!("does not start: {error}")),
    };
    if let Some(difference) = difference(&served_by(&first), &case.good) {
        return Some(format!("{difference}\n{:?}\n{}", planned.plan().steps, first.log()));
    }
    let scraped = wait_for(PATIENCE, || own(&first).filter(|times| !times.is_empty()));
    if scraped.is_none() {
        return Some("never scraped itself".to_owned());
    }
    let log = match first.kill() {
        Ok(log) => log,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(line) = complaint(&log, planned.plan()) {
        return Some(format!("complains: {line}"));
    }
    let second = match setup(prometheus, &case.dir).start() {
        Ok(server) => server,
        Err(error) => return Some(format!("does not start again: {error}")),
    };
    if let Some(difference) = difference(&served_by(&second), &case.good) {
        return Some(format!("after a restart: {difference}\n{:?}", planned.plan().steps));
    }
    let foreign = own(&second)?.into_iter().find(|time| *time < begin);
    foreign.map(|time| format!("a series that is new has a value of {time}"))
}

/// Times of all values that the server has scraped from itself.
fn own(server: &Server) -> Option<Vec<i64>> {
    let answer = server.query_at(r#"{job="self"}[200y]"#, 4_102_444_800).ok()?;
    let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
    let all = answer["data"]["result"].as_array()?.iter().filter_map(|one| one["values"].as_array().cloned());
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    let time = |row: serde_json::Value| (row[0].as_f64().unwrap() * 1000.0).round() as i64;
    Some(all.flatten().map(time).collect())
}

/// Demands that nothing is wrong with any case.
fn hold(cases: Vec<Case>, fault: impl Fn(&Case) -> Option<String> + Sync) {
    let (left, faults) = (Mutex::new(cases), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = left.lock().unwrap().pop() else { return };
                    if let Some(fault) = fault(&case) {
                        faults.lock().unwrap().push(format!("{}: {fault}", case.name));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n\n"));
}

/// What happened to logs that this version can read: 2.42 does not know Zstandard.
fn known(prometheus: &Prometheus) -> Vec<Case> {
    let mut all = of_the_log(Begin::recently());
    all.retain(|case| !(prometheus.version().starts_with("2.42") && case.name.contains("zstd")));
    all
}

/// Whatever happened to segments, checkpoint and late samples, the server serves all that was good.
fn all_that_was_good_in_the_log_is_served(prometheus: &Prometheus) {
    hold(known(prometheus), |case| fault(prometheus, case));
}

/// Likewise with chunks in `chunks_head`, which the server itself has written.
fn all_that_was_good_in_the_log_and_in_chunks_is_served(prometheus: &Prometheus) {
    let begin = Begin::recently();
    let dir = begin.plain(Compression::None);
    let good = Original::of(dir.path()).good(&[]);
    let server = prometheus.on(dir.path()).start().unwrap();
    assert_eq!(difference(&served_by(&server), &good), None);
    server.stop().unwrap();
    assert_sound(&dir);
    split_chunks(&dir);
    assert_sound(&dir);
    let snapped = begin.plain(Compression::Snappy);
    setup(prometheus, &snapped).start().unwrap().stop().unwrap();
    assert_sound(&snapped);
    let of_snapped = of_snapped(&snapped);
    assert!(of_snapped.iter().all(|case| case.good.len() == 100), "the snapshot names no series");
    hold(of_chunks(begin, &dir).into_iter().chain(of_snapped).collect(), |case| fault(prometheus, case));
}

fn assert_sound(dir: &Dir) {
    let repair = Repair::plan(dir.path(), &order()).unwrap();
    assert!(repair.plan().is_empty(), "{:?} {:?}", repair.plan().steps, repair.plan().notes);
}

/// Likewise for a log that the server itself has written, in three runs of which one was killed.
fn all_that_was_good_in_what_a_server_wrote_is_served(prometheus: &Prometheus) {
    let metrics = |scrape: u64| {
        let row = |number| format!("seen{{number=\"{number}\"}} {}\n", scrape * 31 % 17 + number);
        let rows: String = (0..200 + scrape.min(50)).map(row).collect();
        Page::openmetrics(format!("# TYPE seen gauge\n{rows}# EOF\n"))
    };
    let exporter = Exporter::serve(metrics).unwrap();
    let dir = Dir::new();
    for run in 0..3 {
        let target = format!("static_configs: [{{ targets: ['{}'] }}]", exporter.target());
        let job = format!("{{ job_name: written, scrape_interval: 100ms, scrape_timeout: 100ms, {target} }}");
        let server = prometheus.on(dir.path()).job(job).start().unwrap();
        let enough = (run + 1) * 30;
        let scraped = || {
            let answer = server.query(r#"sum(count_over_time(up{job="written"}[1h]))"#).ok()?;
            let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
            let count: f64 = answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()?;
            (count >= f64::from(enough)).then_some(())
        };
        wait_for(PATIENCE, scraped).expect("nothing was scraped");
        if run == 1 {
            server.kill().unwrap();
        } else {
            server.stop().unwrap();
        }
    }
    hold(of_written(&dir), |case| fault(prometheus, case));
}

/// Damage that a start takes without a word keeps every checkpoint from being made; repaired, one is made.
fn a_log_with_an_unfinished_record_can_be_checkpointed_again(prometheus: &Prometheus) {
    let checkpoints = |dir: &Dir| {
        let server = prometheus.on(dir.path()).scraping_itself(Duration::from_secs(1)).start().unwrap();
        let counts = || {
            let failed = server.metric("prometheus_tsdb_checkpoint_creations_failed_total")? > 0.0;
            let made = server.log().contains("WAL checkpoint complete");
            (made || failed).then_some((made, failed))
        };
        let counts = wait_for(2 * PATIENCE, counts).expect("no checkpoint was tried");
        (counts, served_by(&server))
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let left = dangling(Begin::hours_before(6));
            assert_eq!(checkpoints(&left.dir).0, (false, true), "the server got over it by itself");
        });
        let case = dangling(Begin::hours_before(6));
        repair(&case);
        let (counts, served) = checkpoints(&case.dir);
        assert_eq!(counts, (true, false));
        assert_eq!(difference(&served, &case.good), None);
    });
}

/// An agent, which has nothing but a log, starts on a repaired one and knows its series.
fn an_agent_starts_on_a_repaired_log(prometheus: &Prometheus) {
    let begin = Begin::recently();
    let cases = of_the_log(begin).into_iter().filter(|case| !case.dir.at("wbl").exists());
    let cases: Vec<_> = cases.filter(|case| !case.name.contains("zstd")).step_by(5).collect();
    assert!(cases.len() > 5);
    hold(cases, |case| {
        let planned = repair(case);
        let target = "remote_write: [{ url: 'http://127.0.0.1:9/' }]";
        let server = match prometheus.on(case.dir.path()).agent().config(target).start() {
            Ok(server) => server,
            Err(error) => return Some(error.to_string()),
        };
        let series = server.metric("prometheus_agent_active_series");
        let log = server.stop().unwrap();
        let wanted = case.good.len() as f64;
        if series.is_none_or(|series| series < wanted) {
            return Some(format!("{series:?} series instead of {wanted}"));
        }
        complaint(&log, planned.plan()).filter(|line| !line.contains("remote"))
    });
}

/// What a plan says of the server's own repair is what the server then does to the log.
fn what_the_servers_own_repair_keeps_is_foretold(prometheus: &Prometheus) {
    let foretold = ["flip", "a flip in a checkpoint", "a segment cut", "a torn end", "a lost declaration"];
    let cases = known(prometheus).into_iter();
    let cases: Vec<_> =
        cases.filter(|case| foretold.iter().any(|name| case.name.starts_with(name))).collect();
    assert!(cases.len() > 12);
    hold(cases, |case| {
        let plan = Repair::plan(case.dir.path(), &order()).unwrap().plan().clone();
        let foretold = plan.servers_own.expect("nothing foretold").samples;
        // Over a damaged checkpoint it ends until there is a segment of the number of the damaged file.
        let start = || prometheus.on(case.dir.path()).start();
        let server = start().or_else(|_| start()).or_else(|_| start()).unwrap();
        let served: usize = served_by(&server).values().map(std::collections::BTreeMap::len).sum();
        let fits = foretold == Some(served as u64) && plan.kept.samples >= foretold;
        (!fits).then(|| format!("{foretold:?} of {:?} were foretold, and {served} served", plan.kept.samples))
    });
}

testkit::for_each_version! {
    all_that_was_good_in_the_log_is_served,
    all_that_was_good_in_the_log_and_in_chunks_is_served,
    all_that_was_good_in_what_a_server_wrote_is_served,
    a_log_with_an_unfinished_record_can_be_checkpointed_again,
    an_agent_starts_on_a_repaired_log,
    what_the_servers_own_repair_keeps_is_foretold,
}
