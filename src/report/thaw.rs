//! A restore that begins with a thaw, for people and machines.

use super::Style;
use crate::base::{Money, Period};
use crate::plan::{AskedThaw, RestoreOrigin, ThawEstimate, ThawPlan, ThawStage};
use crate::resource::ThawSpeed;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;

/// What is thawed and how long that takes, for people, ending with a line feed.
pub fn thaw(plan: &ThawPlan, now: Timestamp, style: Style) -> String {
    let mut out = String::new();
    let ThawPlan { database, origin, thaw, stage, asked, cost } = plan;
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "{}", style.bold(&format!("Restore {database}")));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {}{value}", style.dim(&format!("{name:<10}")));
    };
    if let RestoreOrigin::Backup { id, tier, storage, taken_at, reasons, .. } = origin {
        let age = Period::between(*taken_at, now).human();
        line("backup", format!("{id} of {age} ago, tier `{tier}`, from `{storage}`"));
        line("because", reasons.join("; "));
    }
    line("class", format!("{}: its bytes can be read once they are thawed", thaw.class));
    let days = if thaw.days == 1 { "a day".to_owned() } else { format!("{} days", thaw.days) };
    line(
        "thaw",
        match (stage, asked) {
            (ThawStage::UnderWay, Some(AskedThaw { at, .. })) => {
                format!("{}, asked for on {}, speed `{}`: {}", thaw.amount(), moment(*at), thaw.speed, thaw.time)
            }
            (ThawStage::UnderWay, None) => {
                format!("{}, asked for by an earlier run; this machine does not know when", thaw.amount())
            }
            _ => format!("{}, speed `{}`: {}; readable for {days}", thaw.amount(), thaw.speed, thaw.time),
        },
    );
    if let Some(ThawEstimate { cost, currency, as_of, region }) = cost {
        let unpriced = match cost.unpriced.as_slice() {
            [] => String::new(),
            unpriced => format!(", {} not priced", unpriced.join(" and ")),
        };
        line("costs", format!("about {} {currency}{unpriced}; an estimate, prices of {as_of}, {region}", cost.known));
    }
    let state = match (stage, thaw.n_under_way()) {
        (ThawStage::Planned, 0) => "not asked for yet".to_owned(),
        (ThawStage::Asked, _) => "asked for now".to_owned(),
        (_, n) => format!("{n} of {} being thawed since an earlier request{}", thaw.files.len(), left(plan, now)),
    };
    line("state", state);
    let _ = writeln!(out, "\n{}", style.bold("Steps"));
    let wait = match plan.ready_by(now) {
        Some(at) if at <= now => "wait: it should end any moment".to_owned(),
        Some(at) => format!("wait until about {}", moment(at)),
        None => match thaw.class.thaws_within(ThawSpeed::Bulk) {
            Some(time) => {
                format!("wait: at most {} from now, and less if it was asked for as a faster one", time.to.human())
            }
            None => "wait".to_owned(),
        },
    };
    let ask = (*stage != ThawStage::UnderWay).then(|| format!("ask for the thaw of {}", thaw.amount()));
    let restore = "restore: its steps are planned once the bytes can be read".to_owned();
    for (index, step) in ask.into_iter().chain([wait, restore]).enumerate() {
        let _ = writeln!(out, "  {}. {step}", index + 1);
    }
    out
}

/// How long it still takes, where that is known, as words to append.
fn left(plan: &ThawPlan, now: Timestamp) -> String {
    let end = plan.ready_by(now).filter(|end| plan.stage == ThawStage::UnderWay && *end > now);
    end.map_or_else(String::new, |end| format!(", about {} left", Period::between(now, end).human()))
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A thaw for machines. Additive changes only within a version.
#[derive(Debug, Serialize)]
struct ThawView<'a> {
    format_version: u32,
    database: &'a str,
    id: &'a str,
    tier: &'a str,
    storage: &'a str,
    thaw: StateView<'a>,
}

#[derive(Debug, Serialize)]
struct StateView<'a> {
    state: &'static str,
    class: &'static str,
    speed: &'static str,
    files: Vec<&'a str>,
    bytes: u64,
    days: u32,
    expected_seconds_from: u64,
    expected_seconds_to: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_at: Option<String>,
    ready_by: Option<String>,
    cost: Option<CostView<'a>>,
}

#[derive(Debug, Serialize)]
struct CostView<'a> {
    amount: Money,
    currency: &'a str,
    unpriced: &'a [&'static str],
    prices_of: &'a str,
    region: &'a str,
}

