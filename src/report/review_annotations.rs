//! A review as annotations of GitHub Actions: one line each, which the runner shows beside the changed lines.

use super::review::{databases, headline};
use crate::base::visible;
use crate::diag::Severity;
use crate::review::{Finding, Place, Review};

/// The runner keeps ten of a level from one step. The last notice says how many were left out.
const MOST_OF_A_LEVEL: usize = 10;
/// So many databases of a finding are named.
const DATABASES: usize = 6;
/// More of a message is hard to read beside code.
const LONGEST: usize = 1_000;

/// The lines, worst first, each ending with a line feed.
pub fn review_annotations(review: &Review) -> String {
    let mut out = String::new();
    let mut left_out = 0;
    for (severity, level, most) in [
        (Severity::Error, "error", MOST_OF_A_LEVEL),
        (Severity::Warning, "warning", MOST_OF_A_LEVEL),
        (Severity::Info, "notice", MOST_OF_A_LEVEL - 1),
    ] {
        let all: Vec<(&Finding, &str)> = review
            .policies
            .iter()
            .flat_map(|policy| {
                policy.findings.iter().map(|finding| (finding, policy.head.as_deref().unwrap_or_default()))
            })
            .filter(|(finding, _)| finding.code.severity == severity)
            .collect();
        for (finding, file) in all.iter().take(most) {
            out.push_str(&line(level, finding, file));
        }
        left_out += all.len().saturating_sub(most);
    }
    if left_out > 0 {
        let more = format!("{left_out} more findings; `backstay review --format json` has them all");
        out.push_str(&format!("::notice title=backstay review::{}\n", data(&more)));
    }
    if review.policies.iter().all(crate::review::PolicyReview::is_quiet) {
        out.push_str("No change in meaning.\n");
    }
    out
}

fn line(level: &str, finding: &Finding, file: &str) -> String {
    // What is gone is shown at what is left above it.
    let after = |place: &&Place| place.is_after;
    let place = finding.place.as_ref().filter(after).or(finding.near.as_ref());
    let mut properties = Vec::new();
    match place {
        Some(at) => {
            properties.push(format!("file={}", property(&visible(&at.file))));
            properties.push(format!("line={}", at.start.line));
            properties.push(format!("col={}", at.start.column));
            properties.push(format!("endLine={}", at.end.line));
            properties.push(format!("endColumn={}", at.end.column));
        }
        None if !file.is_empty() => properties.push(format!("file={}", property(&visible(file)))),
        None => {}
    }
    let title = format!("{} {}", finding.code.id, finding.code.title);
    properties.push(format!("title={}", property(&title)));
    let mut message = headline(finding);
    if let (Some(before), Some(after)) = (&finding.before, &finding.after) {
        message.push_str(&format!("\n{before} → {after}"));
    }
    if !finding.databases.is_empty() {
        message.push_str(&format!("\nof {}", databases(&finding.databases, DATABASES)));
    }
    for text in [&finding.why, &finding.hint].into_iter().flatten() {
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
