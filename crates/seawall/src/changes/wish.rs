//! What can be wanted of a log, and the change of its format that does it.

use std::time::Duration;

use formats::{Depth, Format, Log, Order, UnixTime};
use mend::{MendError, Mending};

use crate::failure::Failure;
use crate::report::Subject;
use crate::show::{Screen, progress};

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

/// How much of a log stays when it is trimmed: both have to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrimTo {
    /// At most so many bytes.
    pub(crate) size: Option<u64>,
    /// Nothing older, counted back from its newest sample.
    pub(crate) age: Option<Duration>,
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
            Wish::Reset => boxed(mend::reset::Reset::plan(log, &order)),
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
        _ => boxed(mend::other::Intact::plan(log, order)),
    }
}

fn drain(log: &dyn Log, _order: &Order, _to: DrainTo) -> Planned {
    Err(mend::other::refusal(log.format(), "only the log of Prometheus can be drained"))
}

fn trim(log: &dyn Log, _order: &Order, _to: TrimTo) -> Planned {
    Err(mend::other::refusal(log.format(), "only the log of Prometheus can be trimmed"))
}
