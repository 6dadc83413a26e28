//! What framing finds in a file: records, damage and its causes, ends that are not as they should be.

use std::ops::Range;

use super::fragment::Compression;
use crate::Lost;

/// Something that the framer found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its bytes in the file.
    pub(crate) span: Range<u64>,
    /// Behind the last damage that was told inside of it.
    pub(crate) told: u64,
    /// What it is.
    pub(crate) what: What,
}

impl Found {
    /// Something of which nothing was told before.
    pub(crate) fn new(span: Range<u64>, what: What) -> Self {
        Self { told: span.start, span, what }
    }
}

/// What was found.
#[derive(Debug)]
pub(crate) enum What {
    /// A whole record, checksums right, still compressed.
    Record(Place, Compression),
    /// Bytes that cannot be trusted.
    Damage(&'static str, Lost),
    /// The file ends inside a record.
    Torn,
    /// The file ends in whole pages of zeros.
    Blank,
}

/// Where a record's bytes lie.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the input, at this range.
    Input(Range<usize>),
    /// In the buffer of joined records, at this range.
    Joined(Range<usize>),
}

/// Whether more input may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The file goes on behind the input.
    More,
    /// The input reaches to the end of the file.
    Here,
}

/// Where the framer puts what it finds.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In the order of the file.
    pub(crate) found: Vec<Found>,
    /// Records of several fragments.
    pub(crate) joined: Vec<u8>,
}

/// A record that the file's end cut.
pub(crate) const CUT: &str = "the file ends inside a record";

/// Zeros at the end of a file that was finished, beyond the padding of its last page.
pub(crate) const BLANK: &str = "whole pages of zeros at the end of a finished file";

/// A record whose first fragment is followed by nothing but padding.
pub(crate) const UNFINISHED_AT_END: &str =
    "record was begun and never finished; the server starts over it, but cannot checkpoint past it";

/// Zeros in the middle of a file.
pub(crate) const HOLE: &str = "zeros where records were";

/// Bits that no writer sets, in a header that no checksum covers.
pub(crate) const RESERVED_BITS: &str = "reserved bits set in a record type";

pub(super) const CHECKSUM: &str = "checksum mismatch";
pub(super) const BAD_TYPE: &str = "no such record type";
pub(super) const BAD_LENGTH: &str = "record length is wrong";

pub(super) const IN_PADDING: &str = "non-zero bytes in padding";
pub(super) const UNFINISHED: &str = "record was begun and never finished";
pub(super) const OUT_OF_ORDER: &str = "fragment goes on with a record that was not begun";
pub(super) const FLAGS_DIFFER: &str = "fragments of one record disagree about its compression";
