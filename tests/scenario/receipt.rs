//! What the real binary gives to others to rely on: a receipt that verifies with the log's public key alone (D9), the kit
//! of a breach (S3), what is held about a person, and a log that verifies after the person was erased (S5).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use mail_parser::{MessageParser, MimeHeaders};
use serde_json::Value;

use crate::support::gateway::{Gateway, pli};
use crate::support::html::by_id;
use crate::support::http::Upload;
use crate::support::log::{export, verify};
use crate::support::outbox::{self, Mail};
use crate::support::steps::{open_draft, open_transfer, reference, sign_in};
use crate::support::{files_under, now, run, samples};

/// Within what an acknowledgement has its proof on any machine, in seconds: it has it after some two, and would have it after a
/// minute if the log were not signed for its sake.
const PROVED_WITHIN_S: f64 = 40.0;

#[test]
fn an_acknowledgement_carries_a_receipt_that_anyone_verifies_with_the_public_key() {
    let mut story = Story::told();
    let (receipt, key) = (story.receipt(), story.key());
    let (code, said) = verify_receipt(&receipt, &key, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&story.reference) && said.contains("of the log, proved under"), "{said}");

    let salt = story.salt.clone();
    let (mine, other) = (story.write("mine.pdf", &story.file), story.write("other.pdf", b"%PDF-1.4 another"));
    let asked = |file: &Path| vec!["--salt".to_owned(), salt.clone(), "--file".to_owned(), text_of(file)];
    let (code, said) = verify_receipt(&receipt, &key, &asked(&mine));
    assert!(code == 0 && said.contains("was deposited"), "{said}");
    let (code, said) = verify_receipt(&receipt, &key, &asked(&other));
    assert!(code == 1 && said.contains("not one of the files"), "{said}");

    // Offline: the gateway is gone.
    story.gateway.interrupt();
    assert_eq!(verify_receipt(&receipt, &key, &[]).0, 0);
    let text = fs::read_to_string(&receipt).unwrap();
    for (what, altered) in [
        ("reference", text.replace(&story.reference, &other_reference(&story.reference))),
        ("mailbox", text.replace(story.mailbox_slug.as_str(), &"x".repeat(story.mailbox_slug.len()))),
        ("count", text.replace("\nfiles 1\n", "\nfiles 2\n")),
        ("leaf", one_digit_changed(&text, "\nleaf ")),
        ("file", one_digit_changed(&text, "\nfile ")),
    ] {
        assert_ne!(altered, text, "{what}: nothing was changed");
        let (code, said) = verify_receipt(&story.write("altered.txt", altered.as_bytes()), &key, &[]);
        assert!(code == 1 && said.contains("does not hold"), "{what}: {said}");
    }
    let other = Gateway::new();
    let another_key = story.write("another.pub", other.facts().log_key().as_bytes());
    assert_eq!(verify_receipt(&receipt, &another_key, &[]).0, 1, "another gateway's key");
}

#[test]
fn the_breach_kit_is_written_as_files_that_name_the_transfer_and_no_content() {
    let story = Story::told();
    open_transfer(&mut sign_in(&story.gateway, &story.agent()), &story.reference);
    let kit = story.gateway.home.path().join("kit");
    let period = ["breach", "--from", "2001-01-01T00:00:00Z", "--until", "2099-01-01T00:00:00Z"];
    let made = run(pli().args(period).arg("-o").arg(&kit).arg("--dir").arg(story.gateway.dir()));
    well(&made);
    let files = files_under(&kit);
    let all: String =
        files.iter().map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()).collect();
    for name in ["notification.md", "chronologie.csv", "transferts.csv"] {
        assert!(files.iter().any(|file| file.ends_with(name)), "{name} in {files:?}");
    }
    assert!(all.contains(&story.reference) && all.contains(&story.agent().address));
    assert!(all.contains("article 33") && all.contains("72"), "what must be told to whom by when");
    for secret in [TITLE, MESSAGE, FILE_NAME] {
        assert!(!all.contains(secret), "{secret} is in the kit");
    }
}

