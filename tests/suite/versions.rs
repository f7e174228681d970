//! The majors at both ends of what is supported: 13, 14, 17 and 18, where `scripts/setup` could have them. What holds for the
//! others is tried with them, too.

use crate::incremental::a_chain_comes_back;
use crate::physical_sources::tablespaces_come_back;
use crate::point_in_time::{bank, recovers_exactly};
use crate::restore::comes_back_in_place;
use crate::support::Version;

/// Does this with a version if it is here.
fn on(version: Version, story: impl FnOnce()) {
    if Version::all().contains(&version) {
        story();
    } else {
        eprintln!("skipped: {version:?} is not here; `scripts/setup` says why");
    }
}

fn recovers(version: Version, read: &str) {
    on(version, || {
        let bank = bank(version, |bank| {
            bank.edit_policy("method: physical", &format!("method: physical, read: {read}"));
        });
        recovers_exactly(&bank);
    });
}

#[test]
fn dumps_of_thirteen_come_back() {
    on(Version::Thirteen, || comes_back_in_place(Version::Thirteen));
}

#[test]
fn dumps_of_fourteen_come_back() {
    on(Version::Fourteen, || comes_back_in_place(Version::Fourteen));
}

#[test]
fn dumps_of_seventeen_come_back() {
    on(Version::Seventeen, || comes_back_in_place(Version::Seventeen));
}

#[test]
fn dumps_of_eighteen_come_back() {
    on(Version::Eighteen, || comes_back_in_place(Version::Eighteen));
}

#[test]
fn base_backups_of_every_version_come_back() {
    for version in [Version::Thirteen, Version::Fourteen, Version::Seventeen, Version::Eighteen] {
        for read in ["replication", "local"] {
            on(version, || tablespaces_come_back(version, read));
        }
    }
}

#[test]
fn chains_of_every_version_come_back() {
    for version in [Version::Thirteen, Version::Fourteen, Version::Seventeen, Version::Eighteen] {
        on(version, || a_chain_comes_back(version));
    }
}

#[test]
fn thirteen_recovers_to_a_moment() {
    recovers(Version::Thirteen, "local");
}

#[test]
fn fourteen_recovers_to_a_moment() {
    recovers(Version::Fourteen, "replication");
}

#[test]
fn seventeen_recovers_to_a_moment() {
    recovers(Version::Seventeen, "replication");
}

#[test]
fn eighteen_recovers_to_a_moment() {
    recovers(Version::Eighteen, "local");
}
