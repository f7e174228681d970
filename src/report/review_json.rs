//! A review for machines. The views are the format: `schemas/review.v1.json` is made from them.

use super::review::word;
use crate::base::Money;
use crate::diag::Severity;
use crate::review::{CostChange, Finding, LostPoint, LostPoints, Place, PolicyReview, Review};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::{Value, json};

/// What a review found. Additive changes only within a version.
#[derive(Serialize, JsonSchema)]
struct ReviewView<'a> {
    /// Always 1.
    format_version: u32,
    /// Whether every policy after the change can be used.
    valid: bool,
    error_count: usize,
    warning_count: usize,
    info_count: usize,
    /// One for each policy of either side.
    policies: Vec<PolicyView<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct PolicyView<'a> {
    /// Its name, before the change where there is one.
    name: &'a str,
    /// The file before; `null`: there is no policy before.
    base: Option<&'a str>,
    /// The file after; `null`: there is no policy after.
    head: Option<&'a str>,
    /// Whether the policy after the change can be used.
    valid: bool,
    /// Worst first.
    findings: Vec<FindingView<'a>>,
    /// What a reviewer should ask, worst first.
    questions: &'a [String],
    /// What storage costs before and after; `null` where no sizes were given or nothing changes.
    cost: Option<CostView<'a>>,
    /// What keeps the review from being whole.
    notes: &'a [String],
}

#[derive(Serialize, JsonSchema)]
struct FindingView<'a> {
    /// `BS` and three digits; docs/rules.md has a section on each.
    code: &'a str,
    /// `error`, `warning` or `info`; fixed by the code.
    severity: &'a str,
    /// Fixed by the code.
    title: &'a str,
    /// The particulars; names stand in backticks.
    detail: &'a str,
    /// Route in the policy; empty for the whole of it.
    path: String,
    /// Database entries that it is about; empty where it is about no single ones.
    databases: &'a [String],
    /// The value before, where there is a single one.
    before: Option<&'a str>,
    /// The value after.
    after: Option<&'a str>,
    /// Where it is written: after the change, or before it for what is gone.
    place: Option<PlaceView<'a>>,
    /// For what is gone: the nearest place above it that is still there.
    near: Option<PlaceView<'a>>,
    /// Restore points that go sooner.
    lost: Vec<LostView<'a>>,
    why: Option<&'a str>,
    hint: Option<&'a str>,
}

/// Lines and columns count from 1, columns in characters; `end_column` is one past the last.
#[derive(Serialize, JsonSchema)]
struct PlaceView<'a> {
    /// `head` or `base`.
    side: &'a str,
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize, JsonSchema)]
struct LostView<'a> {
    /// Databases with the same restore points.
    databases: &'a [String],
    tier: &'a str,
    /// Whether the points are known from a recorded list; otherwise from the schedule.
    recorded: bool,
    /// Whether there are more than were looked at.
    partial: bool,
    /// The first day on which one goes, in UTC.
    first_day: Option<&'a str>,
    point_count: usize,
    days: Vec<LostDayView<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct LostDayView<'a> {
    /// The day on which they go, in UTC.
    on: &'a str,
    /// Oldest first.
    points: Vec<LostPointView<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct LostPointView<'a> {
    /// Id of a backup, or the moment when it is known from the schedule only.
    name: &'a str,
    /// The day without the change; `null`: no end was in sight.
    instead_of: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct CostView<'a> {
    prices_of: &'a str,
    prices_region: &'a str,
    currency: &'a str,
    storages: Vec<StorageCostView<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct StorageCostView<'a> {
    storage: &'a str,
    /// Decimal number as text; `null`: something has no known price.
    #[schemars(with = "Option<String>")]
    month_before: Option<Money>,
    #[schemars(with = "Option<String>")]
    month_after: Option<Money>,
    /// Tiers of databases without a recorded size, which are not counted.
    unknown_count: usize,
}

/// The review as one JSON document, ending with a line feed.
pub fn review_json(review: &Review) -> String {
    let view = ReviewView {
        format_version: 1,
        valid: review.is_valid(),
        error_count: review.count(Severity::Error),
        warning_count: review.count(Severity::Warning),
        info_count: review.count(Severity::Info),
        policies: review.policies.iter().map(policy).collect(),
    };
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}

/// The schema of what `review --json` prints: what `schemas/review.v1.json` holds.
pub fn review_schema() -> Value {
    let mut schema = schema_for!(ReviewView<'static>).to_value();
    schema["$id"] = json!("urn:backstay:schema:review:1");
    schema["title"] = json!("Review of a change of policies, format 1");
    schema
}

fn policy(policy: &PolicyReview) -> PolicyView<'_> {
    PolicyView {
        name: &policy.name,
        base: policy.base.as_deref(),
        head: policy.head.as_deref(),
        valid: policy.is_valid,
        findings: policy.findings.iter().map(finding).collect(),
        questions: &policy.questions,
        cost: policy.cost.as_ref().map(cost),
        notes: &policy.notes,
    }
}

fn finding(finding: &Finding) -> FindingView<'_> {
    FindingView {
        code: finding.code.id,
        severity: word(finding.code.severity),
        title: finding.code.title,
        detail: &finding.detail,
        path: finding.route.to_string(),
        databases: &finding.databases,
        before: finding.before.as_deref(),
        after: finding.after.as_deref(),
        place: finding.place.as_ref().map(place),
        near: finding.near.as_ref().map(place),
        lost: finding.lost.iter().map(lost).collect(),
        why: finding.why.as_deref(),
        hint: finding.hint.as_deref(),
    }
}

fn place(place: &Place) -> PlaceView<'_> {
    PlaceView {
        side: if place.is_after { "head" } else { "base" },
        file: &place.file,
        line: place.start.line,
        column: place.start.column,
        end_line: place.end.line,
        end_column: place.end.column,
    }
}

fn lost(lost: &LostPoints) -> LostView<'_> {
    LostView {
        databases: &lost.databases,
        tier: &lost.tier,
        recorded: lost.is_recorded,
        partial: lost.is_partial,
        first_day: lost.days.first().map(|day| day.on.as_str()),
        point_count: lost.n_points,
        days: lost
            .days
            .iter()
            .map(|day| LostDayView { on: &day.on, points: day.points.iter().map(point).collect() })
            .collect(),
    }
}

fn point(point: &LostPoint) -> LostPointView<'_> {
    LostPointView { name: &point.name, instead_of: point.instead_of.as_deref() }
}

fn cost(cost: &CostChange) -> CostView<'_> {
    CostView {
        prices_of: &cost.prices_of,
        prices_region: &cost.prices_region,
        currency: &cost.currency,
        storages: cost
            .storages
            .iter()
            .map(|storage| StorageCostView {
                storage: &storage.storage,
                month_before: storage.month_before,
                month_after: storage.month_after,
                unknown_count: storage.n_unknown,
            })
            .collect(),
    }
}
