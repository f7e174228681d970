//! Texts that diagnostics point into.

use std::borrow::Cow;
use std::sync::Arc;

/// One text with the name a user knows it by (usually the path as typed).
#[derive(Debug, Clone)]
pub struct Source {
    /// Path or other name, as typed.
    pub name: String,
    /// The whole text, always valid UTF-8.
    pub text: Arc<str>,
}

/// Which source of [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub usize);

/// Every text that was read, in the order of reading.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    texts: Vec<Source>,
    concealed: Vec<Span>,
}

/// A stretch of bytes in one source; `start <= end`, both on character borders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The source.
    pub source: SourceId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Line and column, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Sources {
    /// Adds a text and returns its handle.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.texts.push(Source { name: name.into(), text: text.into() });
        SourceId(self.texts.len() - 1)
    }

    /// The source behind a handle of this collection.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.texts[id.0]
    }

    /// All sources with their handles.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.texts.iter().enumerate().map(|(index, source)| (SourceId(index), source))
    }

    /// Hides a stretch from everyone who is shown the text: it holds a secret.
    pub fn conceal(&mut self, span: Span) {
        self.concealed.push(span);
    }

    /// The text as people may see it: what is concealed reads `*`, byte for byte, so that places stay the same.
    pub fn shown(&self, id: SourceId) -> Cow<'_, str> {
        let text = &self.get(id).text;
        let mut concealed = self.concealed.iter().filter(|span| span.source == id).peekable();
        if concealed.peek().is_none() {
            return Cow::Borrowed(text);
        }
        let mut shown = text.to_string();
        for span in concealed {
            let stars = text[span.start..span.end]
                .bytes()
                .map(|b| if matches!(b, b'\n' | b'\r') { char::from(b) } else { '*' });
            shown.replace_range(span.start..span.end, &stars.collect::<String>());
        }
        Cow::Owned(shown)
    }

    /// Where a byte lies. Past the end means the end.
    pub fn position(&self, id: SourceId, byte: usize) -> Position {
        let text = &self.get(id).text;
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &text[..byte];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Where a span begins.
    pub fn start(&self, span: Span) -> Position {
        self.position(span.source, span.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_concealed_keeps_its_place() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "pw: h\u{fc}nter\nb: 1\n");
        sources.conceal(Span { source: id, start: 4, end: 11 });
        assert_eq!(sources.shown(id), "pw: *******\nb: 1\n");
        assert_eq!(sources.shown(id).len(), sources.get(id).text.len());
    }

    #[test]
    fn columns_count_characters() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "ä: 1\nöü: x\n");
        assert_eq!(sources.position(id, 0), Position { line: 1, column: 1 });
        assert_eq!(sources.position(id, 2), Position { line: 1, column: 2 });
        assert_eq!(sources.position(id, 10), Position { line: 2, column: 3 });
        assert_eq!(sources.position(id, 999).line, 3);
    }
}
