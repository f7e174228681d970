//! Facts about processes, read from `/proc`: who we are, and whether another one is provably dead.

use crate::catalog::Owner;
use std::fs;

/// This process, as the owner of locks and journals of the run `run`, which does `verb`.
pub fn this_process(run: &str, verb: &str) -> Owner {
    let pid = std::process::id();
    Owner {
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        boot_id: boot_id(),
        pid,
        pid_namespace: pid_namespace(),
        process_started: started(pid).unwrap_or(0),
        run: run.to_owned(),
        verb: verb.to_owned(),
    }
}

/// True when the owner's process is certainly gone: it ran in this boot of this machine, in this pid namespace, and
/// no process has its id, or one that started at another time has.
pub(super) fn is_dead(owner: &Owner) -> bool {
    let comparable = !owner.boot_id.is_empty()
        && owner.boot_id == boot_id()
        && !owner.pid_namespace.is_empty()
        && owner.pid_namespace == pid_namespace();
    comparable && started(owner.pid) != Some(owner.process_started)
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn pid_namespace() -> String {
    fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

/// When the process started, in clock ticks since boot; `None` when there is none, or only its remains.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let is_remains = matches!(fields.next()?, "Z" | "X");
    let started = fields.nth(18)?.parse().ok()?;
    (!is_remains).then_some(started)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_past_and_future_do_not() {
        let me = this_process("r", "test");
        assert!(!is_dead(&me));
        assert!(is_dead(&Owner { process_started: me.process_started + 1, ..me.clone() }));
        assert!(!is_dead(&Owner { boot_id: "another".to_owned(), process_started: 1, ..me.clone() }));
        assert!(!is_dead(&Owner { boot_id: String::new(), process_started: 1, ..me }));
    }

    #[test]
    fn an_ended_child_is_dead() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let owner =
            Owner { pid: child.id(), process_started: started(child.id()).unwrap(), ..this_process("r", "test") };
        assert!(!is_dead(&owner));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_dead(&owner));
    }
}
