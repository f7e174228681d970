//! A command that client programs run behind: `docker exec -i db`, `ssh host`, `kubectl exec -i pod --`.
//!
//! Such commands hand over arguments and the standard streams, not the environment, and arguments can be read by
//! everybody. So the password goes as the first line of standard input to a few words of shell on the other side,
//! which put it into the environment of the program and leave the rest of the input to it.

use crate::base::{Lookup, Template, UnresolvedReference};

/// One such command.
#[derive(Clone)]
pub(super) struct Wrapper {
    argv: Vec<String>,
    /// As the policy writes it, references unresolved.
    pub(super) label: String,
}

/// `read` takes one byte at a time from a pipe, as POSIX demands, so what follows the line is left for the program.
/// Without a standard input that is passed through, nothing could work: that has a status of its own.
const SCRIPT: &str = r#"IFS= read -r line || exit 97; if [ -n "$line" ]; then PGPASSWORD=$line; export PGPASSWORD; fi; unset line PGCLIENTENCODING; LC_ALL=C; export LC_ALL; exec "$@""#;

/// Commands that run the command that follows them, here.
const PREFIXES: [&str; 8] = ["sudo", "doas", "env", "nice", "ionice", "timeout", "sshpass", "nohup"];

impl Wrapper {
    /// The command of a policy, its references looked up.
    pub(super) fn resolve(argv: &[Template], lookup: &dyn Lookup) -> Result<Wrapper, UnresolvedReference> {
        let label = argv.iter().map(Template::source).collect::<Vec<_>>().join(" ");
        let argv = argv.iter().map(|word| Ok(word.resolve(lookup)?.expose().to_owned()));
        Ok(Wrapper { argv: argv.collect::<Result<_, UnresolvedReference>>()?, label })
    }

    /// Program and arguments that run `program` behind this command.
    pub(super) fn command(&self, program: &str, arguments: &[String]) -> Vec<String> {
        let inner = ["sh", "-c", SCRIPT, "sh", program].into_iter().map(str::to_owned);
        let inner = inner.chain(arguments.iter().cloned());
        // ssh joins its arguments with spaces and lets a shell on the other side split them again.
        let inner: Vec<String> =
            if self.is_ssh() { inner.map(|word| shell_word(&word)).collect() } else { inner.collect() };
        self.argv.iter().cloned().chain(inner).collect()
    }

    /// What goes before everything else on standard input; `None` when the password has a line break.
    pub(super) fn preamble(password: Option<&str>) -> Vec<u8> {
        format!("{}\n", password.unwrap_or_default()).into_bytes()
    }

    fn is_ssh(&self) -> bool {
        let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
        let mut words = self.argv.iter().map(|word| name(word));
        match words.next() {
            Some(first) if first == "ssh" => true,
            Some(first) if PREFIXES.contains(&first.as_str()) => words.any(|word| word == "ssh"),
            _ => false,
        }
    }
}

/// A word, quoted for a POSIX shell.
fn shell_word(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn wrapper(argv: &[&str]) -> Wrapper {
        Wrapper { argv: argv.iter().map(|word| (*word).to_owned()).collect(), label: String::new() }
    }

    fn run(argv: &[String], input: &[u8]) -> String {
        let mut child =
            Command::new(&argv[0]).args(&argv[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn the_password_is_a_line_of_input_and_the_rest_is_the_programs() {
        let argv = wrapper(&["env", "-i", "PATH=/usr/bin:/bin"]).command(
            "sh",
            &["-c".to_owned(), "printf '%s|' \"$PGPASSWORD\" \"$0\"; cat".to_owned(), "a 'b\" $c".to_owned()],
        );
        let mut input = Wrapper::preamble(Some(" p\\'w\"$x "));
        input.extend_from_slice(b"SELECT 1;\n\nend");
        assert_eq!(run(&argv, &input), " p\\'w\"$x |a 'b\" $c|SELECT 1;\n\nend");
        assert!(!argv.iter().any(|word| word.contains("p\\'w")));
    }

    #[test]
    fn ssh_is_known_behind_its_prefixes() {
        assert!(wrapper(&["/usr/bin/ssh", "db1"]).is_ssh());
        assert!(wrapper(&["sshpass", "-e", "ssh", "db1"]).is_ssh());
        assert!(!wrapper(&["docker", "exec", "-i", "ssh"]).is_ssh());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_shell_reads_a_quoted_word_back(word in "[^\\x00]{0,20}") {
            let argv = ["sh".to_owned(), "-c".to_owned(), format!("printf %s {}", shell_word(&word))];
            prop_assert_eq!(run(&argv, b""), word);
        }
    }
}
