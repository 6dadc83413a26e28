//! Label sets, kept as they are written.

use super::put;
use crate::{Bytes, Malformed};

/// A label set in its encoded form, checked once and then read without failure.
///
/// The order is that of the log: the server neither sorts nor checks it when reading, so neither does this.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Labels<'a> {
    count: u64,
    pairs: &'a [u8],
}

impl<'a> Labels<'a> {
    /// Reads a label set: a count, then that many pairs of texts.
    #[inline]
    pub(crate) fn read(bytes: &mut Bytes<'a>) -> Result<Self, Malformed> {
        let count = bytes.uvarint("labels: count")?;
        let all = bytes.rest();
        let start = bytes.position();
        for _ in 0..count {
            text(bytes, "labels: name")?;
            text(bytes, "labels: value")?;
        }
        let pairs = all.get(..bytes.position() - start).unwrap_or_default();
        Ok(Self { count, pairs })
    }

    /// Name and value of each label, in the order of the log.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut bytes = Bytes::new(self.pairs);
        std::iter::from_fn(move || {
            let name = text(&mut bytes, "").ok()?;
            Some((name, text(&mut bytes, "").ok()?))
        })
    }

    /// The value of the label of that name.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter().find_map(|(found, value)| (found == name).then_some(value))
    }

    /// Writes pairs the way [`Labels`] holds them, for [`Labels::of_pairs`].
    pub fn write_pairs<'b>(pairs: impl IntoIterator<Item = (&'b [u8], &'b [u8])>) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in pairs {
            put::text(name, &mut out);
            put::text(value, &mut out);
        }
        out
    }

    /// The label set of encoded pairs; `None` when they are not whole.
    pub fn of_pairs(pairs: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes::new(pairs);
        let mut count = 0;
        while !bytes.is_empty() {
            text(&mut bytes, "").ok()?;
            text(&mut bytes, "").ok()?;
            count += 1;
        }
        Some(Self { count, pairs })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put::uvarint(self.count, out);
        out.extend_from_slice(self.pairs);
    }
}

impl std::fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| {
                (String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned())
            }))
            .finish()
    }
}

/// A text: its length, then its bytes.
#[inline]
pub(crate) fn text<'a>(bytes: &mut Bytes<'a>, what: &'static str) -> Result<&'a [u8], Malformed> {
    let len = bytes.length(what)?;
    bytes.take(len, what)
}
