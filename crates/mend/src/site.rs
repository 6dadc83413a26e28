//! Where a log lies, as far as changing it goes.

use std::path::{Path, PathBuf};

use formats::{Format, Log};

use crate::change;

/// A log that may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What it is.
    pub format: Format,
    /// The directory below which everything happens and which holds the quarantine: what the server calls its data
    /// directory, where there is one.
    pub root: PathBuf,
    /// The file that the server locks while it runs, where it has one.
    pub lock: Option<PathBuf>,
}

impl Site {
    /// Where `log` lies. A WAL directory belongs to the directory around it, and so does a single file.
    pub fn of(log: &dyn Log) -> Self {
        let format = log.format();
        let root = root_of(log.root(), format);
        Self { format, lock: lock_of(&root, format), root }
    }

    /// Where a log lies, or lay, whose quarantine is at `path` or around it: it may have been taken away since.
    pub fn with_quarantine(path: &Path) -> Option<Self> {
        // Above a relative path of one name lies the directory that one is in.
        let named = path.ancestors().take(MOST_LEVELS);
        let mut dirs = named.map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir });
        let root = dirs.find(|dir| change::home(dir).is_dir())?;
        let format = change::format(root).and_then(|name| Format::from_name(&name));
        // Where nothing says what it is, nothing of the log was touched yet, and no server has to be kept out.
        let lock = format.and_then(|format| lock_of(root, format));
        Some(Self { format: format.unwrap_or(Format::Prometheus), lock, root: root.to_owned() })
    }
}

/// A file of a checkpoint lies three levels below the data directory.
const MOST_LEVELS: usize = 4;

fn root_of(root: &Path, format: Format) -> PathBuf {
    let parent = || root.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let inner: &[&str] = match format {
        Format::Prometheus | Format::Loki => &["wal", "wbl", "chunks_head"],
        Format::Influxdb3 | Format::Etcd => &["wal"],
        Format::Postgres => &["pg_wal"],
        Format::Journal | Format::Arwal | Format::Sqlite => &[],
    };
    let is_inner = root.file_name().is_some_and(|name| inner.iter().any(|inner| name == *inner));
    if root.is_file() || is_inner { parent().to_owned() } else { root.to_owned() }
}

fn lock_of(root: &Path, format: Format) -> Option<PathBuf> {
    matches!(format, Format::Journal | Format::Prometheus).then(|| root.join("lock"))
}
