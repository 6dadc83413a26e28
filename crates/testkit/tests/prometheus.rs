//! The driver against every real Prometheus that is here.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use testkit::prometheus::{BenchSize, DriveError, Prometheus};
use testkit::wait_for;

const APPENDED: &str = "prometheus_tsdb_head_samples_appended_total{type=\"float\"}";
const HEAD_SERIES: &str = "prometheus_tsdb_head_series";

/// Bytes in the segments of a data directory's log.
fn log_bytes(data: &Path) -> u64 {
    let segments = std::fs::read_dir(data.join("wal")).unwrap();
    segments
        .map(|entry| entry.unwrap().metadata().unwrap())
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len())
        .sum()
}

fn a_stopped_server_leaves_a_log_that_its_restart_replays(version: &str) {
    let Some(prometheus) = Prometheus::need(version) else { return };
    let data = TempDir::new().unwrap();

    let server = prometheus.on(data.path()).scraping_itself(Duration::from_millis(200)).start().unwrap();
    let enough = || server.metric(APPENDED).filter(|&samples| samples >= 1000.0);
    assert!(wait_for(Duration::from_mins(1), enough).is_some(), "it appended too little: {}", server.log());
    assert!(server.query("up").unwrap().contains("\"job\":\"self\""));
    let series = server.metric(HEAD_SERIES).unwrap();
    server.stop().unwrap();
    assert!(log_bytes(data.path()) > 0);

    let restarted = prometheus.on(data.path()).start().unwrap();
    assert!(restarted.replay().unwrap().total > Duration::ZERO);
    assert!(restarted.metric(HEAD_SERIES).unwrap() >= series);
    assert!(restarted.series("{__name__=\"up\"}").unwrap().contains("\"job\":\"self\""));
    assert!(restarted.peak_memory().unwrap() > 1024 * 1024);
}

fn a_killed_server_leaves_a_log_that_its_restart_replays(version: &str) {
    let Some(prometheus) = Prometheus::need(version) else { return };
    let data = TempDir::new().unwrap();

    let server = prometheus.on(data.path()).scraping_itself(Duration::from_millis(200)).start().unwrap();
    let enough = || server.metric(APPENDED).filter(|&samples| samples > 0.0);
    assert!(wait_for(Duration::from_mins(1), enough).is_some(), "it appended nothing: {}", server.log());
    server.kill().unwrap();

    let restarted = prometheus.on(data.path()).start().unwrap();
    assert!(restarted.metric(HEAD_SERIES).unwrap() > 0.0);
    restarted.stop().unwrap();
}

fn a_log_that_promtool_wrote_replays_in_full(version: &str) {
    let Some(prometheus) = Prometheus::need(version) else { return };
    let out = TempDir::new().unwrap();
    let data = prometheus.bench_write(out.path(), BenchSize { series: 300, scrapes: 200 }).unwrap();
    assert!(log_bytes(&data) > 0);
    let server = prometheus.on(&data).start().unwrap();
    assert_eq!(server.metric(HEAD_SERIES), Some(300.0), "{}", server.log());
}

fn a_server_that_can_not_start_tells_its_reason(version: &str) {
    let Some(prometheus) = Prometheus::need(version) else { return };
    let data = TempDir::new().unwrap();
    std::fs::write(data.path().join("wal"), "a file where a directory belongs").unwrap();
    match prometheus.on(data.path()).start() {
        Err(DriveError::Ended { log, .. }) => assert!(log.contains("wal"), "{log}"),
        other => panic!("expected it to end by itself: {other:?}"),
    }
}

/// Each law for each version, as a test of its own, so that a missing version is one skip and not a silent half.
macro_rules! for_each_version {
    ($($module:ident $version:literal),*) => {$(
        mod $module {
            #[test]
            #[ignore = "starts a real server"]
            fn a_stopped_server_leaves_a_log_that_its_restart_replays() {
                super::a_stopped_server_leaves_a_log_that_its_restart_replays($version);
            }

            #[test]
            #[ignore = "starts a real server"]
            fn a_killed_server_leaves_a_log_that_its_restart_replays() {
                super::a_killed_server_leaves_a_log_that_its_restart_replays($version);
            }

            #[test]
            #[ignore = "starts a real server"]
            fn a_log_that_promtool_wrote_replays_in_full() {
                super::a_log_that_promtool_wrote_replays_in_full($version);
            }

            #[test]
            #[ignore = "starts a real server"]
            fn a_server_that_can_not_start_tells_its_reason() {
                super::a_server_that_can_not_start_tells_its_reason($version);
            }
        }
    )*};
}

for_each_version!(v2_42 "2.42", v2_53 "2.53", v3 "3");
