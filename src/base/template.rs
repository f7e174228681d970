//! A text of the policy that may contain references to secrets: `${env:NAME}`, `${file:/path}`.
//!
//! A policy holds references only; their values are looked up when a deed needs them, by a [`Lookup`] that the face
//! of the program provides. Reading, checking and planning a policy never looks one up.

use super::Secret;
use std::fmt;
use std::str::FromStr;

/// One reference inside a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `${env:NAME}` or `${env:NAME:-default}`.
    Env {
        /// The variable's name.
        name: String,
        /// The value when the variable is not set.
        default: Option<String>,
    },
    /// `${file:/path}`: the file's content, one trailing newline removed.
    File {
        /// The file's path.
        path: String,
    },
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Part {
    Literal(String),
    Reference(Reference),
}

/// A text with references. `$${` stands for a literal `${`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

/// The text's references could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `${` without `}`.
    #[error("`${{` is never closed")]
    Unclosed,
    /// Neither `env:` nor `file:`.
    #[error("`${{{0}}}` is not a reference; write `${{env:NAME}}` or `${{file:/path}}`")]
    UnknownKind(String),
    /// A reference that names nothing, or a variable that cannot exist.
    #[error("`${{{0}}}` does not name a variable or a file")]
    Empty(String),
}

/// A reference had no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnresolvedReference {
    /// The variable is not set and the reference gives no default.
    #[error("environment variable `{0}` is not set")]
    Env(String),
    /// The file could not be read.
    #[error("cannot read `{path}`: {problem}")]
    File {
        /// The file's path.
        path: String,
        /// What the operating system said.
        problem: String,
    },
}

/// Where the values of references come from.
pub trait Lookup: Send + Sync {
    /// The value of an environment variable, if set.
    fn env(&self, name: &str) -> Option<String>;
    /// The content of a file, or what the operating system said.
    fn file(&self, path: &str) -> Result<String, String>;
}

impl Template {
    /// A text without references, whatever it contains.
    pub fn literal(text: impl Into<String>) -> Template {
        let text = text.into();
        Template { source: text.replace("${", "$${"), parts: vec![Part::Literal(text)] }
    }

    /// The text as the policy writes it. May be shown only where the policy text itself may be shown.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text, when it has no reference.
    pub fn as_literal(&self) -> Option<String> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => Some(text.as_str()),
                Part::Reference(_) => None,
            })
            .collect()
    }

    /// Every reference in the text, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Literal(_) => None,
        })
    }

    /// The literal parts, in order: what a reader of the policy sees in clear.
    pub fn literal_parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Reference(_) => None,
        })
    }

    /// The text with every reference replaced by its value.
    pub fn resolve(&self, lookup: &dyn Lookup) -> Result<Secret, UnresolvedReference> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Reference(Reference::Env { name, default }) => match lookup.env(name) {
                    Some(value) => out.push_str(&value),
                    None => out.push_str(default.as_ref().ok_or_else(|| UnresolvedReference::Env(name.clone()))?),
                },
                Part::Reference(Reference::File { path }) => {
                    let text = lookup
                        .file(path)
                        .map_err(|problem| UnresolvedReference::File { path: path.clone(), problem })?;
                    let text = text.strip_suffix('\n').unwrap_or(&text);
                    out.push_str(text.strip_suffix('\r').unwrap_or(text));
                }
            }
        }
        Ok(Secret::new(out))
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(source: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = source;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                literal.push_str(&rest[..at - 1]);
                literal.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            literal.push_str(&rest[..at]);
            let inside = &rest[at + 2..];
            let end = inside.find('}').ok_or(TemplateError::Unclosed)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Reference(parse_reference(&inside[..end])?));
            rest = &inside[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Template { source: source.to_owned(), parts })
    }
}

fn parse_reference(text: &str) -> Result<Reference, TemplateError> {
    let empty = || TemplateError::Empty(text.to_owned());
    if let Some(body) = text.strip_prefix("env:") {
        let (name, default) = match body.split_once(":-") {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (body, None),
        };
        let valid = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        return if valid { Ok(Reference::Env { name: name.to_owned(), default }) } else { Err(empty()) };
    }
    if let Some(path) = text.strip_prefix("file:") {
        return if path.is_empty() { Err(empty()) } else { Ok(Reference::File { path: path.to_owned() }) };
    }
    Err(TemplateError::UnknownKind(text.to_owned()))
}

/// Hides the literal parts too: a policy that breaks the rules may hold a password there.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(hidden)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    struct Fixed;
    impl Lookup for Fixed {
        fn env(&self, name: &str) -> Option<String> {
            (name == "HOST").then(|| "db1".to_owned())
        }
        fn file(&self, path: &str) -> Result<String, String> {
            if path == "/pw" { Ok("s3cret\r\n".to_owned()) } else { Err("no such file".to_owned()) }
        }
    }

    fn resolved(text: &str) -> Result<String, String> {
        let template: Template = text.parse().map_err(|e: TemplateError| e.to_string())?;
        template.resolve(&Fixed).map(|s| s.expose().to_owned()).map_err(|e| e.to_string())
    }

    #[test]
    fn references_may_be_a_part_of_a_text() {
        assert_eq!(resolved("postgres://u:${file:/pw}@${env:HOST}/x").as_deref(), Ok("postgres://u:s3cret@db1/x"));
        assert_eq!(resolved("${env:PORT:-5432}").as_deref(), Ok("5432"));
        assert_eq!(resolved("costs $${5} and $5").as_deref(), Ok("costs ${5} and $5"));
        assert_eq!(resolved("").as_deref(), Ok(""));
    }

    #[test]
    fn what_cannot_be_resolved_is_named() {
        assert_eq!(resolved("${env:NOPE}").unwrap_err(), "environment variable `NOPE` is not set");
        assert!(resolved("${file:/none}").unwrap_err().contains("/none"));
        assert!(resolved("${env:NOPE").unwrap_err().contains("never closed"));
        assert!(resolved("${vault:x}").unwrap_err().contains("not a reference"));
        assert!(resolved("${env:}").is_err() && resolved("${env:1A}").is_err() && resolved("${file:}").is_err());
    }
}
