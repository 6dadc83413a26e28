//! The JSON Schema of `seawall.toml`, for editors: made from the same lists that it is parsed with.

use serde_json::{Value, json};

use super::SECTIONS;
use super::key::{Key, Kind, Occurs, Section};

/// The schema.
pub(crate) fn schema() -> Value {
    let mut properties = serde_json::Map::new();
    for section in SECTIONS {
        let table = match section.occurs {
            Occurs::Once => table(section),
            Occurs::Often => json!({"type": "array", "items": table(section)}),
        };
        properties.insert(section.name.to_owned(), table);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seawall.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn table(section: &Section) -> Value {
    let mut properties = serde_json::Map::new();
    for key in section.keys {
        enter(&mut properties, key.name, property(key));
        if key.kind == Kind::Secret {
            let about = format!("a file that holds {}", key.about);
            let name = format!("{}{}", key.name, Key::FILE);
            enter(&mut properties, &name, json!({"type": "string", "description": about}));
        }
    }
    json!({
        "type": "object",
        "description": section.about,
        "additionalProperties": false,
        "properties": properties,
    })
}

/// Puts a key where it stands: behind a dot, in the table of that name.
fn enter(properties: &mut serde_json::Map<String, Value>, name: &str, property: Value) {
    let Some((outer, inner)) = name.split_once('.') else {
        properties.insert(name.to_owned(), property);
        return;
    };
    let empty = json!({"type": "object", "additionalProperties": false, "properties": {}});
    if let Some(Value::Object(inside)) = properties.entry(outer).or_insert(empty).get_mut("properties") {
        inside.insert(inner.to_owned(), property);
    }
}

fn property(key: &Key) -> Value {
    let mut property = match key.kind {
        Kind::Switch => json!({"type": "boolean"}),
        Kind::Count => json!({"type": "integer", "minimum": 0}),
        Kind::Share => json!({"type": "number", "minimum": 0, "maximum": 1}),
        Kind::Factor => json!({"type": "number", "minimum": 1, "maximum": 100}),
        Kind::List => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Size => json!({"type": ["string", "integer"]}),
        Kind::OneOf(words) => json!({"type": "string", "enum": words}),
        Kind::Text | Kind::Path | Kind::Span | Kind::Secret => json!({"type": "string"}),
    };
    let default = key.default.map(|text| match key.kind {
        Kind::Switch => json!(text == "true"),
        Kind::Count => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
        Kind::Share | Kind::Factor => {
            text.parse::<f64>().map_or_else(|_| json!(text), |number| json!(number))
        }
        _ => json!(text),
    });
    if let Value::Object(object) = &mut property {
        object.insert("description".to_owned(), json!(key.about));
        object.extend(default.map(|default| ("default".to_owned(), default)));
    }
    property
}
