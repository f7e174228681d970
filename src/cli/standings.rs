//! What every verb reads that shows how recoverability stands.

use super::policy_files::valid_policies;
use super::{Context, Exit};
use crate::observe::{Places, look_closer, observe, observe_wal};
use crate::plan::Live;
use crate::policy::Desired;
use crate::standing::{Standing, standing};
use jiff::Timestamp;

/// A policy, and how its databases stand.
pub struct Seen {
    /// What the policy means.
    pub desired: Desired,
    /// Its storages, opened.
    pub places: Places,
    /// What was found.
    pub live: Live,
    /// What that means.
    pub standing: Standing,
}

/// Loads the policies, reads all their storages and judges what is there. Of several databases only those wanted.
pub fn see(context: &Context, wanted: Option<&str>) -> Result<Vec<Seen>, Exit> {
    let policies = valid_policies(context)?;
    let read = async {
        let mut all = Vec::new();
        for desired in policies {
            all.push(look(desired, context).await);
        }
        all
    };
    let mut all = match context.block_on(read) {
        Ok(all) => all,
        Err(error) => {
            context.complain(error, None);
            return Err(Exit::Failed);
        }
    };
    if let Some(name) = wanted {
        let known: Vec<String> =
            all.iter().flat_map(|seen| &seen.standing.databases).map(|database| database.name.clone()).collect();
        for seen in &mut all {
            seen.standing.databases.retain(|database| database.name == name || database.entry == name);
        }
        all.retain(|seen| !seen.standing.databases.is_empty());
        if all.is_empty() {
            return Err(super::list::unknown_database(context, name, &known));
        }
    }
    Ok(all)
}

/// Reads what the storages of one policy hold and judges it.
pub async fn look(desired: Desired, context: &Context) -> Seen {
    let places = context.places(&desired);
    let mut live = observe(&desired, &places, context.lookup.as_ref()).await;
    observe_wal(&desired, &places, context.lookup.as_ref(), &mut live).await;
    let now = Timestamp::now();
    look_closer(&desired, &places, &mut live, now).await;
    let standing = standing(&desired, &live, now);
    Seen { desired, places, live, standing }
}
