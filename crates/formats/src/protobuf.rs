//! Walking protobuf messages field by field, without a schema and without allocating.

use crate::{Bytes, Malformed};

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Its number.
    pub(crate) number: u64,
    /// Its value as far as the wire tells.
    pub(crate) value: Wire<'a>,
}

/// A value as it lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire<'a> {
    /// An integer, boolean or enumeration.
    Varint(u64),
    /// A number of eight bytes.
    Fixed64(u64),
    /// A string, bytes, a message or packed numbers.
    Bytes(&'a [u8]),
    /// A number of four bytes.
    Fixed32(u32),
}

/// Reads the next field; `None` at the end of the message.
///
/// Groups are refused: no message that is read here has ever had one.
pub(crate) fn next_field<'a>(bytes: &mut Bytes<'a>) -> Result<Option<Field<'a>>, Malformed> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let tag = bytes.uvarint("protobuf: tag")?;
    let number = tag >> 3;
    if number == 0 {
        return Err(bytes.malformed("protobuf: field number zero"));
    }
    let value = match tag & 7 {
        0 => Wire::Varint(bytes.uvarint("protobuf: varint")?),
        1 => Wire::Fixed64(bytes.u64_le("protobuf: fixed64")?),
        2 => {
            let len = bytes.length("protobuf: length runs past the end")?;
            Wire::Bytes(bytes.take(len, "protobuf: bytes")?)
        }
        5 => Wire::Fixed32(bytes.u32_le("protobuf: fixed32")?),
        _ => return Err(bytes.malformed("protobuf: unknown wire type")),
    };
    Ok(Some(Field { number, value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wire_type_is_read_and_the_end_is_the_end() {
        let message = [0x08, 0x96, 0x01, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x1a, 2, b'h', b'i', 0x25, 9, 0, 0, 0];
        let mut bytes = Bytes::new(&message);
        let mut fields = Vec::new();
        while let Some(field) = next_field(&mut bytes).unwrap() {
            fields.push((field.number, field.value));
        }
        let expected =
            [(1, Wire::Varint(150)), (2, Wire::Fixed64(1)), (3, Wire::Bytes(b"hi")), (4, Wire::Fixed32(9))];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_length_past_the_end_a_group_and_field_zero_are_malformed() {
        for message in [&[0x0a, 5, 1][..], &[0x0b], &[0x00, 1], &[0xff]] {
            assert!(next_field(&mut Bytes::new(message)).is_err(), "{message:?}");
        }
    }
}
