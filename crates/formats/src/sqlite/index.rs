//! The `-shm` file: what the connections of a running database agree on.

use super::frame::{Salts, Sum, VERSION, WordOrder};
use crate::bytes::{words_be, words_le};
use crate::{Bytes, Malformed};

/// How much of the file is looked at: two copies of the header and the state of the checkpoint.
pub(super) const HEAD: usize = 136;

const HEADER: usize = 48;
const SUMMED: usize = 40;
const UNUSED_MARK: u32 = u32::MAX;

/// What a sound `-shm` file tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// The last committed frame.
    pub(super) last_frame: u64,
    /// Frames that were copied into the database.
    pub(super) copied: u64,
    /// Frames up to which readers see the log; whether they still read is known to their locks alone.
    pub(super) reader_marks: Vec<u64>,
    salts: Salts,
}

impl Index {
    /// Reads the first bytes of the file; `None` when its two headers differ (someone is writing), when their checksum
    /// is wrong, or when it was never set up.
    ///
    /// Its numbers are those of the machine that made it, which need not be this one.
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        let (header, rest) = head.split_at_checked(HEADER)?;
        let (copy, state) = rest.split_at_checked(HEADER)?;
        let order = match Bytes::new(header).u32_le("version").ok()? {
            VERSION => WordOrder::Little,
            swapped if swapped == VERSION.swap_bytes() => WordOrder::Big,
            _ => return None,
        };
        let is_initialised = *header.get(12)? == 1;
        if header != copy || !is_initialised || !is_sound(header, order)? {
            return None;
        }
        Self::fields(header, state, order).ok()
    }

    fn fields(header: &[u8], state: &[u8], order: WordOrder) -> Result<Self, Malformed> {
        let mut state = words(state, order);
        let end = || Bytes::new(&[]).malformed("checkpoint state");
        let copied = state.next().ok_or_else(end)?;
        // The first mark belongs to readers that need nothing of the log.
        let marks = state.skip(1).take(4).filter(|&mark| mark != UNUSED_MARK).map(u64::from);
        let last_frame = words(header, order).nth(4).ok_or_else(end)?;
        let mut salts = Bytes::new(header);
        salts.take(32, "salts")?;
        // The salts are a copy of the bytes in the log, so they are big-endian even here.
        let salts = Salts(salts.u32_be("salt")?, salts.u32_be("salt")?);
        Ok(Self {
            last_frame: last_frame.into(),
            copied: copied.into(),
            reader_marks: marks.collect(),
            salts,
        })
    }

    /// Whether it speaks of the log with these salts.
    pub(super) fn is_of(&self, salts: Salts) -> bool {
        self.salts == salts
    }

    /// Frames that a checkpoint has yet to copy.
    pub(super) fn uncopied(&self) -> u64 {
        self.last_frame.saturating_sub(self.copied)
    }

    /// The lowest reader's mark below the end of the log: a checkpoint gets no further, and the log cannot start
    /// over.
    pub(super) fn lowest_mark(&self) -> Option<u64> {
        self.reader_marks.iter().copied().filter(|&mark| mark < self.last_frame).min()
    }
}

fn words(bytes: &[u8], order: WordOrder) -> Box<dyn Iterator<Item = u32> + '_> {
    match order {
        WordOrder::Little => Box::new(words_le(bytes)),
        WordOrder::Big => Box::new(words_be(bytes)),
    }
}

fn is_sound(header: &[u8], order: WordOrder) -> Option<bool> {
    let computed = Sum::default().after(order, header.get(..SUMMED)?);
    let mut stored = words(header.get(SUMMED..)?, order);
    Some(computed == Sum(stored.next()?, stored.next()?))
}

/// Whether a file begins as a `-shm` file does.
pub(super) fn is_similar(head: &[u8]) -> bool {
    let version = Bytes::new(head).u32_le("version").unwrap_or_default();
    version == VERSION || version == VERSION.swap_bytes()
}
