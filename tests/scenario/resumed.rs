//! Uploads go on after `kill -9` at any byte (D4): at most 1 MiB of what the gateway had taken off the line is lost, what
//! comes out has the right digest, and nothing of the unfinished file is in clear on the disk.
//!
//! What the kernel still holds of a connection when a process is killed is lost with it, whatever a program does. So the
//! line is drained before the kill where the loss is measured; in every other round the gateway dies in mid-stream.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use pli::value::Digest;

use crate::support::gateway::{Gateway, Start};
use crate::support::http::Browser;
use crate::support::steps::{Depositor, download, open_draft, open_transfer, reference, sign_in};
use crate::support::{files_under, holds, rounds, samples, wait_until};

const MIB: usize = 1024 * 1024;
/// Over one whole segment of 64 MiB.
const FILE_BYTES: usize = 70 * MIB;
/// What comes between two kills, at most.
const STRETCH_MAX: usize = 14 * MIB;
/// What a kill may cost of what the gateway had read.
const LOSS_MAX: usize = MIB;
/// What the gateway may have for eight uploads at once.
const MEMORY_MAX: u64 = 96 * MIB as u64;
/// A word that nothing else on the machine says.
const MARKER: &[u8] = b"qzxjvkwmarqueur-reprise";

#[test]
fn an_upload_goes_on_after_a_kill_at_any_byte() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, address) = (facts.generic().remove(0), facts.depositor());
    let mut file = samples::scan(FILE_BYTES);
    for at in (1000..file.len() - 100).step_by(50_000) {
        file[at..at + MARKER.len()].copy_from_slice(MARKER);
    }
    let digest = Digest::of(&file);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut kills = 0;
    let mut worst = 0;
    let wanted = rounds(10, 200);
    while kills < wanted {
        let draft = open_draft(&gateway, &mailbox, &address);
        let draft_path = draft.form().action.clone();
        let Depositor { mut browser, .. } = draft;
        let upload = create(&mut browser, &draft_path, file.len());
        let mut offset = 0;
        while offset < file.len() && kills < wanted {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let stretch = 1 + usize::try_from(state >> 20).unwrap() % STRETCH_MAX;
            let end = (offset + stretch).min(file.len() - 1);
            let drained = kills % 2 == 0;
            let mut line = browser.begin("PATCH", &upload, &patch(offset).each(), file.len() - offset);
            line.write_all(&file[offset..end]).unwrap();
            if drained {
                wait_until("the gateway to have read all", || is_drained(&line));
            }
            gateway.kill();
            kills += 1;
            if kills == 1 {
                assert!(
                    !files_under(&gateway.dir()).iter().any(|path| holds(&fs::read(path).unwrap(), MARKER))
                );
            }
            gateway = Gateway::start(Arc::clone(&gateway.home), &Start::default());
            browser = browser.moved_to(&gateway.http);
            let resumed = ask(&mut browser, &upload);
            assert!((offset..=end).contains(&resumed), "at {resumed} of {offset} to {end}");
            if drained {
                worst = worst.max(end - resumed);
                assert!(end - resumed <= LOSS_MAX, "kill {kills}: {} bytes were lost", end - resumed);
            }
            offset = resumed;
        }
        finish(&mut browser, &upload, offset, &file);
        let page = browser.get(&draft_path).text();
        assert!(page.contains(&digest.to_hex()), "the page tells the digest");
        let form = crate::support::html::form_with(&page, "title");
        let sent = browser.submit(&form, &[("title", "Demande urgente"), ("action", "send")], &[]);
        let sent = reference(&browser.follow(sent));
        let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
        open_transfer(&mut agent, &sent);
        assert_eq!(Digest::of(&download(&mut agent, &sent, 1).body), digest);
    }
    println!("{kills} kills; the worst cost {worst} bytes of what the gateway had read");
}

#[test]
fn eight_uploads_at_once_take_little_memory_whatever_their_size() {
    // The first start made accounts, and each password took 19 MiB: what counts is a gateway that only serves.
    let gateway = Gateway::new().killed_and_restarted();
    let facts = gateway.facts();
    let (mailbox, address) = (facts.generic().remove(0), facts.depositor());
    let size = rounds(96, 1024) * MIB;
    let piece = Arc::new(samples::scan(MIB));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let draft = open_draft(&gateway, &mailbox, &address);
            let draft_path = draft.form().action.clone();
            let Depositor { mut browser, .. } = draft;
            let piece = Arc::clone(&piece);
            std::thread::spawn(move || {
                let upload = create(&mut browser, &draft_path, size);
                let mut line = browser.begin("PATCH", &upload, &patch(0).each(), size);
                for _ in 0..size / MIB {
                    line.write_all(&piece).unwrap();
                }
                let mut answer = String::new();
                line.read_to_string(&mut answer).unwrap();
                assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
                assert_eq!(ask(&mut browser, &upload), size);
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let peak = gateway.peak_memory();
    println!("8 uploads of {} MiB at once: {} MiB at the most", size / MIB, peak / MIB as u64);
    assert!(peak <= MEMORY_MAX, "{peak} bytes");
}

/// The headers of a PATCH.
pub struct Patch(String);

pub fn patch(offset: usize) -> Patch {
    Patch(offset.to_string())
}

impl Patch {
    pub fn each(&self) -> [(&str, &str); 3] {
        [
            ("Tus-Resumable", "1.0.0"),
            ("Content-Type", "application/offset+octet-stream"),
            ("Upload-Offset", &self.0),
        ]
    }
}

pub fn create(browser: &mut Browser, draft: &str, length: usize) -> String {
    let length = length.to_string();
    let headers = [("Tus-Resumable", "1.0.0"), ("Upload-Length", length.as_str())];
    let reply = browser.request("POST", &format!("{draft}/fichiers/tus"), &headers, b"");
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.header("location").unwrap().to_owned()
}

pub fn ask(browser: &mut Browser, upload: &str) -> usize {
    let reply = browser.request("HEAD", upload, &[("Tus-Resumable", "1.0.0")], b"");
    assert_eq!(reply.status, 200);
    reply.header("upload-offset").unwrap().parse().unwrap()
}

pub fn finish(browser: &mut Browser, upload: &str, offset: usize, file: &[u8]) {
    let length = (file.len() - offset).to_string();
    let patch = patch(offset);
    let headers: Vec<_> = patch.each().into_iter().chain([("Content-Length", length.as_str())]).collect();
    let reply = browser.request("PATCH", upload, &headers, &file[offset..]);
    assert_eq!((reply.status, reply.header("upload-offset")), (204, Some(file.len().to_string().as_str())));
}

/// Whether the process at the other end has taken all off this connection: neither kernel queue of it holds a byte
/// (`/proc/net/tcp`, proc(5)).
fn is_drained(line: &TcpStream) -> bool {
    let (ours, theirs) = (line.local_addr().unwrap(), line.peer_addr().unwrap());
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let queues = |local: SocketAddr, remote: SocketAddr, column: usize| {
        table.lines().skip(1).find_map(|row| {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let port = |field: &str| u16::from_str_radix(field.rsplit(':').next().unwrap(), 16).unwrap();
            (port(fields[1]) == local.port() && port(fields[2]) == remote.port())
                .then(|| u64::from_str_radix(fields[4].split(':').nth(column).unwrap(), 16).unwrap())
        })
    };
    queues(ours, theirs, 0) == Some(0) && queues(theirs, ours, 1) == Some(0)
}
