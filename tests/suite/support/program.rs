//! The real program in a clean environment.

use super::CANARY;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A call of the program in the making: nothing of this process's environment but a plain PATH reaches it.
pub struct Backstay {
    command: Command,
}

/// How a call went. Making one asserts that the canary was not printed.
#[derive(Debug)]
pub struct Run {
    /// Exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Backstay {
    /// A call with these arguments.
    pub fn new<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Backstay {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstay"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").env("LC_ALL", "C.UTF-8");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Backstay { command }
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Backstay {
        self.command.env(name, value);
        self
    }

    /// Runs it in a folder.
    #[must_use]
    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Backstay {
        self.command.current_dir(dir);
        self
    }

    /// Runs it as somebody else, if anybody is named.
    #[must_use]
    pub fn by_user(mut self, user: Option<(u32, u32)>) -> Backstay {
        use std::os::unix::process::CommandExt;
        if let Some((uid, gid)) = user {
            self.command.uid(uid).gid(gid);
        }
        self
    }

    /// The call itself, to start and look at while it runs.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Run {
        Run::of(&self.command.output().unwrap())
    }
}

impl Run {
    /// What an ended call left.
    pub fn of(output: &Output) -> Run {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let run = Run { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
        assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY), "the canary was printed: {run:#?}");
        run
    }

    /// Asserts how it exited.
    #[track_caller]
    pub fn expect(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }
}
