//! The lexical structure of SQL text as `psql` reads it, in pieces of any size. Pure.

/// Something that matters in SQL text.
pub(super) enum Token<'a> {
    /// A word outside of quotes, in capitals.
    Word(&'a str),
    /// A statement ended; these are its first bytes. The answer `true` says that lines of data follow, up to `\.`.
    End(&'a [u8]),
    /// A line of data.
    Row,
    /// The rest of a line after `--`.
    Comment(&'a str),
    /// The rest of a line after a backslash.
    Command(&'a str),
}

/// Splits SQL text into tokens.
#[derive(Debug, Default)]
pub(super) struct SqlText {
    place: Place,
    /// What was read of a word, a comment, a command, a tag or a line of data; never more than matters.
    piece: Vec<u8>,
    /// The byte before, when the two may mean something together.
    before: u8,
    /// The beginning of the statement that is being read, as written.
    statement: Vec<u8>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Place {
    #[default]
    Code,
    Word,
    /// In quotes; the second says whether a backslash escapes.
    Quoted(u8, bool),
    Escaped(u8),
    /// Behind a `$` that may begin a quote.
    Tag,
    /// In a dollar quote; the second says whether the last `$` may begin its end.
    Dollar(Vec<u8>, bool),
    Line,
    Block(u32),
    Command,
    /// Behind the end of a statement that reads lines: the rest of its own line.
    DataSoon,
    Data,
}

/// More of a word, a line or a tag than this says nothing new.
const ENOUGH: usize = 256;
/// The most that is kept of a statement.
const STATEMENT: usize = 4096;

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl SqlText {
    /// Reads the next bytes. Stops at the first token that is refused.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut see: impl FnMut(Token<'_>) -> Result<bool, String>,
    ) -> Result<(), String> {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            // Most of a dump is data and quotes: they are passed line by line, not byte by byte.
            let skipped = self.skip(rest);
            if skipped > 0 {
                self.note(&rest[..skipped]);
                rest = &rest[skipped..];
                continue;
            }
            self.note(&[byte]);
            self.step(byte, &mut see)?;
            rest = &rest[1..];
        }
        Ok(())
    }

    /// What the text is in the middle of, other than a statement.
    pub(super) fn open(&self) -> Option<&'static str> {
        match self.place {
            Place::Quoted(..) | Place::Escaped(_) | Place::Dollar(..) => Some("a text in quotes"),
            Place::Block(_) => Some("a comment"),
            Place::Data | Place::DataSoon => Some("the rows of a table"),
            Place::Code | Place::Word | Place::Tag | Place::Line | Place::Command => None,
        }
    }

    /// Keeps what belongs to the statement.
    fn note(&mut self, bytes: &[u8]) {
        let is_beside =
            matches!(self.place, Place::Line | Place::Block(_) | Place::Command | Place::DataSoon | Place::Data);
        if !is_beside {
            let room = STATEMENT.saturating_sub(self.statement.len()).min(bytes.len());
            self.statement.extend_from_slice(&bytes[..room]);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = ENOUGH.saturating_sub(self.piece.len()).min(bytes.len());
        self.piece.extend_from_slice(&bytes[..room]);
    }

    /// How many of the next bytes cannot change anything.
    fn skip(&mut self, rest: &[u8]) -> usize {
        let until = |wanted: &[u8]| rest.iter().position(|byte| wanted.contains(byte)).unwrap_or(rest.len());
        match &self.place {
            Place::Data => {
                let n = until(b"\n");
                self.keep(&rest[..n]);
                n
            }
            Place::Quoted(quote, _) => until(&[*quote, b'\\']),
            _ => 0,
        }
    }

    fn step(&mut self, byte: u8, see: &mut impl FnMut(Token<'_>) -> Result<bool, String>) -> Result<(), String> {
        let before = std::mem::replace(&mut self.before, byte);
        match &mut self.place {
            Place::Code => return self.code(before, byte, see),
            Place::Word if is_of_word(byte) || byte == b'$' => self.keep(&[byte]),
            Place::Word => {
                self.piece.make_ascii_uppercase();
                let word = std::mem::take(&mut self.piece);
                self.place = Place::Code;
                if byte == b'\'' && word == b"E" {
                    self.place = Place::Quoted(byte, true);
                    return Ok(());
                }
                see(Token::Word(&String::from_utf8_lossy(&word)))?;
                return self.code(0, byte, see);
            }
            Place::Quoted(quote, _) if byte == *quote => self.place = Place::Code,
            Place::Quoted(quote, true) if byte == b'\\' => self.place = Place::Escaped(*quote),
            Place::Escaped(quote) => self.place = Place::Quoted(*quote, true),
            Place::Tag if byte == b'$' => self.place = Place::Dollar(std::mem::take(&mut self.piece), false),
            Place::Tag if is_of_word(byte) && !(self.piece.is_empty() && byte.is_ascii_digit()) => self.keep(&[byte]),
            Place::Tag => {
                self.piece.clear();
                self.place = Place::Code;
                return self.code(0, byte, see);
            }
            Place::Dollar(tag, true) if byte == b'$' && self.piece == *tag => {
                self.piece.clear();
                self.place = Place::Code;
            }
            Place::Dollar(_, may_end) => {
                *may_end = byte == b'$' || (*may_end && is_of_word(byte));
                if byte == b'$' || !*may_end {
                    self.piece.clear();
                } else {
                    self.keep(&[byte]);
                }
            }
            Place::Line | Place::Command if byte != b'\n' => self.keep(&[byte]),
            Place::Line => {
                let comment = std::mem::take(&mut self.piece);
                self.place = Place::Code;
                see(Token::Comment(&String::from_utf8_lossy(&comment)))?;
            }
            Place::Command => {
                let command = std::mem::take(&mut self.piece);
                self.place = Place::Code;
                see(Token::Command(String::from_utf8_lossy(&command).trim()))?;
            }
            Place::Block(depth) => {
                match (before, byte) {
                    (b'*', b'/') => *depth -= 1,
                    (b'/', b'*') => *depth += 1,
                    _ => return Ok(()),
                }
                self.before = 0;
                if *depth == 0 {
                    self.place = Place::Code;
                }
            }
            Place::DataSoon if byte == b'\n' => self.place = Place::Data,
            Place::DataSoon => {}
            Place::Data => {
                let line = std::mem::take(&mut self.piece);
                if line.strip_suffix(b"\r").unwrap_or(&line) == b"\\." {
                    self.place = Place::Code;
                } else {
                    see(Token::Row)?;
                }
            }
            Place::Quoted(..) => {}
        }
        Ok(())
    }

    fn code(
        &mut self,
        before: u8,
        byte: u8,
        see: &mut impl FnMut(Token<'_>) -> Result<bool, String>,
    ) -> Result<(), String> {
        self.piece.clear();
        self.place = match (before, byte) {
            (_, b'\'' | b'"') => Place::Quoted(byte, false),
            (_, b'$') => Place::Tag,
            (_, b'\\') => Place::Command,
            (b'-', b'-') => Place::Line,
            (b'/', b'*') => Place::Block(1),
            (_, b';') if see(Token::End(&self.statement))? => Place::DataSoon,
            _ if is_of_word(byte) => Place::Word,
            _ => Place::Code,
        };
        match self.place {
            Place::Word => self.keep(&[byte]),
            Place::Block(_) => self.before = 0,
            _ => {}
        }
        if matches!(self.place, Place::Line | Place::Block(_)) {
            // The two bytes that begin a comment are none of the statement's.
            self.statement.truncate(self.statement.len().saturating_sub(2));
        }
        if byte == b';' {
            self.statement.clear();
        }
        Ok(())
    }
}
