//! The format: bytes to values and values to bytes, and nothing else. It knows no file, no clock and no thread.
//!
//! `docs/journal-format.md` describes it, and is the only description.

pub(crate) mod bytes;
mod frame;
mod header;
mod index;
mod record;
mod scan;
mod sum;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

pub use bytes::Malformed;
pub(crate) use frame::Laid;
pub use frame::{ALIGNMENT, Frame, HEAD_BYTES, Head, SUM_BYTES, frame_bytes, put_frame};
pub(crate) use frame::{claimed_bytes, claims_kind};
pub use header::{BadHeader, DirectoryHeader, HEADER_BYTES, SegmentHeader, VERSION};
pub use index::{Entry, Openness, Place, Places, Totals, for_each_entry, put_entry, put_places};
pub use record::{LostTo, More, Record, Settling, Start};
pub(crate) use scan::PASSES;
pub use scan::{Bad, Behind, Found, Scan};
pub use sum::Identity;
pub(crate) use sum::{sum, sum_from};
