//! The stock `age` tool, as an organisation would use it without Pli.

use std::path::Path;
use std::process::Output;

use super::{program, run};

/// `age --decrypt -i identity file`: the clear bytes, or what it said against it.
pub fn decrypt(identity: &Path, file: &Path) -> Result<Vec<u8>, String> {
    let output: Output = run(program("age").arg("--decrypt").arg("-i").arg(identity).arg(file));
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
