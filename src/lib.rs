//! backstay: recoverability of PostgreSQL databases as a declared policy.
//!
//! The modules are storeys: each imports only those listed above it (docs/architecture.md; `tests/tidy.rs` holds
//! it). Everything down to `report` is pure: `now` is an argument, and no file, socket, environment, thread or
//! async is reached.

pub mod base;
pub mod diag;
pub mod event;

pub mod catalog;
pub mod codec;
pub mod resource;
pub mod schedule;

pub mod alert;
pub mod metrics;
pub mod moving;
pub mod plan;
pub mod policy;
pub mod report;
pub mod review;
pub mod standing;

pub mod http;
pub mod postgres;
pub mod provider;
pub mod repository;
pub mod storage;
pub mod stream;

pub mod adopt;
pub mod agent;
pub mod apply;
pub mod backup;
pub mod drill;
pub mod observe;
pub mod restore;
pub mod verify;
pub mod wal;

pub mod notify;

pub mod cli;
