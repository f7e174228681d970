//! The policy that does what old settings say. It is valid as it is, holds references instead of secrets, and lists what
//! was not understood.

use super::found::{Alert, Facts, Found};
use crate::base::is_name;
use crate::resource::StorageClass;
use std::fmt::Write as _;

/// Lines that were not understood, before the rest is only counted.
const SHOWN: usize = 60;

/// The text of the policy. `day` is when it is written, such as `2026-11-20`.
pub fn written(found: &Found, day: &str) -> String {
    let facts = &found.facts;
    let name = slug(facts.database.as_deref().or(facts.bucket.as_deref()).unwrap_or("moved-in"));
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "# What the old scripts did, as a policy. Written by `backstay init` on {day}");
    let _ = writeln!(out, "# out of {}.", comment(&list(&found.files)));
    out.push_str(
        "#\n# It holds references instead of secrets: set the variables it names where backstay runs. Then\n#   backstay \
         validate   checks this file\n#   backstay plan       shows what is missing\n#   backstay adopt      takes over \
         the dumps that are there\n",
    );
    not_understood(&mut out, found);
    let _ = writeln!(out, "version: 1\nname: {name}\n\nstorage:");
    let places = places(&mut out, facts, &name);
    tiers(&mut out, facts, &places);
    encryption(&mut out, facts);
    database(&mut out, facts, &name);
    alerts(&mut out, facts);
    out
}

fn not_understood(out: &mut String, found: &Found) {
    if found.unknown.is_empty() {
        return;
    }
    out.push_str("#\n# Not understood, and so not in here; look at these lines:\n");
    for line in found.unknown.iter().take(SHOWN) {
        let _ = writeln!(out, "#   {}", comment(line));
    }
    if found.unknown.len() > SHOWN {
        let _ = writeln!(out, "#   and {} more", found.unknown.len() - SHOWN);
    }
}

/// Which storages there are.
struct Places {
    local: bool,
    offsite: bool,
}

fn places(out: &mut String, facts: &Facts, name: &str) -> Places {
    let places = Places { local: facts.folder.is_some() || facts.bucket.is_none(), offsite: facts.bucket.is_some() };
    if places.local {
        let path = facts.folder.clone().unwrap_or_else(|| format!("/var/backups/{name}"));
        if facts.folder.is_none() {
            out.push_str("  # The scripts do not say where: this is a guess.\n");
        }
        let _ = writeln!(
            out,
            "  local:\n    type: filesystem\n    path: {}\n    manage: {{ create: true }}",
            quoted(&path)
        );
    }
    if let Some(bucket) = &facts.bucket {
        let _ = writeln!(out, "  offsite:\n    type: s3\n    bucket: {}", quoted(bucket));
        for (key, value) in [("prefix", &facts.prefix), ("region", &facts.region), ("endpoint", &facts.endpoint)] {
            if let Some(value) = value {
                let _ = writeln!(out, "    {key}: {}", quoted(value));
            }
        }
        out.push_str("    # What `apply` may set on the bucket; take the line out to leave the bucket as it is.\n");
        out.push_str("    manage: { public_access: blocked, abort_incomplete_uploads: 7d }\n");
    }
    out.push('\n');
    places
}

fn tiers(out: &mut String, facts: &Facts, places: &Places) {
    out.push_str("tiers:\n");
    if facts.tiers.is_empty() {
        out.push_str("  # Nothing says when a backup is made: this is a guess.\n");
    }
    for (tier, schedule) in schedules(facts) {
        let _ = writeln!(out, "  {tier}:\n    schedule: {}\n    copies:", quoted(&schedule));
        let of_tier = match tier {
            "daily" => facts.daily_days,
            "weekly" => facts.weekly_days,
            "monthly" => facts.monthly_days,
            _ => None,
        };
        if places.local {
            let keep = match (of_tier.or(facts.keep_days), facts.keep_last) {
                (Some(days), _) => format!("{days}d"),
                (None, Some(last)) => format!("{{ last: {last} }}"),
                (None, None) => guess(tier).to_owned(),
            };
            let _ = writeln!(out, "      - {{ to: local, keep: {keep} }}");
        }
        if places.offsite {
            let days = facts.remote_days.or(of_tier).or(facts.keep_days);
            let keep = days.map_or_else(|| guess(tier).to_owned(), |days| format!("{days}d"));
            let _ =
                writeln!(out, "      - {{ to: offsite, keep: {keep}{}{} }}", class(facts), transitions(facts, days));
        }
    }
    out.push_str("  # Before a migration or a deployment: `backstay backup DATABASE --tier on-demand`\n");
    let to = if places.local { "local" } else { "offsite" };
    let _ = writeln!(out, "  on-demand:\n    schedule: manual\n    copies: [{{ to: {to}, keep: 7d }}]\n");
}

