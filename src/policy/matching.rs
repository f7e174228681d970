//! Which databases of a server an entry with `match` means.

use super::MatchSpec;

impl MatchSpec {
    /// True when a pattern includes the name and none excludes it. `*` stands for any text, also none, and `?` for
    /// one character; everything else stands for itself.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let any =
            |patterns: &[String]| patterns.iter().any(|pattern| fits(&pattern.chars().collect::<Vec<_>>(), &name));
        any(&self.include) && !any(&self.exclude)
    }
}

/// Greedy with one point of return: linear in practice, and never exponential.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == name[n]) {
            p += 1;
            n += 1;
        } else if let Some((star_p, star_n)) = star {
            star = Some((star_p, star_n + 1));
            p = star_p + 1;
            n = star_n + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_shells() {
        let spec = |include: &[&str], exclude: &[&str]| MatchSpec {
            include: include.iter().map(|p| (*p).to_owned()).collect(),
            exclude: exclude.iter().map(|p| (*p).to_owned()).collect(),
        };
        let tenants = spec(&["tenant_*", "x?"], &["*_test"]);
        for (name, expected) in [
            ("tenant_1", true),
            ("tenant_", true),
            ("tenant", false),
            ("tenant_1_test", false),
            ("xé", true),
            ("x", false),
            ("my tenant_1", false),
        ] {
            assert_eq!(tenants.matches(name), expected, "{name}");
        }
        assert!(spec(&["*a*b*"], &[]).matches("xxaxxbxxabxx") && !spec(&["*a*b"], &[]).matches("ba"));
        assert!(!spec(&[], &[]).matches("anything"));
    }
}
