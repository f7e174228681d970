//! One database with its tiers, objectives and proofs.

use super::objective::{Evidence, Objective};
use super::point::Point;
use super::proof::{self, DrillStanding, VerifyStanding};
use super::tier::{self, TierStanding};
use super::wal::{self, WalStanding};
use crate::base::Period;
use crate::plan::{Live, Slot, Subject};
use crate::policy::Desired;
use jiff::Timestamp;

/// How one database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseStanding {
    /// Its name in the catalog: the entry's, or `<entry>.<database>` for an entry with `match`.
    pub name: String,
    /// The entry of the policy.
    pub entry: String,
    /// Its tiers, in the policy's order; those that this version does not take are left out.
    pub tiers: Vec<TierStanding>,
    /// What would be lost now against `objectives.rpo`.
    pub rpo: Option<Objective>,
    /// How long it takes to get back what is newest, against `objectives.rto`.
    pub rto: Option<Objective>,
    /// Its verifications.
    pub verify: VerifyStanding,
    /// Its restore drills.
    pub drill: DrillStanding,
    /// Its archived WAL; `None` where none is archived.
    pub wal: Option<WalStanding>,
}

impl DatabaseStanding {
    /// The newest good backup of any tier.
    pub fn last_good(&self) -> Option<&Point> {
        self.tiers.iter().filter_map(TierStanding::last_good).max_by_key(|point| point.started_at)
    }

    /// The oldest and the newest moment that can be restored.
    pub fn window(&self) -> Option<(Timestamp, Timestamp)> {
        let windows = || self.tiers.iter().filter_map(TierStanding::window);
        let newest = windows().map(|(_, newest)| newest).max()?;
        let by_wal = self.wal.as_ref().and_then(|wal| wal.restorable.newest());
        Some((windows().map(|(oldest, _)| oldest).min()?, newest.max(by_wal.unwrap_or(newest))))
    }

    /// What would be lost now: what was written since the newest moment that can be restored; `None`: everything.
    pub fn loss(&self, now: Timestamp) -> Option<Period> {
        let age = Period::between(self.last_good()?.started_at, now);
        let by_wal = self.wal.as_ref().and_then(|wal| wal.loss(now));
        Some(by_wal.map_or(age, |loss| loss.min(age)))
    }

    /// How long it takes to get the newest backup back, and how that is known; `None`: there is none.
    pub fn recovery(&self) -> Option<(Period, Evidence)> {
        let newest = self.last_good()?;
        Some(match self.drill.restore {
            Some(restore) => (restore, Evidence::Drill),
            None => (Period(newest.thaw.0.saturating_add(newest.duration.0)), Evidence::Estimate),
        })
    }

    /// Bytes of all copies of all tiers.
    pub fn stored_bytes(&self) -> u64 {
        crate::base::total(self.tiers.iter().map(|tier| tier.stored_bytes))
    }
}

pub(super) fn database(
    desired: &Desired,
    live: &Live,
    subject: &Subject<'_>,
    slots: &[&Slot<'_>],
    now: Timestamp,
) -> DatabaseStanding {
    let mut found = DatabaseStanding {
        name: subject.name.clone(),
        entry: subject.entry.to_owned(),
        tiers: slots.iter().map(|slot| tier::tier(desired, live, slot, now)).collect(),
        rpo: None,
        rto: None,
        verify: proof::verify(desired, slots, now),
        drill: proof::drill(desired, slots, now),
        wal: wal::wal(desired, live, subject, now),
    };
    let newest = found.last_good();
    let age = newest.map(|point| Period::between(point.started_at, now));
    let recovery = found.recovery();
    let objectives = subject.spec.objectives;
    let loss = found.loss(now);
    let evidence = if loss < age { Evidence::Wal } else { Evidence::Age };
    found.rpo = objectives.rpo.map(|wanted| Objective { wanted, measured: loss, evidence });
    found.rto = objectives.rto.map(|wanted| Objective {
        wanted,
        measured: recovery.map(|(takes, _)| takes),
        evidence: recovery.map_or(Evidence::Estimate, |(_, evidence)| evidence),
    });
    found
}
