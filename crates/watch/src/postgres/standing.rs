//! What a server says about its log: settings, slots, the archiver, transactions that have been open for long.
//!
//! The questions are such that every version since 10 answers them, and a role with `pg_monitor` may ask them. What a
//! version or a role cannot tell is not known, and never zero. Each answer has a few rows at most.

use std::time::Duration;

use super::database::{Database, Rows};

/// How a server stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its version, such as 15.
    pub version: Option<u64>,
    /// Whether it follows another server.
    pub is_standby: bool,
    /// Bytes between checkpoints that it aims at.
    pub max_wal_size: Option<u64>,
    /// Bytes that it keeps for whoever follows without a slot.
    pub wal_keep_size: Option<u64>,
    /// Bytes that a slot may keep; nothing if that has no limit.
    pub max_slot_keep: Option<u64>,
    /// Bytes of a segment.
    pub segment: Option<u64>,
    /// What has to be kept for replicas, those that keep most first.
    pub slots: Vec<Slot>,
    /// What has become of segments that are to be archived; nothing if none are.
    pub archiver: Option<Archiver>,
    /// The transaction that has been open for longest, of those that have written nothing and of those that have.
    pub transactions: Vec<Transaction>,
}

/// A replication slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// What reads from it.
    pub kind: SlotKind,
    /// Whether somebody reads from it now.
    pub reading: Reading,
    /// From where on it keeps the log; nothing if it keeps nothing.
    pub restart: Option<String>,
    /// Bytes of the log that are not older than that.
    pub held: Option<u64>,
    /// Bytes of those that the last checkpoint would have made free; nothing if there are none.
    pub beyond: Option<u64>,
    /// What the server says of it: `reserved`, `extended`, `unreserved`, `lost`.
    pub status: Option<String>,
}

/// What reads from a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// A standby, or a receiver of the log as it is.
    Physical,
    /// Somebody who wants changes as rows.
    Logical,
}

/// Whether somebody reads from a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Nobody.
    Idle,
    /// Somebody.
    Active,
}

/// What has become of segments that are to be archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archiver {
    /// Segments that were archived since the server began to count.
    pub archived: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// The segment that was not archived last.
    pub last_failed: Option<String>,
    /// Seconds since then.
    pub failed_ago: Option<u64>,
    /// Seconds since one was archived.
    pub archived_ago: Option<u64>,
    /// Whether the last attempt was one that failed.
    pub is_failing: bool,
}

/// A transaction that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Whose it is: a process, or the name of a prepared one.
    pub who: String,
    /// What it does: `active`, `idle in transaction`, `prepared`.
    pub state: String,
    /// For how many seconds.
    pub seconds: u64,
    /// Whether it has written something.
    pub has_written: bool,
}

const SETTINGS: &str = "SELECT current_setting('server_version_num'), pg_is_in_recovery(), \
    pg_size_bytes(current_setting('max_wal_size')), pg_size_bytes(current_setting('wal_keep_size', true)), \
    pg_size_bytes(current_setting('max_slot_wal_keep_size', true)), \
    pg_size_bytes(current_setting('wal_segment_size', true)), current_setting('archive_mode')";

/// Columns that came with later versions are looked for in the row as a whole.
const SLOTS: &str = "SELECT s.slot_name, s.slot_type, s.active, s.restart_lsn, \
    pg_wal_lsn_diff(n.lsn, s.restart_lsn)::bigint, pg_wal_lsn_diff(c.redo_lsn, s.restart_lsn)::bigint, \
    to_jsonb(s)->>'wal_status' FROM pg_replication_slots s, pg_control_checkpoint() c, \
    (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn) n \
    ORDER BY s.restart_lsn NULLS LAST, s.slot_name LIMIT 100";

const ARCHIVER: &str = "SELECT archived_count, failed_count, last_failed_wal, \
    floor(extract(epoch FROM now() - last_failed_time))::bigint, \
    floor(extract(epoch FROM now() - last_archived_time))::bigint, \
    coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver";

/// What a role may not see of others has no beginning here, and is left out.
const TRANSACTIONS: &str = "SELECT DISTINCT ON (wrote) who, state, \
    floor(extract(epoch FROM now() - since))::bigint, wrote FROM (\
    SELECT concat('process ', pid, ' of ', usename, nullif(concat(' (', nullif(application_name, ''), ')'), ' ()')) AS who, \
    state, xact_start AS since, backend_xid IS NOT NULL AS wrote FROM pg_stat_activity \
    WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid() \
    UNION ALL SELECT concat('the prepared transaction ', gid), 'prepared', prepared, true FROM pg_prepared_xacts) t \
    ORDER BY wrote, since";

