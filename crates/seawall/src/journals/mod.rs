//! What the commands of the journal share.
//!
//! | file | does |
//! |---|---|
//! | `access.rs` | the daemon that has the journal open, or the journal itself |
//! | `opening.rs` | where the journal lies, and opening it |
//! | `lines.rs` | lines from a descriptor as they arrive |
//! | `payloads.rs` | what is in an event, as JSON, and back |
//! | `exports.rs` | events in a file: the way back from giving them up |
//! | `imports.rs` | bringing events in from files, each once |
//! | `archives.rs` | where archives lie, and which are meant |
//! | `copies.rs` | archives of a daemon, as long as they are read here |
//! | `marks.rs` | how far replays are |

mod access;
pub(crate) mod archives;
pub(crate) mod copies;
pub(crate) mod exports;
pub(crate) mod imports;
pub(crate) mod lines;
pub(crate) mod marks;
mod opening;
pub(crate) mod payloads;

pub(crate) use access::{Access, access, archive_directory, directory, reach};
pub(crate) use opening::{Missing, holds_journal, open, open_roomy, open_when_free, refusal, usual_place};
