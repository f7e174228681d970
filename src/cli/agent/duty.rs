//! What the loop does for the policies: reads them, says which jobs there are, starts those as this same program, and tells
//! what happens.

use super::beside::{Aside, Beside, Tale, Wish};
use super::files::Files;
use super::kept::Kept;
use super::news::{Invalid, News};
use super::pages::{Board, name};
use super::scrape::Scrape;
use super::serve::Told;
use super::wishes::wishes;
use crate::agent::{Ended, JobCommand, Listener};
use crate::base::Period;
use crate::cli::policy_files::{Policies, of_host, read_policies};
use crate::cli::{Context, Exit, wal};
use crate::diag::{Code, Diagnostic, Diagnostics, Explain, Severity, codes};
use crate::plan::each_database;
use crate::policy::{AgentSpec, Desired, RunSpec};
use crate::report::{self, Style};
use crate::schedule::{Agenda, Ending, Job, JobKey, Schedule, Timing};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// The policies in force and everything that is known of them.
pub(super) struct Duty<'a> {
    context: &'a Context,
    program: PathBuf,
    policies: Vec<(Desired, AgentSpec)>,
    /// Every file that was read for them, bases too.
    read: Vec<String>,
    /// The files as they were when they were last read.
    seen: Files,
    /// The files as they were a second ago, when that is not how they were read: who writes is not interrupted.
    moving: Option<Files>,
    kept: Kept,
    /// True while the files say what is in force.
    is_current: bool,
    board: Board,
    scrape: Arc<Scrape>,
    news: News,
    listeners: BTreeMap<String, Listener>,
}

/// The agent cannot do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum AgentError {
    /// No policy wants it.
    #[error("no policy says that an agent starts its work")]
    NotWanted,
    /// Nobody can ask it.
    #[error("cannot listen at `{address}`: {problem}")]
    Deaf {
        /// Where.
        address: String,
        /// What the operating system said.
        problem: String,
    },
}

impl Explain for AgentError {
    fn code(&self) -> &'static Code {
        match self {
            AgentError::NotWanted => &codes::AGENT_NOT_WANTED,
            AgentError::Deaf { .. } => &codes::AGENT_DEAF,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                AgentError::NotWanted => "Write `run: { by: agent }` into the policy, or call `backstay run` yourself.",
                AgentError::Deaf { .. } => {
                    "Give `metrics.listen` an address of this machine that is free, such as `127.0.0.1:9187`."
                }
            }
            .to_owned(),
        )
    }
}

