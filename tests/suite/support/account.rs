//! A policy in a folder, a database, and an account of AWS of its own in an emulation.

use super::{Backstay, Database, Login, Moto, Run, Server};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// The three together.
pub struct Account {
    /// The emulation.
    pub moto: Moto,
    /// The database, which `DATABASE_URL` names; it has a table `t` with rows.
    pub source: Database,
    folder: tempfile::TempDir,
}

impl Account {
    /// An empty account. In the policy `{folder}` stands for the project's folder.
    pub fn new(policy: &str) -> Account {
        Account::in_emulation(Moto::start(), policy)
    }

    /// The same in an emulation that was started somehow.
    pub fn in_emulation(moto: Moto, policy: &str) -> Account {
        let source = Database::create(Server::any(), "account");
        source.psql("CREATE TABLE t AS SELECT n, md5(n::text) AS m FROM generate_series(1, 500) n");
        let folder = tempfile::Builder::new().prefix("backstay-account-").tempdir().unwrap();
        let account = Account { moto, source, folder };
        account.write(policy);
        account
    }

    /// Replaces the policy.
    pub fn write(&self, policy: &str) {
        fs::write(self.path("backstay.yaml"), policy.replace("{folder}", self.folder.path().to_str().unwrap()))
            .unwrap();
    }

    /// Changes the policy's text.
    pub fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("backstay.yaml")).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        self.write(&text.replace(from, to));
    }

    /// A path inside its folder.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// A call of the real program as somebody.
    pub fn call(&self, login: &Login, arguments: &[&str]) -> Backstay {
        self.moto.seen_by(self.plain(arguments), login)
    }

    /// A call that logs in with a profile of a credentials file in the folder, and nothing else.
    pub fn call_with(&self, file: &str, profile: &str, arguments: &[&str]) -> Backstay {
        let is_login = |name: &str| name.contains("ACCESS_KEY") || name.contains("CREDENTIALS");
        let environment = self.moto.environment(&Login::root()).into_iter().filter(|(name, _)| !is_login(name));
        let call = environment.fold(self.plain(arguments), |call, (name, value)| call.env(name, value));
        call.env("AWS_SHARED_CREDENTIALS_FILE", self.path(file)).env("AWS_PROFILE", profile)
    }

    fn plain(&self, arguments: &[&str]) -> Backstay {
        Backstay::new(arguments)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", self.source.url())
            .env("BACKSTAY_PG_BIN", &self.source.server.bin)
    }

    /// How a call as the account's root went.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.call(&Login::root(), arguments).run()
    }

    /// The steps of the plan, as JSON.
    #[track_caller]
    pub fn actions(&self) -> Vec<Value> {
        self.run(&["plan", "--json"]).expect(0).json()["plans"][0]["actions"].as_array().unwrap().clone()
    }

    /// `apply --yes` with a word for every step that cannot be taken back.
    pub fn approval(&self) -> Vec<String> {
        let irreversible = self.actions().into_iter().filter(|action| action["irreversible"].is_string());
        let words = irreversible
            .flat_map(|action| ["--allow-irreversible".to_owned(), action["address"].as_str().unwrap().to_owned()]);
        ["apply".to_owned(), "--yes".to_owned()].into_iter().chain(words).collect()
    }

    /// Applies everything, and asserts that nothing is left to do.
    #[track_caller]
    pub fn apply(&self) -> Run {
        let approval = self.approval();
        let applied = self.run(&approval.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
        let again = self.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(again.code, Some(0), "after {applied:#?} there is still something to do: {again:#?}");
        applied
    }

    /// The key in a delivered file: id and secret of a profile.
    #[track_caller]
    pub fn delivered(&self, file: &str, profile: &str) -> Login {
        let text = fs::read_to_string(self.path(file)).unwrap();
        let mut lines = text.lines().skip_while(|line| *line != format!("[{profile}]"));
        let mut value = |key: &str| {
            let found = lines.find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
            found.unwrap_or_else(|| panic!("no {key} of {profile} in {file}")).trim().to_owned()
        };
        Login { id: value("aws_access_key_id"), secret: value("aws_secret_access_key") }
    }
}
