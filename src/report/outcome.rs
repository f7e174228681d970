//! How a run of a plan went, for people and machines. Below the IO line the steps are values of `apply`; here they are
//! a view with words of its own.

use super::Style;
use crate::event::StepEnd;
use serde::Serialize;
use std::fmt::Write as _;

/// How the plan of one policy was carried out. JSON of `apply`, format version 1.
#[derive(Debug, Clone, Serialize)]
pub struct OutcomeView {
    /// Version of this view.
    pub format_version: u32,
    /// Name of the policy.
    pub policy: String,
    /// Id of the plan.
    pub plan_id: String,
    /// Id of the run, as in journals, locks and manifests.
    pub run: String,
    /// Every step.
    pub steps: Vec<StepView>,
    /// True when the run was interrupted.
    pub interrupted: bool,
    /// The exit code that this policy alone gives.
    pub exit_code: u8,
}

/// How one step went.
#[derive(Debug, Clone, Serialize)]
pub struct StepView {
    /// Its address in the plan.
    pub address: String,
    /// What it was to do.
    pub title: String,
    /// `done`, `already_done`, `partly`, `failed`, `deferred`, `skipped` or `guarded`.
    pub end: &'static str,
    /// What is now true, or why not.
    pub detail: String,
}

impl StepView {
    /// The view of a step.
    pub fn new(address: &str, title: &str, end: &StepEnd, guarded: bool) -> StepView {
        let (word, detail) = match end {
            StepEnd::Done(detail) => ("done", detail.clone()),
            StepEnd::AlreadyDone => ("already_done", String::new()),
            StepEnd::Partly(detail) => ("partly", detail.clone()),
            StepEnd::Failed(detail) => ("failed", detail.clone()),
            StepEnd::Deferred(detail) => ("deferred", detail.clone()),
            StepEnd::Skipped(detail) if guarded => ("guarded", detail.clone()),
            StepEnd::Skipped(detail) => ("skipped", detail.clone()),
        };
        StepView { address: address.to_owned(), title: title.to_owned(), end: word, detail }
    }
}

/// Whether who reads the outcome read before why steps failed, when they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasons {
    /// They were told in the same place, and are not told again.
    Told,
    /// They were not.
    Untold,
}

impl OutcomeView {
    /// The run in a few lines: a count, and every step that is not done, with its reason unless that was told.
    pub fn text(&self, reasons: Reasons, style: Style) -> String {
        let mut out = String::new();
        let n = |word: &str| self.steps.iter().filter(|step| step.end == word).count();
        for step in self.steps.iter().filter(|step| !matches!(step.end, "done" | "already_done")) {
            let word = match step.end {
                "failed" => style.red(step.end),
                word => style.yellow(word),
            };
            // What never began is told here only.
            let is_told = reasons == Reasons::Told && matches!(step.end, "failed" | "partly" | "deferred");
            let reason = if is_told { String::new() } else { format!(": {}", step.detail) };
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{word} {}{reason}", step.title);
        }
        let mut parts = vec![format!("{} of {} steps done", n("done") + n("already_done"), self.steps.len())];
        for (word, text) in [
            ("partly", "in part"),
            ("failed", "failed"),
            ("deferred", "deferred"),
            ("skipped", "skipped"),
            ("guarded", "guarded"),
        ] {
            if n(word) > 0 {
                parts.push(format!("{} {text}", n(word)));
            }
        }
        let all_done = self.exit_code == 0;
        let verdict = match n("done") + n("already_done") == self.steps.len() {
            true if all_done => "Applied",
            true => "Applied, with problems above that no step of the plan solves",
            false => "Not all applied",
        };
        let line = format!("{verdict}: {}.", parts.join(", "));
        let _ = writeln!(out, "{} Run {}", if all_done { style.green(&line) } else { style.yellow(&line) }, self.run);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_done_is_named() {
        let step = |address: &str, end: StepEnd, guarded| StepView::new(address, address, &end, guarded);
        let view = OutcomeView {
            format_version: 1,
            policy: "app".to_owned(),
            plan_id: "0123".to_owned(),
            run: "r".to_owned(),
            steps: vec![
                step("a", StepEnd::Done("1 B freed".to_owned()), false),
                step("b", StepEnd::Failed("the disk is full".to_owned()), false),
                step("c", StepEnd::Skipped("it depends on b".to_owned()), false),
                step("d", StepEnd::Skipped("too many".to_owned()), true),
                step("e", StepEnd::Deferred("locked until 2026-12-01 00:00 UTC".to_owned()), false),
            ],
            interrupted: false,
            exit_code: 7,
        };
        insta::assert_snapshot!(view.text(Reasons::Untold, Style::PLAIN), @r"
        failed b: the disk is full
        skipped c: it depends on b
        guarded d: too many
        deferred e: locked until 2026-12-01 00:00 UTC
        Not all applied: 1 of 5 steps done, 1 failed, 1 deferred, 1 skipped, 1 guarded. Run r
        ");
        insta::assert_snapshot!(view.text(Reasons::Told, Style::PLAIN), @r"
        failed b
        skipped c: it depends on b
        guarded d: too many
        deferred e
        Not all applied: 1 of 5 steps done, 1 failed, 1 deferred, 1 skipped, 1 guarded. Run r
        ");
    }
}
