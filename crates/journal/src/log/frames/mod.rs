//! Finds the frames of a segment, and what lies between them, in the file: of which little is in memory.
//!
//! What it finds is what [`Scan`](crate::format::Scan) finds in all bytes of the file. In memory are some hundred kilobytes, and
//! more only for a frame that is longer and is there: one whose head claims to be long is summed on its way through first,
//! since whatever is damaged or forged may claim anything.

mod window;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

pub(crate) use window::ROOM;

use crate::format::bytes::Bytes;
use crate::format::{
    ALIGNMENT, Bad, Behind, Found, Frame, HEADER_BYTES, Identity, PASSES, SUM_BYTES, claimed_bytes,
};
use crate::storage::{Fault, StoredFile};
use window::Window;

/// Bytes of a frame that are held before it is known to be one.
const BELIEVED: u64 = 2 << 20;

/// Whether there is to be more; a fault ends it too.
pub(crate) type Going = Result<ControlFlow<()>, Fault>;

/// The frames of a segment's file, and the bad ranges between them.
pub(crate) struct Frames<'f> {
    identity: Identity,
    window: Window<'f>,
    /// Where a long frame passes through.
    scratch: Vec<u8>,
}

impl<'f> Frames<'f> {
    /// The frames in `file`, the file of a segment.
    pub(crate) fn of(identity: Identity, file: &'f dyn StoredFile) -> Result<Self, Fault> {
        let window = Window::on(file, identity.segment())?;
        Ok(Self { identity, window, scratch: Vec::new() })
    }

    /// Bytes of the file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.window.len()
    }

    /// Bytes of memory.
    #[cfg(test)]
    fn room(&self) -> usize {
        self.window.room() + self.scratch.capacity()
    }

    /// Hands out all that is found, from the first frame on, in the order of the file.
    pub(crate) fn each(&mut self, visit: &mut dyn FnMut(Found<'_>) -> Going) -> Result<(), Fault> {
        // Bytes that may still be summed in search of frames, as in a scan.
        let mut effort = PASSES * self.window.len();
        let mut at = HEADER_BYTES;
        self.window.clear();
        loop {
            self.reach(at)?;
            if let Some(frame) = Frame::verify(&self.identity, at, self.window.held(at)) {
                let behind = at + frame.bytes();
                if visit(Found::Frame(at, frame))?.is_break() {
                    return Ok(());
                }
                at = behind;
                continue;
            }
            let bad = match self.search(at, &mut effort)? {
                (Some(end), _) => Bad { start: at, end, behind: Behind::Frame },
                (None, Some(end)) => Bad { start: at, end, behind: Behind::Nothing },
                (None, None) => return Ok(()),
            };
            if visit(Found::Bad(bad))?.is_break() || bad.behind == Behind::Nothing {
                return Ok(());
            }
            at = bad.end;
        }
    }

    /// Has the window hold the frame that may begin at an offset, if the file has room for what its head claims, and, of a
    /// long one, if its sum holds.
    fn reach(&mut self, at: u64) -> Result<(), Fault> {
        let claimed = claimed_bytes(&self.identity, self.window.hold(at, 8)?);
        let Some(bytes) = claimed.filter(|bytes| at.saturating_add(*bytes) <= self.window.len()) else {
            return Ok(());
        };
        if bytes <= BELIEVED || self.is_frame(at, bytes)? {
            self.window.hold(at, usize::try_from(bytes).unwrap_or(usize::MAX))?;
        }
        Ok(())
    }

    /// Whether the sum of a frame holds that is not in memory.
    fn is_frame(&mut self, at: u64, bytes: u64) -> Result<bool, Fault> {
        let end = at + bytes - SUM_BYTES;
        let (mut sum, mut from) = (self.identity.begin_sum(at), at);
        while from < end {
            let wanted = usize::try_from(end - from).unwrap_or(usize::MAX).min(ROOM);
            let piece = self.window.glance(from, wanted, &mut self.scratch)?;
            if piece.len() < wanted {
                return Ok(false);
            }
            sum.add(piece);
            from += piece.len() as u64;
        }
        let stored = self.window.glance(end, 8, &mut self.scratch)?;
        Ok(Bytes::new(stored).u64("sum").is_ok_and(|stored| stored == sum.sum()))
    }

    /// Where the next frame from an offset on begins, and the end of the last one that began there without being one.
    fn search(&mut self, mut at: u64, effort: &mut u64) -> Result<(Option<u64>, Option<u64>), Fault> {
        #[expect(clippy::little_endian_bytes, reason = "the mark as it stands in the file")]
        let mark = self.identity.mark().to_le_bytes();
        let mut claimed = None;
        loop {
            let (words, _) = self.window.hold(at, 8)?.as_chunks::<8>();
            let Some(step) = words.iter().position(|word| word.first_chunk() == Some(&mark)) else {
                if words.is_empty() {
                    return Ok((None, claimed));
                }
                at += words.len() as u64 * ALIGNMENT;
                continue;
            };
            at += step as u64 * ALIGNMENT;
            let bytes = claimed_bytes(&self.identity, self.window.held(at)).unwrap_or_default();
            let end = at.saturating_add(bytes).min(self.window.len());
            *effort = effort.saturating_sub(end.saturating_sub(at));
            if *effort == 0 {
                return Ok((None, Some(self.window.len())));
            }
            self.reach(at)?;
            if Frame::verify(&self.identity, at, self.window.held(at)).is_some() {
                return Ok((Some(at), claimed));
            }
            claimed = claimed.max(Some(end.max(at + ALIGNMENT)));
            at += ALIGNMENT;
        }
    }
}
