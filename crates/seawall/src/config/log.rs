//! `[log]`: how much the daemon tells about what it does, and in which form.

use super::key::{Key, Kind, Occurs, Reload, Section};
use super::{Problem, Reader, Table, Written};

/// What can be written.
pub(super) const SECTION: Section = Section {
    name: "log",
    about: "How much the daemon tells about what it does, and in which form.",
    occurs: Occurs::Once,
    keys: &[
        Key {
            name: "level",
            kind: Kind::OneOf(&["error", "warn", "info", "debug"]),
            default: Some("info"),
            reload: Reload::Live,
            about: "the least that is told",
        },
        Key {
            name: "format",
            kind: Kind::OneOf(&["auto", "text", "json"]),
            default: Some("auto"),
            reload: Reload::Live,
            about: "text for people, or a JSON object for each line; `auto` is text on a terminal and JSON elsewhere",
        },
    ],
};

/// What `[log]` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// The least that is told.
    pub(crate) level: Level,
    /// In which form.
    pub(crate) form: LogForm,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// What failed.
    Error,
    /// Also what somebody should look at.
    Warn,
    /// Also what was done.
    Info,
    /// Also every request.
    Debug,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogForm {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// An object for each line.
    Json,
}

/// What was written, understood.
pub(super) fn understand(written: &Written, problems: &mut Vec<Problem>) -> Option<LogSettings> {
    let mut read = Reader::new(Table::sole(&SECTION), written, problems);
    let level = read.entry("level").map(|entry| match entry.text.as_str() {
        "error" => Level::Error,
        "warn" => Level::Warn,
        "debug" => Level::Debug,
        _ => Level::Info,
    });
    let form = read.entry("format").map(|entry| match entry.text.as_str() {
        "text" => LogForm::Text,
        "json" => LogForm::Json,
        _ => LogForm::Auto,
    });
    #[cfg(test)]
    super::tests::every_key_was_asked_for(&SECTION, &read.asked);
    Some(LogSettings { level: level?, form: form? })
}
