//! Sentences and lines.

use super::units;

/// What a verdict says as the rest of a sentence that begins with the next start: `it cuts ...`, where a decoder means
/// the server by it, becomes `the server cuts ...`.
pub(crate) fn at_the_next_start(what: &str) -> String {
    let what = units::safe(what);
    let what = what.trim_end_matches('.');
    match what.strip_prefix("it ") {
        Some(rest) => format!("at the next start the server {rest}"),
        None => format!("at the next start: {what}"),
    }
}

/// The same as a sentence of its own.
pub(crate) fn sentence(text: &str) -> String {
    format!("{}.", sentence_case(text))
}

/// The same with a capital letter.
pub(crate) fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", chars.as_str())
}

/// Lines as a block.
pub(crate) fn lines(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// Blocks of text with a blank line between them; blocks without text are left out.
pub(crate) fn stacked(blocks: impl IntoIterator<Item = String>) -> String {
    blocks.into_iter().filter(|block| !block.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Lines of at most `width` characters, broken at blanks but never inside `backticks`, where a command stands.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for phrase in phrases(text) {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(&phrase);
        } else if line.chars().count() + 1 + phrase.chars().count() <= width {
            line.push(' ');
            line.push_str(&phrase);
        } else {
            lines.push(phrase);
        }
    }
    lines
}

/// Words, and commands in backticks whole.
fn phrases(text: &str) -> Vec<String> {
    let mut phrases: Vec<String> = Vec::new();
    let mut quoted = false;
    for word in text.split_whitespace() {
        match phrases.last_mut() {
            Some(phrase) if quoted => {
                phrase.push(' ');
                phrase.push_str(word);
            }
            _ => phrases.push(word.to_owned()),
        }
        quoted ^= !word.matches('`').count().is_multiple_of(2);
    }
    phrases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_blanks() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("unbreakable", 3), ["unbreakable"]);
        assert_eq!(wrapped("", 3), [""]);
    }

    #[test]
    fn a_command_is_never_broken() {
        assert_eq!(
            wrapped("run `seawall verify x` now please", 12),
            ["run", "`seawall verify x`", "now please"]
        );
    }

    #[test]
    fn a_verdict_becomes_a_sentence_about_the_server() {
        let said = |what| sentence(&at_the_next_start(what));
        assert_eq!(said("it does not start."), "At the next start the server does not start.");
        assert_eq!(said("the worker ends"), "At the next start: the worker ends.");
    }
}
