//! Which news a channel is told.

use crate::Severity;
use crate::alert::{News, State, Topic};

/// Which news a channel is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// About what; empty for everything.
    pub topics: Vec<Topic>,
    /// How bad it has to be at least.
    pub least: Severity,
    /// About which targets; empty for all.
    pub targets: Vec<Pattern>,
}

/// A name in which `*` stands for any letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub String);

impl Default for Route {
    fn default() -> Self {
        Self { topics: Vec::new(), least: Severity::Warning, targets: Vec::new() }
    }
}

impl Route {
    /// Whether a channel hears of a target and a topic at all.
    pub(crate) fn covers(&self, news: &News) -> bool {
        let (topic, target) = (news.key.topic, &news.key.target);
        (self.topics.is_empty() || self.topics.contains(&topic))
            && (self.targets.is_empty() || self.targets.iter().any(|pattern| pattern.fits(target)))
    }

    /// The news as the channel is told them: trouble that is not bad enough is none.
    pub(crate) fn told<'n>(&self, news: &'n News) -> &'n State {
        match &news.state {
            State::Trouble(trouble) if trouble.severity < self.least => &State::Well,
            state => state,
        }
    }
}

impl Pattern {
    fn fits(&self, name: &str) -> bool {
        let mut pieces = self.0.split('*');
        let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
        let Some(last) = pieces.next_back() else { return rest.is_empty() };
        for piece in pieces {
            // The first place where a piece fits leaves the most for those behind it.
            let Some((_, behind)) = rest.split_once(piece) else { return false };
            rest = behind;
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters_and_all_else_for_itself() {
        for (pattern, name, fits) in [
            ("db", "db", true),
            ("db", "db2", false),
            ("db*", "db2", true),
            ("*", "", true),
            ("*/primary", "chroma/primary", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("*a*", "bab", true),
            ("d.b", "dab", false),
        ] {
            assert_eq!(Pattern(pattern.to_owned()).fits(name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_not_bad_enough_is_no_trouble() {
        let route = Route { least: Severity::Critical, ..Route::default() };
        let news = |severity| News::trouble("db", Topic::Health, severity, String::new());
        assert_eq!(route.told(&news(Severity::Warning)), &State::Well);
        assert_ne!(route.told(&news(Severity::Critical)), &State::Well);
    }

    #[test]
    fn a_route_is_about_its_topics_and_its_targets() {
        let topics = vec![Topic::Damage];
        let route = Route { topics, targets: vec![Pattern("db-*".to_owned())], ..Route::default() };
        assert!(route.covers(&News::well("db-1", Topic::Damage)));
        assert!(!route.covers(&News::well("db-1", Topic::Health)));
        assert!(!route.covers(&News::well("web", Topic::Damage)));
    }
}
