//! About how many rows tables have, from what the server counts anyway.

use super::{PostgresError, Session};
use crate::catalog::TableRows;

impl Session {
    /// Every table of the connected database with about how many rows it has. Costs the server next to nothing, however
    /// large they are.
    pub async fn table_sizes(&mut self) -> Result<Vec<TableRows>, PostgresError> {
        self.rows(
            "SELECT s.schemaname AS schema, s.relname AS name, \
             greatest(s.n_live_tup, c.reltuples::bigint, 0) AS rows FROM pg_stat_user_tables s \
             JOIN pg_class c ON c.oid = s.relid ORDER BY 1, 2",
        )
        .await
    }
}
