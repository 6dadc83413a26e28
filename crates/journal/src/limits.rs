//! Limits that are not options, each with its reason.

use crate::NameError;

/// Bytes of a name. It becomes a file's name when it is archived, and a file's name has 255 at most; longer ones are cut
/// there, so this only bounds memory.
pub const NAME_BYTES: usize = 512;

/// Consumers. An event is kept until each of them has settled it, so every settlement asks all of them.
pub const CONSUMERS: usize = 64;

/// Bytes of the reason for parking: a sentence. It is kept in memory.
pub const REASON_BYTES: usize = 1024;

/// Bytes of a segment at least: room for an index part, a batch and some events.
pub const SMALLEST_SEGMENT: u64 = 64 << 10;

/// Bytes of a segment at most: whoever carries events out of one, or renews it, holds it in memory.
pub const LARGEST_SEGMENT: u64 = 1 << 30;

/// Segments beyond those of events: settlements, indexes and carried events must never lack room, since they make it.
pub const RESERVED_SEGMENTS: u64 = 3;

/// Bytes of an index's part: little beside what a sync costs, since one of them comes with each batch.
pub(crate) const INDEX_PART: u64 = 64 << 10;

/// Ranges in one settlement; longer lists are more than one frame.
pub(crate) const SPANS: usize = 512;

/// Files that are held open for reading, below the usual limit of a process by far.
pub(crate) const OPEN_FILES: usize = 128;

/// Refuses what cannot be a name.
pub(crate) fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() || name.len() > NAME_BYTES {
        return Err(NameError::Length(name.len()));
    }
    match name.char_indices().find(|(_, letter)| letter.is_control()) {
        Some((at, _)) => Err(NameError::Control(at)),
        None => Ok(()),
    }
}

/// The start of a reason that fits.
pub(crate) fn cut_reason(reason: &str) -> &str {
    let end = (0..=REASON_BYTES.min(reason.len())).rev().find(|&at| reason.is_char_boundary(at));
    reason.split_at_checked(end.unwrap_or(0)).map_or("", |(front, _)| front)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_have_no_control_characters() {
        assert_eq!(check_name("job 1/\u{e4}"), Ok(()));
        assert_eq!(check_name(""), Err(NameError::Length(0)));
        assert_eq!(check_name(&"x".repeat(513)), Err(NameError::Length(513)));
        assert_eq!(check_name("a\u{1b}[m"), Err(NameError::Control(1)));
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        let long = "\u{e4}".repeat(600);
        assert_eq!(cut_reason(&long).len(), 1024);
        assert_eq!(cut_reason(&format!("a{long}")).len(), 1023);
        assert_eq!(cut_reason("short"), "short");
    }
}
