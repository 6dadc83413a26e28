//! Which streams concern a consumer.

use std::fmt;

use crate::StreamNumber;

/// Which streams concern a consumer. The others are neither pending for it nor kept for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// Those whose names begin with this, which is as long as a name may be.
    Prefix(String),
}

impl Scope {
    /// The scope that is written as this prefix: every name begins with nothing.
    pub(crate) fn from_prefix(prefix: &str) -> Self {
        if prefix.is_empty() { Self::All } else { Self::Prefix(prefix.to_owned()) }
    }

    /// How it is written.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Self::All => "",
            Self::Prefix(prefix) => prefix,
        }
    }

    /// Whether it has a stream of this number and name in it.
    ///
    /// A stream whose name was damaged may be anybody's, so everybody keeps it.
    pub(crate) fn covers(&self, number: StreamNumber, name: &str) -> bool {
        name.starts_with(self.prefix()) || is_stand_in(number, name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all streams"),
            Self::Prefix(prefix) => write!(f, "streams that begin with {prefix}"),
        }
    }
}

const STAND_IN: &str = "lost-";

/// What a stream is called whose name was in a range that is damaged.
pub(crate) fn stand_in(number: StreamNumber) -> String {
    format!("{STAND_IN}{number}")
}

fn is_stand_in(number: StreamNumber, name: &str) -> bool {
    name.strip_prefix(STAND_IN).is_some_and(|rest| rest == number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_the_streams_in_it_whose_names_begin_with_its_prefix_and_those_without_a_name() {
        let lanes = Scope::from_prefix("lane/");
        let five = StreamNumber::new(5);
        let covered = ["lane/", "lane/5", "lost-5"].map(|name| lanes.covers(five, name));
        let others = ["lane", "a lane/5", "lost-6", "lost-"].map(|name| lanes.covers(five, name));
        assert_eq!((covered, others), ([true; 3], [false; 4]));
        assert!(Scope::from_prefix("").covers(five, "any"));
        assert_eq!(Scope::from_prefix(lanes.prefix()), lanes);
    }
}
