//! What is heard of a process that is started again and again: what it said the last time, too, is passed over.

use serde_json::Value;
use std::collections::BTreeSet;

/// More lines than these of one run are not remembered.
const MOST: usize = 64;

/// What one process said.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// In the run before, unless that was a good one.
    before: BTreeSet<String>,
    now: BTreeSet<String>,
}

impl Voice {
    /// True for what is to be passed on.
    pub(super) fn is_new(&mut self, line: &str) -> bool {
        let gist = gist(line);
        let is_new = !self.before.contains(&gist);
        if self.now.len() < MOST {
            self.now.insert(gist);
        }
        is_new
    }

    /// It is started again. What it said in a run that went well is news the next time.
    pub(super) fn begins(&mut self, went_well: bool) {
        self.before = std::mem::take(&mut self.now);
        if went_well {
            self.before.clear();
        }
    }
}

/// A line without what differs each time: a line of the log says when and in which run.
fn gist(line: &str) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else { return line.to_owned() };
    for field in ["time", "run"] {
        fields.remove(field);
    }
    Value::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_heard_once_and_again_after_a_good_run() {
        let mut voice = Voice::default();
        let mut run = |lines: &[&str], went_well| {
            let heard: Vec<bool> = lines.iter().map(|line| voice.is_new(line)).collect();
            voice.begins(went_well);
            heard
        };
        assert_eq!(run(&["busy", "busy"], false), [true, true]);
        assert_eq!(run(&["busy", "no slot"], false), [false, true]);
        assert_eq!(run(&["no slot"], false), [false]);
        assert_eq!(run(&["busy"], true), [true]);
        assert_eq!(run(&["busy"], false), [true]);
    }

    #[test]
    fn lines_of_the_log_are_the_same_at_another_time() {
        let mut voice = Voice::default();
        let line = |time: u8| format!(r#"{{"time":"{time}","level":"error","run":"r{time}","message":"busy"}}"#);
        assert!(voice.is_new(&line(1)));
        voice.begins(false);
        assert!(!voice.is_new(&line(2)) && voice.is_new(&line(2).replace("busy", "gone")));
    }
}
