//! Prometheus TSDB write-ahead logs.

use std::path::Path;

use crate::detect::Recognised;

/// Recognises a Prometheus data directory, a WAL directory or one segment.
pub(crate) fn recognise(_path: &Path) -> Recognised {
    Ok(None)
}
