//! CloudWatch as the policy names it: a session, and the alarms that stand there.

use super::bucket::{authority, login};
use crate::base::{Lookup, UnresolvedReference};
use crate::diag::{Explain, codes};
use crate::plan::{Live, wanted_alarms};
use crate::policy::{CloudwatchSpec, Desired};
use crate::provider::aws::{AwsError, AwsSession, alarms};
use crate::storage::{AwsConnection, AwsSettings};
use std::collections::BTreeSet;

/// A session with CloudWatch; nothing is asked yet.
pub fn cloudwatch(spec: &CloudwatchSpec, lookup: &dyn Lookup) -> Result<AwsSession, UnresolvedReference> {
    let region = Some(spec.region.clone());
    let login = login(&spec.credentials, lookup)?;
    let settings = AwsSettings { region, endpoint: None, path_style: false, login };
    Ok(AwsSession::anybodys(AwsConnection::trusting(settings, authority(lookup)?)))
}

/// Reads the alarms of the policy into `live`, which knows the databases already.
pub(super) async fn read_alarms(desired: &Desired, lookup: &dyn Lookup, live: &mut Live) {
    let Some(spec) = &desired.alerts.cloudwatch else { return };
    let session = match cloudwatch(spec, lookup) {
        Ok(session) => session,
        Err(problem) => {
            live.alarms = Some(Err(format!("[{}] {problem}", codes::REFERENCE_UNRESOLVED.id)));
            return;
        }
    };
    if let Some(caller) = session.caller().await {
        live.callers.insert("cloudwatch".to_owned(), caller.clone());
    }
    // What is wanted and cannot be known now is nobody else's.
    let names = wanted_alarms(desired, live).unwrap_or_default().into_values().map(|alarm| alarm.name);
    let names: BTreeSet<String> = names.collect();
    let found = alarms(&session, &desired.name, |name| names.contains(name)).await;
    live.alarms = Some(found.map_err(|error| said(&error)));
}

fn said(error: &AwsError) -> String {
    let hint = error.hint().map(|hint| format!(". {hint}")).unwrap_or_default();
    format!("[{}] {error}{hint}", error.code().id)
}
