//! What must not be read in any text that leaves by another way than it was meant for.

use std::fmt;

/// A secret. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// This one.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Letters of a secret at least: shorter ones are parts of words, and hiding those makes texts unreadable.
const SHORTEST: usize = 6;

/// The secrets of a channel. A server that refuses something likes to repeat it.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Adds one.
    pub(crate) fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.0.push(secret.to_owned());
            // What begins like another one is taken out first.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// Adds the path and the query of an address, whole and in their parts.
    pub(crate) fn add_target(&mut self, target: &str) {
        self.add(target);
        target.split(['/', '?', '&', '=', '#']).for_each(|part| self.add(part));
    }

    /// The text without them, in one line that no terminal obeys, and not long.
    pub(crate) fn scrub(&self, text: &str) -> String {
        const MOST: usize = 300;
        let clean = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN));
        let words: Vec<&str> = clean.split_whitespace().collect();
        crate::alert::letter::cut(words.join(" ").replace(char::is_control, "?"), MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_repeats_is_taken_out() {
        let mut secrets = Secrets::default();
        secrets.add_target("/services/T0000001/B0000001/XxXxXxXx?key=0123456789");
        secrets.add("hunter22");
        for said in [
            "Cannot POST /services/T0000001/B0000001/XxXxXxXx?key=0123456789",
            "{\"path\":\"\\/services\\/T0000001\\/B0000001\\/XxXxXxXx\"}",
            "key 0123456789 and password hunter22",
        ] {
            let scrubbed = secrets.scrub(said);
            for secret in ["T0000001", "XxXxXxXx", "0123456789", "hunter22"] {
                assert!(!scrubbed.contains(secret), "{scrubbed}");
            }
        }
        assert_eq!(format!("{:?}", Secret::new("hunter22".to_owned())), "(hidden)");
    }

    #[test]
    fn what_a_server_says_is_one_short_line() {
        let scrubbed = Secrets::default().scrub(&format!("a\r\n b\u{1b}[2J{}", "c".repeat(1_000)));
        assert!(scrubbed.starts_with("a b?[2Jccc") && scrubbed.len() <= 300);
    }
}
