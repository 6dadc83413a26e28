//! What a reader hands out: verified records, damage and notes, each with its place.

use std::borrow::Cow;
use std::ops::Range;

use crate::{Damage, Note, TimeRange, UnixTime};

/// One thing found in a part, in the order of the file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Byte range of it in the file.
    pub span: Range<u64>,
    /// What it is.
    pub body: Body,
}

/// A record that verified, a damage, or a note.
#[derive(Clone, Debug)]
pub enum Body {
    /// A record whose checksum and content were checked.
    Record(Record),
    /// A range that cannot be trusted.
    Damage(Damage),
    /// A remark.
    Note(Note),
}

/// A verified record in terms that every format shares, so that one dump and one tally serve them all.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its type, such as `samples`.
    pub kind: &'static str,
    /// Times inside it.
    pub times: Option<TimeRange>,
    /// New series that it declares.
    pub series: u64,
    /// Measured values (samples, rows, events, frames) in it.
    pub samples: u64,
    /// Its content, field by field, as a dump shows it.
    pub fields: Vec<(Cow<'static, str>, Value)>,
}

impl Record {
    /// A record of that kind with nothing in it.
    pub fn new(kind: &'static str) -> Self {
        Self { kind, times: None, series: 0, samples: 0, fields: Vec::new() }
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((Cow::Borrowed(name), value.into()));
        self
    }
}

/// A field's value.
///
/// Lists of things that belong to a series hold maps with a `ref`, and those that name one also hold `labels`:
/// filters rely on these two names.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Not known or not there.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number without sign.
    Unsigned(u64),
    /// A number with sign.
    Signed(i64),
    /// A floating-point number; NaN payloads count.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
    /// A point in time.
    Time(UnixTime),
    /// Values in order.
    List(Vec<Value>),
    /// Named values in order.
    Map(Vec<(Cow<'static, str>, Value)>),
}

impl Value {
    /// A map of the given fields.
    pub fn map<const N: usize>(fields: [(&'static str, Value); N]) -> Self {
        Value::Map(fields.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    }

    /// Text where the bytes are UTF-8, else the bytes.
    pub fn text_or_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(bytes.to_vec()),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Value::$variant(value.into())
            }
        }
    )*};
}

value_from!(bool => Bool, u64 => Unsigned, u32 => Unsigned, u16 => Unsigned, u8 => Unsigned, i64 => Signed,
    i32 => Signed, f64 => Float, String => Text, &str => Text, UnixTime => Time);

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Value::List(value)
    }
}
