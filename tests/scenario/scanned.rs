//! Files are scanned by the real `clamd` while people deposit on the pages (D8): a virus is named to who brought it and
//! reaches nobody, a scanner that is gone holds what comes, and everybody reads the truth meanwhile.

#[path = "../tools/clamd.rs"]
mod clamd;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::support::gateway::{Gateway, Start, pli};
use crate::support::html::text;
use crate::support::http::Upload;
use crate::support::outbox;
use crate::support::steps::{file_names, open_draft, open_transfer, reference, sign_in};
use crate::support::{files_under, holds, log, run, samples, wait_until};
use clamd::{LARGEST_MIB, PrivateClamd, eicar, marker};

/// A demo whose files are scanned; its database is made by hand, so that the age of signatures is not watched.
fn scanning(clamd: &PrivateClamd) -> Gateway {
    scanning_in(Gateway::new(), clamd, &clamd.temporary_directory())
}

/// The same gateway, told that the scanner writes there what it is streamed.
fn scanning_in(mut gateway: Gateway, clamd: &PrivateClamd, temporary: &Path) -> Gateway {
    gateway.interrupt();
    let file = gateway.dir().join("pli.toml");
    let section = format!(
        "[scanner]\nmode = \"clamd\"\nsocket = \"{}\"\ntemporary_directory = \"{}\"\nfile_max_mib = {LARGEST_MIB}\n\
         signatures_max_age_hours = 0\n",
        clamd.socket().display(),
        temporary.display(),
    );
    let text = fs::read_to_string(&file).unwrap();
    // What an earlier setting said goes.
    let (before, after) = text.split_once("[scanner]\n").expect("a section");
    let after = after.lines().skip_while(|line| !line.is_empty() && !line.starts_with(['#', '[']));
    let changed = format!("{before}{section}{}\n", after.collect::<Vec<_>>().join("\n"));
    assert!(changed.contains("mode = \"clamd\""), "the demo's configuration has no [scanner]");
    fs::write(&file, changed).unwrap();
    let home = Arc::clone(&gateway.home);
    drop(gateway);
    Gateway::start(home, &Start::default())
}

fn words(page: &str) -> String {
    text(page).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_virus_is_named_to_who_brought_it_and_a_scanner_that_is_gone_holds_what_comes() {
    let mut clamd = PrivateClamd::start();
    let mut gateway = scanning(&clamd);
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let (pdf, virus) = (samples::pdf("Certificat"), [b"before ".as_slice(), &marker()].concat());
    let eicar = eicar();
    let file = |name, bytes| Upload { name, kind: "application/octet-stream", bytes };

    let mut draft = open_draft(&gateway, &mailbox, &depositor);
    assert!(words(&draft.page).contains("Chaque fichier est analysé par un antivirus"), "said before");
    let reply =
        draft.add(&[file("certificat.pdf", &pdf), file("facture.txt", &virus), file("eicar.com", &eicar)]);
    let told = words(&reply.text());
    assert!(
        told.contains("« facture.txt » n’a pas été accepté") && told.contains("contient un virus"),
        "{told}"
    );
    let sent = draft.send("Demande urgente", "Bonjour", &[]);
    let told = words(&sent.text());
    for name in ["facture.txt", "eicar.com"] {
        assert!(told.contains(&format!("{name} – Ce fichier contient un virus.")), "{told}");
    }
    let first = reference(&sent);
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let opened = open_transfer(&mut agent, &first).text();
    assert_eq!(file_names(&opened), ["certificat.pdf"]);
    assert!(words(&opened).contains("2 fichiers de ce dépôt ont été refusés"), "{}", words(&opened));

    clamd.kill();
    let mut draft = open_draft(&gateway, &mailbox, &depositor);
    let sent = draft.send("Demande urgente", "Bonjour", &[file("certificat.pdf", &pdf)]);
    let told = words(&sent.text());
    assert!(told.contains("Un contrôle reste à faire"), "{told}");
    let second = reference(&sent);
    let waits = words(&agent.get("/boites").text());
    assert!(waits.contains("En attente d’analyse antivirus") && waits.contains(&second), "{waits}");
    assert_ne!(agent.get(&format!("/transferts/{second}")).status, 200, "nobody opens what was not scanned");
    outbox::wait(&gateway, &depositor, "word that it waits", |mail| {
        mail.text.contains(&second) && mail.text.contains("antivirus ne répond pas")
    });

    clamd.start_again();
    wait_until("the deposit to go on by itself", || {
        agent.get(&format!("/transferts/{second}")).status == 200
    });
    assert_eq!(file_names(&open_transfer(&mut agent, &second).text()), ["certificat.pdf"]);
    outbox::wait(&gateway, &depositor, "acknowledgement", |mail| {
        mail.text.contains(&second) && mail.text.contains("est bien arrivé. Ceci est un accusé")
    });

    gateway.interrupt();
    for path in files_under(gateway.home.path()) {
        assert!(!holds(&fs::read(&path).unwrap(), &marker()), "{} holds the virus in clear", path.display());
    }
    let actions = log::actions(&gateway);
    for expected in ["deposit.file_scanned", "deposit.file_refused", "deposit.held", "deposit.released"] {
        assert!(actions.iter().any(|(action, _)| action == expected), "{expected} is not in the log");
    }
}

/// What is scanned would reach a disk in clear: nothing is scanned there, and what comes waits (invariant 3).
#[test]
fn without_a_private_tmpfs_for_the_scanner_deposits_are_held_until_it_has_one() {
    let clamd = PrivateClamd::start();
    let on_disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::set_permissions(on_disk.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let gateway = scanning_in(Gateway::new(), &clamd, on_disk.path());
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let checked = run(pli().arg("--dir").arg(gateway.dir()).arg("check"));
    let told =
        format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(!checked.status.success() && told.contains("not on a tmpfs"), "{told}");

    let pdf = samples::pdf("Certificat");
    let file = Upload { name: "certificat.pdf", kind: "application/pdf", bytes: &pdf };
    let sent = open_draft(&gateway, &mailbox, &depositor).send("Demande urgente", "Bonjour", &[file]);
    assert!(words(&sent.text()).contains("Un contrôle reste à faire"), "{}", words(&sent.text()));
    let held = reference(&sent);
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    assert!(words(&agent.get("/boites").text()).contains("En attente d’analyse antivirus"));
    assert_ne!(agent.get(&format!("/transferts/{held}")).status, 200, "nobody opens what was not scanned");

    let gateway = scanning_in(gateway, &clamd, &clamd.temporary_directory());
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    wait_until("the deposit to go on by itself", || agent.get(&format!("/transferts/{held}")).status == 200);
    assert_eq!(file_names(&open_transfer(&mut agent, &held).text()), ["certificat.pdf"]);
}
