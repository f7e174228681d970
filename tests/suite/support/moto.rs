//! An emulation of AWS that ends with the test process, however that ends, and the command line of AWS to look at it
//! with someone else's eyes.

use super::{Backstay, Run};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The account that everything is in.
pub const ACCOUNT: &str = "123456789012";

/// A running emulation. Dropping it ends it.
pub struct Moto {
    /// Where it listens.
    pub port: u16,
    tls: Option<tempfile::TempDir>,
    // Its standard input is the leash: the kernel closes it when this process is gone.
    watchdog: Child,
}

/// Who calls: what the environment says of credentials.
#[derive(Debug, Clone)]
pub struct Login {
    /// Id of the access key.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl Login {
    /// Whom the emulation takes for the account's root while it does not enforce anything.
    pub fn root() -> Login {
        Login { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret: "made-up".to_owned() }
    }
}

impl Moto {
    /// The emulation that all tests of this process share; each takes buckets and users of its own name.
    pub fn shared() -> &'static Moto {
        static MOTO: OnceLock<Moto> = OnceLock::new();
        MOTO.get_or_init(Moto::start)
    }

    /// The same behind TLS.
    pub fn shared_with_tls() -> &'static Moto {
        static MOTO: OnceLock<Moto> = OnceLock::new();
        MOTO.get_or_init(Moto::start_with_tls)
    }

    /// An emulation of its own, for tests that want an empty account or switch enforcement on.
    pub fn start() -> Moto {
        Moto::started(|| None, &[])
    }

    /// The same, with every call of S3 refused that does not say whose the bucket must be.
    pub fn start_demanding_owner() -> Moto {
        Moto::started(|| None, &["demand-owner"])
    }

    /// The same behind TLS, with a certificate that only [`Moto::authority`] vouches for.
    pub fn start_with_tls() -> Moto {
        Moto::started(|| Some(certificates()), &[])
    }

    fn started(tls: impl Fn() -> Option<tempfile::TempDir>, words: &[&str]) -> Moto {
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(moto) = launch(port, tls(), words) {
                return moto;
            }
        }
        panic!("moto_server did not start; run `scripts/setup`");
    }

    /// The file with the certificate of who vouches for it, where it speaks TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        self.tls.as_ref().map(|folder| folder.path().join("authority.pem"))
    }

    /// A name that no other test of this process uses: for buckets, users and roles.
    pub fn unique(start: &str) -> String {
        static LAST: AtomicU32 = AtomicU32::new(0);
        format!("{start}-{}", LAST.fetch_add(1, Ordering::Relaxed))
    }

    /// URL of every service.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Environment that makes AWS clients speak to it, as `login`, in us-east-1.
    pub fn environment(&self, login: &Login) -> Vec<(&'static str, String)> {
        let authority = self.authority().map(|file| ("AWS_CA_BUNDLE", file.to_str().unwrap().to_owned()));
        let mut all = vec![
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_ACCESS_KEY_ID", login.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", login.secret.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/nonexistent".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent".to_owned()),
        ];
        all.extend(authority);
        all
    }

    /// A call of the real program that sees this emulation as AWS.
    #[must_use]
    pub fn seen_by(&self, call: Backstay, login: &Login) -> Backstay {
        self.environment(login).into_iter().fold(call, |call, (name, value)| call.env(name, value))
    }

    /// What the command line of AWS says, as root: `aws(&["s3api", "head-bucket", …])`. Asserts that it succeeds.
    #[track_caller]
    pub fn aws(&self, arguments: &[&str]) -> serde_json::Value {
        let run = self.aws_as(&Login::root(), arguments).expect(0);
        if run.stdout.trim().is_empty() { serde_json::Value::Null } else { run.json() }
    }

    /// How a call of the command line of AWS went, as anyone.
    pub fn aws_as(&self, login: &Login, arguments: &[&str]) -> Run {
        let mut command = Command::new(program("aws"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("AWS_PAGER", "");
        command.envs(self.environment(login)).args(arguments).args(["--output", "json"]).stdin(Stdio::null());
        Run::of(&command.output().unwrap())
    }

    /// Begins to enforce IAM: from the next call on, credentials may do what their policies say. Returns someone who may
    /// do everything; the root of the account is nobody then.
    pub fn enforce(&self) -> Login {
        const ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let everything = self.user_with("everything", ALL);
        self.post("/moto-api/reset-auth", "text/plain", "0");
        everything
    }

    /// A new user with a key, who may do what this document says.
    pub fn user_with(&self, name: &str, document: &str) -> Login {
        self.aws(&["iam", "create-user", "--user-name", name]);
        let words =
            ["iam", "put-user-policy", "--user-name", name, "--policy-name", "may", "--policy-document", document];
        self.aws(&words);
        let key = &self.aws(&["iam", "create-access-key", "--user-name", name])["AccessKey"];
        let text = |field: &str| key[field].as_str().unwrap().to_owned();
        Login { id: text("AccessKeyId"), secret: text("SecretAccessKey") }
    }

    /// Thaws take so many seconds.
    pub fn thaws_take(&self, seconds: u32) {
        let text =
            format!(r#"{{"model_name":"s3::keyrestore","transition":{{"progression":"time","seconds":{seconds}}}}}"#);
        self.post("/moto-api/state-manager/set-transition", "application/json", &text);
    }

    /// Posts to the emulation's own interface. Asserts that it answers with success.
    #[track_caller]
    pub fn post(&self, path: &str, content_type: &str, body: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: {content_type}");
        write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.split(' ').nth(1).is_some_and(|status| status.starts_with('2')), "{answer}");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

pub(super) fn program(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/servers/bin").join(name);
    assert!(path.exists(), "{} is not there; run `scripts/setup`", path.display());
    path
}

/// What it starts with: the emulation, and what of it is put right.
const STARTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/support/moto_starter.py");

/// A folder with the certificate of an authority, and one for this machine that it vouches for.
pub(super) fn certificates() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("backstay-tls-").tempdir().unwrap();
    let script = "
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout authority.key -out authority.pem
        openssl req -newkey rsa:2048 -nodes -subj /CN=moto -keyout server.key -out server.csr
        printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' > server.ext
        openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -days 2 -extfile server.ext -out server.pem
    ";
    let made = Command::new("/bin/sh").args(["-ec", script]).current_dir(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

/// Starts the emulation and returns once it answers; `None` when it ended instead.
fn launch(port: u16, tls: Option<tempfile::TempDir>, words: &[&str]) -> Option<Moto> {
    const SCRIPT: &str = r#"
        program=$1 port=$2 starter=$3
        shift 3
        "$program" "$starter" -H 127.0.0.1 -p "$port" "$@" </dev/null >/dev/null 2>&1 &
        server=$!
        read -r _
        kill -KILL "$server"
        wait "$server"
    "#;
    let mut watchdog = Command::new("/bin/sh")
        .args(["-c", SCRIPT, "watchdog"])
        .arg(program("python3"))
        .arg(port.to_string())
        .arg(STARTER)
        .args(tls.iter().flat_map(|folder| {
            ["-c".into(), folder.path().join("server.pem"), "-k".into(), folder.path().join("server.key")]
        }))
        .args(words)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    // A busy machine takes long to load Python; nothing else is waited for here.
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(Moto { port, tls, watchdog });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(watchdog.stdin.take());
    let _ = watchdog.wait();
    None
}
