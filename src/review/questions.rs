//! What a reviewer should ask before the change goes in.

use super::finding::Finding;
use crate::base::quoted;
use crate::diag::{Code, Severity, codes};

/// No reviewer asks more than these.
const MOST: usize = 12;

/// Questions for findings that stand worst first: one a kind of change.
pub(super) fn questions(findings: &[Finding]) -> Vec<String> {
    let mut asked: Vec<&Code> = Vec::new();
    let mut questions = Vec::new();
    for finding in findings.iter().filter(|finding| finding.code.severity != Severity::Info) {
        if asked.contains(&finding.code) || questions.len() == MOST {
            continue;
        }
        asked.push(finding.code);
        let of_kind: Vec<&Finding> = findings.iter().filter(|other| other.code == finding.code).collect();
        questions.extend(question(finding, &of_kind));
    }
    questions
}

fn question(first: &Finding, all: &[&Finding]) -> Option<String> {
    let code = first.code;
    let mut databases: Vec<&String> = all.iter().flat_map(|finding| &finding.databases).collect();
    databases.sort();
    databases.dedup();
    let who = listed(&databases);
    let is = |other: &Code| code == other;
    Some(if is(&codes::DATABASE_LOST) {
        format!("Is the data of {who} gone for good, or backed up by something else from now on?")
    } else if is(&codes::RENAMED) {
        "Who still finds the backups under the old name, and for how long must they be kept?".to_owned()
    } else if is(&codes::TIER_LOST) {
        format!("Does anyone count on restore points of the tiers that {who} loses, and who deletes what is stored?")
    } else if is(&codes::CONNECTION_CHANGED) {
        format!("Is it still the same data that is behind {who}?")
    } else if is(&codes::SCOPE_LESS) {
        format!("Where does what is left out of {who} come from after a restore?")
    } else if is(&codes::SCHEDULE_LOST) {
        "What starts backups from now on, and who notices when it does not?".to_owned()
    } else if is(&codes::LOSS_LARGER) {
        let most = first.after.as_deref().unwrap_or("that much");
        format!("May {who} lose the work of {most}, and who agreed to that?")
    } else if is(&codes::RESTORE_SLOWER) {
        format!("Can {who} be away for as long as the thaw and the restore take?")
    } else if is(&codes::OBJECTIVE_LOOSER) {
        format!("Who owns the objectives of {who}, and do they know?")
    } else if is(&codes::POINTS_LOST) {
        let day = first.lost.iter().filter_map(|lost| lost.days.first()).map(|day| day.on.as_str()).min();
        let day = day.unwrap_or("that day");
        format!("Does a law, a contract or an auditor count on the restore points of {who} that go from {day} on?")
    } else if is(&codes::COPY_LOST) {
        "If the places that are left are lost together, where is the data?".to_owned()
    } else if is(&codes::CLASS_COLDER) {
        format!("Is the wait for a thaw, and its price, fine on the day on which {who} must be restored?")
    } else if is(&codes::STORAGE_LOST) || is(&codes::STORAGE_MOVED) {
        "Who still needs what lies at the old place, and who pays for it and deletes it?".to_owned()
    } else if is(&codes::PRUNER_CHANGED) {
        "Do the credentials and the bucket's rules fit the one who deletes from now on?".to_owned()
    } else if is(&codes::STORAGE_LOOSER) || is(&codes::LOCK_WEAKER) {
        "Against which mistake or attacker did the protection stand that goes, and what stands there now?".to_owned()
    } else if is(&codes::LOCK_STRONGER) {
        "Can everyone live with backups that nobody can delete before the lock ends?".to_owned()
    } else if is(&codes::FLOOR_LOWER) {
        format!("After which mistake should the floor under the deletion of {who} still hold?")
    } else if is(&codes::ENCRYPTION_LOST) {
        format!("Who can read the places where backups of {who} lie in clear from now on?")
    } else if is(&codes::ENCRYPTION_CHANGED) || is(&codes::READER_LOST) {
        "Who keeps the old key for as long as backups that need it are kept?".to_owned()
    } else if is(&codes::READER_GAINED) {
        "Whose key is the new one, and who has seen it work?".to_owned()
    } else if is(&codes::ACCESS_WIDER) || is(&codes::TRUST_WIDER) {
        "Who asked for this access, and what is the least that would do?".to_owned()
    } else if is(&codes::ALERT_LOST) {
        "Who notices now, and after how long?".to_owned()
    } else if is(&codes::PROOF_RARER) {
        format!("How would anyone find out that backups of {who} do not restore?")
    } else if is(&codes::COMMAND_CHANGED) {
        "Who has read the commands, and as whom do they run?".to_owned()
    } else if is(&codes::IGNORE_ADDED) {
        "Is the reason that the comment gives a reason?".to_owned()
    } else {
        return None;
    })
}

fn listed(names: &[&String]) -> String {
    match names {
        [] => "the databases".to_owned(),
        [one] => quoted(one),
        [one, two] => format!("{} and {}", quoted(one), quoted(two)),
        [one, two, rest @ ..] => format!("{}, {} and {} more", quoted(one), quoted(two), rest.len()),
    }
}
