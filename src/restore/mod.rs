//! Bring a backup back.

mod selection;
mod table_name;

pub use selection::{NoSelection, Reach, Selection, select};
pub use table_name::{InvalidTableName, TableName};
