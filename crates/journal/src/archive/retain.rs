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

/// The archives that are to go, oldest first.
///
/// One whose age is not known, since its trailer is damaged, does not go by age.
pub(super) fn expired<'a>(archives: &'a [Archive], retention: &Retention, now: Millis) -> Vec<&'a Archive> {
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

    fn gone(retention: Retention) -> Vec<String> {
        let archive = |name: &str, made: Option<i64>| Archive {
            name: name.to_owned(),
            bytes: 10,
            made: made.map(Millis::new),
            events: None,
        };
        let archives = [
            archive("new", Some(90)),
            archive("old", Some(10)),
            archive("middle", Some(50)),
            archive("odd", None),
        ];
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
    fn the_oldest_go_until_the_rest_fits() {
        assert_eq!(gone(Retention { max_age: None, max_bytes: Some(25) }), ["old", "middle"]);
    }
}
