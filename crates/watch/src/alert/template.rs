//! Texts with places in them: `{target}` and the like. `{{` and `}}` are braces.

use std::fmt;
use std::str::FromStr;

use crate::alert::Word;

/// A text with places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(Word),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// A brace that is not closed, or closes nothing.
    Brace,
    /// A place that nothing goes into.
    Unknown(String),
}

impl Template {
    /// The text with something in each of its places.
    pub(crate) fn fill(&self, word: impl Fn(Word) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(place) => word(*place),
        };
        self.0.iter().map(piece).collect()
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.peek() == Some(&letter) => {
                    letters.next();
                    plain.push(letter);
                }
                '}' => return Err(TemplateError::Brace),
                '{' => {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    let mut name = String::new();
                    loop {
                        match letters.next() {
                            None | Some('{') => return Err(TemplateError::Brace),
                            Some('}') => break,
                            Some(letter) => name.push(letter),
                        }
                    }
                    let known = Word::ALL.into_iter().find(|(known, _)| *known == name.trim());
                    let (_, word) = known.ok_or(TemplateError::Unknown(name))?;
                    pieces.push(Piece::Place(word));
                }
                other => plain.push(other),
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Brace => f.write_str("a brace stands alone: {{ and }} are braces, and {target} is a place"),
            Self::Unknown(name) => {
                let known = Word::ALL.map(|(name, _)| format!("{{{name}}}")).join(", ");
                write!(f, "nothing goes into {{{name}}}; there are {known}")
            }
        }
    }
}

impl std::error::Error for TemplateError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, TemplateError> {
        text.parse::<Template>().map(|template| template.fill(|word| format!("<{word:?}>")))
    }

    #[test]
    fn places_are_filled_and_doubled_braces_are_braces() {
        assert_eq!(filled("a {target} {{b}} { time }").unwrap(), "a <Target> {b} <Time>");
        assert_eq!(filled("").unwrap(), "");
    }

    #[test]
    fn what_goes_into_a_place_is_no_template() {
        let template: Template = "{message}".parse().unwrap();
        assert_eq!(template.fill(|_| "{target}".to_owned()), "{target}");
    }

    #[test]
    fn what_is_no_template_says_why() {
        for text in ["{", "{target", "}", "a } b", "{tar{get}"] {
            assert_eq!(filled(text), Err(TemplateError::Brace), "{text}");
        }
        let error = filled("{host}").unwrap_err().to_string();
        assert!(error.contains("{host}") && error.contains("{target}, {event}"), "{error}");
    }
}
