//! A backup that was just made, and the storages that have it.

use super::Style;
use crate::base::{Period, Size, total};
use crate::catalog::Manifest;
use serde::Serialize;

/// A storage that should have a copy and does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingCopy {
    /// Name of the storage.
    pub storage: String,
    /// Code of the problem.
    pub code: &'static str,
    /// What went wrong.
    pub problem: String,
}

/// The backup for people, ending with a line feed.
pub fn backup(manifest: &Manifest, copies: &[String], missing: &[MissingCopy], style: Style) -> String {
    let sum = |of: fn(&crate::catalog::StoredObject) -> u64| Size(total(manifest.objects.iter().map(of)));
    let took = Period::between(manifest.started_at, manifest.finished_at).human();
    let tables = match manifest.source.table_count {
        1 => "1 table".to_owned(),
        count => format!("{count} tables"),
    };
    let mut text = format!(
        "{} {}\n  {} stored, {} plain, {tables}, took {took}\n",
        style.bold(manifest.id.as_str()),
        style.dim(&format!("{} {}", manifest.database, manifest.tier)),
        sum(|object| object.stored_bytes),
        sum(|object| object.plain_bytes),
    );
    if let Some(kind) = super::show::kind(manifest) {
        text.push_str(&format!("  {kind}\n"));
    }
    for storage in copies {
        text.push_str(&format!("  {} {storage}\n", style.green("stored in")));
    }
    for copy in missing {
        // Why is told as an error, with its code and a hint.
        text.push_str(&format!("  {} {}\n", style.red("missing in"), copy.storage));
    }
    text
}

/// The backup as a document for machines.
#[derive(Debug, Serialize)]
pub struct BackupMadeView<'a> {
    format_version: u32,
    copies: &'a [String],
    missing: &'a [MissingCopy],
    manifest: &'a Manifest,
}

/// The backup as a document for machines.
pub fn backup_made_view<'a>(
    manifest: &'a Manifest,
    copies: &'a [String],
    missing: &'a [MissingCopy],
) -> BackupMadeView<'a> {
    BackupMadeView { format_version: 1, copies, missing, manifest }
}

#[cfg(test)]
mod tests {
    use super::super::show::tests::example;
    use super::*;

    #[test]
    fn a_person_sees_where_it_is_and_where_it_is_not() {
        let (_, manifest) = example();
        let missing = MissingCopy {
            storage: "offsite".to_owned(),
            code: "BS503",
            problem: "/mnt/offsite has no space left".to_owned(),
        };
        let text = backup(&manifest, &["local".to_owned()], std::slice::from_ref(&missing), Style::PLAIN);
        insta::assert_snapshot!(text, @r"
        20261120T020000Z-waaa app daily
          310.0 MiB stored, 1.2 GiB plain, 12 tables, took 3m 20s
          stored in local
          missing in offsite
        ");
        let copies = ["local".to_owned()];
        let view = serde_json::to_value(backup_made_view(&manifest, &copies, &[missing])).unwrap_or_default();
        assert_eq!(view["format_version"], 1);
        assert_eq!(view["missing"][0]["code"], "BS503");
        assert_eq!(view["manifest"]["id"], manifest.id.as_str());
    }
}
