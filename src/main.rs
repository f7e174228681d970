//! The program: hands its words to [`backstay::cli`] and exits with what comes back.

fn main() {}
