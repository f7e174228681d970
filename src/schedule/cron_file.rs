//! A file of cron.

use super::Fields;
use super::installed::{Content, WantedFile, head};
use super::job::{Job, Program};
use std::fmt::Write as _;

/// Where the file is and who the work runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronTable {
    /// The file. cron takes no names with a dot.
    pub file: String,
    /// User that the work runs as.
    pub user: String,
    /// File that runs keep their log in.
    pub log_file: Option<String>,
}

/// The file with a line for each job. cron reads times in the machine's zone and not in the policy's, and after a
/// machine was off it makes up for nothing: so every job is looked at each hour, at the minutes of its schedule, and
/// `run` does what is due.
pub fn cron_file(table: &CronTable, program: &Program, jobs: &[Job]) -> Vec<WantedFile> {
    let mut out = head(&program.policy);
    let _ = write!(
        out,
        "# Looked at every hour: `run` takes what is due by the policy (time zone {}) and nothing else, so a machine\n\
         # that was off makes up for it. What goes wrong is printed, and cron mails it.\nSHELL=/bin/sh\n\
         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\n",
        program.zone
    );
    let mut n_jobs = 0;
    for job in jobs.iter().filter(|job| job.is_scheduled()) {
        let minutes = Fields::of(&job.schedule).map(|fields| fields.minutes).unwrap_or_else(|| [0].into());
        let minutes = match minutes.len() {
            60 => "*".to_owned(),
            _ => minutes.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
        };
        let mut words = program.command(job);
        words.insert(1, "--quiet".to_owned());
        let log = table.log_file.iter().flat_map(|file| ["--log-file".to_owned(), file.clone()]);
        words.splice(2..2, log);
        let command: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let _ = writeln!(out, "{minutes} * * * * {} {}", table.user, command.join(" "));
        n_jobs += 1;
    }
    if n_jobs == 0 {
        return Vec::new();
    }
    vec![WantedFile { path: table.file.clone(), content: Content::Text(out) }]
}

/// A word for the shell, in a line of cron: `%` would end the command.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@+".contains(c);
    if word.chars().all(plain) && !word.is_empty() {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''")).replace('%', "\\%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_themselves() {
        assert_eq!(quoted("--policy"), "--policy");
        assert_eq!(quoted("/srv/it's 5%.yaml"), "'/srv/it'\\''s 5\\%.yaml'");
    }
}
