//! Whether the daemon lives, and whether it takes events: judged by a pure function of facts.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use journal::{Health, Stats};
use serde_json::json;
use tokio::time::timeout;

use super::Face;
use super::answer::Answer;
use crate::daemon::Phase;
use crate::room;

/// How long the journal may take to say how it is. While it writes it does not answer, and a write that takes longer than
/// this is one that clients notice.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What can be known.
pub(super) struct Facts {
    phase: Phase,
    /// Nothing if the journal does not answer.
    pub(super) stats: Option<Stats>,
    /// Free bytes where the journal lies, and all of them; nothing if the system does not say.
    pub(super) disk: Option<(u64, u64)>,
    /// How the proxies' journals are; nothing if one does not answer.
    fronts: Option<Vec<(String, Health)>>,
}

/// It answers: that is all that it says.
pub(super) fn livez() -> Answer {
    Answer::new(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")
}

/// Whether events are taken, and if not, why.
pub(super) async fn readyz(face: &Arc<Face>) -> Answer {
    ready(&reasons(&facts(face).await), &super::ships::waiting(face))
}

/// Ready, if there is no reason against it. What waits is none.
pub(super) fn ready(reasons: &[String], waiting: &[String]) -> Answer {
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Answer::json(status, &json!({"ready": reasons.is_empty(), "reasons": reasons, "waiting": waiting}))
}

/// Asks the journal and the disk.
pub(super) async fn facts(face: &Arc<Face>) -> Facts {
    let config = face.config();
    let (journal, dir) = (face.journal.clone(), config.journal.dir.clone());
    let disk = move || room::of(&dir).ok().map(|room| (room.free, room.total));
    let desks = face.desks.clone();
    let fronts = move || desks.iter().map(|desk| (desk.proxy().to_owned(), desk.health())).collect();
    let stats = timeout(PATIENCE, face.asking.run(move || journal.stats()));
    let disk = timeout(PATIENCE, face.asking.run(disk));
    let fronts = timeout(PATIENCE, face.asking.run(fronts));
    let (stats, disk, fronts) = tokio::join!(stats, disk, fronts);
    Facts {
        phase: *face.phase.borrow(),
        stats: stats.ok().flatten(),
        disk: disk.ok().flatten().flatten(),
        fronts: fronts.ok().flatten(),
    }
}

/// What keeps the daemon from taking events.
pub(super) fn reasons(facts: &Facts) -> Vec<String> {
    let mut reasons = Vec::new();
    if facts.phase == Phase::Draining {
        reasons.push("the daemon is about to end".to_owned());
    }
    let Some(stats) = &facts.stats else {
        reasons.push("the journal does not answer: the disk may hang".to_owned());
        return reasons;
    };
    reasons.extend(unwell(&stats.health));
    match &facts.fronts {
        Some(fronts) => reasons.extend(
            fronts.iter().filter_map(|(name, health)| Some(format!("the proxy {name}: {}", unwell(health)?))),
        ),
        None => reasons.push("the journal of a proxy does not answer: the disk may hang".to_owned()),
    }
    reasons
}

/// What keeps a journal from taking events.
///
/// Nobody sends anything to a daemon that is not ready, so this is about the next event and not about the last one.
fn unwell(health: &Health) -> Option<String> {
    match health {
        Health::Stopped(why) => Some(format!("the journal has stopped: {why}")),
        Health::Full => Some("the disk has no room for another segment".to_owned()),
        Health::OverBudget => Some("the journal has reached its max_bytes".to_owned()),
        Health::Well => None,
    }
}

#[cfg(test)]
mod tests {
    use journal::{Counters, JournalId};

    use super::*;

    fn well() -> Facts {
        let stats = Stats {
            journal: JournalId::new(1),
            streams: 0,
            live_events: 0,
            bytes: 1000,
            max_bytes: 2000,
            segments: 1,
            lost_to_damage: 0,
            lost_to_budget: 0,
            health: Health::Well,
            counters: Counters::default(),
        };
        Facts { phase: Phase::Running, stats: Some(stats), disk: Some((500, 2000)), fronts: Some(Vec::new()) }
    }

    fn with(health: Health) -> Facts {
        let facts = well();
        Facts { stats: facts.stats.map(|stats| Stats { health, ..stats }), ..facts }
    }

    #[test]
    fn a_daemon_is_ready_unless_something_keeps_it_from_taking_events() {
        assert!(reasons(&well()).is_empty());
        assert_eq!(reasons(&Facts { phase: Phase::Draining, ..well() }).len(), 1);
        assert_eq!(reasons(&Facts { stats: None, ..well() }).len(), 1);
        for health in [Health::Full, Health::OverBudget, Health::Stopped("EIO".to_owned())] {
            assert_eq!(reasons(&with(health)).len(), 1);
        }
    }

    #[test]
    fn the_journal_of_a_proxy_counts_too_and_is_told_by_its_name() {
        let front = |health| Facts { fronts: Some(vec![("shop".to_owned(), health)]), ..well() };
        assert!(reasons(&front(Health::Well)).is_empty());
        let stopped = reasons(&front(Health::Stopped("EIO".to_owned())));
        assert_eq!(stopped, ["the proxy shop: the journal has stopped: EIO"]);
        assert_eq!(reasons(&Facts { fronts: None, ..well() }).len(), 1, "unknown is not well");
    }
}
