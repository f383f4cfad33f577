//! A system clock that jumps ten years forward closes access and destroys nothing until somebody confirms it (moving
//! the demo's clock confirms), at a restart as in the middle of a day.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::expired::routes;
use crate::support::gateway::{Gateway, Start};
use crate::support::http::Browser;
use crate::support::steps::{open_draft, open_transfer, sign_in};
use crate::support::{files_under, wait_until};

const MESSAGE: &str = "Reste fermé, reste entier.";

#[test]
fn a_restart_ten_years_later_opens_nothing_and_destroys_nothing() {
    let mut gateway = Gateway::new();
    let (reference, mut agent) = deposit_and_sign_in(&gateway);
    let keys = keys(&gateway);
    assert!(gateway.interrupt().success());

    let jumped = Start { under: fake_clock(&gateway.home.path().join("clock"), "+3650d") };
    let mut gateway = Gateway::start(Arc::clone(&gateway.home), &jumped);
    agent.host.clone_from(&gateway.http);
    stays_closed(&gateway, &mut agent, &reference, &keys);
    assert!(gateway.interrupt().success());

    // The clock was wrong, and is right again: all is as it was.
    let gateway = Gateway::start(Arc::clone(&gateway.home), &Start::default());
    let mut agent = sign_in(&gateway, &gateway.facts().agent_of(&gateway.facts().generic()[0]));
    assert!(open_transfer(&mut agent, &reference).text().contains(MESSAGE));
}

#[test]
fn a_jump_while_it_runs_closes_access_until_it_is_confirmed() {
    let home = Arc::new(tempfile::TempDir::new().unwrap());
    let hands = home.path().join("clock");
    let gateway = Gateway::start(Arc::clone(&home), &Start { under: fake_clock(&hands, "+0d") });
    let (reference, mut agent) = deposit_and_sign_in(&gateway);
    assert!(open_transfer(&mut agent, &reference).text().contains(MESSAGE));
    let keys = keys(&gateway);

    fs::write(&hands, "+3650d\n").unwrap();
    stays_closed(&gateway, &mut agent, &reference, &keys);

    // Somebody says that it is so: then it is ten years later, and all is over.
    gateway.advance(1);
    let mut agent = sign_in(&gateway, &gateway.facts().agent_of(&gateway.facts().generic()[0]));
    for (route, status) in routes(&mut agent, &reference) {
        assert_eq!(status, 410, "{route}");
    }
    wait_until("the keys of ten years ago to be destroyed", || keys.iter().all(|key| !key.exists()));
}

/// Nothing opens for the entitled agent, and every key is still there after several runs of the upkeep.
fn stays_closed(gateway: &Gateway, agent: &mut Browser, reference: &str, before: &BTreeSet<PathBuf>) {
    for (route, status) in routes(agent, reference) {
        assert!(status >= 400 || status == 303, "{route} while the clock is not believed: {status}");
    }
    assert!(!open_transfer(agent, reference).text().contains(MESSAGE));
    // The upkeep runs every few seconds; a deposit that is refused shows that the jump was noticed.
    let mut visitor = Browser::new(&gateway.http);
    let page = gateway.facts().generic()[0].page.clone();
    wait_until("the gateway to close itself", || {
        visitor.post_fields(&page, &[("address".into(), gateway.facts().depositor())]).status >= 500
    });
    std::thread::sleep(std::time::Duration::from_secs(6));
    let now = keys(gateway);
    assert!(before.is_subset(&now), "keys destroyed: {:?}", before.difference(&now).collect::<Vec<_>>());
}

fn deposit_and_sign_in(gateway: &Gateway) -> (String, Browser) {
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference =
        open_draft(gateway, &mailbox, &facts.depositor()).send_well("Demande urgente", MESSAGE, &[]);
    (reference, sign_in(gateway, &facts.agent_of(&mailbox)))
}

fn keys(gateway: &Gateway) -> BTreeSet<PathBuf> {
    let keys: BTreeSet<PathBuf> = files_under(&gateway.dir().join("keyring/days")).into_iter().collect();
    assert!(keys.len() > 20, "one a day, 21 days ahead");
    keys
}

/// Runs a program under libfaketime, whose hands are a file: `+3650d` is ten years later. Only the wall clock jumps.
fn fake_clock(hands: &PathBuf, offset: &str) -> Vec<String> {
    fs::write(hands, format!("{offset}\n")).unwrap();
    let is_library = |path: &PathBuf| path.ends_with("faketime/libfaketime.so.1");
    let library = fs::read_dir("/usr/lib")
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
        .find(|path| is_library(path) && path.exists())
        .expect("libfaketime; tests/tools/install installs it");
    vec![
        "env".to_owned(),
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", hands.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ]
}
