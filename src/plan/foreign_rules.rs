//! What a plan says of lifecycle rules that others made in a bucket: one that would take what the policy promises is an
//! error of the plan. While it stands `apply` takes backups and brings copies, because more of them never hurts, and does
//! nothing else. Rules that act on nothing of ours, or late enough, are kept without a word.

use super::backups::Slot;
use super::days::day;
use super::irreversible::with_waiting;
use super::outlook::{Breaks, Danger, Harm, When, dangers};
use super::{Action, Guard, GuardKind, Live, Note, Phase, Scope};
use crate::base::Period;
use crate::catalog::Keep;
use crate::policy::Desired;
use jiff::Timestamp;

/// One guard for each rule and tier. What is worth knowing and breaks no promise, or was not asked about, is a note.
pub(super) fn guards(
    desired: &Desired,
    live: &Live,
    slots: &[Slot<'_>],
    actions: &[Action],
    scope: &Scope,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Vec<Guard> {
    let stopped = with_waiting(actions, |action| matches!(action.phase, Phase::Infra | Phase::Prune));
    // A run that is only to protect is not spoilt by what it does not touch; one of the buckets is about their rules.
    let is_asked = scope.is_whole() || scope.only.contains(&Phase::Infra) || !stopped.is_empty();
    let mut guards = Vec::new();
    for danger in dangers(desired, live, slots, now) {
        let is_broken = matches!(danger.breaks, Breaks::Promise(_) | Breaks::Versions(_));
        if is_broken && is_asked {
            guards.push(Guard {
                kind: GuardKind::ForeignRule,
                database: String::new(),
                message: message(&danger),
                hint: hint(&danger),
                tier: danger.tier,
                actions: stopped.clone(),
                n_allowed: None,
            });
        } else {
            let about = format!("storage/{}/lifecycle", danger.storage);
            notes.push(Note { about, message: message(&danger), is_problem: false });
        }
    }
    guards
}

fn message(danger: &Danger) -> String {
    let Danger { bucket, rule, tier, below, .. } = danger;
    let place = if below.is_empty() { String::new() } else { format!(" below `{below}`") };
    let when = match danger.when {
        When::Age(days) => format!("after {}", Period::days(u64::from(days))),
        When::From(on) => format!("from {} on", day(on)),
    };
    let does = match danger.harm {
        Harm::Deletes => format!("deletes backups of tier `{tier}`{place} {when}"),
        Harm::Freezes(class) => format!("moves backups of tier `{tier}`{place} to {class} {when}"),
        Harm::DeletesOldVersions => format!("deletes old versions{place} {when} (tier `{tier}`)"),
    };
    let but = match (danger.breaks, danger.harm) {
        (Breaks::Promise(_), Harm::Freezes(_)) => "the policy wants them readable then".to_owned(),
        (Breaks::Promise(keep), _) => format!("the policy keeps {}", said(keep)),
        (Breaks::Versions(kept), _) => format!("the policy keeps them for {kept}"),
        (Breaks::Floor(floor), _) => format!("so `safety.keep_at_least: {floor}` does not hold"),
        (Breaks::NothingYet, _) => "it is an error of the plan once it would take a backup that is kept".to_owned(),
    };
    let joint = if matches!(danger.breaks, Breaks::Promise(_) | Breaks::Versions(_)) { "but" } else { "and" };
    let first = match (danger.first, danger.harm) {
        _ if joint == "and" => String::new(),
        (None, _) => ": any that is made".to_owned(),
        (Some(at), Harm::Freezes(_)) => format!(": the first is frozen on {}", day(at)),
        (Some(at), Harm::Deletes) => format!(": the first is lost on {}", day(at)),
        (Some(at), Harm::DeletesOldVersions) => {
            format!(": what is overwritten or deleted now is lost on {}", day(at))
        }
    };
    format!("bucket {bucket}: the rule `{rule}`, which this policy did not make, {does}, {joint} {but}{first}")
}

fn said(keep: Keep) -> String {
    match keep {
        Keep::For(period) => format!("them for {period}"),
        Keep::Last(count) => format!("the last {count}"),
        Keep::ForAtLeast(period, count) => format!("them for {period} and at least {count}"),
    }
}

fn hint(danger: &Danger) -> String {
    let Danger { bucket, tier, .. } = danger;
    let promise = match (danger.harm, danger.when, danger.breaks) {
        (Harm::Deletes, When::Age(days), Breaks::Promise(Keep::For(_))) => {
            format!(", or write `keep: {}` for tier `{tier}`", Period::days(u64::from(days)))
        }
        (Harm::DeletesOldVersions, When::Age(days), _) => {
            format!(", or write `noncurrent_versions: {}`", Period::days(u64::from(days)))
        }
        (Harm::Freezes(class), When::Age(days), _) => {
            let after = Period::days(u64::from(days));
            format!(", or write `transitions: [{{ after: {after}, to: {class} }}]` for tier `{tier}`")
        }
        _ => String::new(),
    };
    format!(
        "Narrow or remove the rule (`aws s3api get-bucket-lifecycle-configuration --bucket {bucket}` shows it){promise}."
    )
}
