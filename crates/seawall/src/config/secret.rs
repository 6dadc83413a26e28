//! Secrets: read from where they were put, and never shown.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use subtle::ConstantTimeEq;

use super::key::{Key, Section};
use super::{Entry, Origin, Problem};

/// Bytes of a secret at most: far more than any token has, and little to hold.
const LONGEST: u64 = 4096;

/// Letters of a token at least: what can be guessed is no secret.
const SHORTEST_TOKEN: usize = 16;

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// The secret of a key: as it stands there, or as the file that is named there holds it. Both at once are a mistake.
pub(super) fn choose(
    (section, key): (&Section, &Key),
    direct: Option<Entry>,
    named: Option<(&Path, Origin)>,
    problems: &mut Vec<Problem>,
) -> Option<Entry> {
    let Some((path, origin)) = named else { return direct };
    let key = format!("{}.{}", section.name, key.name);
    let mut refuse = |message| {
        problems.push(Problem { origin: origin.clone(), key: key.clone(), message });
        None
    };
    if direct.is_some() {
        return refuse("the secret is given itself, and a file with it too: keep one of the two".to_owned());
    }
    match read(path) {
        Ok(text) => Some(Entry { text, origin: Origin::SecretFile(path.to_owned()) }),
        Err(error) => refuse(format!("failed to read the secret in {}: {error}", path.display())),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

/// A bearer token. It can be compared, given away once, and shown to the daemon whose it is.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// Whether `given` is it; takes as long wherever the two differ.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }

    /// The header that shows it.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// It, for a library that compares it by itself.
    pub(crate) fn reveal(self) -> String {
        self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() < SHORTEST_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "a token has {SHORTEST_TOKEN} or more visible ASCII letters; `openssl rand -hex 32` makes one"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
