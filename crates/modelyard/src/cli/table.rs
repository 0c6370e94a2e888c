//! Tables for a terminal: aligned, without rules, at most 80 columns wide.
//!
//! What does not fit is left out, the least important column first; a column with nothing in it is
//! not shown at all. Names stand whole, so that they can be pasted into the next command.

/// As wide as a table may be.
const WIDTH: usize = 80;
/// Between two columns.
const GAP: &str = "  ";

/// A column: its title, and which of them to leave out first.
pub(crate) struct Column {
    title: String,
    /// The lowest is dropped first; [`Column::KEEP`] never.
    importance: u8,
    right: bool,
}

impl Column {
    pub(crate) const KEEP: u8 = u8::MAX;

    /// Of texts.
    pub(crate) fn left(title: impl Into<String>, importance: u8) -> Self {
        Self { title: title.into(), importance, right: false }
    }

    /// Of numbers.
    pub(crate) fn right(title: impl Into<String>, importance: u8) -> Self {
        Self { title: title.into(), importance, right: true }
    }
}

pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row, a cell a column.
    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// Titles and rows, a line each; nothing for a table without rows.
    pub(crate) fn text(&self) -> String {
        let shown = self.shown();
        let mut text = String::new();
        let titles: Vec<&str> = self.columns.iter().map(|column| column.title.as_str()).collect();
        if !self.rows.is_empty() && titles.iter().any(|title| !title.is_empty()) {
            self.line(&titles, &shown, &mut text);
        }
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.line(&cells, &shown, &mut text);
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn line(&self, cells: &[&str], shown: &[(usize, usize)], text: &mut String) {
        let mut line = String::new();
        for (place, (column, width)) in shown.iter().enumerate() {
            if place > 0 {
                line.push_str(GAP);
            }
            let (cell, width) = (cells[*column], *width);
            let padding = " ".repeat(width.saturating_sub(length(cell)));
            if self.columns[*column].right {
                line.push_str(&padding);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&padding);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }

    /// The columns that are shown, with their widths.
    fn shown(&self) -> Vec<(usize, usize)> {
        let filled = |column: &usize| self.rows.iter().any(|row| !row[*column].is_empty());
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| length(&row[column]));
            cells.chain([length(&self.columns[column].title)]).max().unwrap_or(0)
        };
        let mut shown: Vec<_> =
            (0..self.columns.len()).filter(filled).map(|column| (column, width(column))).collect();
        let total = |shown: &[(usize, usize)]| {
            shown.iter().map(|(_, width)| width + GAP.len()).sum::<usize>().saturating_sub(GAP.len())
        };
        while total(&shown) > WIDTH {
            let least = shown
                .iter()
                .enumerate()
                .filter(|(_, (column, _))| self.columns[*column].importance != Column::KEEP)
                .min_by_key(|(place, (column, _))| (self.columns[*column].importance, usize::MAX - place));
            let Some((place, _)) = least else { break };
            shown.remove(place);
        }
        shown
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> [Column; 4] {
        [
            Column::left("name", Column::KEEP),
            Column::right("rows", 3),
            Column::left("note", 1),
            Column::left("made", 2),
        ]
    }

    #[test]
    fn columns_line_up_and_empty_ones_are_not_shown() {
        let mut table = Table::new(columns());
        table.row(["flights@1", "36,180", "", "now"]);
        table.row(["weather@12", "9", "", "2 min ago"]);
        assert_eq!(
            table.text(),
            "name          rows  made\nflights@1   36,180  now\nweather@12       9  2 min ago"
        );
    }

    #[test]
    fn the_least_important_columns_go_first_and_names_stay_whole() {
        let long = "x".repeat(70);
        let mut table = Table::new(columns());
        table.row([long.as_str(), "1", "a long note", "now"]);
        assert_eq!(table.text(), format!("name{}  rows\n{long}     1", " ".repeat(66)));
        let longer = "x".repeat(90);
        let mut table = Table::new(columns());
        table.row([longer.as_str(), "1", "a long note", "now"]);
        assert_eq!(table.text(), format!("name\n{longer}"));
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert_eq!(Table::new(columns()).text(), "");
    }
}