#[test]
fn a_person_is_exported_and_erased_and_the_log_verifies_still() {
    let mut story = Story::told();
    let asked = ["privacy", "export", story.depositor.as_str()];
    let folder = story.gateway.home.path().join("person");
    well(&run(pli().args(asked).arg("-o").arg(&folder).arg("--dir").arg(story.gateway.dir())));
    let json = files_under(&folder).into_iter().find(|file| file.ends_with("donnees.json")).unwrap();
    let data: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(data["transfers"][0]["reference"], Value::from(story.reference.clone()), "{data}");
    let pseudonym = data["pseudonym"].as_str().unwrap().to_owned();

    let erased = story.gateway.command(&["privacy", "erase", &story.depositor, "--yes"]);
    well(&erased);
    let said = String::from_utf8_lossy(&erased.stdout).into_owned();
    assert!(said.contains("transferts en cours"), "what stays is told: {said}");
    assert!(said.contains(&pseudonym), "{said}");

    let (receipt, key) = (story.receipt(), story.key());
    story.gateway.interrupt();
    let log = export(&story.gateway);
    let (code, said) = verify(&log, &key, None);
    assert_eq!(code, 0, "{said}");
    let log = fs::read_to_string(log).unwrap();
    assert!(
        !log.contains(&story.depositor) && log.contains(&pseudonym),
        "the pseudonym stays, the name never was"
    );
    assert_eq!(verify_receipt(&receipt, &key, &[]).0, 0, "the receipt holds still");
}

const TITLE: &str = "Demande urgente";
const MESSAGE: &str = "Le message que personne d’autre ne lit";
const FILE_NAME: &str = "avis de situation.pdf";

/// A deposit by the page, acknowledged.
struct Story {
    gateway: Gateway,
    depositor: String,
    mailbox_slug: String,
    reference: String,
    salt: String,
    file: Vec<u8>,
    acknowledgement: Mail,
}

impl Story {
    fn told() -> Self {
        let gateway = Gateway::new();
        let facts = gateway.facts();
        let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
        let file = samples::pdf("Demande de pension");
        let mut draft = open_draft(&gateway, &mailbox, &depositor);
        let sent_at = now();
        let sent =
            draft.send(TITLE, MESSAGE, &[Upload { name: FILE_NAME, kind: "application/pdf", bytes: &file }]);
        let (reference, salt) = (reference(&sent), by_id(&sent.text(), "sel").unwrap());
        let acknowledgement = outbox::wait(&gateway, &depositor, "the acknowledgement", |mail| {
            attached(mail).is_some() && mail.text.contains(&reference)
        });
        let took = sent_at.elapsed().as_secs_f64();
        assert!(took <= PROVED_WITHIN_S, "acknowledged after {took} s");
        Self {
            mailbox_slug: mailbox.slug().to_owned(),
            gateway,
            depositor,
            reference,
            salt,
            file,
            acknowledgement,
        }
    }

    fn agent(&self) -> crate::support::gateway::Person {
        let facts = self.gateway.facts();
        facts.agent_of(&facts.generic().remove(0))
    }

    fn receipt(&self) -> PathBuf {
        self.write("receipt.txt", &attached(&self.acknowledgement).unwrap())
    }

    fn key(&self) -> PathBuf {
        self.write("log.pub", self.gateway.facts().log_key().as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.gateway.home.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// `pli receipt verify`: its exit code and what it said.
fn verify_receipt(receipt: &Path, key: &Path, more: &[String]) -> (i32, String) {
    let output = run(pli().args(["receipt", "verify"]).arg(receipt).arg("--key").arg(key).args(more));
    (output.status.code().unwrap(), said(&output))
}

/// The receipt that a mail carries.
fn attached(mail: &Mail) -> Option<Vec<u8>> {
    let parsed = MessageParser::default().parse(&mail.raw)?;
    let part = parsed
        .attachments()
        .find(|part| part.attachment_name().is_some_and(|name| name.ends_with(".pli-receipt.txt")))?;
    Some(part.contents().to_vec())
}

/// The same reference but for its last sign.
fn other_reference(reference: &str) -> String {
    let (head, last) = reference.split_at(reference.len() - 1);
    format!("{head}{}", if last == "2" { "3" } else { "2" })
}

/// The text with the first sign after `label` changed.
fn one_digit_changed(text: &str, label: &str) -> String {
    let at = text.find(label).unwrap() + label.len();
    let other = if &text[at..=at] == "0" { "1" } else { "0" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

fn text_of(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn well(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}
