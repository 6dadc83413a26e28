//! A disk that loses power, lies, rots, and fails at any call.
//!
//! Each file has what a reader sees and what is on the medium. A sync brings blocks of 4096 bytes from one to the other.
//! When power is lost, each block that was not synced is old, new, or torn: new in some of its sectors of 512 bytes.
//! Names are changed at once for who looks, and last once they were synced; when power is lost, each change since is
//! kept or not, in any combination.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use journal::storage::{Lock, Storage, StoredFile};

use crate::chance::Chance;

const BLOCK: usize = 4096;
const SECTOR: usize = 512;

/// What a call does instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails. Of a write, any part may have been done; of a sync, any part of the blocks, and the rest counts as
    /// clean from then on.
    Broken,
    /// It fails; of a sync, the blocks that it was about hold nothing sensible after it. What is read is still what was
    /// written, until power is lost.
    Ruined,
    /// There is no room: of a write, a part was done.
    NoRoom,
    /// A write is short.
    Short,
    /// Power is lost in the middle of it, and nothing works until it is back.
    PowerOff,
    /// Nothing can be read for a few calls, by whomever.
    Unreadable,
}

#[derive(Clone, Default)]
struct Inode {
    seen: Vec<u8>,
    medium: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
enum Change {
    Create(String, usize),
    Rename(String, String, usize),
    Remove(String),
}

struct World {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    lasting: BTreeMap<String, usize>,
    changes: Vec<Change>,
    chance: Chance,
    /// Calls until the next fault.
    fuse: Option<(u64, Fault)>,
    /// Calls that read until some fail, and how many those are.
    blind: Option<(u64, u64)>,
    /// How many calls could not read, ever.
    unread: u64,
    /// How often power was lost: files of an earlier life do not write.
    life: u64,
    lock: Weak<()>,
    power: Power,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    Off,
}

/// The disk. Copies are the same one.
#[derive(Clone)]
pub(crate) struct CrashDisk {
    world: Arc<Mutex<World>>,
    /// What stands before the names in this directory.
    prefix: String,
}

fn hold(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CrashDisk {
    pub(crate) fn new(seed: u64) -> Self {
        let world = World {
            inodes: Vec::new(),
            names: BTreeMap::new(),
            lasting: BTreeMap::new(),
            changes: Vec::new(),
            chance: Chance::new(seed ^ 0x5eed),
            fuse: None,
            blind: None,
            unread: 0,
            life: 0,
            lock: Weak::new(),
            power: Power::On,
        };
        Self { world: Arc::new(Mutex::new(world)), prefix: String::new() }
    }

    /// Lets the call of that number from now on fail.
    pub(crate) fn arm(&self, calls: u64, fault: Fault) {
        let world = &mut *hold(&self.world);
        match fault {
            Fault::Unreadable => world.blind = Some((calls, 1 + world.chance.below(3))),
            other => world.fuse = Some((calls, other)),
        }
    }

    pub(crate) fn disarm(&self) {
        let world = &mut *hold(&self.world);
        (world.fuse, world.blind) = (None, None);
    }

    /// How many calls could not read so far.
    pub(crate) fn unread(&self) -> u64 {
        hold(&self.world).unread
    }

    pub(crate) fn disarm_ruin(&self) {
        let mut world = hold(&self.world);
        world.fuse = world.fuse.filter(|(_, fault)| *fault != Fault::Ruined);
    }

    /// Whether power was lost and is not back.
    pub(crate) fn is_off(&self) -> bool {
        hold(&self.world).power == Power::Off
    }

    /// Takes power away and gives it back.
    pub(crate) fn lose_power(&self) {
        let world = &mut *hold(&self.world);
        world.fuse = None;
        world.power = Power::On;
        world.life += 1;
        for inode in &mut world.inodes {
            inode.settle(&mut world.chance);
        }
        let changes = std::mem::take(&mut world.changes);
        for change in changes {
            if world.chance.one_in(2) {
                change.apply(&mut world.lasting);
            }
        }
        world.names = world.lasting.clone();
    }

    /// Ends the process that has files open, and leaves the page cache as it is.
    pub(crate) fn kill(&self) {
        let world = &mut *hold(&self.world);
        world.fuse = None;
        world.life += 1;
    }

    /// Flips a bit in a file on the medium whose name `is_meant`; says where.
    pub(crate) fn rot(&self, is_meant: impl Fn(&str) -> bool) -> Option<(String, usize)> {
        let world = &mut *hold(&self.world);
        let meant: Vec<(String, usize)> = world
            .names
            .iter()
            .filter(|(name, _)| is_meant(name))
            .map(|(name, &inode)| (name.clone(), inode))
            .collect();
        let (name, inode) = meant.get(world.chance.below(meant.len() as u64) as usize)?.clone();
        let inode = &mut world.inodes[inode];
        // Where something is: a flipped zero behind the end proves little.
        let used = inode.medium.iter().rposition(|&byte| byte != 0)? + 1;
        let at = world.chance.below(used as u64) as usize;
        inode.medium[at] ^= 1 << world.chance.below(8);
        inode.seen[at] = inode.medium[at];
        Some((name, at))
    }
}

impl Inode {
    /// What is on the medium after power was lost.
    fn settle(&mut self, chance: &mut Chance) {
        if self.medium.len() < self.seen.len() && chance.one_in(2) {
            self.medium.resize(self.seen.len(), 0);
        }
        for block in std::mem::take(&mut self.dirty) {
            match chance.below(3) {
                0 => {}
                1 => self.flush(block * BLOCK, BLOCK),
                _ => {
                    for sector in 0..BLOCK / SECTOR {
                        if chance.one_in(2) {
                            self.flush(block * BLOCK + sector * SECTOR, SECTOR);
                        }
                    }
                }
            }
        }
        self.seen = self.medium.clone();
    }

    fn flush(&mut self, start: usize, len: usize) {
        let end = (start + len).min(self.seen.len());
        if start >= end {
            return;
        }
        if self.medium.len() < end {
            self.medium.resize(end, 0);
        }
        self.medium[start..end].copy_from_slice(&self.seen[start..end]);
    }

    fn ruin(&mut self, start: usize) {
        self.flush(start, BLOCK);
        let end = (start + BLOCK).min(self.medium.len());
        self.medium[start..end].fill(0x55);
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset / BLOCK..end.div_ceil(BLOCK));
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename(from, to, inode) => {
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
                names.insert(to.clone(), *inode);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

impl World {
    /// Counts a call that changes something, and says what is wrong with it.
    fn call(&mut self) -> Option<Fault> {
        if self.power == Power::Off {
            return Some(Fault::Broken);
        }
        let (left, fault) = self.fuse?;
        if left > 0 {
            self.fuse = Some((left - 1, fault));
            return None;
        }
        self.fuse = None;
        if fault == Fault::PowerOff {
            self.power = Power::Off;
        }
        Some(fault)
    }

    /// Counts a call that reads.
    fn reads(&mut self) -> io::Result<()> {
        self.blind = match self.blind {
            None | Some((_, 0)) => None,
            Some((0, left)) => {
                self.unread += 1;
                self.blind = Some((0, left - 1));
                return Err(broken());
            }
            Some((calls, left)) => Some((calls - 1, left)),
        };
        Ok(())
    }

    fn change_names(&mut self, change: Change) -> io::Result<()> {
        match self.call() {
            Some(Fault::NoRoom) => return Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::Short) | None => {}
            Some(_) => return Err(broken()),
        }
        change.apply(&mut self.names);
        self.changes.push(change);
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::other("input/output error")
}

struct Open {
    world: Arc<Mutex<World>>,
    inode: usize,
    life: u64,
}

impl Open {
    fn world(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = hold(&self.world);
        if world.life == self.life && world.power == Power::On { Ok(world) } else { Err(broken()) }
    }
}

impl CrashDisk {
    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn opened(&self, world: &World, inode: usize) -> Arc<dyn StoredFile> {
        Arc::new(Open { world: Arc::clone(&self.world), inode, life: world.life })
    }
}

impl Storage for CrashDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut world = hold(&self.world);
        world.reads()?;
        let inside = world.names.keys().filter_map(|name| name.strip_prefix(&self.prefix));
        Ok(inside.filter(|name| !name.contains('/')).map(str::to_owned).collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let mut world = hold(&self.world);
        let name = self.full(name);
        if world.names.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = world.inodes.len();
        world.change_names(Change::Create(name, inode))?;
        world.inodes.push(Inode::default());
        Ok(self.opened(&world, inode))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let mut world = hold(&self.world);
        world.reads()?;
        let inode = *world.names.get(&self.full(name)).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.opened(&world, inode))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = hold(&self.world);
        let (from, to) = (self.full(from), self.full(to));
        let inode = *world.names.get(&from).ok_or(io::ErrorKind::NotFound)?;
        world.change_names(Change::Rename(from, to, inode))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = hold(&self.world);
        let name = self.full(name);
        if !world.names.contains_key(&name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        world.change_names(Change::Remove(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        let world = &mut *hold(&self.world);
        match world.call() {
            Some(Fault::Broken | Fault::Ruined | Fault::NoRoom | Fault::PowerOff | Fault::Unreadable) => {
                // Some of it may have been done, and nothing says which.
                let changes = std::mem::take(&mut world.changes);
                for change in changes {
                    if world.chance.one_in(2) {
                        change.apply(&mut world.lasting);
                    } else {
                        world.changes.push(change);
                    }
                }
                Err(broken())
            }
            _ => {
                let (changes, lasting) = (std::mem::take(&mut world.changes), &mut world.lasting);
                changes.iter().for_each(|change| change.apply(lasting));
                Ok(())
            }
        }
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        Ok(Arc::new(Self { world: Arc::clone(&self.world), prefix: format!("{}{name}/", self.prefix) }))
    }

    fn lock(&self, _name: &str) -> io::Result<Lock> {
        let mut world = hold(&self.world);
        if world.lock.strong_count() > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let token = Arc::new(());
        world.lock = Arc::downgrade(&token);
        Ok(Lock::new(token))
    }

    fn describe(&self) -> String {
        "the crash disk".to_owned()
    }
}

impl StoredFile for Open {
    fn size(&self) -> io::Result<u64> {
        let mut world = self.world()?;
        world.reads()?;
        Ok(world.inodes[self.inode].seen.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut world = self.world()?;
        world.reads()?;
        let bytes = world.inodes[self.inode].seen.get(offset as usize..).unwrap_or_default();
        let len = bytes.len().min(into.len());
        into[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut world = self.world()?;
        let fault = world.call();
        let some = world.chance.below(bytes.len() as u64 + 1) as usize;
        let done = if fault.is_some() { some } else { bytes.len() };
        world.inodes[self.inode].write(offset as usize, &bytes[..done]);
        match fault {
            None => Ok(done),
            Some(Fault::Short) => Ok(done.max(1)).inspect(|&done| {
                world.inodes[self.inode].write(offset as usize, &bytes[..done]);
            }),
            Some(Fault::NoRoom) => Err(io::ErrorKind::StorageFull.into()),
            Some(_) => Err(broken()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut guard = self.world()?;
        let world = &mut *guard;
        let fault = world.call();
        let (inode, chance) = (&mut world.inodes[self.inode], &mut world.chance);
        let dirty = std::mem::take(&mut inode.dirty);
        let is_off = fault == Some(Fault::PowerOff);
        // What is ruined and cannot be read before power is lost are two faults; a call that is made again can be.
        if fault == Some(Fault::Ruined) {
            world.blind = world.blind.map(|(calls, left)| (calls, left.min(1)));
        }
        let fails = matches!(fault, Some(fault) if fault != Fault::Short);
        for block in dirty {
            // After a failure, what was not brought over counts as clean: the next sync says nothing of it.
            if fault == Some(Fault::Ruined) {
                inode.ruin(block * BLOCK);
            } else if !fails || chance.one_in(2) {
                inode.flush(block * BLOCK, BLOCK);
            } else if is_off {
                inode.dirty.insert(block);
            }
        }
        if fails {
            return Err(broken());
        }
        let len = inode.seen.len();
        inode.medium.resize(len, 0);
        Ok(())
    }
}
