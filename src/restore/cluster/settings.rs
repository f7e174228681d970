//! The settings by which PostgreSQL recovers to a target. Pure.

use crate::base::Timeline;
use crate::catalog::RecoveryTarget;

/// What stands above our lines.
const HEADING: &str = "# How far this cluster was recovered; without meaning once it is up.";

/// The text of `postgresql.auto.conf`, for PostgreSQL 12 and newer: what was in it, without any word of an earlier
/// recovery, and then the target. A server refuses to start when two targets are set, even if one of them is empty.
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
) -> String {
    let ends_with_its_wal = of_standby && *target == RecoveryTarget::Immediate;
    let restore_command = restore_command.filter(|_| !ends_with_its_wal);
    let is_other = |line: &&str| {
        let line = line.trim_start();
        !line.starts_with("recovery_target") && !line.starts_with("restore_command") && line != HEADING
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
    let timeline = timeline.map_or_else(|| "latest".to_owned(), |timeline| timeline.0.to_string());
    set("recovery_target_timeline", &timeline);
    set("recovery_target_action", "promote");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Lsn;

    #[test]
    fn one_target_is_set_and_nothing_is_left_of_an_earlier_one() {
        let command = Some("get '%f' \"%p\"");
        let text = with_recovery("port = 1\n", &RecoveryTarget::Lsn(Lsn(0x300_0000)), true, Some(Timeline(2)), command);
        assert!(text.starts_with("port = 1\n") && text.contains("\nrecovery_target_lsn = '0/3000000'\n"), "{text}");
        assert!(text.contains("restore_command = 'get ''%f'' \"%p\"'\n") && text.contains("timeline = '2'"), "{text}");
        let again = with_recovery(&text, &RecoveryTarget::Immediate, false, None, None);
        assert!(
            again.contains("restore_command = 'false'") && again.contains("recovery_target = 'immediate'"),
            "{again}"
        );
        assert!(!again.contains("lsn") && again.matches(HEADING).count() == 1, "{again}");
        let at = "2026-11-27T21:52:26.7Z".parse().unwrap_or_default();
        let time = with_recovery("", &RecoveryTarget::Time(at), false, None, None);
        assert!(time.contains("recovery_target_time = '2026-11-27 21:52:26.700000+00'"), "{time}");
        let latest = with_recovery(&again, &RecoveryTarget::Latest, false, None, None);
        assert!(latest.contains("recovery_target_timeline = 'latest'") && !latest.contains("immediate"), "{latest}");
    }

    #[test]
    fn a_backup_of_a_standby_ends_with_its_wal() {
        let command = Some("get");
        let text = with_recovery("", &RecoveryTarget::Immediate, true, None, command);
        assert!(text.contains("restore_command = 'false'") && !text.contains("immediate"), "{text}");
        let latest = with_recovery("", &RecoveryTarget::Latest, true, None, command);
        assert!(latest.contains("restore_command = 'get'"), "{latest}");
    }
}
