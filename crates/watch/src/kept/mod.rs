//! What a watch knows, kept over restarts: a file for each target and one for alerts, in a directory of their own.
//!
//! ```text
//! seawall-state 1
//! of postgres /var/lib/postgresql/15/main
//! point 1767225600000000000 16777216 1
//! sum 5d41...
//! ```
//!
//! * A file is lines of words with one space between two of them. The first word of a line says what it is. Lines that are not
//!   known are passed over, so that an older Seawall reads what a newer one of the same version has written.
//! * Text that may hold anything is percent-encoded: all but ASCII letters, digits and `-_.:/`, and `%` alone is no text.
//!   `-` stands for what is not there. Times are nanoseconds since 1970.
//! * The first line is the magic and the version, the last one the SHA-256 of all bytes before it. A file is written beside its
//!   place, synced, and renamed: whatever a kill or a power cut leaves is the old file or the new one.
//!
//! | file | line | words |
//! |---|---|---|
//! | `<target>.watch` | `of` | the format that was asked for, and the path |
//! | | `spacing`, `point` | nanoseconds between points; time, bytes, files, oldest first |
//! | | `breach` | severity, measure, value, limit |
//! | | `course` | the last attempt, the last one that helped, since when the schedule counts, what was wanted, attempts in vain |
//! | | `told` | whether a forecast, and whether something wrong, was told last |
//! | | `tally` | checkpoints that were effective, ineffective and failed, and bytes that they freed |
//! | | `made` | the last checkpoint: time, reason, outcome, and what belongs to that |
//! | | `restart_begun` | when a restart of the server was begun, one line each |
//! | | `restarts` | restarts that were effective, ineffective, lost and failed |
//! | | `restarted` | the last restart: time, reason, outcome, and what belongs to that |
//! | | `pass` | the last whole pass: began, ended, files, bytes |
//! | | `place` | damage: file that was read, its length, when it was written, damaged file, start, end, cause, records and bytes lost |
//! | `alerts` | `sender` | name and kind; the `trouble` lines behind it are what it knows |
//! | | `trouble` | topic, target, severity, message, advice, how long it lasts, since when, when it ends, whether it is over, what was told and when, when its letter was written |
//! | | `news` | what is so, for whoever comes later: topic, target, severity, message, advice |
//!
//! A file that is not whole, of another version, or of something else is set aside as `<file>.bad` and told, and the watch
//! begins without it. `page.rs` has lines and words, `shelf.rs` the files.

mod page;
mod shelf;

pub(crate) use page::{Fields, Line, Page, lines};
pub use shelf::{KeepingNews, Shelf};