impl<'a> Duty<'a> {
    /// Reads the policies; those that do not want an agent are left alone.
    pub(super) fn begin(context: &'a Context) -> Result<Duty<'a>, Exit> {
        let started = std::env::current_exe().and_then(|program| Ok((program, Kept::new()?)));
        let (program, kept) = started.map_err(|problem| {
            context.complain(format_args!("cannot start: {problem}"), None);
            Exit::Failed
        })?;
        let mut duty = Duty {
            context,
            scrape: Arc::new(Scrape::new(program.clone())),
            news: News::new(program.clone()),
            program,
            policies: Vec::new(),
            read: Vec::new(),
            seen: Files::default(),
            moving: None,
            kept,
            is_current: false,
            board: Board::new(Timestamp::now()),
            listeners: BTreeMap::new(),
        };
        duty.seen = Files::look(context, &[], &Files::default());
        let policies = duty.valid().map_err(|(exit, _)| exit)?;
        duty.take(policies);
        duty.seen = Files::look(context, &duty.read, &duty.seen);
        if duty.policies.is_empty() {
            context.fail(&AgentError::NotWanted);
            return Err(Exit::InvalidPolicy);
        }
        // Another agent may have said that they are not.
        duty.tell_files(None);
        Ok(duty)
    }

    /// Opens the addresses of the policies that nobody listens at yet, and closes those that none wants any more.
    pub(super) async fn listen(&mut self) -> Result<(), AgentError> {
        let mut wanted = Vec::new();
        for template in self.policies.iter().filter_map(|(_, spec)| spec.listen.as_ref()) {
            let address = template.resolve(self.context.lookup.as_ref()).map_err(|problem| AgentError::Deaf {
                address: template.source().to_owned(),
                problem: problem.to_string(),
            })?;
            wanted.push(address.expose().to_owned());
        }
        self.listeners.retain(|address, _| wanted.contains(address));
        for address in wanted {
            if self.listeners.contains_key(&address) {
                continue;
            }
            let listener = Listener::open(&address, self.board.pages(&self.scrape)).await;
            let listener = listener
                .map_err(|problem| AgentError::Deaf { address: address.clone(), problem: problem.to_string() })?;
            self.context.tell(format_args!("listening at http://{}/metrics and /healthz", listener.address));
            self.listeners.insert(address, listener);
        }
        Ok(())
    }

    /// Looks whether the files have changed, and brings the agenda up to date when they have. True then.
    pub(super) async fn look(&mut self, agenda: &mut Agenda, is_asked: bool) -> bool {
        let now = Files::look(self.context, &self.read, &self.seen);
        let is_settled = now != self.seen && self.moving.as_ref() == Some(&now);
        if is_asked || is_settled {
            self.reload(now).await;
            agenda.set(self.jobs());
            return true;
        }
        self.moving = None;
        if now == self.seen {
            self.seen = now;
        } else {
            self.moving = Some(now);
        }
        false
    }

    /// The first agenda.
    pub(super) fn fill(&self, agenda: &mut Agenda) {
        agenda.set(self.jobs());
        self.context.tell(format_args!("{} of {}", counted(agenda.len()), self.names().join(", ")));
    }

    async fn reload(&mut self, files: Files) {
        self.moving = None;
        self.seen = files;
        match self.valid() {
            Ok(policies) => {
                let was_current = self.is_current;
                self.take(policies);
                if !was_current {
                    self.tell_files(None);
                }
                self.seen = Files::look(self.context, &self.read, &self.seen);
                self.say(format_args!("the policy was read again: {}", self.names().join(", ")));
                if let Err(problem) = self.listen().await {
                    self.context.fail(&problem);
                }
            }
            Err((_, invalid)) => {
                self.is_current = false;
                self.scrape.ask_with(self.words_before());
                self.tell_files(Some(&invalid));
                let problem = "the policy files are invalid; the last valid policy stays in force";
                self.context.warn(format_args!("error[{}]: {problem}", codes::AGENT_KEEPS_POLICY.id));
                self.context.warn("hint: Run `backstay validate`; the agent takes the policy up once it is valid.");
                self.board.policies(self.names(), Some(problem.to_owned()));
            }
        }
    }

    /// Has the channels told whether the files can be used.
    fn tell_files(&mut self, invalid: Option<&Invalid>) {
        if self.policies.iter().any(|(desired, _)| !desired.alerts.channels.is_empty()) {
            self.news.tell(self.words_before(), invalid, self.context);
        }
    }

    /// The policies when all are valid. Says what is wrong.
    fn valid(&self) -> Result<Policies, (Exit, Invalid)> {
        let policies = read_policies(self.context)
            .map_err(|exit| (exit, Invalid::other("a file of the policy cannot be read")))?;
        if !policies.diagnostics.has_errors() {
            let desired = of_host(policies.desired, self.context)
                .map_err(|exit| (exit, Invalid::other("no database names the host that the agent works for")))?;
            return Ok(Policies { desired, ..policies });
        }
        let errors: Vec<Diagnostic> =
            policies.diagnostics.iter().filter(|d| d.code.severity == Severity::Error).cloned().collect();
        let invalid = errors.first().map(|first| Invalid::of(first, errors.len(), &policies.sources));
        let style = Style { colour: self.context.colour_err, width: self.context.width };
        self.context.warn(report::diagnostics(&Diagnostics(errors), &policies.sources, style).trim_end());
        Err((Exit::InvalidPolicy, invalid.unwrap_or_else(|| Invalid::other("the policy is invalid"))))
    }

    fn take(&mut self, policies: Policies) {
        self.read = policies.sources.iter().map(|(_, source)| source.name.clone()).collect();
        self.is_current = true;
        if let Err(problem) = self.kept.keep(&policies.models) {
            // Only needed should the files become invalid.
            self.context.warn(format_args!("warning: the policy in force cannot be kept beside its file: {problem}"));
        }
        self.policies = policies
            .desired
            .into_iter()
            .filter_map(|desired| match desired.run.clone() {
                RunSpec::Agent(spec) => Some((desired, spec)),
                _ => None,
            })
            .collect();
        self.board.policies(self.names(), None);
        self.scrape.ask_with(self.words_before());
    }

    /// The words before a verb that is for all policies in force.
    fn words_before(&self) -> Vec<OsString> {
        let files = self.policies.iter().map(|(desired, _)| self.file(&desired.name));
        files.flat_map(|file| [OsString::from("--policy"), file.into()]).chain(self.context.handed_on.clone()).collect()
    }

    /// The file of a policy in force: the user's, while it is what is in force.
    fn file(&self, policy: &str) -> PathBuf {
        let theirs = self.policies.iter().find(|(desired, _)| desired.name == policy);
        let theirs = theirs.map(|(desired, _)| PathBuf::from(&desired.file)).unwrap_or_default();
        if self.is_current { theirs } else { self.kept.file(policy).cloned().unwrap_or(theirs) }
    }

    fn names(&self) -> Vec<String> {
        self.policies.iter().map(|(desired, _)| desired.name.clone()).collect()
    }

    fn jobs(&self) -> Vec<(JobKey, Timing)> {
        let mut jobs = Vec::new();
        for (desired, spec) in &self.policies {
            for job in each_database(desired).into_iter().filter(Job::is_scheduled) {
                let Some(database) = job.database else { continue };
                let key = JobKey { policy: desired.name.clone(), database, task: job.task };
                let (zone, jitter) = (desired.timezone.clone(), spec.jitter);
                jobs.push((key, Timing { schedule: job.schedule, zone, jitter }));
            }
        }
        jobs
    }

    /// What is to run beside the jobs.
    pub(super) fn beside(&self) -> Vec<(Aside, Wish)> {
        self.policies.iter().flat_map(|(desired, _)| wishes(desired)).collect()
    }

    /// Of those that bring what waits in a spool, those for which something does.
    pub(super) async fn waiting(&self, drains: Vec<Aside>) -> BTreeSet<Aside> {
        let mut due = BTreeSet::new();
        for aside in drains {
            let policy = self.policies.iter().find(|(desired, _)| desired.name == aside.policy);
            let spec = policy.and_then(|(desired, _)| desired.databases.get(&aside.database));
            if let Some(spec) = spec
                && wal::waits_here(spec, &aside.database, self.context).await
            {
                due.insert(aside);
            }
        }
        due
    }

    /// How something beside the jobs is started.
    pub(super) fn aside(&self, aside: &Aside, wish: &Wish) -> JobCommand {
        let mut words = self.words_for(&aside.policy);
        words.extend(wish.words.clone());
        JobCommand { program: self.program.clone(), words }
    }

    fn words_for(&self, policy: &str) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["--policy".into(), self.file(policy).into()];
        words.extend(self.context.handed_on.clone());
        if self.context.quiet {
            words.push("--quiet".into());
        }
        words
    }

