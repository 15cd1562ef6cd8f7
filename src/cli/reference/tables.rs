//! Tables in Markdown.

/// A table that is built row by row.
pub(super) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| cell_text(&cell)).collect());
    }

    /// Writes the table without empty columns, and clears it. A table without rows writes nothing.
    pub(super) fn finish(&mut self, page: &mut String) {
        let rows = std::mem::take(&mut self.rows);
        let used = |column: usize| rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()));
        let columns: Vec<usize> = (0..self.head.len()).filter(|column| used(*column)).collect();
        if columns.is_empty() {
            return;
        }
        let head: Vec<&str> = columns.iter().filter_map(|column| self.head.get(*column).copied()).collect();
        line(page, &head);
        line(page, &vec!["---"; columns.len()]);
        for row in &rows {
            let cells: Vec<&str> = columns.iter().filter_map(|column| row.get(*column).map(String::as_str)).collect();
            line(page, &cells);
        }
    }
}

fn line(page: &mut String, cells: &[&str]) {
    page.push_str("| ");
    page.push_str(&cells.join(" | "));
    page.push_str(" |\n");
}

/// Text that can stand in a cell.
fn cell_text(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Text as code.
pub(super) fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_columns_are_left_out() {
        let mut page = String::new();
        let mut table = Table::new(&["a", "b", "c"]);
        table.row(["1".to_owned(), String::new(), "x|y\nz".to_owned()]);
        table.finish(&mut page);
        table.finish(&mut page);
        assert_eq!(page, "| a | c |\n| --- | --- |\n| 1 | x\\|y z |\n");
    }
}
