//! Who is to be told what: from how things stand and what a run did, to messages for channels. Pure.
//!
//! A [`Finding`] is something wrong, or something that happened. What is wrong stays wrong for a while: [`judge`] compares
//! findings with the [`Memory`] of what was told, so that a channel hears of each once when it begins, again when it lasts
//! ([`level`]), and once more when it is over. What a run could not look at is neither new nor over. Delivery is below the
//! IO line; whoever delivers says with [`Memory::acknowledge`] what arrived, and what did not is tried by the next run.

mod addressee;
mod cause;
mod concern;
mod finding;
mod judge;
mod level;
mod memory;
mod message;
mod run_report;
mod sight;
mod size;
mod text;

pub use addressee::{Addressee, addressees};
pub use concern::from_standing;
pub use finding::{Finding, Topic};
pub use judge::{Notice, Verdict, blind, judge};
pub use level::level;
pub use memory::{Claim, Memory, Remembered, Told};
pub use message::{Kind, Message, Restorable, Sender};
pub use run_report::{DeedEnd, DeedKind, DeedReport, PolicyFiles, RunReport, from_run};
pub use sight::Sight;
pub(crate) use text::{colour, lines};
pub use text::{digest_title, html, plain};
