//! Every entry of the catalogue, repaired, and served by real servers: all that was good and nothing else, at once
//! and again after the server has written on and was started once more.

use std::sync::Mutex;
use std::time::Duration;

use formats::prometheus::Compression;
use mend::Mending;
use testkit::prometheus::{Prometheus, Server, Setup};
use testkit::wait_for;

use crate::damage::{Case, of_chunks, of_the_log, split_chunks};
use crate::model::{Original, difference, served_by};
use crate::plans::repair;
use crate::sound::{Begin, Dir, SCRAPES, STEP};

/// Servers that run side by side. They spend nearly all of their time waiting for their first scrape.
const AT_ONCE: usize = 12;

/// A server that could not yet scrape itself is broken by then.
const PATIENCE: Duration = Duration::from_mins(1);

/// Words in a log that a server has only for what a repair should have spared it.
const COMPLAINTS: [&str; 6] =
    ["orrupt", "epair", "not sequential", "Unknown series references", "out of sequence", "level=error"];

fn setup<'a>(prometheus: &'a Prometheus, dir: &Dir) -> Setup<'a> {
    // A server that has this feature would start from a snapshot if one were left.
    prometheus.on(dir.path()).feature("memory-snapshot-on-shutdown")
}

fn complaint(log: &str, case: &Case) -> Option<String> {
    let nameless = case.name.contains("lost declaration") || case.name.contains("no first") || case.name.contains("last");
    let counts = |word: &&&str| !(nameless && **word == "Unknown series references");
    let words: Vec<_> = COMPLAINTS.iter().filter(counts).collect();
    log.lines().find(|line| words.iter().any(|word| line.contains(**word))).map(str::to_owned)
}

/// What is wrong with what the server makes of a repaired log.
fn fault(prometheus: &Prometheus, case: &Case, begin: Begin) -> Option<String> {
    let planned = repair(case);
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
    if let Some(line) = complaint(&log, case) {
        return Some(format!("complains: {line}"));
    }
    let second = match setup(prometheus, &case.dir).start() {
        Ok(server) => server,
        Err(error) => return Some(format!("does not start again: {error}")),
    };
    if let Some(difference) = difference(&served_by(&second), &case.good) {
        return Some(format!("after a restart: {difference}\n{:?}", planned.plan().steps));
    }
    let foreign = own(&second)?.into_iter().find(|time| *time < begin.0 + 5 * SCRAPES * STEP);
    foreign.map(|time| format!("a series that is new has a value of {time}"))
}

/// Times of all values that the server has scraped from itself.
fn own(server: &Server) -> Option<Vec<i64>> {
    let answer = server.query_at(r#"{job="self"}[200y]"#, 4_102_444_800).ok()?;
    let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
    let all = answer["data"]["result"].as_array()?.iter().flat_map(|one| one["values"].as_array().cloned());
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    let time = |row: serde_json::Value| (row[0].as_f64().unwrap() * 1000.0).round() as i64;
    Some(all.flatten().map(time).collect())
}

/// Demands that nothing is wrong with any case.
fn hold(prometheus: &Prometheus, cases: Vec<Case>, begin: Begin) {
    let (left, faults) = (Mutex::new(cases), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = left.lock().unwrap().pop() else { return };
                    if let Some(fault) = fault(prometheus, &case, begin) {
                        faults.lock().unwrap().push(format!("{}: {fault}", case.name));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n\n"));
}

/// Whatever happened to segments, checkpoint and late samples, the server serves all that was good.
fn all_that_was_good_in_the_log_is_served(prometheus: &Prometheus) {
    let begin = Begin::recently();
    hold(prometheus, of_the_log(begin), begin);
}

/// Likewise with chunks in `chunks_head`, which the server itself has written.
fn all_that_was_good_in_the_log_and_in_chunks_is_served(prometheus: &Prometheus) {
    let begin = Begin::recently();
    let dir = begin.plain(Compression::None);
    let good = Original::of(dir.path()).good(&[]);
    let server = prometheus.on(dir.path()).start().unwrap();
    assert_eq!(difference(&served_by(&server), &good), None);
    server.stop().unwrap();
    split_chunks(&dir);
    hold(prometheus, of_chunks(begin, &dir), begin);
}

macro_rules! for_each_version {
    ($($law:ident),* $(,)?) => {
        for_each_version!(@ v2_42 "2.42" $($law)*);
        for_each_version!(@ v2_53 "2.53" $($law)*);
        for_each_version!(@ v3_5 "3.5" $($law)*);
    };
    (@ $module:ident $version:literal $($law:ident)*) => {
        mod $module {
            $(
                #[test]
                #[ignore = "starts a real server"]
                fn $law() {
                    if let Some(prometheus) = testkit::prometheus::Prometheus::need($version) {
                        super::$law(&prometheus);
                    }
                }
            )*
        }
    };
}

for_each_version! {
    all_that_was_good_in_the_log_is_served,
    all_that_was_good_in_the_log_and_in_chunks_is_served,
}
