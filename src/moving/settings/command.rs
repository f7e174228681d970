//! Commands in scripts that say where backups go, for how long, and how they are sealed.

use super::found::Facts;

/// Programs whose commands speak of backups: what is not understood of them is told.
const SPEAKING: [&str; 12] = [
    "aws s3",
    "aws s3api",
    "rclone",
    "gsutil",
    "az ",
    "pg_basebackup",
    "pg_dumpall",
    "restic",
    "borg",
    "openssl enc",
    "rsync",
    "archive_command",
];

/// `Some(true)`: understood; `Some(false)`: it speaks of backups and is not understood; `None`: it is about something
/// else.
pub(super) fn take(line: &str, facts: &mut Facts) -> Option<bool> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches(['"', '\'', ';'])).collect();
    let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
    let mut is_understood = false;
    if line.contains("aws s3 ") || line.contains("aws s3api ") {
        let place = words.iter().find_map(|word| word.strip_prefix("s3://")).filter(|place| is_plain(place));
        if let Some((bucket, rest)) = place.map(|place| place.split_once('/').unwrap_or((place, ""))) {
            facts.bucket.get_or_insert_with(|| bucket.to_owned());
            let folder = rest.rsplit_once('/').map_or("", |(folder, _)| folder);
            if !folder.is_empty() {
                facts.prefix.get_or_insert_with(|| folder.to_owned());
            }
            is_understood = true;
        }
        if let Some(bucket) = after("--bucket").filter(|bucket| is_plain(bucket)) {
            facts.bucket.get_or_insert_with(|| bucket.to_owned());
            is_understood = true;
        }
        if let Some(class) = after("--storage-class").filter(|class| is_plain(class)) {
            facts.class.get_or_insert_with(|| class.to_owned());
        }
        if let Some(region) = after("--region").filter(|region| is_plain(region)) {
            facts.region.get_or_insert_with(|| region.to_owned());
        }
    }
    if line.contains("find ") && line.contains("-delete") {
        // `-mtime +7` is more than seven whole days.
        let days = after("-mtime").and_then(|days| days.strip_prefix('+')).and_then(|days| days.parse::<u32>().ok());
        if let Some(days) = days.filter(|days| *days > 0) {
            facts.keep_days.get_or_insert(days);
            return Some(true);
        }
        return Some(false);
    }
    if line.contains("docker exec") && line.contains("pg_dump") {
        let at = words.iter().position(|word| *word == "exec");
        let container = at.and_then(|at| words[at + 1..].iter().find(|word| !word.starts_with('-')));
        if let Some(container) = container.filter(|container| is_plain(container)) {
            facts.container.get_or_insert_with(|| (*container).to_owned());
            is_understood = true;
        }
    }
    if is_understood {
        return Some(true);
    }
    SPEAKING.iter().any(|program| line.contains(program)).then_some(false)
}

/// What the rules of a bucket in JSON say: when copies expire.
pub(super) fn take_rules(text: &str, facts: &mut Facts) -> bool {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { return false };
    let rules = value["Rules"].as_array().cloned().unwrap_or_default();
    let days = rules.iter().find_map(|rule| rule["Expiration"]["Days"].as_u64());
    if let Some(days) = days.and_then(|days| u32::try_from(days).ok()) {
        facts.remote_days.get_or_insert(days);
    }
    for transition in rules.iter().filter_map(|rule| rule["Transitions"].as_array()).flatten() {
        if let (Some(days), Some(class)) = (transition["Days"].as_u64(), transition["StorageClass"].as_str()) {
            facts.transitions.push((days, class.to_owned()));
        }
    }
    days.is_some() || !facts.transitions.is_empty()
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && !word.contains(['$', '`', '{', '*'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_say_where_and_how_long() {
        let mut facts = Facts::default();
        let mut said = |line: &str| take(line, &mut facts);
        assert_eq!(said("aws s3 cp x.gz s3://my-bucket/production/db/x.gz --storage-class GLACIER_IR"), Some(true));
        assert_eq!(said("find backups/production -name \"*.sql.gz\" -mtime +7 -delete"), Some(true));
        assert_eq!(said("docker exec -i dorami-postgres-prod pg_dump -U x y | gzip > z"), Some(true));
        assert_eq!(said("aws s3 cp \"$FILE\" \"s3://$BUCKET/\""), Some(false));
        assert_eq!(said("rclone copy /backups remote:b"), Some(false));
        assert_eq!(said("# aws s3 cp a s3://b/"), None);
        assert_eq!(said("echo done"), None);
        assert_eq!((facts.bucket.as_deref(), facts.prefix.as_deref()), (Some("my-bucket"), Some("production/db")));
        assert_eq!((facts.class.as_deref(), facts.keep_days), (Some("GLACIER_IR"), Some(7)));
        assert_eq!(facts.container.as_deref(), Some("dorami-postgres-prod"));
    }

    #[test]
    fn rules_of_a_bucket_say_when_copies_expire() {
        let mut facts = Facts::default();
        let rules =
            r#"{"Rules": [{"Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]}, {"Expiration": {"Days": 365}}]}"#;
        assert!(take_rules(rules, &mut facts) && !take_rules("[", &mut facts));
        assert_eq!((facts.remote_days, facts.transitions), (Some(365), vec![(30, "GLACIER".to_owned())]));
    }
}
