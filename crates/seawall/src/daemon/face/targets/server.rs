//! What a PostgreSQL server says about its log, as JSON. What it did not say is null.

use serde_json::{Value, json};
use watch::postgres::{Archiver, Reading, Slot, SlotKind, Standing, Transaction};

/// All of it.
pub(super) fn object(standing: &Standing) -> Value {
    json!({
        "version": standing.version,
        "standby": standing.is_standby,
        "max_wal_size_bytes": standing.max_wal_size,
        "wal_keep_size_bytes": standing.wal_keep_size,
        "max_slot_wal_keep_size_bytes": standing.max_slot_keep,
        "slots": standing.slots.iter().map(slot).collect::<Vec<_>>(),
        "archiver": standing.archiver.as_ref().map(archiver),
        "oldest_transaction": standing.transactions.iter().max_by_key(|it| it.seconds).map(transaction),
    })
}

fn slot(slot: &Slot) -> Value {
    let kind = match slot.kind {
        SlotKind::Physical => "physical",
        SlotKind::Logical => "logical",
    };
    json!({
        "name": slot.name,
        "kind": kind,
        "active": slot.reading == Reading::Active,
        "restart_lsn": slot.restart,
        "held_bytes": slot.held,
        "wal_status": slot.status,
    })
}

fn archiver(archiver: &Archiver) -> Value {
    json!({
        "archived": archiver.archived,
        "failed": archiver.failed,
        "failing": archiver.is_failing,
        "last_failed": archiver.last_failed,
        "failed_ago_seconds": archiver.failed_ago,
        "archived_ago_seconds": archiver.archived_ago,
    })
}

fn transaction(it: &Transaction) -> Value {
    json!({"who": it.who, "state": it.state, "seconds": it.seconds, "has_written": it.has_written})
}
