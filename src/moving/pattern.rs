//! Names of old dumps: `shop_{timestamp}.sql.gz` says which part of a name is the moment.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;
use regex::Regex;

/// How the names of dumps are made. Everything outside of braces stands for itself, `*` for anything but a slash.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    moment: Moment,
    has_database: bool,
}

/// Which placeholders hold the moment, with their formats.
#[derive(Debug, Clone)]
enum Moment {
    Whole(Option<String>),
    Parts { date: Option<String>, time: Option<Option<String>> },
}

/// What a name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// When the dump was made.
    pub at: Timestamp,
    /// The database, when the pattern has a place for it.
    pub database: Option<String>,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Nothing in it says when.
    #[error("it has no `{{timestamp}}` and no `{{date}}`: when a dump was made must stand in its name")]
    NoMoment,
    /// A placeholder is none of ours.
    #[error("`{{{0}}}` is no placeholder; there are `{{timestamp}}`, `{{date}}`, `{{time}}` and `{{database}}`")]
    Unknown(String),
    /// One stands twice, or two say the same.
    #[error("`{{{0}}}` is said twice")]
    Twice(&'static str),
    /// A brace is never closed.
    #[error("a brace is not closed")]
    Open,
}

/// A date with or without a time of day, in the ways that scripts write it; or seconds since 1970.
const MOMENT: &str = r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[T_.-]?[0-9]{2}[:._-]?[0-9]{2}(?:[:._-]?[0-9]{2})?Z?)?|[0-9]{10}";
const DATE: &str = "[0-9]{4}-?[0-9]{2}-?[0-9]{2}";
const TIME: &str = "[0-9]{2}[:._-]?[0-9]{2}(?:[:._-]?[0-9]{2})?Z?";

impl Pattern {
    /// Reads a pattern. `{timestamp}`, `{date}` and `{time}` take a format of `date` after a colon, such as
    /// `{timestamp:%d%m%Y-%H%M}`; without one the usual ways are understood.
    pub fn parse(text: &str) -> Result<Pattern, InvalidPattern> {
        let mut regex = "^".to_owned();
        let (mut whole, mut date, mut time, mut has_database) = (None, None, None, false);
        let mut rest = text;
        while let Some(at) = rest.find(['{', '*']) {
            regex.push_str(&regex::escape(&rest[..at]));
            if rest[at..].starts_with('*') {
                regex.push_str("[^/]*");
                rest = &rest[at + 1..];
                continue;
            }
            let end = rest[at..].find('}').ok_or(InvalidPattern::Open)? + at;
            let inside = &rest[at + 1..end];
            let (name, format) = match inside.split_once(':') {
                Some((name, format)) => (name, Some(format.to_owned())),
                None => (inside, None),
            };
            let slot = match (name, &format) {
                ("timestamp", _) => (&mut whole, "timestamp", MOMENT),
                ("date", _) => (&mut date, "date", DATE),
                ("time", _) => (&mut time, "time", TIME),
                ("database", None) if has_database => return Err(InvalidPattern::Twice("database")),
                ("database", None) => {
                    has_database = true;
                    regex.push_str("(?<database>[^/]+?)");
                    rest = &rest[end + 1..];
                    continue;
                }
                _ => return Err(InvalidPattern::Unknown(inside.to_owned())),
            };
            let (slot, name, usual) = slot;
            let shape = format.as_deref().map_or_else(|| usual.to_owned(), shape_of);
            if slot.replace(format).is_some() {
                return Err(InvalidPattern::Twice(name));
            }
            regex.push_str(&format!("(?<{name}>{shape})"));
            rest = &rest[end + 1..];
        }
        regex.push_str(&regex::escape(rest));
        regex.push('$');
        let moment = match (whole, date, time) {
            (Some(format), None, None) => Moment::Whole(format),
            (None, Some(date), time) => Moment::Parts { date, time },
            (Some(_), ..) => return Err(InvalidPattern::Twice("timestamp")),
            (None, None, _) => return Err(InvalidPattern::NoMoment),
        };
        // Made of escaped text and of the shapes above.
        let regex = Regex::new(&regex).map_err(|_| InvalidPattern::Open)?;
        Ok(Pattern { regex, moment, has_database })
    }

