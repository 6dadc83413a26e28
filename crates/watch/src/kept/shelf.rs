//! The files: read when something begins, and written by one thread, which nobody waits for. Only effects are here.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use formats::UnixTime;

/// Bytes of a file at most: far more than is ever written.
const LARGEST: u64 = 16 << 20;

/// How long the file of a target is kept that nobody watches any more.
const STALE: Duration = Duration::from_hours(24 * 30);

const TARGETS: &str = ".watch";
const ALERTS: &str = "alerts";

/// How often the lock is asked for, and the pause between: a process that has just ended lets go of it in a moment.
const ASKS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(20);

/// What happens to the files, for whoever logs.
#[derive(Debug)]
pub enum KeepingNews<'a> {
    /// A file is not what it should be, and was set aside.
    SetAside {
        /// Where it lies now.
        to: &'a Path,
        /// Why.
        why: &'a str,
    },
    /// Nothing can be kept. It is told once, until it can.
    Failed {
        /// What could not be written or read.
        path: &'a Path,
        /// Why.
        error: &'a io::Error,
    },
    /// It can be kept again.
    Recovered,
}

type Listener = Box<dyn Fn(&KeepingNews<'_>) + Send + Sync>;

/// Where what is known is kept. It is shared by cloning.
#[derive(Clone)]
pub struct Shelf(Option<Arc<Inner>>);

struct Inner {
    dir: PathBuf,
    /// Held as long as this is there.
    _lock: File,
    listener: Listener,
    desk: Mutex<Desk>,
    bell: Condvar,
}

#[derive(Default)]
struct Desk {
    /// What is to be written, the newest of each.
    waiting: BTreeMap<String, String>,
    writer: Writer,
    is_over: bool,
}

/// What the thread does that writes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Idle,
    Writing,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shelf").field(&self.0.as_ref().map(|inner| &inner.dir)).finish()
    }
}

impl Shelf {
    /// A shelf that keeps nothing.
    pub fn none() -> Self {
        Self(None)
    }

    /// Opens a directory, and makes it where there is none. One that cannot be used is told, and nothing is kept.
    pub fn open(
        dir: &Path,
        now: UnixTime,
        listener: impl Fn(&KeepingNews<'_>) + Send + Sync + 'static,
    ) -> Self {
        let inner = match lock(dir) {
            Ok(lock) => {
                let (listener, desk, bell) = (Box::new(listener), Mutex::default(), Condvar::new());
                Arc::new(Inner { dir: dir.to_owned(), _lock: lock, listener, desk, bell })
            }
            Err(error) => {
                listener(&KeepingNews::Failed { path: dir, error: &error });
                return Self(None);
            }
        };
        tidy(dir, now);
        let writer = Arc::clone(&inner);
        let begun = thread::Builder::new().name("keep".to_owned()).spawn(move || writer.write());
        if let Err(error) = begun {
            (inner.listener)(&KeepingNews::Failed { path: dir, error: &error });
            return Self(None);
        }
        Self(Some(inner))
    }

    /// What was kept of a target.
    pub(crate) fn target<T>(&self, name: &str, understand: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.0.as_ref()?.take(&format!("{name}{TARGETS}"), understand)
    }

    /// What was kept of alerts.
    pub(crate) fn alerts<T>(&self, understand: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.0.as_ref()?.take(ALERTS, understand)
    }

    /// Keeps what is known of a target.
    pub(crate) fn keep_target(&self, name: &str, file: impl FnOnce() -> String) {
        if let Some(inner) = &self.0 {
            inner.put(format!("{name}{TARGETS}"), file());
        }
    }

    /// Keeps what is known of alerts.
    pub(crate) fn keep_alerts(&self, file: impl FnOnce() -> String) {
        if let Some(inner) = &self.0 {
            inner.put(ALERTS.to_owned(), file());
        }
    }

    /// Waits until all is written, or for so long: a disk may hang.
    pub fn flush(&self, patience: Duration) {
        let Some(inner) = &self.0 else { return };
        let is_busy = |desk: &mut Desk| desk.writer == Writer::Writing || !desk.waiting.is_empty();
        // Whoever does not get it in time has nothing to do about it.
        drop(inner.bell.wait_timeout_while(inner.hold(), patience, is_busy));
    }

    /// Writes what waits, and ends.
    pub fn end(&self, patience: Duration) {
        self.flush(patience);
        if let Some(inner) = &self.0 {
            inner.hold().is_over = true;
            inner.bell.notify_all();
        }
    }
}

impl Inner {
    fn hold(&self) -> MutexGuard<'_, Desk> {
        // A map and flags cannot be left half changed.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, name: String, file: String) {
        self.hold().waiting.insert(name, file);
        self.bell.notify_all();
    }

