//! How long ago something was, also where a clock was wrong.

use crate::base::Period;
use jiff::Timestamp;

/// An age for a column: `3d 4h`; of what is dated in the future, `-3d 4h`.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    match Period::between(now, at) {
        Period(0) => Period::between(at, now).human(),
        ahead => format!("-{}", ahead.human()),
    }
}

/// An age in a sentence: `3d 4h ago`, `3d 4h in the future`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    match Period::between(now, at) {
        Period(0) => format!("{} ago", Period::between(at, now).human()),
        ahead => format!("{} in the future", ahead.human()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dated_in_the_future_does_not_look_new() {
        let at = |second| Timestamp::new(second, 0).unwrap_or_default();
        assert_eq!(ago(at(100), at(160)), "1m ago");
        assert_eq!(ago(at(100), at(100)), "0s ago");
        assert_eq!(ago(at(86_500), at(100)), "1d in the future");
        assert_eq!((age(at(86_500), at(100)), age(at(0), at(86_400))), ("-1d".to_owned(), "1d".to_owned()));
    }
}
