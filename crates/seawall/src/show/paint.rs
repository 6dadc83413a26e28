//! Colours and characters, chosen once for what the terminal can show.

use anstyle::{AnsiColor, Style};

/// The styles in use; all of them plain where colour is not wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Theme {
    /// Titles and key figures.
    pub(crate) strong: Style,
    /// Labels and what can be skipped.
    pub(crate) dim: Style,
    /// All is well.
    pub(crate) good: Style,
    /// Worth attention.
    pub(crate) warn: Style,
    /// Damage.
    pub(crate) bad: Style,
    /// Bars.
    pub(crate) bar: Style,
}

impl Theme {
    /// Colours of the terminal's own palette, so that they fit its background.
    pub(crate) fn coloured() -> Self {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        Self {
            strong: Style::new().bold(),
            dim: Style::new().dimmed(),
            good: colour(AnsiColor::Green),
            warn: colour(AnsiColor::Yellow),
            bad: colour(AnsiColor::Red).bold(),
            bar: colour(AnsiColor::Cyan),
        }
    }
}

/// `text` in `style`.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// The characters that bars are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glyphs {
    /// A cell filled by one to eight eighths.
    pub(crate) eighths: [char; 8],
    /// A cell with damage in it.
    pub(crate) damaged: char,
    /// An empty cell of a gauge.
    pub(crate) empty: char,
    /// What is left out.
    pub(crate) more: &'static str,
}

impl Glyphs {
    /// Block elements.
    pub(crate) const UNICODE: Glyphs = Glyphs {
        eighths: [
            '\u{258f}', '\u{258e}', '\u{258d}', '\u{258c}', '\u{258b}', '\u{258a}', '\u{2589}', '\u{2588}',
        ],
        damaged: '\u{2573}',
        empty: '\u{b7}',
        more: "\u{2026}",
    };
    /// What every terminal has.
    pub(crate) const ASCII: Glyphs =
        Glyphs { eighths: ['-', '-', '-', '=', '=', '=', '#', '#'], damaged: 'X', empty: '.', more: "..." };
}
