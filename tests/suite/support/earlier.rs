//! Backups of other days: written by hand from one of today, or taken by the unchanged program under another clock.

use super::{Backstay, Project};
use backstay::base::BackupId;
use jiff::SignedDuration;
use std::process::Command;

/// Gives every storage that has the project's only backup `count` earlier ones with the same bytes, one for each day
/// before it. Returns their ids, oldest first.
pub fn with_earlier(project: &Project, count: u32) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut ids = Vec::new();
    for storage in ["near", "far"] {
        ids.clear();
        let (original, data) = (project.manifest(storage), project.data(storage));
        for day in (1..=count).rev() {
            let mut manifest = original.clone();
            let ago = SignedDuration::from_hours(24 * i64::from(day));
            (manifest.started_at, manifest.finished_at) = (original.started_at - ago, original.finished_at - ago);
            manifest.id = BackupId::new(manifest.started_at, day);
            let to = data.with_file_name(manifest.id.as_str());
            assert!(Command::new("cp").arg("-a").args([&data, &to]).status().unwrap().success());
            runtime.block_on(project.repository(storage).write_manifest(&manifest)).unwrap();
            ids.push(manifest.id.to_string());
        }
    }
    ids
}

/// The call at another time, such as `2026-01-01 02:00:00` UTC: the clock goes on from there.
#[must_use]
pub fn faketime(call: Backstay, at: &str) -> Backstay {
    let library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketimeMT.so.1"))
        .into_iter()
        .find(|library| std::path::Path::new(library).exists())
        .unwrap_or_else(|| panic!("no libfaketime here; run `scripts/setup`"));
    call.env("LD_PRELOAD", library)
        .env("FAKETIME", format!("@{at}"))
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("TZ", "UTC")
}
