//! Slack's incoming webhooks. Mattermost and Rocket.Chat take the same.
//!
//! The address is the credential.

use serde_json::json;

use super::Line;
use crate::Severity;
use crate::alert::{Letter, Occasion, Stationery};
use crate::call::{Call, Caller};

/// Slack, or whatever takes the same.
pub struct Slack {
    pub(super) line: Line,
}

impl Slack {
    /// Sends to that address.
    pub fn new(caller: Caller) -> Self {
        Self { line: Line::new(caller) }
    }

    pub(super) fn call(&self, letter: &Letter, paper: &Stationery) -> Call {
        let color = match (letter.occasion, letter.severity) {
            (Occasion::Resolved | Occasion::Test, _) => "good",
            (_, Severity::Critical) => "danger",
            (_, Severity::Warning) => "warning",
        };
        let (title, text) = (paper.title(letter), paper.text(letter));
        self.line.json(&json!({
            "text": format!("*{}*", escaped(&title)),
            "attachments": [{
                "color": color,
                "fallback": escaped(&title),
                "text": escaped(&text),
                "footer": escaped(&format!("Seawall on {}", paper.source)),
                "ts": i64::try_from(letter.at.nanos().div_euclid(1_000_000_000)).unwrap_or(0),
            }],
        }))
    }
}

/// These three mean something; everything else is text, and cannot call a person or make a link.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, letter, line, paper};
    use super::*;

    #[test]
    fn what_a_log_is_called_cannot_call_everybody() {
        let slack = Slack { line: line("http://a/") };
        let hostile =
            Letter { message: "<!channel> & <http://evil|here>".to_owned(), ..letter(Occasion::Firing) };
        let body = body(&slack.call(&hostile, &paper()));
        assert_eq!(body["attachments"][0]["text"], "&lt;!channel&gt; &amp; &lt;http://evil|here&gt;");
        assert_eq!(body["attachments"][0]["color"], "danger");
        assert_eq!(body["text"], "*[critical] db firing*");
    }

    #[test]
    fn an_end_is_green() {
        let slack = Slack { line: line("http://a/") };
        let body = body(&slack.call(&letter(Occasion::Resolved), &paper()));
        assert_eq!(body["attachments"][0]["color"], "good");
    }
}
