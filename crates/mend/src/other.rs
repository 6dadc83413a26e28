//! Logs that are not changed here, because nothing can be taken out of them without making things worse.
//!
//! A sound one needs nothing. For a damaged one, this says why it is left alone, and which tool is meant for it:
//!
//! * **`PostgreSQL`**: recovery needs every record from the last checkpoint on, without a hole; files that are moved
//!   away make the cluster refuse to start, or start with pages that do not fit together.
//! * **etcd**: each record's checksum continues that of the record before, and each member has to agree with the
//!   others on the sequence of entries. A member that forgets entries it has acknowledged can break the cluster's
//!   promise. A torn end it cuts off itself.
//! * **`SQLite`**: it uses the log up to the last commit that verifies, and nothing behind. Without the log the database
//!   loses commits and may not be consistent.
//! * **Loki**: its log is framed like that of Prometheus, but holds log lines and streams of tenants, which are
//!   numbered by hashes and come with records of other kinds. It repairs a damaged log itself, and its other
//!   replicas hold the same lines.

use formats::{Depth, Format, Log, Order, Progress, Verdict, survey};

use crate::{Action, Kept, Loss, MendError, Mending, Plan, Site, Stage};

/// Nothing to do.
#[derive(Debug)]
pub struct Intact {
    plan: Plan,
}

impl Intact {
    /// Reads a log that is not changed here: succeeds if it needs no repair.
    pub fn plan(log: &dyn Log, order: &Order) -> Result<Self, MendError> {
        let survey = survey(log, &Order { depth: Depth::Bytes, ..order.clone() });
        let records = survey.records();
        if let Some(error) = survey.unreadable.into_iter().next() {
            return Err(error.into());
        }
        let harmless = matches!(survey.verdict, Verdict::Unknown | Verdict::Starts);
        if !survey.damage.is_empty() || !harmless {
            let first = survey.damage.listed().first();
            let what =
                first.map(|damage| format!("{} at byte {}: {}", damage.file, damage.start, damage.cause));
            let what = what.or_else(|| survey.verdict.what().map(str::to_owned)).unwrap_or_default();
            return Err(refusal(log.format(), &format!("it is damaged ({what})")));
        }
        let plan = Plan {
            action: Action::Repair,
            site: Site::of(log),
            sources: Vec::new(),
            steps: Vec::new(),
            loss: Loss::NONE,
            kept: Kept { records, samples: survey.samples, series: survey.series },
            servers_own: None,
            needs: 0,
            work: 0,
            notes: survey.notes,
        };
        Ok(Self { plan })
    }
}

impl Mending for Intact {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, _stage: &mut Stage, _progress: &Progress) -> Result<(), MendError> {
        Ok(())
    }
}

/// Why a log of this format is not changed, and what to do in place of that.
pub fn refusal(format: Format, what: &str) -> MendError {
    let advice = match format {
        Format::Postgres => {
            "restore from a base backup and the archive, or from a standby; pg_resetwal on a copy of the cluster is the \
             last resort, and what it leaves has to be dumped and loaded into a new cluster"
        }
        Format::Etcd => {
            "while the other members have a quorum, remove this member and add it again with an empty data directory \
             (etcdctl member remove, member add); otherwise restore a snapshot (etcdutl snapshot restore)"
        }
        Format::Sqlite => {
            "copy database and log together, then open the copy with sqlite3: it takes every commit up to the damage; \
             `.recover` reads what is left of a damaged database"
        }
        Format::Loki => {
            "copy the directory and start Loki: it repairs its log itself, and what it drops is still on the other \
             ingesters where the replication factor is above one"
        }
        Format::Journal | Format::Prometheus | Format::Influxdb3 | Format::Arwal => {
            "`seawall repair` keeps everything that verifies"
        }
    };
    MendError::Impossible {
        reason: format!("a log of {format} is not changed here, and {what}"),
        advice: advice.to_owned(),
    }
}
