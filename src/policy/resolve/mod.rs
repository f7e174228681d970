//! From what a policy says to what it means: defaults filled in, forms made one, origins noted.

mod access;
mod alerts;
mod canonical;
mod canonical_outside;
mod database;
mod explain;
mod place;
mod run;
mod unmanaged;

pub use canonical::wal_hash;

use super::desired::{Compression, CopySpec, Desired, EncryptionSpec, MetricsSpec, TierSpec};
use super::document::Document;
use super::model::{CompressionChoice, CompressionKind, Encryption, KeepChoice, Metrics, Policy, Tier, Written};
use crate::base::{Sha256, Template};
use crate::catalog::{Keep, Method};
use crate::diag::Sources;
use jiff::tz::TimeZone;

/// What a policy means. `file` is the policy file as typed; `sources` are those it was loaded into. A document has no
/// errors, so this cannot fail.
pub fn resolve(document: &Document, file: &str, sources: &Sources) -> Desired {
    let policy = &document.model;
    let mut desired = Desired {
        name: policy.name.text().to_owned(),
        file: file.to_owned(),
        hash: Sha256::of(b""),
        timezone: policy.timezone.as_ref().map_or(TimeZone::UTC, |name| name.zone().clone()),
        storages: policy.storage.iter().map(|(name, storage)| (name.clone(), place::storage(storage))).collect(),
        tiers: policy.tiers.iter().map(|(name, written)| (name.clone(), tier(policy, written))).collect(),
        databases: policy
            .databases
            .iter()
            .map(|(name, written)| (name.clone(), database::database(policy, written)))
            .collect(),
        encryption: policy.encryption.iter().map(|(name, written)| (name.clone(), encryption(written))).collect(),
        access: policy
            .access
            .iter()
            .map(|(name, written)| (name.clone(), access::access(policy.name.text(), written)))
            .collect(),
        run: run::run(policy),
        metrics: policy.metrics.as_ref().map(metrics).unwrap_or_default(),
        only_host: None,
        elsewhere: Vec::new(),
        alerts: alerts::alerts(policy),
        unmanaged: unmanaged::unmanaged(policy),
        explained: Vec::new(),
    };
    desired.hash = canonical::hash(&desired);
    desired.explained = explain::explain(document, &desired, sources);
    desired
}

fn metrics(metrics: &Metrics) -> MetricsSpec {
    let text = |written: &Option<Written<Template>>| written.as_ref().map(|written| written.value().clone());
    MetricsSpec {
        textfile: text(&metrics.textfile),
        pushgateway: text(&metrics.pushgateway),
        listen: text(&metrics.listen),
    }
}

fn tier(policy: &Policy, tier: &Tier) -> TierSpec {
    let default = policy.defaults.as_ref().and_then(|defaults| defaults.compression.as_ref());
    TierSpec {
        schedule: tier.schedule.value().clone(),
        method: tier.method.unwrap_or(Method::Logical),
        from: tier.read.unwrap_or_default(),
        full_every: tier.incremental.as_ref().map(|incremental| *incremental.full_every),
        copies: tier
            .copies
            .iter()
            .map(|copy| CopySpec {
                to: copy.to.text().to_owned(),
                keep: keep(&copy.keep),
                class: copy.storage_class.unwrap_or_default(),
                transitions: copy.transitions.iter().flatten().map(|move_| (*move_.after, move_.to)).collect(),
                lock: copy.lock.as_ref().map(place::retain),
            })
            .collect(),
        compression: compression(tier.compression.as_ref().or(default)),
        prune_after: tier.prune_after,
    }
}

fn keep(keep: &KeepChoice) -> Keep {
    match keep {
        KeepChoice::For(period) => Keep::For(**period),
        KeepChoice::Detailed(detail) => match (detail.last, &detail.for_, detail.at_least) {
            (_, Some(period), Some(floor)) => Keep::ForAtLeast(**period, floor),
            (_, Some(period), None) => Keep::For(**period),
            // `check` refuses a `keep` that says neither; the largest number never deletes.
            (last, None, _) => Keep::Last(last.unwrap_or(u32::MAX)),
        },
    }
}

const ZSTD_LEVEL: i32 = 3;
const GZIP_LEVEL: i32 = 6;

fn compression(choice: Option<&CompressionChoice>) -> Compression {
    let (kind, level) = match choice {
        None => (CompressionKind::Zstd, None),
        Some(CompressionChoice::Plain(kind)) => (*kind, None),
        Some(CompressionChoice::Detailed(detail)) => (detail.kind, detail.level),
    };
    match kind {
        CompressionKind::Zstd => Compression::Zstd(level.unwrap_or(ZSTD_LEVEL)),
        CompressionKind::Gzip => Compression::Gzip(level.unwrap_or(GZIP_LEVEL)),
        CompressionKind::None => Compression::None,
    }
}

fn encryption(written: &Encryption) -> EncryptionSpec {
    match written {
        Encryption::Gpg(gpg) => EncryptionSpec::Gpg { passphrase: gpg.passphrase.value().clone() },
        Encryption::Age(age) => match &age.passphrase {
            Some(passphrase) => EncryptionSpec::AgePassphrase { passphrase: passphrase.value().clone() },
            None => EncryptionSpec::AgeRecipients {
                recipients: age.recipients.iter().flatten().map(|recipient| recipient.value().clone()).collect(),
                identity: age.identity.as_ref().map(|identity| identity.value().clone()),
            },
        },
    }
}
