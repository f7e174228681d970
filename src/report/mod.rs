//! Every value of the floors below, said to a human or a machine. The only serialiser of views; it knows no terminal:
//! colour and width are arguments.

mod age;
mod backup;
mod cost;
mod deferred;
mod diagnostics;
mod diagnostics_json;
mod effects;
mod forecast;
mod identity;
mod irreversible;
mod list;
mod outcome;
mod paint;
mod permissions;
mod plan;
mod recovery;
mod refused;
mod restore;
mod show;
mod stale;
mod steps;
mod table;
mod thaw;
mod verify;

pub use backup::{BackupMadeView, MissingCopy, backup, backup_made_view};
pub use diagnostics::{count_diagnostics, diagnostics};
pub use diagnostics_json::diagnostics_json;
pub use list::{ListedDatabase, Listing, list, list_json};
pub use outcome::{OutcomeView, StepView};
pub use paint::Style;
pub use permissions::permission_list;
pub use plan::{explanation, plan};
pub use restore::{restoration, restoration_json, restored, restored_json};
pub use show::{show, show_json};
pub use stale::stale;
pub use thaw::{thaw, thaw_json};
pub use verify::{inspection, inspection_json};
