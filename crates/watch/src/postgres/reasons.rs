//! What keeps the log of a server, and what is wrong with it, from what the server says.
//!
//! A transaction that is open for long keeps no log by itself: a checkpoint waits for none, and what a prepared one needs is
//! in a file of its own. Only logical slots cannot move past the beginning of the oldest transaction that has written, since
//! whoever reads them gets it whole when it ends.

use super::standing::{Archiver, Reading, Slot, SlotKind, Standing, Transaction};
use crate::{Blocker, Facts, Flaw, FlawKind, Severity};

/// Segments are 16 MiB unless somebody wants it otherwise.
const SEGMENT: u64 = 16 << 20;

/// A transaction that has been open for less is no reason for anything.
const LONG: u64 = 60;

/// Slots that are told by their name.
const MOST_TOLD: usize = 5;

/// How the words of the file's own reasons about slots begin.
const OF_SLOTS: &str = "replication slot ";

/// Adds what the server says to what its log shows.
pub(super) fn add(standing: &Standing, facts: &mut Facts) {
    let slots = slots(standing);
    if !slots.is_empty() {
        // The files of slots are written at checkpoints: the server knows the same, and better.
        facts.blockers.retain(|Blocker(why)| !why.starts_with(OF_SLOTS));
    }
    facts.blockers.extend(slots);
    facts.blockers.extend(standing.archiver.as_ref().and_then(archiver));
    facts.flaws.extend(standing.slots.iter().filter_map(flaw));
}

/// Slots that keep more than the last checkpoint would have left, and what keeps those.
fn slots(standing: &Standing) -> Vec<Blocker> {
    let spared = standing.wal_keep_size.unwrap_or(0).saturating_add(standing.segment.unwrap_or(SEGMENT));
    let keeps = |slot: &&Slot| slot.beyond.is_some_and(|bytes| bytes > spared);
    let keeping: Vec<&Slot> = standing.slots.iter().filter(keeps).collect();
    let mut told: Vec<String> = keeping.iter().take(MOST_TOLD).map(|slot| keeper(slot)).collect();
    if keeping.len() > MOST_TOLD {
        told.push(format!("{} more replication slots keep less of it", keeping.len() - MOST_TOLD));
    }
    let is_held_up = |slot: &&Slot| slot.kind == SlotKind::Logical && slot.reading == Reading::Active;
    if keeping.iter().any(is_held_up) {
        let oldest = standing.transactions.iter().filter(|it| it.has_written && it.seconds > LONG);
        told.extend(oldest.max_by_key(|it| it.seconds).map(holder));
    }
    told.into_iter().map(Blocker).collect()
}

fn keeper(slot: &Slot) -> String {
    let from = slot.restart.as_deref().unwrap_or("its beginning");
    let size = mebibytes(slot.held.unwrap_or_default());
    let why = match slot.reading {
        Reading::Idle => "nobody reads from it: drop it unless its reader comes back",
        Reading::Active => "its reader is behind",
    };
    format!("{OF_SLOTS}{} keeps everything from {from} on, {size} by now, and {why}", slot.name)
}

fn holder(it: &Transaction) -> String {
    format!(
        "{} has a transaction open for {} ({}): logical slots keep what is written since it began",
        it.who,
        span(it.seconds),
        it.state
    )
}

fn archiver(archiver: &Archiver) -> Option<Blocker> {
    if !archiver.is_failing {
        return None;
    }
    let segment = archiver.last_failed.as_deref().unwrap_or("a segment");
    let last = match archiver.archived_ago {
        Some(seconds) => format!("the last one that was archived was so {} ago", span(seconds)),
        None => "none has been archived".to_owned(),
    };
    let ago = archiver.failed_ago.map(|seconds| format!(" {} ago", span(seconds))).unwrap_or_default();
    Some(Blocker(format!(
        "the archiver fails: it could not archive {segment}{ago}, and {last}; the server's own log says why"
    )))
}

