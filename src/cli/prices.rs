//! Reading a table of prices that the user gives.

use super::{Context, Exit};
use crate::diag::{Code, Explain, codes};
use crate::plan::{InvalidPrices, Prices};
use std::io;
use std::path::{Path, PathBuf};

/// A file of prices cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PricesFileError {
    /// It cannot be read.
    #[error("cannot read the prices `{file}`: {problem}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        problem: io::Error,
    },
    /// It is no table.
    #[error("`{file}` cannot be used: {problem}")]
    Invalid {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: InvalidPrices,
    },
}

impl Explain for PricesFileError {
    fn code(&self) -> &'static Code {
        &codes::PRICES_UNUSABLE
    }

    fn hint(&self) -> Option<String> {
        Some("Correct the file after `Prices` in docs/aws.md, or leave `--prices` out.".to_owned())
    }
}

/// The table in the file, or the one that is built in.
pub fn prices(file: Option<&Path>, context: &Context) -> Result<Prices, Exit> {
    let Some(file) = file else { return Ok(Prices::built_in()) };
    read(file).map_err(|e| {
        context.fail(&e);
        Exit::Failed
    })
}

fn read(file: &Path) -> Result<Prices, PricesFileError> {
    let unreadable = |problem| PricesFileError::Unreadable { file: file.to_owned(), problem };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    Prices::parse(&text).map_err(|problem| PricesFileError::Invalid { file: file.to_owned(), problem })
}
