//! Steps that make a storage a place for backups.

use super::said::said;
use super::{Hands, outside, server};
use crate::event::StepEnd;
use crate::observe::{Ground, ObserveError};
use crate::plan::Deed;
use crate::provider::{change_folder, create_folder, install_file, remove_file};
use jiff::Timestamp;

/// Carries out one step on a storage or on a resource outside. Other deeds are none of its business and count as already
/// done.
pub(super) async fn settle(deed: &Deed, hands: &Hands<'_>) -> StepEnd {
    if let Deed::Provision { storage, access, resource } = deed {
        return outside::settle(storage.as_deref(), access.as_deref(), resource, hands).await;
    }
    if let Deed::Forget { storage, principal, .. } = deed {
        return outside::let_go(storage, principal, hands).await;
    }
    if let Deed::RemovePolicy { storage, arn, from } = deed {
        return outside::remove_managed(storage, arn, from, hands).await;
    }
    if let Deed::RemoveAlarm { name } = deed {
        return outside::remove_alarm(name, hands).await;
    }
    if let Deed::ForgetBucket { storage, bucket } = deed {
        return outside::let_go_of_bucket(storage, bucket, hands).await;
    }
    if let Deed::SetServer { database, setting, value } = deed {
        return server::set(database, setting, value, hands).await;
    }
    let timetable = match deed {
        Deed::InstallFile { path, content } => Some(install_file(&hands.root, path, content)),
        Deed::RemoveFile { path } => Some(remove_file(&hands.root, path)),
        _ => None,
    };
    match timetable {
        Some(Ok(what)) => return StepEnd::Done(what),
        Some(Err(error)) => return StepEnd::Failed(said(&error)),
        None => {}
    }
    match attempt(deed, hands).await {
        Ok(what) => StepEnd::Done(what),
        Err(error) => StepEnd::Failed(error.to_string()),
    }
}

async fn attempt(deed: &Deed, hands: &Hands<'_>) -> Result<String, ObserveError> {
    match deed {
        Deed::CreateFolder { storage } => {
            let Ground::Folder { path, spec, mounted_at } = &hands.places.place(storage)?.ground else {
                return Err(ObserveError::NoFolder(storage.clone()));
            };
            create_folder(path, mounted_at.as_deref(), spec)?;
            Ok(format!("{} created", path.display()))
        }
        Deed::ChangeFolder { storage } => {
            let Ground::Folder { path, spec, mounted_at } = &hands.places.place(storage)?.ground else {
                return Err(ObserveError::NoFolder(storage.clone()));
            };
            change_folder(path, mounted_at.as_deref(), spec)?;
            Ok(format!("{} is as wanted", path.display()))
        }
        Deed::CreateMarker { storage } => {
            let random = (0..2).fold(0_u128, |all, _| all << 64 | u128::from(getrandom::u64().unwrap_or_default()));
            let marker = hands.places.place(storage)?.repository.create_marker(random, Timestamp::now()).await?;
            Ok(format!("repository {}", marker.id))
        }
        _ => Ok(String::new()),
    }
}
