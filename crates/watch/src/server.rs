//! Asks the server that writes a log how it is: today Prometheus, through its own HTTP.
//!
//! It is asked whether it is healthy and ready, for the answer of a query, for its figures, and, while it starts, for how
//! far it is in its log.

use std::time::Duration;

use formats::Format;
use hyper::StatusCode;
use serde_json::Value;
use tokio::time::timeout;

use crate::service::Answer;
use crate::{Blocker, Consulted, Facts, Flaw, FlawKind, Replaying, Service, Severity};

/// How long all answers together may take: what is asked next waits for them.
const PATIENCE: Duration = Duration::from_secs(10);

/// A query that has one number for an answer, however many series there are, and touches what was written last.
const QUERY: &str = "/api/v1/query?query=count%28up%29&timeout=4s";

/// What an agent says to a query: it has none.
const AGENT: &str = "Prometheus Agent";

/// What keeps the log from being cut when it grows, and what is said about it.
const FAILURES: [(&str, &str); 7] = [
    ("prometheus_tsdb_checkpoint_creations_failed_total", "checkpoints have failed"),
    ("prometheus_tsdb_checkpoint_deletions_failed_total", "old checkpoints could not be removed"),
    ("prometheus_tsdb_wal_truncations_failed_total", "attempts to cut the log have failed"),
    ("prometheus_tsdb_head_truncations_failed_total", "attempts to write blocks have failed"),
    ("prometheus_tsdb_compactions_failed_total", "compactions have failed"),
    ("prometheus_agent_checkpoint_creations_failed_total", "checkpoints have failed"),
    ("prometheus_agent_checkpoint_deletions_failed_total", "old checkpoints could not be removed"),
];

/// What has gone wrong with what the server holds, and what is said about it.
const TROUBLES: [(&str, &str); 4] = [
    ("prometheus_tsdb_wal_corruptions_total", "corruptions in its log"),
    ("prometheus_agent_corruptions_total", "corruptions in its log"),
    ("prometheus_tsdb_mmap_chunk_corruptions_total", "corruptions in its head chunks"),
    ("prometheus_tsdb_wal_writes_failed_total", "failures to write its log"),
];

/// Adds what the server says to what its log shows.
pub(crate) async fn consult(service: &Service, format: Option<Format>, facts: &mut Facts) {
    if format != Some(Format::Prometheus) {
        facts.flaws.push(warning("url is set, and only Prometheus is asked through one".to_owned()));
        return;
    }
    facts.server = Some(Consulted::default());
    let late = || warning(format!("{service} has not answered everything within {PATIENCE:?}"));
    let mut told = facts.clone();
    match timeout(PATIENCE, ask(service, &mut told)).await {
        Ok(()) => *facts = told,
        Err(_) => facts.flaws.push(late()),
    }
}

async fn ask(service: &Service, facts: &mut Facts) {
    if let Some(flaw) = unwell(service.ask_below("/-/healthy").await, "healthy") {
        facts.flaws.push(flaw);
        return;
    }
    let ready = service.ask_below("/-/ready");
    let (ready, queried, figures) =
        tokio::join!(ready, service.ask_below(QUERY), service.ask_below("/metrics"));
    let mut consulted = Consulted::default();
    match unwell(ready, "ready") {
        None => {
            consulted.is_ready = true;
            let answered = answered(queried);
            consulted.has_answered = answered.as_ref().ok().copied().unwrap_or(Some(false));
            facts.flaws.extend(answered.err());
        }
        // A server that starts answers no query, which is no second trouble.
        Some(flaw) => {
            let progress = service.ask_below("/api/v1/status/walreplay").await;
            consulted.replaying = progress.ok().and_then(|answer| replaying(&answer.body));
            facts.flaws.push(with_progress(flaw, consulted.replaying));
        }
    }
    match figures {
        Ok(Answer { status: StatusCode::OK, body }) => {
            consulted.corruptions = read(&String::from_utf8_lossy(&body), facts);
        }
        Ok(Answer { status, .. }) => {
            facts.flaws.push(warning(format!("{service} answers {status} for its figures")));
        }
        Err(error) => facts.flaws.push(warning(error)),
    }
    facts.server = Some(consulted);
}

fn warning(what: String) -> Flaw {
    Flaw { kind: FlawKind::Server, severity: Severity::Warning, what }
}

fn unwell(answer: Result<Answer, String>, what: &str) -> Option<Flaw> {
    match answer {
        Ok(answer) if answer.status == StatusCode::OK => None,
        // It replays its log, or is about to end, or wants to see credentials.
        Ok(answer) => Some(warning(format!("the server is not {what}: it answers {}", answer.status))),
        Err(error) => Some(warning(error)),
    }
}

