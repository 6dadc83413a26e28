//! The OpenAPI document, made from the list of routes.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::route::{Access, Field, Gives, Route, Takes, routes};
use crate::client::LINES;

/// Answers with the document.
pub(super) fn document() -> Answer {
    Answer::json(StatusCode::OK, &openapi())
}

fn openapi() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            item.insert(route.method.as_str().to_ascii_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Seawall",
            "summary": "The HTTP interface of `seawall run`.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": error()},
        },
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["code", "message", "hint"],
            "properties": {
                "code": {"type": "string", "description": "a stable word"},
                "message": {"type": "string", "description": "what went wrong"},
                "hint": {"type": ["string", "null"], "description": "what to do"},
            },
        }},
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = Map::new();
    operation.insert("summary".to_owned(), json!(route.summary));
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), json!(parameters));
    }
    let content = match route.takes {
        Takes::Nothing => None,
        Takes::Events => {
            let any = json!({"schema": {}});
            let lines = |about| json!({"schema": {"type": "string", "description": about}});
            Some(json!({
                "application/x-ndjson": lines("one event, which is JSON, in each line"),
                LINES: lines("one event in each line, whatever is in it; an empty line is an empty event"),
                "*/*": any,
            }))
        }
        Takes::Ids => {
            let ids = json!({"type": "array", "items": {"type": "string"}});
            let schema = json!({"type": "object", "required": ["ids"], "properties": {"ids": ids}});
            Some(json!({"application/json": {"schema": schema}}))
        }
        Takes::Records => {
            let about = "a JSON object in each line: `sum`, and `data`, `text` or `base64`";
            let schema = json!({"type": "string", "description": about});
            Some(json!({"application/x-ndjson": {"schema": schema}}))
        }
        Takes::Mark => {
            let fields = json!({"id": {"type": "string"}, "done": {"type": "integer"}});
            let schema = json!({"type": "object", "required": ["id", "done"], "properties": fields});
            Some(json!({"application/json": {"schema": schema}}))
        }
    };
    if let Some(content) = content {
        operation.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    operation.insert("responses".to_owned(), responses(route));
    if route.access != Access::Open {
        // Only where a token is configured, and of what reads only where that is protected.
        operation.insert("security".to_owned(), json!([{"token": []}, {}]));
    }
    Value::Object(operation)
}

fn parameters(route: &Route) -> Vec<Value> {
    let braces = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = braces.map(|name| {
        let schema = json!({"type": "string"});
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    });
    let others = |place: &'static str, fields: &'static [Field]| {
        fields.iter().map(move |field| {
            let schema = json!({"type": field.kind});
            json!({"name": field.name, "in": place, "required": false, "description": field.about, "schema": schema})
        })
    };
    in_path.chain(others("query", route.query)).chain(others("header", route.headers)).collect()
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    responses.insert("2XX".to_owned(), good(route.gives));
    for (status, about) in route.statuses {
        responses.insert(status.to_string(), failure(about));
    }
    responses.insert("default".to_owned(), failure("it was not done"));
    Value::Object(responses)
}

fn failure(about: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/Error"});
    json!({"description": about, "content": {"application/json": {"schema": schema}}})
}

fn good(gives: Gives) -> Value {
    let (kind, schema) = match gives {
        Gives::Object(fields) => ("application/json", object(fields)),
        Gives::Lines(fields) => ("application/x-ndjson", object(fields)),
        Gives::Events(fields) => ("text/event-stream", object(fields)),
        Gives::Json => ("application/json", json!({"type": "object"})),
        Gives::JsonLines => ("application/x-ndjson", json!({"type": "object"})),
        Gives::File(kind) => (kind, json!({"type": "string", "format": "binary"})),
        Gives::Text => ("text/plain", json!({"type": "string"})),
    };
    json!({"description": "it was done", "content": {kind: {"schema": schema}}})
}

fn object(fields: &[Field]) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let kinds: Vec<&str> = field.kind.split('|').collect();
        let kind = if let [one] = kinds.as_slice() { json!(one) } else { json!(kinds) };
        properties.insert(field.name.to_owned(), json!({"type": kind, "description": field.about}));
    }
    let required: Vec<&str> = fields.iter().map(|field| field.name).collect();
    json!({"type": "object", "required": required, "properties": properties})
}
