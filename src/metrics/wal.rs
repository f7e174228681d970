//! Families of gauges of archived WAL.

use super::families::{Family, SECONDS, Sample, gauge, moment, sample, word};
use crate::standing::{DatabaseStanding, Standing, WalStanding};
use prometheus_client::registry::Unit;

/// One value a database whose WAL is archived, where there is one.
fn archives(
    standings: &[Standing],
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    of: impl Fn(&WalStanding) -> Option<f64>,
) -> Family {
    gauge(standings, name, help, unit, |s| {
        let archived = s.databases.iter().filter_map(|database| Some((database, of(database.wal.as_ref()?)?)));
        archived.map(|(database, value)| of_database(s, database, value)).collect()
    })
}

fn of_database(standing: &Standing, database: &DatabaseStanding, value: f64) -> Sample {
    sample(&[("policy", &standing.policy), ("database", &database.name)], value)
}

/// Every family of archived WAL.
pub(super) fn of_wal(all: &[Standing]) -> Vec<Family> {
    let loss = gauge(
        all,
        "backstay_wal_loss",
        "What would be lost, where WAL is archived, when these numbers were read",
        SECONDS,
        |s| {
            let archived = s.databases.iter().filter(|database| database.wal.is_some());
            let losses = archived.filter_map(|database| Some((database, database.loss(s.at)?.0 as f64)));
            losses.map(|(database, loss)| of_database(s, database, loss)).collect()
        },
    );
    vec![
        loss,
        archives(
            all,
            "backstay_wal_newest_timestamp",
            "When the newest archived segment of WAL was stored",
            SECONDS,
            |wal| wal.newest_at.map(moment),
        ),
        archives(
            all,
            "backstay_wal_lag",
            "How long what the server wrote waited to be archived when these numbers were read; the age of the newest WAL \
             where the server could not be asked",
            SECONDS,
            |wal| wal.lag.map(|lag| lag.0 as f64),
        ),
        archives(all, "backstay_wal_lag_limit", "From when on WAL is late", SECONDS, |wal| {
            Some(wal.lag_limit.0 as f64)
        }),
        archives(all, "backstay_wal_server_asked", "Whether the server said how far it has written", None, |wal| {
            Some(word(wal.is_server_asked))
        }),
        archives(
            all,
            "backstay_wal_window_start_timestamp",
            "The first moment from which on every one up to the newest can be restored",
            SECONDS,
            |wal| {
                wal.restorable.windows.iter().max_by_key(|window| window.until_at).map(|window| moment(window.from_at))
            },
        ),
        archives(
            all,
            "backstay_wal_window_end_timestamp",
            "The newest moment that can be restored, as far as WAL tells",
            SECONDS,
            |wal| wal.restorable.newest().map(moment),
        ),
        archives(all, "backstay_wal_windows", "Stretches to any moment of which can be restored", None, |wal| {
            Some(wal.restorable.windows.len() as f64)
        }),
        archives(
            all,
            "backstay_wal_gaps",
            "Places where archived WAL is missing between base backups and what follows",
            None,
            |wal| {
                let settled = wal.restorable.gaps.iter().filter(|gap| gap.is_settled).count();
                wal.is_whole().then_some(settled as f64)
            },
        ),
        archives(all, "backstay_wal_cut_off", "Whether no base backup leads to the newest archived WAL", None, |wal| {
            wal.is_whole().then_some(word(wal.cut().is_some()))
        }),
    ]
}
