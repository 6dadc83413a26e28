//! What can be wanted of a log, and the change of its format that does it.

use std::time::Duration;

use formats::{Depth, Format, Log, Order, UnixTime};
use mend::prometheus::{self, Cut, Drain, Trim};
use mend::{MendError, Mending};

use crate::failure::Failure;
use crate::journal_log::mending;
use crate::report::Subject;
use crate::show::{Screen, label, progress};

/// What is wanted of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// That everything good in it stays and it starts.
    Repair,
    /// That its old part moves into blocks.
    Drain(DrainTo),
    /// That its old part is dropped.
    Trim(TrimTo),
    /// That it is taken away.
    Reset,
}

/// How much of a log stays when it is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DrainTo {
    /// What a running server would have in it.
    Usual,
    /// So much, counted back from its newest sample.
    Keep(Duration),
    /// What is newer.
    Until(UnixTime),
}

/// How much of a log stays when it is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrimTo {
    /// At most so many bytes.
    Size(u64),
    /// Nothing older.
    Age(Duration),
}

impl Wish {
    /// Plans the change that does it. Reads the log, with a progress bar where that takes long.
    pub(crate) fn mending(
        self,
        subject: &Subject,
        now: UnixTime,
        screen: &Screen,
    ) -> Result<Box<dyn Mending>, Failure> {
        let log = subject.log.as_ref();
        let order = subject.order(Depth::Bytes, now);
        let total = log.parts().iter().map(|part| part.bytes).sum();
        let planned = progress::watched(screen, &order.progress, total, || match self {
            Wish::Repair => repair(log, &order),
            Wish::Drain(to) => drain(log, &order, to),
            Wish::Trim(to) => trim(log, &order, to),
            Wish::Reset => reset(log, &order),
        });
        Ok(planned?)
    }
}

type Planned = Result<Box<dyn Mending>, MendError>;

fn boxed(planned: Result<impl Mending + 'static, MendError>) -> Planned {
    planned.map(|mending| Box::new(mending) as Box<dyn Mending>)
}

fn repair(log: &dyn Log, order: &Order) -> Planned {
    match log.format() {
        Format::Influxdb3 => boxed(mend::influxdb3::Repair::plan(log, order)),
        Format::Arwal => boxed(mend::arwal::Repair::plan(log, order)),
        Format::Prometheus => boxed(prometheus::Repair::plan(log.root(), order)),
        Format::Journal => boxed(mending::Repair::plan(log, order)),
        Format::Loki | Format::Postgres | Format::Sqlite | Format::Etcd => {
            boxed(mend::other::Intact::plan(log, order))
        }
    }
}

fn reset(log: &dyn Log, order: &Order) -> Planned {
    match log.format() {
        Format::Journal => boxed(mending::Reset::plan(log, order)),
        _ => boxed(mend::reset::Reset::plan(log, order)),
    }
}

fn drain(log: &dyn Log, order: &Order, to: DrainTo) -> Planned {
    let cut = match to {
        DrainTo::Usual => Cut::Default,
        DrainTo::Keep(span) => Cut::Keep(millis(span)),
        DrainTo::Until(time) => Cut::Until(millis_of(time)),
    };
    demand_prometheus(log, "drained")?;
    boxed(Drain::plan(log.root(), cut, order))
}

fn trim(log: &dyn Log, order: &Order, to: TrimTo) -> Planned {
    let to = match to {
        TrimTo::Size(bytes) => prometheus::TrimTo::MaxSize(bytes),
        TrimTo::Age(age) => prometheus::TrimTo::MaxAge(millis(age), millis_of(order.now)),
    };
    demand_prometheus(log, "trimmed")?;
    boxed(Trim::plan(log.root(), to, order))
}

/// Other servers have no place to move the old part of a log to, and none can do without it.
fn demand_prometheus(log: &dyn Log, done: &str) -> Result<(), MendError> {
    if log.format() == Format::Prometheus {
        return Ok(());
    }
    Err(MendError::Impossible {
        reason: format!("a {} cannot be {done}: only that of Prometheus can", label(log.format())),
        advice: "`seawall inspect` shows what fills it, and what keeps its server from shortening it"
            .to_owned(),
    })
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn millis_of(time: UnixTime) -> i64 {
    i64::try_from(time.nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}
