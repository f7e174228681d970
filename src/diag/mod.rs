//! What can be said about a text or a failure: sources, spans, codes, hints; and the one table of codes.
//!
//! Functions that judge a text return a value *and* [`Diagnostics`], never only the first problem. Errors of the
//! outside world are enums of their modules; they implement [`Explain`] so that the face can say code and hint.

mod code;
mod diagnostic;
mod explain;
mod nearest;
mod source;

pub use code::{CODES, Code, codes};
pub use diagnostic::{Diagnostic, Diagnostics, Fix, Label, Severity};
pub use explain::Explain;
pub use nearest::nearest;
pub use source::{Position, Source, SourceId, Sources, Span};
