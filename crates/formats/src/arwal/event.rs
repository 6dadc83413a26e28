//! The payload of a record: the outer fields of a `JobEvent` message.

use crate::protobuf::{Wire, next_field};
use crate::{Bytes, Malformed, Value};

const TYPES: [&str; 16] = [
    "unspecified",
    "process-start",
    "process-end",
    "process-error",
    "heartbeat",
    "output",
    "terminal-resize",
    "output-batch",
    "container-create",
    "container-remove",
    "image-pull-start",
    "image-pull-progress",
    "image-pull-complete",
    "git-clone-start",
    "git-clone-end",
    "git-clone-error",
];

/// The name of the event's type, or its number where the name is not known; `None` when the payload is no such
/// message.
pub(super) fn event_type(payload: &[u8]) -> Option<Value> {
    let number = type_number(payload).ok()?;
    let name = usize::try_from(number).ok().and_then(|index| TYPES.get(index));
    Some(name.map_or_else(|| Value::from(number), |name| Value::from(*name)))
}

/// The type is field 3; the fields before it are the sequence and the time, those behind it the content.
fn type_number(payload: &[u8]) -> Result<u64, Malformed> {
    let mut bytes = Bytes::new(payload);
    let mut number = 0;
    while let Some(field) = next_field(&mut bytes)? {
        if let (3, Wire::Varint(value)) = (field.number, field.value) {
            number = value;
        }
    }
    Ok(number)
}
