//! A mailbox that its members keep (DESIGN "Mailbox key", P7), on the real gateway: a thief of the whole machine opens
//! nothing without a member's secret, and a member admits another on the page.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pli::app::ports::{Key, List, Random, Record, Store};
use pli::identity::{Account, Password, PersonalKey};
use pli::mailbox::{Custody, Mailbox};
use pli::store::{EmbeddedStore, SystemRandom};
use pli::transfer::Transfer;
use pli::vault::{Grant, Identity, Sealed, open, unwrap_identity};
use tempfile::TempDir;

use crate::support::gateway::{Gateway, Start};
use crate::support::html::{form_to, forms, text};
use crate::support::http::Upload;
use crate::support::steps::{open_draft, open_transfer, sign_in};
use crate::support::{age, copy_folder, files_under, holds};

const SECRET: &str = "Ce que seuls les membres lisent.";
const KEPT_BY_MEMBERS: &str = "service-social";

fn deposit(gateway: &Gateway) -> String {
    let facts = gateway.facts();
    let mailbox = facts.generic().into_iter().find(|mailbox| mailbox.slug() == KEPT_BY_MEMBERS).unwrap();
    let mut draft = open_draft(gateway, &mailbox, &facts.depositor());
    let file = Upload { name: "fiche.txt", kind: "text/plain", bytes: SECRET.as_bytes() };
    draft.send_well("Demande urgente", SECRET, &[file])
}

/// What a thief of the machine has: its store, and every age identity that any of its files holds.
struct Loot {
    _home: TempDir,
    store: EmbeddedStore,
    keys: Vec<Identity>,
}

impl Loot {
    /// A copy of the directory; the passwords of the demonstration's people and the offline recovery identity are on no
    /// machine otherwise, and are left out.
    fn of(directory: &Path) -> Self {
        let home = TempDir::new().unwrap();
        let copy = home.path().join("copy");
        copy_folder(directory, &copy);
        fs::remove_file(copy.join("demo-people.json")).unwrap();
        fs::remove_file(copy.join("demo.json")).unwrap();
        fs::remove_dir_all(copy.join("recovery")).unwrap();
        let mut keys = Vec::new();
        for file in files_under(&copy) {
            let bytes = fs::read(&file).unwrap();
            if let Ok(text) = std::str::from_utf8(&bytes) {
                keys.extend(text.lines().filter_map(|line| Identity::parse(line).ok()));
            }
            assert!(!holds(&bytes, SECRET.as_bytes()), "{} holds it in clear", file.display());
        }
        let store = EmbeddedStore::open(&copy.join("store")).unwrap();
        Self { _home: home, store, keys }
    }

    async fn list<R: TryFrom<Record>>(&self, list: List) -> Vec<R> {
        let found = self.store.list(&list, 1000).await.unwrap();
        found.into_iter().filter_map(|found| R::try_from(found.record).ok()).collect()
    }

    async fn one<R: TryFrom<Record>>(&self, key: Key) -> R {
        R::try_from(self.store.get(&key).await.unwrap().unwrap().record).ok().unwrap()
    }

    async fn mailbox(&self) -> Mailbox {
        let all: Vec<Mailbox> = self.list(List::Mailboxes).await;
        all.into_iter().find(|mailbox| mailbox.slug.as_str() == KEPT_BY_MEMBERS).unwrap()
    }
}

#[test]
fn a_copy_of_the_whole_machine_opens_nothing_without_a_members_secret() {
    let mut gateway = Gateway::new();
    let reference = deposit(&gateway);
    let member = gateway.facts().people().into_iter().find(|p| p.address.starts_with("maiwenn")).unwrap();
    let mut browser = sign_in(&gateway, &member);
    assert!(
        open_transfer(&mut browser, &reference).text().contains("seuls les membres"),
        "a member reads it"
    );
    // The key is open in memory; what is on the disk is what counts.
    gateway.kill();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let loot = Loot::of(&gateway.dir());
        let mailbox = loot.mailbox().await;
        assert_eq!(mailbox.key.custody, Custody::Members);
        assert!(loot.keys.len() > 20, "the day keys, the gateway's own and others: {}", loot.keys.len());
        let transfers: Vec<Transfer> =
            loot.list(List::TransfersOf { mailbox: mailbox.id, before: None }).await;
        let [transfer] = &transfers[..] else { panic!("{transfers:?}") };
        let grant: Grant = loot.one(Key::Grant((transfer.id, mailbox.id))).await;
        let wraps: Vec<pli::mailbox::MemberWrap> = loot.list(List::MemberWrapsOf(mailbox.id)).await;
        let accounts: Vec<Account> = loot.list(List::Accounts).await;

        // Everything that could lead to the case, and what of it any key opens.
        let mut sealed: Vec<Sealed> = vec![transfer.manifest.clone(), grant.sealed.clone()];
        sealed.extend(wraps.iter().map(|wrap| wrap.wrap.clone()));
        sealed.extend(mailbox.key.for_recovery.clone());
        assert!(mailbox.key.for_gateway.is_none());
        for account in &accounts {
            let key: PersonalKey = loot.one(Key::PersonalKey(account.id)).await;
            let json = serde_json::to_value(&key).unwrap();
            sealed.push(serde_json::from_value(json["wrap"].clone()).unwrap());
        }
        let mut opened = Vec::new();
        for blob in &sealed {
            for key in &loot.keys {
                if let Ok(inner) = open(key, blob) {
                    opened.push(
                        Sealed::from_bytes(inner.expose().to_vec()).expect("only one more seal comes out"),
                    );
                }
            }
        }
        assert_eq!(
            opened.len(),
            1,
            "the day's key opens the outer seal of the grant, and nothing opens anything else"
        );
        for key in &loot.keys {
            assert!(open(key, &opened[0]).is_err(), "{key:?} opens the mailbox's seal");
        }
        with_the_stock_tool(&loot, &sealed[0], &opened[0], &wraps[0].wrap);

        // That the search could have found it: with the password, the same files open.
        let account = accounts.iter().find(|account| account.address.to_string() == member.address).unwrap();
        let personal: PersonalKey = loot.one(Key::PersonalKey(account.id)).await;
        let typed = Password::new(member.password.clone()).unwrap();
        let personal = personal.open(&account.password.open(&typed).unwrap()).unwrap();
        let identity = unwrap_identity(&personal, &wraps[0].wrap).unwrap();
        assert!(open(&identity, &opened[0]).is_ok());
    });
}

