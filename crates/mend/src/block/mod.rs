//! Blocks of Prometheus' TSDB: written once, in order, whole.
//!
//! A block is a directory that is called by its [`Ulid`]:
//!
//! ```text
//! <ulid>/ chunks/000001 ...   samples           segments
//!         index               who they are of   index
//!         tombstones          what is deleted   meta: always nothing
//!         meta.json           what it holds     meta
//! ```
//!
//! * Texts are interned in a [`Pool`]; the [`Symbols`] of a block are those of them that its series use, sorted, so that
//!   label sets are compared by comparing numbers.
//! * Samples become chunks in [`chunk`]; finished chunks of the head go in as they are.
//! * A [`BlockWriter`] takes series in the order of their labels. It holds no samples and no series, only how often
//!   each label pair occurs.
//!
//! What lies in a block and how it is called is the caller's business; that it is a sound block is that of this room.

mod index;
mod meta;
mod output;
mod postings;
mod segments;
mod slots;
mod symbols;
mod ulid;
mod writer;

pub mod chunk;

pub use meta::{Description, Hint, Stats};
pub use segments::Segments;
pub(crate) use slots::Slots;
pub use symbols::{Label, Ordinal, Pool, Symbols, TextId};
pub use ulid::Ulid;
pub use writer::{BlockWriter, Written};
