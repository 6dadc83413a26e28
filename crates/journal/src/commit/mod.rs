//! From callers to the disk and back: a queue that is taken as a whole, one write and one sync for all that is in it,
//! and then everyone is told.
//!
//! * While a sync runs, what comes is queued. Whoever writes next takes all of it: the slower the disk, the more is
//!   covered by one sync.
//! * A thread of the journal's own writes. A caller who waits while nobody writes does it itself, which saves two changes
//!   of threads, a third of what a sync costs.
//! * Those who wait are futures: waking one costs a tenth of waking a thread.

mod batch;
mod group;
mod payload;
mod queue;
mod shared;
mod ticket;

pub use batch::{Batch, BatchError};
pub(crate) use group::{Answer, Outcome as Became};
pub use payload::SharedBytes;
pub(crate) use payload::{Given, Payload};
pub(crate) use queue::{Request, Requests, Settlement, Taken};
pub(crate) use shared::{Made, Shared};
pub use ticket::Ticket;
