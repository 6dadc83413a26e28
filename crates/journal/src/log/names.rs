//! The names of the journal's files.

use crate::SegmentId;

/// Whose directory it is.
pub(crate) const ID: &str = "journal.id";
/// The same, in the making.
pub(crate) const ID_ASIDE: &str = "journal.id.tmp";
/// A file that was written before, for the next segment.
pub(crate) const SPARE: &str = "spare";
/// The same, in the making.
pub(crate) const SPARE_ASIDE: &str = "spare.tmp";
/// The directory of bytes that could not be trusted.
pub(crate) const QUARANTINE: &str = "quarantine";

/// The name of a segment's file.
pub(crate) fn segment_name(segment: SegmentId) -> String {
    format!("{:016x}.seg", segment.get())
}

/// The segment with a file of that name.
pub(crate) fn parse_segment(name: &str) -> Option<SegmentId> {
    let digits = name.strip_suffix(".seg")?;
    let segment = SegmentId::new(u64::from_str_radix(digits, 16).ok()?);
    (segment_name(segment) == name).then_some(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_as_a_segment_is_one() {
        assert_eq!(parse_segment("00000000000000ff.seg"), Some(SegmentId::new(255)));
        for other in ["ff.seg", "00000000000000FF.seg", "00000000000000ff", "spare", "+0000000000000ff.seg"] {
            assert_eq!(parse_segment(other), None, "{other}");
        }
    }
}
