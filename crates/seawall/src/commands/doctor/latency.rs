//! What an append costs: writes to a file without a name, so many and so long at most.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, fdatasync, open};
use rustix::io::{ReadWriteFlags, pwritev2};

use crate::clock;
use crate::failure::Failure;

/// Bytes of a write: a page, as much as a disk writes for less.
pub(super) const WRITE: usize = 4096;

/// Writes of one way at most.
const MOST: usize = 2048;

/// How long one way is measured at most.
const LONGEST: Duration = Duration::from_secs(10);

/// A way of appending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// Without a sync: what is acknowledged may be gone after a crash of the machine.
    Unsynced,
    /// A write, then `fdatasync`.
    Fdatasync,
    /// A write that is synced by itself, as with `O_DSYNC`.
    Dsync,
}

/// Where the writes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Behind the end of the file, which grows.
    Growing,
    /// Where zeros lie, which were written before: as the journal has its segments.
    Preallocated,
}

/// What one way costs.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    pub(crate) method: Method,
    pub(crate) ground: Ground,
    pub(crate) writes: usize,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

impl Method {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Unsynced => "none",
            Method::Fdatasync => "fdatasync",
            Method::Dsync => "dsync",
        }
    }
}

impl Latency {
    pub(crate) fn is_preallocated(&self) -> bool {
        self.ground == Ground::Preallocated
    }
}

/// The ways that are measured; the journal has the third one.
const WAYS: [(Method, Ground); 5] = [
    (Method::Unsynced, Ground::Growing),
    (Method::Fdatasync, Ground::Growing),
    (Method::Fdatasync, Ground::Preallocated),
    (Method::Dsync, Ground::Growing),
    (Method::Dsync, Ground::Preallocated),
];

/// Measures each way for so long. A way that the file system does not know is left out.
pub(super) fn measured(directory: &Path, each: Duration, free: u64) -> Result<Vec<Latency>, Failure> {
    let fail = |source| Failure::Write { path: directory.to_owned(), source };
    let most = (MOST * WRITE) as u64;
    if free < most {
        let why = format!("there is less room than the {most} bytes that measuring may take");
        return Err(fail(io::Error::new(io::ErrorKind::StorageFull, why)));
    }
    let mut latencies = Vec::new();
    for way in WAYS {
        match measure(directory, way, each.min(LONGEST)) {
            Ok(latency) => latencies.extend(latency),
            Err(error) if way.0 == Method::Dsync && error.kind() == io::ErrorKind::Unsupported => {}
            Err(error) => return Err(fail(error)),
        }
    }
    Ok(latencies)
}

fn measure(
    directory: &Path,
    (method, ground): (Method, Ground),
    each: Duration,
) -> io::Result<Option<Latency>> {
    let file = nameless(directory)?;
    if ground == Ground::Preallocated {
        let zeros = vec![0; 256 * WRITE];
        for at in (0..(MOST * WRITE) as u64).step_by(zeros.len()) {
            file.write_all_at(&zeros, at)?;
        }
        file.sync_all()?;
    }
    let page = [0x5a; WRITE];
    let mut spans = Vec::with_capacity(MOST);
    let end = clock::instant() + each;
    while spans.len() < MOST && clock::instant() < end {
        let at = (spans.len() * WRITE) as u64;
        let begun = clock::instant();
        match method {
            Method::Unsynced => file.write_all_at(&page, at)?,
            Method::Fdatasync => {
                file.write_all_at(&page, at)?;
                fdatasync(&file)?;
            }
            Method::Dsync => {
                let written = pwritev2(&file, &[io::IoSlice::new(&page)], at, ReadWriteFlags::DSYNC);
                if written.map_err(unsupported)? < page.len() {
                    return Err(io::ErrorKind::WriteZero.into());
                }
            }
        }
        spans.push(begun.elapsed());
    }
    Ok(summed(method, ground, spans))
}

fn unsupported(error: rustix::io::Errno) -> io::Error {
    match error {
        rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS => io::ErrorKind::Unsupported.into(),
        error => error.into(),
    }
}

fn summed(method: Method, ground: Ground, mut spans: Vec<Duration>) -> Option<Latency> {
    spans.sort_unstable();
    let at =
        |share: usize| spans.get((spans.len() * share / 100).min(spans.len().saturating_sub(1))).copied();
    let (p50, p99, max) = (at(50)?, at(99)?, *spans.last()?);
    Some(Latency { method, ground, writes: spans.len(), p50, p99, max })
}

/// A file without a name. Where the file system has none, one that loses its name at once.
fn nameless(directory: &Path) -> io::Result<File> {
    let opened = open(directory, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    if let Ok(file) = opened {
        return Ok(File::from(file));
    }
    let path = directory.join(format!(".seawall-doctor-{}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_writes_are_no_slower_than_the_median() {
        let spans = (1..=200).rev().map(Duration::from_millis).collect();
        let latency = summed(Method::Fdatasync, Ground::Growing, spans).unwrap();
        assert_eq!(
            (latency.p50.as_millis(), latency.p99.as_millis(), latency.max.as_millis()),
            (101, 199, 200)
        );
        assert!(summed(Method::Fdatasync, Ground::Growing, Vec::new()).is_none());
    }

    #[test]
    fn measuring_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let latencies = measured(directory.path(), Duration::from_millis(20), 1 << 30).unwrap();
        assert!(latencies.len() >= 3 && latencies.iter().all(|one| one.writes > 0 && one.p50 <= one.max));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(measured(directory.path(), Duration::from_millis(1), 1 << 20).is_err(), "there is no room");
    }
}
