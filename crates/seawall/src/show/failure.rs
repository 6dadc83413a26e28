//! What went wrong, as people read it.

use formats::DetectError;

use super::paint::paint;
use super::screen::Screen;
use super::units;
use crate::failure::Failure;

/// Operation, object, cause, and what to do.
pub(crate) fn failure(failure: &Failure, screen: &Screen) -> String {
    let theme = &screen.theme;
    let mut text = format!("{} {}\n", paint(theme.bad, "seawall:"), message(failure, screen));
    if let Some(hint) = failure.hint() {
        text.push_str(&format!("  {} {hint}\n", paint(theme.dim, "hint:")));
    }
    text
}

/// A path that is no log takes more than a line: what was found, and what was looked for.
fn message(failure: &Failure, screen: &Screen) -> String {
    let Failure::Detect(DetectError::Unknown { path, found, looked_for }) = failure else {
        return units::safe(&failure.to_string());
    };
    let label = |text: &str| paint(screen.theme.dim, text);
    let mut text = format!("{} is no log that is known", units::safe(&path.to_string_lossy()));
    text.push_str(&format!("\n  {} {}", label("found:     "), units::safe(found)));
    for (index, format) in looked_for.split("; ").enumerate() {
        let title = if index == 0 { "looked for:" } else { "           " };
        text.push_str(&format!("\n  {} {}", label(title), units::safe(format)));
    }
    text
}
