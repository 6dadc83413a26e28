//! Three versions of the real server after a reset.

use std::time::Duration;

use mend::Newer;
use tempfile::TempDir;
use testkit::prometheus::Prometheus;
use testkit::wait_for;

use super::log;
use super::reset::{reset, take_back};
use super::tree::tree;

fn series(server: &testkit::prometheus::Server) -> Option<f64> {
    server.metric("prometheus_tsdb_head_series")
}

fn a_server_starts_empty_after_a_reset_writes_and_has_all_of_it_again_after_the_undo(version: &str) {
    let Some(prometheus) = Prometheus::need(version) else { return };
    let data = TempDir::new().unwrap();
    log::write(data.path());
    // A server has been here, so that everything lies there that servers make.
    let server = prometheus.on(data.path()).start().unwrap();
    assert_eq!(series(&server), Some(log::SERIES as f64));
    server.stop().unwrap();
    let before = tree(data.path());
    reset(data.path());
    assert!(!data.path().join("wal").exists());

    let server = prometheus.on(data.path()).scraping_itself(Duration::from_millis(200)).start().unwrap();
    assert_eq!(server.query_at("count(known)", log::BEGIN / 1000 + 60).unwrap().matches("value").count(), 0);
    let scraped = || series(&server).filter(|series| *series > 0.0);
    assert!(wait_for(Duration::from_mins(1), scraped).is_some());
    server.stop().unwrap();
    // It keeps what it wrote over another start.
    let server = prometheus.on(data.path()).start().unwrap();
    assert!(series(&server).is_some_and(|series| series > 0.0));
    server.stop().unwrap();

    assert!(take_back(data.path(), Newer::Refuse).is_err());
    take_back(data.path(), Newer::Quarantine).unwrap();
    for (name, bytes) in
        before.iter().filter(|(name, _)| name.starts_with("wal/") || name.starts_with("chunks_head/"))
    {
        assert_eq!(tree(data.path()).get(name), Some(bytes), "{name}");
    }
    let server = prometheus.on(data.path()).start().unwrap();
    assert_eq!(series(&server), Some(log::SERIES as f64));
    server.stop().unwrap();
}

#[test]
#[ignore = "starts a real server"]
fn prometheus_2_42_starts_empty_and_has_all_of_it_again_after_the_undo() {
    a_server_starts_empty_after_a_reset_writes_and_has_all_of_it_again_after_the_undo("2.42");
}

#[test]
#[ignore = "starts a real server"]
fn prometheus_2_53_starts_empty_and_has_all_of_it_again_after_the_undo() {
    a_server_starts_empty_after_a_reset_writes_and_has_all_of_it_again_after_the_undo("2.53");
}

#[test]
#[ignore = "starts a real server"]
fn prometheus_3_5_starts_empty_and_has_all_of_it_again_after_the_undo() {
    a_server_starts_empty_after_a_reset_writes_and_has_all_of_it_again_after_the_undo("3.5");
}
