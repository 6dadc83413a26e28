//! What the daemon tells while it runs: one line for each event, on standard error.
//!
//! Libraries make events with `tracing` and know nothing of where they go. Spans are not kept: a line says by itself what it
//! is about. Everything in a line passes [`units::safe`] or JSON, whose escapes do the same: what a client sends must not
//! steer a terminal.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use formats::UnixTime;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::clock;
use crate::config::{self, LogForm, LogSettings};
use crate::show::units;
use crate::times;

/// The form and the level that count now.
#[derive(Clone, Default)]
pub(super) struct Dial(Arc<(AtomicU8, AtomicU8)>);

const TEXT: u8 = 0;
const JSON: u8 = 1;

impl Dial {
    /// Begins the log of this process.
    pub(super) fn begin(settings: LogSettings) -> Self {
        let dial = Self::default();
        dial.set(settings);
        // A second one in the same process is a test's, and the first one goes on.
        set_global_default(Log(dial.clone())).ok();
        dial
    }

    /// Follows a new configuration.
    pub(super) fn set(&self, settings: LogSettings) {
        let form = match settings.form {
            LogForm::Json => JSON,
            LogForm::Auto if !io::stderr().is_terminal() => JSON,
            LogForm::Auto | LogForm::Text => TEXT,
        };
        self.0.0.store(form, Ordering::Relaxed);
        self.0.1.store(
            rank(match settings.level {
                config::Level::Error => Level::ERROR,
                config::Level::Warn => Level::WARN,
                config::Level::Info => Level::INFO,
                config::Level::Debug => Level::DEBUG,
            }),
            Ordering::Relaxed,
        );
    }
}

fn rank(level: Level) -> u8 {
    match level {
        Level::ERROR => 0,
        Level::WARN => 1,
        Level::INFO => 2,
        Level::DEBUG => 3,
        Level::TRACE => 4,
    }
}

struct Log(Dial);

impl Subscriber for Log {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Asked each time: the level may change.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && rank(*metadata.level()) <= self.0.0.1.load(Ordering::Relaxed)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = match self.0.0.0.load(Ordering::Relaxed) {
            JSON => fields.json(*event.metadata().level()),
            _ => fields.text(*event.metadata().level()),
        };
        // Nobody may be listening.
        io::stderr().lock().write_all(line.as_bytes()).ok();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The present, to the millisecond.
fn time() -> Option<String> {
    times::rfc3339(UnixTime::from_millis(clock::millis().get()))
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn text(&self, level: Level) -> String {
        let time = time().unwrap_or_default();
        let mut line = format!("{time} {level:5} {}", units::safe(&self.message));
        for (name, value) in &self.others {
            let shown = match value {
                Value::String(text) if text.contains([' ', '"']) || text.is_empty() => format!("{text:?}"),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            write!(line, " {name}={}", units::safe(&shown)).ok();
        }
        line.push('\n');
        line
    }

    fn json(self, level: Level) -> String {
        let mut object = Map::new();
        object.insert("time".to_owned(), json!(time()));
        object.insert("level".to_owned(), json!(level.as_str().to_ascii_lowercase()));
        object.insert("message".to_owned(), json!(self.message));
        object.extend(self.others.into_iter().map(|(name, value)| (name.to_owned(), value)));
        format!("{}\n", Value::Object(object))
    }

    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, json!(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, json!(value));
    }
}
