//! Timers and services of systemd: those that a timer starts, and those that are kept running.

use super::installed::{Content, WantedFile, head};
use super::job::{Job, Program, told_apart};
use super::{Fields, Receiver, Schedule};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How services run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemdUnits {
    /// Folder of the units.
    pub directory: String,
    /// User that the work runs as; root unless set.
    pub user: Option<String>,
    /// File of environment variables.
    pub environment_file: Option<String>,
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// What a service does.
enum Work<'a> {
    Job(&'a Job),
    Receiver(&'a Receiver),
}

/// A service and a timer for each job, and the link that starts the timer with the machine. Jobs whose schedule systemd
/// cannot say are looked at every hour: `run` does only what is due. A service for each receiver, and its link.
pub fn systemd_units(units: &SystemdUnits, program: &Program, jobs: &[Job], receivers: &[Receiver]) -> Vec<WantedFile> {
    let named = |name: String| format!("{}{name}", unit_prefix(&program.policy));
    let scheduled = jobs.iter().filter(|job| job.is_scheduled());
    let timed = scheduled.map(|job| (named(job.name()), format!("{:?}/{:?}", job.task, job.database), Work::Job(job)));
    let kept = receivers.iter().map(|receiver| (named(receiver.name()), receiver.own(), Work::Receiver(receiver)));
    let mut files = Vec::new();
    let mut file = |name: &str, content| {
        files.push(WantedFile { path: format!("{}/{name}", units.directory), content });
    };
    for (name, work) in told_apart(timed.chain(kept).collect()) {
        let started = match work {
            Work::Job(job) => {
                file(&format!("{name}.service"), Content::Text(service(units, program, job)));
                let timer_name = format!("{name}.timer");
                file(&timer_name, Content::Text(timer(program, job)));
                timer_name
            }
            Work::Receiver(receiver) => {
                let service_name = format!("{name}.service");
                file(&service_name, Content::Text(receiving(units, program, receiver)));
                service_name
            }
        };
        file(&format!("{}/{started}", wants_folder(&started)), Content::Link(format!("../{started}")));
    }
    files
}

/// The folder beside a unit that holds the link by which it is started with the machine.
pub fn wants_folder(unit: &str) -> &'static str {
    if unit.ends_with(".timer") { "timers.target.wants" } else { "multi-user.target.wants" }
}

/// How all units of a policy begin.
pub fn unit_prefix(policy: &str) -> String {
    format!("backstay-{policy}-")
}

fn about(program: &Program, title: &str) -> String {
    format!("{title}, policy {}", program.policy)
}

fn service(units: &SystemdUnits, program: &Program, job: &Job) -> String {
    let mut out = head(&program.policy);
    let command: Vec<String> = program.command(job).iter().map(|word| quoted(word)).collect();
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "\n[Unit]\nDescription={}\nWants=network-online.target\nAfter=network-online.target\n\n[Service]\nType=oneshot\n\
         ExecStart={}\n",
        about(program, &job.title()),
        command.join(" ")
    );
    out.push_str(&surroundings(units));
    out.push_str("KillSignal=SIGINT\nTimeoutStopSec=5min\nNice=10\nIOSchedulingPriority=7\n");
    out.push_str(HARDENING);
    out
}

/// A service that is started again whenever it ends. It is not put behind others: commits may wait for it.
fn receiving(units: &SystemdUnits, program: &Program, receiver: &Receiver) -> String {
    let mut out = head(&program.policy);
    let mut command: Vec<String> = program.call(receiver.words()).iter().map(|word| quoted(word)).collect();
    // The name of a policy is letters, digits and `-`. `%S` is where systemd makes the folder of `StateDirectory=`.
    let folder = format!("backstay/{}", program.policy);
    if !receiver.has_folder {
        command.push(format!("--state-dir %S/{folder}"));
    }
    let _ = write!(
        out,
        "# It is started again when this changes, the digest of what the policy says of it: {}\n\n[Unit]\n\
         Description={}\nWants=network-online.target\nAfter=network-online.target\nStartLimitIntervalSec=0\n\n\
         [Service]\nType=exec\nExecStart={}\nRestart=always\nRestartSec=10s\n",
        receiver.meaning.short(),
        about(program, &receiver.title()),
        command.join(" ")
    );
    out.push_str(&surroundings(units));
    if !receiver.has_folder {
        let _ = writeln!(out, "StateDirectory={folder}\nStateDirectoryMode=0700");
    }
    out.push_str("KillSignal=SIGINT\nTimeoutStopSec=2min\n");
    out.push_str(HARDENING);
    out.push_str("\n[Install]\nWantedBy=multi-user.target\n");
    out
}

