//! OpenPGP by the `gpg` program: symmetric, AES-256, integrity protected.
//!
//! The passphrase goes as the first line of standard input, from which gpg reads it byte by byte; the data follows.
//! So it stands in no argument list, no environment and no file. Each run has an empty home folder of its own, so
//! that nothing of the user's GnuPG is read or changed and no agent is left behind.

use super::StreamError;
use super::stored::{Measure, Stored};
use crate::base::Secret;
use crate::codec::Keys;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use tempfile::TempDir;

const OUTPUT_BUFFER: usize = 1 << 20;

/// A running gpg.
struct Program {
    child: Child,
    complaints: JoinHandle<String>,
    _home: TempDir,
}

impl Program {
    fn start(arguments: &[&str], passphrase: &Secret) -> Result<(Program, ChildStdin, ChildStdout), StreamError> {
        if passphrase.expose().contains(['\n', '\r']) {
            return Err(StreamError::BadKey("a passphrase for gpg cannot contain a line break".to_owned()));
        }
        let failed = |error: io::Error| StreamError::Program { program: "gpg", problem: error.to_string() };
        // Made with mode 0700.
        let home = tempfile::Builder::new().prefix("backstay-gpg-").tempdir().map_err(failed)?;
        let mut child = Command::new("gpg")
            .env("GNUPGHOME", home.path())
            .env("LC_ALL", "C")
            .args(["--batch", "--quiet", "--no-tty", "--no-options", "--no-autostart", "--trust-model", "always"])
            .args(["--status-fd", "2", "--pinentry-mode", "loopback", "--passphrase-fd", "0"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(mut stdin), Some(stdout), Some(mut stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(io::Error::other("it has no standard streams")));
        };
        let complaints = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.by_ref().take(64 << 10).read_to_end(&mut text);
            // Whatever is more is read so that the program does not wait for it.
            let _ = io::copy(&mut stderr, &mut io::sink());
            String::from_utf8_lossy(&text).into_owned()
        });
        let program = Program { child, complaints, _home: home };
        // A program that ended at once closed this; how it ended says more.
        let _ = stdin.write_all(passphrase.expose().as_bytes()).and_then(|()| stdin.write_all(b"\n"));
        Ok((program, stdin, stdout))
    }

    /// Waits for its end. `Err` holds everything it said.
    fn wait(mut self) -> Result<(), String> {
        let status = self.child.wait().map_err(|error| error.to_string())?;
        let said = self.complaints.join().unwrap_or_default();
        if status.success() { Ok(()) } else { Err(said) }
    }
}

/// What gpg said to people, on one line.
fn for_people(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("[GNUPG:]") && !line.contains("keybox") && !line.contains("WARNING"))
        .map(|line| line.trim_start_matches("gpg: "))
        .collect();
    if lines.is_empty() { "it ended without saying why".to_owned() } else { lines.join("; ") }
}

/// Encrypts what is written to it.
pub(super) struct Encrypting<D> {
    program: Program,
    stdin: ChildStdin,
    reader: JoinHandle<io::Result<(u64, D)>>,
}

impl<D: Send + 'static> Encrypting<D> {
    pub(super) fn start<M: Measure<Digest = D>>(
        passphrase: &Secret,
        stored: Stored<M>,
    ) -> Result<Encrypting<D>, StreamError> {
        let arguments = ["--symmetric", "--cipher-algo", "AES256", "--compress-algo", "none", "--force-mdc"];
        let hardened = ["--s2k-mode", "3", "--s2k-digest-algo", "SHA512", "--s2k-count", "65011712", "--output", "-"];
        let (program, stdin, mut stdout) = Program::start(&[&arguments[..], &hardened[..]].concat(), passphrase)?;
        let reader = std::thread::spawn(move || {
            let mut stored = stored;
            let mut buffer = vec![0; OUTPUT_BUFFER];
            loop {
                match stdout.read(&mut buffer)? {
                    0 => return stored.finish(),
                    n => stored.write_all(&buffer[..n])?,
                }
            }
        });
        Ok(Encrypting { program, stdin, reader })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        self.stdin.write_all(bytes).map_err(StreamError::Process)
    }

    pub(super) fn finish(self) -> Result<(u64, D), StreamError> {
        drop(self.stdin);
        let stored = self.reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let failed = |said: String| StreamError::Program { program: "gpg", problem: for_people(&said) };
        self.program.wait().map_err(failed)?;
        stored.map_err(StreamError::Process)
    }
}

