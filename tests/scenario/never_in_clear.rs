//! Never in clear (invariant 3): a marker deposited by every road is found nowhere on the disk, and yet the stock `age`
//! tool, with the organisation's recovery identity and the live day's identity, opens what was exported.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::form;
use crate::road::reference_in;
use crate::support::gateway::Gateway;
use crate::support::http::Upload;
use crate::support::outbox;
use crate::support::steps::{open_draft, open_transfer, reference, sign_in};
use crate::support::{age, files_under, holds, peers, samples, smtp, wait_until};

/// A word that nothing else on the machine says; lower case, so that no fold or encoding of ours changes it.
const MARKER: &str = "qzxjvkwmarqueur";
/// A NIR of nobody with its right key: no title may hold it.
const NIR: &str = "1 85 05 78 006 084";

#[test]
fn what_is_deposited_is_nowhere_in_clear() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (form::named(&facts.generic(), "partenaires-retraite"), facts.depositor());
    let content = format!("Rapport sur {MARKER}-contenu\n").repeat(2000);
    let name = format!("{MARKER}-nom.txt");

    let mut draft = open_draft(&gateway, &mailbox, &depositor);
    draft.add(&[Upload { name: &name, kind: "text/plain", bytes: content.as_bytes() }]);
    let key = 97 - 1_850_578_006_084_u64 % 97;
    let refused = draft.send(&format!("Mme {MARKER} {NIR} {key:02}"), &format!("{MARKER}-message"), &[]);
    assert!(!refused.text().contains("id=\"reference\""), "a title with a NIR is refused");
    // Kept while it is filled, sealed as data and as a document when it is sent.
    form::choose(&mut draft, "fiche-de-liaison-asip");
    let comment = format!("{MARKER}-commentaire");
    let mut filled = form::GOOD.to_vec();
    filled.push(("f.comment", &comment));
    filled.push(("f.birth_name", MARKER));
    filled.retain(|(name, value)| *name != "f.birth_name" || *value == MARKER);
    filled.push(("action", "add"));
    form::post(&mut draft, &filled);
    assert!(draft.page.contains(&comment), "the form is kept");
    let message = format!("{MARKER}-message");
    filled.retain(|(name, _)| *name != "action");
    filled.extend([("title", "Demande urgente"), ("message", &message), ("action", "send")]);
    let by_page = reference(&form::post(&mut draft, &filled));

    let attachment = gateway.home.path().join(format!("{MARKER}-joint.txt"));
    fs::write(&attachment, &content).unwrap();
    let sent = peers::swaks(
        &gateway.smtp,
        &depositor,
        &mailbox.deposit_address,
        &format!("{MARKER}-objet"),
        &format!("{MARKER}-corps"),
        &[&attachment],
    );
    fs::remove_file(&attachment).unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    let by_mail = reference_in(&String::from_utf8_lossy(&sent.stdout));
    let outsider = samples::plain_mail(
        "x@ailleurs.example",
        &mailbox.deposit_address,
        MARKER,
        "m1@ailleurs.example",
        MARKER,
    );
    assert!(
        smtp::send(&gateway.smtp, "x@ailleurs.example", &mailbox.deposit_address, &outsider).unwrap().code
            >= 500
    );

    // A draft that stays a draft is on the disk as well.
    let mut left = open_draft(&gateway, &mailbox, &depositor);
    left.add(&[Upload { name: &name, kind: "text/plain", bytes: content.as_bytes() }]);
    form::choose(&mut left, "fiche-de-liaison-rsa");
    form::post(&mut left, &[("f.first_name", MARKER), ("action", "add")]);

    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    for reference in [&by_page, &by_mail] {
        assert!(
            open_transfer(&mut agent, reference).text().contains(MARKER),
            "an agent reads it: the marker is real"
        );
        agent.get(&format!("/transferts/{reference}/tout.zip"));
        outbox::wait(&gateway, &mailbox.notice_address, reference, |mail| {
            mail.text.contains(reference.as_str())
        });
    }
    assert_nowhere(&gateway);

    // And nothing was left behind in memory that a restart writes down.
    let gateway = gateway.killed_and_restarted();
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    assert!(open_transfer(&mut agent, &by_mail).text().contains(MARKER));
    assert_nowhere(&gateway);
}

