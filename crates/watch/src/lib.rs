//! The daemon's brain: what is known about logs, how well they are, what will become of them, and what is to be done.
//!
//! * [`Facts`] is what is known about a log at one moment, [`Limits`] what it may be like, [`breaches`] the one place where
//!   the two are held against each other, [`Health`] what follows.
//!
//! Nothing here prints, knows JSON, a configuration file or the clock.

pub mod alert;
pub mod call;
mod facts;
mod flaw;
mod forecast;
mod health;
mod history;
mod limits;
mod thresholds;
mod trend;

pub use facts::{Age, Blocker, Facts, Judged, Oldest, Replay, Room, oldest};
pub use flaw::{Flaw, FlawKind, flaws};
pub use forecast::{Confidence, Eta, Forecast};
pub use health::{Health, Severity};
pub use limits::{Breach, Evidence, Floor, Limits, Measure, breaches, health};
pub use thresholds::Thresholds;
pub use trend::{Point, Trend};
