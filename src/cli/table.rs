//! Tables that align; where a terminal is too narrow for one, each row becomes a block instead, so that an id is never cut.

/// Rows under a head.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// Names and values of one thing, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(&'static str, Vec<String>)>);

impl Table {
    /// With these columns.
    pub(super) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// One row more; a cell for each column.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// As text; lines are at most `width` characters, if there is one and the cells allow it.
    pub(super) fn render(&self, width: Option<usize>) -> String {
        let widths: Vec<usize> = (0..self.head.len()).map(|column| self.widest(column)).collect();
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let whole = widths.iter().sum::<usize>() + gaps;
        if width.is_some_and(|width| whole > width) { self.blocks() } else { self.grid(&widths) }
    }

    fn widest(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let head = self.head.get(column).map_or(0, |name| name.chars().count());
        cells.map(|cell| cell.chars().count()).fold(head, usize::max)
    }

    fn grid(&self, widths: &[usize]) -> String {
        let head = self.head.iter().map(|name| (*name).to_owned()).collect();
        let mut text = String::new();
        for row in std::iter::once(&head).chain(&self.rows) {
            let cells: Vec<String> =
                row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(cells.join(GAP).trim_end());
            text.push('\n');
        }
        text
    }

    fn blocks(&self) -> String {
        let block = |row: &Vec<String>| {
            let cells = self.head.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
            let mut fields = Fields::default();
            cells.for_each(|(name, cell)| fields.add(name, cell.clone()));
            fields.render()
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n")
    }
}

impl Fields {
    /// One field more; an empty value is left out.
    pub(super) fn add(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.push((name, vec![clean(&value)]));
        }
    }

    /// A field with several values, one a line; none is left out.
    pub(super) fn list(&mut self, name: &'static str, values: &[String]) {
        if !values.is_empty() {
            self.0.push((name, values.iter().map(|value| clean(value)).collect()));
        }
    }

    /// A flag, told only if it is set.
    pub(super) fn flag(&mut self, name: &'static str, set: bool) {
        if set {
            self.add(name, "yes");
        }
    }

    /// As text.
    pub(super) fn render(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        let mut text = String::new();
        for (name, values) in &self.0 {
            for (at, value) in values.iter().enumerate() {
                let name = if at == 0 { name } else { "" };
                text.push_str(format!("{name:<width$}{GAP}{value}").trim_end());
                text.push('\n');
            }
        }
        text
    }
}

/// Two spaces: one does not separate values that have spaces themselves.
const GAP: &str = "  ";

/// What somebody else chose (a hint, a version) cannot move the cursor or start a line of its own.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The same for text of several lines.
pub(super) fn clean_lines(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| line.strip_suffix('\n').map_or_else(|| clean(line), |line| clean(line) + "\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let mut table = Table::new(&["ID", "SPIFFE ID", "HINT"]);
        table.row(["web-1".to_owned(), "spiffe://a.example/wéb".to_owned(), String::new()]);
        table.row(["a".to_owned(), "spiffe://a.example/x".to_owned(), "main".to_owned()]);
        table
    }

    #[test]
    fn columns_align_by_characters_and_no_line_ends_in_spaces() {
        let expected = "ID     SPIFFE ID               HINT\n\
                        web-1  spiffe://a.example/wéb\n\
                        a      spiffe://a.example/x    main\n";
        assert_eq!(example().render(None), expected);
        assert_eq!(example().render(Some(35)), expected);
    }

    #[test]
    fn a_narrow_terminal_gets_blocks_with_whole_values() {
        let expected = "ID         web-1\nSPIFFE ID  spiffe://a.example/wéb\n\n\
                        ID         a\nSPIFFE ID  spiffe://a.example/x\nHINT       main\n";
        assert_eq!(example().render(Some(34)), expected);
    }

    #[test]
    fn fields_align_and_lists_go_on_below() {
        let mut fields = Fields::default();
        fields.add("id", "web-1");
        fields.list("selectors", &["unix:uid:1".to_owned(), "unix:gid:2".to_owned()]);
        fields.add("hint", "");
        fields.flag("admin", false);
        fields.flag("downstream", true);
        let expected =
            "id          web-1\nselectors   unix:uid:1\n            unix:gid:2\ndownstream  yes\n";
        assert_eq!(fields.render(), expected);
    }

    #[test]
    fn a_value_cannot_drive_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
    }
}
