//! `backstay init`: a first policy, from a live database or from what old scripts were told.

use super::old_files::old_files;
use super::{Context, Exit};
use crate::base::{Secret, Template};
use crate::diag::{Code, Explain, codes};
use crate::moving;
use crate::policy::{ConnectionSpec, Starter, StarterDatabase, starter};
use crate::postgres::{Connection, Facts, PostgresError, Server};
use jiff::Timestamp;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Write a commented first policy from a live database, or from the settings of old scripts
///
/// Connects, looks which databases there are and how large they are, and writes a policy that is valid as it is. The
/// policy refers to the connection by `${env:DATABASE_URL}`: no password is written down. A file that exists is never
/// overwritten.
///
/// With --from-env or --from-scripts no server is asked: environment files, crontabs, timers, workflows, compose files
/// and the commands of scripts are read, and what they say becomes the policy. Secrets become references to their
/// variables. What is not understood is listed at the top, by file and line.
///
/// Examples:
///   backstay init                                  with the URL in $DATABASE_URL
///   backstay init postgresql://localhost/app
///   backstay init '${file:/run/secrets/url}' --out policies/app.yaml
///   backstay init --out -                          to standard output
///   backstay init --from-env backup.env
///   backstay init --from-scripts ops/backup --from-env /etc/backup.env
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// URL of a database, or a reference to one
    #[arg(value_name = "URL", default_value = "${env:DATABASE_URL}", hide_default_value = true)]
    url: String,

    /// Environment file of old scripts; may be given several times
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    from_env: Vec<PathBuf>,

    /// Folder of old scripts: crontabs, timers, workflows, compose files, lifecycle rules
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    from_scripts: Vec<PathBuf>,

    /// File to write; `-` for standard output
    #[arg(short, long, value_name = "FILE", default_value = "backstay.yaml")]
    out: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("cannot write `{}`: {problem}", .path.display())]
    Write { path: PathBuf, problem: std::io::Error },
    #[error("cannot read `{}`: {problem}", .path.display())]
    Read { path: PathBuf, problem: std::io::Error },
    #[error("nothing in {0} says what is backed up, where to or when")]
    Empty(String),
}

impl Explain for InitError {
    fn code(&self) -> &'static Code {
        match self {
            InitError::Postgres(error) => error.code(),
            InitError::Write { .. } => &codes::LOCAL_FILE,
            InitError::Read { .. } => &codes::SETTINGS_UNREADABLE,
            InitError::Empty(_) => &codes::SETTINGS_EMPTY,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            InitError::Postgres(error) => error.hint(),
            InitError::Write { problem, .. } if problem.kind() == std::io::ErrorKind::AlreadyExists => {
                Some("Choose another file with `--out FILE`, or move this one away.".to_owned())
            }
            InitError::Write { .. } | InitError::Read { .. } => None,
            InitError::Empty(_) => {
                Some("Name the file that sets them, or write a first policy with `backstay init URL`.".to_owned())
            }
        }
    }
}

/// Looks, writes and says what comes next.
pub fn run(args: &Args, context: &Context) -> Exit {
    let outcome = context.block_on(async {
        tokio::select! {
            outcome = init(args, context) => Some(outcome),
            () = context.cancel.cancelled() => None,
        }
    });
    match outcome {
        Ok(Some(Ok(()))) => Exit::Done,
        Ok(Some(Err(error))) => {
            context.fail(&error);
            Exit::Failed
        }
        Ok(None) => Exit::Interrupted,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

async fn init(args: &Args, context: &Context) -> Result<(), InitError> {
    let to_stdout = args.out == Path::new("-");
    // Asking a server is not needed to see that nothing may be written.
    if !to_stdout && args.out.exists() {
        return Err(write_error(&args.out, std::io::ErrorKind::AlreadyExists.into()));
    }
    let (text, reference) = if args.from_env.is_empty() && args.from_scripts.is_empty() {
        let (connection, reference) = connection(&args.url, context)?;
        let server = Server::reach(connection, &[], context.lookup.as_ref()).await?;
        (starter(&look(&server, &reference).await?), reference)
    } else {
        (out_of_files(args, context)?, String::new())
    };
    if to_stdout {
        context.say(text);
        return Ok(());
    }
    let mut file = std::fs::File::create_new(&args.out).map_err(|problem| write_error(&args.out, problem))?;
    file.write_all(text.as_bytes()).map_err(|problem| write_error(&args.out, problem))?;
    context
        .tell(format_args!("wrote {}: edit it, then run `backstay validate` and `backstay plan`", args.out.display()));
    if reference == ENVIRONMENT && context.lookup.env("DATABASE_URL").is_none() {
        context.tell("the policy reads the connection from DATABASE_URL: set it where backstay runs");
    }
    Ok(())
}

/// The policy out of what old files say.
fn out_of_files(args: &Args, context: &Context) -> Result<String, InitError> {
    let read = |problem: (PathBuf, std::io::Error)| InitError::Read { path: problem.0, problem: problem.1 };
    let files = old_files(&args.from_env, &args.from_scripts).map_err(read)?;
    let found = moving::read(&files);
    if found.is_empty() {
        let named: Vec<String> =
            args.from_env.iter().chain(&args.from_scripts).map(|path| format!("`{}`", path.display())).collect();
        return Err(InitError::Empty(named.join(" and ")));
    }
    if !found.unknown.is_empty() {
        context.tell(format_args!("{} lines are not understood; the policy lists them", found.unknown.len()));
    }
    Ok(moving::written(&found, &Timestamp::now().strftime("%Y-%m-%d").to_string()))
}

const ENVIRONMENT: &str = "${env:DATABASE_URL}";

/// The connection, and the reference by which the policy will find it again.
fn connection(url: &str, context: &Context) -> Result<(Connection, String), PostgresError> {
    match url.parse::<Template>() {
        Ok(template) if template.references().next().is_some() => {
            let spec = ConnectionSpec::Url(template);
            // Only a reference as a whole is written down: around one there may be a password in clear.
            let is_whole = url.starts_with("${") && url.find('}') == Some(url.len() - 1);
            let reference = if is_whole { url } else { ENVIRONMENT };
            Ok((Connection::resolve(&spec, context.lookup.as_ref())?, reference.to_owned()))
        }
        _ => Ok((Connection::from_url(&Secret::new(url))?, ENVIRONMENT.to_owned())),
    }
}

async fn look(server: &Server, reference: &str) -> Result<Starter, PostgresError> {
    let mut session = server.session().await?;
    let facts = Facts::read(&mut session).await?;
    let all = session.databases().await?;
    session.close().await?;
    let others = all
        .into_iter()
        .filter(|entry| entry.name != facts.database && entry.name != "postgres")
        .map(|entry| StarterDatabase { name: entry.name, bytes: entry.bytes })
        .collect();
    Ok(Starter {
        day: Timestamp::now().strftime("%Y-%m-%d").to_string(),
        server: server.connection().server(),
        server_version: facts.server_version,
        connection: reference.to_owned(),
        database: StarterDatabase { name: facts.database, bytes: Some(facts.bytes) },
        others,
    })
}

fn write_error(path: &Path, problem: std::io::Error) -> InitError {
    InitError::Write { path: path.to_owned(), problem }
}
