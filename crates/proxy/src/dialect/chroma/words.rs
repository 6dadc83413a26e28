//! How names and ids are written in paths.

/// A segment of a path, or a value of a query, without its escapes.
pub(super) fn decoded(segment: &str) -> String {
    let mut parts = segment.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend(part.bytes().skip(2));
            }
            None => {
                out.push(b'%');
                out.extend(part.bytes());
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A word that can stand in a path as one segment, and between slashes in a key.
pub(super) fn encoded(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&byte);
    let escaped = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    word.bytes().map(escaped).collect()
}

/// An id in the one way in which it is kept, whichever of the usual ways it was written in.
pub(super) fn uuid(word: &str) -> Option<String> {
    let digits: String =
        word.chars().filter(|letter| *letter != '-').map(|letter| letter.to_ascii_lowercase()).collect();
    let whole = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let part = |from: usize, to: usize| digits.get(from..to);
    let parts = [part(0, 8)?, part(8, 12)?, part(12, 16)?, part(16, 20)?, part(20, 32)?];
    whole.then(|| parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_from_a_path_as_it_was() {
        for name in ["books", "a/b", "100%", "%2F", "k\u{e4}se", "a b?c#d", ""] {
            assert_eq!(decoded(&encoded(name)), name);
        }
        assert_eq!(encoded("a/b"), "a%2Fb");
    }

    #[test]
    fn an_escape_that_is_none_stays_as_it_is() {
        for word in ["%", "%4", "%zz", "%+1"] {
            assert_eq!(decoded(word), word);
        }
    }

    #[test]
    fn an_id_is_one_however_it_is_written() {
        let id = "851abada-507e-42c4-bdf6-e01da9a73a1e";
        for written in [id, "851ABADA-507E-42C4-BDF6-E01DA9A73A1E", "851abada507e42c4bdf6e01da9a73a1e"] {
            assert_eq!(uuid(written).as_deref(), Some(id));
        }
        for none in ["books", "", "851abada", "851abada-507e-42c4-bdf6-e01da9a73a1g"] {
            assert_eq!(uuid(none), None);
        }
    }
}