/// Every identity of the machine, given to `age` at once, opens none of these.
fn with_the_stock_tool(loot: &Loot, manifest: &Sealed, inner_grant: &Sealed, wrap: &Sealed) {
    let place = TempDir::new().unwrap();
    let keys: PathBuf = place.path().join("all.key");
    let lines: Vec<String> =
        loot.keys.iter().map(|key| String::from_utf8(key.expose().expose().to_vec()).unwrap()).collect();
    fs::write(&keys, lines.join("\n")).unwrap();
    for (name, blob) in [("manifest", manifest), ("grant", inner_grant), ("wrap", wrap)] {
        let file = place.path().join(name);
        fs::write(&file, blob.as_bytes()).unwrap();
        let said = age::decrypt(&keys, &file).expect_err("age opened it");
        assert!(said.contains("no identity matched"), "{said}");
    }
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let own = Identity::generate();
    let control = place.path().join("control");
    fs::write(&control, pli::vault::seal(&own.recipient(), &random.bytes::<32>()).unwrap().as_bytes())
        .unwrap();
    fs::write(&keys, own.expose().expose()).unwrap();
    assert_eq!(age::decrypt(&keys, &control).unwrap().len(), 32, "age itself works");
}

#[test]
fn a_member_admits_on_the_page_and_a_restart_asks_for_the_password() {
    let gateway = Gateway::new();
    let reference = deposit(&gateway);
    let person = |name: &str| {
        gateway.facts().people().into_iter().find(|person| person.address.starts_with(name)).unwrap()
    };
    let (member, waiting) = (person("maiwenn"), person("ronan"));
    let members = format!("/boites/{KEPT_BY_MEMBERS}/membres");

    let mut colleague = sign_in(&gateway, &waiting);
    let refused = open_transfer(&mut colleague, &reference);
    assert_eq!(refused.status, 403);
    assert!(text(&refused.text()).contains("Un membre doit vous ouvrir la boîte"));
    let page = colleague.get(&members);
    assert!(forms(&page.text()).iter().all(|form| form.action != members), "who waits admits nobody");

    let mut browser = sign_in(&gateway, &member);
    let page = browser.get(&members).text();
    // The first form is the member's own; the next one admits who waits.
    let admit = forms(&page).into_iter().filter(|form| form.action == members).nth(1).unwrap();
    let admitted = browser.submit(&admit, &[("action", "admettre")], &[]);
    let told = browser.follow(admitted);
    assert!(
        text(&told.text()).contains("La personne peut maintenant ouvrir la boîte."),
        "{}",
        text(&told.text())
    );
    assert!(open_transfer(&mut colleague, &reference).text().contains("seuls les membres"));

    let home = Arc::clone(&gateway.home);
    drop(gateway);
    let gateway = Gateway::start(home, &Start::default());
    let mut browser = browser.moved_to(&gateway.http);
    let path = format!("/transferts/{reference}");
    let envelope = browser.get(&path).text();
    let asked = match form_to(&envelope, &path) {
        Some(form) => browser.submit(&form, &[], &[]),
        None => browser.get(&path),
    };
    let asked = browser.follow(asked);
    let form = form_to(&asked.text(), "/cle").expect("the password is asked for");
    let wrong = browser.submit(&form, &[("password", "pas le bon")], &[]);
    assert_eq!(wrong.status, 422);
    let opened = browser.submit(&form, &[("password", &member.password)], &[]);
    browser.follow(opened);
    assert!(open_transfer(&mut browser, &reference).text().contains("seuls les membres"));
}
