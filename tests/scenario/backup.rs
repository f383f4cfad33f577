//! A backup of the gateway that runs, sealed for the stock `age` tool, and a gateway restored from it: closed until an
//! operator opens it, and then what was deposited opens.

use std::fs;
use std::sync::Arc;

use serde_json::Value;

use crate::support::gateway::{Gateway, Start};
use crate::support::http::{Browser, Upload};
use crate::support::steps::{open_draft, open_transfer, sign_in};
use crate::support::{age, files_under, holds, program, run_well, samples};

#[test]
fn a_gateway_that_runs_is_backed_up_and_restored_elsewhere_opens_what_was_deposited() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let scan = samples::scan(2_000_000);
    let mut draft = open_draft(&gateway, &mailbox, &depositor);
    let upload = Upload { name: "scan.tiff", kind: "image/tiff", bytes: &scan };
    let reference = draft.send_well("Demande urgente", "Le message à retrouver.", &[upload]);

    // The organisation's backup identity, made by the stock tool; the gateway knows its recipient only.
    let home = Arc::clone(&gateway.home);
    let (identity, recipients) =
        (home.path().join("backup-identity.txt"), home.path().join("recipients.txt"));
    run_well(program("age-keygen").arg("-o").arg(&identity));
    fs::write(&recipients, run_well(program("age-keygen").arg("-y").arg(&identity))).unwrap();
    let backup = home.path().join("monday.backup.age");
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (to, with, id) = (path(&backup), path(&recipients), path(&identity));
    let made = gateway.command(&["backup", "--to", &to, "--recipients", &with, "--json"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let told: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert!(told["holds"]["objects"].as_u64().unwrap() >= 2, "{told}");
    run_well(program("sha256sum").arg("-c").arg("monday.backup.age.sha256").current_dir(home.path()));

    // What the stock tools make of it: a tar archive whose digests hold, and no key in it.
    let clear = age::decrypt(&identity, &backup).unwrap();
    assert!(!holds(&clear, b"AGE-SECRET-KEY-1"), "a key is in the backup");
    for key in files_under(&gateway.dir().join("keyring/secrets")) {
        let secret = fs::read(&key).unwrap();
        assert!(!holds(&clear, secret.trim_ascii()), "{} is in the backup", key.display());
    }
    let unpacked = home.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    fs::write(unpacked.join("b.tar"), &clear).unwrap();
    run_well(program("tar").args(["-xf", "b.tar"]).current_dir(&unpacked));
    run_well(program("sh").args(["-c", "sha256sum --quiet -c digests/*.sha256"]).current_dir(&unpacked));
    for key in files_under(&gateway.dir().join("keyring/days")) {
        for object in files_under(&unpacked.join("objects")) {
            assert!(age::decrypt(&key, &object).is_err(), "{} opens an object", key.display());
        }
    }
    let checked = gateway.command(&["restore", &to, "-i", &id, "--check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    // The disk with store and objects is lost; the keyring is not.
    assert!(gateway.interrupt().success());
    let not_over = gateway.command(&["restore", &to, "-i", &id]);
    assert!(!not_over.status.success(), "a backup is not restored over a store");
    for lost in ["store", "objects"] {
        fs::remove_dir_all(gateway.dir().join(lost)).unwrap();
    }
    let restored = gateway.command(&["restore", &to, "-i", &id]);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    drop(gateway);

    let gateway = Gateway::start(Arc::clone(&home), &Start::default());
    let mut visitor = Browser::new(&gateway.http);
    assert_eq!(visitor.get("/ready").status, 503);
    let page = visitor.get(&mailbox.page);
    assert!(page.status == 503 && page.text().contains("restaurée"), "{} {}", page.status, page.text());
    let mail = samples::plain_mail(&depositor, &mailbox.deposit_address, "x", "b1@cd35.example", "Bonjour");
    let answer =
        crate::support::smtp::send(&gateway.smtp, &depositor, &mailbox.deposit_address, &mail).unwrap();
    assert!((400..500).contains(&answer.code), "the sender keeps the mail: {}", answer.text);

    let opened = gateway.command(&["restore", "--open"]);
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    assert_eq!(visitor.get("/ready").status, 200);
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    assert!(open_transfer(&mut agent, &reference).text().contains("Le message à retrouver."));
    let mails = gateway.command(&["restore", "--mails", "list"]);
    assert!(mails.status.success(), "{}", String::from_utf8_lossy(&mails.stderr));
    let export = home.path().join("journal.export");
    let exported = gateway.command(&["audit", "export", "-o", export.to_str().unwrap()]);
    assert!(exported.status.success());
    let verified = gateway.command(&["audit", "verify", export.to_str().unwrap(), "--key", &facts.log_key()]);
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success() && told.contains("lost before a restore"), "{told}");
}
