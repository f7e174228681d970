//! Values that are text with a form of their own: which code and which words a wrong one gets.

use crate::base::{Period, Share, Size, Template};
use crate::diag::{Code, codes};
use crate::policy::model::{Expectation, Format, Mode, Name, PolicyName, ZoneName};
use crate::schedule::Schedule;

/// One form of text.
pub(super) struct TextFormat {
    /// The word of the schema's `format` keyword.
    pub(super) keyword: &'static str,
    /// The code of a text that does not have it.
    pub(super) code: &'static Code,
    /// What is wrong with a text; `None` when nothing is.
    pub(super) problem: fn(&str) -> Option<String>,
}

fn problem_of<T: Format>(text: &str) -> Option<String> {
    text.parse::<T>().err().map(|error| error.to_string())
}

fn schedule_problem(text: &str) -> Option<String> {
    let error = text.parse::<Schedule>().err()?;
    let fields = text.split_whitespace().count();
    let problem = if fields != 5 && !text.starts_with('@') {
        format!("it has {fields} field{}, and cron has 5", if fields == 1 { "" } else { "s" })
    } else {
        error.problem.trim_end_matches('.').to_lowercase()
    };
    Some(format!("`{text}`: {problem}"))
}

/// Every form that the schema knows.
pub(super) static FORMATS: &[TextFormat] = &[
    TextFormat { keyword: "backstay-duration", code: &codes::DURATION_INVALID, problem: problem_of::<Period> },
    TextFormat { keyword: "backstay-size", code: &codes::SIZE_INVALID, problem: problem_of::<Size> },
    TextFormat { keyword: "backstay-share", code: &codes::SHARE_INVALID, problem: problem_of::<Share> },
    TextFormat { keyword: "backstay-schedule", code: &codes::SCHEDULE_INVALID, problem: schedule_problem },
    TextFormat { keyword: "backstay-reference", code: &codes::REFERENCE_INVALID, problem: problem_of::<Template> },
    TextFormat { keyword: "backstay-name", code: &codes::NAME_INVALID, problem: problem_of::<Name> },
    TextFormat { keyword: "backstay-policy-name", code: &codes::NAME_INVALID, problem: problem_of::<PolicyName> },
    TextFormat { keyword: "backstay-timezone", code: &codes::ZONE_UNKNOWN, problem: problem_of::<ZoneName> },
    TextFormat { keyword: "backstay-mode", code: &codes::MODE_INVALID, problem: problem_of::<Mode> },
    TextFormat {
        keyword: "backstay-expectation",
        code: &codes::EXPECTATION_INVALID,
        problem: problem_of::<Expectation>,
    },
];

/// What to do about a wrong text, where more can be said than its form.
pub(super) fn hint(code: &'static Code, text: &str) -> Option<String> {
    match code.id {
        "BS106" => duration_hint(text),
        "BS109" => schedule_hint(text),
        _ => None,
    }
}

fn duration_hint(text: &str) -> Option<String> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let unit = text[digits.len()..].trim().to_ascii_lowercase();
    let number: u64 = digits.parse().ok()?;
    let meant = match unit.as_str() {
        "" => return Some(format!("Add a unit: `{number}d` for days, `{number}h` for hours.")),
        "mo" | "mon" | "month" | "months" => format!("{}d", number.checked_mul(30)?),
        "day" | "days" => format!("{number}d"),
        "hour" | "hours" | "hr" | "hrs" => format!("{number}h"),
        "min" | "mins" | "minute" | "minutes" => format!("{number}m"),
        "sec" | "secs" | "second" | "seconds" => format!("{number}s"),
        "week" | "weeks" => format!("{number}w"),
        "year" | "years" | "yr" => format!("{number}y"),
        "y" | "w" | "d" | "h" | "m" | "s" => format!("{number}{unit}"),
        _ => return None,
    };
    Some(format!("Write `{meant}`."))
}

fn schedule_hint(text: &str) -> Option<String> {
    let fields = text.split_whitespace().count();
    match text.to_ascii_lowercase().as_str() {
        "daily" | "hourly" | "weekly" | "monthly" => Some(format!("Write `\"@{}\"`.", text.to_ascii_lowercase())),
        "on-demand" | "never" | "none" | "@manual" => Some("Write `manual`.".to_owned()),
        _ if fields == 6 => Some("Remove the field of seconds: a schedule has five fields.".to_owned()),
        _ if fields != 5 && !text.starts_with('@') => Some(format!(
            "Write five fields (minute, hour, day of month, month, day of week); this has {fields}. For 02:00 every day: `\"0 2 * * *\"`."
        )),
        _ => None,
    }
}
