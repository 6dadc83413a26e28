//! The daemon's brain: what is known about logs, how well they are, what will become of them, and what is to be done.
//!
//! * [`Facts`] is what is known about a log at one moment, [`Limits`] what it may be like, [`breaches`] the one place where
//!   the two are held against each other, [`Health`] what follows, [`Forecast`] what will become of it.
//! * [`Target`] is what is watched, and [`Watch`] watches: a task for each target looks at it, cheaply and where that holds
//!   nobody up, and does what its course says. The course is a pure state machine.
//! * [`Scrub`] says how a log is read in full while its server runs, and [`Scrubbed`] what is known from that.
//! * A [`Shelf`] keeps what is known over restarts.
//! * [`Event`]s are told once each, on a bounded [`Bus`].
//! * [`postgres`] asks a server what keeps its log, and [`checkpoint_sqlite`] is what has to be done in a process of its own.
//! * [`alert`] tells people and other programs of trouble. [`call`] is how HTTP APIs are reached, and a [`Service`] one that a
//!   target names.
//!
//! Nothing here prints, or knows a configuration file or the clock, and JSON only where a receiver of alerts wants it.

pub mod alert;
pub mod call;
pub mod postgres;

mod base64;
mod bus;
mod checkpoint;
mod command;
mod course;
mod event;
mod facts;
mod flaw;
mod forecast;
mod health;
mod history;
mod judgement;
mod kept;
mod limits;
mod probe;
mod restart;
mod schedule;
mod scrub;
mod server;
mod service;
mod sqlite;
mod target;
mod thresholds;
mod trend;
mod ward;
mod watching;

pub use bus::Bus;
pub use checkpoint::{Action, HttpMethod, Signal, sqlite_answer};
pub use course::{Denied, Made, Rhythm, Tally};
pub use event::{Event, Happening, Outcome, Reason};
pub use facts::{Age, Blocker, Consulted, Facts, Oldest, Replay, Replaying, Room, oldest};
pub use flaw::{Flaw, FlawKind, flaws};
pub use forecast::{Confidence, Eta, Forecast};
pub use health::{Health, Severity};
pub use judgement::Judgement;
pub use kept::{KeepingNews, Shelf};
pub use limits::{Breach, Evidence, Floor, Limits, Measure, breaches, health};
pub use probe::{Detect, Seen};
pub use restart::{
    Container, ContainerError, Decision, Hindrance, OverDamage, Restart, RestartOutcome, RestartRules,
    RestartTally, Restarted, Unit, UnitError, Way, Withheld,
};
pub use schedule::{Cron, CronError, FieldError, Schedule, Zone, ZoneError};
pub use scrub::{Pass, Place, Scrub, Scrubbed, Stamp};
pub use service::{Credentials, Service, ServiceError};
pub use sqlite::{Copied, SqliteMode, checkpoint_sqlite};
pub use target::{Bounds, Checkpoint, Kind, Preset, Target};
pub use thresholds::Thresholds;
pub use trend::{Point, Trend};
pub use watching::{Report, RestartReport, Unread, Watch};
