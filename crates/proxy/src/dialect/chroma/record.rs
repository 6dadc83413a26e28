//! Records of collections in answers: what they say, and the same bytes with other ids.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::endpoint::Place;
use super::shelf::MAX_RECORD;
use super::words::uuid;

/// What is read of a record.
#[derive(Debug, Deserialize)]
pub(super) struct Record<'a> {
    /// As it stands in the answer, where it can be replaced.
    #[serde(borrow)]
    id: &'a str,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    tenant: Cow<'a, str>,
    #[serde(borrow)]
    database: Cow<'a, str>,
    /// The whole record.
    #[serde(skip)]
    text: &'a str,
}

impl<'a> Record<'a> {
    /// The records of an answer: one, or a list of them. Whatever else it is holds none.
    pub(super) fn all_in(body: &'a str) -> Vec<Self> {
        let list = serde_json::from_str::<Vec<&RawValue>>(body);
        let texts = list.unwrap_or_else(|_| serde_json::from_str::<&RawValue>(body).into_iter().collect());
        texts.into_iter().filter_map(|text| Self::read(text.get())).collect()
    }

    /// The record that an answer is.
    pub(super) fn only_one_in(body: &'a str) -> Option<Self> {
        Self::read(body)
    }

    fn read(text: &'a str) -> Option<Self> {
        let record: Self = serde_json::from_str(text).ok()?;
        Some(Self { text, ..record })
    }

    /// The server's id.
    pub(super) fn id(&self) -> String {
        uuid(self.id).unwrap_or_else(|| self.id.to_owned())
    }

    pub(super) fn place(&self) -> Place {
        Place { tenant: self.tenant.clone().into_owned(), database: self.database.clone().into_owned() }
    }

    /// The record with another id, otherwise byte for byte.
    pub(super) fn with_id(&self, id: &str) -> String {
        replaced(self.text, &[(self.id, id.to_owned())])
    }
}

/// An answer with other ids in its records, otherwise byte for byte: numbers are never read and written again.
pub(super) fn with_ids(body: &str, id_for: impl Fn(&str) -> Option<String>) -> String {
    let records = Record::all_in(body);
    let ids: Vec<_> = records.iter().filter_map(|record| Some((record.id, id_for(&record.id())?))).collect();
    replaced(body, &ids)
}

/// A text in which parts of it, in their order, are replaced.
fn replaced(text: &str, parts: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (part, instead) in parts {
        // The part is borrowed from the text, so where it lies says at which byte it begins.
        let at = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        out += text.get(from..at).unwrap_or_default();
        out += instead;
        from = at.saturating_add(part.len());
    }
    out + text.get(from..).unwrap_or_default()
}

/// What is read of a request that creates a collection, a database or a tenant.
#[derive(Debug, Deserialize)]
pub(super) struct Creation<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(default)]
    pub(super) get_or_create: Option<bool>,
    // Left as text: as values they would take many times the memory, and are needed for promises alone.
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    configuration: Option<&'a RawValue>,
    #[serde(borrow, default)]
    schema: Option<&'a RawValue>,
}

impl<'a> Creation<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// The record of the collection that will be created, as a server would answer it.
    pub(super) fn record(&self, id: &str, place: &Place) -> Value {
        let Place { tenant, database } = place;
        let mut record = json!({
            "id": id,
            "name": self.name,
            "configuration_json": self.configuration(),
            "metadata": value_of(self.metadata),
            "dimension": null,
            "tenant": tenant,
            "database": database,
            "log_position": 0,
            "version": 0,
        });
        // A server makes a schema of the configuration. Without one the client does so, too.
        if let (schema @ Value::Object(_), Some(fields)) = (value_of(self.schema), record.as_object_mut()) {
            fields.insert("schema".to_owned(), schema);
        }
        record
    }

    /// The defaults of the server, and over them what is asked for.
    fn configuration(&self) -> Value {
        let mut hnsw = json!({
            "space": "l2", "ef_construction": 100, "ef_search": 100, "max_neighbors": 16,
            "resize_factor": 1.2, "sync_threshold": 1000,
        });
        let asked = value_of(self.configuration);
        let field = |name: &str| asked.get(name).filter(|value| !value.is_null());
        let over: Option<&Map<String, Value>> = field("hnsw").and_then(Value::as_object);
        for (name, value) in over.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            if let Some(fields) = hnsw.as_object_mut() {
                fields.insert(name.clone(), value.clone());
            }
        }
        json!({"hnsw": hnsw, "spann": field("spann"), "embedding_function": field("embedding_function")})
    }
}

