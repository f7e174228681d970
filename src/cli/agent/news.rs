//! Whether the files of the policies can be used, told to the channels of those in force: by a process of its own, as
//! everything that reads stores is.

use crate::cli::Context;
use crate::diag::{Diagnostic, Sources};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::task::JoinHandle;

/// How long is waited before it is told again what could neither be told nor remembered.
const TRIES: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(1800)];

/// Why the files are not in force. Texts of the files stay out of it: they may hold what nobody should read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invalid {
    /// What is wrong, and where.
    pub problem: String,
    /// Its code, if there is one.
    pub code: Option<&'static str>,
}

impl Invalid {
    /// The first of some problems of the files.
    pub(super) fn of(first: &Diagnostic, n: usize, sources: &Sources) -> Invalid {
        let place =
            first.span.map(|span| format!(" in {}, line {}", sources.get(span.source).name, sources.start(span).line));
        let more = if n > 1 { format!(", and {} more", n - 1) } else { String::new() };
        let problem = format!("{}{}{more}", first.code.title, place.unwrap_or_default());
        Invalid { problem, code: Some(first.code.id) }
    }

    /// Something else than the texts of the files.
    pub(super) fn other(problem: &str) -> Invalid {
        Invalid { problem: problem.to_owned(), code: None }
    }
}

/// Who tells it; what is not told yet when there is other news is not told any more.
#[derive(Debug)]
pub(super) struct News {
    program: PathBuf,
    task: Option<JoinHandle<()>>,
}

impl News {
    /// Nothing is told yet.
    pub(super) fn new(program: PathBuf) -> News {
        News { program, task: None }
    }

    /// Tells the channels of the policies that `before` names.
    pub(super) fn tell(&mut self, before: Vec<OsString>, invalid: Option<&Invalid>, context: &Context) {
        let mut words = before;
        if context.quiet {
            words.push("--quiet".into());
        }
        words.extend(["alert".into(), "files".into()]);
        if let Some(Invalid { problem, code }) = invalid {
            words.extend(["--invalid".into(), problem.into()]);
            words.extend(code.iter().flat_map(|code| ["--code".into(), code.into()]));
            words.push("--".into());
            words.extend(crate::cli::policy_files::named(context).into_iter().map(OsString::from));
        }
        self.stop();
        let program = self.program.clone();
        self.task = Some(tokio::spawn(async move {
            for wait in TRIES {
                tokio::time::sleep(wait).await;
                let mut command = Command::new(&program);
                command.args(&words).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
                if command.status().await.is_ok_and(|status| status.success()) {
                    return;
                }
            }
        }));
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.stop();
    }
}