    /// True when names say the database.
    pub fn has_database(&self) -> bool {
        self.has_database
    }

    /// What a name says, its time of day read in `zone` unless it says UTC. `None` for the name of something else; an
    /// error, as a phrase, when its moment does not exist.
    pub fn read(&self, name: &str, zone: &TimeZone) -> Option<Result<Named, String>> {
        let found = self.regex.captures(name)?;
        let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
        let at = match &self.moment {
            Moment::Whole(Some(format)) => by_format(part("timestamp"), format, zone),
            Moment::Whole(None) => usual(part("timestamp"), zone),
            Moment::Parts { date, time } => {
                by_parts((part("date"), date), time.as_ref().map(|t| (part("time"), t)), zone)
            }
        };
        let said = || {
            if part("timestamp").is_empty() {
                format!("{} {}", part("date"), part("time"))
            } else {
                part("timestamp").to_owned()
            }
        };
        let at = at.ok_or_else(|| format!("`{}` in its name is no moment", said().trim()));
        let database = self.has_database.then(|| part("database").to_owned());
        Some(at.map(|at| Named { at, database }))
    }
}

/// What a text of a format looks like.
fn shape_of(format: &str) -> String {
    let mut shape = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            shape.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
            continue;
        }
        shape.push_str(match letters.next() {
            Some('Y') => "[0-9]{4}",
            Some('m' | 'd' | 'H' | 'M' | 'S' | 'y' | 'I') => "[0-9]{2}",
            Some('j') => "[0-9]{3}",
            Some('s') => "[0-9]+",
            Some('b' | 'B' | 'a' | 'A' | 'p') => "[A-Za-z]+",
            _ => "[^/]+?",
        });
    }
    if shape.is_empty() { "[^/]+?".to_owned() } else { shape }
}

fn in_zone(moment: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(moment).compatible().ok()
}

fn number(digits: &str) -> Option<i8> {
    digits.parse().ok()
}

/// The time of day in two to six digits.
fn time_of(digits: &str) -> Option<Time> {
    let pair = |at: usize| if digits.len() > at { number(digits.get(at..at + 2)?) } else { Some(0) };
    Time::new(pair(0)?, pair(2)?, pair(4)?, 0).ok()
}