#[test]
fn the_search_would_find_a_marker() {
    let home = tempfile::TempDir::new().unwrap();
    fs::create_dir_all(home.path().join("a/b")).unwrap();
    for (name, bytes) in
        [("utf8", MARKER.as_bytes().to_vec()), ("wide", wide(MARKER)), ("base64", base64_of(MARKER))]
    {
        let path = home.path().join("a/b").join(name);
        fs::write(&path, [b"before ".to_vec(), bytes, b" after".to_vec()].concat()).unwrap();
        assert_eq!(findings(home.path()), std::slice::from_ref(&path));
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn the_stock_age_tool_opens_what_was_exported() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let (pdf, scan) = (samples::pdf("Recouvrement"), samples::scan(2_000_000));
    let mut draft = open_draft(&gateway, &mailbox, &depositor);
    let reference = draft.send_well(
        "Demande urgente",
        "Le message à recouvrer.",
        &[
            Upload { name: "demande.pdf", kind: "application/pdf", bytes: &pdf },
            Upload { name: "scan.tiff", kind: "image/tiff", bytes: &scan },
        ],
    );
    let export = Export::of(gateway);
    let opened = export.open(&reference).unwrap();
    for wanted in [&pdf[..], &scan, "Le message à recouvrer.".as_bytes()] {
        assert!(opened.iter().any(|clear| clear == wanted), "age gives every part back");
    }
    assert!(export.transfer(&reference)["objects"].as_array().unwrap().len() == 3);
    assert!(
        age::decrypt(&export.recovery, &export.path(&export.transfer(&reference)["grant"])).is_err(),
        "the recovery identity alone opens no grant"
    );
    let _ = mailbox;
}

/// `pli recover export`, and the keys that go with it.
pub struct Export {
    /// The organisation's recovery identity.
    pub recovery: PathBuf,
    folder: PathBuf,
    keyring: PathBuf,
    index: Value,
    // Keeps the directory.
    _home: std::sync::Arc<tempfile::TempDir>,
}

impl Export {
    /// Stops the gateway and exports what it holds.
    pub fn of(mut gateway: Gateway) -> Self {
        gateway.interrupt();
        let home = std::sync::Arc::clone(&gateway.home);
        let folder = home.path().join("export");
        let done = gateway.command(&["recover", "export", "-o", folder.to_str().unwrap()]);
        assert!(done.status.success(), "pli recover export: {}", String::from_utf8_lossy(&done.stderr));
        let recovery = recovery_identity(&gateway.dir().join("recovery"));
        let index = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
        Self { recovery, folder, keyring: gateway.dir().join("keyring"), index, _home: home }
    }

    /// The index's entry of a transfer.
    pub fn transfer(&self, reference: &str) -> &Value {
        let transfers = self.index["transfers"].as_array().unwrap();
        transfers
            .iter()
            .find(|transfer| transfer["reference"] == reference)
            .expect("the transfer is in the index")
    }

    /// The path of a file that the index names.
    pub fn path(&self, name: &Value) -> PathBuf {
        self.folder.join(name.as_str().unwrap())
    }

    /// Opens a transfer as the index's `read_me` says, with age alone; the error is the step that age refused.
    pub fn open(&self, reference: &str) -> Result<Vec<Vec<u8>>, String> {
        let transfer = self.transfer(reference);
        let mailbox_key =
            self.keep("m.key", &age::decrypt(&self.recovery, &self.path(&transfer["mailbox_key"]))?);
        let day = self.keyring.join(format!("days/expiry-{}.key", transfer["day"].as_str().unwrap()));
        let inner = self.keep("grant.age", &age::decrypt(&day, &self.path(&transfer["grant"]))?);
        let grant: Value = serde_json::from_slice(&age::decrypt(&mailbox_key, &inner)?).unwrap();
        let key = self.keep(
            "t.key",
            grant["identity"].as_str().expect("the grant names the transfer's identity").as_bytes(),
        );
        age::decrypt(&key, &self.path(&transfer["manifest"]))?;
        transfer["objects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| {
                let segments = part.as_array().unwrap().iter();
                let opened = segments.map(|segment| age::decrypt(&key, &self.path(segment)));
                opened.collect::<Result<Vec<_>, _>>().map(|plain| plain.concat())
            })
            .collect()
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn recovery_identity(folder: &Path) -> PathBuf {
    let is_identity =
        |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains("AGE-SECRET-KEY-1"));
    files_under(folder).into_iter().find(is_identity).expect("DIR/recovery holds the recovery identity")
}

fn assert_nowhere(gateway: &Gateway) {
    // Mails are written a moment after they are queued: what is searched must be there.
    wait_until("mails in the outbox", || !files_under(&gateway.dir().join("outbox")).is_empty());
    // Its temporary directory is a folder in there.
    let found = findings(gateway.home.path());
    assert!(found.is_empty(), "in clear: {found:?}");
}

/// The files under a folder whose bytes or name hold the marker, also as UTF-16 or base64.
fn findings(folder: &Path) -> Vec<PathBuf> {
    files_under(folder).into_iter().filter(|path| is_marked(path)).collect()
}

fn is_marked(path: &Path) -> bool {
    let name = path.to_string_lossy().contains(MARKER);
    let bytes = fs::read(path).unwrap_or_default();
    name || [MARKER.as_bytes().to_vec(), wide(MARKER), base64_of(MARKER)]
        .iter()
        .any(|needle| holds(&bytes, needle))
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// What base64 makes of the marker when it begins on a group: 15 bytes are whole groups.
fn base64_of(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text).into_bytes()
}
