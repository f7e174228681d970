//! How many lifecycle rules a policy makes in a bucket.
//!
//! As the API of S3 says (`PutBucketLifecycleConfiguration`): at most 1,000. How rules are made of tiers says
//! docs/aws.md.

use super::storage::{S3, wrong};
use crate::diag::{Diagnostic, codes};
use crate::policy::check::names::{entries, items};
use crate::policy::route::Route;
use crate::policy::tree::Node;

const MOST: usize = 1_000;

/// Every bucket that would get more rules than it takes, at the first storage in it.
pub(super) fn check(tree: &Node, storages: &[S3<'_>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let place = |storage: &S3<'_>| {
        ["bucket", "endpoint"].map(|key| storage.node.get(key).and_then(Node::text).map(str::to_owned))
    };
    for (index, storage) in storages.iter().enumerate() {
        if storages[..index].iter().any(|other| place(other) == place(storage)) {
            continue;
        }
        let shares = storages[index..].iter().filter(|other| place(other) == place(storage));
        let count: usize = shares.map(|share| rules(tree, share)).sum();
        if count <= MOST {
            continue;
        }
        let Some(bucket) = storage.node.get("bucket") else { continue };
        found.push(
            wrong(
                &codes::TOO_MANY_RULES,
                &storage.route.key("bucket"),
                bucket,
                format!("{count} rules, and S3 takes {MOST}"),
            )
            .with_why("Every tier with transitions, or that S3 prunes, is a rule or two of its own in the bucket.")
            .with_hint("Use fewer tiers, or several buckets."),
        );
    }
    found
}

fn rules(tree: &Node, storage: &S3<'_>) -> usize {
    let by_lifecycle = storage.node.get("prune").and_then(Node::text) == Some("lifecycle");
    let cleaning =
        ["abort_incomplete_uploads", "noncurrent_versions"].iter().filter(|key| storage.manage(key).is_some()).count();
    let mut count = cleaning;
    for (_, tier) in entries(tree, &Route::of(["tiers"])) {
        for (_, copy) in
            items(tier.get("copies")).filter(|(_, copy)| copy.get("to").and_then(Node::text) == Some(&storage.name))
        {
            let moves = copy.get("transitions").and_then(Node::items).is_some_and(|moves| !moves.is_empty());
            count += match (by_lifecycle, moves) {
                (true, _) => 2,
                (false, true) => 1,
                (false, false) => 0,
            };
        }
    }
    count
}