fn schedules(facts: &Facts) -> Vec<(&'static str, String)> {
    if facts.tiers.is_empty() {
        return vec![("daily", "0 2 * * *".to_owned())];
    }
    facts.tiers.iter().map(|(tier, cron)| (*tier, cron.clone())).collect()
}

/// How long a tier is kept when nothing says it.
fn guess(tier: &str) -> &'static str {
    match tier {
        "hourly" => "2d",
        "weekly" => "90d",
        "monthly" | "yearly" => "1y",
        _ => "30d",
    }
}

fn class(facts: &Facts) -> String {
    let known =
        facts.class.as_deref().filter(|class| StorageClass::parse(class).is_some_and(|class| !class.is_standard()));
    known.map(|class| format!(", storage_class: {class}")).unwrap_or_default()
}

/// Moves to colder classes, as far as they come before the end and each after the one before.
fn transitions(facts: &Facts, keep: Option<u32>) -> String {
    let mut all: Vec<(u64, StorageClass)> = facts
        .transitions
        .iter()
        .filter_map(|(days, class)| Some((*days, StorageClass::parse(class)?)))
        .filter(|(days, _)| keep.is_some_and(|keep| *days < u64::from(keep)) && *days > 0)
        .collect();
    all.sort();
    all.dedup_by(|later, earlier| later.0 == earlier.0 || later.1 <= earlier.1);
    if all.is_empty() || facts.class.is_some() {
        return String::new();
    }
    let moves: Vec<String> =
        all.iter().map(|(days, class)| format!("{{ after: {days}d, to: {} }}", class.name())).collect();
    format!(", transitions: [{}]", moves.join(", "))
}

fn encryption(out: &mut String, facts: &Facts) {
    match (&facts.age, &facts.gpg) {
        (Some(recipient), _) => {
            let _ = writeln!(out, "encryption:\n  team:\n    type: age\n    recipients: [{}]\n", quoted(recipient));
        }
        (None, Some(variable)) => {
            let _ = writeln!(out, "encryption:\n  team:\n    type: gpg\n    passphrase: ${{env:{variable}}}\n");
        }
        (None, None) => {}
    }
}

fn database(out: &mut String, facts: &Facts, name: &str) {
    let entry = facts.database.as_deref().filter(|database| is_name(database)).unwrap_or(name);
    let _ = writeln!(out, "databases:\n  {}:", quoted(entry));
    match (&facts.url, facts.host.is_some() || facts.database.is_some()) {
        (Some(variable), _) => {
            let _ = writeln!(out, "    connection: ${{env:{variable}}}");
        }
        (None, true) => {
            out.push_str("    connection:\n");
            for (key, value) in [("host", &facts.host), ("user", &facts.user), ("database", &facts.database)] {
                if let Some(value) = value {
                    let _ = writeln!(out, "      {key}: {}", quoted(value));
                }
            }
            if let Some(port) = &facts.port {
                let _ = writeln!(out, "      port: {port}");
            }
            if let Some(variable) = &facts.password {
                let _ = writeln!(out, "      password: ${{env:{variable}}}");
            }
        }
        (None, false) => {
            out.push_str("    # The scripts do not say how to reach it.\n    connection: ${env:DATABASE_URL}\n");
        }
    }
    if let Some(container) = &facts.container {
        let _ = writeln!(out, "    exec: [docker, exec, -i, {}]", quoted(container));
    }
    let mut tiers: Vec<&str> = schedules(facts).iter().map(|(tier, _)| *tier).collect();
    tiers.push("on-demand");
    let _ = writeln!(out, "    tiers: [{}]", tiers.join(", "));
    if facts.age.is_some() || facts.gpg.is_some() {
        out.push_str("    encryption: team\n");
    }
    if let Some(cron) = &facts.verify {
        let _ = writeln!(out, "    verify: {{ schedule: {}, level: checksum }}", quoted(cron));
    }
    if let Some(cron) = &facts.drill {
        out.push_str("    # Say here what must be true of a restored database.\n");
        let _ = writeln!(
            out,
            "    drill:\n      schedule: {}\n      checks:\n        - {{ sql: \"SELECT count(*) FROM \
             information_schema.tables WHERE table_schema = 'public'\", expect: \"> 0\" }}",
            quoted(cron)
        );
    }
    out.push('\n');
}

