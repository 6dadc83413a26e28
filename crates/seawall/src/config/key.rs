//! What can be written: the words that sections describe their keys with.

use super::secret::HIDDEN;

/// A table of the file, or several of the same name.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its name between brackets.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// How often it may stand there.
    pub(crate) occurs: Occurs,
    /// What can stand in it.
    pub(crate) keys: &'static [Key],
}

/// How often a section may stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occurs {
    /// Once, as `[name]`.
    Once,
    /// As often as one likes, as `[[name]]`. Since tables may change places, a running daemon takes all of its keys or none.
    Often,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name. One with a dot stands in a table of the section: `checkpoint.command` in `[watch.checkpoint]`.
    pub(crate) name: &'static str,
    /// What its value has to be.
    pub(crate) kind: Kind,
    /// Its value where none is written, as it would be written; nothing if it is not set then.
    pub(crate) default: Option<&'static str>,
    /// Whether a running daemon takes a new value.
    pub(crate) reload: Reload,
    /// What it is for.
    pub(crate) about: &'static str,
}

/// What a value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A path; relative ones are relative to where the daemon is started.
    Path,
    /// A number of bytes, with a unit or without one.
    Size,
    /// A span of time with units.
    Span,
    /// A number.
    Count,
    /// A share of a whole, 0 to 1.
    Share,
    /// By how much something grows, 1 to 100.
    Factor,
    /// `true` or `false`.
    Switch,
    /// Texts; in the environment they are separated by commas.
    List,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Text that is never shown. It may also lie in a file, which `<key>_file` names.
    Secret,
}

/// Whether a running daemon takes a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reload {
    /// With SIGHUP.
    Live,
    /// Only when it is started anew.
    Restart,
}

impl Section {
    /// It as it stands in a file.
    pub(crate) fn heading(&self) -> String {
        match self.occurs {
            Occurs::Once => format!("[{}]", self.name),
            Occurs::Often => format!("[[{}]]", self.name),
        }
    }

    /// Whether a running daemon takes other tables of it.
    pub(crate) fn is_live(&self) -> bool {
        self.keys.iter().all(|key| key.reload == Reload::Live)
    }

    /// The key of that name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    /// The variable that overrides it.
    pub(crate) fn variable(&self, section: &Section) -> String {
        format!("SEAWALL_{}_{}", section.name, self.name).replace('.', "_").to_ascii_uppercase()
    }

    /// A value of it as it may be shown.
    pub(crate) fn shown(&self, text: String) -> String {
        if self.kind == Kind::Secret { HIDDEN.to_owned() } else { text }
    }

    /// The key, and the variable, that names a file with a secret end in this.
    pub(crate) const FILE: &'static str = "_file";
}

impl Kind {
    /// What it is called where values are explained.
    pub(crate) fn label(self) -> String {
        match self {
            Kind::Text => "text".to_owned(),
            Kind::Path => "path".to_owned(),
            Kind::Size => "size".to_owned(),
            Kind::Span => "span of time".to_owned(),
            Kind::Count => "number".to_owned(),
            Kind::Share => "0 to 1".to_owned(),
            Kind::Factor => "1 to 100".to_owned(),
            Kind::Switch => "true or false".to_owned(),
            Kind::List => "list".to_owned(),
            Kind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Kind::Secret => "secret".to_owned(),
        }
    }
}
