//! A number of bytes, as written in a policy and as said to a person.

use std::fmt;
use std::str::FromStr;

/// Bytes. Written `512KiB`, `10GiB` (powers of 1024) or `512KB`, `10GB` (powers of 1000); said as `1.5 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(pub u64);

/// The text was not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size; write a number and a unit such as `512KiB`, `64MiB` or `10GB`")]
pub struct InvalidSize(pub String);

const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let invalid = || InvalidSize(text.to_owned());
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let (number, unit) = text.split_at(split);
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor).ok_or_else(invalid)?;
        number.checked_mul(factor).map(Size).ok_or_else(invalid)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const STEPS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut step = 0;
        while value >= 1023.95 && step + 1 < STEPS.len() {
            value /= 1024.0;
            step += 1;
        }
        write!(f, "{value:.1} {}", STEPS[step])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_families_of_units() {
        assert_eq!("512KiB".parse(), Ok(Size(524_288)));
        assert_eq!("10GB".parse(), Ok(Size(10_000_000_000)));
        assert_eq!("7B".parse(), Ok(Size(7)));
        for bad in ["", "10", "GiB", "1.5GiB", "-1KB", "10 GiB", "99999999999TiB"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn says_sizes_in_powers_of_1024() {
        assert_eq!(Size(0).to_string(), "0 B");
        assert_eq!(Size(1536).to_string(), "1.5 KiB");
        assert_eq!(Size(1_048_575).to_string(), "1.0 MiB");
        assert_eq!(Size(u64::MAX).to_string(), "16.0 EiB");
    }
}
