//! The settings by which a server archives its WAL: compared with what is wanted, changed one by one. Only for databases
//! whose `wal.manage` says so. A command of another tool is never replaced.

use super::{Action, Deed, FieldChange, Live, Note, Phase, Symbol};
use crate::policy::{Desired, WalMode, WalSpec};
use crate::schedule::Program;
use std::collections::BTreeMap;

/// The settings that are looked at.
pub const SERVER_SETTINGS: [&str; 5] =
    ["wal_level", "archive_mode", "archive_command", "archive_timeout", "max_wal_senders"];

/// A server that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveServer {
    /// It could not be; the reason.
    Unreadable(String),
    /// Its settings by name.
    Read(BTreeMap<String, ServerSetting>),
}

/// A setting of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSetting {
    /// The value that is in force, in the setting's own unit.
    pub value: String,
    /// The value that the next start brings, if it is another one.
    pub pending: Option<String>,
    /// Whether a change takes a restart.
    pub restarts: bool,
}

/// What PostgreSQL is to call for each segment.
pub fn push_command(program: &Program, database: &str) -> String {
    let word = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
        let text = text.replace('%', "%%");
        if plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
    };
    let (start, file, database) = (word(&program.program), word(&program.file), word(database));
    format!("{start} --quiet --policy {file} wal push %p --database {database}")
}

/// The steps that make servers archive their WAL, and how many settings are right already.
pub(super) fn actions(desired: &Desired, live: &Live, notes: &mut Vec<Note>) -> (Vec<Action>, u64) {
    let (mut actions, mut n_unchanged) = (Vec::new(), 0);
    let wanting = desired.databases.iter().filter_map(|(name, spec)| Some((name, spec.wal.as_ref()?)));
    for (name, wal) in wanting.filter(|(_, wal)| wal.manages) {
        let about = |setting: &str| format!("server/{name}/{setting}");
        let problem = |setting: &str, message: String| Note { about: about(setting), message, is_problem: true };
        let found = match live.servers.get(name) {
            Some(LiveServer::Read(found)) => found,
            Some(LiveServer::Unreadable(why)) => {
                notes.push(problem("settings", format!("cannot be read, so nothing is planned for it: {why}")));
                continue;
            }
            None => continue,
        };
        for setting in SERVER_SETTINGS {
            let Some(now) = found.get(setting) else { continue };
            let coming = now.pending.as_ref().unwrap_or(&now.value);
            let Some(value) = wanted(setting, coming, name, wal, live.program.as_ref()) else {
                if now.pending.is_some() {
                    notes.push(problem(setting, format!("`{setting}` waits for a restart of the server")));
                }
                n_unchanged += 1;
                continue;
            };
            if setting == "archive_command" && !is_free(coming) {
                let message = format!("another tool archives: `{coming}`; take it out first, and then plan again");
                notes.push(problem(setting, message));
                continue;
            }
            let restart = if now.restarts { "; it takes effect when the server is restarted" } else { "" };
            actions.push(Action {
                address: about(setting),
                symbol: Symbol::Change,
                phase: Phase::Infra,
                deed: Deed::SetServer { database: name.clone(), setting: setting.to_owned(), value: value.clone() },
                reason: format!("the server needs it to archive its WAL{restart}"),
                changes: vec![FieldChange {
                    field: setting.to_owned(),
                    before: Some(coming.clone()),
                    after: Some(value),
                }],
                depends_on: Vec::new(),
                bytes: None,
                irreversible: None,
                loosens: false,
            });
        }
    }
    (actions, n_unchanged)
}

/// True for a command that archives nothing, and for one of ours.
fn is_free(command: &str) -> bool {
    let command = command.trim();
    ["", "(disabled)", "true", "/bin/true"].contains(&command) || command.contains(" wal push %p")
}

/// The value that a setting should get; `None`: it is right as it is.
fn wanted(setting: &str, now: &str, name: &str, wal: &WalSpec, program: Option<&Program>) -> Option<String> {
    let archives = wal.mode == WalMode::Archive;
    let value = match setting {
        "wal_level" if now == "minimal" => "replica".to_owned(),
        "archive_mode" if archives && now == "off" => "on".to_owned(),
        "archive_command" if archives => push_command(program?, name),
        "archive_timeout" if archives => wal.archive_timeout?.0.to_string(),
        // One for base backups, one for a stream of WAL.
        "max_wal_senders" if now.parse::<u32>().is_ok_and(|now| now < 2) => "4".to_owned(),
        _ => return None,
    };
    (value != now).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_others_are_known_for_what_they_are() {
        for ours in ["", "(disabled)", "/usr/bin/backstay --quiet --policy /p.yaml wal push %p --database app"] {
            assert!(is_free(ours), "{ours}");
        }
        for theirs in ["pgbackrest --stanza=app archive-push %p", "cp %p /archive/%f", "wal-g wal-push %p"] {
            assert!(!is_free(theirs), "{theirs}");
        }
    }
}
