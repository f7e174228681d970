//! Values that are text in the policy and something more precise in the program.

use crate::base::{Period, Share, Size, Template, is_name};
use crate::schedule::Schedule;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt::{Debug, Display};
use std::ops::Deref;
use std::str::FromStr;

/// How a kind of value is written in a policy.
pub trait Format: FromStr<Err: Display> {
    /// The word of the schema's `format` keyword.
    const FORMAT: &'static str;
    /// What the value is, for schema and messages.
    const NAME: &'static str;
    /// How it is written, a full sentence.
    const DESCRIPTION: &'static str;
    /// A regular expression that all valid texts match, for editors; the parser decides.
    const PATTERN: &'static str;
    /// Valid texts.
    const EXAMPLES: &'static [&'static str];
}

/// A value together with the text that wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct Written<T> {
    text: String,
    value: T,
}

impl<T> Written<T> {
    /// The text as the policy writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }
}

impl<T> Deref for Written<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Debug> Debug for Written<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Format> FromStr for Written<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        Ok(Written { value: text.parse()?, text: text.to_owned() })
    }
}

impl<T> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T: Format> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<T: Format> JsonSchema for Written<T> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed(T::FORMAT)
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": format!("backstay-{}", T::FORMAT),
            "pattern": T::PATTERN,
            "title": T::NAME,
            "description": T::DESCRIPTION,
            "examples": T::EXAMPLES,
        })
    }
}

impl Format for Period {
    const FORMAT: &'static str = "duration";
    const NAME: &'static str = "Duration";
    const DESCRIPTION: &'static str =
        "A number and a unit: `45s`, `15m`, `26h`, `30d`, `12w`, `1y` (365 days). There is no month.";
    const PATTERN: &'static str = r"^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$";
    const EXAMPLES: &'static [&'static str] = &["30d", "26h", "1y"];
}

impl Format for Size {
    const FORMAT: &'static str = "size";
    const NAME: &'static str = "Size";
    const DESCRIPTION: &'static str =
        "A whole number and a unit: `512KiB`, `64MiB`, `10GiB`; `KB`, `MB`, `GB` are powers of ten.";
    const PATTERN: &'static str = r"^[0-9]+([KMGTPE]i?)?B$";
    const EXAMPLES: &'static [&'static str] = &["512KiB", "10GiB", "10GB"];
}

impl Format for Share {
    const FORMAT: &'static str = "share";
    const NAME: &'static str = "Share";
    const DESCRIPTION: &'static str = "Whole percent, from `0%` to `100%`.";
    const PATTERN: &'static str = r"^(100|[0-9]{1,2}|0+[0-9]{1,2})%$";
    const EXAMPLES: &'static [&'static str] = &["30%", "85%"];
}

impl Format for Schedule {
    const FORMAT: &'static str = "schedule";
    const NAME: &'static str = "Schedule";
    const DESCRIPTION: &'static str = "Five cron fields (minute, hour, day of month, month, day of week; names, ranges, \
        lists, steps), `@hourly`, `@daily`, `@weekly`, `@monthly`, or `manual`. Read in `timezone`.";
    const PATTERN: &'static str = r"^(manual|@[a-z]+|\S+ +\S+ +\S+ +\S+ +\S+)$";
    const EXAMPLES: &'static [&'static str] = &["0 2 * * *", "0 3 * * SUN", "@daily", "manual"];
}

impl Format for Template {
    const FORMAT: &'static str = "reference";
    const NAME: &'static str = "Text with references";
    const DESCRIPTION: &'static str = "May hold `${env:NAME}`, `${env:NAME:-default}` and `${file:/path}`, alone or as a \
        part; they are looked up only when the value is used. `$${` stands for a literal `${`.";
    const PATTERN: &'static str = r"^[\s\S]*$";
    const EXAMPLES: &'static [&'static str] = &["${env:DATABASE_URL}", "${file:/etc/backstay/key}"];
}

/// A name of a storage, tier, database, encryption, channel or access entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_name(text) {
            Ok(Name(text.to_owned()))
        } else {
            Err(format!("`{text}` is not a name; use 1 to 63 of letters, digits, `_`, `.` and `-`"))
        }
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Format for Name {
    const FORMAT: &'static str = "name";
    const NAME: &'static str = "Name";
    const DESCRIPTION: &'static str = "1 to 63 of letters, digits, `_`, `.` and `-`.";
    const PATTERN: &'static str = r"^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,63}$";
    const EXAMPLES: &'static [&'static str] = &["offsite", "pre-migration"];
}

/// The name of a policy: it goes into tags, rule ids, locks and alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyName(String);

impl FromStr for PolicyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=40).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(PolicyName(text.to_owned()))
        } else {
            Err(format!("`{text}` is not a policy's name; use 1 to 40 of lower-case letters, digits and `-`"))
        }
    }
}

impl AsRef<str> for PolicyName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Format for PolicyName {
    const FORMAT: &'static str = "policy-name";
    const NAME: &'static str = "Policy name";
    const DESCRIPTION: &'static str = "1 to 40 of lower-case letters, digits and `-`.";
    const PATTERN: &'static str = r"^[a-z0-9-]{1,40}$";
    const EXAMPLES: &'static [&'static str] = &["shop-production"];
}

/// An IANA time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneName(jiff::tz::TimeZone);

impl FromStr for ZoneName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("`{text}` is not a time zone; use an IANA name such as `Europe/Berlin` or `UTC`");
        jiff::tz::TimeZone::get(text).map(ZoneName).map_err(|_| unknown())
    }
}

impl ZoneName {
    /// The zone.
    pub fn zone(&self) -> &jiff::tz::TimeZone {
        &self.0
    }
}

impl Format for ZoneName {
    const FORMAT: &'static str = "timezone";
    const NAME: &'static str = "Time zone";
    const DESCRIPTION: &'static str = "An IANA name such as `Europe/Berlin`.";
    const PATTERN: &'static str = r"^[A-Za-z0-9_+/-]+$";
    const EXAMPLES: &'static [&'static str] = &["UTC", "Europe/Berlin"];
}

/// Permission bits of a directory, in octal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = matches!(text.len(), 3 | 4) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
        u32::from_str_radix(text, 8)
            .ok()
            .filter(|mode| digits && *mode <= 0o777)
            .map(Mode)
            .ok_or_else(|| format!("`{text}` is not a mode; write octal digits in quotes, such as `\"0700\"`"))
    }
}

impl Format for Mode {
    const FORMAT: &'static str = "mode";
    const NAME: &'static str = "Mode";
    const DESCRIPTION: &'static str = "Permission bits in octal, in quotes.";
    const PATTERN: &'static str = r"^0?[0-7]{3}$";
    const EXAMPLES: &'static [&'static str] = &["0700", "0750"];
}