/// What is wrong for a replica, however large the log is.
fn flaw(slot: &Slot) -> Option<Flaw> {
    let what = match slot.status.as_deref()? {
        "lost" => "is lost: what it needs was removed, and its replica has to be made anew",
        "unreserved" => "is about to be lost: it keeps more than max_slot_wal_keep_size allows",
        _ => return None,
    };
    let what = format!("{OF_SLOTS}{} {what}", slot.name);
    Some(Flaw { kind: FlawKind::Server, severity: Severity::Warning, what })
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

impl Standing {
    /// Bytes beyond which the log of this server is worth attention: checkpoints stay below twice `max_wal_size`, and what
    /// is kept for others comes on top.
    pub(crate) fn usual_size(&self) -> Option<u64> {
        let aimed = self.max_wal_size?.saturating_mul(4);
        Some(aimed.saturating_add(self.wal_keep_size.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(name: &str, kind: SlotKind, reading: Reading, beyond: u64) -> Slot {
        let (restart, held) = (Some("0/1".to_owned()), Some(beyond + (1 << 20)));
        Slot { name: name.to_owned(), kind, reading, restart, held, beyond: Some(beyond), status: None }
    }

    fn writer(seconds: u64) -> Transaction {
        let state = "idle in transaction".to_owned();
        Transaction { who: "process 7 of me".to_owned(), state, seconds, has_written: true }
    }

    fn reasons(standing: &Standing) -> Vec<String> {
        let stale = Blocker("replication slot a keeps everything from 0/0 on".to_owned());
        let mut facts = Facts { blockers: vec![stale], ..Facts::default() };
        add(standing, &mut facts);
        facts.blockers.into_iter().map(|Blocker(why)| why).collect()
    }

    #[test]
    fn a_transaction_is_a_reason_only_where_a_logical_slot_is_read_and_cannot_move_past_it() {
        let with = |kind, reading, transaction| Standing {
            slots: vec![slot("a", kind, reading, 100 << 20)],
            transactions: vec![transaction],
            ..Standing::default()
        };
        let told = |standing| reasons(&standing).iter().any(|why| why.contains("transaction open for"));
        assert!(told(with(SlotKind::Logical, Reading::Active, writer(7_300))));
        assert!(!told(with(SlotKind::Logical, Reading::Active, writer(5))), "it is short");
        assert!(!told(with(SlotKind::Logical, Reading::Idle, writer(7_300))), "nobody reads");
        assert!(!told(with(SlotKind::Physical, Reading::Active, writer(7_300))));
        let reader = Transaction { has_written: false, ..writer(7_300) };
        assert!(!told(with(SlotKind::Logical, Reading::Active, reader)), "it has written nothing");
    }

    #[test]
    fn a_slot_is_a_reason_once_it_keeps_what_a_checkpoint_would_have_removed() {
        let all = |beyond| Standing {
            wal_keep_size: Some(64 << 20),
            slots: vec![slot("a", SlotKind::Physical, Reading::Idle, beyond)],
            ..Standing::default()
        };
        let [why] = reasons(&all(81 << 20)).try_into().unwrap();
        assert!(why.contains("slot a keeps everything from 0/1 on, 82 MiB by now, and nobody"), "{why}");
        assert_eq!(reasons(&all(80 << 20)), ["replication slot a keeps everything from 0/0 on"]);
        let name = |number: usize| slot(&number.to_string(), SlotKind::Physical, Reading::Active, 1 << 30);
        let many = Standing { slots: (0..100).map(name).collect(), ..Standing::default() };
        assert_eq!(reasons(&many).len(), MOST_TOLD + 1, "a hundred slots are no wall of text");
    }

    #[test]
    fn an_archiver_is_a_reason_while_its_last_attempt_failed() {
        let archiver = Archiver {
            archived: 0,
            failed: 9,
            last_failed: Some("000000010000000000000003".to_owned()),
            failed_ago: Some(5),
            archived_ago: None,
            is_failing: true,
        };
        let with = |archiver| Standing { archiver: Some(archiver), ..Standing::default() };
        let why = reasons(&with(archiver.clone())).pop().unwrap();
        assert!(why.contains("000000010000000000000003 5 s ago, and none has been archived"), "{why}");
        assert_eq!(reasons(&with(Archiver { is_failing: false, ..archiver })).len(), 1);
    }

    #[test]
    fn a_slot_that_is_lost_is_a_flaw_whatever_the_size() {
        let mut lost = slot("a", SlotKind::Physical, Reading::Idle, 0);
        (lost.status, lost.restart) = (Some("lost".to_owned()), None);
        let mut facts = Facts::default();
        add(&Standing { slots: vec![lost], ..Standing::default() }, &mut facts);
        assert!(facts.flaws.iter().any(|flaw| flaw.what.contains("made anew")), "{facts:?}");
        assert!(facts.blockers.is_empty());
    }

    #[test]
    fn what_is_usual_follows_the_settings_of_the_server() {
        let usual = |max, keep| {
            Standing { max_wal_size: max, wal_keep_size: keep, ..Standing::default() }.usual_size()
        };
        assert_eq!(
            usual(Some(1 << 30), Some(0)),
            Some(4 << 30),
            "left as it comes, it is what is usual anyway"
        );
        assert_eq!(usual(Some(20 << 30), Some(1 << 30)), Some(81 << 30));
        assert_eq!(usual(None, Some(1)), None);
    }
}
