//! Finds what a backup that nobody planned may refer to.

use super::Target;
use crate::base::BackupId;
use crate::catalog::{Backup, Contents, Method, WhyFull, choose_earlier};
use crate::policy::Desired;
use crate::repository::Repository;
use indexmap::IndexMap;
use jiff::Timestamp;

/// What the next backup of a tier refers to, or why it is full; `None` where every backup is. `storages`: those that get
/// it; one that cannot be read holds nothing.
pub async fn find_earlier(
    desired: &Desired,
    target: &Target<'_>,
    storages: &[&str],
    repositories: &IndexMap<String, Repository>,
    now: Timestamp,
) -> Option<Result<BackupId, WhyFull>> {
    let full_every = target.tier_spec.full_every.filter(|_| target.tier_spec.method == Method::Physical)?;
    if let Some(why) = desired.self_contained(target.tier_spec) {
        return Some(Err(WhyFull::Policy(why.to_string())));
    }
    let mut read: Vec<Contents> = Vec::new();
    for storage in storages {
        let contents = match repositories.get(*storage) {
            Some(repository) => repository.read().await.unwrap_or_default(),
            None => Contents::default(),
        };
        read.push(contents);
    }
    let is_of_tier = |backup: &&Backup| {
        backup.policy == desired.name && backup.database == target.name && backup.tier == target.tier
    };
    let shelves: Vec<Vec<&Backup>> =
        read.iter().map(|contents| contents.backups.iter().filter(is_of_tier).collect()).collect();
    let shelves: Vec<&[&Backup]> = shelves.iter().map(Vec::as_slice).collect();
    Some(choose_earlier(&shelves, full_every, now).map(|backup| backup.id.clone()))
}
