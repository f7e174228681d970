//! Reads integers and texts of the format from bytes that come in pieces.

/// A text longer than this that would have to be kept is not from `pg_dump`.
const MAX_TEXT: u64 = 1 << 20;

/// One item, when it is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Bytes of a fixed length.
    Bytes(Vec<u8>),
    /// An integer.
    Int(i64),
    /// A text, `None` for NULL. Empty when it was not to be kept.
    Text(Option<String>),
}

/// What is read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Bytes(usize),
    Int,
    /// A text to keep.
    Text,
    /// A text to pass over.
    Skip,
}

/// The pieces of data that lie whole in `input`, up to the first that does not or is not one: they are passed over as
/// fast as they can be, for `pg_dump` makes one of every row.
pub(super) struct Pieces<'a> {
    int_bytes: usize,
    input: &'a [u8],
}

impl<'a> Pieces<'a> {
    pub(super) fn new(int_bytes: usize, input: &'a [u8]) -> Pieces<'a> {
        Pieces { int_bytes, input }
    }

    /// What comes after the pieces taken so far.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.input
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, bytes) = match (self.int_bytes, self.input) {
            (4, [0, a, b, c, d, bytes @ ..]) => (u64::from(u32::from_le_bytes([*a, *b, *c, *d])), bytes),
            (1..=8, [0, bytes @ ..]) => {
                let (digits, bytes) = bytes.split_at_checked(self.int_bytes)?;
                (digits.iter().rev().fold(0, |number, digit| number << 8 | u64::from(*digit)), bytes)
            }
            _ => return None,
        };
        let length = usize::try_from(length).ok().filter(|length| *length > 0)?;
        let (piece, rest) = bytes.split_at_checked(length)?;
        self.input = rest;
        Some(piece)
    }
}

/// An item in the making.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// Bytes of an integer: 1 for the sign, and so many.
    pub(super) int_bytes: usize,
    small: Vec<u8>,
    /// The rest of a text whose length is known.
    text: Option<u64>,
}

impl Intake {
    /// True between two items.
    pub(super) fn is_empty(&self) -> bool {
        self.small.is_empty() && self.text.is_none()
    }

    /// Takes from `input` what is wanted; `None` when more has to come first.
    pub(super) fn take(&mut self, want: Want, input: &mut &[u8]) -> Result<Option<Item>, &'static str> {
        match want {
            Want::Bytes(n) => Ok(self.bytes(n, input).map(Item::Bytes)),
            Want::Int => Ok(self.int(input).map(Item::Int)),
            Want::Text | Want::Skip => {
                if self.text.is_none() {
                    let Some(length) = self.int(input) else { return Ok(None) };
                    let Ok(length) = u64::try_from(length) else { return Ok(Some(Item::Text(None))) };
                    if want == Want::Text && length > MAX_TEXT {
                        return Err("a name in its table of contents is too long");
                    }
                    self.text = Some(length);
                }
                self.text_body(want, input)
            }
        }
    }

    fn text_body(&mut self, want: Want, input: &mut &[u8]) -> Result<Option<Item>, &'static str> {
        let remaining = self.text.unwrap_or(0);
        let n = usize::try_from(remaining).unwrap_or(usize::MAX).min(input.len());
        let (part, rest) = input.split_at(n);
        if want == Want::Text {
            self.small.extend_from_slice(part);
        }
        *input = rest;
        let remaining = remaining - n as u64;
        if remaining > 0 {
            self.text = Some(remaining);
            return Ok(None);
        }
        self.text = None;
        let bytes = std::mem::take(&mut self.small);
        // Names come in the encoding of the database, which need not be UTF-8.
        Ok(Some(Item::Text(Some(String::from_utf8_lossy(&bytes).into_owned()))))
    }

    fn bytes(&mut self, n: usize, input: &mut &[u8]) -> Option<Vec<u8>> {
        let missing = n.saturating_sub(self.small.len()).min(input.len());
        let (part, rest) = input.split_at(missing);
        self.small.extend_from_slice(part);
        *input = rest;
        (self.small.len() >= n).then(|| std::mem::take(&mut self.small))
    }

    fn int(&mut self, input: &mut &[u8]) -> Option<i64> {
        let bytes = self.bytes(1 + self.int_bytes, input)?;
        let (sign, digits) = bytes.split_first()?;
        let number = digits.iter().rev().fold(0_i64, |number, byte| number.wrapping_shl(8) | i64::from(*byte));
        Some(if *sign == 0 { number } else { number.wrapping_neg() })
    }
}
