//! Passwords are read from standard input, one line: never from the command line, which others on the machine can read.

use std::io::{self, BufRead};

use crate::relay::letter::SecretText;

/// Reads one line.
pub(super) fn read_password() -> io::Result<SecretText> {
    let mut line = String::with_capacity(2048);
    io::stdin().lock().read_line(&mut line)?;
    while line.ends_with(['\n', '\r']) {
        line.pop();
    }
    if line.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(SecretText::new(line)) }
}