fn date_of(digits: &str) -> Option<Date> {
    Date::new(digits.get(..4)?.parse().ok()?, number(digits.get(4..6)?)?, number(digits.get(6..8)?)?).ok()
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn zone_of(text: &str, zone: &TimeZone) -> TimeZone {
    if text.ends_with('Z') { TimeZone::UTC } else { zone.clone() }
}

fn usual(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let digits = digits_of(text);
    // Ten digits that begin with 1 are seconds since 1970 until the year 2033.
    if text.len() == 10 && digits.len() == 10 && digits.starts_with('1') {
        return Timestamp::from_second(digits.parse().ok()?).ok();
    }
    in_zone(date_of(&digits)?.to_datetime(time_of(digits.get(8..)?)?), &zone_of(text, zone))
}

fn by_format(text: &str, format: &str, zone: &TimeZone) -> Option<Timestamp> {
    let parsed = strtime::parse(format, text).ok()?;
    parsed.to_timestamp().ok().or_else(|| in_zone(parsed.to_datetime().ok().or_else(|| midnight(&parsed))?, zone))
}

fn midnight(parsed: &BrokenDownTime) -> Option<DateTime> {
    Some(parsed.to_date().ok()?.to_datetime(Time::midnight()))
}

fn by_parts(
    (date, date_format): (&str, &Option<String>),
    time: Option<(&str, &Option<String>)>,
    zone: &TimeZone,
) -> Option<Timestamp> {
    let day = match date_format {
        Some(format) => strtime::parse(format, date).ok()?.to_date().ok()?,
        None => date_of(&digits_of(date))?,
    };
    let (clock, zone) = match time {
        Some((text, Some(format))) => (strtime::parse(format, text).ok()?.to_time().ok()?, zone.clone()),
        Some((text, None)) => (time_of(&digits_of(text))?, zone_of(text, zone)),
        None => (Time::midnight(), zone.clone()),
    };
    in_zone(day.to_datetime(clock), &zone)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use proptest::prelude::*;

    fn read(pattern: &str, name: &str) -> Option<Result<Named, String>> {
        Pattern::parse(pattern).unwrap().read(name, &TimeZone::UTC)
    }

    fn moment(pattern: &str, name: &str) -> String {
        read(pattern, name).unwrap().unwrap().at.to_string()
    }

    #[test]
    fn moments_are_read_as_scripts_write_them() {
        for name in [
            "a_20251029_120000.sql.gz",
            "a_20251029T120000Z.sql.gz",
            "a_2025-10-29T12-00-00.sql.gz",
            "a_2025-10-29_12:00:00.sql.gz",
            "a_2025-10-29-120000.sql.gz",
            "a_20251029-1200.sql.gz",
            "a_20251029120000.sql.gz",
            "a_1761739200.sql.gz",
        ] {
            assert_eq!(moment("a_{timestamp}.sql.gz", name), "2025-10-29T12:00:00Z", "{name}");
        }
        assert_eq!(moment("a_{timestamp}.sql.gz", "a_20251029.sql.gz"), "2025-10-29T00:00:00Z");
        assert_eq!(moment("{date}/a_{time}.dump", "2025-10-29/a_0930.dump"), "2025-10-29T09:30:00Z");
        assert_eq!(moment("a-{date:%d.%m.%Y}.dump", "a-29.10.2025.dump"), "2025-10-29T00:00:00Z");
        assert_eq!(moment("a-{timestamp:%d%m%Y-%H%M}*", "a-29102025-0930.dump"), "2025-10-29T09:30:00Z");
        assert_eq!(moment("a-{timestamp:%s}", "a-1761739200"), "2025-10-29T12:00:00Z");
    }

    #[test]
    fn other_names_are_not_meant_and_impossible_moments_are_said() {
        assert_eq!(read("a_{timestamp}.sql.gz", "b_20251029_120000.sql.gz"), None);
        assert_eq!(read("a_{timestamp}.sql.gz", "a_20251029_120000.sql.gz.sha256"), None);
        assert_eq!(read("a_{timestamp}.sql.gz", "sub/a_20251029_120000.sql.gz"), None);
        assert!(read("a_{timestamp}.sql", "a_20251340.sql").unwrap().unwrap_err().contains("20251340"));
        let zoned = Pattern::parse("{timestamp}").unwrap();
        let kyiv = TimeZone::get("Europe/Kyiv").unwrap();
        let at = |name: &str| zoned.read(name, &kyiv).unwrap().unwrap().at.to_string();
        assert_eq!(
            (at("20251101_120000"), at("20251101T120000Z")),
            ("2025-11-01T10:00:00Z".into(), "2025-11-01T12:00:00Z".into())
        );
    }

    #[test]
    fn a_name_may_say_its_database() {
        let named = read("{database}_{timestamp}.dump", "shop_1_eu_20251029_120000.dump").unwrap().unwrap();
        assert_eq!(named.database.as_deref(), Some("shop_1_eu"));
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused() {
        for (text, error) in [
            ("a.sql", InvalidPattern::NoMoment),
            ("{time}", InvalidPattern::NoMoment),
            ("{when}", InvalidPattern::Unknown("when".to_owned())),
            ("{timestamp}{timestamp}", InvalidPattern::Twice("timestamp")),
            ("{timestamp}{date}", InvalidPattern::Twice("timestamp")),
            ("{database}{database}{date}", InvalidPattern::Twice("database")),
            ("{date", InvalidPattern::Open),
        ] {
            assert_eq!(Pattern::parse(text).unwrap_err(), error, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(pattern in "[a{}*:%/timesapd0-9_.]{0,30}", name in "\\PC{0,40}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                let _ = pattern.read(&name, &TimeZone::UTC);
            }
        }

        #[test]
        fn what_a_script_writes_comes_back(second in 946_684_800_i64..4_000_000_000) {
            let at = Timestamp::from_second(second).unwrap();
            let name = at.strftime("x-%Y%m%d_%H%M%S.dump").to_string();
            prop_assert_eq!(read("x-{timestamp}.dump", &name).unwrap().unwrap().at, at);
        }
    }
}
