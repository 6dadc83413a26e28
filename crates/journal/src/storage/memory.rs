//! A directory in memory: for tests, and for a journal that need not outlive its process.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Lock, Storage, StoredFile};

/// A directory in memory. Copies are the same directory.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Directory>>);

#[derive(Default)]
struct Directory {
    files: BTreeMap<String, Arc<Bytes>>,
    folders: BTreeMap<String, Memory>,
    locks: BTreeMap<String, std::sync::Weak<()>>,
}

#[derive(Default)]
struct Bytes(Mutex<Vec<u8>>);

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storage for Memory {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(held(&self.0).files.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let mut directory = held(&self.0);
        if directory.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = Arc::<Bytes>::default();
        directory.files.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        match held(&self.0).files.get(name) {
            Some(file) => Ok(Arc::clone(file) as Arc<dyn StoredFile>),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut directory = held(&self.0);
        let file = directory.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        directory.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = held(&self.0).files.remove(name);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        Ok(Arc::new(held(&self.0).folders.entry(name.to_owned()).or_default().clone()))
    }

    fn lock(&self, name: &str) -> io::Result<Lock> {
        let mut directory = held(&self.0);
        if directory.locks.get(name).is_some_and(|held| held.strong_count() > 0) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let token = Arc::new(());
        directory.locks.insert(name.to_owned(), Arc::downgrade(&token));
        Ok(Lock::new(token))
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }
}

impl StoredFile for Bytes {
    fn size(&self) -> io::Result<u64> {
        Ok(held(&self.0).len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let bytes = held(&self.0);
        let from = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let len = from.len().min(into.len());
        if let (Some(into), Some(from)) = (into.get_mut(..len), from.get(..len)) {
            into.copy_from_slice(from);
        }
        Ok(len)
    }

    fn write_at(&self, offset: u64, new: &[u8]) -> io::Result<usize> {
        let mut bytes = held(&self.0);
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let end = offset.checked_add(new.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        if let Some(place) = bytes.get_mut(offset..end) {
            place.copy_from_slice(new);
        }
        Ok(new.len())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
