//! Counts rows in the text that `COPY` writes: one line a row, then `\.` and two empty lines.

/// What `pg_dump` writes after the last row.
const END: &[u8] = b"\\.\n\n\n";

/// One byte more than the end, to see that it stands on a line of its own.
const KEPT: usize = END.len() + 1;

/// Counts the rows of one block of data.
#[derive(Debug, Default)]
pub(super) struct RowCounter {
    lines: u64,
    /// The last bytes, at the end of the array.
    tail: [u8; KEPT],
    n_kept: usize,
}

impl RowCounter {
    /// Looks at the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        if let Some(tail) = bytes.last_chunk() {
            self.tail = *tail;
            self.n_kept = KEPT;
        } else {
            self.tail.rotate_left(bytes.len());
            self.tail[KEPT - bytes.len()..].copy_from_slice(bytes);
            self.n_kept = KEPT.min(self.n_kept + bytes.len());
        }
    }

    /// Rows in what was fed.
    pub(super) fn rows(&self) -> u64 {
        let tail = &self.tail[KEPT - self.n_kept..];
        let has_end = tail == END || tail.strip_prefix(b"\n") == Some(END);
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
