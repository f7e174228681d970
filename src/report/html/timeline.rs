//! The restore points of a database as dots on a line for each tier.

use super::scale::{LEFT, Scale, WIDTH};
use super::text;
use crate::base::Size;
use crate::standing::{DatabaseStanding, Point, TierStanding};
use jiff::Timestamp;
use std::fmt::Write as _;

const ROW: f64 = 30.0;
const TOP: f64 = 10.0;
/// From so many points on dots are smaller.
const MANY: usize = 40;

/// A picture of all tiers; nothing where there is nothing to restore.
pub(super) fn timeline(out: &mut String, database: &DatabaseStanding, now: Timestamp) {
    let Some((oldest, _)) = database.window() else { return };
    let scale = Scale::of(oldest, now);
    let bottom = TOP + ROW * database.tiers.len() as f64;
    let label = format!("Restore points of {} over time", database.name);
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ =
        writeln!(out, "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">", bottom + 22.0, text(&label));
    axis(out, &scale, TOP, bottom);
    for (index, tier) in database.tiers.iter().enumerate() {
        let y = TOP + ROW * (index as f64 + 0.5);
        let _ = writeln!(
            out,
            "<text class=\"name\" x=\"{}\" y=\"{:.1}\">{}</text><line class=\"rail\" x1=\"{LEFT}\" x2=\"{:.1}\" \
             y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            LEFT - 10.0,
            y + 4.0,
            text(&short(&tier.tier)),
            scale.x(now)
        );
        row(out, tier, &scale, y, now);
    }
    out.push_str("</svg>\n");
}

/// Ticks with their words below, and a line where now is.
pub(super) fn axis(out: &mut String, scale: &Scale, top: f64, bottom: f64) {
    for (x, words) in scale.ticks() {
        let _ = writeln!(
            out,
            "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/><text class=\"when\" \
             x=\"{x:.1}\" y=\"{}\">{words}</text>",
            bottom + 16.0
        );
    }
}

fn row(out: &mut String, tier: &TierStanding, scale: &Scale, y: f64, now: Timestamp) {
    if let Some(since) = tier.overdue_since {
        let _ = writeln!(
            out,
            "<line class=\"late\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"><title>overdue since \
             {}</title></line>",
            scale.x(since),
            scale.x(now),
            moment(since)
        );
    }
    // Many stand close together: what is to be seen is drawn last, on top.
    let radius = if tier.points.len() > MANY { 3.2 } else { 4.5 };
    let (good, damaged): (Vec<&Point>, Vec<&Point>) = tier.points.iter().partition(|point| point.damaged.is_empty());
    for point in good.into_iter().chain(damaged) {
        let _ = writeln!(
            out,
            "<circle class=\"{}\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"{radius}\"><title>{}</title></circle>",
            state(point),
            scale.x(point.started_at),
            text(&words(point))
        );
    }
}

fn state(point: &Point) -> &'static str {
    match (point.damaged.is_empty(), point.is_verified) {
        (false, _) => "partly",
        (true, true) => "proved",
        (true, false) => "unproved",
    }
}

fn words(point: &Point) -> String {
    let verified = if point.is_verified { "verified" } else { "not verified" };
    let damaged = match point.damaged.as_slice() {
        [] => String::new(),
        damaged => format!(", damaged at {}", damaged.join(", ")),
    };
    let (size, at) = (Size(point.stored_bytes), point.storages.join(", "));
    format!("{} at {at}, {size}, {verified}{damaged}", moment(point.started_at))
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// As much of a name as the margin has room for.
fn short(name: &str) -> String {
    const MOST: usize = 13;
    if name.chars().count() <= MOST { name.to_owned() } else { name.chars().take(MOST - 1).collect::<String>() + "…" }
}
