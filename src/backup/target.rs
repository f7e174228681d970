//! What a name means: which database of which server, in which tier, to which storages.

use super::BackupError;
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
        Ok(Target { name, spec, server_database, tier, tier_spec })
    }

    /// Names of the storages that get a copy; a valid policy names each once.
    pub fn storages(&self) -> Vec<&'a str> {
        self.tier_spec.copies.iter().map(|copy| copy.to.as_str()).collect()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

    use super::*;
    use crate::diag::Sources;
    use crate::policy::{Loaded, load, resolve};

    const POLICY: &str = "
version: 1
name: test
storage: { a: { type: filesystem, path: /a }, b: { type: filesystem, path: /b } }
tiers:
  daily: { schedule: '@daily', copies: [{ to: b, keep: 1d }, { to: a, keep: 1d }] }
  manual: { schedule: manual, copies: [{ to: a, keep: 1d }] }
  other: { schedule: manual, copies: [{ to: a, keep: 1d }] }
  base: { schedule: '@weekly', method: physical, copies: [{ to: a, keep: 1d }] }
databases:
  app: { connection: postgresql://h/app, tiers: [daily, manual, base] }
  plain: { connection: postgresql://h/plain, tiers: [daily, manual, other] }
  tenants: { connection: postgresql://h/postgres, tiers: [daily], match: { include: ['t*'], exclude: ['t.no'] } }
";

    fn desired() -> Desired {
        let mut sources = Sources::default();
        let nothing = |_: &str| Err("no other files".to_owned());
        let Loaded { document, found: diagnostics, .. } = load(&mut sources, "test.yaml", POLICY.as_bytes(), &nothing);
        resolve(&document.unwrap_or_else(|| panic!("{diagnostics:?}")), "test.yaml", &sources)
    }

    #[test]
    fn the_only_tier_on_demand_is_meant_and_else_the_first() {
        let desired = desired();
        assert_eq!(Target::find(&desired, "app", None).unwrap().tier, "manual");
        assert_eq!(Target::find(&desired, "plain", None).unwrap().tier, "daily");
        let daily = Target::find(&desired, "app", Some("daily")).unwrap();
        assert_eq!(daily.storages(), ["b", "a"]);
        let unknown = Target::find(&desired, "app", Some("other")).unwrap_err().to_string();
        assert!(unknown.contains("`daily`, `manual`, `base`"), "{unknown}");
        assert_eq!(Target::find(&desired, "app", Some("base")).unwrap().tier, "base");
    }

    #[test]
    fn names_reach_into_entries_that_match() {
        let desired = desired();
        let target = Target::find(&desired, "tenants.t.1", None).unwrap();
        assert_eq!((target.name, target.server_database), ("tenants.t.1", Some("t.1")));
        for unknown in ["tenants", "tenants.", "tenants.x", "tenants.t.no", "nothing", "app.t1"] {
            let error = Target::find(&desired, unknown, None).unwrap_err();
            assert!(matches!(error, BackupError::UnknownDatabase(_)), "{unknown}: {error}");
        }
    }
}
