//! Bars: how large a file is beside the largest, and where in it the damage lies.

use std::ops::Range;

use anstyle::Style;

use super::paint::{Glyphs, Theme};
use super::table::Cell;

/// How wide a gauge is, and a bar where there is room.
pub(crate) const WIDTH: u64 = 16;

/// What a full bar stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole {
    /// The value that fills it.
    pub(crate) largest: u64,
    /// How many cells it has then.
    pub(crate) cells: u64,
}

/// A bar for `value` where the largest fills it, with a mark in each cell that one of `damaged` touches.
///
/// `damaged` are ranges in the same unit as `value`.
pub(crate) fn bar(
    value: u64,
    whole: Whole,
    damaged: &[Range<u64>],
    (theme, glyphs): (&Theme, &Glyphs),
) -> Cell {
    let eighths = scaled(value, whole.largest, whole.cells * 8);
    let cells = eighths.div_ceil(8);
    let cell_of = |at: u64| {
        let exact = u128::from(at) * u128::from(cells) / u128::from(value.max(1));
        u64::try_from(exact).unwrap_or(cells).min(cells.saturating_sub(1))
    };
    let touched = |cell: u64| {
        damaged
            .iter()
            .any(|range| (cell_of(range.start)..=cell_of(range.end.saturating_sub(1))).contains(&cell))
    };
    let mut drawn = Cell::default();
    for cell in 0..cells {
        if touched(cell) {
            drawn.push(theme.bad, glyphs.damaged);
        } else {
            drawn.push(theme.bar, filled(eighths - cell * 8, glyphs));
        }
    }
    drawn
}

/// A gauge: how much of what is allowed is taken.
pub(crate) fn gauge(share: f64, style: Style, (theme, glyphs): (&Theme, &Glyphs)) -> Cell {
    let eighths = eighths_of(share);
    let mut drawn = Cell::default();
    let full = eighths.div_ceil(8);
    for cell in 0..full {
        drawn.push(style, filled(eighths - cell * 8, glyphs));
    }
    let empty = (full..WIDTH).map(|_| glyphs.empty).collect::<String>();
    drawn.push(theme.dim, empty);
    drawn
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share that was clamped to 0..=1 of a small number"
)]
fn eighths_of(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * (WIDTH * 8) as f64).ceil() as u64
}

fn filled(eighths: u64, glyphs: &Glyphs) -> char {
    let index = usize::try_from(eighths.clamp(1, 8) - 1).unwrap_or(7);
    glyphs.eighths.get(index).copied().unwrap_or('#')
}

/// `value` of `whole` in `steps`, at least one step for what is not nothing.
fn scaled(value: u64, whole: u64, steps: u64) -> u64 {
    if value == 0 || whole == 0 {
        return 0;
    }
    let exact = u128::from(value) * u128::from(steps) / u128::from(whole);
    u64::try_from(exact).unwrap_or(steps).clamp(1, steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(value: u64, damaged: &[(u64, u64)]) -> String {
        let damaged: Vec<Range<u64>> = damaged.iter().map(|(start, end)| *start..*end).collect();
        bar(value, Whole { largest: 1600, cells: 16 }, &damaged, (&Theme::default(), &Glyphs::ASCII)).text()
    }

    #[test]
    fn a_bar_is_as_long_as_its_share_of_the_largest() {
        assert_eq!(drawn(1600, &[]), "################");
        assert_eq!(drawn(400, &[]), "####");
        assert_eq!(drawn(1, &[]), "-");
        assert_eq!(drawn(0, &[]), "");
    }

    #[test]
    fn damage_is_marked_where_it_lies() {
        assert_eq!(drawn(1600, &[(0, 1)]), "X###############");
        assert_eq!(drawn(1600, &[(1599, 1600)]), "###############X");
        assert_eq!(drawn(1600, &[(200, 400), (800, 801)]), "##XX####X#######");
        assert_eq!(drawn(10, &[(3, 9)]), "X");
        assert_eq!(
            drawn(1600, &[(9999, u64::MAX)]),
            "###############X",
            "ranges past the end are at the end"
        );
    }

    #[test]
    fn a_gauge_is_never_longer_than_its_frame() {
        let gauge = |share| gauge(share, Style::new(), (&Theme::default(), &Glyphs::ASCII)).text();
        assert_eq!(gauge(0.5), "########........");
        assert_eq!(gauge(7.0), "################");
        assert_eq!(gauge(f64::NAN), "................");
    }
}
