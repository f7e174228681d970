//! What happens to the work when the terminal, its user or the reader of the output goes away.

use crate::support::{
    Database, Project, Run, Server, assert_leftover_free, end, go_on, large, signal, stopped_in_the_middle_as,
};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

fn source(hint: &str) -> Database {
    let source = Database::create(Server::any(), hint);
    source.psql("CREATE TABLE t AS SELECT generate_series(1, 100) AS n");
    source
}

#[test]
fn work_is_done_when_its_output_cannot_be_written_and_that_is_told() {
    let source = source("no_output");
    let project = Project::scheduled(&source, "");
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let run =
        |arguments: &[&str]| Run::of(&project.backstay(arguments).into_command().stdout(full()).output().unwrap());
    let applied = run(&["apply", "--yes"]).expect(1);
    assert!(applied.stderr.contains("error[BS538]") && applied.stderr.contains("No space left"), "{applied:#?}");
    assert_eq!(applied.stderr.matches("BS538").count(), 1, "{applied:#?}");
    project.manifest("near");
    assert_leftover_free(&project);
    for arguments in [&["list"][..], &["plan"], &["validate"], &["verify", "--deep"], &["explain", "BS538"]] {
        assert!(run(arguments).expect(1).stderr.contains("BS538"), "{arguments:?}");
    }
    assert!(!run(&["list", "nobody"]).expect(1).stderr.contains("BS538"));
}

#[test]
fn a_reader_that_goes_away_stops_no_work() {
    let source = source("no_reader");
    let project = Project::scheduled(&source, "");
    let mut child = project.backstay(&["apply", "--yes"]).into_command().spawn().unwrap();
    drop(child.stdout.take());
    let run = end(child).expect(0);
    assert!(!run.stderr.contains("BS538"), "{run:#?}");
    project.manifest("near");
    project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
}

/// Makes it a call of another program, which runs it.
fn through(call: &mut Command, by: &mut Command) {
    let mut whole = Command::new(by.get_program());
    whole.args(by.get_args()).arg(call.get_program()).args(call.get_args()).env_clear();
    whole.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    whole.current_dir(call.get_current_dir().unwrap());
    *call = whole;
    call.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

#[test]
fn a_hang_up_stops_cleanly_unless_it_is_ignored() {
    let source = large(Server::any(), "hang_up");
    let project = Project::scheduled(&source, "");
    // Whoever runs the tests may have it ignored already.
    let minding = |call: &mut Command| through(call, Command::new("env").arg("--default-signal=HUP"));
    let (child, hold) = stopped_in_the_middle_as(&project, &["apply", "--yes"], minding);
    signal(&child, "-HUP");
    end(child).expect(130);
    drop(hold);
    assert!(project.backup_files("near").is_empty() && project.backup_files("far").is_empty());
    assert_leftover_free(&project);

    let another = Project::scheduled(&source, "");
    let nohup = another.program("nohup", "#!/bin/sh\ntrap '' HUP\nexec \"$@\"\n");
    let deaf = |call: &mut Command| through(call, &mut Command::new(&nohup));
    let (child, hold) = stopped_in_the_middle_as(&another, &["apply", "--yes"], deaf);
    signal(&child, "-HUP");
    go_on(&another, hold);
    end(child).expect(0);
    another.manifest("near");
}

#[test]
fn an_interrupt_is_an_answer_to_a_question() {
    let source = source("question");
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    for arguments in ["restore app --in-place", "apply --only backups"] {
        if arguments.starts_with("apply") {
            project.edit_policy("schedule: manual", "schedule: \"* * * * *\"");
            // Due again in the next minute; a tier that nothing was taken in is due now.
            fs::remove_dir_all(project.path("near/manifest")).unwrap();
            fs::remove_dir_all(project.path("far/manifest")).unwrap();
        }
        let backstay = project.backstay(&[]).into_command();
        let mut command = Command::new("script");
        command.args(["-qefc", &format!("{} {arguments}", env!("CARGO_BIN_EXE_backstay")), "/dev/null"]).env_clear();
        command.envs(backstay.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("SHELL", "/bin/sh").current_dir(project.path(""));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("is accepted:") {
            let mut piece = [0; 1024];
            let length = screen.read(&mut piece).unwrap();
            assert!(length > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&piece[..length]);
        }
        // The terminal may swallow a key; once the first came through, the program is gone.
        let typing = std::thread::spawn(move || {
            while keyboard.write_all(b"\x03").is_ok() {
                std::thread::sleep(std::time::Duration::from_secs(5));
            }
        });
        let mut rest = String::new();
        screen.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{arguments}: {rest}");
        typing.join().unwrap();
        if arguments.starts_with("restore") {
            // The next question is of another verb.
            assert!(rest.contains("nothing was changed"), "{rest}");
        }
    }
}
