//! What is restored, opened: its kind, what it holds, and its bytes on their way.

use super::error::RestoreError;
use super::flow::Flow;
use super::request::{From, Hands, Request};
use crate::base::UnresolvedReference;
use crate::catalog::{Choice, Manifest, ObjectRole};
use crate::codec::archive::Outline;
use crate::codec::{DumpFormat, Wrapping};
use crate::event::Event;
use crate::plan::RestoreOrigin;
use crate::repository::layout::stored_key;
use crate::stream::{self, Decode, Expected, Progress, StreamError, keys, open_foreign};
use std::path::Path;

/// A dump, opened and its head read.
pub(super) struct Origin {
    /// The same in words.
    pub(super) told: RestoreOrigin,
    /// What its bytes are.
    pub(super) content: Content,
    /// The bytes; of an archive those after its head.
    pub(super) flow: Flow,
    /// The manifest, of a backup.
    pub(super) manifest: Option<Manifest>,
    /// Bytes to read.
    pub(super) stored_bytes: u64,
    /// Bytes that come out, when known.
    pub(super) plain_bytes: Option<u64>,
}

/// What the bytes of a dump are.
pub(super) enum Content {
    /// An archive in custom format, for `pg_restore`.
    Archive(Box<Outline>),
    /// An archive in another format, for `pg_restore`, which alone reads it.
    OtherArchive,
    /// SQL text, for `psql`.
    Sql,
}

impl Origin {
    /// Opens what the request asks for. Wrong keys and broken beginnings show here, before anything was changed.
    pub(super) async fn open(request: &Request<'_>, hands: &Hands<'_>) -> Result<Origin, RestoreError> {
        match &request.from {
            From::Backup(choice) => of_backup(choice, request, hands).await,
            From::File(path) => of_file(path, request, hands).await,
        }
    }

    /// The archive's contents, if it is one that can be looked into.
    pub(super) fn outline(&self) -> Option<&Outline> {
        match &self.content {
            Content::Archive(outline) => Some(outline),
            _ => None,
        }
    }
}

async fn of_backup(choice: &Choice<'_>, request: &Request<'_>, hands: &Hands<'_>) -> Result<Origin, RestoreError> {
    let backup = &choice.copy.backup;
    let storage = &choice.copy.storage;
    let missing = || RestoreError::Unsupported(format!("storage `{storage}` is not open in this run"));
    let repository = hands.repositories.get(storage).ok_or_else(missing)?;
    let manifest = repository.manifest(&backup.tier, &backup.database, &backup.id).await?;
    let object = manifest.objects.iter().find(|object| object.role == ObjectRole::Dump);
    let object = object.ok_or_else(|| RestoreError::Unsupported(format!("backup {} holds no dump", backup.id)))?;
    let (keys, unresolved) = keys(request.desired, hands.lookup);
    let source = repository.open(&backup.tier, &backup.database, &backup.id, object).await?;
    let task = format!("restore {}", request.name);
    let mut flow = Flow::of_backup(Decode {
        source,
        what: stored_key(&backup.tier, &backup.database, &backup.id, &object.name, object.key.as_deref()),
        layers: manifest.layers.clone(),
        keys,
        expected: Some(Expected::from(object)),
        content: stream::Content::AsStored,
        scan: None,
        progress: Progress::new(hands.observer.clone(), task, Some(object.plain_bytes)),
        stop: hands.cancel.clone(),
    });
    let content = match manifest.dump_format {
        DumpFormat::Custom => {
            let outline = flow.outline().await.map_err(|error| explain_key(error, unresolved))?;
            Content::Archive(Box::new(outline))
        }
        DumpFormat::Tar => Content::OtherArchive,
        DumpFormat::Sql => Content::Sql,
    };
    Ok(Origin {
        told: RestoreOrigin::Backup {
            id: backup.id.clone(),
            tier: backup.tier.clone(),
            storage: storage.clone(),
            taken_at: manifest.started_at,
            reasons: choice.reasons.clone(),
            passed_over: choice.passed_over.clone(),
        },
        content,
        flow,
        stored_bytes: object.stored_bytes,
        plain_bytes: Some(object.plain_bytes),
        manifest: Some(manifest),
    })
}

async fn of_file(path: &Path, request: &Request<'_>, hands: &Hands<'_>) -> Result<Origin, RestoreError> {
    let (keys, unresolved) = keys(request.desired, hands.lookup);
    let dump = open_foreign(path, &keys).await.map_err(|error| explain_key(error.into(), unresolved))?;
    let observer = hands.observer.clone();
    let task = format!("restore {}", request.name);
    let progress = move |done: Option<u64>| {
        let task = task.clone();
        observer.on(&match done {
            Some(done) => Event::Progress { task, done, total: None },
            None => Event::ProgressEnded { task },
        });
    };
    let mut flow = Flow::of_body(dump.body, path.display().to_string(), progress);
    let content = match dump.format {
        DumpFormat::Custom => Content::Archive(Box::new(flow.outline().await?)),
        DumpFormat::Tar => Content::OtherArchive,
        DumpFormat::Sql => Content::Sql,
    };
    let kind = dump.format.word();
    let wrapped: Vec<&str> = dump.wrappings.iter().map(|wrapping| wrapping_name(*wrapping)).collect();
    let kind = if wrapped.is_empty() { kind.to_owned() } else { format!("{kind} in {}", wrapped.join(" in ")) };
    Ok(Origin {
        told: RestoreOrigin::File { path: path.display().to_string(), kind, has_digest: dump.sha256.is_some() },
        content,
        flow,
        manifest: None,
        stored_bytes: dump.bytes,
        plain_bytes: dump.wrappings.is_empty().then_some(dump.bytes),
    })
}

fn wrapping_name(wrapping: Wrapping) -> &'static str {
    match wrapping {
        Wrapping::Gzip => "gzip",
        Wrapping::Zstd => "zstd",
        Wrapping::Xz => "xz",
        Wrapping::Bzip2 => "bzip2",
        Wrapping::Age => "age",
        Wrapping::Gpg => "gpg",
    }
}

/// A key that is missing because a reference has no value: the reference is what has to be mended.
pub(super) fn explain_key(error: RestoreError, unresolved: Vec<UnresolvedReference>) -> RestoreError {
    match (error, unresolved.into_iter().next()) {
        (RestoreError::Stream(StreamError::NoKey(_)), Some(reference)) => RestoreError::Unresolved(reference),
        (error, _) => error,
    }
}
