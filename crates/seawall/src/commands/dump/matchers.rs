//! Label matchers as in `PromQL`: `{job="x",name=~"a|b"}`, with or without a metric name in front.
//!
//! * A label that a series does not have counts as empty.
//! * Regular expressions match the whole value.
//! * Text stands in double quotes, single quotes or backticks; backslashes escape in the first two.

use std::str::{Chars, FromStr};

use regex_lite::Regex;

/// What a series has to look like: all matchers hold.
#[derive(Clone, Debug)]
pub(crate) struct Selector(Vec<Matcher>);

#[derive(Clone, Debug)]
struct Matcher {
    label: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Is(String),
    IsNot(String),
    Like(Regex),
    NotLike(Regex),
}

/// Why a text is no selector.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectorError {
    /// Something else was expected.
    #[error("expected {expected} before {rest:?}; write labels as {{job=\"x\",name=~\"a|b\"}}")]
    Expected {
        /// What was expected.
        expected: &'static str,
        /// What stands there.
        rest: String,
    },
    /// The regular expression is none.
    #[error("{pattern:?} is no regular expression: {why}")]
    Pattern {
        /// What was typed.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Selector {
    /// Whether a series whose labels `value_of` knows is meant.
    pub(crate) fn matches<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|matcher| matcher.test.holds(value_of(&matcher.label).unwrap_or_default()))
    }
}

impl Test {
    fn holds(&self, value: &str) -> bool {
        match self {
            Test::Is(wanted) => value == wanted,
            Test::IsNot(wanted) => value != wanted,
            Test::Like(pattern) => pattern.is_match(value),
            Test::NotLike(pattern) => !pattern.is_match(value),
        }
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut cursor = Cursor(text.trim());
        let mut matchers = Vec::new();
        let name = cursor.name();
        if !name.is_empty() {
            matchers.push(Matcher { label: "__name__".to_owned(), test: Test::Is(name.to_owned()) });
        }
        if name.is_empty() || !cursor.0.is_empty() {
            cursor.braces(&mut matchers)?;
        }
        if cursor.0.is_empty() { Ok(Selector(matchers)) } else { Err(cursor.expected("the end")) }
    }
}

/// The text that is left to read.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn expected(&self, expected: &'static str) -> SelectorError {
        SelectorError::Expected { expected, rest: self.0.to_owned() }
    }

    fn eat(&mut self, token: &str) -> bool {
        let rest = self.0.trim_start();
        let found = rest.strip_prefix(token);
        self.0 = found.map_or(rest, str::trim_start);
        found.is_some()
    }

    fn name(&mut self) -> &'a str {
        let end = self.0.find(|c: char| !(c.is_alphanumeric() || "_:.".contains(c))).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest.trim_start();
        name
    }

    fn braces(&mut self, matchers: &mut Vec<Matcher>) -> Result<(), SelectorError> {
        if !self.eat("{") {
            return Err(self.expected("{"));
        }
        while !self.eat("}") {
            matchers.push(self.matcher()?);
            if !self.eat(",") && !self.0.starts_with('}') {
                return Err(self.expected("a comma or }"));
            }
        }
        Ok(())
    }

    fn matcher(&mut self) -> Result<Matcher, SelectorError> {
        let label = if self.0.starts_with(QUOTES) { self.quoted()? } else { self.name().to_owned() };
        if label.is_empty() {
            return Err(self.expected("a label name"));
        }
        // The longer operators first, since `=` begins `=~` too.
        let test = if self.eat("=~") {
            Test::Like(pattern(&self.quoted()?)?)
        } else if self.eat("!~") {
            Test::NotLike(pattern(&self.quoted()?)?)
        } else if self.eat("!=") {
            Test::IsNot(self.quoted()?)
        } else if self.eat("=") {
            Test::Is(self.quoted()?)
        } else {
            return Err(self.expected("one of = != =~ !~"));
        };
        Ok(Matcher { label, test })
    }

    fn quoted(&mut self) -> Result<String, SelectorError> {
        let mut chars = self.0.chars();
        let quote = chars.next().filter(|c| QUOTES.contains(c)).ok_or(self.expected("a quoted text"))?;
        let mut text = String::new();
        loop {
            match chars.next().ok_or(self.expected("a quoted text that ends"))? {
                end if end == quote => break,
                '\\' if quote != '`' => text.push(escaped(&mut chars).ok_or(self.expected("an escape"))?),
                other => text.push(other),
            }
        }
        self.0 = chars.as_str().trim_start();
        Ok(text)
    }
}

const QUOTES: [char; 3] = ['"', '\'', '`'];

fn escaped(chars: &mut Chars<'_>) -> Option<char> {
    match chars.next()? {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        same @ ('\\' | '"' | '\'') => Some(same),
        _ => None,
    }
}

fn pattern(text: &str) -> Result<Regex, SelectorError> {
    Regex::new(&format!("^(?s:{text})$"))
        .map_err(|error| SelectorError::Pattern { pattern: text.to_owned(), why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let selector: Selector = selector.parse().unwrap();
        selector.matches(|name| labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value))
    }

    const UP: &[(&str, &str)] = &[("__name__", "up"), ("job", "node"), ("path", "C:\\x\n\"")];

    #[test]
    fn all_matchers_have_to_hold() {
        assert!(matches(r#"{job="node"}"#, UP));
        assert!(matches(r#"{ job = "node" , __name__ =~ "u." , }"#, UP));
        assert!(!matches(r#"{job="node",__name__!="up"}"#, UP));
        assert!(matches("{}", UP));
    }

    #[test]
    fn a_name_in_front_is_a_matcher_too() {
        assert!(matches("up", UP));
        assert!(matches("up{job='node'}", UP));
        assert!(!matches("down{job='node'}", UP));
    }

    #[test]
    fn patterns_match_the_whole_value() {
        assert!(matches("{job=~`no|node`}", UP));
        assert!(!matches("{job=~`no`}", UP));
        assert!(matches("{job!~`no`}", UP));
        assert!(matches("{path=~`.*x.*`}", UP), "a dot matches a line break as well");
    }

    #[test]
    fn a_label_that_is_missing_counts_as_empty() {
        assert!(matches(r#"{mode=""}"#, UP));
        assert!(matches(r#"{mode!="x"}"#, UP));
        assert!(matches(r#"{mode=~"|x"}"#, UP));
        assert!(!matches(r#"{mode=~".+"}"#, UP));
    }

    #[test]
    fn quotes_and_escapes_are_read() {
        assert!(matches(r#"{path="C:\\x\n\""}"#, UP));
        assert!(matches(r#"{"job"="node"}"#, UP));
    }

    #[test]
    fn what_is_no_selector_says_where() {
        for (text, expected) in [
            ("", "{"),
            ("{job}", "one of = != =~ !~"),
            ("{job=node}", "a quoted text"),
            (r#"{job="node"#, "a quoted text that ends"),
            (r#"{job="a" b="c"}"#, "a comma or }"),
            (r#"{job="a"} x"#, "the end"),
            (r#"{="a"}"#, "a label name"),
            (r#"{job="\q"}"#, "an escape"),
        ] {
            let error = text.parse::<Selector>().unwrap_err();
            assert!(
                matches!(&error, SelectorError::Expected { expected: e, .. } if *e == expected),
                "{error}"
            );
        }
        assert!(matches!("{a=~`(`}".parse::<Selector>(), Err(SelectorError::Pattern { .. })));
    }
}
