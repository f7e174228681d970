//! Loads what an earlier backup says of itself, so that another can refer to it.

use super::notes::Spool;
use super::remembered::Remembered;
use super::since::Since;
use crate::backup::take::{Order, Tools};
use crate::base::BackupId;
use crate::catalog::{FileMap, Layer, Manifest, ObjectRole, StoredObject};
use crate::policy::Desired;
use crate::repository::Repository;
use crate::repository::layout::stored_key;
use crate::stream::{Content, Decode, Encoding, Expected, Progress, Sink, decode, keys};
use std::fs::File;
use std::io::{self, BufWriter};

/// What is being made.
pub(super) struct Making<'a> {
    /// How its files are encoded.
    pub(super) encoding: &'a Encoding,
    /// The cluster that it is of, where the server told.
    pub(super) system_identifier: Option<&'a str>,
}

/// The file map of an earlier backup.
pub(super) struct Loaded {
    pub(super) map: FileMap,
    pub(super) digests: File,
    pub(super) since: Since,
}

/// What the earlier backup of an order has, or why it cannot be referred to. `storages`: those that get the backup.
pub(super) async fn load(
    id: &BackupId,
    making: &Making<'_>,
    order: &Order<'_>,
    tools: &Tools<'_>,
    storages: &[&Repository],
) -> Result<Loaded, String> {
    let (tier, database) = (order.target.tier, order.target.name);
    let mut manifest = None;
    for repository in storages {
        let found = repository.manifest(tier, database, id).await;
        manifest = Some(found.map_err(|error| format!("{} has no good copy of {id}: {error}", repository.name))?);
    }
    let manifest = manifest.ok_or_else(|| "no storage takes it".to_owned())?;
    let cluster = manifest.cluster.as_ref().ok_or_else(|| format!("{id} is not of a cluster"))?;
    if making.system_identifier.is_some_and(|now| now != cluster.system_identifier) {
        return Err(format!("{id} is of another cluster, {}", cluster.system_identifier));
    }
    let encryption =
        |layers: &[Layer]| layers.iter().filter(|layer| layer.is_encryption()).cloned().collect::<Vec<_>>();
    let now = encryption(&making.encoding.layers());
    if encryption(&manifest.layers) != now {
        return Err(format!("{id} is encrypted otherwise than the policy says now"));
    }
    let map = object(&manifest, ObjectRole::FileMap)?;
    let digests = object(&manifest, ObjectRole::BlockDigests)?;
    let shelf = Shelf { manifest: &manifest, desired: order.desired, tools, storages };
    let remembered = tools.state.filter(|_| may_be_remembered(&now)).map(|state| Remembered::new(state, order));
    let lines = shelf.read(map, remembered.as_ref(), || Ok(Vec::new())).await?;
    let map = FileMap::from_lines(&lines).map_err(|error| error.to_string())?;
    drop(lines);
    let spool = || Ok(Spool(BufWriter::with_capacity(1 << 18, tempfile::tempfile()?)));
    let digests = shelf.read(digests, remembered.as_ref(), spool).await?;
    let digests = digests.0.into_inner().map_err(|error| error.to_string())?;
    let since = Since::of(&manifest, cluster);
    Ok(Loaded { map, digests, since })
}

/// Keys that are passphrases are at hand, so that what is stored can be read, which proves that they are still the same.
pub(super) fn may_be_remembered(layers: &[Layer]) -> bool {
    let is_public = |layer: &Layer| matches!(layer, Layer::Age { recipients } if !recipients.is_empty());
    layers.iter().filter(|layer| layer.is_encryption()).all(is_public)
}

fn object(manifest: &Manifest, role: ObjectRole) -> Result<&StoredObject, String> {
    let found = manifest.objects.iter().find(|object| object.role == role);
    found.ok_or_else(|| format!("{} has no digests of its blocks", manifest.id))
}

/// Where files of the earlier backup are.
struct Shelf<'a> {
    manifest: &'a Manifest,
    desired: &'a Desired,
    tools: &'a Tools<'a>,
    storages: &'a [&'a Repository],
}

impl Shelf<'_> {
    /// Reads a file from wherever it can be read.
    async fn read<W: Sink>(
        &self,
        object: &StoredObject,
        remembered: Option<&Remembered<'_>>,
        sink: impl Fn() -> io::Result<W>,
    ) -> Result<W, String> {
        let sink = || sink().map_err(|error| format!("no temporary file can be made: {error}"));
        if let Some(remembered) = remembered
            && let Ok(read) = remembered.read(&self.manifest.id, object, sink()?).await
        {
            return Ok(read);
        }
        let mut problem = "no storage has it".to_owned();
        for repository in self.storages {
            match self.read_stored(repository, object, sink()?).await {
                Ok(read) => return Ok(read),
                Err(error) => problem = error,
            }
        }
        Err(format!("`{}` of {} cannot be read here: {problem}", object.name, self.manifest.id))
    }

    async fn read_stored<W: Sink>(&self, repository: &Repository, object: &StoredObject, sink: W) -> Result<W, String> {
        let Manifest { tier, database, id, layers, .. } = self.manifest;
        let source = repository.open(tier, database, id, object).await.map_err(|error| error.to_string())?;
        let job = Decode {
            source,
            what: stored_key(tier, database, id, &object.name, object.key.as_deref()),
            layers: layers.clone(),
            keys: keys(self.desired, self.tools.lookup).0,
            expected: Some(Expected::from(object)),
            content: Content::AsStored,
            scan: None,
            progress: Progress::silent(),
            stop: self.tools.cancel.child_token(),
        };
        decode(job, sink).await.map(|decoded| decoded.sink).map_err(|error| error.to_string())
    }
}