fn surroundings(units: &SystemdUnits) -> String {
    let user = units.user.iter().map(|user| format!("User={user}\n"));
    user.chain(units.environment_file.iter().map(|file| format!("EnvironmentFile={file}\n"))).collect()
}

/// What a backup never needs. The file system stays writable where stores may be: their paths may be references.
const HARDENING: &str = "\
UMask=0077
NoNewPrivileges=yes
ProtectSystem=full
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
";

fn timer(program: &Program, job: &Job) -> String {
    let mut out = head(&program.policy);
    let _ = write!(out, "\n[Unit]\nDescription={}\n\n[Timer]\n", about(program, &job.title()));
    for line in calendar(&job.schedule, &program.zone) {
        let _ = writeln!(out, "OnCalendar={line}");
    }
    // A machine that was off takes what it missed once, when it is back.
    out.push_str("Persistent=true\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n");
    out
}

/// The schedule in systemd's notation: one line, or two when a day of the month or one of the week will do.
fn calendar(schedule: &Schedule, zone: &str) -> Vec<String> {
    let Some(fields) = Fields::of(schedule) else { return vec![format!("*-*-* *:00:00 {zone}")] };
    let numbers = |set: &BTreeSet<u8>| set.iter().map(|n| format!("{n:02}")).collect::<Vec<_>>().join(",");
    let every = |set: &BTreeSet<u8>, all: usize| if set.len() == all { "*".to_owned() } else { numbers(set) };
    let months = fields.months.as_ref().map_or("*".to_owned(), numbers);
    let time = format!("{}:{}:00 {zone}", every(&fields.hours, 24), every(&fields.minutes, 60));
    let by_day = fields.days.as_ref().map(|days| format!("*-{months}-{} {time}", numbers(days)));
    let by_weekday = fields.weekdays.as_ref().map(|days| {
        let days: Vec<&str> = days.iter().filter_map(|day| DAYS.get(usize::from(*day)).copied()).collect();
        format!("{} *-{months}-* {time}", days.join(","))
    });
    let lines: Vec<String> = [by_day, by_weekday].into_iter().flatten().collect();
    if lines.is_empty() { vec![format!("*-{months}-* {time}")] } else { lines }
}

/// A word of `ExecStart=`: specifiers, variables, quotes and spaces stand for themselves.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@+".contains(c);
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    if word.chars().all(plain) && !word.is_empty() { escaped } else { format!("\"{escaped}\"") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn calendars_read_as_systemd_reads_them() {
        let calendar = |text: &str| calendar(&text.parse().unwrap(), "Europe/Berlin").join(" | ");
        assert_eq!(calendar("0 2 * * *"), "*-*-* 02:00:00 Europe/Berlin");
        assert_eq!(calendar("*/30 * * * *"), "*-*-* *:00,30:00 Europe/Berlin");
        assert_eq!(calendar("15 3 * * SUN"), "Sun *-*-* 03:15:00 Europe/Berlin");
        assert_eq!(
            calendar("0 4 1 1,7 MON"),
            "*-01,07-01 04:00:00 Europe/Berlin | Mon *-01,07-* 04:00:00 Europe/Berlin"
        );
        assert_eq!(calendar("0 4 L * *"), "*-*-* *:00:00 Europe/Berlin");
    }

    #[test]
    fn words_stand_for_themselves() {
        assert_eq!(quoted("/etc/backstay.yaml"), "/etc/backstay.yaml");
        assert_eq!(quoted("/srv/my files/50%$x\".yaml"), "\"/srv/my files/50%%$$x\\\".yaml\"");
    }
}
