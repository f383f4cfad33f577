//! The thin binary: everything is in the library.

use std::process::ExitCode;

/// Cheaper than the C library's across threads (`docs/decisions/0108`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pli::cli::run()
}
