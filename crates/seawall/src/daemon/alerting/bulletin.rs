//! News about what is no log: told to those whom the configuration names, and each change put among the events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use watch::alert::{Key, News, Office, State};
use watch::{Severity, Watch};

/// Troubles that are remembered; beyond, new ones are told and not put among the events.
const MOST: usize = 1_000;

/// Tells news.
pub(in crate::daemon) struct Bulletin {
    office: Arc<Office>,
    watch: Watch,
    /// What is so, as the events have told it.
    known: Mutex<BTreeMap<Key, Severity>>,
}

impl Bulletin {
    /// One that tells these.
    pub(in crate::daemon) fn new(office: &Arc<Office>, watch: &Watch) -> Self {
        Self { office: Arc::clone(office), watch: watch.clone(), known: Mutex::default() }
    }

    /// Tells news, which may be what they were before.
    pub(super) fn tell(&self, news: &News) {
        self.office.tell(news);
        if is_change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner), news) {
            self.watch.announce(news.clone());
        }
    }
}

/// Whether trouble began, became worse or less bad, or is over.
fn is_change(known: &mut BTreeMap<Key, Severity>, news: &News) -> bool {
    match &news.state {
        State::Well => known.remove(&news.key).is_some(),
        State::Trouble(_) if known.len() >= MOST && !known.contains_key(&news.key) => false,
        State::Trouble(trouble) => known.insert(news.key.clone(), trouble.severity) != Some(trouble.severity),
    }
}

#[cfg(test)]
mod tests {
    use watch::alert::Topic;

    use super::*;

    #[test]
    fn each_change_is_an_event_and_what_stays_so_is_none() {
        let trouble = |severity| News::trouble("collector", Topic::Delivery, severity, "gone".to_owned());
        let well = News::well("collector", Topic::Delivery);
        let mut known = BTreeMap::new();
        for (news, expected) in [
            (well.clone(), false),
            (trouble(Severity::Warning), true),
            (trouble(Severity::Warning), false),
            (trouble(Severity::Critical), true),
            (well.clone(), true),
            (well, false),
        ] {
            assert_eq!(is_change(&mut known, &news), expected, "{news:?}");
        }
    }
}
