//! What a policy wants to run beside its jobs, and with which words.

use super::beside::{Aside, Wish, Work};
use crate::cli::{state, wal};
use crate::plan::each_receiver;
use crate::policy::{Desired, wal_hash};
use std::ffi::OsString;

/// A receiver for each database whose WAL is streamed, and for each that has a spool what brings that.
pub(super) fn wishes(desired: &Desired) -> Vec<(Aside, Wish)> {
    let aside = |database: String, work| Aside { policy: desired.name.clone(), database, work };
    let received = each_receiver(desired).into_iter().map(|receiver| {
        let mut words: Vec<OsString> = receiver.words().into_iter().map(OsString::from).collect();
        // Databases of two policies may have one name.
        if let Some(folder) = state::folder().filter(|_| !receiver.has_folder) {
            words.extend(["--state-dir".into(), folder.join(&desired.name).into()]);
        }
        words.push("--tied".into());
        (aside(receiver.database, Work::Receive), Wish { meaning: receiver.meaning, words })
    });
    let spooled = desired.databases.iter().filter(|(_, spec)| wal::has_spool(spec)).map(|(name, _)| {
        let words = ["wal", "drain", "--database", name].map(OsString::from).to_vec();
        (aside(name.clone(), Work::Drain), Wish { meaning: wal_hash(desired, name), words })
    });
    received.chain(spooled).collect()
}
