//! What a dialect has learned from its upstreams, such as which id a thing has on which of them: a map that outlives the
//! process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use std::sync::PoisonError;

/// A map from words to words. Copies are the same map.
#[derive(Clone, Debug, Default)]
pub struct Known {
    map: Arc<RwLock<BTreeMap<String, Arc<str>>>>,
}

/// One change of what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// This is so.
    Put {
        /// Under which word, of at most 64 KiB.
        key: String,
        /// What is known, of at most 1 MiB.
        value: String,
    },
    /// This is not so any more.
    Forget {
        /// Under which word.
        key: String,
    },
}

impl Known {
    /// What is known under a word.
    pub fn get(&self, key: &str) -> Option<Arc<str>> {
        self.map.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Everything whose word begins like this, in the order of words; at most `most`.
    pub fn beginning(&self, prefix: &str, most: usize) -> Vec<(String, Arc<str>)> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let found = map.range::<str, _>(from).take_while(|(key, _)| key.starts_with(prefix));
        found.take(most).map(|(key, value)| (key.clone(), Arc::clone(value))).collect()
    }

    /// Takes a lesson in. In the proxy, only what is durable is taken in; tests of a dialect may teach directly.
    pub fn take_in(&self, lesson: &Lesson) {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        match lesson {
            Lesson::Put { key, value } => drop(map.insert(key.clone(), value.as_str().into())),
            Lesson::Forget { key } => drop(map.remove(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &str) -> Lesson {
        Lesson::Put { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn the_last_lesson_counts() {
        let known = Known::default();
        for lesson in [put("a/1", "x"), put("a/1", "y"), put("a/2", "z"), put("b", "w")] {
            known.take_in(&lesson);
        }
        known.take_in(&Lesson::Forget { key: "a/2".to_owned() });
        assert_eq!(known.get("a/1").as_deref(), Some("y"));
        assert_eq!(known.get("a/2"), None);
        assert_eq!(known.beginning("a/", 9), [("a/1".to_owned(), "y".into())]);
    }
}
