//! Where a timeline came from: the content of a `.history` file.

use crate::base::{Lsn, Timeline};

/// A timeline's ancestors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The timeline.
    pub timeline: Timeline,
    /// Its ancestors, the oldest first, each with where the next one branched off; the last is its parent.
    pub ancestors: Vec<Branch>,
}

/// An ancestor, up to where it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    /// The ancestor.
    pub timeline: Timeline,
    /// The first byte that is no more of it.
    pub end: Lsn,
}

/// The text is not the history of that timeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the history of timeline {} is not understood: {problem}", timeline.0)]
pub struct InvalidHistory {
    /// Whose history it should be.
    pub timeline: Timeline,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl History {
    /// Reads the content of `<timeline>.history`: an ancestor a line, with where it was left and why; comments begin
    /// with `#`.
    pub fn read(timeline: Timeline, text: &str) -> Result<History, InvalidHistory> {
        let mut ancestors: Vec<Branch> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let invalid = |problem| InvalidHistory { timeline, line: index + 1, problem };
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut fields = line.split_ascii_whitespace();
            let number = fields.next().and_then(|field| field.parse().ok()).filter(|number| *number > 0);
            let number = number.ok_or_else(|| invalid("it does not begin with a timeline"))?;
            let end = fields.next().and_then(|field| field.parse().ok());
            let branch = Branch { timeline: Timeline(number), end: end.ok_or_else(|| invalid("no position follows"))? };
            if ancestors.last().is_some_and(|last| last.timeline >= branch.timeline || last.end > branch.end) {
                return Err(invalid("it is not after the line before"));
            }
            if branch.timeline >= timeline {
                return Err(invalid("an ancestor is older than its descendants"));
            }
            ancestors.push(branch);
        }
        Ok(History { timeline, ancestors })
    }

    /// Where the timeline begins: where its parent was left.
    pub fn begins_at(&self) -> Option<Lsn> {
        self.ancestors.last().map(|parent| parent.end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_postgresql_writes_is_read() {
        let text =
            "1\t0/3000158\tno recovery target specified\n\n# a comment\n2\t0/50000A0\tbefore 2026-11-20 02:00:00+00\n";
        let history = History::read(Timeline(3), text).unwrap();
        let branch = |timeline, end| Branch { timeline: Timeline(timeline), end: Lsn(end) };
        assert_eq!(history.ancestors, [branch(1, 0x300_0158), branch(2, 0x500_00A0)]);
        assert_eq!(history.begins_at(), Some(Lsn(0x500_00A0)));
        assert_eq!(History::read(Timeline(2), "").map(|history| history.begins_at()), Ok(None));
    }

    #[test]
    fn what_cannot_be_a_history_is_refused() {
        for text in ["x", "1", "1 x", "0 0/1", "2\t0/1\n1\t0/2", "1\t0/2\n2\t0/1", "3\t0/1", "1\t0/1\n1\t0/1"] {
            assert!(History::read(Timeline(3), text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[0-9a-fA-F/\\t\\n# x]{0,80}", timeline in 1_u32..5) {
            let _ = History::read(Timeline(timeline), &text);
        }
    }
}
