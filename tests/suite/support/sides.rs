//! A review of two texts, at one moment.

use backstay::diag::{Diagnostics, Sources};
use backstay::plan::Prices;
use backstay::policy::{self, Desired, Document};
use backstay::review::{Judged, PolicyReview, Recorded, Reviewed, review};

type Read = Result<(Document, Desired), Diagnostics>;

/// What changes from one policy to the other, on 2026-11-27 at noon. Bases that they extend are not there.
pub fn sides(base: Option<&str>, head: Option<&str>, recorded: Option<&Recorded>) -> PolicyReview {
    let mut sources = Sources::default();
    let mut read = |text: Option<&str>| -> Option<Read> {
        let absent = |_: &str| Err("it is not there".to_owned());
        let loaded = policy::load(&mut sources, "backstay.yaml", text?.as_bytes(), &absent);
        Some(loaded.document.ok_or(loaded.found).map(|document| {
            let desired = policy::resolve(&document, "backstay.yaml", &sources);
            (document, desired)
        }))
    };
    let (base, head) = (read(base), read(head));
    fn judged(side: &Option<Read>) -> Judged<'_> {
        match side {
            None => Judged::Absent,
            Some(Ok((document, desired))) => Judged::Valid(Reviewed { document, desired }),
            Some(Err(problems)) => Judged::Invalid { file: "backstay.yaml", problems },
        }
    }
    let now = "2026-11-27T12:00:00Z".parse().unwrap();
    review(&judged(&base), &judged(&head), &sources, recorded, &Prices::built_in(), now)
}
