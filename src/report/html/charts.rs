//! Sizes over time as a curve for each tier.

use super::scale::{LEFT, Scale, WIDTH};
use super::text;
use super::timeline::axis;
use crate::base::Size;
use crate::standing::{DatabaseStanding, TierStanding};
use jiff::Timestamp;
use std::fmt::Write as _;

const HEIGHT: f64 = 150.0;
const TOP: f64 = 12.0;
/// Curves look different; with more tiers they begin anew.
const LOOKS: usize = 5;

/// A picture of the sizes of all tiers; nothing where no tier has two backups.
pub(super) fn sizes(out: &mut String, database: &DatabaseStanding, now: Timestamp) {
    let Some((oldest, _)) = database.window() else { return };
    if database.tiers.iter().all(|tier| tier.points.len() < 2) {
        return;
    }
    let points = || database.tiers.iter().flat_map(|tier| &tier.points);
    let largest = points().map(|point| point.stored_bytes).max().unwrap_or(0).max(1);
    let scale = Scale::of(oldest, now);
    let bottom = TOP + HEIGHT;
    let y = |bytes: u64| bottom - bytes as f64 / largest as f64 * (HEIGHT - 8.0);
    let label = format!("Sizes of the backups of {} over time", database.name);
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ =
        writeln!(out, "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">", bottom + 22.0, text(&label));
    axis(out, &scale, TOP, bottom);
    for bytes in [largest, largest / 2] {
        let _ = writeln!(
            out,
            "<line class=\"tick\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{:.1}\" y2=\"{:.1}\"/><text class=\"name\" x=\"{}\" \
             y=\"{:.1}\">{}</text>",
            WIDTH - 16.0,
            y(bytes),
            y(bytes),
            LEFT - 10.0,
            y(bytes) + 4.0,
            Size(bytes)
        );
    }
    let _ =
        writeln!(out, "<line class=\"rail\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{bottom}\" y2=\"{bottom}\"/>", WIDTH - 16.0);
    for (index, tier) in database.tiers.iter().enumerate() {
        curve(out, tier, index % LOOKS, &scale, y);
    }
    out.push_str("</svg>\n");
    if database.tiers.len() > 1 {
        let key = |(index, tier): (usize, &TierStanding)| {
            format!("<span><i class=\"look{}\"></i>{}</span>", index % LOOKS, text(&tier.tier))
        };
        let keys: String =
            database.tiers.iter().enumerate().filter(|(_, tier)| !tier.points.is_empty()).map(key).collect();
        let _ = writeln!(out, "<p class=\"keys\">{keys}</p>");
    }
}

fn curve(out: &mut String, tier: &TierStanding, look: usize, scale: &Scale, y: impl Fn(u64) -> f64) {
    let place =
        |point: &crate::standing::Point| format!("{:.1},{:.1}", scale.x(point.started_at), y(point.stored_bytes));
    let places: Vec<String> = tier.points.iter().map(place).collect();
    let _ = writeln!(out, "<polyline class=\"curve look{look}\" points=\"{}\"/>", places.join(" "));
    // One that stands alone makes no line.
    if let Some(last) = tier.points.last() {
        let (x, y) = (scale.x(last.started_at), y(last.stored_bytes));
        let words = format!("{}: {}", tier.tier, Size(last.stored_bytes));
        let _ = writeln!(
            out,
            "<circle class=\"end look{look}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"><title>{}</title></circle>",
            text(&words)
        );
    }
}
