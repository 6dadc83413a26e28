//! Which archives are too many: a pure function of what there is, what is wanted, and the present.

use super::Archive;
use crate::Millis;

/// How long archives are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Milliseconds after which an archive goes; nothing if age does not matter.
    pub max_age: Option<u64>,
    /// Bytes of all archives; the oldest go first. Nothing if size does not matter.
    pub max_bytes: Option<u64>,
}

impl Retention {
    /// When the next archive will be too old, if none comes or goes meanwhile; nothing if none ever will be.
    ///
    /// What is too old or too much already is due at `now`.
    pub fn next_due(&self, archives: &[Archive], now: Millis) -> Option<Millis> {
        if !expired(archives, self, now).is_empty() {
            return Some(now);
        }
        let age = i64::try_from(self.max_age?).ok()?;
        let oldest = archives.iter().filter_map(|archive| archive.made).min()?;
        Some(Millis::new(oldest.get().checked_add(age)?.checked_add(1)?))
    }
}

/// The archives that are to go, oldest first.
///
/// One whose age is not known, since its trailer is damaged, does not go by age.
pub fn expired<'a>(archives: &'a [Archive], retention: &Retention, now: Millis) -> Vec<&'a Archive> {
    let mut by_age: Vec<&Archive> = archives.iter().collect();
    by_age.sort_by_key(|archive| (archive.made.unwrap_or(now), &archive.name));
    let mut left: u64 = archives.iter().map(|archive| archive.bytes).sum();
    let mut gone = Vec::new();
    for archive in by_age {
        let age = archive.made.map(|made| now.get().saturating_sub(made.get()));
        let is_old = age
            .zip(retention.max_age)
            .is_some_and(|(age, most)| u64::try_from(age).is_ok_and(|age| age > most));
        if is_old || retention.max_bytes.is_some_and(|most| left > most) {
            left -= archive.bytes;
            gone.push(archive);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archives() -> [Archive; 4] {
        let archive = |name: &str, made: Option<i64>| Archive {
            name: name.to_owned(),
            bytes: 10,
            made: made.map(Millis::new),
            events: None,
        };
        [
            archive("new", Some(90)),
            archive("old", Some(10)),
            archive("middle", Some(50)),
            archive("odd", None),
        ]
    }

    fn gone(retention: Retention) -> Vec<String> {
        let archives = archives();
        expired(&archives, &retention, Millis::new(100))
            .into_iter()
            .map(|archive| archive.name.clone())
            .collect()
    }

    #[test]
    fn without_a_limit_everything_is_kept() {
        assert!(gone(Retention::default()).is_empty());
    }

    #[test]
    fn what_is_too_old_goes_and_what_has_no_age_stays() {
        assert_eq!(gone(Retention { max_age: Some(40), max_bytes: None }), ["old", "middle"]);
    }

    #[test]
    fn a_cleaning_is_due_when_the_oldest_is_too_old_and_not_before() {
        let due = |max_age, max_bytes| {
            Retention { max_age, max_bytes }.next_due(&archives(), Millis::new(100)).map(Millis::get)
        };
        assert_eq!(due(Some(40), None), Some(100));
        assert_eq!(due(Some(90), None), Some(101));
        assert_eq!(due(Some(95), None), Some(106));
        let then =
            expired(&archives(), &Retention { max_age: Some(95), max_bytes: None }, Millis::new(106)).len();
        assert_eq!(then, 1);
        assert_eq!(due(None, Some(39)), Some(100));
        assert_eq!(due(None, Some(40)), None);
        assert_eq!(due(Some(u64::MAX), None), None);
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits() {
        assert_eq!(gone(Retention { max_age: None, max_bytes: Some(25) }), ["old", "middle"]);
    }
}
