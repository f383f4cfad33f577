//! Expired is gone (invariant 5, V1 to V3): at the second of expiry no route opens; the day over, its key is destroyed,
//! and copies of store and objects taken the day before cannot be opened, with the recovery identity in hand either.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use crate::never_in_clear::Export;
use crate::support::gateway::{Gateway, Start};
use crate::support::html::text;
use crate::support::http::{Browser, Upload};
use crate::support::steps::{open_draft, open_transfer, sign_in};
use crate::support::{age, copy_folder, files_under, holds, samples, wait_until};

const DAY_S: u64 = 24 * 3600;
const SECRET: &str = "Le contenu qui doit disparaître.";

#[test]
fn from_the_second_of_expiry_no_route_opens_it() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let mail = samples::plain_mail(
        &depositor,
        &mailbox.deposit_address,
        "Demande urgente",
        "e1@cd35.example",
        SECRET,
    );
    let answer =
        crate::support::smtp::send(&gateway.smtp, &depositor, &mailbox.deposit_address, &mail).unwrap();
    let by_mail = crate::road::reference_in(&answer.text);
    let by_page = deposit(&gateway);

    gateway.advance(5 * DAY_S - 600);
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    for reference in [&by_mail, &by_page] {
        assert!(open_transfer(&mut agent, reference).text().contains("disparaître"), "not yet over");
    }
    gateway.advance(1200);
    for (route, status) in routes(&mut agent, &by_mail) {
        assert_eq!(status, 410, "{route} after five days");
    }
    assert!(
        open_transfer(&mut agent, &by_page).text().contains("disparaître"),
        "a page deposit lives 20 days"
    );

    gateway.advance(15 * DAY_S);
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    for (route, status) in routes(&mut agent, &by_page) {
        assert_eq!(status, 410, "{route} after twenty days");
    }
    let mut stranger = sign_in(&gateway, &facts.agent_of_another(&mailbox));
    let path = format!("/transferts/{by_page}");
    assert_ne!(stranger.get(&path).status, 200, "nor does it tell others more");
}

#[test]
fn neither_a_backup_nor_the_recovery_identity_brings_it_back() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference = deposit(&gateway);
    gateway.advance(19 * DAY_S);
    assert!(gateway.interrupt().success());

    // The day before: a backup of store and objects, and an export. It opens, so that what fails later means something.
    let backup = gateway.home.path().join("backup");
    for name in ["store", "objects"] {
        copy_folder(&gateway.dir().join(name), &backup.join(name));
    }
    let home = Arc::clone(&gateway.home);
    let export = Export::of(gateway);
    assert!(export.open(&reference).unwrap().iter().any(|part| part == SECRET.as_bytes()));
    let day = export.transfer(&reference)["day"].as_str().unwrap().to_owned();
    let day_key = home.path().join(format!("demo/keyring/days/expiry-{day}.key"));
    assert!(day_key.exists());
    let sealed: Vec<Vec<u8>> = export.transfer(&reference)["objects"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|part| part.as_array().unwrap())
        .map(|object| fs::read(export.path(object)).unwrap())
        .collect();

    let gateway = Gateway::start(Arc::clone(&home), &Start::default());
    let objects = gateway.dir().join("objects");
    assert!(sealed.iter().all(|object| is_under(&objects, object)), "the sealed bytes are there");
    gateway.advance(DAY_S + 600);
    wait_until("the sealed bytes to be erased", || sealed.iter().all(|object| !is_under(&objects, object)));
    gateway.advance(DAY_S);
    wait_until("the day's key to be destroyed", || !day_key.exists());

    // With the recovery identity and every key that is left.
    assert!(export.open(&reference).is_err(), "the day's key is gone");
    let grant = export.path(&export.transfer(&reference)["grant"]);
    for key in files_under(&gateway.dir().join("keyring"))
        .iter()
        .filter(|path| is_identity(path))
        .chain([&export.recovery])
    {
        assert!(age::decrypt(key, &grant).is_err(), "{} opens the grant", key.display());
    }

    // The backup, put back beside the keyring as it is now.
    drop(gateway);
    let restored = Arc::new(TempDir::new().unwrap());
    copy_folder(&home.path().join("demo"), &restored.path().join("demo"));
    for name in ["store", "objects"] {
        fs::remove_dir_all(restored.path().join("demo").join(name)).unwrap();
        copy_folder(&backup.join(name), &restored.path().join("demo").join(name));
    }
    let gateway = Gateway::start(restored, &Start::default());
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    for (route, status) in routes(&mut agent, &reference) {
        assert!(status >= 400, "{route} of a restored backup: {status}");
    }
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    assert!(!open_transfer(&mut agent, &reference).text().contains("disparaître"));
}

#[test]
fn what_stays_is_the_line_without_content() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference = deposit(&gateway);
    gateway.advance(20 * DAY_S + 600);
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let list = agent.get("/boites").text();
    assert!(!text(&list).contains("demande.pdf"));
    let gone = agent.get(&format!("/transferts/{reference}"));
    assert_eq!(gone.status, 410);
    assert!(!gone.text().contains("demande.pdf") && !gone.text().contains("disparaître"));
}

/// Deposits through the page; gives the reference.
fn deposit(gateway: &Gateway) -> String {
    let facts = gateway.facts();
    let mut draft = open_draft(gateway, &facts.generic()[0], &facts.depositor());
    // Larger than what goes into packs, and small: both are erased.
    let (large, small) = (samples::scan(400_000), samples::pdf("Petit"));
    draft.send_well(
        "Demande urgente",
        SECRET,
        &[
            Upload { name: "scan.tiff", kind: "image/tiff", bytes: &large },
            Upload { name: "demande.pdf", kind: "application/pdf", bytes: &small },
        ],
    )
}

/// Every route to a transfer, and what it answers.
pub fn routes(browser: &mut Browser, reference: &str) -> Vec<(String, u16)> {
    let path = format!("/transferts/{reference}");
    let mut answers = vec![(format!("POST {path}"), browser.post_fields(&path, &[]).status)];
    for route in
        [path.clone(), format!("{path}/fichiers/1"), format!("{path}/fichiers/2"), format!("{path}/tout.zip")]
    {
        answers.push((format!("GET {route}"), browser.get(&route).status));
    }
    answers
}

fn is_identity(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains("AGE-SECRET-KEY-1"))
}

/// Whether a file under the folder holds the body of this object (past its head of 200 bytes, a sample is enough).
fn is_under(folder: &Path, object: &[u8]) -> bool {
    let sample = &object[object.len() - 32..];
    files_under(folder).iter().any(|path| fs::read(path).is_ok_and(|bytes| holds(&bytes, sample)))
}
