//! Which Debian mirror this machine uses. The repository names none: the machine knows what it can reach.

use std::fs;
use std::path::Path;

/// Where Debian's packages keep the keys of all its releases.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A Debian mirror, taken from the machine's own package sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// Where it is, as apt understands it.
    pub(crate) uri: String,
    /// The keys that sign it: a file's path, or a key in full as deb822 sources may hold it.
    pub(crate) signed_by: String,
    /// The release that this machine runs.
    pub(crate) suite: String,
}

impl Mirror {
    /// The mirror from which this machine takes its own release's packages.
    pub(crate) fn of_this_machine() -> Result<Self, String> {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let suite = os_release(&release, "VERSION_CODENAME").unwrap_or_default();
        if os_release(&release, "ID") != Some("debian") || suite.is_empty() {
            return Err(
                "this machine is not a Debian release, and only Debian's packages are fetched".to_owned()
            );
        }
        let found = source_files().iter().find_map(|(text, style)| match style {
            Style::Stanzas => from_stanzas(text, suite),
            Style::Lines => from_lines(text, suite),
        });
        found.ok_or_else(|| format!("no source under /etc/apt names a mirror for Debian {suite}"))
    }
}

/// How a file lists package sources.
#[derive(Clone, Copy)]
enum Style {
    /// `*.sources`: one paragraph of fields for each source.
    Stanzas,
    /// `*.list`: one line for each source.
    Lines,
}

/// Every file in which apt looks for sources.
fn source_files() -> Vec<(String, Style)> {
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten();
    let mut paths: Vec<_> = parts.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.push("/etc/apt/sources.list".into());
    paths.sort();
    let read = |path: &Path| {
        let style = match path.extension()?.to_str()? {
            "sources" => Style::Stanzas,
            "list" => Style::Lines,
            _ => return None,
        };
        Some((fs::read_to_string(path).ok()?, style))
    };
    paths.iter().filter_map(|path| read(path)).collect()
}

/// A field of `/etc/os-release`.
fn os_release<'text>(text: &'text str, field: &str) -> Option<&'text str> {
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix('='))?;
    Some(line.trim_matches('"'))
}

/// The first source in deb822 style that offers `suite`.
fn from_stanzas(text: &str, suite: &str) -> Option<Mirror> {
    // A comment may stand between the lines of one stanza.
    let bare: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    bare.join("\n").split("\n\n").find_map(|stanza| {
        let has = |name: &str, word: &str| {
            field(stanza, name).is_some_and(|value| value.split_whitespace().any(|have| have == word))
        };
        let enabled = field(stanza, "Enabled").is_none_or(|value| value.trim() != "no");
        if !(enabled && has("Types", "deb") && has("Suites", suite) && has("Components", "main")) {
            return None;
        }
        let uri = field(stanza, "URIs")?.split_whitespace().next()?.to_owned();
        let signed_by = field(stanza, "Signed-By").unwrap_or_else(|| KEYRING.to_owned());
        Some(Mirror { uri, signed_by, suite: suite.to_owned() })
    })
}

/// A field's value with its continuation lines, which is how a key stands there in full.
fn field(stanza: &str, name: &str) -> Option<String> {
    let mut lines = stanza.lines().skip_while(|line| {
        !line
            .split_once(':')
            .is_some_and(|(have, _)| have.eq_ignore_ascii_case(name) && !line.starts_with(' '))
    });
    let (_, first) = lines.next()?.split_once(':')?;
    let rest = lines.take_while(|line| line.starts_with([' ', '\t']));
    Some(rest.fold(first.trim().to_owned(), |value, line| format!("{value}\n{line}")))
}

/// The first source in the one-line style that offers `suite`: `deb [options] URI SUITE COMPONENT...`.
fn from_lines(text: &str, suite: &str) -> Option<Mirror> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("deb ")?.trim();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace();
        let (uri, offered) = (words.next()?, words.next()?);
        if offered != suite || !words.any(|component| component == "main") {
            return None;
        }
        let keys = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        Some(Mirror {
            uri: uri.to_owned(),
            signed_by: keys.unwrap_or(KEYRING).to_owned(),
            suite: suite.to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_counts_when_it_is_enabled_and_offers_the_release_itself() {
        let text = "\
# The security archive holds no whole release.
Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb deb-src
# A comment inside.
URIs: http://mirror.example/debian http://second.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /etc/keys/own.gpg
";
        let mirror = from_stanzas(text, "bookworm").unwrap();
        assert_eq!(mirror.uri, "http://mirror.example/debian");
        assert_eq!(mirror.signed_by, "/etc/keys/own.gpg");
        assert_eq!(from_stanzas(text, "trixie"), None);
    }

    #[test]
    fn a_key_that_stands_in_a_stanza_is_kept_in_full() {
        let text = "Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\n\
                    Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n";
        let mirror = from_stanzas(text, "trixie").unwrap();
        assert_eq!(
            mirror.signed_by,
            "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----"
        );
    }

    #[test]
    fn a_line_counts_with_and_without_options() {
        let text = "\
# deb http://comment.example/debian bookworm main
deb-src http://sources.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/etc/keys/own.gpg] http://mirror.example/debian bookworm contrib main
deb http://plain.example/debian trixie main
";
        let mirror = from_lines(text, "bookworm").unwrap();
        assert_eq!(
            (mirror.uri.as_str(), mirror.signed_by.as_str()),
            ("http://mirror.example/debian", "/etc/keys/own.gpg")
        );
        assert_eq!(from_lines(text, "trixie").unwrap().signed_by, KEYRING);
        assert_eq!(from_lines(text, "sid"), None);
    }

    #[test]
    fn the_release_is_known_by_its_code_name_quoted_or_not() {
        let text = "PRETTY_NAME=\"Debian\"\nVERSION_CODENAME=bookworm\nID=\"debian\"\n";
        assert_eq!(os_release(text, "VERSION_CODENAME"), Some("bookworm"));
        assert_eq!(os_release(text, "ID"), Some("debian"));
        assert_eq!(os_release(text, "VERSION"), None);
    }
}
