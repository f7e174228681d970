//! `backstay init --from-env` and `--from-scripts`: the settings of five real systems become policies that are valid.

use crate::support::{Backstay, CANARY, Run};
use std::fs;
use std::path::Path;

/// Files of a system, each with its name.
fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("SECRET", CANARY)).unwrap();
    }
    folder
}

fn init(folder: &Path, words: &[&str]) -> Run {
    let words = [&["init", "--out", "policy.yaml"], words].concat();
    Backstay::new(words).current_dir(folder).run()
}

/// The policy made of a system: valid, without a secret in it.
fn policy(folder: &Path, words: &[&str]) -> String {
    init(folder, words).expect(0);
    let text = fs::read_to_string(folder.join("policy.yaml")).unwrap();
    assert!(!text.contains(CANARY), "{text}");
    let valid = Backstay::new(["--policy", "policy.yaml", "validate", "--json"]).current_dir(folder).run().expect(0);
    assert!(!valid.stdout.contains("\"severity\": \"error\""), "{valid:#?}\n{text}");
    text
}

#[track_caller]
fn holds(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn a_workflow_and_a_script_with_a_container() {
    let folder = system(&[
        (
            ".github/workflows/backup-database.yml",
            "on:\n  schedule:\n    - cron: '0 2 * * *'\n  workflow_dispatch:\njobs:\n  backup:\n    steps:\n      - env:\n          \
             AWS_ACCESS_KEY_ID: ${{ secrets.PROD_AWS_ACCESS_KEY_ID }}\n",
        ),
        (
            "scripts/backup-postgres.sh",
            "#!/bin/bash\nBACKUP_DIR=\"${BACKUP_DIR:-/opt/dorami/backups}\"\nMAX_BACKUPS=7\n\
             docker exec dorami-postgres-prod pg_dump -U app dorami | gzip > \"$FILE\"\n\
             aws s3 cp \"$FILE\" s3://dorami-db-backups-prod/backups/db.sql.gz --region ap-northeast-2\n",
        ),
        ("lifecycle.json", "{\"Rules\": [{\"Status\": \"Enabled\", \"Expiration\": {\"Days\": 30}}]}"),
    ]);
    let text = policy(folder.path(), &["--from-scripts", "."]);
    holds(
        &text,
        &[
            "path: \"/opt/dorami/backups\"",
            "bucket: \"dorami-db-backups-prod\"",
            "prefix: \"backups\"",
            "region: \"ap-northeast-2\"",
            "exec: [docker, exec, -i, \"dorami-postgres-prod\"]",
            "to: local, keep: { last: 7 }",
            "to: offsite, keep: 30d",
            "schedule: \"0 2 * * *\"",
        ],
    );
}

#[test]
fn an_environment_file_and_a_crontab() {
    let folder = system(&[
        (
            "backup.env",
            "DB_HOST=localhost\nDB_NAME=ordering_system\nDB_USER=postgres\nDB_PASSWORD=SECRET\n\
             BACKUP_DIR=/backups/postgres\nBACKUP_RETENTION_DAYS=7\nLOG_DIR=/var/log/backups\n\
             AWS_ACCESS_KEY_ID=AKIASECRET\nAWS_SECRET_ACCESS_KEY=SECRET\nAWS_REGION=us-east-1\nS3_BUCKET=my-backups\n\
             S3_PREFIX=database-backups\nREMOTE_RETENTION_DAYS=30\nENABLE_SLACK=true\n\
             SLACK_WEBHOOK=https://hooks.slack.com/services/SECRET\nPAGERDUTY_KEY=SECRET\nSENTRY_DSN=https://SECRET@x/1\n\
             ALERT_EMAIL=ops@example.com\nPARALLEL_JOBS=4\n",
        ),
        (
            "postgres-backups.cron",
            "SHELL=/bin/bash\n0 2 * * * postgres /backend/scripts/backup-postgres.sh\n\
             30 2 * * * postgres /backend/scripts/backup-sync-s3.sh\n\
             0 3 * * * postgres /backend/scripts/verify-backups.sh\n\
             0 1 * * 0 postgres /backend/scripts/backup-postgres.sh --cleanup\n5 5 * * * root /x/unrelated SECRET\n",
        ),
    ]);
    let text = policy(folder.path(), &["--from-env", "backup.env", "--from-scripts", "."]);
    holds(
        &text,
        &[
            "host: \"localhost\"",
            "password: ${env:DB_PASSWORD}",
            "to: local, keep: 7d",
            "to: offsite, keep: 30d",
            "prefix: \"database-backups\"",
            "verify: { schedule: \"0 3 * * *\"",
            "webhook: \"${env:SLACK_WEBHOOK}\"",
            "routing_key: \"${env:PAGERDUTY_KEY}\"",
            "dsn: \"${env:SENTRY_DSN}\"",
            "ops@example.com",
            "#   backup.env:19: setting `PARALLEL_JOBS`",
            "postgres-backups.cron:6: something is started by schedule",
        ],
    );
    assert!(!text.contains("weekly:"), "cleaning up is no backup: {text}");
    // What is there is not overwritten.
    assert!(init(folder.path(), &["--from-env", "backup.env"]).expect(1).stderr.contains("BS536"));
}

#[test]
fn a_crontab_with_tiers_a_timer_and_rules_of_a_bucket() {
    let folder = system(&[
        (
            "crontab.txt",
            "0 2 * * * /path/to/timeout/scripts/cron-backup.sh production\n\
             0 3 * * 0 /path/to/timeout/scripts/backup-database.sh production --test\n\
             0 */1 * * * /path/to/timeout/scripts/cron-backup.sh production\n\
             0 4 1 * * /path/to/scripts/test-restore.sh >> /var/log/x.log 2>&1\n",
        ),
        (
            "scripts/backup-database.sh",
            "DAILY_RETENTION=14      # days\nWEEKLY_RETENTION=60\nMONTHLY_RETENTION=730\n\
             find backups/production -name \"*.sql.gz\" -mtime +7 -delete\n\
             gpg --symmetric --cipher-algo AES256 backups/production/backup.sql.gz\n",
        ),
        (
            ".env",
            "DATABASE_URL=postgresql://u:SECRET@h/shiftmanager\nS3_BACKUP_BUCKET=my-company-backups\nAWS_REGION=us-east-1\nGPG_PASSPHRASE=SECRET\n",
        ),
        (
            "lifecycle.json",
            "{\"Rules\": [{\"Transitions\": [{\"Days\": 30, \"StorageClass\": \"GLACIER\"}, {\"Days\": 90, \
             \"StorageClass\": \"DEEP_ARCHIVE\"}]}, {\"Expiration\": {\"Days\": 365}}]}",
        ),
    ]);
    let text = policy(folder.path(), &["--from-scripts", "."]);
    holds(
        &text,
        &[
            "connection: ${env:DATABASE_URL}",
            "hourly:",
            "weekly:",
            "drill:",
            "passphrase: ${env:GPG_PASSPHRASE}",
            "encryption: team",
            "keep: 365d, transitions: [{ after: 30d, to: GLACIER }, { after: 90d, to: DEEP_ARCHIVE }]",
        ],
    );
}

#[test]
fn a_compose_file_with_a_backup_service() {
    let folder = system(&[(
        "docker-compose.yml",
        "services:\n  backup:\n    image: postgres:16\n    environment:\n      POSTGRES_HOST: db\n      POSTGRES_DB: internetid\n      \
         POSTGRES_USER: internetid\n      POSTGRES_PASSWORD: SECRET\n      BACKUP_DIR: /var/lib/postgresql/backups\n      \
         RETENTION_DAYS: \"30\"\n      S3_BUCKET: internet-id-backups\n      S3_REGION: us-east-1\n    command: >\n      \
         postgres -c archive_command='cp %p /var/lib/postgresql/backups/wal_archive/%f'\n",
    )]);
    let text = policy(folder.path(), &["--from-scripts", "."]);
    holds(
        &text,
        &[
            "host: \"db\"",
            "password: ${env:POSTGRES_PASSWORD}",
            "keep: 30d",
            "Nothing says when a backup is made: this is a guess.",
            "docker-compose.yml:14: a command that moves or deletes backups",
        ],
    );
}

#[test]
fn nothing_is_said_when_there_is_nothing() {
    let folder = system(&[("notes.txt", "hello\n"), ("empty/x.sh", "")]);
    let nothing = init(folder.path(), &["--from-scripts", "."]).expect(1);
    assert!(nothing.stderr.contains("BS844") && !folder.path().join("policy.yaml").exists(), "{nothing:#?}");
    let absent = init(folder.path(), &["--from-env", "absent.env"]).expect(1);
    assert!(absent.stderr.contains("BS843") && absent.stderr.contains("absent.env"), "{absent:#?}");
}
