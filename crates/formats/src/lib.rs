//! Decoders of other programs' write-ahead logs: bytes in, records and damage out.
//!
//! * [`detect()`] recognises a directory or file by its content and answers with a [`Log`].
//! * [`Log::read`] streams one [`Part`] of it: verified records and damage, in the order of the file.
//! * [`survey()`] reads all of it on several cores in bounded memory and adds up a [`Survey`].
//!
//! Nothing here writes, locks, prints or knows the time: `now` is an argument. No byte counts as a record
//! before its checksum was checked.
//!
//! ```no_run
//! use formats::{detect, survey, Depth, Order, UnixTime};
//!
//! let log = detect("/var/lib/prometheus".as_ref(), None)?;
//! let survey = survey(log.as_ref(), &Order::new(Depth::Bytes, UnixTime::from_seconds(1_767_225_600)));
//! println!("{}: {} damages", log.format(), survey.damage.count());
//! # Ok::<(), formats::DetectError>(())
//! ```

mod bytes;
mod damage;
mod detect;
mod effort;
mod entry;
mod files;
mod format;
#[cfg(test)]
mod harvest;
mod log;
mod order;
mod part;
mod protobuf;
mod sum;
mod survey;
mod time;
mod verdict;
mod window;

pub mod arwal;
pub mod etcd;
pub mod influxdb3;
pub mod postgres;
pub mod prometheus;
pub mod sqlite;

pub use bytes::{Bytes, Malformed};
pub use damage::{Damage, DamageList, Lost, MAX_LISTED_DAMAGE, Note};
pub use detect::{DetectError, Recognised, Recogniser, detect, detect_with};
pub use entry::{Body, Entry, Record, Value};
pub use files::{ListError, MAX_FILES};
pub use format::Format;
pub use log::{Log, ReadError, Visit};
pub use order::{Depth, Liveness, Order, Progress};
pub use part::{Part, Role};
pub use survey::{Estimate, Fact, MAX_NOTES, PartSurvey, Survey, TopRow, TopTable, survey};
pub use time::{TimeRange, UnixTime};
pub use verdict::Verdict;
