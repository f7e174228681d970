//! Hands on one kind of outside resource each: read what is there, change it to what is wanted. A provider never
//! decides.

mod accounts;
pub mod aws;
mod folder;

pub use accounts::user_name;
pub use folder::{FolderError, change_folder, create_folder, read_folder};