/// A part of a request as a value, unless it is too large to be promised.
fn value_of(text: Option<&RawValue>) -> Value {
    let text = text.map(RawValue::get).filter(|text| text.len() <= MAX_RECORD);
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What is read of a request that modifies a collection.
#[derive(Debug, Deserialize)]
pub(super) struct Modification<'a> {
    #[serde(borrow, default)]
    pub(super) new_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    new_metadata: Option<&'a RawValue>,
}

impl<'a> Modification<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// The record of the collection after it.
    pub(super) fn applied_to(&self, record: &str) -> Option<String> {
        let mut record: Value = serde_json::from_str(record).ok()?;
        let fields = record.as_object_mut()?;
        if let Some(name) = &self.new_name {
            fields.insert("name".to_owned(), json!(name));
        }
        if self.new_metadata.is_some() {
            fields.insert("metadata".to_owned(), value_of(self.new_metadata));
        }
        Some(record.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "851abada-507e-42c4-bdf6-e01da9a73a1e";
    const TWO: &str = "9e715ca4-5a8c-4f90-baaa-8d5ed0bd889c";

    fn record(id: &str, metadata: &str) -> String {
        format!(
            r#"{{"id":"{id}","name":"a\"b","metadata":{metadata},"tenant":"t","database":"d","dimension":null}}"#
        )
    }

    #[test]
    fn only_ids_of_records_are_replaced_and_every_other_byte_stays() {
        let metadata =
            format!(r#"{{"id":"{ONE}", "other":"\"id\":\"{ONE}\"", "n":1.00000000000000000001e-7}}"#);
        let body = format!("[{}, {}]", record(ONE, &metadata), record(TWO, "null"));
        let swapped = with_ids(&body, |id| (id == ONE).then(|| TWO.to_owned()));
        assert_eq!(swapped, format!("[{}, {}]", record(TWO, &metadata), record(TWO, "null")));
        assert_eq!(
            Record::only_one_in(&record(ONE, &metadata)).unwrap().with_id(TWO),
            record(TWO, &metadata)
        );
    }

    #[test]
    fn what_is_no_record_stays_as_it_is() {
        for body in ["", "7", "[]", "{}", "[7]", "nonsense", r#"{"id":7}"#, r#"[{"id":"x"}]"#] {
            assert_eq!(with_ids(body, |_| Some(TWO.to_owned())), body);
        }
    }

    #[test]
    fn a_promised_record_has_what_was_asked_for_over_the_defaults() {
        let body = br#"{"name":"abc","metadata":{"a":1},"get_or_create":true,
            "configuration":{"hnsw":{"space":"cosine"},"spann":null,"embedding_function":{"type":"known"}}}"#;
        let creation = Creation::read(body).unwrap();
        let record = creation.record(ONE, &Place::default());
        assert_eq!(creation.get_or_create, Some(true));
        assert_eq!(record["configuration_json"]["hnsw"]["space"], "cosine");
        assert_eq!(record["configuration_json"]["hnsw"]["ef_search"], 100);
        assert_eq!(record["configuration_json"]["embedding_function"]["type"], "known");
        assert_eq!((&record["metadata"]["a"], &record["database"]), (&json!(1), &json!("default_database")));
    }

    #[test]
    fn a_modification_replaces_what_it_names() {
        let modification = Modification::read(br#"{"new_name":"new","new_metadata":null}"#).unwrap();
        let changed = modification.applied_to(&record(ONE, r#"{"k":1}"#)).unwrap();
        assert!(
            changed.contains(r#""name":"new""#) && changed.contains(r#""metadata":{"k":1}"#),
            "{changed}"
        );
    }
}
