//! The log proves itself offline: an export verifies with the public key alone, and an edit, a deletion, an insertion,
//! a swap or a truncation is found (S2, S3).

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::gateway::{Gateway, pli};
use crate::support::html::text;
use crate::support::log::{export, payloads, verify};
use crate::support::run_well;
use crate::support::steps::{open_draft, open_transfer, sign_in};

const WELL: i32 = 0;
const NOT_WELL: i32 = 1;
const COULD_NOT_TELL: i32 = 2;

#[test]
fn five_kinds_of_tampering_are_each_told_by_name_and_by_entry() {
    let log = Log::of_a_day();
    let held = log.newest_checkpoint();
    let (code, said) = log.verdict_with(&log.lines, Some(&held));
    assert_eq!((code, said.trim_end().lines().count()), (WELL, 1), "in one line: {said}");

    let entry = log.entry_of("transfer.opened");
    let (at, seq) = (entry.line, entry.seq);
    let cases = [
        (
            "edited",
            log.changed(|lines| lines[at] = changed_payload(&lines[at])),
            format!("entry {seq} was edited"),
        ),
        ("removed", log.changed(|lines| drop(lines.remove(at))), format!("entry {seq} was removed")),
        (
            "inserted",
            log.changed(|lines| lines.insert(at, changed_payload(&lines[at]))),
            "was inserted at line".to_owned(),
        ),
        (
            "reordered",
            log.changed(|lines| lines.swap(at, at + 1)),
            format!("entries {seq} to {} were reordered", seq + 1),
        ),
        (
            "cut off",
            log.changed(|lines| lines.truncate(log.first_checkpoint() + 1)),
            "cut off at the end".to_owned(),
        ),
    ];
    for (how, lines, expected) in cases {
        let (code, said) = log.verdict_with(&lines, Some(&held));
        assert_eq!(code, NOT_WELL, "{how}: {said}");
        let line = said.lines().next().unwrap_or_default();
        assert!(line.contains(&expected), "{how}, in the first line: {said}");
    }
}

#[test]
fn a_gateway_that_stops_signs_its_log_to_the_end() {
    let mut gateway = Gateway::new();
    gateway.interrupt();
    // Beside the keys, where a restore finds it.
    let head = fs::read_to_string(gateway.dir().join("keyring/log-head.json")).unwrap();
    let head: Value = serde_json::from_str(&head).unwrap();
    let size: u64 = head["note"].as_str().unwrap().lines().nth(1).unwrap().parse().unwrap();
    let last = payloads_numbered(&export(&gateway))
        .into_iter()
        .rfind(|(_, event)| event["action"] == "gateway.stopped");
    assert_eq!(size, last.unwrap().0 + 1, "the last entry is that of the stop, and it is signed");
}

/// Entries of an export with their numbers.
fn payloads_numbered(file: &Path) -> Vec<(u64, Value)> {
    (0..).zip(payloads(file)).collect()
}

#[test]
fn tiles_and_proofs_by_the_command_line_agree_with_each_other() {
    let mut gateway = Gateway::new();
    gateway.interrupt();
    let (home, tiles) = (gateway.home.path(), gateway.home.path().join("tiles"));
    let run = |arguments: &[&str]| {
        let output = run_well(pli().args(["audit"]).args(arguments).arg("--dir").arg(gateway.dir()));
        String::from_utf8(output).unwrap()
    };
    let proof =
        |arguments: &[&str]| serde_json::from_str::<Value>(&run(&[&["prove"], arguments].concat())).unwrap();
    let older = proof(&["--entry", "0"]);
    run(&["tiles", tiles.to_str().unwrap()]);
    let checkpoint = fs::read_to_string(tiles.join("checkpoint")).unwrap();
    let size: usize = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert!(size < 256, "one tile holds the log of a start");
    let leaves = fs::read(tiles.join(format!("tile/0/000.p/{size}"))).unwrap();
    assert_eq!(leaves.len(), size * 32);
    assert!(!tiles.join("tile/entries").exists(), "nothing but hashes unless it is asked for");

    // The leaf that is proved is the one in the tile, and what was signed before leads to what is signed now.
    let proved = proof(&["--entry", "2"]);
    assert_eq!(BASE64.decode(proved["leaf"].as_str().unwrap()).unwrap(), leaves[2 * 32..3 * 32]);
    assert_eq!(proved["kind"], "inclusion");
    let since = older["size"].as_u64().unwrap();
    let grown = proof(&["--since", &since.to_string()]);
    assert_eq!((grown["kind"].as_str(), grown["older"].as_u64()), (Some("consistency"), Some(since)));
    let public = home.join("journal.pub");
    fs::write(&public, gateway.facts().log_key()).unwrap();
    let held = home.join("held");
    fs::write(&held, older["checkpoint"].as_str().unwrap()).unwrap();
    let (code, said) = verify(&export(&gateway), &public, Some(&held));
    assert_eq!(code, WELL, "{said}");
    let beyond = run_failing(pli().args(["audit", "prove", "--entry", "999999", "--dir"]).arg(gateway.dir()));
    assert!(beyond.contains("999999"), "{beyond}");
}

fn run_failing(command: &mut std::process::Command) -> String {
    let output = crate::support::run(command);
    assert!(!output.status.success());
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn a_bundle_of_the_officer_verifies_offline_and_a_changed_one_does_not() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let mut officer = sign_in(&gateway, &facts.officer());
    let bundle = officer.get("/journal/export.bundle?action=gateway.started");
    assert_eq!(bundle.status, 200);
    let home = gateway.home.path().to_owned();
    let (file, public) = (home.join("journal.bundle"), home.join("journal.pub"));
    fs::write(&file, bundle.text()).unwrap();
    fs::write(&public, facts.log_key()).unwrap();
    gateway.interrupt();
    let (code, said) = verify(&file, &public, None);
    assert_eq!(code, WELL, "{said}");
    let lines: Vec<String> = bundle.text().lines().map(str::to_owned).collect();
    let entry = lines.iter().position(|line| line.contains("\"payload\"")).expect("an entry");
    for changed in [
        [&lines[..entry], &[changed_payload(&lines[entry])], &lines[entry + 1..]].concat(),
        [&lines[..entry], &lines[entry + 1..]].concat(),
        lines[..lines.len() - 1].to_vec(),
    ] {
        fs::write(&file, changed.join("\n") + "\n").unwrap();
        let (code, said) = verify(&file, &public, None);
        assert_ne!(code, WELL, "{said}");
    }
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

/// An entry of an export.
struct Found {
    line: usize,
    seq: u64,
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

    /// The lines after something was done to them.
    fn changed(&self, how: impl FnOnce(&mut Vec<String>)) -> Vec<String> {
        let mut lines = self.lines.clone();
        how(&mut lines);
        lines
    }

    /// The last entry that tells of this.
    fn entry_of(&self, action: &str) -> Found {
        let needle = format!("\\\"{action}\\\"");
        let line = self.lines.iter().rposition(|line| line.contains(&needle)).expect(action);
        let entry: Value = serde_json::from_str(&self.lines[line]).unwrap();
        Found { line, seq: entry["seq"].as_u64().unwrap() }
    }

    fn first_checkpoint(&self) -> usize {
        self.lines.iter().position(|line| line.contains("\"checkpoint\"")).unwrap()
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
