//! Which keys a store takes.

/// True for keys that are safe in every store: components joined by `/`, none of them empty, `.`, `..`, over 255
/// bytes, or with a control character, backslash, `:` or `~`.
pub(super) fn is_key(key: &str) -> bool {
    key.len() <= 1024 && key.split('/').all(is_component)
}

/// True for a text that every key of some folder can begin with: `""`, or a key with or without a slash at its end.
pub(super) fn is_prefix(prefix: &str) -> bool {
    prefix.is_empty() || is_key(prefix.strip_suffix('/').unwrap_or(prefix))
}

fn is_component(component: &str) -> bool {
    !matches!(component, "" | "." | "..")
        && component.len() <= 255
        && component.bytes().all(|b| b >= 0x20 && !matches!(b, b'\\' | b':' | b'~' | 0x7F))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_leave_the_store_are_refused() {
        for good in ["a", "data/daily/app/x.zst", "a/%2E%2E/b", ".hidden", "a/..b"] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a\0", "C:a", "~a", &"x".repeat(300)] {
            assert!(!is_key(bad), "{bad}");
        }
        assert!(is_prefix("") && is_prefix("data/") && is_prefix("data/da") && !is_prefix("/") && !is_prefix("../"));
    }
}
