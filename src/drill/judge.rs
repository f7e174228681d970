//! Whether an answer is what the policy expects. Pure.

use crate::policy::{Comparison, Expectation};
use crate::postgres::Answer;

/// What is wrong with an answer, as a phrase; `None`: it is as expected.
pub(super) fn problem(expect: &Expectation, answer: &Answer) -> Option<String> {
    let value = match (expect, answer) {
        (Expectation::NoRows, Answer::NoRow) => return None,
        (Expectation::NoRows, _) => return Some("there is a row".to_owned()),
        (_, Answer::NoRow) => return Some("there is no row".to_owned()),
        (_, Answer::Null) => return Some("it is null".to_owned()),
        (_, Answer::Value(value)) => value,
    };
    match expect {
        Expectation::Number(comparison, wanted) => match value.trim().parse::<f64>() {
            Ok(number) if compares(*comparison, number, *wanted) => None,
            Ok(_) => Some(format!("it is {}", shown(value))),
            Err(_) => Some(format!("`{}` is not a number", shown(value))),
        },
        Expectation::Text(wanted) if value == wanted => None,
        Expectation::Matches(pattern) if regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(value)) => None,
        Expectation::Text(_) | Expectation::Matches(_) => Some(format!("it is `{}`", shown(value))),
        Expectation::NoRows => Some("there is a row".to_owned()),
    }
}

fn compares(comparison: Comparison, number: f64, wanted: f64) -> bool {
    match comparison {
        Comparison::Greater => number > wanted,
        Comparison::GreaterOrEqual => number >= wanted,
        Comparison::Less => number < wanted,
        Comparison::LessOrEqual => number <= wanted,
    }
}

/// Characters of an answer that are shown and kept.
const SHOWN: usize = 200;

/// The beginning of an answer: a record is no place for a document.
pub(super) fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn judged(expect: &str, answer: Answer) -> bool {
        problem(&expect.parse().unwrap(), &answer).is_none()
    }

    #[test]
    fn answers_are_judged_as_the_policy_says() {
        let value = |text: &str| Answer::Value(text.to_owned());
        for (expect, answer, holds) in [
            ("> 0", value("1"), true),
            ("> 0", value("0"), false),
            (">= 10", value(" 10 "), true),
            ("< 5", value("4.5"), true),
            ("<= 5", value("5.01"), false),
            ("<= 5", value("five"), false),
            ("> 0", Answer::NoRow, false),
            ("> 0", Answer::Null, false),
            ("> 0", value("NaN"), false),
            ("= paid", value("paid"), true),
            ("= paid", value("paid "), false),
            ("= 5", value("5"), true),
            ("~ ^v1[.]", value("v1.2"), true),
            ("~ ^v1[.]", value("v2.2"), false),
            ("no rows", Answer::NoRow, true),
            ("no rows", Answer::Null, false),
            ("no rows", value("x"), false),
        ] {
            assert_eq!(judged(expect, answer.clone()), holds, "{expect} {answer:?}");
        }
        assert!("~ (".parse::<Expectation>().is_err());
    }

    #[test]
    fn long_answers_are_cut_at_a_character() {
        assert_eq!(shown(&"é".repeat(300)).chars().count(), SHOWN + 1);
        assert_eq!(shown("short"), "short");
    }
}
