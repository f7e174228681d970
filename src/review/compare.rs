//! Every comparison, in one table.

use super::draft::Draft;
use super::pair::Pair;
use super::{
    access, alerts, commands, copies, databases, encryption, objectives, points, proof, protection, recovery, rest,
    retention, scope, storages,
};

type Comparison = fn(&Pair<'_>, &mut Vec<Draft>);

/// Each asks one question and adds what it finds. None depends on another but the last, which tells what none did.
const COMPARISONS: &[Comparison] = &[
    databases::compare,
    scope::compare,
    recovery::compare,
    objectives::compare,
    points::compare,
    retention::compare,
    copies::compare,
    storages::compare,
    protection::compare,
    encryption::compare,
    access::compare,
    alerts::compare,
    proof::compare,
    commands::compare,
    rest::compare,
];

/// Everything that differs.
pub(super) fn drafts(pair: &Pair<'_>) -> Vec<Draft> {
    let mut found = Vec::new();
    for compare in COMPARISONS {
        compare(pair, &mut found);
    }
    found
}
