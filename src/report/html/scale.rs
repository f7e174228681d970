//! From moments to places on a line, and where the ticks go.

use jiff::Timestamp;

/// Columns of a chart's picture.
pub(super) const WIDTH: f64 = 960.0;
/// Columns on the left for names.
pub(super) const LEFT: f64 = 92.0;
/// Columns on the right that stay free.
const RIGHT: f64 = 16.0;

/// A span of time drawn from [`LEFT`] on.
pub(super) struct Scale {
    from: i64,
    to: i64,
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Distances of ticks, and how their moments are written.
const STEPS: [(i64, &str); 8] = [
    (HOUR, "%H:%M"),
    (6 * HOUR, "%d %b %H:%M"),
    (DAY, "%d %b"),
    (7 * DAY, "%d %b"),
    (30 * DAY, "%d %b"),
    (90 * DAY, "%b %Y"),
    (365 * DAY, "%Y"),
    (3_650 * DAY, "%Y"),
];
const MOST_TICKS: i64 = 9;

impl Scale {
    /// From the earliest to the latest; a span of less than an hour is drawn as an hour.
    pub(super) fn of(earliest: Timestamp, latest: Timestamp) -> Scale {
        let (from, to) = (earliest.as_second(), latest.as_second());
        Scale { from: from.min(to - HOUR), to }
    }

    /// Where a moment is.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        let share = (at.as_second() - self.from) as f64 / (self.to - self.from).max(1) as f64;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Round moments, each with its words.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let span = self.to - self.from;
        let (step, format) = STEPS.into_iter().find(|(step, _)| span / step <= MOST_TICKS).unwrap_or(STEPS[7]);
        let mut at = self.from.div_euclid(step) * step + step;
        let mut ticks = Vec::new();
        while at < self.to {
            if let Ok(moment) = Timestamp::from_second(at) {
                ticks.push((self.x(moment), moment.strftime(format).to_string()));
            }
            at += step;
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_few_and_inside() {
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        for days in [0, 1, 3, 30, 400, 9_000] {
            let scale = Scale::of(at(1_700_000_000), at(1_700_000_000 + days * DAY));
            let ticks = scale.ticks();
            assert!(ticks.len() <= 10, "{days} days: {}", ticks.len());
            assert!(ticks.iter().all(|(x, _)| (LEFT..=WIDTH).contains(x)), "{days} days");
        }
    }
}
