//! On which checkpoint the log is to stand.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use formats::prometheus::{Directory, Framing};
use formats::{Part, Progress, ReadError, Role};

use super::number_of;

/// A checkpoint and its files.
#[derive(Clone, Debug)]
pub(super) struct Checkpoint {
    pub(super) number: u64,
    /// Its directory, below the root.
    pub(super) dir: String,
    pub(super) parts: Vec<Part>,
}

impl Checkpoint {
    /// Whether its files are numbered from 0 without a hole.
    fn is_in_a_row(&self) -> bool {
        let numbers = self.parts.iter().map(|part| number_of(&part.name));
        !self.parts.is_empty() && numbers.eq((0..self.parts.len() as u64).map(Some))
    }
}

/// The decision.
#[derive(Debug, Default)]
pub(super) struct Base {
    /// What the log begins with.
    pub(super) checkpoint: Option<Checkpoint>,
    /// Newer ones that are of no use: what they held is there without them, or they hold nothing.
    pub(super) dropped: Vec<Checkpoint>,
    /// Whether more is lost than the damages in its files.
    pub(super) beyond: Beyond,
}

/// What is lost of a checkpoint beyond the damages in its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Nothing.
    #[default]
    Nothing,
    /// What stood in files that are missing, or in one that gave way to another.
    Records,
}

/// How a checkpoint is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    /// All of it verifies.
    Sound,
    /// Some of it is lost.
    Damaged,
    /// Nothing of it verifies.
    Useless,
}

/// Decides: the newest, unless it is damaged and an older one with all segments behind it says more.
pub(super) fn choose(directory: &Directory, prefix: &str, progress: &Progress) -> Result<Base, ReadError> {
    let mut all = list(directory, prefix);
    let Some(newest) = all.pop() else { return Ok(Base::default()) };
    let health = health(directory, &newest, progress)?;
    if health == Health::Sound {
        return Ok(Base { checkpoint: Some(newest), ..Base::default() });
    }
    let mut dropped = vec![newest.clone()];
    let mut older = all.clone();
    while let Some(candidate) = older.pop() {
        let is_sound = self::health(directory, &candidate, progress)? == Health::Sound;
        if is_sound && is_covered(directory, candidate.number + 1..=newest.number, progress)? {
            return Ok(Base { checkpoint: Some(candidate), dropped, ..Base::default() });
        }
        dropped.push(candidate);
    }
    if is_covered(directory, 0..=newest.number, progress)? {
        return Ok(Base { dropped, ..Base::default() });
    }
    let left_over = directory.segments().any(|(number, _)| number <= newest.number);
    if health == Health::Damaged || (all.is_empty() && !left_over) {
        let beyond = if newest.is_in_a_row() { Beyond::Nothing } else { Beyond::Records };
        return Ok(Base { checkpoint: Some(newest), dropped: Vec::new(), beyond });
    }
    // Nothing is left of it, and what it was made from is partly there.
    let checkpoint = all.pop();
    Ok(Base { checkpoint, dropped: vec![newest], beyond: Beyond::Records })
}

/// All checkpoints, by number.
fn list(directory: &Directory, prefix: &str) -> Vec<Checkpoint> {
    let mut all: BTreeMap<u64, Checkpoint> = BTreeMap::new();
    if let Some(number) = directory.checkpoint() {
        let names = [format!("{prefix}checkpoint.{number:08}"), format!("{prefix}checkpoint.{number:06}")];
        let there = names.iter().find(|name| directory.root().join(name).is_dir()).or(names.first());
        let dir = there.cloned().unwrap_or_default();
        all.insert(number, Checkpoint { number, dir, parts: Vec::new() });
    }
    for part in directory.parts() {
        let Some((dir, _)) = part.name.rsplit_once('/') else { continue };
        let number = dir.strip_prefix(prefix).and_then(|dir| dir.strip_prefix("checkpoint."));
        let Some(number) = number.and_then(number_of) else { continue };
        let dir = dir.to_owned();
        let checkpoint = all.entry(number).or_insert(Checkpoint { number, dir, parts: Vec::new() });
        checkpoint.parts.push(part.clone());
    }
    let by_number = |part: &Part| number_of(&part.name);
    all.values_mut().for_each(|checkpoint| checkpoint.parts.sort_by_key(by_number));
    all.into_values().collect()
}

fn health(directory: &Directory, checkpoint: &Checkpoint, progress: &Progress) -> Result<Health, ReadError> {
    let (mut records, mut damages) = (0, 0);
    for part in &checkpoint.parts {
        let (here, bad) = count(directory, part, progress)?;
        records += here;
        damages += bad;
    }
    Ok(if checkpoint.parts.is_empty() || (records == 0 && damages > 0) {
        Health::Useless
    } else if damages > 0 || !checkpoint.is_in_a_row() {
        Health::Damaged
    } else {
        Health::Sound
    })
}

/// Whether all of these segments are there and sound.
fn is_covered(
    directory: &Directory,
    numbers: std::ops::RangeInclusive<u64>,
    progress: &Progress,
) -> Result<bool, ReadError> {
    let named: BTreeMap<u64, &str> =
        directory.segments().filter(|(number, _)| numbers.contains(number)).collect();
    if named.len() as u64 != (numbers.end() + 1).saturating_sub(*numbers.start()) {
        return Ok(false);
    }
    for part in directory.parts().iter().filter(|part| matches!(part.role, Role::Retained | Role::Live)) {
        let is_one =
            number_of(&part.name).is_some_and(|number| named.get(&number) == Some(&part.name.as_str()));
        if is_one && count(directory, part, progress)?.1 > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Records and damages of a file.
pub(super) fn count(
    directory: &Directory,
    part: &Part,
    progress: &Progress,
) -> Result<(u64, u64), ReadError> {
    let (mut records, mut damages) = (0, 0);
    directory.frames(part, progress, &mut |framing| {
        match framing {
            Framing::Record(_) => records += 1,
            Framing::Damage(_) => damages += 1,
            Framing::Note(_) => {}
        }
        ControlFlow::Continue(())
    })?;
    Ok((records, damages))
}
