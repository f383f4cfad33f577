//! The disk is full: what comes is refused as a fault of ours (503 and 4xx, the sender keeps it) in words that say what to
//! do, nothing that was told yes is lost, and when there is room again it goes on: by itself while only files were refused,
//! after a start where the store could not be written (invariant 1, S8).
//!
//! The gateway's directory is a small file system in memory, filled from outside. It needs root; elsewhere it says SKIPPED.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pli::value::Digest;
use tempfile::TempDir;

use crate::resumed::{ask, create, finish, patch};
use crate::support::gateway::{Gateway, Mailbox, Start};
use crate::support::http::{Browser, Upload};
use crate::support::steps::{Depositor, download, open_draft, open_transfer, reference, sign_in};
use crate::support::{html, program, run, run_well, samples, smtp, wait_for};

const MIB: usize = 1024 * 1024;
const DISK: &str = "size=96m";
/// What is left when only large things find no room.
const LEFT: u64 = 4 * MIB as u64;
/// What the store needs to open again, as the operator's guide says.
const ROOM_TO_OPEN: u64 = 16 * MIB as u64;
const LARGE: usize = 12 * MIB;
/// Small mails that are sent until the store itself finds no room.
const MAILS_MAX: usize = 2000;

#[test]
fn a_full_disk_refuses_in_words_loses_nothing_and_goes_on() {
    let home = Arc::new(TempDir::new().unwrap());
    let Some(disk) = SmallDisk::mount(&home.path().join("demo")) else { return };
    let mut gateway = Gateway::start(Arc::clone(&home), &Start::default());
    let facts = gateway.facts();
    let (mailbox, address) = (facts.generic().remove(0), facts.depositor());
    let agent = facts.agent_of(&mailbox);
    let mut kept = vec![
        open_draft(&gateway, &mailbox, &address).send_well("Demande urgente", "Avant.", &[]),
        by_mail(&gateway, &mailbox, &address, 0, "Avant aussi.").expect("there is room"),
    ];
    let mut page = open_draft(&gateway, &mailbox, &address);
    let mut parts = open_draft(&gateway, &mailbox, &address);

    disk.fill_up_to(LEFT);
    let file = samples::scan(LARGE);
    let large = [Upload { name: "scan.tiff", kind: "image/tiff", bytes: &file }];
    let refused = page.add(&large);
    assert_eq!(refused.status, 503, "{}", html::text(&refused.text()));
    assert!(refused.header("retry-after").is_some(), "and when to come again");
    let words = html::text(&refused.text());
    assert!(words.contains("momentanément indisponible"), "{words}");
    assert!(refused.text().contains("name=\"title\""), "and gives back what was typed");
    let answer = smtp::send(
        &gateway.smtp,
        &address,
        &mailbox.deposit_address,
        &mail(&address, &mailbox, 1, &samples_text(LARGE)),
    );
    assert_eq!(answer.unwrap().code, 452, "insufficient storage: the sender's host keeps it");
    let action = parts.form().action;
    let upload = create(&mut parts.browser, &action, file.len());
    cut_by_the_disk(&mut parts.browser, &upload, &file);

    disk.clear();
    // There is room again, and nobody had to do anything.
    let offset = ask(&mut parts.browser, &upload);
    assert!(offset < file.len());
    finish(&mut parts.browser, &upload, offset, &file);
    let listed = parts.browser.get(&action).text();
    assert!(listed.contains(&Digest::of(&file).to_hex()), "the file is whole");
    let Depositor { mut browser, .. } = parts;
    let form = html::form_with(&listed, "title");
    let sent = browser.submit(&form, &[("title", "Demande urgente"), ("action", "send")], &[]);
    let in_parts = reference(&browser.follow(sent));
    let whole = page.send_well("Demande urgente", "Après.", &large);
    kept.extend([in_parts.clone(), whole.clone()]);

    disk.fill_up_to(0);
    let mut said_no = None;
    for number in 2..MAILS_MAX {
        match by_mail(&gateway, &mailbox, &address, number, "Pendant.") {
            Ok(reference) => kept.push(reference),
            Err(code) => {
                said_no = Some(code);
                break;
            }
        }
    }
    let code = said_no.expect("the disk is full at last");
    assert!((400..500).contains(&code) || code == CLOSED, "{code}: told to come again");
    let status = wait_for("the gateway to stop: its store is not known any more", || gateway.ended());
    assert!(!status.success(), "the service manager starts it again");

    disk.clear();
    disk.fill_up_to(ROOM_TO_OPEN);
    let gateway = Gateway::start(Arc::clone(&home), &Start::default());
    let mut agent = sign_in(&gateway, &agent);
    for reference in &kept {
        assert_eq!(open_transfer(&mut agent, reference).status, 200, "{reference} was told yes");
    }
    for reference in [&in_parts, &whole] {
        assert_eq!(Digest::of(&download(&mut agent, reference, 1).body), Digest::of(&file));
    }
    by_mail(&gateway, &mailbox, &address, MAILS_MAX, "Après le redémarrage.").expect("it goes on");
}

