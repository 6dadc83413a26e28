//! Columns of text that line up.

use anstyle::Style;

use super::paint::paint;

/// How a column lines up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One cell: pieces of text, each in its style.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell(Vec<(Style, String)>);

impl Cell {
    /// A cell of one style.
    pub(crate) fn new(style: Style, text: impl Into<String>) -> Self {
        Self(vec![(style, text.into())])
    }

    /// A cell without style.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(Style::new(), text)
    }

    /// Adds a piece; pieces of one style grow together.
    pub(crate) fn push(&mut self, style: Style, text: impl Into<String>) {
        match self.0.last_mut() {
            Some((last, before)) if *last == style => before.push_str(&text.into()),
            _ => self.0.push((style, text.into())),
        }
    }

    fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.chars().count()).sum()
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    fn render(&self) -> String {
        self.0.iter().map(|(style, text)| paint(*style, text)).collect()
    }
}

/// Rows of cells.
#[derive(Debug)]
pub(crate) struct Table {
    aligns: Vec<Align>,
    titles: Vec<Cell>,
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<Cell>),
    /// A line that spans all columns.
    Line(Cell),
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new(aligns: &[Align]) -> Self {
        Self { aligns: aligns.to_vec(), titles: Vec::new(), rows: Vec::new() }
    }

    /// Sets the first line; a column that is empty below its title is left out.
    pub(crate) fn titles(&mut self, style: Style, titles: &[&str]) {
        self.titles = titles.iter().map(|title| Cell::new(style, *title)).collect();
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(Row::Cells(cells.into_iter().collect()));
    }

    /// Adds a line that spans all columns.
    pub(crate) fn line(&mut self, cell: Cell) {
        self.rows.push(Row::Line(cell));
    }

    /// The columns that it takes on a screen.
    pub(crate) fn width(&self) -> usize {
        self.widths().iter().filter(|width| **width > 0).map(|width| width + 2).sum()
    }

    /// The text, each line indented by two columns and without blanks at its end. Columns without text are left out.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        let line = |row: &Row| match row {
            Row::Line(cell) => cell.render(),
            Row::Cells(cells) => self.line_of(cells, &widths),
        };
        let titles = (!self.titles.is_empty()).then(|| self.line_of(&self.titles, &widths));
        let lines = titles.into_iter().chain(self.rows.iter().map(line));
        lines.flat_map(|line| ["  ".to_owned(), line, "\n".to_owned()]).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.aligns.len()];
        for row in &self.rows {
            let Row::Cells(cells) = row else { continue };
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.width().max(*width);
            }
        }
        for (width, title) in widths.iter_mut().zip(&self.titles).filter(|(width, _)| **width > 0) {
            *width = title.width().max(*width);
        }
        widths
    }

    fn line_of(&self, cells: &[Cell], widths: &[usize]) -> String {
        let mut line = String::new();
        let mut owed = 0;
        for ((cell, align), width) in cells.iter().zip(&self.aligns).zip(widths) {
            if *width == 0 {
                continue;
            }
            let room = width - cell.width().min(*width);
            // Blanks are owed until something follows, so that no line ends in them.
            let (before, after) = if *align == Align::Right { (room, 0) } else { (0, room) };
            if cell.width() > 0 {
                line.push_str(&" ".repeat(owed + before));
                line.push_str(&cell.render());
                owed = after + 2;
            } else {
                owed += width + 2;
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_with_text() {
        let mut table = Table::new(&[Align::Left, Align::Right, Align::Left, Align::Left]);
        let row = |cells: [&str; 4]| cells.map(Cell::plain);
        table.titles(Style::new(), &["FILE", "SIZE", "EMPTY", "MARK"]);
        table.row(row(["00000000", "1 B", "", ""]));
        table.row(row(["1", "100 B", "", "x"]));
        table.line(Cell::plain("more"));
        assert_eq!(
            table.render(),
            "  FILE       SIZE  MARK\n  00000000    1 B\n  1         100 B  x\n  more\n"
        );
    }
}
