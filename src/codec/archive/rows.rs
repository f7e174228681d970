//! Counts rows in the text that `COPY` writes: one line a row, then `\.` and two empty lines.

/// What `pg_dump` writes after the last row.
const END: &[u8] = b"\\.\n\n\n";

/// Counts the rows of one block of data.
#[derive(Debug, Default)]
pub(super) struct RowCounter {
    lines: u64,
    tail: Vec<u8>,
}

impl RowCounter {
    /// Looks at the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        // One byte more than the end, to see that it stands on a line of its own.
        let keep = END.len() + 1;
        if bytes.len() >= keep {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - keep..]);
        } else {
            self.tail.extend_from_slice(bytes);
            let surplus = self.tail.len().saturating_sub(keep);
            self.tail.drain(..surplus);
        }
    }

    /// Rows in what was fed.
    pub(super) fn rows(&self) -> u64 {
        let has_end = self.tail == END || self.tail.strip_prefix(b"\n") == Some(END);
        if has_end { self.lines - 3 } else { self.lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, step: usize) -> u64 {
        let mut counter = RowCounter::default();
        text.as_bytes().chunks(step).for_each(|chunk| counter.feed(chunk));
        counter.rows()
    }

    #[test]
    fn the_end_is_no_row_however_the_bytes_come() {
        for step in 1..12 {
            assert_eq!(rows("\\.\n\n\n", step), 0);
            assert_eq!(rows("1\ta\n2\tb\\n\n\\.\n\n\n", step), 2);
            assert_eq!(rows("\n\n\n\\.\n\n\n", step), 3);
            assert_eq!(rows("x\\\\.\n\n\n", step), 3);
            assert_eq!(rows("INSERT;\nINSERT;\n", step), 2);
        }
    }
}
