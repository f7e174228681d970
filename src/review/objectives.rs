//! What is promised of recovery.

use super::draft::{Draft, own_or_default};
use super::pair::Pair;
use crate::base::Period;
use crate::diag::codes;
use crate::policy::Route;

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    for both in &pair.databases {
        let (old, new) = (both.before.objectives, both.after.objectives);
        let words = [
            ("rpo", old.rpo, new.rpo, "how much may be lost"),
            ("rto", old.rto, new.rto, "how long getting it back may take"),
        ];
        for (key, old, new, what) in words {
            // No objective is the loosest one.
            let bound = |period: Option<Period>| period.map_or(u64::MAX, |period| period.0);
            let code = match bound(old).cmp(&bound(new)) {
                std::cmp::Ordering::Equal => continue,
                std::cmp::Ordering::Less => &codes::OBJECTIVE_LOOSER,
                std::cmp::Ordering::Greater => &codes::OBJECTIVE_TIGHTER,
            };
            let routes = own_or_default(both.name, &["objectives", key]);
            let said = |period: Option<Period>| Some(period.map_or_else(|| "none".to_owned(), |p| p.to_string()));
            let draft = Draft { routes, ..Draft::new(code, format!("`{key}`, {what}"), Route::top()) };
            found.push(draft.of(both.name).change(said(old), said(new)));
        }
    }
}
