//! Watches SQL text on its way to `psql`: a dump that connects to another database by itself must not run. Pure.

/// Looks at lines as they pass.
#[derive(Debug, Default)]
pub(super) struct SqlGuard {
    line: Vec<u8>,
    in_copy: bool,
}

/// More of a line than this says nothing new.
const ENOUGH: usize = 512;

impl SqlGuard {
    /// Looks at the next bytes; the line that would leave the database, if there is one.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = ENOUGH.saturating_sub(self.line.len()).min(piece.len());
            self.line.extend_from_slice(&piece[..room]);
            if piece.ends_with(b"\n") {
                self.judge()?;
                self.line.clear();
            }
        }
        Ok(())
    }

    fn judge(&mut self) -> Result<(), String> {
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim_end();
        if self.in_copy {
            self.in_copy = line != "\\.";
            return Ok(());
        }
        let command = line.split_whitespace().next().unwrap_or_default();
        if matches!(command, "\\connect" | "\\c") {
            return Err(line.to_owned());
        }
        // The list of columns may be longer than what is kept of a line.
        let is_cut = self.line.len() >= ENOUGH;
        self.in_copy = line.starts_with("COPY ") && (line.ends_with("FROM stdin;") || is_cut);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str, step: usize) -> Result<(), String> {
        let mut guard = SqlGuard::default();
        text.as_bytes().chunks(step).try_for_each(|chunk| guard.feed(chunk))
    }

    #[test]
    fn a_change_of_database_is_seen_and_data_is_not_mistaken_for_it() {
        for step in [1, 3, 1000] {
            assert_eq!(judged("SELECT 1;\n\\connect app\n", step), Err("\\connect app".to_owned()));
            assert_eq!(judged("\\c app\n", step), Err("\\c app".to_owned()));
            let data = "COPY public.t (a, b) FROM stdin;\n\\connect x\n\\c\n\\.\n\nSELECT 1;\n";
            assert_eq!(judged(data, step), Ok(()));
            assert!(judged(&format!("{data}\\connect x\n"), step).is_err());
            assert_eq!(judged("\\restrict abc\nSELECT '\\connect';\n", step), Ok(()));
        }
    }
}
