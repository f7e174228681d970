//! Channels of alerts that were tried.

use serde::Serialize;
use serde_json::json;

/// How a channel took a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelTest {
    /// The policy.
    pub policy: String,
    /// Name of the channel.
    pub channel: String,
    /// Its kind, as the policy says it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// It took the message.
    pub taken: bool,
    /// Code of what went wrong.
    pub code: Option<&'static str>,
    /// What went wrong.
    pub problem: Option<String>,
}

/// Tests for people, a line each.
pub fn channel_tests(tests: &[&ChannelTest]) -> String {
    let width = tests.iter().map(|test| test.channel.chars().count()).max().unwrap_or(0);
    let line = |test: &&ChannelTest| {
        let end = match &test.problem {
            None => "took it".to_owned(),
            Some(problem) => format!("did NOT take it: {problem}"),
        };
        format!("{:<width$}  {:<11}  {end}\n", test.channel, test.kind)
    };
    tests.iter().map(line).collect()
}

/// Tests for machines.
pub fn channel_tests_json(tests: &[&ChannelTest]) -> String {
    // Our own structs serialise always.
    serde_json::to_string_pretty(&json!({ "format_version": 1, "tests": tests })).unwrap_or_default() + "\n"
}
