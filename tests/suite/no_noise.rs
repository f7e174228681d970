//! What was applied is as wanted: a second plan is empty, whatever AWS fills in and however it spells its answers, and
//! what others have in the same account stays. And no step on the way there makes anything less safe before its time.

use crate::support::{AwsModel, Spelling, accounts, foreign, losses, meaning, policies};
use backstay::plan::{Action, Deed, Phase, Plan, Scope, plan};
use backstay::policy::Desired;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::Value;
use std::cell::Cell;

const NOW: &str = "2026-11-28T12:00:00Z";

fn planned(aws: &AwsModel, desired: &Desired, spelling: Spelling) -> Plan {
    plan(desired, &aws.look(desired, spelling), NOW.parse().unwrap(), &Scope::only(&[Phase::Infra]))
}

fn steps(plan: &Plan) -> Vec<&Action> {
    plan.actions.iter().filter(|action| matches!(action.deed, Deed::Provision { .. })).collect()
}

fn told(plan: &Plan) -> Vec<String> {
    steps(plan).iter().map(|action| format!("{}: {:?}", action.address, action.changes)).collect()
}

fn spellings() -> impl Strategy<Value = Spelling> {
    any::<[bool; 4]>().prop_map(|[scalars, reversed, case, filled]| Spelling { scalars, reversed, case, filled })
}

/// Runs `test` over many accounts and policies: an account, two policies of one name, and how AWS spells.
fn many(cases: u32, test: impl Fn(AwsModel, [Value; 2], Spelling, usize) -> Result<(), TestCaseError>) {
    let config =
        ProptestConfig { cases, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() };
    let input = (accounts(), policies(), policies(), spellings(), 0..12_usize);
    let run = TestRunner::new(config)
        .run(&input, |(aws, first, second, spelling, stop)| test(aws, [first, second], spelling, stop));
    run.unwrap_or_else(|error| panic!("{error}"));
}

/// One policy, then another of the same name, over an account in which others were at work.
#[test]
fn what_was_applied_is_as_wanted() {
    let (n_steps, n_theirs) = (Cell::new(0), Cell::new(0));
    many(150, |mut aws, policies, spelling, stop| {
        let theirs = foreign(&aws);
        n_theirs.set(n_theirs.get() + theirs.len());
        for policy in policies {
            let desired = meaning(&policy);
            // A run that is cut short, then one that goes through.
            for action in steps(&planned(&aws, &desired, spelling)).into_iter().take(stop) {
                aws.apply(&desired, action);
            }
            let rest = planned(&aws, &desired, spelling);
            n_steps.set(n_steps.get() + steps(&rest).len());
            for action in steps(&rest) {
                aws.apply(&desired, action);
            }
            let again = planned(&aws, &desired, spelling);
            prop_assert_eq!(told(&again), Vec::<String>::new(), "of {}", policy);
            let now = foreign(&aws);
            for line in &theirs {
                prop_assert!(now.contains(line), "{} is gone; there is\n{}", line, now.join("\n"));
            }
        }
        Ok(())
    });
    assert!(n_steps.get() > 700 && n_theirs.get() > 500, "{n_steps:?} steps, {n_theirs:?} things of others");
}

/// A run that stops anywhere leaves everything at least as safe as it was, unless only what loosens was left to do; and
/// what loosens waits for everything that protects the same bucket or identity.
#[test]
fn every_part_of_the_work_leaves_everything_as_safe() {
    let (n_loosening, n_tightening) = (Cell::new(0), Cell::new(0));
    many(150, |mut aws, policies, spelling, _| {
        for policy in policies {
            let desired = meaning(&policy);
            let plan = planned(&aws, &desired, spelling);
            let (all, start) = (steps(&plan), aws.clone());
            let near = |a: &Action, b: &Action| a.address.split('/').take(2).eq(b.address.split('/').take(2));
            for (at, action) in all.iter().enumerate() {
                // What the plan itself makes was nowhere to be less safe than.
                let mut before = aws.clone();
                before.held.retain(|key, _| start.held.contains_key(key));
                aws.apply(&desired, action);
                let lost = losses(&before, &aws);
                if !action.loosens {
                    n_tightening.set(n_tightening.get() + 1);
                    prop_assert!(lost.is_empty(), "{} of {}: {:?}", action.address, policy, lost);
                    prop_assert!(all[..at].iter().all(|earlier| !earlier.loosens), "{} comes too late", action.address);
                    continue;
                }
                n_loosening.set(n_loosening.get() + usize::from(!lost.is_empty()));
                let protects = |other: &&&Action| !other.loosens && other.irreversible.is_none() && near(other, action);
                for other in all.iter().filter(protects) {
                    let waits = action.depends_on.contains(&other.address);
                    prop_assert!(waits, "{} does not wait for {}", action.address, other.address);
                }
            }
        }
        Ok(())
    });
    assert!(n_loosening.get() > 150 && n_tightening.get() > 1_500, "{n_loosening:?} loosen, {n_tightening:?} do not");
}

/// What keeps a bucket private comes first, and what it refuses before anybody is let in.
#[test]
fn a_bucket_is_closed_before_anything_is_granted() {
    let n_closed = Cell::new(0);
    many(100, |aws, [policy, _], spelling, _| {
        let desired = meaning(&policy);
        let plan = planned(&aws, &desired, spelling);
        let addresses: Vec<&str> = steps(&plan).iter().map(|action| action.address.as_str()).collect();
        let at = |address: &str| addresses.iter().position(|other| *other == address);
        for name in desired.storages.keys() {
            let of = |word: &str| at(&format!("storage/{name}/{word}"));
            if let Some(blocked) = of("public-access") {
                let others = addresses.iter().enumerate().filter(|(_, a)| a.starts_with(&format!("storage/{name}/")));
                let first = others.filter(|(_, address)| !address.ends_with("/bucket")).map(|(at, _)| at).min();
                prop_assert_eq!(first, Some(blocked), "{:?}", &addresses);
            }
            let Some(policy) = of("policy").filter(|at| !steps(&plan)[*at].loosens) else { continue };
            for (entry, spec) in desired.access.iter().filter(|(_, spec)| spec.storages.contains(name)) {
                let Some(grants) = at(&format!("access/{entry}/grants")) else { continue };
                n_closed.set(n_closed.get() + 1);
                prop_assert!(policy < grants, "{:?} of {:?}", &addresses, spec);
                let waits = steps(&plan)[grants].depends_on.contains(&format!("storage/{name}/policy"));
                prop_assert!(waits, "the grants of {} do not wait for the policy of {}", entry, name);
            }
        }
        Ok(())
    });
    assert!(n_closed.get() > 25, "{n_closed:?}");
}