/// Whether a query was answered; nothing where the server takes none.
fn answered(answer: Result<Answer, String>) -> Result<Option<bool>, Flaw> {
    let answer = answer.map_err(|error| warning(format!("no query is answered: {error}")))?;
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let is_answer =
        text("/status") == "success" && document.pointer("/data/result").is_some_and(Value::is_array);
    if answer.status == StatusCode::OK && is_answer {
        return Ok(Some(true));
    }
    let error = text("/error");
    if error.contains(AGENT) {
        return Ok(None);
    }
    let error: String = error.chars().filter(|c| !c.is_control()).take(200).collect();
    let error = if error.is_empty() { String::new() } else { format!(": {error}") };
    Err(warning(format!("the server answers a query with {}{error}", answer.status)))
}

/// How far the server is in its log.
fn replaying(body: &[u8]) -> Option<Replaying> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let number = |pointer: &str| document.pointer(pointer)?.as_u64();
    let (first, current, last) = (number("/data/min")?, number("/data/current")?, number("/data/max")?);
    // Before it begins it counts from nothing to nothing.
    (last > 0 && (first..=last).contains(&current)).then_some(Replaying { first, current, last })
}

fn with_progress(flaw: Flaw, progress: Option<Replaying>) -> Flaw {
    let Some(Replaying { first, current, last }) = progress else { return flaw };
    let what = format!("{}; it reads its log, segment {current} of {first} to {last}", flaw.what);
    Flaw { what, ..flaw }
}

/// Reads the figures of the server, and gives back how often it has met corruption, if it says so.
fn read(page: &str, facts: &mut Facts) -> Option<u64> {
    let figure = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.split(' ').next()?.parse::<f64>().ok()
    };
    for (name, what) in TROUBLES {
        if let Some(count) = figure(name).filter(|count| *count > 0.0) {
            facts.flaws.push(warning(format!("the server has met {count} {what} since it started")));
        }
    }
    for (name, what) in FAILURES {
        if let Some(count) = figure(name).filter(|count| *count > 0.0) {
            facts.blockers.push(Blocker(format!("{count} {what} since the server started")));
        }
    }
    let corruptions = figure("prometheus_tsdb_wal_corruptions_total")
        .or_else(|| figure("prometheus_agent_corruptions_total"))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, and saturating")]
    Some(corruptions as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_counts_says_why_its_log_is_not_cut() {
        let mut facts = Facts::default();
        let corruptions = read(
            "# TYPE x counter\nprometheus_tsdb_checkpoint_creations_failed_total 3\n\
             prometheus_tsdb_checkpoint_creations_total 9\nprometheus_tsdb_wal_corruptions_total 0\n",
            &mut facts,
        );
        assert_eq!(corruptions, Some(0));
        assert_eq!(
            facts.blockers,
            [Blocker("3 checkpoints have failed since the server started".to_owned())]
        );
        assert!(facts.flaws.is_empty());
        assert_eq!(read("prometheus_tsdb_wal_corruptions_total 2\n", &mut facts), Some(2));
        assert_eq!(facts.flaws.len(), 1);
        assert_eq!(read("prometheus_tsdb_wal_corruptions_total", &mut facts), None);
        read("\u{0}prometheus_tsdb_wal_corruptions_total x y", &mut facts);
        assert_eq!(facts.flaws.len(), 1, "what is no figure says nothing");
    }

    #[test]
    fn only_the_answer_of_a_query_counts_as_one() {
        let answer = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            answered(Ok(Answer { status, body: body.to_owned().into() })).map_err(|flaw| flaw.what)
        };
        assert_eq!(
            answer(200, r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#),
            Ok(Some(true))
        );
        assert!(answer(200, "<html>please log in</html>").unwrap_err().contains("200"));
        let late = answer(503, r#"{"status":"error","error":"query timed out"}"#).unwrap_err();
        assert!(late.ends_with("503 Service Unavailable: query timed out"), "{late}");
        let agent = r#"{"status":"error","error":"unavailable with Prometheus Agent"}"#;
        assert_eq!(answer(422, agent), Ok(None));
    }

    #[test]
    fn progress_is_told_when_it_makes_sense() {
        let of = |text: &str| replaying(text.as_bytes());
        let there = Some(Replaying { first: 2, current: 3, last: 9 });
        assert_eq!(of(r#"{"data":{"min":2,"max":9,"current":3,"state":"in progress"}}"#), there);
        assert_eq!(of(r#"{"data":{"min":0,"max":0,"current":0}}"#), None);
        assert_eq!(of(r#"{"data":{"min":2,"max":9,"current":-1}}"#), None);
        assert_eq!(of("no JSON"), None);
        assert!(with_progress(warning("not ready".to_owned()), there).what.ends_with("segment 3 of 2 to 9"));
    }
}