/// A thaw as one JSON document, ending with a line feed.
pub fn thaw_json(plan: &ThawPlan, now: Timestamp) -> String {
    let ThawPlan { database, origin, thaw, stage, asked, cost } = plan;
    let (id, tier, storage) = match origin {
        RestoreOrigin::Backup { id, tier, storage, .. } => (id.as_str(), tier.as_str(), storage.as_str()),
        RestoreOrigin::File { path, .. } => (path.as_str(), "", ""),
    };
    let state = match stage {
        ThawStage::Planned if thaw.n_under_way() == 0 => "frozen",
        ThawStage::Planned | ThawStage::UnderWay => "thawing",
        ThawStage::Asked => "requested",
    };
    let view = ThawView {
        format_version: 1,
        database,
        id,
        tier,
        storage,
        thaw: StateView {
            state,
            class: thaw.class.name(),
            speed: thaw.speed.word(),
            files: thaw.files.iter().map(|file| file.name.as_str()).collect(),
            bytes: thaw.bytes(),
            days: thaw.days,
            expected_seconds_from: thaw.time.from.0,
            expected_seconds_to: thaw.time.to.0,
            asked_at: asked.filter(|_| *stage == ThawStage::UnderWay).map(|asked| asked.at.to_string()),
            ready_by: plan.ready_by(now).map(|at| at.to_string()),
            cost: cost.as_ref().map(|estimate| CostView {
                amount: estimate.cost.known,
                currency: &estimate.currency,
                unpriced: &estimate.cost.unpriced,
                prices_of: &estimate.as_of,
                region: &estimate.region,
            }),
        },
    };
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::plan::{Prices, ThawFile, thaw as decide};
    use crate::resource::{Availability, StorageClass};

    fn plan(stage: ThawStage, asked: Option<AskedThaw>) -> ThawPlan {
        let file = |name: &str, bytes, availability| ThawFile { name: name.to_owned(), bytes, availability };
        let files = [
            file("dump.zst.age", 310 << 20, Availability::Archived(StorageClass::DeepArchive)),
            file("globals.sql.zst.age", 900, Availability::Thawing(StorageClass::DeepArchive)),
        ];
        let thaw = decide(&files, ThawSpeed::Bulk, 7, Timestamp::UNIX_EPOCH).unwrap().unwrap();
        let text = r#"{"format_version":1,"as_of":"2026-03-01","region":"us-east-1","currency":"USD","classes":{
            "STANDARD":{"gb_month":[{"from_gb":0,"price":0.023}]},
            "DEEP_ARCHIVE":{"gb_month":[],"thaw":{"bulk":{"gb":0.0025}}}}}"#;
        ThawPlan {
            cost: (stage != ThawStage::UnderWay).then(|| thaw.estimate(&Prices::parse(text).unwrap())),
            database: "app".to_owned(),
            origin: RestoreOrigin::Backup {
                id: "20261020T020000Z-k3f9".parse().unwrap(),
                tier: "monthly".to_owned(),
                storage: "offsite".to_owned(),
                taken_at: "2026-10-20T02:00:00Z".parse().unwrap(),
                reasons: vec!["asked for by its id".to_owned(), "only `offsite` holds it".to_owned()],
                passed_over: Vec::new(),
            },
            thaw,
            stage,
            asked,
        }
    }

    #[test]
    fn people_see_the_thaw() {
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        insta::assert_snapshot!(thaw(&plan(ThawStage::Planned, None), now, Style::PLAIN));
    }

    #[test]
    fn people_see_what_is_left_of_a_thaw_that_goes_on() {
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        let unknown = thaw(&plan(ThawStage::UnderWay, None), now, Style::PLAIN);
        insta::assert_snapshot!(unknown);
        let asked = |at: &str| Some(AskedThaw { at: at.parse().unwrap(), speed: ThawSpeed::Bulk });
        let known = thaw(&plan(ThawStage::UnderWay, asked("2026-11-19T10:30:00Z")), now, Style::PLAIN);
        insta::assert_snapshot!(known);
        let late = thaw(&plan(ThawStage::UnderWay, asked("2026-11-18T07:00:00Z")), now, Style::PLAIN);
        assert!(late.contains("1. wait: it should end any moment"), "{late}");
    }

    #[test]
    fn machines_see_the_thaw() {
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        insta::assert_snapshot!(thaw_json(&plan(ThawStage::Asked, None), now));
    }
}