/// What stands for no answer at all.
const CLOSED: u16 = 0;

fn mail(from: &str, mailbox: &Mailbox, number: usize, text: &str) -> Vec<u8> {
    let id = format!("plein-{number}@cd35.example");
    samples::plain_mail(from, &mailbox.deposit_address, "Demande urgente", &id, text)
}

/// Sends a small mail: its reference, or the code that said no.
fn by_mail(
    gateway: &Gateway,
    mailbox: &Mailbox,
    from: &str,
    number: usize,
    text: &str,
) -> Result<String, u16> {
    match smtp::send(&gateway.smtp, from, &mailbox.deposit_address, &mail(from, mailbox, number, text)) {
        Ok(answer) if answer.is_yes() => Ok(crate::road::reference_in(&answer.text)),
        Ok(answer) => Err(answer.code),
        Err(_) => Err(CLOSED),
    }
}

/// Lines of text, so many bytes of them.
fn samples_text(bytes: usize) -> String {
    "Une ligne qui n'a rien de personnel, et encore une.\r\n".repeat(bytes / 53)
}

/// Sends all of a file where there is no room for it.
fn cut_by_the_disk(browser: &mut Browser, upload: &str, file: &[u8]) {
    let (length, patch) = (file.len().to_string(), patch(0));
    let headers: Vec<_> = patch.each().into_iter().chain([("Content-Length", length.as_str())]).collect();
    // It may close before it has read all: an answer that was not read is no yes.
    if let Ok(reply) = browser.try_request("PATCH", upload, &headers, file) {
        assert_eq!(reply.status, 503, "{}", reply.text());
    }
    // What came is sealed anew before it is told; that takes room as well.
    let asked = browser.request("HEAD", upload, &[("Tus-Resumable", "1.0.0")], b"");
    assert!([200, 503].contains(&asked.status), "{}", asked.status);
}

/// A small file system in memory, and what fills it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = run(program("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(at));
        if !mounted.status.success() {
            let _ = writeln!(
                std::io::stderr(),
                "\n*** full disk test SKIPPED: nothing can be mounted here ***\n"
            );
            return None;
        }
        Some(Self(at.to_owned()))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Fills it until so many bytes are left.
    fn fill_up_to(&self, left: u64) {
        let mut ballast = fs::File::options().create(true).append(true).open(self.ballast()).unwrap();
        for piece in [MIB, 4096, 1] {
            while ballast.write_all(&vec![7; piece]).is_ok() {}
        }
        let size = ballast.metadata().unwrap().len();
        ballast.set_len(size - left).unwrap();
    }

    fn clear(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run_well(program("umount").arg("--lazy").arg(&self.0));
    }
}