/// Asks a server how it stands; an error says why that is not known.
pub(super) async fn ask(database: &Database, patience: Duration) -> Result<Standing, String> {
    let answers = database.ask(&[SETTINGS, SLOTS, ARCHIVER, TRANSACTIONS], patience).await?;
    answers.try_into().map(read).map_err(|_| format!("{database} has left questions without an answer"))
}

/// A row as it came: columns that are not there are not known.
struct Row(std::vec::IntoIter<Option<String>>);

impl Row {
    fn text(&mut self) -> Option<String> {
        self.0.next().flatten().map(|text| clean(&text))
    }

    /// Nothing for what is less than zero, by which the server says that there is no limit.
    fn number(&mut self) -> Option<u64> {
        self.text()?.parse().ok()
    }

    fn is(&mut self, wanted: &str) -> bool {
        self.text().is_some_and(|text| text == wanted)
    }
}

/// Names are chosen by whoever may connect: one line of them is shown, and none that is long.
fn clean(text: &str) -> String {
    text.chars().take(120).map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

fn read([settings, slots, archiver, transactions]: [Rows; 4]) -> Standing {
    let row = |columns: Vec<Option<String>>| Row(columns.into_iter());
    let mut standing = Standing {
        slots: slots.into_iter().map(row).map(slot).collect(),
        transactions: transactions.into_iter().map(row).map(transaction).collect(),
        ..Standing::default()
    };
    let Some(mut said) = settings.into_iter().next().map(row) else { return standing };
    standing.version = said.number().map(|number| number / 10_000);
    standing.is_standby = said.is("t");
    standing.max_wal_size = said.number();
    standing.wal_keep_size = said.number();
    standing.max_slot_keep = said.number();
    standing.segment = said.number();
    if said.text().is_some_and(|mode| mode != "off") {
        standing.archiver = archiver.into_iter().next().map(row).map(|mut said| Archiver {
            archived: said.number().unwrap_or_default(),
            failed: said.number().unwrap_or_default(),
            last_failed: said.text(),
            failed_ago: said.number(),
            archived_ago: said.number(),
            is_failing: said.is("t"),
        });
    }
    standing
}

fn slot(mut said: Row) -> Slot {
    Slot {
        name: said.text().unwrap_or_default(),
        kind: if said.is("logical") { SlotKind::Logical } else { SlotKind::Physical },
        reading: if said.is("t") { Reading::Active } else { Reading::Idle },
        restart: said.text(),
        held: said.number(),
        beyond: said.number().filter(|bytes| *bytes > 0),
        status: said.text(),
    }
}

fn transaction(mut said: Row) -> Transaction {
    Transaction {
        who: said.text().unwrap_or_default(),
        state: said.text().unwrap_or_default(),
        seconds: said.number().unwrap_or_default(),
        has_written: said.is("t"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Rows {
        let columns =
            |line: &str| line.split('|').map(|text| (text != "-").then(|| text.to_owned())).collect();
        text.lines().map(columns).collect()
    }

    #[test]
    fn what_a_server_cannot_tell_is_not_known() {
        let standing = read([
            rows("120022|f|1073741824|-|-|16777216|off"),
            rows("a|physical|t|0/100|256|-16|-"),
            rows("1|2|-|-|-|f"),
            Rows::new(),
        ]);
        assert_eq!(
            (standing.version, standing.max_wal_size, standing.wal_keep_size),
            (Some(12), Some(1 << 30), None)
        );
        assert_eq!(standing.archiver, None, "nothing is to be archived");
        let [slot] = standing.slots.try_into().unwrap();
        assert_eq!((slot.held, slot.beyond, slot.status), (Some(256), None, None));
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        let nothing = [Rows::new(), Rows::new(), Rows::new(), Rows::new()];
        assert_eq!(read(nothing), Standing::default());
        let odd = || rows("x\u{1b}[2J|y\n\n-");
        let standing = read([odd(), odd(), odd(), odd()]);
        assert_eq!((standing.version, standing.slots.len()), (None, 3));
        assert_eq!(standing.slots.first().map(|slot| slot.name.as_str()), Some("x?[2J"));
    }
}
