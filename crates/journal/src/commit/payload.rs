//! The bytes of an event on their way to the disk: copied into the queue, or held along with whoever gave them.

use std::sync::Arc;

use crate::format::Laid;

/// Bytes of an event that the caller goes on using. They are always the same.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Bytes as a caller gives them.
#[derive(Clone, Copy)]
pub(crate) enum Given<'a> {
    /// They are copied.
    Borrowed(&'a [u8]),
    /// They are held until they are written.
    Shared(&'a SharedBytes),
}

/// Bytes that wait for room in the queue.
pub(super) enum Kept {
    Own(Vec<u8>),
    Shared(SharedBytes),
}

/// Bytes in the queue.
pub(crate) enum Payload {
    /// Where they lie among those that were copied.
    Copied(Laid),
    Shared(SharedBytes),
}

impl<'a> Given<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Shared(bytes) => (**bytes).as_ref(),
        }
    }
}

impl From<Given<'_>> for Kept {
    fn from(given: Given<'_>) -> Self {
        match given {
            Given::Borrowed(bytes) => Self::Own(bytes.to_vec()),
            Given::Shared(bytes) => Self::Shared(Arc::clone(bytes)),
        }
    }
}

impl Kept {
    pub(super) fn given(&self) -> Given<'_> {
        match self {
            Self::Own(bytes) => Given::Borrowed(bytes),
            Self::Shared(bytes) => Given::Shared(bytes),
        }
    }
}
