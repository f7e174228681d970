//! Where a value stands in a policy, as a list of steps from the top.

use std::fmt;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a map.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

/// A list of steps, shown as `tiers.daily.copies[0].keep`; keys with other characters as `databases["a.b"]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Route(Vec<Step>);

impl Route {
    /// The top of the policy.
    pub fn top() -> Route {
        Route::default()
    }

    /// A route of one or more keys, from the top.
    pub fn of<const N: usize>(keys: [&str; N]) -> Route {
        Route(keys.iter().map(|key| Step::Key((*key).to_owned())).collect())
    }

    /// One key further down.
    #[must_use]
    pub fn key(&self, key: &str) -> Route {
        self.with(Step::Key(key.to_owned()))
    }

    /// One list entry further down, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Route {
        self.with(Step::Index(index))
    }

    /// The route without its last step; the top stays the top.
    #[must_use]
    pub fn parent(&self) -> Route {
        Route(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }

    /// The steps from the top.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The last key on the way, if any.
    pub fn last_key(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
    }

    fn with(&self, step: Step) -> Route {
        let mut steps = self.0.clone();
        steps.push(step);
        Route(steps)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
                    if key.is_empty() || !key.bytes().all(plain) {
                        write!(f, "[{key:?}]")?;
                    } else if position == 0 {
                        f.write_str(key)?;
                    } else {
                        write!(f, ".{key}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_the_policy() {
        let route = Route::of(["tiers", "daily", "copies"]).index(0).key("keep");
        assert_eq!(route.to_string(), "tiers.daily.copies[0].keep");
        assert_eq!(Route::of(["databases", "a.b"]).to_string(), "databases[\"a.b\"]");
        assert_eq!(route.parent().parent().to_string(), "tiers.daily.copies");
        assert_eq!(Route::top().parent().to_string(), "");
    }
}
