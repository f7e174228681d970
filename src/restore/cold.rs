//! A backup whose bytes lie in a cold class: why it cannot be restored yet.

use crate::base::{BackupId, Period};
use crate::diag::{Code, Explain, codes};
use crate::plan::TooFast;
use crate::resource::{StorageClass, ThawSpeed};
use jiff::Timestamp;

/// A restore has to wait for a thaw, or for a word that asks for one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColdError {
    /// Nobody asked for the thaw.
    #[error("backup {id} lies in {class} at `{storage}` and must be thawed before it can be read")]
    NeedsThaw {
        /// The backup.
        id: BackupId,
        /// Where it is read from.
        storage: String,
        /// Its class.
        class: StorageClass,
        /// The nearest backup that needs no thaw, if there is one.
        nearest: Option<Box<Nearest>>,
    },
    /// The class does not thaw that fast.
    #[error("{0}")]
    TooFast(#[from] TooFast),
    /// The thaw goes on.
    #[error("backup {id} is being thawed at `{storage}`: {state}")]
    GoesOn {
        /// The backup.
        id: BackupId,
        /// Where it is read from.
        storage: String,
        /// How far it is, as a phrase.
        state: String,
        /// When it can be read as a rule; `None` when nobody knows when it was asked for.
        ready_by: Option<Timestamp>,
    },
}

/// A backup that can be read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// Its id.
    pub id: BackupId,
    /// Its tier.
    pub tier: String,
    /// Where it is.
    pub storage: String,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// When the one that must be thawed was taken.
    pub instead_of: Timestamp,
}

impl Nearest {
    /// How it differs in time: `3d 4h newer`, `the same backup`.
    fn difference(&self) -> String {
        let newer = Period::between(self.instead_of, self.taken_at);
        let older = Period::between(self.taken_at, self.instead_of);
        match (newer.0, older.0) {
            (0, 0) => "the same moment".to_owned(),
            (0, _) => format!("{} older", older.human()),
            _ => format!("{} newer", newer.human()),
        }
    }
}

impl ColdError {
    /// True when somebody has to decide something before it can go on.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, ColdError::GoesOn { .. })
    }
}

impl Explain for ColdError {
    fn code(&self) -> &'static Code {
        match self {
            ColdError::NeedsThaw { .. } => &codes::NEEDS_THAW,
            ColdError::TooFast(_) => &codes::THAW_TOO_FAST,
            ColdError::GoesOn { .. } => &codes::THAW_GOES_ON,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            ColdError::NeedsThaw { class, nearest, .. } => {
                let speeds: Vec<String> = ThawSpeed::ALL
                    .into_iter()
                    .filter_map(|speed| Some(format!("`{speed}` ({})", class.thaws_within(speed)?)))
                    .collect();
                let instead = match nearest {
                    Some(near) => format!(
                        "; the nearest that needs no thaw is `--from {}`, {}, tier `{}` at `{}`",
                        near.id,
                        near.difference(),
                        near.tier,
                        near.storage
                    ),
                    None => "; no other backup can be read without one".to_owned(),
                };
                format!("Add `--thaw SPEED` with {}{instead}.", speeds.join(" or "))
            }
            ColdError::TooFast(TooFast { class, .. }) => match class.thaws_within(ThawSpeed::Standard) {
                Some(time) => format!("Use `--thaw standard`: {time}."),
                None => "Use `--thaw standard`.".to_owned(),
            },
            ColdError::GoesOn { ready_by, .. } => {
                let when = ready_by.map(|at| format!(" from {} on", at.strftime("%Y-%m-%d %H:%M UTC")));
                let when = when.unwrap_or_else(|| " later".to_owned());
                format!("Run the same command again{when}, or add `--thaw standard --wait`.")
            }
        })
    }
}
