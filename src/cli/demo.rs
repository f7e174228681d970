//! `backstay demo`: the whole story on a throwaway server, each command as a user would type it.

use super::{Context, Exit};
use crate::postgres::ScratchServer;
use age::secrecy::ExposeSecret as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Show everything on a throwaway PostgreSQL: plan, back up, lose a table, restore, compare
///
/// Starts a server of its own in a temporary folder, with a filesystem store beside it, and removes both at the end.
/// Nothing else on this machine is touched.
///
/// Examples:
///   backstay demo
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

const SAMPLE: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, total numeric(10,2), note jsonb);
INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 500) i;
INSERT INTO orders SELECT i, 1 + i % 500, i % 9973 / 7.0, jsonb_build_object('items', i % 7) FROM generate_series(1, 20000) i;";

const FINGERPRINT: &str = "SELECT count(*) AS rows, md5(string_agg(o::text, ',' ORDER BY id)) AS digest FROM orders o";

const POLICY: &str = r#"version: 1
name: demo

storage:
  local: { type: filesystem, path: "${env:DEMO}/store", manage: { create: true } }
  second: { type: filesystem, path: "${env:DEMO}/second", manage: { create: true } }

tiers:
  daily:
    schedule: "0 2 * * *"
    copies:
      - { to: local, keep: 7d }
      - { to: second, keep: 30d }

encryption:
  team:
    type: age
    recipients: [RECIPIENT]
    identity: ${file:key.txt}

databases:
  shop:
    connection: ${env:DATABASE_URL}
    tiers: [daily]
    encryption: team
"#;

/// Plays the story. Ends at the first command that does not do what it should.
pub fn run(_args: &Args, context: &Context) -> Exit {
    let played = tempfile::Builder::new().prefix("backstay-demo-").tempdir().map_err(|e| e.to_string());
    match played.and_then(|folder| play(folder.path(), context)) {
        Ok(()) => Exit::Done,
        Err(problem) => {
            context.complain(problem, None);
            Exit::Failed
        }
    }
}

fn play(folder: &Path, context: &Context) -> Result<(), String> {
    say(context, "A throwaway PostgreSQL starts, and gets a table of 20,000 orders.")?;
    let server = ScratchServer::start(folder, None, context.lookup.as_ref())
        .map_err(|e| format!("{e}; `scripts/setup` installs PostgreSQL's server programs"))?;
    let stage = Stage { folder, url: server.url("shop"), context };
    stage.quiet(&server.url("postgres"), "CREATE DATABASE shop")?;
    stage.quiet(&stage.url, SAMPLE)?;

    let key = age::x25519::Identity::generate();
    let io = |e: io::Error| e.to_string();
    fs::write(folder.join("key.txt"), format!("{}\n", key.to_string().expose_secret())).map_err(io)?;
    let policy = POLICY.replace("RECIPIENT", &key.to_public().to_string());
    fs::write(folder.join("backstay.yaml"), &policy).map_err(io)?;
    say(context, "A policy says what should be true of it. Secrets in it are references.")?;
    context.say(format_args!("$ cat backstay.yaml\n{policy}\n"));

    stage.types(&["validate"])?;
    stage.types(&["plan", "--out", "plan.json"])?;
    stage.types(&["apply", "plan.json"])?;
    say(context, "The second plan is empty: the world is as the policy says.")?;
    stage.types(&["plan"])?;
    stage.types(&["list"])?;
    stage.types(&["verify", "--deep"])?;

    let before = stage.answer(FINGERPRINT)?;
    say(context, "What the orders look like now:")?;
    stage.sql(FINGERPRINT)?;
    say(context, "Somebody makes a mistake.")?;
    stage.sql("DROP TABLE orders")?;
    stage.types(&["restore", "shop", "--in-place", "--yes"])?;
    stage.sql(FINGERPRINT)?;
    if stage.answer(FINGERPRINT)? != before {
        return Err("the restored rows differ from the original ones".to_owned());
    }
    say(context, "Every row is back, byte for byte. The server and its folder are removed now.")
}

fn say(context: &Context, text: &str) -> Result<(), String> {
    let (bold, reset) = if context.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    context.say(format_args!("\n{bold}# {text}{reset}\n"));
    Ok(())
}

struct Stage<'a> {
    folder: &'a Path,
    url: String,
    context: &'a Context,
}

impl Stage<'_> {
    /// Types a command of this program and shows what it says.
    fn types(&self, words: &[&str]) -> Result<(), String> {
        self.context.say(format_args!("$ backstay {}\n", words.join(" ")));
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.folder)
            .env("DATABASE_URL", &self.url)
            .env("DEMO", self.folder)
            .env_remove("BACKSTAY_POLICY");
        if self.context.colour {
            command.args(["--color", "always"]);
        }
        let status = command.stdin(Stdio::null()).status().map_err(|e| e.to_string())?;
        self.context.say("\n");
        if status.success() { Ok(()) } else { Err(format!("`backstay {}` ended with {status}", words.join(" "))) }
    }

    /// Types SQL and shows the answer.
    fn sql(&self, sql: &str) -> Result<(), String> {
        self.context.say(format_args!("$ psql \"$DATABASE_URL\" -c \"{sql}\"\n"));
        let answer = self.psql(&self.url, &["-c", sql])?;
        self.context.say(format_args!("{}\n", answer.trim_end()));
        Ok(())
    }

    fn answer(&self, sql: &str) -> Result<String, String> {
        self.psql(&self.url, &["-At", "-c", sql])
    }

    fn quiet(&self, url: &str, sql: &str) -> Result<(), String> {
        self.psql(url, &["-q", "-v", "ON_ERROR_STOP=1", "-c", sql]).map(drop)
    }

    fn psql(&self, url: &str, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new("psql");
        command.arg("-X").args(words).arg(url).stdin(Stdio::null()).stderr(Stdio::piped());
        let output = command.output().map_err(|e| format!("psql: {e}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        // What psql says is about this demo's own SQL; it goes to the user as it is.
        io::stderr().write_all(&output.stderr).map_err(|e| e.to_string())?;
        Err("psql failed".to_owned())
    }
}
