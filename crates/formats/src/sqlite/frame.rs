//! The header of a `-wal` file, the header of a frame, and the checksum that chains them.

use std::borrow::Cow;

use crate::bytes::{words_be, words_le};
use crate::{Bytes, Malformed};

/// Bytes of the file header.
pub(super) const FILE_HEADER: usize = 32;
/// Bytes of a frame's header.
pub(super) const FRAME_HEADER: usize = 24;
/// The only version there is.
pub(super) const VERSION: u32 = 3_007_000;

const MAGIC: u32 = 0x377f_0682;

/// In which order a checksum takes the bytes of a word: that of the machine that wrote the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordOrder {
    Little,
    Big,
}

/// The running checksum: two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Sum(pub(super) u32, pub(super) u32);

impl Sum {
    /// Goes on over `bytes`, whose number is a multiple of eight.
    pub(super) fn after(self, order: WordOrder, bytes: &[u8]) -> Sum {
        match order {
            WordOrder::Little => self.over(words_le(bytes)),
            WordOrder::Big => self.over(words_be(bytes)),
        }
    }

    #[inline]
    fn over(self, mut words: impl Iterator<Item = u32>) -> Sum {
        let Sum(mut first, mut second) = self;
        while let (Some(one), Some(two)) = (words.next(), words.next()) {
            first = first.wrapping_add(one).wrapping_add(second);
            second = second.wrapping_add(two).wrapping_add(first);
        }
        Sum(first, second)
    }

    /// Reads a stored checksum, which is big-endian whatever the word order is.
    fn stored(bytes: &mut Bytes<'_>) -> Result<Sum, Malformed> {
        Ok(Sum(bytes.u32_be("checksum")?, bytes.u32_be("checksum")?))
    }
}

/// The two random words that tell the frames of one generation from those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Salts(pub(super) u32, pub(super) u32);

/// What the frames of a log have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) order: WordOrder,
    pub(super) page_size: usize,
    pub(super) salts: Salts,
    /// The checksum before the first frame.
    pub(super) seed: Sum,
}

/// A file header as it lies there.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileHeader {
    magic: u32,
    version: u32,
    page_size: u32,
    pub(super) checkpoint: u32,
    pub(super) salts: Salts,
    stored: Sum,
    little: Sum,
    big: Sum,
}

/// Why a header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// SQLite takes the log for empty.
    Invalid(Cow<'static, str>),
    /// SQLite does not open the database.
    Version(u32),
}

impl FileHeader {
    /// Reads the header at the start of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Bytes::new(bytes);
        let magic = fields.u32_be("magic")?;
        let version = fields.u32_be("version")?;
        let page_size = fields.u32_be("page size")?;
        let checkpoint = fields.u32_be("checkpoint sequence")?;
        let salts = Salts(fields.u32_be("salt")?, fields.u32_be("salt")?);
        let summed = bytes.get(..24).ok_or(fields.malformed("header"))?;
        let stored = Sum::stored(&mut fields)?;
        let sum = |order| Sum::default().after(order, summed);
        let (little, big) = (sum(WordOrder::Little), sum(WordOrder::Big));
        Ok(Self { magic, version, page_size, checkpoint, salts, stored, little, big })
    }

    /// What the frames have in common, when all of the header is right.
    ///
    /// The checks come in the order in which SQLite makes them: what the first failing one is decides what it does.
    pub(super) fn generation(&self) -> Result<Generation, HeaderFault> {
        let invalid = |cause: String| Err(HeaderFault::Invalid(Cow::Owned(cause)));
        let (order, computed) = match self.magic {
            MAGIC => (WordOrder::Little, self.little),
            magic if magic == MAGIC + 1 => (WordOrder::Big, self.big),
            magic => return invalid(format!("header begins with {magic:#010x}, which is no WAL magic")),
        };
        if !is_page_size(self.page_size) {
            return invalid(format!("header names a page size of {}", self.page_size));
        }
        if computed != self.stored {
            return Err(HeaderFault::Invalid(Cow::Borrowed("header checksum mismatch")));
        }
        if self.version != VERSION {
            return Err(HeaderFault::Version(self.version));
        }
        Ok(Generation { order, page_size: self.page_size as usize, salts: self.salts, seed: self.stored })
    }

    /// Whether this was the header of a log before some of its bytes changed.
    pub(super) fn is_similar(&self) -> bool {
        let is_magic = self.magic | 1 == MAGIC | 1;
        is_magic || self.version == VERSION && is_page_size(self.page_size)
    }

    /// What the frames have in common when the header is wrong, guessed from the `bytes` behind it: the first frame
    /// has to verify.
    ///
    /// One wrong field leaves all others to lean on, and there are only 8 page sizes and 2 word orders.
    pub(super) fn guess(&self, bytes: &[u8]) -> Option<Generation> {
        let frame = FrameHeader::read(bytes).ok()?;
        for page_size in (9..=16).map(|power| 1usize << power) {
            let content = bytes.get(FRAME_HEADER..FRAME_HEADER + page_size)?;
            for (order, computed) in [(WordOrder::Little, self.little), (WordOrder::Big, self.big)] {
                for seed in [self.stored, computed] {
                    if frame.follows(seed, order, bytes, content) {
                        return Some(Generation { order, page_size, salts: frame.salts, seed });
                    }
                }
            }
        }
        None
    }
}

fn is_page_size(size: u32) -> bool {
    size.is_power_of_two() && (512..=65536).contains(&size)
}

/// A frame's header as it lies there.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    pub(super) page: u32,
    /// Pages of the database after the transaction that this frame commits; 0 when it commits none.
    pub(super) database_pages: u32,
    pub(super) salts: Salts,
    pub(super) stored: Sum,
}

impl FrameHeader {
    /// Reads the header at the start of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Bytes::new(bytes);
        Ok(Self {
            page: fields.u32_be("page number")?,
            database_pages: fields.u32_be("database size")?,
            salts: Salts(fields.u32_be("salt")?, fields.u32_be("salt")?),
            stored: Sum::stored(&mut fields)?,
        })
    }

    /// Whether the frame ends a transaction.
    pub(super) fn commits(&self) -> bool {
        self.database_pages != 0
    }

    fn follows(&self, seed: Sum, order: WordOrder, header: &[u8], content: &[u8]) -> bool {
        sum_of(seed, order, header, content) == self.stored
    }
}

/// A whole frame: its header and its page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) header: FrameHeader,
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes `bytes` as one whole frame.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self { header: FrameHeader::read(bytes)?, bytes })
    }

    /// The checksum up to and with this frame, when it was `seed` before.
    pub(super) fn sum(&self, seed: Sum, order: WordOrder) -> Sum {
        sum_of(seed, order, self.bytes, self.bytes.get(FRAME_HEADER..).unwrap_or_default())
    }
}

fn sum_of(seed: Sum, order: WordOrder, header: &[u8], content: &[u8]) -> Sum {
    seed.after(order, header.get(..8).unwrap_or_default()).after(order, content)
}
