//! The steps of a plan, by storage and database, for people.

use super::Style;
use crate::base::Size;
use crate::plan::{Action, Deed, FieldChange, Plan, Symbol};
use crate::resource::Resource;
use similar::{ChangeTag, TextDiff};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Every step, one line each, with the fields that change below it.
pub(super) fn steps(out: &mut String, plan: &Plan, style: Style) {
    let guarded: BTreeSet<&str> = plan.guards.iter().flat_map(|guard| &guard.actions).map(String::as_str).collect();
    let guard = if plan.is_refused() { " (waits, see above)" } else { " (guarded, see below)" };
    let mut groups: BTreeMap<String, BTreeMap<Option<&str>, Vec<&Action>>> = BTreeMap::new();
    for action in &plan.actions {
        let place = match &action.deed {
            Deed::Provision { storage: None, access: Some(access), .. } => format!("access {access}"),
            Deed::Forget { .. } | Deed::RemovePolicy { .. } => "access".to_owned(),
            Deed::ForgetBucket { .. } => "buckets".to_owned(),
            Deed::Provision { storage: None, access: None, .. } | Deed::RemoveAlarm { .. } => "cloudwatch".to_owned(),
            Deed::InstallFile { .. } | Deed::RemoveFile { .. } => "schedules".to_owned(),
            Deed::SetServer { .. } => "servers".to_owned(),
            deed => deed.storages().join(", "),
        };
        let group = groups.entry(place).or_default();
        group.entry(action.deed.database()).or_default().push(action);
    }
    for (storages, databases) in groups {
        let location = plan.basis.storages.get(&storages).map_or("", |basis| &basis.location);
        let _ = writeln!(out, "{}", format!("\n{} {}", style.bold(&storages), style.dim(location)).trim_end());
        for (database, actions) in databases {
            if let Some(database) = database {
                let _ = writeln!(out, "  {}", style.bold(database));
            }
            for action in actions {
                let guard = guarded.contains(action.address.as_str()).then_some(guard);
                line(out, action, guard, style);
            }
        }
    }
}

/// `guard`: what to say behind a step that is not carried out.
fn line(out: &mut String, action: &Action, guard: Option<&str>, style: Style) {
    let symbol = action.symbol.character().to_string();
    let symbol = match (guard.is_some(), action.symbol) {
        (true, _) => style.yellow("!"),
        (_, Symbol::Create) => style.green(&symbol),
        (_, Symbol::Change) => style.yellow(&symbol),
        (_, Symbol::Delete) => style.red(&symbol),
        (_, Symbol::Copy) => style.cyan(&symbol),
    };
    let what = match &action.deed {
        Deed::CreateFolder { .. } | Deed::ChangeFolder { .. } => "folder".to_owned(),
        Deed::CreateMarker { .. } => "marker".to_owned(),
        Deed::Provision { resource, .. } if matches!(**resource, Resource::Alarm(_)) => {
            action.address.replacen("cloudwatch/", "alarm ", 1)
        }
        Deed::RemoveAlarm { name } => format!("alarm {name}"),
        Deed::Provision { resource, .. } => resource.word().replace('-', " "),
        Deed::Forget { principal, .. } => format!("forget {principal}"),
        Deed::RemovePolicy { arn, .. } => format!("policy {}", arn.rsplit('/').next().unwrap_or_default()),
        Deed::ForgetBucket { bucket, .. } => format!("forget bucket {}", bucket.bucket),
        Deed::InstallFile { path, .. } | Deed::RemoveFile { path } => path.clone(),
        Deed::SetServer { setting, .. } => setting.clone(),
        Deed::TakeBackup { tier, .. } => format!("backup {tier}"),
        Deed::CopyBackup { tier, id, from, .. } => format!("copy {tier} {id} from {from}"),
        Deed::PruneBackup { tier, id, .. } => format!("prune {tier} {id}"),
        Deed::CopyWal { system_id, from, .. } => format!("copy WAL of cluster {system_id} from {from}"),
        Deed::PruneWal { system_id, before, .. } => match before {
            Some(before) => format!("prune WAL of cluster {system_id} before {before}"),
            None => format!("prune all WAL of cluster {system_id}"),
        },
        Deed::ClearLeftover { tier, id, keys, .. } => match id.as_str() {
            "" => format!("leftover {}", keys.join(", ")),
            id => format!("leftover {tier} {id}"),
        },
    };
    let bytes = match (action.bytes, action.symbol) {
        (None, _) => String::new(),
        (Some(bytes), Symbol::Create) => format!(", about {}", Size(bytes)),
        (Some(bytes), _) => format!(", {}", Size(bytes)),
    };
    let guard = guard.map(|guard| style.yellow(guard)).unwrap_or_default();
    let reason = style.dim(&format!("{}{bytes}", action.reason));
    let _ = writeln!(out, "  {symbol} {what}: {reason}{guard}");
    for change in &action.changes {
        let _ = writeln!(out, "      {}", field(change, style));
    }
}

/// `mode: 0755 → 0700`, the characters that differ emphasised.
fn field(change: &FieldChange, style: Style) -> String {
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        return match (&change.before, &change.after) {
            (Some(before), _) => format!("{}: {} → nothing", change.field, style.red(before)),
            (None, after) => format!("{}: {}", change.field, after.as_deref().unwrap_or_default()),
        };
    };
    let diff = TextDiff::from_chars(before.as_str(), after.as_str());
    let side = |wanted: ChangeTag| -> String {
        diff.iter_all_changes()
            .filter(|part| part.tag() == ChangeTag::Equal || part.tag() == wanted)
            .map(|part| match part.tag() {
                ChangeTag::Equal => part.value().to_owned(),
                ChangeTag::Delete => style.red(part.value()),
                ChangeTag::Insert => style.green(part.value()),
            })
            .collect()
    };
    format!("{}: {} → {}", change.field, side(ChangeTag::Delete), side(ChangeTag::Insert))
}
