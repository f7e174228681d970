//! Settings by name: `BACKUP_DIR=/backups`, `export S3_BUCKET="x"`, `AWS_REGION: eu-west-1`, `- KEY=value`.

use super::found::{Alert, Facts};

/// The name and value of a line, quotes and comments taken off. `None` for a line that sets nothing.
pub(super) fn assignment(line: &str) -> Option<(&str, String)> {
    let line = line.trim().trim_start_matches("- ").trim_start_matches("export ").trim_start();
    let end = line.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))?;
    let (name, rest) = line.split_at(end);
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let value = rest.strip_prefix('=').or_else(|| rest.strip_prefix(": "))?.trim();
    Some((name, plain(value)))
}

/// A value without quotes, comment and default: `"${NAME:-30}"` is `30`.
fn plain(value: &str) -> String {
    let inside = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.split(quote).next());
    let value = inside('"').or_else(|| inside('\'')).unwrap_or_else(|| value.split(" #").next().unwrap_or(value));
    let value = value.trim();
    let default =
        value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).and_then(|rest| rest.split_once(":-"));
    default.map_or(value, |(_, default)| default).trim().to_owned()
}

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is in the policy.
    Yes,
    /// It says nothing that a policy needs.
    Needless,
    /// It is not understood.
    No,
}

/// Settings of scripts that a policy has no use for: how they log, that they do what backstay always does, and
/// credentials that the programs of AWS find by themselves.
const NEEDLESS: [&str; 20] = [
    "LOG_DIR",
    "LOG_FILE",
    "LOG_LEVEL",
    "ENABLE_SLACK",
    "ENABLE_EMAIL",
    "ENABLE_PAGERDUTY",
    "ENABLE_SENTRY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "VERIFY_BACKUPS",
    "VERIFY_CHECKSUM",
    "TIMESTAMP",
    "DATE",
    "DRY_RUN",
    "SCRIPT_DIR",
    "PATH",
    "SHELL",
    "MAILTO",
    "TZ",
];

