//! Commands that the policy wants run around a deed.

use crate::base::{Lookup, Template};
use crate::event::{Event, Observer};
use std::process::Stdio;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// What commands learn of the deed, as environment variables.
pub type HookFacts<'a> = &'a [(&'a str, &'a str)];

/// Runs commands one after the other and stops at the first that fails, with its text in the policy and how it failed.
/// Their standard output and error are passed on as notes, last lines only.
pub async fn run_hooks(
    commands: &[Vec<Template>],
    facts: HookFacts<'_>,
    lookup: &dyn Lookup,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Result<(), (String, String)> {
    for argv in commands {
        let label = argv.iter().map(Template::source).collect::<Vec<_>>().join(" ");
        let words: Result<Vec<_>, _> = argv.iter().map(|word| word.resolve(lookup)).collect();
        let words = words.map_err(|error| (label.clone(), error.to_string()))?;
        let Some((program, arguments)) = words.split_first() else { continue };
        let mut command = Command::new(program.expose());
        command.args(arguments.iter().map(|word| word.expose())).envs(facts.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its own process group: an interrupt at the terminal ends the deed first, which then ends the command.
        command.kill_on_drop(true).process_group(0);
        let output = tokio::select! {
            output = command.output() => output.map_err(|error| (label.clone(), error.to_string()))?,
            () = cancel.cancelled() => return Err((label, "interrupted".to_owned())),
        };
        for stream in [&output.stdout, &output.stderr] {
            for line in last_lines(stream) {
                observer.on(&Event::Note(format!("{label}: {line}")));
            }
        }
        if !output.status.success() {
            return Err((label, output.status.to_string()));
        }
    }
    Ok(())
}

/// The same for commands whose failure changes nothing any more: it is told as a warning, and the next one is run.
pub async fn run_hooks_anyway(
    commands: &[Vec<Template>],
    facts: HookFacts<'_>,
    lookup: &dyn Lookup,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) {
    for command in commands {
        // They run even after an interrupt: telling of failures is what they are for. One that comes while they run is
        // meant for them.
        let until = if cancel.is_cancelled() { CancellationToken::new() } else { cancel.clone() };
        let one = std::slice::from_ref(command);
        if let Err((label, problem)) = run_hooks(one, facts, lookup, observer, &until).await {
            observer.on(&Event::Warning(format!("the hook `{label}` failed: {problem}")));
        }
    }
}

fn last_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = text.lines().rev().take(5).map(str::to_owned).collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use std::sync::Mutex;

    struct Nothing;
    impl Lookup for Nothing {
        fn env(&self, name: &str) -> Option<String> {
            (name == "WORD").then(|| "resolved".to_owned())
        }
        fn file(&self, _: &str) -> Result<String, String> {
            Err("none".to_owned())
        }
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<Event>>);
    impl Observer for Heard {
        fn on(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    fn commands(all: &[&[&str]]) -> Vec<Vec<Template>> {
        all.iter().map(|argv| argv.iter().map(|word| word.parse().unwrap()).collect()).collect()
    }

    #[tokio::test]
    async fn the_first_failure_stops_and_is_named_as_the_policy_writes_it() {
        let heard = Heard::default();
        let all = commands(&[
            &["sh", "-c", "echo $BACKSTAY_DATABASE $0", "${env:WORD}"],
            &["sh", "-c", "exit 3", "${env:WORD}"],
            &["sh", "-c", "echo never"],
        ]);
        let cancel = CancellationToken::new();
        let error = run_hooks(&all, &[("BACKSTAY_DATABASE", "app")], &Nothing, &heard, &cancel).await.unwrap_err();
        assert_eq!(error.0, "sh -c exit 3 ${env:WORD}");
        assert!(error.1.contains('3'), "{}", error.1);
        let notes = heard.0.lock().unwrap();
        assert!(matches!(&notes[..], [Event::Note(text)] if text.ends_with(": app resolved")), "{notes:?}");
    }

    #[tokio::test]
    async fn afterwards_every_command_runs() {
        let heard = Heard::default();
        let cancel = CancellationToken::new();
        cancel.cancel();
        let all = commands(&[&["/nonexistent"], &["echo", "told"]]);
        run_hooks_anyway(&all, &[], &Nothing, &heard, &cancel).await;
        let events = heard.0.lock().unwrap();
        assert!(matches!(&events[..], [Event::Warning(_), Event::Note(_)]), "{events:?}");
    }

    #[tokio::test]
    async fn an_interrupt_ends_a_command() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let error = run_hooks(&commands(&[&["sleep", "1000"]]), &[], &Nothing, &Heard::default(), &cancel).await;
        assert_eq!(error.unwrap_err().1, "interrupted");
        let (cancel, heard) = (CancellationToken::new(), Heard::default());
        let all = commands(&[&["sleep", "1000"], &["echo", "told"]]);
        tokio::join!(run_hooks_anyway(&all, &[], &Nothing, &heard, &cancel), async { cancel.cancel() });
        let events = heard.0.lock().unwrap();
        assert!(matches!(&events[..], [Event::Warning(_), Event::Note(_)]), "{events:?}");
    }
}
