//! Values of references for calls into the library.

use backstay::base::Lookup;
use std::collections::BTreeMap;

/// A fixed environment, and files as they are.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// A plain PATH and nothing else.
    pub fn plain() -> Environment {
        Environment::default().with("PATH", "/usr/bin:/bin")
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Environment {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Lookup for Environment {
    fn env(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }
}
