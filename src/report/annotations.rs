//! A review or a plan as annotations of GitHub Actions: one line each, which the runner shows beside the changed lines.

use super::remark::{Remark, Remarks, of_plans, of_review};
use crate::base::visible;
use crate::diag::Severity;
use crate::plan::Plan;
use crate::review::Review;

/// The runner keeps ten of a level from one step. The last notice says how many were left out.
const MOST_OF_A_LEVEL: usize = 10;
/// So many databases of a finding are named.
const DATABASES: usize = 6;
/// More of a message is hard to read beside code.
const LONGEST: usize = 1_000;

/// A review as lines, worst first, each ending with a line feed.
pub fn review_annotations(review: &Review) -> String {
    let mut out = lines(&of_review(review), "backstay review");
    if review.policies.iter().all(crate::review::PolicyReview::is_quiet) {
        out.push_str("No change in meaning.\n");
    }
    out
}

/// Plans as lines, worst first, each ending with a line feed.
pub fn plan_annotations(plans: &[&Plan]) -> String {
    let mut out = lines(&of_plans(plans), "backstay plan");
    if plans.iter().all(|plan| plan.is_empty()) {
        out.push_str("Nothing to do.\n");
    }
    out
}

fn lines(remarks: &Remarks<'_>, title: &str) -> String {
    let mut out = String::new();
    let mut left_out = 0;
    for (severity, level, most) in [
        (Severity::Error, "error", MOST_OF_A_LEVEL),
        (Severity::Warning, "warning", MOST_OF_A_LEVEL),
        (Severity::Info, "notice", MOST_OF_A_LEVEL - 1),
    ] {
        let all: Vec<&Remark<'_>> = remarks.all.iter().filter(|remark| remark.code.severity == severity).collect();
        for remark in all.iter().take(most) {
            out.push_str(&line(level, remark));
        }
        left_out += all.len().saturating_sub(most);
    }
    if left_out > 0 {
        let more = format!("{left_out} more findings; `{}` has them all", remarks.command);
        out.push_str(&format!("::notice title={}::{}\n", property(title), data(&more)));
    }
    out
}

fn line(level: &str, remark: &Remark<'_>) -> String {
    let mut properties = Vec::new();
    match (remark.place, remark.file) {
        (Some(at), _) => {
            properties.push(format!("file={}", property(&visible(&at.file))));
            properties.push(format!("line={}", at.start.line));
            properties.push(format!("col={}", at.start.column));
            properties.push(format!("endLine={}", at.end.line));
            properties.push(format!("endColumn={}", at.end.column));
        }
        (None, Some(file)) => properties.push(format!("file={}", property(&visible(file)))),
        (None, None) => {}
    }
    let title = format!("{} {}", remark.code.id, remark.code.title);
    properties.push(format!("title={}", property(&title)));
    let mut message = remark.headline.clone();
    if let Some((before, after)) = remark.change {
        message.push_str(&format!("\n{before} → {after}"));
    }
    if let Some(databases) = remark.databases(DATABASES) {
        message.push_str(&format!("\nof {databases}"));
    }
    for text in &remark.more {
        message.push_str(&format!("\n{text}"));
    }
    let message: String = message.chars().take(LONGEST).collect();
    format!("::{level} {}::{}\n", properties.join(","), data(&message))
}

/// Text after the second pair of colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_a_line_or_a_property() {
        assert_eq!(data("a%\r\n::error::b"), "a%25%0D%0A::error::b");
        assert_eq!(property("C:\\x,y=z\n"), "C%3A\\x%2Cy=z%0A");
    }
}
