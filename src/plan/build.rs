//! Planning: from what is wanted and what was found to what is to be done.

use super::wanted::left_out;
use super::{
    Action, Basis, Live, Note, Outlook, Phase, Plan, PolicyIdentity, Scope, alarms, backups, copies, effects,
    foreign_rules, guard, infra, irreversible, left_buckets, left_policies, leftovers, notes, orphans, provision,
    prune, restorable, server_settings, subjects, timetable, wal, wal_copies, wal_guard,
};
use crate::policy::Desired;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Compares a policy with the world at `now`. Total and deterministic: equal inputs give equal plans.
pub fn plan(desired: &Desired, live: &Live, now: Timestamp, scope: &Scope) -> Plan {
    let subjects = subjects(desired, live);
    let slots = backups::slots(desired, live, &subjects, now);
    let mut notes = notes::notes(desired, live, &subjects);
    notes.extend(slots.iter().filter_map(|slot| notes::ahead(slot, now)));

    let mut of_provision = Vec::new();
    let (mut actions, mut n_unchanged) = provision::actions(desired, live, now, &mut of_provision);
    // Who only takes backups or prunes need not be able to read settings and identities.
    of_provision.retain(|note| scope.wants(Phase::Infra, &note.about) || !provision::is_unreadable(live, &note.about));
    notes.extend(of_provision);
    left_policies::keep_together(&mut actions);
    let removed = left_policies::actions(desired, live, &actions, &mut notes);
    actions.extend(removed);
    actions.extend(orphans::actions(live, scope, &mut notes));
    actions.extend(left_buckets::actions(live, scope, &mut notes));
    notes.extend(nothing_to_forget(scope, &actions));
    let (places, n_places) = infra::actions(desired, live, &mut notes);
    actions.extend(places);
    n_unchanged += n_places;
    let (settings, n_settings) = server_settings::actions(desired, live, &mut notes);
    actions.extend(settings);
    n_unchanged += n_settings;
    let mut of_alarms = Vec::new();
    let (alarms, n_alarms) = alarms::actions(desired, live, &mut of_alarms);
    of_alarms.retain(|note| scope.wants(Phase::Infra, &note.about));
    notes.extend(of_alarms);
    actions.extend(alarms);
    n_unchanged += n_alarms;
    let (files, n_files) = timetable::actions(desired, live, &mut notes);
    actions.extend(files);
    n_unchanged += n_files;
    // Retention counts what this plan adds, so what is not wanted must be gone before pruning is decided.
    let mut added: Vec<Action> = slots.iter().filter_map(|slot| backups::action(slot, now)).collect();
    let mut deferred = Vec::new();
    added.extend(slots.iter().flat_map(|slot| copies::actions(desired, slot, now, &mut notes, &mut deferred)));
    actions.extend(added);
    let with_all = scope.choose(actions.clone());
    let planned: BTreeSet<String> = with_all.iter().map(|action| action.address.clone()).collect();

    for slot in &slots {
        let (prunes, n_kept) = prune::actions(desired, slot, &planned, now, &mut deferred, &mut notes);
        actions.extend(prunes);
        n_unchanged += n_kept;
    }
    actions.extend(leftovers::actions(desired, live, &slots, &planned, now, &mut notes, &mut deferred));
    deferred.retain(|locked| scope.wants(Phase::Prune, &locked.address));
    deferred.sort();
    let mut actions = scope.choose(actions);
    let expendable = wal::actions(desired, live, &subjects, &actions, &mut notes);
    let lacking = wal_copies::actions(live, &subjects, &actions, now);
    actions.extend(scope.choose(expendable));
    actions.extend(scope.choose(lacking));
    provision::hold_back(&mut actions);
    actions.sort_by(|a, b| (a.loosens, a.phase, order(a)).cmp(&(b.loosens, b.phase, order(b))));
    let mut actions = prune::referring_first(actions);

    let takes_backup = |slot: &backups::Slot<'_>| planned.contains(&backups::address(&slot.subject.name, slot.tier));
    let mut guards: Vec<_> =
        slots.iter().flat_map(|slot| guard::guards(slot, &actions, takes_backup(slot), now)).collect();
    guards.extend(wal_guard::guards(live, &subjects, &actions));
    let effects = slots.iter().filter_map(|slot| effects::effect(slot, &actions, now)).collect();
    let restorable = restorable::restorability(desired, &subjects, live, &actions, scope, now, &mut notes);
    drop_unneeded(&mut actions);
    guards.extend(irreversible::guards(&actions));
    // Where only backups are taken nobody need know who we are or where keys go.
    if scope.has(Phase::Infra) {
        notes.extend(left_out(desired, live));
    }
    guards.extend(foreign_rules::guards(desired, live, &slots, &actions, scope, now, &mut notes));

    let basis = Basis::of(live);
    Plan {
        id: Plan::identity(&desired.hash, &basis, &actions, &guards),
        policy: PolicyIdentity { name: desired.name.clone(), file: desired.file.clone(), hash: desired.hash },
        created_at: now,
        scope: scope.clone(),
        actions,
        guards,
        notes,
        effects,
        restorable,
        deferred,
        outlook: Outlook::default(),
        n_unchanged,
        basis,
    }
}

/// Infrastructure keeps its own order (a folder before its marker); everything else goes by address.
fn order(action: &Action) -> &str {
    if action.phase == Phase::Infra { "" } else { &action.address }
}

/// A dependency on a step that is not in the plan is one on something that is already true.
fn drop_unneeded(actions: &mut [Action]) {
    let present: BTreeSet<String> = actions.iter().map(|action| action.address.clone()).collect();
    for action in actions {
        action.depends_on.retain(|address| present.contains(address));
    }
}

/// Names given with `--forget` that stand for nothing.
fn nothing_to_forget(scope: &Scope, actions: &[Action]) -> Vec<Note> {
    let unknown = scope.forget.iter().filter(|named| !actions.iter().any(|action| action.address == **named));
    let message = "there is nothing of that name to forget";
    unknown.map(|about| Note { about: about.clone(), message: message.to_owned(), is_problem: true }).collect()
}
