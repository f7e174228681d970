//! Every test that needs a real server, file system or the real program: one binary, one module an area.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "tests tell what they tried; shown when one fails")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(unreachable_pub, reason = "a binary of tests has no outside")]

mod support;

mod adopt;
mod applying;
mod applying_faults;
mod archive;
mod aws_account;
mod aws_buckets;
mod aws_guards;
mod aws_identity_spellings;
mod aws_keys;
mod aws_least_privilege;
mod aws_planner;
mod aws_rule_spellings;
mod aws_spellings;
mod aws_trouble;
mod backup;
mod backup_faults;
mod calendar;
mod ci;
mod cold;
mod crash_sweep;
mod deferred;
mod filesystem;
mod five_systems;
mod foreign_rules;
mod format;
mod fuzz;
mod harness;
mod http;
mod init;
mod killing;
mod left_out;
mod list;
mod moving_in;
mod no_noise;
mod outlook;
mod plan_markdown;
mod planning;
mod plans_of_aws;
mod policy_meaning;
mod policy_problems;
mod policy_reference;
mod postgres;
mod preflight;
mod purging;
mod repository;
mod restore;
mod restore_faults;
mod restore_trouble;
mod review;
mod review_formats;
mod review_meaning;
mod rules;
mod rules_robust;
mod s3_backup;
mod s3_faults;
mod scale;
mod schedules;
mod secrecy;
mod seeing;
mod seeing_runs;
mod selection;
mod store_conformance;
mod stream;
mod terminal;
mod validate;
mod verify;
mod views;
mod wrong_clock;