    /// How a job is started.
    pub(super) fn command(&self, key: &JobKey) -> JobCommand {
        let mut words = self.words_for(&key.policy);
        let job = Job { task: key.task.clone(), database: Some(key.database.clone()), schedule: Schedule::Manual };
        words.extend(job.words().into_iter().map(OsString::from));
        JobCommand { program: self.program.clone(), words }
    }

    /// What the end of a job means for its next start. What a person has to decide or repair is not tried again before
    /// its time: a guard, damage, words that are not understood.
    pub(super) fn judge(ended: &Ended) -> Ending {
        let settled = [Exit::Done, Exit::Refused, Exit::Damaged, Exit::Usage];
        let is_settled = ended.code.is_some_and(|code| settled.iter().any(|exit| *exit as i32 == code));
        if is_settled { Ending::Settled } else { Ending::Again }
    }

    /// Notes that the loop is alive.
    pub(super) fn stand(&self, agenda: &Agenda, beside: &Beside) {
        self.board.alive(agenda, beside.receiving());
    }

    /// How many jobs may run at once.
    pub(super) fn concurrency(&self) -> usize {
        self.policies.iter().map(|(_, spec)| spec.concurrency).max().unwrap_or(0)
    }

    /// How long running jobs may take to end.
    pub(super) fn stop_within(&self) -> Period {
        self.policies.iter().map(|(_, spec)| spec.stop_within).max().unwrap_or_default()
    }

    /// Tells what happens.
    pub(super) fn tell(&self, told: &Told<'_>) {
        match told {
            Told::Begun(key) => self.say(format_args!("{}: begins", name(key))),
            Told::Ended(ended) => {
                self.board.ended(&ended.key, Timestamp::now(), Period(ended.seconds), ended.code);
                let took = Period(ended.seconds).human();
                match (ended.code, &ended.problem) {
                    (Some(0), _) => self.say(format_args!("{}: done in {took}", name(&ended.key))),
                    (Some(code), _) => {
                        self.warn(format_args!("{}: ended with exit {code} after {took}", name(&ended.key)))
                    }
                    (None, Some(problem)) => self.warn(format_args!("{}: not started: {problem}", name(&ended.key))),
                    (None, None) => self.warn(format_args!("{}: was ended after {took}", name(&ended.key))),
                }
            }
            Told::Stopping(0) => self.say("stopping"),
            Told::Stopping(n) => {
                self.say(format_args!("stopping; waiting at most {} for {}", self.stop_within().human(), counted(*n)));
            }
            Told::StoppingJobs(n) => self.warn(format_args!("asking {} to stop", counted(*n))),
            // As it was said; it may be in the log file already.
            Told::Beside(Tale::Line(line)) => {
                let _ = writeln!(std::io::stderr().lock(), "{line}");
            }
            Told::Beside(Tale::Good(text)) => self.say(text),
            Told::Beside(Tale::Bad(text)) => self.warn(text),
            Told::EndingJobs(n) => self.warn(format_args!("ending {} by force", counted(*n))),
        }
    }

    fn say(&self, text: impl std::fmt::Display) {
        self.context.tell(format_args!("{} {text}", stamp()));
    }

    fn warn(&self, text: impl std::fmt::Display) {
        self.context.warn(format_args!("{} {text}", stamp()));
    }
}

fn counted(n: usize) -> String {
    if n == 1 { "1 job".to_owned() } else { format!("{n} jobs") }
}

fn stamp() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
