//! Advice on policies: one rule a file, all in one table.

use super::rule::Rule;

mod age_rounded_up;
mod always_full;
mod bucket_name_dotted;
mod clock_change;
mod cluster_for_database;
mod drill_without_checks;
mod due_too_often;
mod early_deletion;
mod failure_unheard;
mod floor_decides;
mod floor_not_held;
mod folder_in_pod;
mod folder_open;
mod folder_relative;
mod folder_volatile;
mod grants_too_long;
mod host_missing;
mod identity_is_path;
mod keep_below_interval;
mod lifecycle_has_no_floor;
mod lock_not_enabled;
mod lock_outlives_keep;
mod move_too_early;
mod never_due;
mod never_replicated;
mod never_scheduled;
mod offsite_unencrypted;
mod one_place;
mod plain_transport;
mod prune_waits_in_vain;
mod region_unknown;
mod replica_not_ready;
mod rpo_missed;
mod rto_missed;
mod same_host;
mod secret_on_argv;
mod secret_written;
mod storage_unused;
mod storages_overlap;
mod thaw_beyond_rto;
mod tier_unused;
mod transition_order;
mod transition_too_late;
mod transport_of_endpoint;
mod trust_too_wide;
mod versions_never_end;
mod wal_without_base;

/// Every rule, in the order of their codes.
pub static RULES: &[Rule] = &[
    secret_written::RULE,
    secret_on_argv::RULE,
    identity_is_path::RULE,
    offsite_unencrypted::RULE,
    plain_transport::RULE,
    trust_too_wide::RULE,
    folder_open::RULE,
    folder_volatile::RULE,
    tier_unused::RULE,
    storage_unused::RULE,
    storages_overlap::RULE,
    one_place::RULE,
    same_host::RULE,
    never_scheduled::RULE,
    never_due::RULE,
    clock_change::RULE,
    due_too_often::RULE,
    rpo_missed::RULE,
    rto_missed::RULE,
    thaw_beyond_rto::RULE,
    wal_without_base::RULE,
    keep_below_interval::RULE,
    floor_not_held::RULE,
    floor_decides::RULE,
    lifecycle_has_no_floor::RULE,
    lock_outlives_keep::RULE,
    versions_never_end::RULE,
    transition_order::RULE,
    transition_too_late::RULE,
    early_deletion::RULE,
    drill_without_checks::RULE,
    failure_unheard::RULE,
    folder_relative::RULE,
    prune_waits_in_vain::RULE,
    region_unknown::RULE,
    bucket_name_dotted::RULE,
    age_rounded_up::RULE,
    move_too_early::RULE,
    lock_not_enabled::RULE,
    replica_not_ready::RULE,
    never_replicated::RULE,
    grants_too_long::RULE,
    folder_in_pod::RULE,
    host_missing::RULE,
    cluster_for_database::RULE,
    always_full::RULE,
    transport_of_endpoint::RULE,
];

/// The rules that judge one entry of a section by what is written in it and in what it names, so that their advice
/// holds whatever else a policy is missing.
pub static ALONE: &[Rule] = &[
    secret_on_argv::RULE,
    identity_is_path::RULE,
    plain_transport::RULE,
    trust_too_wide::RULE,
    folder_open::RULE,
    folder_volatile::RULE,
    never_due::RULE,
    clock_change::RULE,
    keep_below_interval::RULE,
    lock_outlives_keep::RULE,
    transition_order::RULE,
    transition_too_late::RULE,
    early_deletion::RULE,
    folder_relative::RULE,
    transport_of_endpoint::RULE,
];
