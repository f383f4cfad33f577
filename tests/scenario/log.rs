//! The log proves itself offline: an export verifies with the public key alone, and an edit, a deletion, an insertion,
//! a swap or a truncation is found (S2, S3).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::gateway::Gateway;
use crate::support::html::text;
use crate::support::log::{export, payloads, verify};
use crate::support::steps::{open_draft, open_transfer, sign_in};

const WELL: i32 = 0;
const NOT_WELL: i32 = 1;
const COULD_NOT_TELL: i32 = 2;

#[test]
fn an_export_verifies_and_every_kind_of_tampering_is_found() {
    let log = Log::of_a_day();
    assert_eq!(log.verdict(&log.lines).0, WELL, "{}", log.verdict(&log.lines).1);
    let entries: Vec<usize> = (0..log.lines.len()).filter(|at| log.lines[*at].contains("\"seq\"")).collect();
    let middle = entries[entries.len() / 2];

    let mut edited = log.lines.clone();
    edited[middle] = changed_payload(&edited[middle]);
    let mut deleted = log.lines.clone();
    deleted.remove(middle);
    let mut swapped = log.lines.clone();
    swapped.swap(middle, middle + 1);
    let mut doubled = log.lines.clone();
    doubled.insert(middle, doubled[middle].clone());
    for (how, lines) in [("edited", edited), ("deleted", deleted), ("swapped", swapped), ("doubled", doubled)]
    {
        let (code, said) = log.verdict(&lines);
        assert_eq!(code, NOT_WELL, "{how}: {said}");
    }
    let (_, said) = log.verdict(&{
        let mut edited = log.lines.clone();
        edited[middle] = changed_payload(&edited[middle]);
        edited
    });
    let seq = serde_json::from_str::<Value>(&log.lines[middle]).unwrap()["seq"].to_string();
    assert!(said.contains(&seq), "the entry is named: {said}");
}

#[test]
fn a_truncation_is_found_against_a_checkpoint_held_elsewhere() {
    let log = Log::of_a_day();
    let held = log.newest_checkpoint();
    let first = log.lines.iter().position(|line| line.contains("\"checkpoint\"")).unwrap();
    let cut: Vec<String> = log.lines[..=first].to_vec();
    assert!(cut.len() < log.lines.len(), "there is something to cut");
    assert_eq!(
        log.verdict(&cut).0,
        WELL,
        "an earlier state is a state that was signed: it verifies for itself"
    );
    let (code, said) = log.verdict_with(&cut, Some(&held));
    assert_eq!(code, NOT_WELL, "{said}");
    assert_eq!(log.verdict_with(&log.lines, Some(&held)).0, WELL);
    // Rewritten and cut to the same length as a held one: the roots differ.
    let mut rewritten = log.lines.clone();
    rewritten.remove(1);
    assert_eq!(log.verdict_with(&rewritten, Some(&held)).0, NOT_WELL);
}

#[test]
fn garbage_and_another_key_are_told_apart_from_a_log_that_is_well() {
    let log = Log::of_a_day();
    for garbage in ["", "not a log\n", "{\"format\":\"x\"}\n"] {
        let (code, said) = log.verdict(&[garbage.to_owned()]);
        assert_eq!(code, COULD_NOT_TELL, "{garbage:?}: {said}");
    }
    let other = Log::of_a_day();
    let (code, said) = verify(&log.write(&log.lines), &other.key, None);
    assert_ne!(code, WELL, "another gateway's key: {said}");
    let nowhere = log.home.path().join("nowhere");
    assert_eq!(verify(&nowhere, &log.key, None).0, COULD_NOT_TELL);
    assert_eq!(verify(&log.write(&log.lines), &nowhere, None).0, COULD_NOT_TELL);
}

#[test]
fn nothing_of_the_insured_and_no_name_is_in_it() {
    let log = Log::of_a_day();
    let all = log.lines.join("\n");
    for secret in [
        "Demande urgente",
        "Le message du jour",
        "piece.pdf",
        "@ille-et-vilaine.example",
        "@carsat-bretagne.example",
    ] {
        assert!(!all.contains(secret), "{secret} is in the log");
    }
    for event in payloads(&log.write(&log.lines)) {
        let fields: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        let known = [
            "version", "at", "actor", "action", "object", "outcome", "origin", "policy", "partner", "detail",
        ];
        assert!(fields.iter().all(|field| known.contains(field)), "a closed set of fields: {fields:?}");
    }
}

