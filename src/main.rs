//! The program: hands its words to [`backstay::cli`] and exits with what comes back.

use std::process::ExitCode;

fn main() -> ExitCode {
    backstay::cli::main(std::env::args_os())
}
