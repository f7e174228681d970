//! Advice on policies: one rule a file, all in one table.

use super::rule::Rule;

/// Every rule, in the order of their codes.
pub static RULES: &[Rule] = &[];
