//! Who takes a backup, and where.

use crate::catalog::Origin;
use crate::provider::user_name;

/// This program on this machine.
pub fn origin(dump_program: String, run: &str) -> Origin {
    Origin {
        tool: concat!("backstay ", env!("CARGO_PKG_VERSION")).to_owned(),
        dump_program,
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        user: user_name(rustix::process::geteuid().as_raw()),
        run: run.to_owned(),
    }
}