/// Decrypts `input`: what comes out is read from it, and judged at its end.
pub(super) struct Decrypting {
    stdout: ChildStdout,
    program: Option<Program>,
    feeder: Option<JoinHandle<io::Result<()>>>,
}

impl Decrypting {
    pub(super) fn start(passphrase: &Secret, mut input: Box<dyn Read + Send>) -> Result<Decrypting, StreamError> {
        let (program, mut stdin, stdout) = Program::start(&["--decrypt", "--output", "-"], passphrase)?;
        let feeder = std::thread::spawn(move || {
            let mut buffer = vec![0; OUTPUT_BUFFER];
            let mut takes = true;
            loop {
                let n = input.read(&mut buffer)?;
                if n == 0 {
                    return Ok(());
                }
                // A program that gave up takes no more, but the rest is read: its digest tells damage from a wrong key.
                takes = takes && stdin.write_all(&buffer[..n]).is_ok();
            }
        });
        Ok(Decrypting { stdout, program: Some(program), feeder: Some(feeder) })
    }

    /// Waits for the end of the program, whose output was read.
    fn end(&mut self) -> Result<(), StreamError> {
        if let Some(feeder) = self.feeder.take() {
            let fed = feeder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            fed.map_err(StreamError::Process)?;
        }
        let Some(program) = self.program.take() else { return Ok(()) };
        program.wait().map_err(|said| judge(&said))
    }

    /// Reads the next bytes; 0 only when the program ended well.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError> {
        match self.stdout.read(buffer) {
            Ok(0) => self.end().map(|()| 0),
            Ok(n) => Ok(n),
            Err(error) => Err(StreamError::Process(error)),
        }
    }
}

impl Drop for Decrypting {
    fn drop(&mut self) {
        if let Some(mut program) = self.program.take() {
            // Not read to its end: it must not wait for a reader for ever.
            let _ = program.child.kill();
            let _ = program.child.wait();
        }
    }
}

/// Decrypts with the passphrase that fits. With one, it is taken; of several, the first that opens the beginning.
pub(super) fn open(keys: &Keys, mut input: Box<dyn Read + Send>) -> Result<Decrypting, StreamError> {
    let (last, others) = keys
        .gpg_passphrases
        .split_last()
        .ok_or_else(|| StreamError::NoKey("it is encrypted with a passphrase and none is configured".to_owned()))?;
    let mut beginning = Vec::new();
    if !others.is_empty() {
        input.by_ref().take(64 << 10).read_to_end(&mut beginning).map_err(StreamError::Process)?;
    }
    let fits = |passphrase: &&Secret| {
        let Ok(mut attempt) = Decrypting::start(passphrase, Box::new(io::Cursor::new(beginning.clone()))) else {
            return false;
        };
        let mut buffer = vec![0; OUTPUT_BUFFER];
        loop {
            match attempt.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return !matches!(error, StreamError::NoKey(_)),
            }
        }
    };
    let passphrase = others.iter().find(fits).unwrap_or(last);
    Decrypting::start(passphrase, Box::new(io::Cursor::new(beginning).chain(input)))
}

fn judge(said: &str) -> StreamError {
    let began = said.contains("[GNUPG:] BEGIN_DECRYPTION") && said.contains("[GNUPG:] DECRYPTION_INFO");
    let wrong_key =
        said.contains("Bad session key") || said.contains("Bad passphrase") || said.contains("[GNUPG:] NO_SECKEY");
    if wrong_key {
        return StreamError::NoKey("the configured passphrase does not open it".to_owned());
    }
    if began || said.contains("[GNUPG:] NODATA") || said.contains("[GNUPG:] DECRYPTION_FAILED") {
        return StreamError::Damaged(format!("it is not a sound OpenPGP message: {}", for_people(said)));
    }
    StreamError::Program { program: "gpg", problem: for_people(said) }
}
