//! When scripts are started: lines of crontabs, `cron:` of workflows, `OnCalendar=` of timers.

use super::found::Facts;

/// What a scheduled line is for, by the words of its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Backup,
    Verify,
    Drill,
    /// Copying to another place or deleting what is old: backstay does both with the backup.
    Included,
    Unknown,
}

/// True when the line says when something is started, understood or not; then what is understood is taken.
pub(super) fn take(line: &str, file: &str, facts: &mut Facts) -> Option<bool> {
    let line = line.trim().trim_start_matches("- ");
    if let Some(rest) = line.strip_prefix("cron:") {
        let cron = rest.split('#').next().unwrap_or(rest).trim().trim_matches(['"', '\'']);
        return Some(is_cron(cron) && put(cron, purpose(file), facts));
    }
    if let Some(rest) = line.strip_prefix("OnCalendar=") {
        let Some(cron) = calendar(rest.trim()) else { return Some(false) };
        return Some(put(&cron, purpose(file), facts));
    }
    let fields: Vec<&str> = line.splitn(6, char::is_whitespace).collect();
    let [a, b, c, d, e, command] = fields[..] else { return None };
    let cron = [a, b, c, d, e].join(" ");
    if !is_cron(&cron) {
        return None;
    }
    Some(put(&cron, purpose(command), facts))
}

fn is_cron(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let is_field = |field: &&str| {
        field.starts_with(|c: char| c.is_ascii_digit() || c == '*' || c.is_ascii_uppercase())
            && field.chars().all(|c| c.is_ascii_alphanumeric() || "*/,-".contains(c))
    };
    // A word that begins with a capital is a day or a month, and never stands in front.
    fields.len() == 5
        && fields.iter().all(is_field)
        && fields[..2].iter().all(|field| field.chars().all(|c| !c.is_ascii_alphabetic()))
        && text.parse::<crate::schedule::Schedule>().is_ok()
}

fn purpose(command: &str) -> Purpose {
    let command = command.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| command.contains(word));
    if has(&["test-restore", "restore-test", "restore_test", "test_restore", "drill"]) {
        Purpose::Drill
    } else if has(&["verify", "check"]) {
        Purpose::Verify
    } else if has(&["sync", "clean", "prune", "rotate", "retention", "upload"]) {
        Purpose::Included
    } else if has(&["backup", "pg_dump", "pgdump", "dump"]) {
        Purpose::Backup
    } else {
        Purpose::Unknown
    }
}

fn put(cron: &str, purpose: Purpose, facts: &mut Facts) -> bool {
    match purpose {
        Purpose::Backup => {
            facts.tiers.entry(tier_of(cron)).or_insert_with(|| cron.to_owned());
        }
        Purpose::Verify => drop(facts.verify.get_or_insert_with(|| cron.to_owned())),
        Purpose::Drill => drop(facts.drill.get_or_insert_with(|| cron.to_owned())),
        Purpose::Included => {}
        Purpose::Unknown => return false,
    }
    true
}

/// The usual name of a kind of backup that is made so often.
fn tier_of(cron: &str) -> &'static str {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    match fields[..] {
        [_, _, day, month, _] if day != "*" && month != "*" => "yearly",
        [_, _, day, ..] if day != "*" => "monthly",
        [_, _, _, _, weekday] if weekday != "*" => "weekly",
        [_, hour, ..] if hour.contains(['*', '/', ',', '-']) => "hourly",
        _ => "daily",
    }
}

/// The cron expression of a usual calendar of systemd.
fn calendar(text: &str) -> Option<String> {
    match text {
        "hourly" => return Some("0 * * * *".to_owned()),
        "daily" => return Some("0 0 * * *".to_owned()),
        "weekly" => return Some("0 0 * * MON".to_owned()),
        "monthly" => return Some("0 0 1 * *".to_owned()),
        _ => {}
    }
    let mut weekday = "*".to_owned();
    let mut day = "*".to_owned();
    let mut time = None;
    for part in text.split_whitespace() {
        if part.contains(':') {
            let mut fields = part.split(':').map(|field| field.parse::<u8>().ok());
            time = Some((fields.next()??, fields.next()??));
        } else if let Some(rest) = part.strip_prefix("*-*-") {
            day = if rest == "*" { rest.to_owned() } else { rest.parse::<u8>().ok()?.to_string() };
        } else if part.len() == 3 && part.chars().all(|c| c.is_ascii_alphabetic()) {
            weekday = part.to_ascii_uppercase();
        } else {
            return None;
        }
    }
    let (hour, minute) = time?;
    let cron = format!("{minute} {hour} {day} * {weekday}");
    is_cron(&cron).then_some(cron)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(line: &str, file: &str) -> (Option<bool>, Facts) {
        let mut facts = Facts::default();
        (take(line, file, &mut facts), facts)
    }

    #[test]
    fn crontabs_workflows_and_timers_say_when() {
        let tier = |line: &str, file: &str| taken(line, file).1.tiers.into_iter().next();
        assert_eq!(
            tier("0 2 * * * postgres /x/backup-postgres.sh", "crontab"),
            Some(("daily", "0 2 * * *".to_owned()))
        );
        assert_eq!(tier("0 3 * * 0 /x/backup-database.sh production", ""), Some(("weekly", "0 3 * * 0".to_owned())));
        assert_eq!(tier("0 */1 * * * /x/cron-backup.sh", ""), Some(("hourly", "0 */1 * * *".to_owned())));
        assert_eq!(
            tier("- cron: '0 2 * * *'  # night", "backup-database.yml"),
            Some(("daily", "0 2 * * *".to_owned()))
        );
        assert_eq!(tier("OnCalendar=*-*-* 02:00", "postgres-backup.timer"), Some(("daily", "0 2 * * *".to_owned())));
        assert_eq!(tier("OnCalendar=Sun *-*-* 03:30:00", "backup.timer"), Some(("weekly", "30 3 * * SUN".to_owned())));
        let (said, facts) = taken("0 3 * * * postgres /x/verify-backups.sh", "");
        assert_eq!((said, facts.verify.as_deref()), (Some(true), Some("0 3 * * *")));
        let (_, facts) = taken("0 4 1 * * /x/test-restore.sh >> /var/log/x 2>&1", "");
        assert_eq!((facts.drill.as_deref(), facts.tiers.len()), (Some("0 4 1 * *"), 0));
        assert_eq!(taken("30 2 * * * root /x/backup-sync-s3.sh", "").0, Some(true));
        assert_eq!(taken("5 5 * * * root /x/something", "").0, Some(false));
        for line in ["A line of five words is", "set -e", "1 2 3", "# 0 2 * * * backup", ""] {
            assert_eq!(taken(line, "backup.sh").0, None, "{line}");
        }
    }
}
