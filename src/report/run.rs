//! All that a run of scheduled work did, for machines.

use serde::Serialize;
use serde_json::Value;

/// What the parts of a run said, each as its own verb says it; `None` for what was not done.
#[derive(Debug, Default, Serialize)]
pub struct RunView {
    /// As `apply --json`.
    pub applied: Option<Value>,
    /// As `verify --json`.
    pub verified: Option<Value>,
    /// As `drill --json`.
    pub drilled: Option<Value>,
}

impl RunView {
    /// The document, ending with a line feed.
    pub fn text(&self, exit: u8) -> String {
        let RunView { applied, verified, drilled } = self;
        let document = serde_json::json!({
            "format_version": 1, "applied": applied, "verified": verified, "drilled": drilled, "exit_code": exit,
        });
        // A value always serialises.
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }
}
