//! What every error of this program can say about itself.

use super::Code;

/// An error that knows its code and what to do about it. The message itself is its `Display`.
pub trait Explain: std::error::Error {
    /// The code, whose section in docs/rules.md tells more.
    fn code(&self) -> &'static Code;

    /// What to do now: one imperative sentence, commands in backticks.
    fn hint(&self) -> Option<String> {
        None
    }
}
