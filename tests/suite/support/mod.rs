//! What the areas share: throwaway PostgreSQL servers, an emulation of AWS, the real program with a clean environment,
//! and the answer to "is this the same database".

#![allow(dead_code, unused_imports, reason = "each area uses its part")]

mod account;
mod archiving;
mod aws_model;
mod aws_world;
mod canned;
mod database;
mod dice;
mod earlier;
mod halfway;
mod lookup;
mod made_up;
mod mail;
mod moto;
mod mutate;
mod on_folder;
mod program;
mod project;
mod proxy;
mod s3server;
mod safety;
mod same;
mod sample;
mod server;
mod sides;
mod site;
mod torture;

pub use account::Account;
pub use archiving::Archiving;
pub use aws_model::{AwsModel, Spelling};
pub use aws_world::{accounts, foreign, meaning, policies};
pub use canned::{Answer, Asked, Canned, forward};
pub use database::Database;
pub use dice::{Dice, rounds};
pub use earlier::{faketime, with_earlier};
pub use halfway::{
    argument_lists, behind, end, go_on, large, signal, stopped_in_the_middle, stopped_in_the_middle_as, unstop, until,
};
pub use lookup::Environment;
pub use made_up::{backup, checked, cluster, desired, empty, nights, pruned, segment, world};
pub use mail::MailServer;
pub use moto::{ACCOUNT, Login, Moto};
pub use mutate::{Fuzz, fixtures, lines};
pub use program::{Backstay, Run};
pub use project::{Project, assert_leftover_free, shell};
pub use proxy::{Fate, Proxy};
pub use s3server::{PART, S3Server, s3_store};
pub use safety::losses;
pub use same::{Likeness, assert_same};
pub use sample::Sample;
pub use server::{CANARY, Server, Version};
pub use sides::sides;
pub use site::{Agent, FIRST, Site, at, later};
pub use torture::torture;

/// Any text as a part of a URL: everything but unreserved characters becomes `%XX`.
pub fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// An identifier of SQL, quoted.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
