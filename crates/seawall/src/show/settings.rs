//! The values of a configuration, as people read them.

use super::paint::paint;
use super::screen::Screen;
use super::{text, units};
use crate::commands::config::Row;

/// A line for each key: its name, its value, where that comes from.
pub(crate) fn settings(rows: &[Row], screen: &Screen) -> String {
    let value = |row: &Row| row.value.as_deref().map_or_else(|| "-".to_owned(), units::safe);
    let widest = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (keys, values) = (widest(&|row| row.key.len()), widest(&|row| value(row).chars().count()));
    let line = |row: &Row| {
        let origin = row
            .origin
            .as_ref()
            .map_or_else(|| "not set".to_owned(), |origin| units::safe(&origin.to_string()));
        let padded = format!("{:values$}", value(row));
        format!("{:keys$}  {padded}  {}", row.key, paint(screen.theme.dim, &origin))
    };
    text::lines(&rows.iter().map(line).collect::<Vec<_>>())
}
