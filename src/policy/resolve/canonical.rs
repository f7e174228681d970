//! The digest of a policy's meaning: equal meaning, equal digest, however the text is laid out.

use super::canonical_outside::{access, cloudwatch, retain, s3};
use crate::base::{Period, Sha256, Template};
use crate::catalog::Keep;
use crate::policy::desired::{
    Compression, ConnectionSpec, CopySpec, DatabaseSpec, Desired, EncryptionSpec, MetricsSpec, RunSpec, StorageKind,
    StorageSpec, TierSpec, WalSpoolSpec,
};
use crate::policy::model::{BaseFrom, WalMode, WhenFull};
use crate::resource::StorageClass;
use crate::schedule::Volume;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The digest of everything that decides anything. The file's name, its layout and its comments decide nothing.
pub(super) fn hash(desired: &Desired) -> Sha256 {
    let mut meaning = json!({
        "name": desired.name,
        "timezone": desired.timezone.iana_name().unwrap_or("UTC"),
        "storage": map(&desired.storages, storage),
        "tiers": map(&desired.tiers, tier),
        "databases": map(&desired.databases, database_of),
        "encryption": map(&desired.encryption, encryption),
        "access": map(&desired.access, access),
        "unmanaged": desired.unmanaged.iter().map(|part| part.path.as_str()).collect::<Vec<_>>(),
    });
    // Only where it is said, so that policies that do not say it keep their digest.
    if desired.run != RunSpec::Elsewhere {
        meaning["run"] = run(&desired.run);
    }
    if desired.metrics != MetricsSpec::default() {
        let MetricsSpec { textfile, pushgateway, listen } = &desired.metrics;
        let said = [textfile, pushgateway, listen].map(|written| written.as_ref().map(Template::source));
        meaning["metrics"] = json!(said);
    }
    if let Some(spec) = &desired.alerts.cloudwatch {
        meaning["cloudwatch"] = cloudwatch(spec);
    }
    Sha256::of(sorted(meaning).to_string().as_bytes())
}

