//! Names that people give to what there may be several of: they become parts of file names, routes and labels.

use std::str::FromStr;

/// Letters of a name at most.
const LONGEST: usize = 64;

/// A name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// It.
    pub(super) fn text(self) -> String {
        self.0
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(is_fit) {
            return Err(format!(
                "{text:?} is no name: it has 1 to {LONGEST} letters, digits, - and _, since it is part of other names"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
