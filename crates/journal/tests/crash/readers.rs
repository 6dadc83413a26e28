//! The consumers of a run: what concerns each, and what each sees.

use journal::{CommitError, Consumer, Journal, ReadError, Scope, Start};

use crate::chance::Chance;
use crate::model::{Law, Seen, State, States};

/// The last one comes at the end, for what concerns nobody before it.
const NAMES: [&str; 3] = ["fast", "slow", "late"];

/// Who reads.
pub(crate) struct Readers {
    scopes: [Scope; NAMES.len()],
    here: usize,
}

impl Readers {
    /// Two readers of one stream, of all, or of some: what neither reads is kept.
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let only = |prefix: &str| Scope::Prefix(prefix.to_owned());
        let [fast, slow] = match chance.below(6) {
            0 => [Scope::All, only("a")],
            1 => [only("b"), Scope::All],
            2 => [only("a"), only("b")],
            _ => [Scope::All, Scope::All],
        };
        Self { scopes: [fast, slow, Scope::All], here: NAMES.len() - 1 }
    }

    /// Those that are here.
    pub(crate) fn numbers(&self) -> std::ops::Range<usize> {
        0..self.here
    }

    pub(crate) fn last_one_comes(&mut self) {
        self.here = NAMES.len();
    }

    pub(crate) fn get(&self, journal: &Journal, number: usize) -> Result<Consumer, CommitError> {
        match journal.find_consumer(NAMES[number]) {
            Some(known) => Ok(known),
            None => journal.consumer_of(NAMES[number], Start::Oldest, self.scopes[number].clone()),
        }
    }

    /// Whether a reader is to be given what is in a stream.
    fn concerns(&self, number: usize, stream: &str) -> bool {
        let covers = |scope: &Scope| match scope {
            Scope::All => true,
            Scope::Prefix(prefix) => stream.starts_with(prefix),
        };
        let (last, others) = (NAMES.len() - 1, &self.scopes[..NAMES.len() - 1]);
        if number == last { !others.iter().any(covers) } else { covers(&self.scopes[number]) }
    }

    /// Whether anybody who is here reads a stream.
    pub(crate) fn concerned(&self, stream: &str) -> bool {
        self.numbers().any(|number| self.concerns(number, stream))
    }

    /// What a new event of a stream is to each of them.
    pub(crate) fn wants(&self, stream: &str) -> Vec<States> {
        let wants = |number| if self.concerns(number, stream) { State::Wanted } else { State::Done };
        (0..NAMES.len()).map(|number| States::only(wants(number))).collect()
    }

    /// What a reader sees of a stream.
    pub(crate) fn see(&self, journal: &Journal, number: usize, name: &str, law: Law) -> Result<Seen, String> {
        let mut seen = Seen::default();
        // The last one also finds what the others have not settled yet.
        if number == NAMES.len() - 1 && !self.concerns(number, name) {
            return Ok(seen);
        }
        let consumer = self.get(journal, number).map_err(|error| error.to_string())?;
        let Ok(stream) = journal.stream(name) else { return Ok(seen) };
        for event in consumer.pending(&stream) {
            match event {
                Ok(event) => seen.pending.push((event.seq, event.payload)),
                Err(ReadError::Damaged { .. }) if law == Law::MayRepeat => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        for parked in consumer.parked(usize::MAX).into_iter().filter(|parked| parked.stream == name) {
            match consumer.read(&stream, parked.seq) {
                Ok(Some(event)) => seen.parked.push((event.seq, event.payload)),
                Err(ReadError::Damaged { .. }) if law == Law::MayRepeat => {}
                Ok(None) => return Err(format!("parked event {} is gone", parked.seq)),
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(seen)
    }
}
