//! The names of archives.

use crate::format::sum;

/// What every archive ends with.
pub const ENDING: &str = ".wal.zst";

/// Bytes of a name that are kept as they are. File systems take 255, and an ending and a number have to fit behind.
const LONGEST: usize = 200;

/// The name of a stream as a file's name, without the ending: percent-encoded; if that is long, cut, and told from others
/// by a sum.
pub fn encode(stream: &str) -> String {
    let plain = |at: usize, byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || byte == b'.' && at > 0
    };
    let letter = |(at, byte): (usize, u8)| {
        if plain(at, byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    let mut name: String = stream.bytes().enumerate().map(letter).collect();
    if name.len() > LONGEST {
        name.truncate(LONGEST);
        name = format!("{name}~{:016x}", sum(stream.as_bytes()));
    }
    name
}

/// The name of the `number`th archive of a stream: a name may be used again after its stream has ended.
pub(super) fn archive(stream: &str, number: u32) -> String {
    let name = encode(stream);
    if number <= 1 { format!("{name}{ENDING}") } else { format!("{name}~{number}{ENDING}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_out_of_no_directory_and_is_not_hidden() {
        assert_eq!(archive("job-1", 1), "job-1.wal.zst");
        assert_eq!(archive("../a b\u{e4}", 1), "%2E.%2Fa%20b%C3%A4.wal.zst");
        assert_eq!(archive("job-1", 3), "job-1~3.wal.zst");
    }

    #[test]
    fn long_names_that_begin_alike_are_told_apart() {
        let (a, b) = (format!("{}a", "x".repeat(400)), format!("{}b", "x".repeat(400)));
        assert_ne!(archive(&a, 1), archive(&b, 1));
        assert!(archive(&a, 99).len() < 255);
    }
}
