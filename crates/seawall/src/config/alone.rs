//! A proxy, and an alert, by the environment alone: the variables of the load balancer of Chroma, which say all that a proxy in
//! front of it has to know, and where it tells of trouble.
//!
//! Those of the proxy are read only where `PRIMARY_URL` is set and the file has no `[[proxy]]`: names like `PORT` are taken by
//! many programs. `SLACK_WEBHOOK_URL` is read where the file has no `[[alert]]`. A variable of Seawall's own for the same key
//! outranks them.

use std::collections::BTreeMap;

use super::key::{Key, Section};
use super::{Entry, Origin};

/// Where Slack is told.
const SLACK: &str = "SLACK_WEBHOOK_URL";

/// What one is for: a key, and how its value is written there.
type Meaning = (&'static str, fn(&str) -> String);

/// All of them. The first one says whether the others count.
const VARIABLES: [(&str, Meaning); 7] = [
    ("PRIMARY_URL", ("primary", str::to_owned)),
    ("REPLICA_URL", ("replicas", str::to_owned)),
    ("PORT", ("listen", everywhere)),
    ("REQUEST_TIMEOUT", ("request_timeout", seconds)),
    ("CHECK_INTERVAL", ("check_interval", seconds)),
    ("CONSISTENCY_WINDOW", ("consistency_window", seconds)),
    ("READ_REPLICA_RATIO", ("read_replica_ratio", str::to_owned)),
];

/// Whoever sets a port, a container's platform mostly, wants to reach it from elsewhere.
fn everywhere(port: &str) -> String {
    format!("0.0.0.0:{port}")
}

/// Their spans are numbers of seconds; those with a unit are taken too.
fn seconds(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { format!("{text}s") } else { text.to_owned() }
}

/// What they say about a section that the file does not have.
pub(super) fn entries(
    section: &'static Section,
    environment: &BTreeMap<String, String>,
) -> Vec<(&'static Key, Entry)> {
    let set = |name: &str| environment.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    match section.name {
        "proxy" if set("PRIMARY_URL").is_some() => of_proxy(section, set),
        "alert" => set(SLACK).map_or_else(Vec::new, |url| of_alert(section, url)),
        _ => Vec::new(),
    }
}

fn of_alert(section: &'static Section, url: &str) -> Vec<(&'static Key, Entry)> {
    let entry = |(name, text): (&str, &str)| {
        let origin = Origin::Environment(SLACK.to_owned());
        Some((section.key(name)?, Entry { text: text.to_owned(), origin }))
    };
    [("name", "slack"), ("kind", "slack"), ("url", url)].into_iter().filter_map(entry).collect()
}

fn of_proxy<'a>(
    section: &'static Section,
    set: impl Fn(&str) -> Option<&'a str>,
) -> Vec<(&'static Key, Entry)> {
    let entry = |(variable, (key, write)): (&str, Meaning)| {
        let origin = Origin::Environment(variable.to_owned());
        Some((section.key(key)?, Entry { text: write(set(variable)?), origin }))
    };
    // Whoever has these variables has Chroma, unless another dialect is named.
    let chroma = Entry { text: "chroma".to_owned(), origin: Origin::Environment("PRIMARY_URL".to_owned()) };
    let dialect = section.key("dialect").map(|key| (key, chroma));
    dialect.into_iter().chain(VARIABLES.into_iter().filter_map(entry)).collect()
}
