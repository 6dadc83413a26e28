//! Where the journal lies, and how a command opens it.
//!
//! The directory is the one that was named, else `SEAWALL_JOURNAL_DIR`, else `seawall/journal` in the state directory of
//! the user, which is `XDG_STATE_HOME` or `.local/state` below the home directory. `SEAWALL_JOURNAL_SEGMENT_SIZE` and
//! `SEAWALL_JOURNAL_MAX_BYTES` set the options of those names.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use journal::archive::MOST_PAYLOAD;
use journal::{Commit, Journal, OpenError, Options};
use mend::holders;

use super::access;
use crate::cli::JournalArgs;
use crate::clock;
use crate::failure::{Failure, JournalFailure};
use crate::show::{self, Screen};
use crate::sizes::Size;

/// What is done where there is no journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// One is made.
    Make,
    /// That is a failure.
    Refuse,
}

/// The directory that was named, or where one is without a name.
pub(super) fn named(args: &JournalArgs) -> Result<PathBuf, Failure> {
    let named = args.directory.clone().or_else(|| by_environment(|name| env::var_os(name)));
    named.ok_or_else(|| JournalFailure::NoPlace.into())
}

/// The directory that an environment means.
fn by_environment(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let named = variable("SEAWALL_JOURNAL_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    named.or_else(|| usual_place(variable))
}

/// The directory where nobody has named one.
pub(crate) fn usual_place(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // A relative state directory is to be ignored, says the specification.
    let state = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let home = || Some(set("HOME")?.join(".local/state"));
    Some(state.or_else(home)?.join("seawall/journal"))
}

/// Opens the journal that was meant, and says what its start has found.
pub(crate) fn open(args: &JournalArgs, missing: Missing, screen: &Screen) -> Result<Journal, Failure> {
    open_with(&access::directory(args)?, &access::options(args)?, (missing, screen))
}

/// Opens the journal in a directory.
pub(super) fn open_at(directory: &Path, missing: Missing, screen: &Screen) -> Result<Journal, Failure> {
    open_with(directory, &options()?, (missing, screen))
}

/// The same with other options.
pub(super) fn open_with(
    directory: &Path,
    options: &Options,
    (missing, screen): (Missing, &Screen),
) -> Result<Journal, Failure> {
    let is_there = holds_journal(directory);
    if !is_there && missing == Missing::Refuse {
        return Err(JournalFailure::Missing { directory: directory.to_owned() }.into());
    }
    let journal = open_when_free(directory, options).map_err(|error| refusal(directory, error))?;
    if !is_there {
        show::hint(screen, &format!("made a journal in {}", show::units::path(directory)));
    }
    show::recovery(journal.recovery(), directory, screen);
    Ok(journal)
}

/// The same for a journal that takes events as large as an archive holds.
pub(crate) fn open_roomy(args: &JournalArgs, missing: Missing, screen: &Screen) -> Result<Journal, Failure> {
    let mut options = access::options(args)?;
    options.max_event = MOST_PAYLOAD.min(options.segment_size / 4);
    open_with(&access::directory(args)?, &options, (missing, screen))
}

/// Whether a journal lies in a directory: its id is written last, so a segment alone is one too.
pub(crate) fn holds_journal(directory: &Path) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        name == "journal.id" || Path::new(&name).extension().is_some_and(|extension| extension == "seg")
    })
}

/// What the environment says about its options.
pub(super) fn options() -> Result<Options, Failure> {
    let mut options = Options::new(clock::millis);
    // A command has one thread, and writes by itself.
    options.commit = Commit::Caller;
    if let Some(size) = size_of("SEAWALL_JOURNAL_SEGMENT_SIZE")? {
        options.segment_size = size;
        options.max_event = options.max_event.min(size / 4);
    }
    if let Some(bytes) = size_of("SEAWALL_JOURNAL_MAX_BYTES")? {
        options.max_bytes = bytes;
    }
    Ok(options)
}

fn size_of(name: &str) -> Result<Option<u64>, Failure> {
    let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let size = value.to_string_lossy().parse::<Size>();
    size.map(|size| Some(size.bytes())).map_err(|error| Failure::Usage(format!("{name}: {error}")))
}

/// How often a journal is asked for that somebody holds, and the pause between.
///
/// A process that has just ended, or that was forked off one that holds it and is not its own program yet, lets go of it in a
/// moment. That is no use.
const ASKS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(20);

/// Opens a journal, unless somebody holds it for longer than a moment.
pub(crate) fn open_when_free(directory: &Path, options: &Options) -> Result<Journal, OpenError> {
    for _ in 0..ASKS {
        match Journal::open(directory, options.clone()) {
            Err(OpenError::Held { .. }) => thread::sleep(PAUSE),
            opened => return opened,
        }
    }
    Journal::open(directory, options.clone())
}

/// Tells a journal that is in use from one that cannot be opened.
pub(crate) fn refusal(directory: &Path, error: OpenError) -> Failure {
    let failure = match error {
        OpenError::Held { .. } => {
            JournalFailure::Held { directory: directory.to_owned(), holders: holders::below(directory) }
        }
        error => JournalFailure::Open(error),
    };
    failure.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(variables: &[(&str, &str)]) -> Option<PathBuf> {
        by_environment(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
        })
    }

    #[test]
    fn the_nearest_variable_says_where_the_journal_is() {
        let home = ("HOME", "/home/a");
        assert_eq!(meant(&[home]), Some("/home/a/.local/state/seawall/journal".into()));
        assert_eq!(meant(&[home, ("XDG_STATE_HOME", "/state")]), Some("/state/seawall/journal".into()));
        assert_eq!(meant(&[home, ("XDG_STATE_HOME", "state")]), meant(&[home]));
        assert_eq!(meant(&[home, ("SEAWALL_JOURNAL_DIR", "here")]), Some("here".into()));
        assert_eq!(meant(&[home, ("SEAWALL_JOURNAL_DIR", "")]), meant(&[home]));
        assert_eq!(meant(&[]), None);
    }

    #[test]
    fn a_directory_with_other_files_holds_no_journal() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("notes.txt"), "").unwrap();
        assert!(!holds_journal(directory.path()) && !holds_journal(&directory.path().join("absent")));
        fs::write(directory.path().join("0000000000000001.seg"), "").unwrap();
        assert!(holds_journal(directory.path()));
    }
}
