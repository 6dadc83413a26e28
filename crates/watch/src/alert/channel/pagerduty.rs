//! `PagerDuty`'s Events API v2: an incident is opened and closed by the same key.

use serde_json::{Value, json};

use super::{Line, short_hash};
use crate::alert::letter::rfc3339;
use crate::alert::{Letter, Occasion, Secret, Stationery};
use crate::call::{Call, Caller};

/// `PagerDuty`'s events.
pub struct PagerDuty {
    pub(super) line: Line,
    routing_key: Secret,
}

/// Letters of a key for de-duplication that are taken.
const LONGEST_KEY: usize = 255;

impl PagerDuty {
    /// Where events are taken, unless an account lies elsewhere.
    pub const USUAL: &'static str = "https://events.pagerduty.com/v2/enqueue";

    /// Sends to the service that the key is for.
    pub fn new(caller: Caller, routing_key: Secret) -> Self {
        Self { line: Line::new(caller).hiding(&routing_key), routing_key }
    }

    pub(super) fn call(&self, letter: &Letter, paper: &Stationery) -> Call {
        let key = format!("seawall/{}/{}/{}", paper.source, letter.key.target, letter.key.topic.name());
        // One that is cut could be another one's.
        let key = if key.len() > LONGEST_KEY { short_hash(&[&key]) } else { key };
        let mut event = json!({"routing_key": self.routing_key.reveal(), "dedup_key": key});
        let rest = match letter.occasion {
            Occasion::Resolved => json!({"event_action": "resolve"}),
            Occasion::Firing | Occasion::Reminder | Occasion::Test => json!({
                "event_action": "trigger",
                "client": "Seawall",
                "payload": {
                    "summary": paper.title(letter),
                    "source": paper.source,
                    "severity": letter.severity.name(),
                    "timestamp": rfc3339(letter.since),
                    "component": letter.key.target,
                    "class": letter.key.topic.name(),
                    "custom_details": {
                        "state": letter.occasion.name(),
                        "text": paper.text(letter),
                        "advice": letter.advice,
                    },
                },
            }),
        };
        if let (Value::Object(event), Value::Object(rest)) = (&mut event, rest) {
            event.extend(rest);
        }
        self.line.json(&event)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, letter, line, paper};
    use super::*;

    #[test]
    fn what_opens_an_incident_and_what_closes_it_have_the_same_key() {
        let channel = PagerDuty { line: line("http://a/"), routing_key: Secret::new("r".repeat(32)) };
        let opens = body(&channel.call(&letter(Occasion::Firing), &paper()));
        let closes = body(&channel.call(&letter(Occasion::Resolved), &paper()));
        assert_eq!(opens["dedup_key"], "seawall/host/db/wal.health");
        assert_eq!(opens["dedup_key"], closes["dedup_key"]);
        assert_eq!((&opens["event_action"], &closes["event_action"]), (&json!("trigger"), &json!("resolve")));
        assert_eq!(opens["payload"]["severity"], "critical");
        assert_eq!(closes["payload"], Value::Null);
    }
}
