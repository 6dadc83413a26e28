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
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the last events were refused, if they were, and how large the journal was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// A stable word.
    pub(super) code: &'static str,
    /// In words.
    pub(super) message: String,
    /// Bytes of the journal then.
    pub(super) bytes: u64,
}

/// What can be known.
pub(super) struct Facts {
    phase: Phase,
    /// Nothing if the journal does not answer.
    pub(super) stats: Option<Stats>,
    /// Free bytes where the journal lies, and all of them; nothing if the system does not say.
    pub(super) disk: Option<(u64, u64)>,
    /// What the next segment takes.
    segment: u64,
    refused: Option<Refused>,
    /// How the proxies' journals are; nothing if one does not answer.
    fronts: Option<Vec<(String, Health)>>,
}

/// It answers: that is all that it says.
pub(super) fn livez() -> Answer {
    Answer::new(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")
}

/// Whether events are taken, and if not, why.
pub(super) async fn readyz(face: &Arc<Face>) -> Answer {
    let reasons = reasons(&facts(face).await);
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let waiting = super::ships::waiting(face);
    Answer::json(status, &json!({"ready": reasons.is_empty(), "reasons": reasons, "waiting": waiting}))
}

/// Asks the journal and the disk.
pub(super) async fn facts(face: &Arc<Face>) -> Facts {
    let config = face.config();
    let (journal, dir) = (face.journal.clone(), config.journal.dir.clone());
    let disk = move || room::of(&dir).ok().map(|room| (room.free, room.total));
    let fronts = face.fronts.clone();
    let fronts = move || fronts.into_iter().map(|(name, journal)| (name, journal.stats().health)).collect();
    let stats = timeout(PATIENCE, face.asking.run(move || journal.stats()));
    let disk = timeout(PATIENCE, face.asking.run(disk));
    let fronts = timeout(PATIENCE, face.asking.run(fronts));
    let (stats, disk, fronts) = tokio::join!(stats, disk, fronts);
    Facts {
        phase: *face.phase.borrow(),
        stats: stats.ok().flatten(),
        disk: disk.ok().flatten().flatten(),
        segment: config.journal.options.segment_size,
        refused: face.figures.refused(),
        fronts: fronts.ok().flatten(),
    }
}

/// What keeps the daemon from taking events.
///
/// Nobody sends anything to a daemon that is not ready. So what was refused last counts only until there is reason to
/// think that the next event would be taken.
pub(super) fn reasons(facts: &Facts) -> Vec<String> {
    let mut reasons = Vec::new();
    if facts.phase == Phase::Draining {
        reasons.push("the daemon is about to end".to_owned());
    }
    let Some(stats) = &facts.stats else {
        reasons.push("the journal does not answer: the disk may hang".to_owned());
        return reasons;
    };
    reasons.extend(unwell(&stats.health, facts));
    match &facts.fronts {
        // They lie on the same disk, and have segments of the same size.
        Some(fronts) => reasons.extend(
            fronts
                .iter()
                .filter_map(|(name, health)| Some(format!("the proxy {name}: {}", unwell(health, facts)?))),
        ),
        None => reasons.push("the journal of a proxy does not answer: the disk may hang".to_owned()),
    }
    if let Some(refused) = &facts.refused
        && refused.code == "over-budget"
        && stats.bytes >= refused.bytes
    {
        reasons.push(refused.message.clone());
    }
    reasons
}

/// What keeps a journal from taking events.
fn unwell(health: &Health, facts: &Facts) -> Option<String> {
    let has_room = facts.disk.is_some_and(|(free, _)| free > facts.segment);
    match health {
        Health::Stopped(why) => Some(format!("the journal has stopped: {why}")),
        Health::Full if !has_room => Some("the disk has no room for another segment".to_owned()),
        Health::Full | Health::Well => None,
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
            segments: 1,
            lost_to_damage: 0,
            lost_to_budget: 0,
            health: Health::Well,
            counters: Counters::default(),
        };
        Facts {
            phase: Phase::Running,
            stats: Some(stats),
            disk: Some((500, 2000)),
            segment: 100,
            refused: None,
            fronts: Some(Vec::new()),
        }
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
        assert_eq!(reasons(&with(Health::Stopped("EIO".to_owned()))).len(), 1);
    }

    #[test]
    fn a_full_disk_counts_until_there_is_room_though_nobody_has_tried_again() {
        let full = with(Health::Full);
        assert!(reasons(&full).is_empty());
        assert_eq!(reasons(&Facts { disk: Some((100, 2000)), ..full }).len(), 1);
        assert_eq!(reasons(&Facts { disk: None, ..with(Health::Full) }).len(), 1, "unknown is not room");
    }

    #[test]
    fn the_journal_of_a_proxy_counts_too_and_is_told_by_its_name() {
        let front = |health| Facts { fronts: Some(vec![("shop".to_owned(), health)]), ..well() };
        assert!(reasons(&front(Health::Well)).is_empty());
        let stopped = reasons(&front(Health::Stopped("EIO".to_owned())));
        assert_eq!(stopped, ["the proxy shop: the journal has stopped: EIO"]);
        assert_eq!(reasons(&Facts { fronts: None, ..well() }).len(), 1, "unknown is not well");
    }

    #[test]
    fn a_budget_that_was_reached_counts_until_the_journal_has_shrunk() {
        let refused = |bytes| Some(Refused { code: "over-budget", message: "full".to_owned(), bytes });
        assert_eq!(reasons(&Facts { refused: refused(1000), ..well() }), ["full"]);
        assert!(reasons(&Facts { refused: refused(1001), ..well() }).is_empty());
    }
}
