//! Which permissions of IAM every deed needs: the one table that grants, the preflight of plans and the printed policies
//! are made from. Pure: it names actions and ARNs and asks nobody.
//!
//! Backups need what [`backup_statements`] says by [`Duty`]; reading and writing what `apply` owns needs
//! [`reads`] and [`writes`]. [`policy_document`] puts statements together as IAM takes them.

mod arn;
mod cloudwatch;
mod duty;
mod outside;
mod statement;

pub use arn::{BackupSite, Whereabouts};
pub use cloudwatch::cloudwatch_statements;
pub use duty::{Duty, backup_statements};
pub use outside::{reads, removes, writes};
pub use statement::{LONGEST_MANAGED_POLICY, Statement, policy_document, policy_documents, policy_length};
