//! What every verb is given: how to speak, which policy is meant, where secrets come from.

use super::diary::Diary;
use super::environment::ProcessEnvironment;
use super::exit::Exit;
use super::log::{Level, Log, LogFormat, Logged};
use super::progress;
use super::signals::wait_for_signal;
use crate::apply::{PrintKey, run_id};
use crate::base::Lookup;
use crate::diag::{Explain, codes};
use crate::event::{Observer, Silent};
use crate::observe::{Places, open};
use crate::policy::Desired;
use jiff::Timestamp;
use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::io::{ErrorKind, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LOOKS_FOR_SIGNALS_EVERY: Duration = Duration::from_millis(100);

/// How this run speaks and where its inputs come from.
pub struct Context {
    /// Policy files or folders as typed with `--policy`; empty when none was.
    pub policies: Vec<PathBuf>,
    /// Machine-readable output is wanted.
    pub json: bool,
    /// Only results and errors are wanted.
    pub quiet: bool,
    /// Colour on standard output.
    pub colour: bool,
    /// Colour on standard error.
    pub colour_err: bool,
    /// Width of lines for people, in columns.
    pub width: usize,
    /// Where the values of references come from.
    pub lookup: Arc<dyn Lookup>,
    /// Below which files that start scheduled work are looked for and written.
    pub root: PathBuf,
    /// The host whose databases alone are meant.
    pub only_host: Option<String>,
    /// Words of the command line that hold for processes of this program, too, which this one starts.
    pub handed_on: Vec<OsString>,
    /// Cancelled by a signal to end: long deeds stop cleanly.
    pub cancel: CancellationToken,
    /// Id of this run: in its log, its alerts, its journal and the manifests of its backups.
    pub run: String,
    log: Arc<Log>,
    /// What was done, for whoever is told of it afterwards.
    pub diary: Diary,
    /// Something that was to be read could not be written.
    is_output_lost: AtomicBool,
    /// Results that become a part of one larger document; `None`: they are written at once.
    held: Mutex<Option<String>>,
    /// That there is advice on the policy was told.
    is_advice_told: AtomicBool,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    fn on(self, terminal: bool) -> bool {
        match self {
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            Colour::Always => true,
            Colour::Never => false,
        }
    }
}

impl Context {
    /// The context of this process.
    pub fn new(policies: Vec<PathBuf>, root: Option<PathBuf>, json: bool, quiet: bool, colour: Colour) -> Context {
        let run = run_id(Timestamp::now());
        let columns = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_col));
        Context {
            policies,
            root: root.unwrap_or_else(|| PathBuf::from("/")),
            json,
            quiet,
            colour: colour.on(std::io::stdout().is_terminal()),
            colour_err: colour.on(std::io::stderr().is_terminal()),
            width: if columns == 0 { 100 } else { columns.clamp(60, 160) },
            lookup: Arc::new(ProcessEnvironment),
            only_host: None,
            handed_on: Vec::new(),
            cancel: CancellationToken::new(),
            log: Arc::new(Log::new(run.clone(), LogFormat::Human, None)),
            run,
            diary: Diary::default(),
            is_output_lost: AtomicBool::new(false),
            held: Mutex::default(),
            is_advice_told: AtomicBool::new(false),
        }
    }

    /// The same, with a log.
    pub fn keeping_log(self, format: LogFormat, file: Option<PathBuf>) -> Context {
        let log = Arc::new(Log::new(self.run.clone(), format, file));
        log.write(Level::Info, "begins", self.words("run_started"));
        Context { log, ..self }
    }

    /// Notes in the log how the run ended.
    pub fn ended(&self, exit: Exit) {
        let mut fields = self.words("run_finished");
        fields.insert("exit".to_owned(), (exit as u8).into());
        let level = if exit == Exit::Done { Level::Info } else { Level::Error };
        self.log.write(level, "ends", fields);
    }

    /// What a line on the run as a whole says beside its message.
    fn words(&self, event: &str) -> serde_json::Map<String, serde_json::Value> {
        let verb = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
        let fields = [("event", event), ("verb", &verb), ("version", env!("CARGO_PKG_VERSION"))];
        fields.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect()
    }

    /// The same, with only the databases of a host meant.
    pub fn only_host(self, host: Option<String>) -> Context {
        Context { only_host: host, ..self }
    }

    /// The same, with words that a process which this one starts is given as well.
    pub fn handing_on(self, words: Vec<OsString>) -> Context {
        Context { handed_on: words, ..self }
    }

    /// Writes a result to standard output. What is being done goes on when nobody can read it: a reader that went
    /// away, as `head` does, is no failure; a full disk is told, and the exit is not [`Exit::Done`].
    pub fn say(&self, text: impl fmt::Display) {
        if let Some(held) = self.held.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            held.push_str(&text.to_string());
            return;
        }
        let mut out = std::io::stdout().lock();
        let Err(problem) = write!(out, "{text}").and_then(|()| out.flush()) else { return };
        if problem.kind() != ErrorKind::BrokenPipe && !self.is_output_lost.swap(true, Ordering::Relaxed) {
            let id = codes::OUTPUT_LOST.id;
            self.warn(format_args!("error[{id}]: standard output cannot be written: {problem}"));
            self.warn(
                "hint: What this run does is not stopped by that; look at it with `backstay list` or `backstay plan`.",
            );
        }
    }

    /// True the first time: parts of one run read the same policy.
    pub fn is_first_to_tell_advice(&self) -> bool {
        !self.is_advice_told.swap(true, Ordering::Relaxed)
    }

    /// The storages of a policy, opened. A run that is told to stop does not wait long for one that does not answer.
    pub fn places(&self, desired: &Desired) -> Places {
        open(desired, self.lookup.as_ref()).stopping_with(&self.cancel)
    }

    /// From now on results are kept until they are asked for.
    pub fn hold(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(String::new());
    }

    /// What was kept; results are written at once again.
    pub fn held(&self) -> String {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }

    /// Writes a new access key to standard output, also with `--quiet`; nothing with `--json`, whose output is kept.
    pub fn key_printer(&self) -> Option<PrintKey> {
        let print = |text: &str| {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        (!self.json).then(|| Arc::new(print) as PrintKey)
    }

    /// How the program ends when a verb ended like this.
    pub fn settle(&self, exit: Exit) -> Exit {
        if exit == Exit::Done && self.is_output_lost.load(Ordering::Relaxed) { Exit::Failed } else { exit }
    }

    /// Talks to the person on standard error; silent with `--quiet`.
    pub fn tell(&self, text: impl fmt::Display) {
        self.speak(Level::Info, &text.to_string());
    }

    /// Writes to standard error even with `--quiet`.
    pub fn warn(&self, text: impl fmt::Display) {
        self.speak(Level::Warning, &text.to_string());
    }

    fn speak(&self, level: Level, text: &str) {
        self.log.write(level, text.trim(), serde_json::Map::new());
        if !self.log.is_json() && (level != Level::Info || !self.quiet) {
            self.print(text);
        }
    }

    fn print(&self, text: &str) {
        // Standard error may be closed; there is nowhere left to say so.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Tells an error with its code and hint.
    pub fn fail(&self, error: &dyn Explain) {
        self.tell_error(Some(error.code().id), &error.to_string(), error.hint().as_deref());
    }

    /// Tells an error that has no code: the words typed or the terminal are at fault, not the world.
    pub fn complain(&self, message: impl fmt::Display, hint: Option<&str>) {
        self.tell_error(None, &message.to_string(), hint);
    }

    fn tell_error(&self, code: Option<&str>, message: &str, hint: Option<&str>) {
        let fields = [("code", code), ("hint", hint)];
        let fields = fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
        self.log.write(Level::Error, message, fields.collect());
        if self.log.is_json() {
            return;
        }
        let (red, blue, reset) = if self.colour_err { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
        let code = code.map(|code| format!("[{code}]")).unwrap_or_default();
        self.print(&format!("{red}error{code}{reset}: {message}"));
        if let Some(hint) = hint {
            self.print(&format!("{blue}hint{reset}: {hint}"));
        }
    }

    /// True when people see events as they come, in the same place as results: on one terminal, in one file.
    pub fn shows_events_beside_results(&self) -> bool {
        let place = |fd: BorrowedFd<'_>| rustix::fs::fstat(fd).ok().map(|stat| (stat.st_dev, stat.st_ino));
        let results = place(std::io::stdout().as_fd());
        !self.quiet && !self.log.is_json() && results.is_some() && results == place(std::io::stderr().as_fd())
    }

    /// Who listens to events: bars on a terminal, plain lines elsewhere, nobody with `--quiet`.
    pub fn observer(&self) -> Arc<dyn Observer> {
        let shown: Arc<dyn Observer> = if self.quiet || self.log.is_json() {
            Arc::new(Silent)
        } else if std::io::stderr().is_terminal() {
            Arc::new(progress::Bars::new(self.colour_err))
        } else {
            Arc::new(progress::Lines::default())
        };
        if self.log.is_kept() { Arc::new(Logged::new(self.log.clone(), shown)) } else { shown }
    }

    /// True when a person can be asked.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks a question; true only for exactly `yes`. A signal to end is an answer, too: to be called within
    /// [`Context::block_on`], which waits for signals.
    pub fn ask(&self, question: &str) -> bool {
        if write!(std::io::stderr().lock(), "{question} Only `yes` is accepted: ").is_err() {
            return false;
        }
        let (sender, answers) = mpsc::channel();
        // Reading cannot be given up, so it has a thread of its own, which ends with the process.
        std::thread::spawn(move || {
            let mut answer = String::new();
            let read = std::io::stdin().read_line(&mut answer);
            // Nobody waits for it after a signal.
            let _ = sender.send(read.is_ok() && answer.trim() == "yes");
        });
        loop {
            match answers.recv_timeout(LOOKS_FOR_SIGNALS_EVERY) {
                Ok(is_yes) => return is_yes && !self.cancel.is_cancelled(),
                Err(RecvTimeoutError::Timeout) if !self.cancel.is_cancelled() => {}
                Err(_) => return false,
            }
        }
    }

    /// Runs a deed to its end on a new runtime. The first signal to end cancels `self.cancel`; a second ends the
    /// process at once.
    pub fn block_on<F: Future>(&self, deed: F) -> Result<F::Output, std::io::Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let cancel = self.cancel.clone();
        let quiet = self.quiet;
        let output = runtime.block_on(async move {
            tokio::spawn(async move {
                if wait_for_signal().await.is_err() {
                    return;
                }
                if !quiet {
                    let _ = writeln!(std::io::stderr().lock(), "stopping cleanly; interrupt again to stop at once");
                }
                cancel.cancel();
                if wait_for_signal().await.is_ok() {
                    // The user asked twice; what is unfinished is named by the next plan.
                    std::process::exit(i32::from(Exit::Interrupted as u8));
                }
            });
            deed.await
        });
        // A blocking read of a dead child must not keep the program from ending.
        runtime.shutdown_timeout(Duration::from_secs(2));
        Ok(output)
    }
}
