//! The settings by which PostgreSQL recovers to a target. Pure.

use crate::base::{Timeline, WalSegment};
use crate::catalog::RecoveryTarget;

/// What stands above our lines.
const HEADING: &str = "# How far this cluster was recovered; without meaning once it is up.";

/// What stands above the line that keeps it from archiving.
const SILENT: &str = "# Restored beside the one that archives: without this line it would write into the same archive.";

/// The text of `postgresql.auto.conf`, for PostgreSQL 12 and newer: what was in it, without any word of an earlier
/// recovery, and then the target. A server refuses to start when two targets are set, even if one of them is empty.
///
/// Without a timeline that of the backup is followed. One that does not archive is kept from it also where the server it was
/// made from does.
///
/// As it was at its end, a backup of a standby is recovered to the end of the WAL that lies in it, and the archive is not
/// asked: the server stops `immediate` at a commit or when a record follows (`recoveryStopsAfter` in its source), and what
/// is consistent on a standby may end with the last record that its primary wrote, such as the pruning of a page.
pub(super) fn with_recovery(
    before: &str,
    target: &RecoveryTarget,
    of_standby: bool,
    timeline: Option<Timeline>,
    restore_command: Option<&str>,
    archives: bool,
) -> String {
    let ends_with_its_wal = of_standby && *target == RecoveryTarget::Immediate;
    let restore_command = restore_command.filter(|_| !ends_with_its_wal);
    let is_other = |line: &&str| {
        let line = line.trim_start();
        let is_recovery = line.starts_with("recovery_target") || line.starts_with("restore_command");
        let is_silence = line.starts_with("archive_mode") && (!archives || before.contains(SILENT));
        !is_recovery && !is_silence && line != HEADING && line != SILENT
    };
    let mut text: String = before.lines().filter(is_other).map(|line| format!("{line}\n")).collect();
    text.push_str(HEADING);
    text.push('\n');
    let mut set = |name: &str, value: &str| {
        text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
    };
    // The server wants a command whenever it recovers from a backup; without an archive everything is in `pg_wal`.
    set("restore_command", restore_command.unwrap_or("false"));
    match target {
        RecoveryTarget::Immediate if ends_with_its_wal => {}
        RecoveryTarget::Immediate => set("recovery_target", "immediate"),
        RecoveryTarget::Latest => {}
        RecoveryTarget::Time(at) => {
            // The server reads no `T` and no `Z` here.
            set("recovery_target_time", &at.strftime("%Y-%m-%d %H:%M:%S%.6f+00").to_string());
            // What was committed in that very microsecond counts as after it.
            set("recovery_target_inclusive", "false");
        }
        RecoveryTarget::Lsn(at) => set("recovery_target_lsn", &at.to_string()),
        RecoveryTarget::Xid(id) => set("recovery_target_xid", &id.to_string()),
        RecoveryTarget::Name(called) => set("recovery_target_name", called),
    }
    // A number asks for the history of that timeline, which the backup's own need not have.
    let timeline = timeline.map_or_else(|| "current".to_owned(), |timeline| timeline.0.to_string());
    set("recovery_target_timeline", &timeline);
    set("recovery_target_action", "promote");
    if !archives {
        text.push_str(SILENT);
        text.push_str("\narchive_mode = 'off'\n");
    }
    text
}

/// The same text for a recovery to the end of the WAL, but not behind a segment, instead of to a moment.
pub(super) fn to_the_end(text: &str, last: WalSegment) -> String {
    let is_moment =
        |line: &&str| line.starts_with("recovery_target_time ") || line.starts_with("recovery_target_inclusive ");
    let bounded = |line: &str| match line.strip_prefix("restore_command = ").and_then(|line| line.strip_suffix('\'')) {
        Some(command) => format!("restore_command = {command} --until {last}'\n"),
        None => format!("{line}\n"),
    };
    text.lines().filter(|line| !is_moment(line)).map(bounded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Lsn;

    #[test]
    fn one_target_is_set_and_nothing_is_left_of_an_earlier_one() {
        let command = Some("get '%f' \"%p\"");
        let text =
            with_recovery("port = 1\n", &RecoveryTarget::Lsn(Lsn(0x300_0000)), true, Some(Timeline(2)), command, true);
        assert!(text.starts_with("port = 1\n") && text.contains("\nrecovery_target_lsn = '0/3000000'\n"), "{text}");
        assert!(text.contains("restore_command = 'get ''%f'' \"%p\"'\n") && text.contains("timeline = '2'"), "{text}");
        let again = with_recovery(&text, &RecoveryTarget::Immediate, false, None, None, true);
        assert!(
            again.contains("restore_command = 'false'") && again.contains("recovery_target = 'immediate'"),
            "{again}"
        );
        assert!(!again.contains("lsn") && again.matches(HEADING).count() == 1, "{again}");
        let at = "2026-11-27T21:52:26.7Z".parse().unwrap_or_default();
        let time = with_recovery("", &RecoveryTarget::Time(at), false, None, None, true);
        assert!(time.contains("recovery_target_time = '2026-11-27 21:52:26.700000+00'"), "{time}");
        let latest = with_recovery(&again, &RecoveryTarget::Latest, false, None, None, true);
        assert!(latest.contains("recovery_target_timeline = 'current'") && !latest.contains("immediate"), "{latest}");
    }

    #[test]
    fn a_moment_behind_the_last_commit_becomes_the_end_of_what_is_known() {
        let at = RecoveryTarget::Time("2026-11-27T21:52:26.7Z".parse().unwrap_or_default());
        let text = with_recovery("port = 1\n", &at, false, None, Some("get '%f'"), true);
        let last = WalSegment::at(Timeline(1), Lsn(0x300_0000), crate::base::SegmentSize::DEFAULT);
        let text = to_the_end(&text, last);
        assert!(text.contains("restore_command = 'get ''%f'' --until 000000010000000000000003'\n"), "{text}");
        assert!(!text.contains("target_time ") && !text.contains("inclusive") && text.contains("action"), "{text}");
    }

    #[test]
    fn a_backup_of_a_standby_ends_with_its_wal() {
        let command = Some("get");
        let text = with_recovery("", &RecoveryTarget::Immediate, true, None, command, true);
        assert!(text.contains("restore_command = 'false'") && !text.contains("immediate"), "{text}");
        let latest = with_recovery("", &RecoveryTarget::Latest, true, None, command, true);
        assert!(latest.contains("restore_command = 'get'"), "{latest}");
    }

    #[test]
    fn one_that_is_looked_at_does_not_archive() {
        let settings =
            |before: &str, archives| with_recovery(before, &RecoveryTarget::Latest, false, None, Some("get"), archives);
        let silent = settings("archive_mode = 'on'\narchive_command = 'put'\n", false);
        assert!(!silent.contains("'on'") && silent.ends_with("archive_mode = 'off'\n"), "{silent}");
        assert_eq!(settings(&silent, false), silent);
        let heard = settings(&silent, true);
        assert!(!heard.contains("archive_mode") && heard.contains("archive_command = 'put'"), "{heard}");
        assert!(settings("archive_mode = 'on'\n", true).starts_with("archive_mode = 'on'\n"));
    }
}
