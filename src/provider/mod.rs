//! Hands on one kind of outside resource each: read what is there, change it to what is wanted. A provider never
//! decides.

mod accounts;
pub mod aws;
mod credentials_file;
mod folder;
mod timetable_file;

pub use accounts::user_name;
pub use credentials_file::{Delivery, DeliveryError, credentials_section, delivered_key, prepare_delivery};
pub use folder::{FolderError, change_folder, create_folder, read_folder};
pub use timetable_file::{InstallError, below, install_file, read_file, remove_file};