/// Takes over a setting. A value that is a reference to another one says nothing.
pub(super) fn take(name: &str, value: &str, facts: &mut Facts) -> Taken {
    // `PROD_S3_BACKUP_BUCKET` is `S3_BACKUP_BUCKET` of an environment.
    let bare = ["PROD_", "PRODUCTION_", "STAGING_", "DEV_"].iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
    // Secrets are meant by name: their values are not looked at.
    match bare {
        "DATABASE_URL" | "POSTGRES_URL" | "DB_URL" | "PG_URL" | "PGURL" => return set(&mut facts.url, name),
        "DB_PASSWORD" | "PGPASSWORD" | "POSTGRES_PASSWORD" => return set(&mut facts.password, name),
        "GPG_PASSPHRASE" | "BACKUP_PASSPHRASE" | "BACKUP_ENCRYPTION_KEY" | "ENCRYPTION_PASSPHRASE" => {
            return set(&mut facts.gpg, name);
        }
        "SLACK_WEBHOOK" | "SLACK_WEBHOOK_URL" => return alert(facts, Alert::Slack, name, value),
        "PAGERDUTY_KEY" | "PAGERDUTY_ROUTING_KEY" | "PAGERDUTY_INTEGRATION_KEY" | "PAGERDUTY_SERVICE_KEY" => {
            return alert(facts, Alert::Pagerduty, name, value);
        }
        "SENTRY_DSN" => return alert(facts, Alert::Sentry, name, value),
        "HEALTHCHECK_URL" | "HEALTHCHECKS_URL" | "HC_PING_URL" => return alert(facts, Alert::Healthcheck, name, value),
        _ => {}
    }
    if NEEDLESS.contains(&bare) {
        return Taken::Needless;
    }
    if value.is_empty() || value.contains(['$', '`', '<']) || value.contains("your_") || value.contains("your-") {
        return Taken::No;
    }
    let days = || value.trim_end_matches(['d', 'D']).parse::<u32>().ok().filter(|days| *days > 0);
    match bare {
        "DB_HOST" | "PGHOST" | "POSTGRES_HOST" => set(&mut facts.host, value),
        "DB_PORT" | "PGPORT" | "POSTGRES_PORT" if value.parse::<u16>().is_ok() => set(&mut facts.port, value),
        "DB_USER" | "PGUSER" | "POSTGRES_USER" => set(&mut facts.user, value),
        "DB_NAME" | "PGDATABASE" | "POSTGRES_DB" | "DATABASE_NAME" => set(&mut facts.database, value),
        "CONTAINER_NAME" | "POSTGRES_CONTAINER" | "DB_CONTAINER" => set(&mut facts.container, value),
        "BACKUP_DIR" | "BACKUP_PATH" | "LOCAL_BACKUP_DIR" | "BACKUP_ROOT" if value.starts_with('/') => {
            set(&mut facts.folder, value)
        }
        "S3_BUCKET" | "S3_BACKUP_BUCKET" | "AWS_S3_BUCKET" | "BACKUP_BUCKET" | "AWS_BUCKET" => bucket(facts, value),
        "S3_PREFIX" | "S3_PATH" | "S3_BACKUP_PREFIX" => set(&mut facts.prefix, value.trim_matches('/')),
        "AWS_REGION" | "AWS_DEFAULT_REGION" | "S3_REGION" => set(&mut facts.region, value),
        "S3_ENDPOINT" | "AWS_ENDPOINT_URL" | "S3_ENDPOINT_URL" => set(&mut facts.endpoint, value),
        "S3_STORAGE_CLASS" | "STORAGE_CLASS" => set(&mut facts.class, value),
        "BACKUP_RETENTION_DAYS" | "RETENTION_DAYS" | "LOCAL_RETENTION_DAYS" | "KEEP_DAYS" | "BACKUP_KEEP_DAYS" => {
            put(&mut facts.keep_days, days())
        }
        "REMOTE_RETENTION_DAYS" | "S3_RETENTION_DAYS" => put(&mut facts.remote_days, days()),
        "DAILY_RETENTION" | "DAILY_RETENTION_DAYS" => put(&mut facts.daily_days, days()),
        "WEEKLY_RETENTION" | "WEEKLY_RETENTION_DAYS" => put(&mut facts.weekly_days, days()),
        "MONTHLY_RETENTION" | "MONTHLY_RETENTION_DAYS" => put(&mut facts.monthly_days, days()),
        "MAX_BACKUPS" | "KEEP_BACKUPS" | "BACKUP_COUNT" | "KEEP_LAST" => put(&mut facts.keep_last, days()),
        "AGE_RECIPIENT" | "BACKUP_AGE_RECIPIENT" if value.starts_with("age1") => set(&mut facts.age, value),
        "ALERT_EMAIL" | "NOTIFY_EMAIL" | "BACKUP_EMAIL" => set(&mut facts.mail_to, value),
        "SMTP_HOST" | "MAIL_HOST" => set(&mut facts.mail_host, value),
        "SMTP_USER" | "MAIL_USER" => set(&mut facts.mail_user, value),
        "SMTP_FROM" | "MAIL_FROM" => set(&mut facts.mail_from, value),
        _ => Taken::No,
    }
}

/// The first one said stays.
fn set(slot: &mut Option<String>, value: &str) -> Taken {
    slot.get_or_insert_with(|| value.to_owned());
    Taken::Yes
}

fn put(slot: &mut Option<u32>, value: Option<u32>) -> Taken {
    match value {
        Some(value) => {
            slot.get_or_insert(value);
            Taken::Yes
        }
        None => Taken::No,
    }
}

fn bucket(facts: &mut Facts, value: &str) -> Taken {
    let value = value.strip_prefix("s3://").unwrap_or(value).trim_end_matches('/');
    match value.split_once('/') {
        Some((bucket, prefix)) => {
            set(&mut facts.prefix, prefix);
            set(&mut facts.bucket, bucket)
        }
        None => set(&mut facts.bucket, value),
    }
}

/// A channel that is set to nothing is none.
fn alert(facts: &mut Facts, kind: Alert, name: &str, value: &str) -> Taken {
    if value.is_empty() {
        return Taken::Needless;
    }
    facts.alerts.entry(kind).or_insert_with(|| name.to_owned());
    Taken::Yes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_file_are_read_alike() {
        let read = |line: &str| assignment(line).map(|(name, value)| format!("{name}|{value}"));
        for (line, read_as) in [
            ("BACKUP_DIR=/backups", Some("BACKUP_DIR|/backups")),
            ("  export A_1=\"x y\" # note", Some("A_1|x y")),
            ("RETENTION_DAYS=\"${RETENTION_DAYS:-30}\"", Some("RETENTION_DAYS|30")),
            ("      AWS_REGION: eu-west-1 # far", Some("AWS_REGION|eu-west-1")),
            ("      - S3_BUCKET='b'", Some("S3_BUCKET|b")),
            ("lower=1", None),
            ("# BACKUP_DIR=/x", None),
            ("echo X=1", None),
        ] {
            assert_eq!(read(line).as_deref(), read_as, "{line}");
        }
    }
}
