//! Lists of damage and of remarks.

use formats::{Damage, Note, Survey};

use super::paint::paint;
use super::screen::{Detail, Screen};
use super::table::{Align, Cell, Table};
use super::{text, units};

/// How many damages are listed unless all are asked for: as many as one reads.
const LISTED: usize = 50;

/// How many remarks are shown unless all are asked for.
const NOTED: usize = 12;

/// Each damage with its place, its cause and what is lost; nothing when there is none.
pub(crate) fn damage_list(survey: &Survey, screen: &Screen) -> String {
    if survey.damage.is_empty() {
        return String::new();
    }
    let shown = if screen.detail == Detail::Full { usize::MAX } else { LISTED };
    let theme = &screen.theme;
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Left, Align::Left]);
    let titles = ["DAMAGE IN", "FROM BYTE", "TO BYTE", "LOST", "CAUSE"];
    table.titles(theme.dim, &titles);
    for damage in survey.damage.listed().iter().take(shown) {
        table.row([
            Cell::new(theme.bad, units::safe(&damage.file)),
            Cell::plain(place(damage, damage.start)),
            Cell::plain(place(damage, damage.end)),
            Cell::plain(lost(damage)),
            Cell::plain(units::safe(&damage.cause)),
        ]);
    }
    let listed = survey.damage.listed().len().min(shown) as u64;
    let more = survey.damage.count().saturating_sub(listed);
    if more > 0 {
        let hint = if shown == usize::MAX || survey.damage.listed().len() <= shown {
            "counted, but too many to list"
        } else {
            "-v lists them"
        };
        let text = format!("{} {} more ({hint})", screen.glyphs.more, units::count(more));
        table.line(Cell::new(theme.dim, text));
    }
    table.render()
}

/// A place in a file; what is missing as a whole has none.
fn place(damage: &Damage, at: u64) -> String {
    if damage.start == damage.end { String::new() } else { units::count(at) }
}

/// What a damage takes with it, in words.
fn lost(damage: &Damage) -> String {
    let bytes = units::size(damage.lost.bytes);
    match damage.lost.records {
        None if damage.lost.bytes == 0 => "unknown".to_owned(),
        Some(records) if records > 0 => format!("{}, {bytes}", units::counted(records, "record", "records")),
        _ => bytes,
    }
}

/// What all damage takes with it, in words.
///
/// Damage that takes no bytes that are there, such as a missing file, takes an amount that nobody knows.
pub(crate) fn lost_with_all(survey: &Survey) -> String {
    match survey.damage.lost_bytes() {
        0 => "how much is lost is not known".to_owned(),
        bytes => format!("{} lost", units::size(bytes)),
    }
}

/// The remarks; nothing when there is none.
pub(crate) fn notes(notes: &[Note], screen: &Screen) -> String {
    let shown = match screen.detail {
        Detail::Little => 0,
        Detail::Normal => NOTED,
        Detail::Full => usize::MAX,
    };
    let mut lines = Vec::new();
    for note in notes.iter().take(shown) {
        let place =
            if note.file.is_empty() { String::new() } else { format!("{}: ", units::safe(&note.file)) };
        let label = paint(screen.theme.dim, "note");
        lines.push(format!("  {label}  {place}{}", units::safe(&note.message)));
    }
    if shown > 0 && notes.len() > shown {
        let more = format!("{} {} more notes (-v shows them)", screen.glyphs.more, notes.len() - shown);
        lines.push(format!("  {}", paint(screen.theme.dim, &more)));
    }
    text::lines(&lines)
}