#[test]
fn the_officer_reads_filters_and_sees_that_it_verifies() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference = open_draft(&gateway, &mailbox, &facts.depositor()).send_well(
        "Demande urgente",
        "Le message du jour",
        &[],
    );
    let agent = facts.agent_of(&mailbox);
    open_transfer(&mut sign_in(&gateway, &agent), &reference);

    let mut officer = sign_in(&gateway, &facts.officer());
    let page = officer.get("/journal");
    assert_eq!(page.status, 200);
    let shown = text(&page.text());
    assert!(page.text().contains("notice good"), "the log verifies: {shown}");
    assert!(!shown.contains("Le message du jour"));
    let mine = officer.get(&format!("/journal?person={}", agent.address.replace('@', "%40")));
    let rows = |page: &str| page.matches("id=\"ligne-").count();
    assert!(rows(&mine.text()) > 0 && rows(&mine.text()) < rows(&page.text()).max(51), "filtered by person");
    let nobody = officer.get("/journal?person=personne%40ailleurs.example");
    assert_eq!(rows(&nobody.text()), 0);
    let opened = officer.get("/journal?action=transfer.opened");
    assert_eq!(rows(&opened.text()), 1, "filtered by action: {}", text(&opened.text()));
    let long_ago = officer.get("/journal?from=2001-01-01&to=2001-12-31");
    assert_eq!(rows(&long_ago.text()), 0);
    let again = officer.get("/journal?action=log.read");
    assert!(rows(&again.text()) > 0, "reading the log is logged");
}

/// The export of a gateway on which a little happened, with its public key.
struct Log {
    home: TempDir,
    key: PathBuf,
    lines: Vec<String>,
}

impl Log {
    fn of_a_day() -> Self {
        let home = TempDir::new().unwrap();
        let mut gateway = Gateway::new();
        let facts = gateway.facts();
        let mailbox = facts.generic().remove(0);
        let file =
            crate::support::http::Upload { name: "piece.pdf", kind: "application/pdf", bytes: b"%PDF-1.4" };
        let reference = open_draft(&gateway, &mailbox, &facts.depositor()).send_well(
            "Demande urgente",
            "Le message du jour",
            &[file],
        );
        open_transfer(&mut sign_in(&gateway, &facts.agent_of(&mailbox)), &reference);
        // Two stops and a start sign more than one checkpoint.
        gateway.interrupt();
        let mut gateway =
            Gateway::start(std::sync::Arc::clone(&gateway.home), &crate::support::gateway::Start::default());
        open_transfer(&mut sign_in(&gateway, &facts.agent_of(&mailbox)), &reference);
        gateway.interrupt();
        let key = home.path().join("journal.pub");
        fs::write(&key, facts.log_key() + "\n").unwrap();
        let lines = fs::read_to_string(export(&gateway)).unwrap().lines().map(str::to_owned).collect();
        Self { home, key, lines }
    }

    fn write(&self, lines: &[String]) -> PathBuf {
        let path = self.home.path().join("export");
        let text: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        let text = text.join("\n") + "\n";
        fs::write(&path, text).unwrap();
        path
    }

    fn verdict(&self, lines: &[String]) -> (i32, String) {
        self.verdict_with(lines, None)
    }

    fn verdict_with(&self, lines: &[String], checkpoint: Option<&Path>) -> (i32, String) {
        verify(&self.write(lines), &self.key, checkpoint)
    }

    /// The newest checkpoint of the export, as it is held elsewhere.
    fn newest_checkpoint(&self) -> PathBuf {
        let line = self.lines.iter().rev().find(|line| line.contains("\"checkpoint\"")).unwrap();
        let note = serde_json::from_str::<Value>(line).unwrap()["checkpoint"].as_str().unwrap().to_owned();
        let path = self.home.path().join("checkpoint");
        fs::write(&path, note).unwrap();
        path
    }
}

/// The same line with another digit in its payload.
fn changed_payload(line: &str) -> String {
    let mut entry: Value = serde_json::from_str(line).unwrap();
    let payload = entry["payload"].as_str().unwrap().to_owned();
    let at = payload.find("\"at\":").unwrap() + 6;
    let digit = payload[at..].find(|c: char| c.is_ascii_digit()).unwrap() + at;
    let other = if &payload[digit..=digit] == "9" { "8" } else { "9" };
    entry["payload"] = Value::String(format!("{}{other}{}", &payload[..digit], &payload[digit + 1..]));
    entry.to_string()
}