    fn take<T>(&self, name: &str, understand: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let path = self.dir.join(name);
        let file = match read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.set_aside(&path, "it is no text of a size that is ever written");
                return None;
            }
            Err(error) => {
                (self.listener)(&KeepingNews::Failed { path: &path, error: &error });
                return None;
            }
        };
        let understood = understand(&file);
        if understood.is_none() {
            self.set_aside(&path, "it is not whole, or of another version");
        }
        understood
    }

    fn set_aside(&self, path: &Path, why: &str) {
        let mut to = path.to_owned().into_os_string();
        to.push(".bad");
        let to = PathBuf::from(to);
        match renamed(path, &to, &self.dir) {
            Ok(()) => (self.listener)(&KeepingNews::SetAside { to: &to, why }),
            Err(error) => (self.listener)(&KeepingNews::Failed { path, error: &error }),
        }
    }

    fn write(&self) {
        let is_idle = |desk: &mut Desk| desk.waiting.is_empty() && !desk.is_over;
        let mut has_failed = false;
        loop {
            let waited = self.bell.wait_while(self.hold(), is_idle);
            let mut desk = waited.unwrap_or_else(PoisonError::into_inner);
            let Some((name, file)) = desk.waiting.pop_first() else { return };
            desk.writer = Writer::Writing;
            drop(desk);
            let path = self.dir.join(&name);
            let written = written(&path, &self.dir, &file);
            self.hold().writer = Writer::Idle;
            let had_failed = std::mem::replace(&mut has_failed, written.is_err());
            self.bell.notify_all();
            match written {
                Err(error) if !had_failed => {
                    (self.listener)(&KeepingNews::Failed { path: &path, error: &error });
                }
                Ok(()) if had_failed => (self.listener)(&KeepingNews::Recovered),
                _ => {}
            }
        }
    }
}

/// The directory, with a lock on it that nobody else has.
fn lock(dir: &Path) -> io::Result<File> {
    fs::create_dir_all(dir)?;
    let lock = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    for _ in 0..ASKS {
        if lock.try_lock().is_ok() {
            return Ok(lock);
        }
        thread::sleep(PAUSE);
    }
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => {
            io::Error::new(io::ErrorKind::WouldBlock, "another process keeps its state there")
        }
        fs::TryLockError::Error(error) => error,
    })?;
    Ok(lock)
}

/// Removes files of targets that nobody has watched for long. What cannot be removed stays, which harms nobody.
fn tidy(dir: &Path, now: UnixTime) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_of_target = path.to_string_lossy().ends_with(TARGETS);
        let written = fs::metadata(&path).and_then(|metadata| metadata.modified());
        let is_stale = written.is_ok_and(|at| now.seconds_since(UnixTime::from(at)) > STALE.as_secs_f64());
        if is_of_target && is_stale {
            fs::remove_file(path).ok();
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    let mut text = String::new();
    let read = file.take(LARGEST + 1).read_to_string(&mut text)? as u64;
    if read > LARGEST { Err(io::ErrorKind::InvalidData.into()) } else { Ok(text) }
}

/// Writes a file so that a kill or a power cut leaves the old one or the new one.
fn written(path: &Path, dir: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.to_owned().into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    drop(file);
    renamed(&beside, path, dir)
}

#[expect(clippy::disallowed_methods, reason = "the directory is synced behind it")]
fn renamed(from: &Path, to: &Path, dir: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
#[path = "shelf_test.rs"]
mod tests;
