//! Numbers to bytes, the reverse of [`crate::Bytes`].

#![expect(clippy::big_endian_bytes, reason = "the format stores big-endian numbers")]

pub(super) fn uvarint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(low_seven(value) | 0x80);
        value >>= 7;
    }
    out.push(low_seven(value));
}

fn low_seven(value: u64) -> u8 {
    (value & 0x7f) as u8
}

pub(super) fn varint(value: i64, out: &mut Vec<u8>) {
    uvarint(((value << 1) ^ (value >> 63)).cast_unsigned(), out);
}

pub(super) fn u64(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn i64(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn f64(value: f64, out: &mut Vec<u8>) {
    u64(value.to_bits(), out);
}

pub(super) fn text(text: &[u8], out: &mut Vec<u8>) {
    uvarint(text.len() as u64, out);
    out.extend_from_slice(text);
}
