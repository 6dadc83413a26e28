//! Asks the server that writes a log how it is: today Prometheus, through its own HTTP.

use std::time::Duration;

use formats::Format;
use hyper::{Method, StatusCode};

use crate::http::{Answer, Question, ask};
use crate::{Blocker, Facts, Flaw, FlawKind, Severity, Url};

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What keeps the log from being cut when it grows, and what is said about it.
const FAILURES: [(&str, &str); 4] = [
    ("prometheus_tsdb_checkpoint_creations_failed_total", "checkpoints have failed"),
    ("prometheus_tsdb_checkpoint_deletions_failed_total", "old checkpoints could not be removed"),
    ("prometheus_tsdb_wal_truncations_failed_total", "attempts to cut the log have failed"),
    ("prometheus_tsdb_head_truncations_failed_total", "attempts to write blocks have failed"),
];

/// Adds what the server says to what its log shows.
pub(crate) async fn consult(url: &Url, format: Option<Format>, facts: &mut Facts) {
    if format != Some(Format::Prometheus) {
        let what = "url is set, and only Prometheus is asked through one".to_owned();
        facts.flaws.push(Flaw { kind: FlawKind::Server, severity: Severity::Warning, what });
        return;
    }
    let get = |path: &str| {
        let target = url.below(path);
        ask(Question { url, method: Method::GET, target, token: None, patience: PATIENCE })
    };
    if let Some(flaw) = unwell(get("/-/healthy").await, "healthy") {
        facts.flaws.push(flaw);
        return;
    }
    facts.flaws.extend(unwell(get("/-/ready").await, "ready"));
    match get("/metrics").await {
        Ok(Answer { status: StatusCode::OK, body }) => read(&String::from_utf8_lossy(&body), facts),
        Ok(Answer { status, .. }) => facts.flaws.push(warning(format!("answers {status} for its figures"))),
        Err(error) => facts.flaws.push(warning(error)),
    }
}

fn warning(what: String) -> Flaw {
    Flaw { kind: FlawKind::Server, severity: Severity::Warning, what }
}

fn unwell(answer: Result<Answer, String>, what: &str) -> Option<Flaw> {
    match answer {
        Ok(answer) if answer.status == StatusCode::OK => None,
        // It replays its log, or is about to end.
        Ok(answer) => Some(warning(format!("the server is not {what}: it answers {}", answer.status))),
        Err(error) => Some(warning(error)),
    }
}

/// Reads the figures of the server.
fn read(page: &str, facts: &mut Facts) {
    let figure = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.split(' ').next()?.parse::<f64>().ok()
    };
    if let Some(count) = figure("prometheus_tsdb_wal_corruptions_total").filter(|count| *count > 0.0) {
        facts
            .flaws
            .push(warning(format!("the server has met {count} corruptions in its log since it started")));
    }
    for (name, what) in FAILURES {
        if let Some(count) = figure(name).filter(|count| *count > 0.0) {
            facts.blockers.push(Blocker(format!("{count} {what} since the server started")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_counts_says_why_its_log_is_not_cut() {
        let mut facts = Facts::default();
        read(
            "# TYPE x counter\nprometheus_tsdb_checkpoint_creations_failed_total 3\n\
             prometheus_tsdb_checkpoint_creations_total 9\nprometheus_tsdb_wal_corruptions_total 0\n",
            &mut facts,
        );
        assert_eq!(
            facts.blockers,
            [Blocker("3 checkpoints have failed since the server started".to_owned())]
        );
        assert!(facts.flaws.is_empty());
        read("prometheus_tsdb_wal_corruptions_total 2\n", &mut facts);
        assert_eq!(facts.flaws.len(), 1);
        read("prometheus_tsdb_wal_corruptions_total", &mut facts);
        read("\u{0}prometheus_tsdb_wal_corruptions_total x y", &mut facts);
        assert_eq!(facts.flaws.len(), 1, "what is no figure says nothing");
    }
}
