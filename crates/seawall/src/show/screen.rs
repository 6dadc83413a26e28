//! What the process writes to, and what that can show.

use std::io::{self, BufRead, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

use super::paint::{Glyphs, Theme, paint};
use crate::cli::OutputArgs;
use crate::failure::Failure;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What matters alone.
    Little,
    /// What fits on a screen or two.
    Normal,
    /// All of it.
    Full,
}

/// Whether progress is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// On standard error.
    Progress,
    /// Nowhere.
    Silent,
}

/// Where text goes and how it may look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Styles of standard output.
    pub(crate) theme: Theme,
    /// Styles of standard error.
    pub(crate) aside: Theme,
    /// Characters of bars.
    pub(crate) glyphs: Glyphs,
    /// Columns.
    pub(crate) width: usize,
    /// How much is told.
    pub(crate) detail: Detail,
    /// Whether progress is drawn.
    pub(crate) talk: Talk,
}

/// Wide enough for a table, narrow enough for a log viewer.
const WIDTH_WITHOUT_TERMINAL: usize = 110;

impl Screen {
    /// The process's own standard output and error.
    pub(crate) fn of_the_process(output: OutputArgs) -> Self {
        let detail = match (output.quiet, output.verbose) {
            (0, 0) => Detail::Normal,
            (0, _) => Detail::Full,
            _ => Detail::Little,
        };
        let talk =
            if output.quiet == 0 && io::stderr().is_terminal() { Talk::Progress } else { Talk::Silent };
        let theme = |choice| if choice == ColorChoice::Never { Theme::default() } else { Theme::coloured() };
        Self {
            theme: theme(AutoStream::choice(&io::stdout())),
            aside: theme(AutoStream::choice(&io::stderr())),
            glyphs: if speaks_utf8() { Glyphs::UNICODE } else { Glyphs::ASCII },
            width: width(),
            detail,
            talk,
        }
    }

    /// The same screen for text that goes to standard error.
    #[must_use]
    pub(crate) fn beside(&self) -> Self {
        Self { theme: self.aside, ..*self }
    }

    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            theme: Theme::default(),
            aside: Theme::default(),
            glyphs: Glyphs::ASCII,
            width: 100,
            detail: Detail::Normal,
            talk: Talk::Silent,
        }
    }
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Writes a JSON document to standard output.
pub(crate) fn print_json(document: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{document:#}\n"))
}

/// Writes text to standard error, where nobody may be listening.
pub(crate) fn tell(text: &str) {
    io::stderr().lock().write_all(text.as_bytes()).ok();
}

/// What somebody at a terminal answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    /// Also where nobody can be asked.
    No,
}

/// Asks whether to go on, where there is somebody to ask: both ends of the conversation have to be terminals.
pub(crate) fn ask(screen: &Screen, question: &str) -> Answer {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Answer::No;
    }
    tell(&format!("{} [y/N] ", paint(screen.aside.strong, question)));
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let yes = ["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str());
    if read.is_ok() && yes { Answer::Yes } else { Answer::No }
}

/// Writes a hint to standard error unless only what matters is told.
pub(crate) fn hint(screen: &Screen, text: &str) {
    if screen.detail != Detail::Little {
        tell(&format!("seawall: {text}\n"));
    }
}

fn width() -> usize {
    let ask = || rustix::termios::tcgetwinsize(io::stdout()).ok();
    let columns = ask().map_or(0, |size| usize::from(size.ws_col));
    // A terminal that does not know its width answers 0.
    if columns == 0 { WIDTH_WITHOUT_TERMINAL } else { columns }
}

/// Whether the locale, as the first of these that is set says it, can show more than ASCII.
fn speaks_utf8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
