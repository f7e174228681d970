//! What was told to whom, as the store remembers it.

use super::Finding;
use crate::base::Period;
use crate::policy::AlertSeverity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What a policy's channels were told of what is still wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Version of the repository format.
    pub format: u32,
    /// The policy.
    pub policy: String,
    /// Who is telling just now, if anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// What is wrong, by key.
    pub entries: BTreeMap<String, Remembered>,
    /// Channels that take nothing, and when somebody was told so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failing: BTreeMap<String, Timestamp>,
}

/// How often it is told that a channel takes nothing.
const FAILING_AGAIN: Period = Period::days(1);

/// A run that is telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Id of the run.
    pub run: String,
    /// When it began to.
    pub at: Timestamp,
}

/// Something wrong, and who knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// What it is, as it was found last.
    pub finding: Finding,
    /// When a run first found it.
    pub raised: Timestamp,
    /// When a run found it over; some channel has not heard so yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Timestamp>,
    /// By channel: at which level it heard last, and how loud.
    pub told: BTreeMap<String, Told>,
}

/// What a channel heard last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// How often before, as [`level`](super::level) counts.
    pub level: u32,
    /// How loud.
    pub severity: AlertSeverity,
    /// When.
    pub at: Timestamp,
}

impl Memory {
    /// Nothing told yet.
    pub fn empty(policy: &str) -> Memory {
        Memory {
            format: crate::catalog::FORMAT,
            policy: policy.to_owned(),
            claim: None,
            entries: BTreeMap::new(),
            failing: BTreeMap::new(),
        }
    }

    /// True when somebody should be told, now, that a channel takes nothing: at most once a day.
    pub fn is_news_that_fails(&self, channel: &str, now: Timestamp) -> bool {
        self.failing.get(channel).is_none_or(|told| Period::between(*told, now) >= FAILING_AGAIN)
    }

    /// Adds what was remembered elsewhere while this could not be read: whoever heard of something there has heard of it.
    pub fn take(&mut self, other: Memory) {
        for (key, theirs) in other.entries {
            match self.entries.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(theirs);
                }
                Entry::Occupied(mut place) => {
                    let ours = place.get_mut();
                    ours.raised = ours.raised.min(theirs.raised);
                    ours.over = ours.over.zip(theirs.over).map(|(ours, theirs)| ours.max(theirs));
                    for (channel, told) in theirs.told {
                        let ours = ours.told.entry(channel).or_insert(told);
                        *ours = if told.level > ours.level { told } else { *ours };
                    }
                }
            }
        }
        for (channel, at) in other.failing {
            let ours = self.failing.entry(channel).or_insert(at);
            *ours = at.max(*ours);
        }
    }

    /// True when there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.failing.is_empty()
    }

    /// A channel took a message about what lasts.
    pub fn acknowledge(&mut self, key: &str, channel: &str, told: Told) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.told.insert(channel.to_owned(), told);
        }
    }

    /// A channel heard that it is over. When all did, it is forgotten.
    pub fn acknowledge_over(&mut self, key: &str, channel: &str) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.told.remove(channel);
            if entry.told.is_empty() {
                self.entries.remove(key);
            }
        }
    }
}
