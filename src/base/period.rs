//! A length of time, as written in a policy (`30d`) and as said to a person (`3d 4h`).

use std::fmt;
use std::str::FromStr;

/// Whole seconds. A year is 365 days and a day 24 hours; there is no month, which would read like minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Period(pub u64);

/// The text was not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration; write a number and a unit such as `45s`, `15m`, `26h`, `30d`, `12w` or `1y`")]
pub struct InvalidPeriod(pub String);

const UNITS: [(char, u64); 6] = [('y', 31_536_000), ('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Period {
    /// A period of whole days.
    pub const fn days(days: u64) -> Period {
        Period(days * 86_400)
    }

    /// A period of whole hours.
    pub const fn hours(hours: u64) -> Period {
        Period(hours * 3_600)
    }

    /// A period of whole minutes.
    pub const fn minutes(minutes: u64) -> Period {
        Period(minutes * 60)
    }

    /// Length as a signed duration, for arithmetic with timestamps.
    pub fn to_signed(self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_secs(i64::try_from(self.0).unwrap_or(i64::MAX))
    }

    /// The time from `earlier` to `later`; zero when `later` comes first.
    pub fn between(earlier: jiff::Timestamp, later: jiff::Timestamp) -> Period {
        Period(u64::try_from(later.as_second() - earlier.as_second()).unwrap_or(0))
    }

    /// The two largest units, for people: `3d 4h`, `12m 5s`, `0s`.
    pub fn human(self) -> String {
        let mut rest = self.0;
        let mut words = Vec::new();
        for (unit, seconds) in UNITS.into_iter().filter(|(unit, _)| *unit != 'w') {
            let count = rest / seconds;
            rest %= seconds;
            if count > 0 {
                words.push(format!("{count}{unit}"));
            } else if !words.is_empty() {
                break;
            }
            if words.len() == 2 {
                break;
            }
        }
        if words.is_empty() { "0s".to_owned() } else { words.join(" ") }
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    /// Reads one or more number-unit pairs, largest unit first, each unit at most once: `30d`, `1d12h`.
    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let invalid = || InvalidPeriod(text.to_owned());
        let mut rest = text;
        let mut units = UNITS.into_iter();
        let mut total: u64 = 0;
        if rest.is_empty() {
            return Err(invalid());
        }
        while !rest.is_empty() {
            let split = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
            let number: u64 = rest[..split].parse().map_err(|_| invalid())?;
            let unit = rest[split..].chars().next().ok_or_else(invalid)?;
            let seconds =
                units.by_ref().find(|(name, _)| *name == unit).map(|(_, seconds)| seconds).ok_or_else(invalid)?;
            total = number.checked_mul(seconds).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
            rest = &rest[split + unit.len_utf8()..];
        }
        // Beyond a millennium date arithmetic leaves the calendar that timestamps cover.
        if total > 1_000 * 31_536_000 { Err(invalid()) } else { Ok(Period(total)) }
    }
}

/// The shortest exact spelling with one unit, as a policy would write it: `30d`, `90m`, `1y`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, seconds) in UNITS {
            if unit != 'w' && self.0 >= seconds && self.0.is_multiple_of(seconds) {
                return write!(f, "{}{unit}", self.0 / seconds);
            }
        }
        write!(f, "{}s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_largest_first() {
        assert_eq!("30d".parse(), Ok(Period::days(30)));
        assert_eq!("1d12h".parse(), Ok(Period::hours(36)));
        assert_eq!("1y".parse(), Ok(Period::days(365)));
        assert_eq!("12w".parse(), Ok(Period::days(84)));
        for bad in ["", "30", "d", "1.5h", "-3d", "1M", "12h1d", "1d1d", "30 d", "9999999999999y", "2000y"] {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }

    #[test]
    fn says_the_two_largest_units() {
        assert_eq!(Period(0).human(), "0s");
        assert_eq!(Period(3 * 86_400 + 4 * 3_600 + 59).human(), "3d 4h");
        assert_eq!(Period(86_400 + 5).human(), "1d");
        assert_eq!(Period(725).human(), "12m 5s");
    }

    #[test]
    fn display_reads_back() {
        for seconds in [0, 59, 60, 5_400, 86_400, 2_592_000, 31_536_000] {
            assert_eq!(Period(seconds).to_string().parse(), Ok(Period(seconds)));
        }
    }
}
