//! Finds the frames of a segment, and what lies between them.

use super::frame::{ALIGNMENT, Frame, claimed_bytes};
use super::header::HEADER_BYTES;
use super::sum::Identity;

/// Something in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A frame that verified, and where.
    Frame(u64, Frame<'a>),
    /// Bytes that should be frames and are none.
    Bad(Bad),
}

/// A range of bytes that cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Where it begins.
    pub start: u64,
    /// Where the next frame begins; if there is none, where the last one that began in the range says that it ends.
    pub end: u64,
    /// Whether a good frame stands behind it.
    pub behind: Behind,
}

/// What stands behind a bad range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// A frame that verified.
    Frame,
    /// Nothing.
    Nothing,
}

/// The frames of a segment whose bytes are all in memory, and the bad ranges between them.
///
/// What was in the file before the segment began carries another mark, or none, and is passed over in silence.
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    identity: Identity,
    bytes: &'a [u8],
    at: u64,
    /// The frame behind a bad range that was just handed out.
    ahead: Option<(u64, Frame<'a>)>,
    /// Bytes that may still be summed in the search for frames. A forged file could hold a mark every eight bytes,
    /// each with a length up to the end.
    effort: u64,
    over: bool,
}

/// How many times the length of the file may be summed in search of frames.
pub(crate) const PASSES: u64 = 8;

impl<'a> Scan<'a> {
    /// Scans `bytes`, the whole file of the segment.
    pub fn new(identity: Identity, bytes: &'a [u8]) -> Self {
        let effort = PASSES * bytes.len() as u64;
        Self { identity, bytes, at: HEADER_BYTES, ahead: None, effort, over: false }
    }

    /// Where the scan is: behind the last frame, once it has ended.
    pub fn position(&self) -> u64 {
        self.at
    }

    fn from(&self, offset: u64) -> &'a [u8] {
        usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..)).unwrap_or_default()
    }

    fn frame_at(&self, offset: u64) -> Option<Frame<'a>> {
        Frame::verify(&self.identity, offset, self.from(offset))
    }

    /// The next frame from `offset` on, and the end of the last one that began there without being one.
    fn search(&mut self, offset: u64) -> (Option<(u64, Frame<'a>)>, Option<u64>) {
        #[expect(clippy::little_endian_bytes, reason = "the mark as it stands in the file")]
        let mark = self.identity.mark().to_le_bytes();
        let mut claimed = None;
        let rest = self.from(offset);
        for (step, word) in (0u64..).zip(rest.as_chunks::<8>().0) {
            if word.first_chunk() != Some(&mark) {
                continue;
            }
            let at = offset + step * ALIGNMENT;
            let end =
                claimed_bytes(&self.identity, self.from(at)).map_or(at, |bytes| at.saturating_add(bytes));
            let end = end.min(self.bytes.len() as u64);
            self.effort = self.effort.saturating_sub(end - at);
            if self.effort == 0 {
                return (None, Some(self.bytes.len() as u64));
            }
            if let Some(frame) = self.frame_at(at) {
                return (Some((at, frame)), claimed);
            }
            claimed = claimed.max(Some(end.max(at + ALIGNMENT)));
        }
        (None, claimed)
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let here = self.ahead.take().or_else(|| Some((self.at, self.frame_at(self.at)?)));
        if let Some((offset, frame)) = here {
            self.at = offset + frame.bytes();
            return Some(Found::Frame(offset, frame));
        }
        if self.over {
            return None;
        }
        let start = self.at;
        let (ahead, claimed) = self.search(start);
        self.ahead = ahead;
        self.over = ahead.is_none();
        match (ahead, claimed) {
            (Some((end, _)), _) => Some(Found::Bad(Bad { start, end, behind: Behind::Frame })),
            (None, Some(end)) => Some(Found::Bad(Bad { start, end, behind: Behind::Nothing })),
            (None, None) => None,
        }
    }
}
