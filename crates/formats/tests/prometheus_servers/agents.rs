//! Agents: servers that keep nothing but a log.

use std::path::Path;

use formats::{Survey, Value, Verdict};
use tempfile::TempDir;
use testkit::Exporter;
use testkit::prometheus::{Prometheus, Setup};

use crate::counts::{INTERVAL, agrees_with, total};
use crate::exposition::{floats, whole_histograms};
use crate::model::{Held, survey_of};
use crate::sound::fragments;

fn agent<'a>(prometheus: &'a Prometheus, data: &Path) -> Setup<'a> {
    // Nobody listens there, and nobody needs to: an agent keeps what it could not send.
    prometheus
        .on(data)
        .agent()
        .flag("--storage.remote.flush-deadline=100ms")
        .config("remote_write: [{ url: 'http://127.0.0.1:9/' }]")
}

fn fact<'a>(survey: &'a Survey, name: &str) -> &'a Value {
    &survey.facts.iter().find(|fact| fact.name == name).unwrap().value
}

/// The path of a segment that an agent wrote.
const SEGMENT: &str = "wal/00000000";

fn the_log_of_an_agent_is_read_as_the_agent_says_and_damage_costs_what_is_said(prometheus: &Prometheus) {
    let data = TempDir::new().unwrap();
    let exporters = [Exporter::serve(floats).unwrap(), Exporter::serve(whole_histograms).unwrap()];
    let job = |(number, exporter): (usize, &Exporter)| {
        format!("{{ job_name: job{number}, static_configs: [{{ targets: ['{}'] }}] }}", exporter.target())
    };
    let mut setup = agent(prometheus, data.path()).scraping_itself(INTERVAL);
    for yaml in exporters.iter().enumerate().map(job) {
        setup = setup.job(yaml);
    }
    let server = setup.start().unwrap();
    let metrics = ["prometheus_agent_samples_appended_total", "prometheus_agent_active_series"];
    let live = agrees_with(&server, metrics, 0);
    // Some builds lock only when they are asked to.
    assert_eq!(fact(&live, "lock_file"), &Value::Bool(data.path().join("lock").is_file()));
    server.stop().unwrap();
    let stopped = survey_of(data.path());
    assert_eq!((stopped.damage.count(), &stopped.verdict), (0, &Verdict::Starts), "{:?}", stopped.damage);
    assert_eq!(fact(&stopped, "scope"), &Value::Text("server or agent".to_owned()));
    assert_eq!(fact(&stopped, "lock_file"), &Value::Bool(false));
    assert_eq!(fact(&stopped, "checkpoint"), &Value::Null);

    let server = agent(prometheus, data.path()).start().unwrap();
    assert_eq!(Some(total(&server, metrics[1])), stopped.series);
    let log = server.stop().unwrap();
    assert!(!log.contains("repair"), "{log}");
    damage_is_cut(prometheus, data.path());
}

/// An agent cuts its log as a server does, and knows the series before the cut.
fn damage_is_cut(prometheus: &Prometheus, data: &Path) {
    let segment = data.join(SEGMENT);
    let mut bytes = std::fs::read(&segment).unwrap();
    let is_record =
        |fragment: &std::ops::Range<usize>| bytes[fragment.start] & 7 == 1 && fragment.len() > 100;
    let hit = fragments(&bytes).into_iter().filter(is_record).nth(5).unwrap();
    bytes[hit.start + 20] ^= 0xff;
    std::fs::write(&segment, bytes).unwrap();
    let survey = survey_of(data);
    let begin = hit.start as u64;
    let damage = &survey.damage.listed()[0];
    assert_eq!((damage.file.as_str(), damage.start), (SEGMENT, begin));
    let said = survey.verdict.what().unwrap();
    assert!(said.starts_with(&format!("it cuts {SEGMENT} at byte {begin} and deletes the")), "{said}");
    let kept = Held::until(data, Some((SEGMENT, begin)));
    let server = agent(prometheus, data).start().unwrap();
    assert_eq!(total(&server, "prometheus_agent_active_series"), kept.refs.len() as u64);
    let log = server.kill().unwrap();
    assert!(log.contains("Starting corruption repair"), "{log}");
    let left = survey_of(data);
    assert_eq!((left.samples, left.damage.count()), (Some(kept.samples), 0), "{:?}", left.damage);

    std::fs::remove_file(segment).unwrap();
    assert_eq!(survey_of(data).verdict.name(), "refuses");
    assert!(agent(prometheus, data).start().is_err());
}

testkit::for_each_version! { the_log_of_an_agent_is_read_as_the_agent_says_and_damage_costs_what_is_said }
