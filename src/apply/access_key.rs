//! Access keys: made and delivered, deactivated, deleted, as the plan says. A key that nobody got is taken back at once.

use super::Hands;
use super::said::said;
use crate::diag::Explain;
use crate::event::StepEnd;
use crate::policy::AccessKind;
use crate::provider::aws::{AwsSession, NewKey, access_keys, create_key, deactivate_key, delete_key};
use crate::provider::{Delivery, credentials_section, prepare_delivery};
use crate::resource::{AccessKey, AccessKeys};
use std::path::Path;

/// Makes the keys of a user those of `wanted`. Keys that work and are not in it are never ended: someone else made them
/// since the plan, and the plan after this one tells.
pub(super) async fn settle(session: &AwsSession, access: &str, wanted: &AccessKeys, hands: &Hands<'_>) -> StepEnd {
    match attempt(session, access, wanted, hands).await {
        Ok(end) => end,
        Err(problem) => StepEnd::Failed(problem),
    }
}

async fn attempt(
    session: &AwsSession,
    access: &str,
    wanted: &AccessKeys,
    hands: &Hands<'_>,
) -> Result<StepEnd, String> {
    let user = wanted.user.as_str();
    let found = access_keys(session, user).await.map_err(|error| said(&error))?.unwrap_or_default();
    let meant = |id: &str| wanted.keys.iter().find(|key| key.id == id);
    let makes = meant(AccessKey::NEW).is_some();
    if let Some(stranger) = found.iter().find(|key| key.active && meant(&key.id).is_none()) {
        return match makes {
            // Another run was faster.
            true => Ok(StepEnd::AlreadyDone),
            false => Err(format!("the user {user} got the key {} since the plan was made", stranger.id)),
        };
    }
    // Before anything is ended, so that a file that cannot be written changes nothing.
    let to = if makes { Some(recipient(access, user, hands)?) } else { None };
    let mut done = Vec::new();
    for key in &found {
        match meant(&key.id) {
            None => {
                delete_key(session, user, &key.id).await.map_err(|error| said(&error))?;
                done.push(format!("{} deleted", key.id));
            }
            Some(after) if key.active && !after.active => {
                deactivate_key(session, user, &key.id).await.map_err(|error| said(&error))?;
                done.push(format!("{} deactivated", key.id));
            }
            Some(_) => {}
        }
    }
    if let Some(to) = to {
        let known: Vec<&str> = found.iter().map(|key| key.id.as_str()).collect();
        match make(session, user, &known, to).await? {
            Some(delivered) => done.push(delivered),
            None => return Ok(StepEnd::AlreadyDone),
        }
    }
    Ok(if done.is_empty() { StepEnd::AlreadyDone } else { StepEnd::Done(done.join(", ")) })
}

/// Who gets a new key.
enum Recipient<'a> {
    /// A file, ready to be put in its place.
    File(Box<Delivery>),
    /// Standard output.
    Printer(&'a super::PrintKey),
}

fn recipient<'a>(access: &str, user: &str, hands: &'a Hands<'_>) -> Result<Recipient<'a>, String> {
    let key = hands.desired.access.get(access).and_then(|entry| match &entry.kind {
        AccessKind::User { key } => key.as_ref(),
        AccessKind::Role { .. } => None,
    });
    let key = key.ok_or_else(|| format!("`access.{access}` has no key any more"))?;
    let to = key.deliver_to.resolve(hands.lookup.as_ref()).map_err(|error| error.to_string())?;
    if to.expose() == "stdout" {
        let missing = || {
            "standard output carries something else, so no key is printed there and none is made; run \
             `backstay apply` without `--json`"
        };
        return hands.print_key.as_ref().map(Recipient::Printer).ok_or_else(|| missing().to_owned());
    }
    let ready = prepare_delivery(Path::new(to.expose()), user).map_err(|error| said(&error))?;
    Ok(Recipient::File(Box::new(ready)))
}

/// Makes a key and gives it to its recipient; says which and where. `None`: another run made one at the same time, and
/// this one is gone again.
async fn make(session: &AwsSession, user: &str, known: &[&str], to: Recipient<'_>) -> Result<Option<String>, String> {
    let key = match create_key(session, user).await {
        Ok(key) => key,
        Err(error) => return Err(unanswered(session, user, known, said(&error)).await),
    };
    // Of two runs that each made a key the one whose key comes first keeps it: both see the same order.
    let now = access_keys(session, user).await.ok().flatten().unwrap_or_default();
    let first = now.iter().find(|other| !known.contains(&other.id.as_str()));
    if first.is_some_and(|first| first.id != key.id) {
        take_back(session, user, &key).await?;
        return Ok(None);
    }
    let delivered = match to {
        Recipient::File(ready) => match ready.deliver(&key.id, &key.secret) {
            Ok(file) => Ok(format!("{} is in {}", key.id, file.display())),
            Err(error) => Err(said(&error)),
        },
        Recipient::Printer(print) => match print(&credentials_section(user, &key.id, &key.secret)) {
            Ok(()) => Ok(format!("{} was printed", key.id)),
            Err(problem) => Err(format!("standard output could not be written: {problem}")),
        },
    };
    match delivered {
        Ok(what) => Ok(Some(what)),
        Err(problem) => {
            take_back(session, user, &key).await?;
            Err(format!("{problem} The new key was deleted again."))
        }
    }
}

/// What to say of a key that was asked for and did not come: perhaps only the answer was lost. Another run may have made
/// what is there since, so nothing is ended.
async fn unanswered(session: &AwsSession, user: &str, known: &[&str], problem: String) -> String {
    let now = access_keys(session, user).await.ok().flatten().unwrap_or_default();
    match now.iter().find(|key| !known.contains(&key.id.as_str())) {
        Some(key) => format!(
            "{problem}. Since then the user {user} has the key {}: unless another run made it, nobody knows its secret. \
             Run `aws iam delete-access-key --user-name {user} --access-key-id {}`, then apply again.",
            key.id, key.id
        ),
        None => problem,
    }
}

/// Ends a key that nobody got. When even that fails, the message names the key.
async fn take_back(session: &AwsSession, user: &str, key: &NewKey) -> Result<(), String> {
    // Deactivated first: should the deletion fail, nobody can log in with it all the same.
    let deactivated = deactivate_key(session, user, &key.id).await;
    let deleted = delete_key(session, user, &key.id).await;
    deleted.map_err(|error| {
        let state = if deactivated.is_ok() { "is deactivated" } else { "may still work" };
        format!(
            "[{}] the new key {} reached nobody, {state} and could not be deleted: {error}. Run `aws iam \
             delete-access-key --user-name {user} --access-key-id {}`.",
            error.code().id,
            key.id,
            key.id
        )
    })
}
