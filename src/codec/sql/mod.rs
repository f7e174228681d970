//! Dumps in SQL as `pg_dump` writes them and `psql` reads them: whether one is whole, stays in its database, and how many
//! rows it holds. Bytes come in pieces of any size.

mod copy_target;
mod guard;
mod text;

pub use guard::{SqlGuard, SqlSummary};
