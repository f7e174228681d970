//! Every view as the program prints it: one story told to people, the same one told to machines, and every `--help`.
//!
//! After a view was changed on purpose, `INSTA_UPDATE=always cargo test --test suite views` writes the story anew.

use crate::support::{Backstay, Database, Project, Server, with_earlier};
use std::fmt::Write;

/// What differs from run to run and from machine to machine, and what stands for it.
const FILTERS: [(&str, &str); 22] = [
    (r"\d{8}T\d{6}Z-[a-z0-9]{4}", "<id>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?( UTC|Z)?", "<time>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r#""manifest_etag": "[^"]+""#, "\"manifest_etag\": \"<etag>\""),
    (r"\b[0-9a-f]{12,32}\b", "<hex>"),
    (r"\b[0-9A-F]+/[0-9A-F]{6,8}\b", "<lsn>"),
    (r"\b\d+(\.\d+)? ([KM]i)?B\b", "<size>"),
    (r"instead of \d{3}", "instead of <size>"),
    (r"\b(1[5-9]|[23]\d)\.\d+( \([^)]*\))*", "<version>"),
    (
        r#""(\w*bytes|bytes_\w+|\w*seconds|n_other_modes|\w+_num|pid|system_identifier|frames)": "?\d+"?"#,
        "\"$1\": <number>",
    ),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"views(_copy)?_\d+", "views$1"),
    (r"\b\d+[smhd]( \d+[smh])?( of \d+[smhd])? ago", "<age> ago"),
    (r"(in|took|about) +\d+s\b", "$1 <time>"),
    (r"\b\d{4}-\d\d-\d\d\b", "<day>"),
    // A leap year is among the next ones, or is not.
    (r"at most \d+[a-z]( \d+[a-z])?", "at most <period>"),
    (r"<id> +\d+s ", "<id> <age> "),
    (r#""(host|user|database_host)": "[^"]*""#, "\"$1\": <name>"),
    (r#"0700 [^"]+:[^"]+""#, "0700 <owner>\""),
    (r"made by +backstay (\S+) as .*, run", "made by backstay $1 as <name>, run"),
    (r"\d+ warnings? on the policy", "<n> warnings on the policy"),
    // Columns are as wide as what stands in them.
    (r"(\S) {2,}", "$1  "),
];

/// A text of calls and what they print.
struct Story<'a> {
    project: &'a Project,
    text: String,
}

impl Story<'_> {
    /// Runs a call and writes down what it printed, data first.
    fn tell(&mut self, words: &str, code: i32) {
        let arguments: Vec<&str> = words.split(' ').collect();
        let run = self.project.backstay(&arguments).run().expect(code);
        let _ = writeln!(self.text, "$ backstay {words}    [exit {code}]\n{}", run.stdout.trim_end());
        if !run.stderr.is_empty() {
            let _ = writeln!(self.text, "--- on standard error\n{}", run.stderr.trim_end());
        }
        self.text.push('\n');
    }
}

/// Asserts that a story is as it was told before.
fn assert_told(name: &str, text: &str) {
    let lines: String = text.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    insta::with_settings!({ filters => FILTERS.to_vec() }, { insta::assert_snapshot!(name, lines) });
}

/// Everything that a project goes through, told with the same words before each verb.
fn story(words: &str) -> String {
    let source = Database::create(Server::any(), "views");
    source.psql("CREATE TABLE t AS SELECT n FROM generate_series(1, 10) n; CREATE TABLE empty ()");
    let project = Project::scheduled(&source, "");
    let mut story = Story { project: &project, text: String::new() };
    let mut tell = |verb: &str, code| story.tell(&format!("{words}{verb}"), code);
    tell("plan", 0);
    tell("apply", 4);
    tell("apply --yes", 0);
    tell("plan --detailed-exitcode", 0);
    let id = project.manifest("near").id;
    with_earlier(&project, 10);
    tell("list", 0);
    tell(&format!("show {id}"), 0);
    tell("verify", 0);
    tell("plan --only prune", 0);
    tell("prune --yes", 4);
    tell("prune --yes --allow-prune app=4", 0);
    let dump = project.path(&format!("far/data/now/app/{id}/dump.zst"));
    std::fs::write(&dump, "damage").unwrap();
    tell("verify --storage far", 8);
    tell(&format!("show {id}"), 0);
    tell("sync --yes", 0);
    tell("backup app", 0);
    let copy = Database::name_only(source.server, "views_copy");
    tell(&format!("restore app --from {id} --into {} --dry-run", copy.name), 0);
    tell(&format!("restore app --from {id} --into {}", copy.name), 0);
    tell("list nobody", 1);
    let folder = project.path("");
    story.text.replace(folder.to_str().unwrap().trim_end_matches('/'), "<folder>")
}

#[test]
fn people_are_told_the_story() {
    assert_told("people", &story(""));
}

#[test]
fn machines_are_told_the_story() {
    assert_told("machines", &story("--json "));
}

#[test]
fn every_verb_has_its_help() {
    let top = Backstay::new(["--help"]).run().expect(0).stdout;
    let verbs = top.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let verbs = verbs
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|verb| !["", "help"].contains(verb)));
    let mut text = top.clone();
    for verb in verbs {
        let _ = write!(text, "\n{:=^100}\n", format!(" {verb} "));
        text += &Backstay::new([verb, "--help"]).run().expect(0).stdout;
    }
    insta::assert_snapshot!("help", text);
}
