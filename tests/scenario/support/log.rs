//! The audit log as an outsider reads it: exported by the binary, one JSON line an entry.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::gateway::{Gateway, pli};
use super::{run, run_well};

/// Exports the log of a gateway that is stopped.
pub fn export(gateway: &Gateway) -> PathBuf {
    let file = gateway.home.path().join("journal.export");
    run_well(pli().args(["audit", "export", "-o"]).arg(&file).arg("--dir").arg(gateway.dir()));
    file
}

/// What was logged: action and outcome, in order.
pub fn actions(gateway: &Gateway) -> Vec<(String, String)> {
    payloads(&export(gateway)).iter().map(|event| (word(&event["action"]), word(&event["outcome"]))).collect()
}

/// The payloads of an export.
pub fn payloads(file: &Path) -> Vec<Value> {
    events(&fs::read_to_string(file).unwrap())
}

/// The payloads of the text of an export.
pub fn events(text: &str) -> Vec<Value> {
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| serde_json::from_str(line["payload"].as_str()?).ok()).collect()
}

/// `pli audit verify`: its exit code and what it said.
pub fn verify(file: &Path, key: &Path, checkpoint: Option<&Path>) -> (i32, String) {
    let mut command = pli();
    command.args(["audit", "verify"]).arg(file).arg("--key").arg(key);
    if let Some(checkpoint) = checkpoint {
        command.arg("--checkpoint").arg(checkpoint);
    }
    let output = run(&mut command);
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code().unwrap(), said)
}

/// A unit variant is a word, another one an object with the word as its key or under `is`.
fn word(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        other => other.to_string(),
    }
}
