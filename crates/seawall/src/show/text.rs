//! Sentences and lines.

use super::units;

/// What a verdict says about the server, as the end of a sentence: `it cuts ...` becomes `the server cuts ...`.
pub(crate) fn of_the_server(what: &str) -> String {
    let what = units::safe(what);
    let what = what.trim_end_matches('.');
    match what.strip_prefix("it ").or_else(|| what.strip_prefix("It ")) {
        Some(rest) => format!("the server {rest}"),
        None => format!("this happens: {what}"),
    }
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
        assert_eq!(of_the_server("it does not start."), "the server does not start");
        assert_eq!(of_the_server("the log is full"), "this happens: the log is full");
    }
}
