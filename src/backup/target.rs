//! What a name means: which database of which server, in which tier, to which storages.

use super::BackupError;
use crate::catalog::Method;
use crate::policy::{DatabaseSpec, Desired, TierSpec};
use crate::schedule::Schedule;

/// A database and a tier of the policy, found by name.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// Its name in the catalog: the entry's, or `<entry>.<database>` for an entry with `match`.
    pub name: &'a str,
    /// What the policy says of it.
    pub spec: &'a DatabaseSpec,
    /// Its name on the server, where `match` found it; otherwise the connection says.
    pub server_database: Option<&'a str>,
    /// Name of the tier.
    pub tier: &'a str,
    /// What the policy says of the tier.
    pub tier_spec: &'a TierSpec,
}

impl<'a> Target<'a> {
    /// The target of a database's and a tier's name. Without a tier: the only one that is on demand, or else the
    /// first of the database.
    pub fn find(desired: &'a Desired, name: &'a str, tier: Option<&'a str>) -> Result<Target<'a>, BackupError> {
        let (spec, server_database) =
            database(desired, name).ok_or_else(|| BackupError::UnknownDatabase(name.to_owned()))?;
        let unknown = |tier: &str| BackupError::UnknownTier {
            database: name.to_owned(),
            tier: tier.to_owned(),
            known: spec.tiers.iter().map(|tier| format!("`{tier}`")).collect::<Vec<_>>().join(", "),
        };
        let tier = match tier {
            Some(tier) => spec.tiers.iter().find(|known| *known == tier).ok_or_else(|| unknown(tier))?,
            None => default_tier(desired, spec).ok_or_else(|| unknown(""))?,
        };
        let tier_spec = desired.tiers.get(tier).ok_or_else(|| unknown(tier))?;
        if tier_spec.method == Method::Physical {
            return Err(BackupError::Unsupported(format!("tier `{tier}` wants physical backups")));
        }
        Ok(Target { name, spec, server_database, tier, tier_spec })
    }

    /// Names of the storages that get a copy, each once.
    pub fn storages(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for copy in &self.tier_spec.copies {
            if !names.contains(&copy.to.as_str()) {
                names.push(&copy.to);
            }
        }
        names
    }
}

/// The entry of a catalog name, and the database on the server where the name says it.
fn database<'a>(desired: &'a Desired, name: &'a str) -> Option<(&'a DatabaseSpec, Option<&'a str>)> {
    if let Some(spec) = desired.databases.get(name).filter(|spec| spec.matching.is_none()) {
        return Some((spec, None));
    }
    // Names of entries may hold dots themselves, so every entry is tried.
    desired.databases.iter().find_map(|(entry, spec)| {
        let database = name.strip_prefix(entry.as_str())?.strip_prefix('.')?;
        spec.matching.as_ref()?.matches(database).then_some((spec, Some(database)))
    })
}

fn default_tier<'a>(desired: &'a Desired, spec: &'a DatabaseSpec) -> Option<&'a String> {
    let is_manual = |tier: &&String| desired.tiers.get(*tier).is_some_and(|tier| tier.schedule == Schedule::Manual);
    let mut manual = spec.tiers.iter().filter(is_manual);
    match (manual.next(), manual.next()) {
        (Some(only), None) => Some(only),
        _ => spec.tiers.first(),
    }
}
