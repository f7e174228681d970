//! A review as a comment on a pull request.

use super::markdown::{Comment, code, inline};
use super::review::{bill, databases, files, headline, place, points, verdict};
use crate::diag::Severity;
use crate::review::{Finding, PolicyReview, Review};

/// So many databases of a finding are named.
const DATABASES: usize = 12;
/// What the last line of a comment may take, and the most that questions and costs may.
const END: usize = 400;
const CLOSINGS: usize = 20_000;

/// The comment: a hidden mark to find it by again, then the worst first, within 60,000 bytes. What does not fit is counted.
pub fn review_markdown(review: &Review) -> String {
    // Questions are why someone reads this: they have their room before the findings.
    let closings: Vec<String> = review.policies.iter().map(closing).collect();
    let room = closings.iter().map(String::len).sum::<usize>().min(CLOSINGS);
    let mut comment = Comment::new(END + room);
    comment.add(&format!("<!-- backstay:review:{} -->\n", mark(review)));
    let mut left_out = [0_usize; 3];
    let mut room = room;
    for (policy, closing) in review.policies.iter().zip(&closings) {
        let title = format!("### backstay review: {} ({})\n\n", code(&policy.name), inline(&files(policy)));
        if !comment.add(&title) || !comment.add(&format!("{}\n", inline(&verdict(policy)))) {
            count(&mut left_out, &policy.findings);
            continue;
        }
        for note in &policy.notes {
            comment.add(&format!("\n> {}\n", inline(note)));
        }
        let mut rest = policy.findings.as_slice();
        while let [first, more @ ..] = rest {
            if !comment.add(&block(first)) {
                break;
            }
            rest = more;
        }
        count(&mut left_out, rest);
        let own = closing.len().min(room);
        room -= own;
        comment.give(own);
        comment.add(closing);
    }
    if review.policies.is_empty() {
        comment.add("No change in meaning.\n");
    }
    comment.end(&cut(left_out))
}

/// What names the comment: it must not change while a pull request does.
fn mark(review: &Review) -> String {
    match review.policies.as_slice() {
        [] => "none".to_owned(),
        // A policy's name has only letters, digits and `-`.
        [only] => only.name.clone(),
        _ => "several".to_owned(),
    }
}

fn count(left_out: &mut [usize; 3], findings: &[Finding]) {
    for finding in findings {
        left_out[finding.code.severity as usize] += 1;
    }
}

/// Says what was left out.
fn cut(left_out: [usize; 3]) -> String {
    if left_out.iter().sum::<usize>() == 0 {
        return String::new();
    }
    let [infos, warnings, errors] = left_out;
    format!(
        "\n**Left out because a comment has an end: {errors} errors, {warnings} warnings, {infos} remarks.** \
         `backstay review --format json` has them all.\n"
    )
}

fn symbol(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "🛑",
        Severity::Warning => "⚠️",
        Severity::Info => "ℹ️",
    }
}

fn block(finding: &Finding) -> String {
    let at = finding.place.as_ref().map(|at| format!(" — {}", code(&place(at)))).unwrap_or_default();
    let title = inline(&headline(finding));
    let mut out = format!("\n- {} **{}** {title}{at}\n", symbol(finding.code.severity), finding.code.id);
    let mut line = |text: String| out.push_str(&format!("  - {text}\n"));
    if let (Some(before), Some(after)) = (&finding.before, &finding.after) {
        line(format!("{} → {}", code(before), code(after)));
    }
    if !finding.databases.is_empty() {
        line(format!("databases: {}", inline(&databases(&finding.databases, DATABASES))));
    }
    for lost in &finding.lost {
        for text in points(lost, finding.lost.len() > 1) {
            line(inline(text.trim_start()));
        }
    }
    if let Some(why) = &finding.why {
        line(inline(why));
    }
    if let Some(hint) = &finding.hint {
        line(inline(hint));
    }
    out
}

fn closing(policy: &PolicyReview) -> String {
    let mut out = String::new();
    if let Some(cost) = &policy.cost {
        out.push_str(&format!(
            "\n#### Cost a month, once retention has settled\n\nAn estimate in {}: prices of {}, region {}.\n\n",
            inline(&cost.currency),
            inline(&cost.prices_of),
            inline(&cost.prices_region)
        ));
        for storage in &cost.storages {
            out.push_str(&format!("- {}\n", inline(&bill(storage))));
        }
    }
    if !policy.questions.is_empty() {
        out.push_str("\n#### Questions to ask\n\n");
    }
    for question in &policy.questions {
        out.push_str(&format!("- [ ] {}\n", inline(question)));
    }
    out
}
