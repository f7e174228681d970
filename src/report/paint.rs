//! Colour for people who have it. Colour adds nothing that is not in the text.

/// How text for people looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours are used.
    pub colour: bool,
    /// Width of a line in columns, a wish rather than a bound.
    pub width: usize,
}

impl Style {
    /// No colour, 100 columns: what a file or a test gets.
    pub const PLAIN: Style = Style { colour: false, width: 100 };

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Something new or good.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Something deleted or bad.
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Something changed or to be looked at.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Something copied or pointed at.
    pub fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Something beside the point.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}
