//! Asking IAM, before anything is changed, whether we have the permissions that a plan takes.

use super::Places;
use super::acquaint::connection;
use crate::plan::{Asked, Live, Needs};
use crate::policy::Desired;
use crate::provider::aws::lacking;
use futures_util::future::join_all;
use std::time::Duration;

/// An answer that takes longer than this is done without.
const PATIENCE: Duration = Duration::from_secs(15);

/// Notes in each of the needs which permissions we lack. Where nobody is known or asked in vain, it says so; nothing
/// depends on it.
pub async fn preflight(desired: &Desired, live: &Live, places: &Places, needs: &mut [Needs]) {
    join_all(needs.iter_mut().map(|needs| ask(desired, live, places, needs))).await;
}

async fn ask(desired: &Desired, live: &Live, places: &Places, needs: &mut Needs) {
    let (Some(caller), Some(connection)) = (live.callers.get(&needs.of), connection(desired, places, &needs.of)) else {
        return;
    };
    let questions = needs.questions();
    let answer = tokio::time::timeout(PATIENCE, lacking(connection, caller, &questions)).await;
    match answer.unwrap_or_else(|_| Err("IAM does not answer".to_owned())) {
        Ok(lacking) => needs.answered(&lacking),
        Err(problem) => needs.asked = Asked::Failed { problem },
    }
}
