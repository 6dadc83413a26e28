//! What went wrong, as people read it.

use formats::DetectError;

use super::paint::paint;
use super::screen::Screen;
use super::{text, units};
use crate::failure::Failure;

/// Operation, object, cause, and what to do.
pub(crate) fn failure(failure: &Failure, screen: &Screen) -> String {
    let theme = &screen.theme;
    let mut lines = vec![format!("{} {}", paint(theme.bad, "seawall:"), message(failure, screen))];
    lines.extend(failure.hint().map(|hint| format!("  {} {hint}", paint(theme.dim, "hint:"))));
    text::lines(&lines)
}

/// A path that is no log takes more than a line: what was found, and what was looked for.
fn message(failure: &Failure, screen: &Screen) -> String {
    let Failure::Detect(DetectError::Unknown { path, found, looked_for }) = failure else {
        // A configuration has a line for each thing that is wrong with it.
        return failure.to_string().lines().map(units::safe).collect::<Vec<_>>().join("\n");
    };
    let label = |text: &str| paint(screen.theme.dim, text);
    let mut lines = vec![format!("{} is no log that is known", units::safe(&path.to_string_lossy()))];
    lines.push(format!("  {} {}", label("found:     "), units::safe(found)));
    for (index, format) in looked_for.split("; ").enumerate() {
        let title = if index == 0 { "looked for:" } else { "           " };
        lines.push(format!("  {} {}", label(title), units::safe(format)));
    }
    lines.join("\n")
}
