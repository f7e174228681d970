//! A part of a whole in percent, as written in a policy: `30%`.

use std::fmt;
use std::str::FromStr;

/// Whole percent, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u8);

/// The text was not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share; write whole percent from `0%` to `100%`")]
pub struct InvalidShare(pub String);

impl Share {
    /// Whole percent; more than 100 becomes 100.
    pub const fn percent(percent: u8) -> Share {
        Share(if percent > 100 { 100 } else { percent })
    }

    /// The percentage, 0 to 100.
    pub fn as_percent(self) -> u8 {
        self.0
    }

    /// This share of `whole`, rounded down.
    pub fn of(self, whole: u64) -> u64 {
        (u128::from(whole) * u128::from(self.0) / 100) as u64
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        text.strip_suffix('%')
            .filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|percent| *percent <= 100)
            .map(Share)
            .ok_or_else(|| InvalidShare(text.to_owned()))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_percent_only() {
        assert_eq!("30%".parse(), Ok(Share::percent(30)));
        for bad in ["", "%", "30", "101%", "-1%", "+5%", "1.5%"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
        assert_eq!(Share::percent(30).of(10), 3);
        assert_eq!(Share::percent(100).of(u64::MAX), u64::MAX);
    }
}
