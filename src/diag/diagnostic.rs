//! One thing said about a text, and a collection of them.

use super::{Code, Span};

/// How serious a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; never stops anything.
    Info,
    /// Probably not what was meant; does not stop the policy from being used.
    Warning,
    /// The policy cannot be used.
    Error,
}

/// A second place that belongs to the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there, as a phrase without a full stop.
    pub text: String,
}

/// A replacement of text that would mend the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What to replace.
    pub span: Span,
    /// With what.
    pub replacement: String,
}

/// One problem: a code with its fixed title, the particulars, the place, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The code; it fixes title, severity and documentation.
    pub code: &'static Code,
    /// The particulars: lower case, no full stop.
    pub detail: String,
    /// Route to the value in the policy, such as `tiers.daily.copies[0].keep`; empty for the whole text.
    pub path: String,
    /// The place, when the problem has one.
    pub span: Option<Span>,
    /// Other places that belong to it.
    pub labels: Vec<Label>,
    /// Why it matters, a full sentence.
    pub why: Option<String>,
    /// What to do, one imperative sentence, commands in backticks.
    pub hint: Option<String>,
    /// A replacement that mends it.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A diagnostic with the particulars; place and the rest are added by the `with_` methods.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            detail: detail.into(),
            path: String::new(),
            span: None,
            labels: Vec::new(),
            why: None,
            hint: None,
            fix: None,
        }
    }

    /// Sets the place.
    #[must_use]
    pub fn with_span(mut self, span: Option<Span>) -> Diagnostic {
        self.span = span;
        self
    }

    /// Sets the route in the policy.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Diagnostic {
        self.path = path.into();
        self
    }

    /// Adds a second place; nothing happens when it is unknown.
    #[must_use]
    pub fn with_label(mut self, span: Option<Span>, text: impl Into<String>) -> Diagnostic {
        self.labels.extend(span.map(|span| Label { span, text: text.into() }));
        self
    }

    /// Says why it matters.
    #[must_use]
    pub fn with_why(mut self, why: impl Into<String>) -> Diagnostic {
        self.why = Some(why.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Gives a replacement; nothing happens when the place is unknown.
    #[must_use]
    pub fn with_fix(mut self, span: Option<Span>, replacement: impl Into<String>) -> Diagnostic {
        self.fix = span.map(|span| Fix { span, replacement: replacement.into() });
        self
    }
}

/// Diagnostics in the order they were found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of another collection.
    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    /// All, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// How many have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|d| d.code.severity == severity).count()
    }

    /// True when at least one is an error.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Sorts by place: texts in order of reading, then position; those without a place come first.
    pub fn sort(&mut self) {
        self.0.sort_by(|a, b| (a.span, a.code.id).cmp(&(b.span, b.code.id)));
    }
}
