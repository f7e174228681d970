//! Values of references: the process environment and files.

use crate::base::Lookup;

/// Looks references up in the environment of this process and in files.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

/// A secret is small; a larger file is a wrong path, and reading it would only fill memory.
const LARGEST_FILE: u64 = 1 << 20;

impl Lookup for ProcessEnvironment {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let length = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
        if length > LARGEST_FILE {
            return Err(format!("{length} bytes is too large for a secret"));
        }
        std::fs::read_to_string(path).map_err(|e| e.to_string())
    }
}
