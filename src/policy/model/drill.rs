//! `databases.<name>.drill`: real restores with assertions.

use super::written::{Format, Name, Written};
use crate::base::Period;
use crate::schedule::Schedule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A real restore into a scratch server, with assertions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// When.
    pub schedule: Written<Schedule>,
    /// Tier whose newest backup is restored; the newest of all unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Written<Name>>,
    /// Assertions on the restored database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<Check>>,
    /// Longest time a drill may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Written<Period>>,
}

/// One assertion on a restored database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// A query whose first value is judged.
    #[schemars(length(min = 1))]
    pub sql: String,
    /// What the value must be: `> 0`, `>= 10`, `= text`, `~ regex` or `no rows`.
    pub expect: Written<Expectation>,
}

/// What a query must answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// A number that compares so.
    Number(Comparison, f64),
    /// Exactly this text.
    Text(String),
    /// A text that matches this regular expression.
    Matches(String),
    /// No row at all.
    NoRows,
}

/// How numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not an expectation; write `> 0`, `>= 10`, `< 5`, `<= 5`, `= text`, `~ regex` or `no rows`"
            )
        };
        if text == "no rows" {
            return Ok(Expectation::NoRows);
        }
        let split = text.find(|c: char| !matches!(c, '<' | '>' | '=' | '~')).ok_or_else(wrong)?;
        let (operator, rest) = (&text[..split], text[split..].trim());
        let number = |comparison| {
            rest.parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .map(|n| Expectation::Number(comparison, n))
                .ok_or_else(wrong)
        };
        match operator {
            ">" => number(Comparison::Greater),
            ">=" => number(Comparison::GreaterOrEqual),
            "<" => number(Comparison::Less),
            "<=" => number(Comparison::LessOrEqual),
            "=" => Ok(Expectation::Text(rest.to_owned())),
            "~" if !rest.is_empty() => match regex::Regex::new(rest) {
                Ok(_) => Ok(Expectation::Matches(rest.to_owned())),
                Err(_) => Err(format!("`{rest}` is not a regular expression")),
            },
            _ => Err(wrong()),
        }
    }
}

impl Format for Expectation {
    const FORMAT: &'static str = "expectation";
    const NAME: &'static str = "Expectation";
    const DESCRIPTION: &'static str = "`> 0`, `>= 10`, `< 5`, `<= 5`, `= text`, `~ regex` or `no rows`.";
    const PATTERN: &'static str = r"^(no rows|[<>]=?\s*-?[0-9.]+([eE][+-]?[0-9]+)?\s*|=[\s\S]*|~\s*\S[\s\S]*)$";
    const EXAMPLES: &'static [&'static str] = &["> 0", "= ok", "no rows"];
}
