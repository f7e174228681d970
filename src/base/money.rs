//! An amount of money, without its currency.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::str::FromStr;

/// Millionths of a currency's unit; never negative. In JSON a decimal number as text: `"12.5"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub u64);

impl Money {
    /// The amount nearest to a number; zero for what is no amount.
    pub fn of(amount: f64) -> Money {
        // A cast of a float saturates, and makes zero of NaN and of negative numbers.
        Money((amount * 1e6).round() as u64)
    }
}

impl Add for Money {
    type Output = Money;

    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(all: I) -> Money {
        all.fold(Money(0), Add::add)
    }
}

/// Two decimals, or as many as two digits take that are not zeros in front: `12.30`, `0.0042`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.0 {
            0 | 100_000.. => 2,
            10_000.. => 3,
            1_000.. => 4,
            100.. => 5,
            _ => 6,
        };
        let step = 10_u64.pow(6 - decimals);
        let rounded = self.0.saturating_add(step / 2) / step * step;
        let fraction = format!("{:06}", rounded % 1_000_000);
        write!(f, "{}.{}", rounded / 1_000_000, &fraction[..decimals as usize])
    }
}

/// The text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount; write a decimal number such as `12.5`")]
pub struct InvalidMoney(pub String);

impl FromStr for Money {
    type Err = InvalidMoney;

    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        let invalid = || InvalidMoney(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 6 {
            return Err(invalid());
        }
        let whole: u64 = whole.parse().map_err(|_| invalid())?;
        let fraction: u64 = format!("{fraction:0<6}").parse().map_err(|_| invalid())?;
        whole.checked_mul(1_000_000).and_then(|whole| whole.checked_add(fraction)).map(Money).ok_or_else(invalid)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        let short = text.trim_end_matches('0').trim_end_matches('.');
        serializer.serialize_str(short)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_said_shortly_and_written_exactly() {
        let said = |amount: f64| Money::of(amount).to_string();
        assert_eq!([said(12.3), said(0.0), said(0.0042), said(0.009_99)], ["12.30", "0.00", "0.0042", "0.0100"]);
        assert_eq!([said(-1.0), said(f64::NAN), said(1234.567)], ["0.00", "0.00", "1234.57"]);
        for micros in [0, 1, 500_000, 1_000_000, 12_345_678, u64::MAX] {
            let text = serde_json::to_string(&Money(micros)).unwrap_or_default();
            assert_eq!(serde_json::from_str::<Money>(&text).ok(), Some(Money(micros)), "{text}");
        }
        for bad in ["", ".", "1.", ".5", "-1", "1e3", "1.1234567", "99999999999999999999"] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
    }
}
