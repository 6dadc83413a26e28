//! Recognising a log by its content.

use std::io;
use std::path::{Path, PathBuf};

use crate::files::{ListError, list_dirs, list_files};
use crate::{Format, Log};

/// Why a path is not a log that can be read.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// Nothing lies there.
    #[error("failed to open {}: {source}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something lies there that no format recognises.
    #[error("{} is no log that is known: found {found}; looked for {looked_for}", path.display())]
    Unknown {
        /// The path.
        path: PathBuf,
        /// What lies there, in short.
        found: String,
        /// What was looked for.
        looked_for: String,
    },
    /// The path holds several logs.
    #[error("{} holds several logs; name one of them: {}", path.display(), names.join(", "))]
    Several {
        /// The path.
        path: PathBuf,
        /// The directories in it that are logs.
        names: Vec<String>,
    },
    /// A directory could not be listed.
    #[error(transparent)]
    List(#[from] ListError),
}

/// What a format's `recognise` answers: its log, or `None` when the path holds something else.
pub type Recognised = Result<Option<Box<dyn Log>>, ListError>;

/// How a format is recognised and what it looks for.
#[derive(Clone, Copy, Debug)]
pub struct Recogniser {
    /// The format.
    pub format: Format,
    /// What people are told that was looked for.
    pub looks_for: &'static str,
    /// Answers with the log, if the path holds one.
    pub recognise: fn(&Path) -> Recognised,
}

/// In the order of trial: formats that open with a magic number come first, since they cannot be mistaken.
const RECOGNISERS: &[Recogniser] = &[
    Recogniser {
        format: Format::Arwal,
        looks_for: "job logs (.wal or .wal.zst that begin with ARWAL001, or a directory of them)",
        recognise: crate::arwal::recognise,
    },
    Recogniser {
        format: Format::Sqlite,
        looks_for: "SQLite (a database in WAL mode, its -wal or its -shm file)",
        recognise: crate::sqlite::recognise,
    },
    Recogniser {
        format: Format::Influxdb3,
        looks_for: "InfluxDB 3 (a node directory with wal/*.wal or snapshots/*.info.json, or one of its WAL files)",
        recognise: crate::influxdb3::recognise,
    },
    Recogniser {
        format: Format::Postgres,
        looks_for: "PostgreSQL (a data directory, its pg_wal/, or a segment with a name of 24 hexadecimal digits)",
        recognise: crate::postgres::recognise,
    },
    Recogniser {
        format: Format::Etcd,
        looks_for: "etcd (member/wal/ with files named <16 digits>-<16 digits>.wal, or such a directory itself)",
        recognise: crate::etcd::recognise,
    },
    Recogniser {
        format: Format::Prometheus,
        looks_for: "Prometheus (wal/ with numbered segments, or such a directory itself)",
        recognise: crate::prometheus::recognise,
    },
    Recogniser {
        format: Format::Loki,
        looks_for: "Loki (the same segments with its own records)",
        recognise: crate::prometheus::recognise_loki,
    },
];

/// Recognises what lies at `path`; `forced` skips the guess.
pub fn detect(path: &Path, forced: Option<Format>) -> Result<Box<dyn Log>, DetectError> {
    detect_with(&[], path, forced)
}

/// The same with formats whose decoders lie elsewhere; they are tried first.
pub fn detect_with(
    others: &[Recogniser],
    path: &Path,
    forced: Option<Format>,
) -> Result<Box<dyn Log>, DetectError> {
    std::fs::metadata(path).map_err(|source| DetectError::Unreadable { path: path.to_owned(), source })?;
    let all = others.iter().chain(RECOGNISERS);
    let wanted: Vec<&Recogniser> =
        all.filter(|recogniser| forced.is_none_or(|format| format == recogniser.format)).collect();
    if let Some(log) = recognise(&wanted, path)? {
        return Ok(log);
    }
    let inside = logs_inside(&wanted, path)?;
    match inside.as_slice() {
        [] => Err(unknown(&wanted, path)),
        [only] => recognise(&wanted, &path.join(only))?.ok_or_else(|| unknown(&wanted, path)),
        _ => Err(DetectError::Several { path: path.to_owned(), names: inside }),
    }
}

fn recognise(wanted: &[&Recogniser], path: &Path) -> Recognised {
    for recogniser in wanted {
        if let Some(log) = (recogniser.recognise)(path)? {
            return Ok(Some(log));
        }
    }
    Ok(None)
}

/// Data directories of several tenants or nodes hold one log each, one level down.
fn logs_inside(wanted: &[&Recogniser], path: &Path) -> Result<Vec<String>, DetectError> {
    let mut names = Vec::new();
    for (name, inner, _) in list_dirs(path)? {
        if recognise(wanted, &inner)?.is_some() {
            names.push(name);
        }
    }
    Ok(names)
}

fn unknown(wanted: &[&Recogniser], path: &Path) -> DetectError {
    let looked_for: Vec<&str> = wanted.iter().map(|recogniser| recogniser.looks_for).collect();
    DetectError::Unknown { path: path.to_owned(), found: found(path), looked_for: looked_for.join("; ") }
}

fn found(path: &Path) -> String {
    if path.is_file() {
        return match crate::files::read_head(path, 16) {
            Ok(head) if head.is_empty() => "an empty file".to_owned(),
            Ok(head) => format!("a file that begins with {}", head.escape_ascii()),
            Err(error) => format!("a file that cannot be read ({error})"),
        };
    }
    if !path.is_dir() {
        return "neither a file nor a directory".to_owned();
    }
    let names = |listed: Result<Vec<(String, PathBuf, std::fs::Metadata)>, ListError>| -> Vec<String> {
        listed.unwrap_or_default().into_iter().map(|(name, _, _)| name).collect()
    };
    let mut all = names(list_dirs(path));
    all.iter_mut().for_each(|name| name.push('/'));
    all.extend(names(list_files(path)));
    match all.len() {
        0 => "an empty directory".to_owned(),
        count if count > 5 => {
            format!("{} and {} more", all.iter().take(5).cloned().collect::<Vec<_>>().join(", "), count - 5)
        }
        _ => all.join(", "),
    }
}
