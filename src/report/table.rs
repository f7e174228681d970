//! Columns of text, as wide as their widest cell.

use super::Style;

/// Rows under a heading, each line indented by two columns and ending with a line feed. Cells are padded before they
/// are painted, so colour does not move them; `paint` gets row, column and the padded text.
pub(super) fn table(
    headings: &[&str],
    rows: &[Vec<String>],
    style: Style,
    paint: impl Fn(usize, usize, &str) -> String,
) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let last = headings.len().saturating_sub(1);
    let pad = |column: usize, text: &str| {
        // The last column is not padded: no line ends with spaces.
        let missing = if column == last { 0 } else { widths[column].saturating_sub(text.chars().count()) };
        format!("{text}{}", " ".repeat(missing))
    };
    let mut out = String::new();
    let heading: Vec<String> = headings.iter().enumerate().map(|(column, text)| pad(column, text)).collect();
    out.push_str(&format!("  {}\n", style.dim(heading.join("  ").trim_end())));
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().enumerate().map(|(column, text)| paint(index, column, &pad(column, text))).collect();
        out.push_str(&format!("  {}\n", cells.join("  ").trim_end()));
    }
    out
}

/// The ending of a noun that is counted.
pub(super) fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_line_ends_with_spaces() {
        let rows = [vec!["a".to_owned(), "é".to_owned()], vec!["long".to_owned(), String::new()]];
        let text = table(&["x", "y"], &rows, Style::PLAIN, |_, _, text| text.to_owned());
        assert_eq!(text, "  x     y\n  a     é\n  long\n");
    }
}
