//! Changes to other programs' write-ahead logs, made so that nothing good is lost and everything can be put back.
//!
//! * A [`Mending`] is an intended change: it has a [`Plan`], which says what is kept and what is lost before anything
//!   happens, and it can write the new files.
//! * [`apply()`] carries one out: it takes the server's lock, checks that there is room, writes the new files beside,
//!   moves what they replace into a quarantine, and leaves a [`Receipt`].
//! * [`undo()`] makes the change that takes a receipt back; it leaves a receipt of its own.
//! * [`settle()`] finishes or takes back what a killed run left.
//!
//! Nothing here destroys: what is replaced or removed lies in `wal-quarantine/` beside the log, outside what the server
//! scans, until somebody prunes it.

mod change;
mod claim;
mod error;
mod loss;
mod owner;
mod plan;
mod room;
mod site;

pub mod arwal;
pub mod block;
pub mod holders;
pub mod influxdb3;
pub mod other;
pub mod prometheus;
pub mod reset;

pub use change::{
    Newer, Progressed, QUARANTINE, Receipt, Settled, Stage, Terms, Undo, Unfinished, apply, prune, receipts,
    settle, undo, unfinished,
};
pub use claim::Claim;
pub use error::MendError;
pub use loss::{Kept, Loss, Span};
pub use plan::{Action, Mending, Plan, Source, Step, StepKind};
pub use site::Site;