fn alerts(out: &mut String, facts: &Facts) {
    let mut channels = Vec::new();
    for (kind, variable) in &facts.alerts {
        let (name, settings) = match kind {
            Alert::Slack => ("slack", format!("type: slack, webhook: \"${{env:{variable}}}\"")),
            Alert::Pagerduty => ("pagerduty", format!("type: pagerduty, routing_key: \"${{env:{variable}}}\"")),
            Alert::Sentry => ("sentry", format!("type: sentry, dsn: \"${{env:{variable}}}\"")),
            Alert::Healthcheck => ("alive", format!("type: healthcheck, url: \"${{env:{variable}}}\"")),
        };
        channels.push((name, settings));
    }
    if let (Some(to), Some(host)) = (&facts.mail_to, &facts.mail_host) {
        let from = facts.mail_from.as_ref().unwrap_or(to);
        let user = facts
            .mail_user
            .as_ref()
            .map(|user| format!(", user: {}, password: \"${{env:SMTP_PASSWORD}}\"", quoted(user)));
        let settings = format!(
            "type: email, host: {}, from: {}, to: [{}]{}",
            quoted(host),
            quoted(from),
            quoted(to),
            user.unwrap_or_default()
        );
        channels.push(("mail", settings));
    } else if let Some(to) = &facts.mail_to {
        let _ = writeln!(
            out,
            "# The scripts wrote to {} with the machine's own mail program; backstay speaks SMTP:\n# alerts.channels.mail: \
             {{ type: email, host: …, from: …, to: [{}] }}",
            comment(to),
            comment(to)
        );
    }
    if channels.is_empty() {
        return;
    }
    out.push_str("alerts:\n  channels:\n");
    for (name, settings) in &channels {
        let _ = writeln!(out, "    {name}: {{ {settings} }}");
    }
    let told: Vec<&str> = channels.iter().map(|(name, _)| *name).filter(|name| *name != "alive").collect();
    out.push_str("  rules:\n");
    if !told.is_empty() {
        let _ = writeln!(
            out,
            "    - {{ on: [backup_failed, backup_overdue, verify_failed, drill_failed, copy_missing], notify: [{}] }}",
            told.join(", ")
        );
    }
    if channels.iter().any(|(name, _)| *name == "alive") {
        out.push_str("    - { on: [backup_succeeded], notify: [alive] }\n");
    }
}

fn list(files: &[String]) -> String {
    match files {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// A text in double quotes, as YAML reads it back.
fn quoted(text: &str) -> String {
    // JSON's way of quoting is one of YAML's.
    serde_json::to_string(text).unwrap_or_default()
}

/// A text that stays within its comment.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A name of a policy: lower case, digits, `-`, and not too long.
fn slug(text: &str) -> String {
    let text: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let text: String =
        text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-").chars().take(40).collect();
    let text = text.trim_end_matches('-');
    if text.is_empty() { "moved-in".to_owned() } else { text.to_owned() }
}
