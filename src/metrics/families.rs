//! Families of gauges: the names, what they mean, and their values.

use super::wal::of_wal;
use crate::plan::Due;
use crate::standing::{DatabaseStanding, Evidence, Gravity, Standing, TierStanding, concerns};
use jiff::Timestamp;
use prometheus_client::registry::Unit;

/// A gauge by several labels.
#[derive(Debug, Clone)]
pub struct Family {
    /// Its name without the unit at its end.
    pub name: &'static str,
    /// What it means, one sentence without a full stop.
    pub help: &'static str,
    /// Its unit.
    pub unit: Option<Unit>,
    /// Its values.
    pub samples: Vec<Sample>,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Labels in the order in which they are written.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

/// Every family, of some policies together; those without a value are left out.
pub fn families(standings: &[Standing]) -> Vec<Family> {
    let mut all = vec![info()];
    all.extend([
        gauge(standings, "backstay_observed_timestamp", "When these numbers were read", SECONDS, |s| {
            vec![sample(&[("policy", &s.policy)], moment(s.at))]
        }),
        gauge(standings, "backstay_concerns", "Concerns by gravity: what `backstay status` lists", None, |s| {
            let found = concerns(s);
            let n = |gravity: Gravity| found.iter().filter(|concern| concern.gravity == gravity).count() as f64;
            let of = |gravity: Gravity| sample(&[("policy", &s.policy), ("gravity", gravity.word())], n(gravity));
            [Gravity::Warning, Gravity::Unknown, Gravity::Critical].map(of).to_vec()
        }),
    ]);
    all.extend(of_tiers(standings));
    all.extend(of_copies(standings));
    all.extend(of_databases(standings));
    all.extend(of_wal(standings));
    all.extend(of_storages(standings));
    all.retain(|family| !family.samples.is_empty());
    all
}

pub(super) const SECONDS: Option<Unit> = Some(Unit::Seconds);
const BYTES: Option<Unit> = Some(Unit::Bytes);

fn info() -> Family {
    let version = env!("CARGO_PKG_VERSION");
    Family {
        name: "backstay_build_info",
        help: "Always 1; the version that wrote these numbers",
        unit: None,
        samples: vec![sample(&[("version", version)], 1.0)],
    }
}

pub(super) fn sample(labels: &[(&'static str, &str)], value: f64) -> Sample {
    Sample { labels: labels.iter().map(|(name, text)| (*name, (*text).to_owned())).collect(), value }
}

pub(super) fn moment(at: Timestamp) -> f64 {
    at.as_second() as f64
}

pub(super) fn word(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

pub(super) fn gauge(
    standings: &[Standing],
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    of: impl Fn(&Standing) -> Vec<Sample>,
) -> Family {
    Family { name, help, unit, samples: standings.iter().flat_map(of).collect() }
}

/// One value a tier of a database, where there is one.
fn tiers(
    standings: &[Standing],
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    of: impl Fn(&TierStanding) -> Option<f64>,
) -> Family {
    gauge(standings, name, help, unit, |s| {
        let tiers = s.databases.iter().flat_map(|database| database.tiers.iter().map(move |tier| (database, tier)));
        let sample = |(database, tier): (&DatabaseStanding, &TierStanding)| {
            let labels = [("policy", &*s.policy), ("database", &*database.name), ("tier", &*tier.tier)];
            Some(sample(&labels, of(tier)?))
        };
        tiers.filter_map(sample).collect()
    })
}

fn of_tiers(all: &[Standing]) -> Vec<Family> {
    let due = |due: &Due| match due {
        Due::Since { due, .. } => Some(moment(*due)),
        Due::No { next } => next.map(moment),
        Due::Never | Due::OnDemand | Due::CutOff(_) => None,
    };
    vec![
        tiers(
            all,
            "backstay_backup_last_success_timestamp",
            "When the read of the last good backup began",
            SECONDS,
            |t| t.last_good().map(|point| moment(point.started_at)),
        ),
        tiers(all, "backstay_backup_duration", "How long the last good backup took", SECONDS, |t| {
            t.last_good().map(|point| point.duration.0 as f64)
        }),
        tiers(all, "backstay_backup_stored", "One copy of the last good backup as stored", BYTES, |t| {
            t.last_good().map(|point| point.stored_bytes as f64)
        }),
        tiers(all, "backstay_backup_plain", "The last good backup before compression and encryption", BYTES, |t| {
            t.last_good().map(|point| point.plain_bytes as f64)
        }),
        tiers(all, "backstay_backup_previous_stored", "One copy of the good backup before the last one", BYTES, |t| {
            t.points.iter().rev().nth(1).map(|point| point.stored_bytes as f64)
        }),
        tiers(
            all,
            "backstay_backup_due_timestamp",
            "When the next backup is due; in the past: since when it is due and was not made",
            SECONDS,
            |t| due(&t.due),
        ),
        tiers(all, "backstay_restore_points", "Backups that can be restored", None, |t| Some(t.points.len() as f64)),
        tiers(all, "backstay_oldest_restore_point_timestamp", "The oldest moment that can be restored", SECONDS, |t| {
            t.window().map(|(oldest, _)| moment(oldest))
        }),
    ]
}

fn of_copies(all: &[Standing]) -> Vec<Family> {
    let copies = |name, help, unit, of: fn(&crate::standing::CopiesStanding) -> f64| {
        gauge(all, name, help, unit, |s| {
            let tiers = s.databases.iter().flat_map(|database| database.tiers.iter().map(move |tier| (database, tier)));
            // What cannot be read is not known: no number is better than a wrong one.
            let copies = tiers.flat_map(|(database, tier)| {
                tier.copies.iter().filter(|copies| copies.is_readable).map(move |copies| (database, tier, copies))
            });
            let sample = |(database, tier, copies): (&DatabaseStanding, &TierStanding, &_)| {
                let copies: &crate::standing::CopiesStanding = copies;
                let labels = [
                    ("policy", &*s.policy),
                    ("database", &*database.name),
                    ("tier", &*tier.tier),
                    ("storage", &*copies.storage),
                ];
                sample(&labels, of(copies))
            };
            copies.map(sample).collect()
        })
    };
    vec![
        copies("backstay_copies", "Good copies at a storage", None, |c| c.n_good as f64),
        copies("backstay_copies_missing", "Copies that a storage should have and lacks", None, |c| {
            c.missing.len() as f64
        }),
        copies("backstay_copies_damaged", "Copies that are known to be damaged", None, |c| c.damaged.len() as f64),
        copies("backstay_copies_stored", "All copies of a tier at a storage", BYTES, |c| c.stored_bytes as f64),
    ]
}

fn of_databases(all: &[Standing]) -> Vec<Family> {
    let due = |due: &Option<Due>| match due {
        Some(Due::Since { due, .. }) => Some(moment(*due)),
        Some(Due::No { next }) => next.map(moment),
        _ => None,
    };
    let databases = |name, help, unit, of: &dyn Fn(&DatabaseStanding) -> Option<f64>| {
        gauge(all, name, help, unit, |s| {
            let sample = |database: &DatabaseStanding| {
                Some(sample(&[("policy", &s.policy), ("database", &database.name)], of(database)?))
            };
            s.databases.iter().filter_map(sample).collect()
        })
    };
    let recovery = gauge(
        all,
        "backstay_recovery_duration",
        "How long it takes to get the newest backup back, measured by a drill or estimated",
        SECONDS,
        |s| {
            let sample = |database: &DatabaseStanding| {
                let (rto, evidence) = database.recovery()?;
                let evidence = if evidence == Evidence::Drill { "drill" } else { "estimate" };
                let labels = [("policy", &*s.policy), ("database", &*database.name), ("evidence", evidence)];
                Some(sample(&labels, rto.0 as f64))
            };
            s.databases.iter().filter_map(sample).collect()
        },
    );
    vec![
        databases("backstay_objective_rpo", "The most data that may be lost, as time", SECONDS, &|d| {
            d.rpo.map(|rpo| rpo.wanted.0 as f64)
        }),
        databases("backstay_objective_rto", "The longest time to get data back", SECONDS, &|d| {
            d.rto.map(|rto| rto.wanted.0 as f64)
        }),
        recovery,
        databases("backstay_verify_last_timestamp", "When a copy was last verified", SECONDS, &|d| {
            d.verify.last.map(moment)
        }),
        databases(
            "backstay_verify_due_timestamp",
            "When the next verification is due; in the past: since when it is due",
            SECONDS,
            &|d| due(&d.verify.due),
        ),
        databases("backstay_drill_last_timestamp", "When the last restore drill was", SECONDS, &|d| {
            d.drill.last.map(moment)
        }),
        databases("backstay_drill_passed", "Whether the last restore drill passed", None, &|d| {
            d.drill.last.map(|_| word(d.drill.passed))
        }),
        databases(
            "backstay_drill_due_timestamp",
            "When the next restore drill is due; in the past: since when it is due",
            SECONDS,
            &|d| due(&d.drill.due),
        ),
    ]
}

fn of_storages(all: &[Standing]) -> Vec<Family> {
    let storages = |name, help, unit, of: fn(&crate::standing::StorageStanding) -> Option<f64>| {
        gauge(all, name, help, unit, |s| {
            let sample = |storage: &crate::standing::StorageStanding| {
                Some(sample(&[("policy", &s.policy), ("storage", &storage.name)], of(storage)?))
            };
            s.storages.iter().filter_map(sample).collect()
        })
    };
    vec![
        storages("backstay_storage_readable", "Whether a storage could be read", None, |s| {
            Some(word(s.problem.is_none()))
        }),
        storages("backstay_storage_stored", "All backups of the policy at a storage", BYTES, |s| {
            s.problem.is_none().then_some(s.stored_bytes as f64)
        }),
        storages("backstay_storage_free", "Free on the disk of a storage", BYTES, |s| {
            s.space.map(|(free, _)| free as f64)
        }),
        storages("backstay_storage_size", "Size of the disk of a storage", BYTES, |s| {
            s.space.map(|(_, all)| all as f64)
        }),
    ]
}