/// The digest of everything that decides how WAL of a database is carried: what a process that carries it goes by.
pub fn wal_hash(desired: &Desired, database: &str) -> Sha256 {
    let Some(spec) = desired.databases.get(database) else { return Sha256::of(b"") };
    let said = database_of(spec);
    let keys = ["connection", "encryption", "wal", "wal_spool", "wal_stream"];
    let to = spec.wal.iter().flat_map(|wal| &wal.to);
    let meaning = json!({
        "database": keys.map(|key| said.get(key).cloned()),
        "storage": to.map(|name| desired.storages.get(name).map(storage)).collect::<Value>(),
        "encryption": spec.encryption.as_ref().and_then(|name| desired.encryption.get(name)).map(encryption),
    });
    Sha256::of(sorted(meaning).to_string().as_bytes())
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<String, Value> = map.into_iter().collect();
            Value::Object(ordered.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

fn map<T>(entries: &indexmap::IndexMap<String, T>, say: fn(&T) -> Value) -> Value {
    Value::Object(entries.iter().map(|(name, entry)| (name.clone(), say(entry))).collect::<Map<_, _>>())
}

fn run(run: &RunSpec) -> Value {
    match run {
        RunSpec::Systemd(units) => json!({
            "by": "systemd", "directory": units.directory, "user": units.user, "environment_file": units.environment_file,
        }),
        RunSpec::Cron(table) => {
            let mut said = json!({ "by": "cron", "file": table.file, "user": table.user });
            if let Some(file) = &table.log_file {
                said["log_file"] = json!(file);
            }
            said
        }
        RunSpec::Kubernetes(jobs) => {
            let mut said = json!({
                "by": "kubernetes", "directory": jobs.directory, "namespace": jobs.namespace, "image": jobs.image,
                "service_account": jobs.service_account, "environment_secret": jobs.environment_secret,
            });
            let volume = |volume: &Volume| {
                json!([volume.claim, volume.path, volume.size.map(|size| size.0), volume.storage_class])
            };
            // Only where it is said, so that policies that do not say it keep their digest.
            if !jobs.volumes.is_empty() {
                said["volumes"] = jobs.volumes.iter().map(volume).collect();
            }
            said
        }
        RunSpec::Workflow(workflow) => json!({
            "by": "github-actions", "file": workflow.file, "runs_on": workflow.runs_on, "uses": workflow.uses,
            "environment": workflow.environment, "role": workflow.role, "region": workflow.region,
            "postgresql": workflow.postgresql,
        }),
        // How the process works is its own affair: no plan depends on it.
        RunSpec::Agent(_) => json!({ "by": "agent" }),
        RunSpec::Elsewhere => Value::Null,
    }
}

fn storage(storage: &StorageSpec) -> Value {
    let kind = match &storage.kind {
        StorageKind::S3(bucket) => s3(bucket),
        StorageKind::Filesystem(folder) => {
            let mut said = json!({
                "path": folder.path.source(),
                "create": folder.create,
                "mode": folder.mode,
                "owner": folder.owner,
                "group": folder.group,
            });
            // Only where it is said, so that policies that do not say it keep their digest.
            if let Some(mount_point) = &folder.mounted_at {
                said["mounted_at"] = json!(mount_point.source());
            }
            said
        }
    };
    json!({ "kind": kind, "min_free": storage.min_free.map(|share| share.as_percent()) })
}

fn tier(tier: &TierSpec) -> Value {
    let copies: Vec<Value> = tier.copies.iter().map(copy_of).collect();
    let compression = match tier.compression {
        Compression::Zstd(level) => json!(["zstd", level]),
        Compression::Gzip(level) => json!(["gzip", level]),
        Compression::None => json!("none"),
    };
    let mut said = json!({
        "schedule": tier.schedule.text(),
        "method": tier.method,
        "copies": copies,
        "compression": compression,
    });
    if let Some(full_every) = tier.full_every {
        said["full_every"] = json!(full_every.0);
    }
    if tier.from != BaseFrom::default() {
        said["read"] = json!(tier.from);
    }
    if tier.prune_after.is_some() {
        said["prune_after"] = json!(tier.prune_after);
    }
    said
}

fn copy_of(copy: &CopySpec) -> Value {
    let mut said = json!({ "to": copy.to, "keep": keep(copy.keep) });
    // Only what is said, so that policies that say nothing of it keep their digest.
    if copy.class != StorageClass::Standard {
        said["class"] = json!(copy.class);
    }
    if !copy.transitions.is_empty() {
        said["transitions"] = copy.transitions.iter().map(|(after, class)| json!([after.0, class])).collect();
    }
    if let Some(lock) = copy.lock {
        said["lock"] = retain(lock);
    }
    said
}

fn keep(keep: Keep) -> Value {
    match keep {
        Keep::For(period) => json!({ "for": period.0 }),
        Keep::Last(count) => json!({ "last": count }),
        Keep::ForAtLeast(period, count) => json!({ "for": period.0, "at_least": count }),
    }
}

/// Host and WAL are told only where they are said, so that policies that do not say them keep their digest.
fn database_of(spec: &DatabaseSpec) -> Value {
    let mut said = database(spec);
    if let Some(wal) = &spec.wal {
        let mode = match wal.mode {
            WalMode::Archive => "archive",
            WalMode::Stream => "stream",
        };
        said["wal"] = json!([mode, wal.to, wal.archive_timeout.map(|period| period.0), wal.manages]);
        if let Some(WalSpoolSpec { path, max, when_full }) = &spec.wal.as_ref().and_then(|wal| wal.spool.clone()) {
            said["wal_spool"] = json!([path.source(), max.0, *when_full == WhenFull::Gap]);
        }
    }
    if let Some(wal) = spec.wal.as_ref().filter(|wal| wal.slot.is_some() || wal.is_synchronous) {
        said["wal_stream"] = json!([wal.slot, wal.is_synchronous]);
    }
    if let Some(host) = &spec.host {
        said["host"] = json!(host);
    }
    said
}

fn database(database: &DatabaseSpec) -> Value {
    let connection = match &database.connection {
        ConnectionSpec::Url(url) => json!(url.source()),
        ConnectionSpec::Parts(parts) => {
            Value::Object(parts.iter().map(|(key, part)| (key.clone(), json!(part.source()))).collect())
        }
    };
    let matching = database.matching.as_ref().map(|m| json!({ "include": m.include, "exclude": m.exclude }));
    let verify = database.verify.as_ref().map(|verify| json!([verify.schedule.text(), verify.level]));
    let seconds = |period: Option<Period>| period.map(|period| period.0);
    let (dump, hooks) = (&database.dump, &database.hooks);
    json!({
        "connection": connection,
        "exec": commands(&database.exec),
        "match": matching,
        "tiers": database.tiers,
        "encryption": database.encryption,
        "dump": {
            "exclude_tables": dump.exclude_tables,
            "exclude_table_data": dump.exclude_table_data,
            "schemas": dump.schemas,
            "exclude_schemas": dump.exclude_schemas,
            "globals": dump.globals,
        },
        "verify": verify,
        "drill": database.drill.as_ref().map(|drill| drill.schedule.text()),
        "objectives": [seconds(database.objectives.rpo), seconds(database.objectives.rto)],
        "hooks": {
            "before_backup": commands(&hooks.before_backup),
            "after_backup": commands(&hooks.after_backup),
            "before_restore": commands(&hooks.before_restore),
            "after_restore": commands(&hooks.after_restore),
            "on_failure": commands(&hooks.on_failure),
        },
        "safety": [json!(database.safety.keep_at_least), json!(database.safety.max_prune.as_percent())],
    })
}

fn commands(commands: &[Vec<Template>]) -> Value {
    commands.iter().map(|words| words.iter().map(|word| json!(word.source())).collect::<Value>()).collect()
}

fn encryption(encryption: &EncryptionSpec) -> Value {
    match encryption {
        EncryptionSpec::AgeRecipients { recipients, identity } => json!({
            "age": recipients.iter().map(Template::source).collect::<Vec<_>>(),
            "identity": identity.as_ref().map(Template::source),
        }),
        EncryptionSpec::AgePassphrase { passphrase } => json!({ "age_passphrase": passphrase.source() }),
        EncryptionSpec::Gpg { passphrase } => json!({ "gpg_passphrase": passphrase.source() }),
    }
}
