//! The part of the walk that happens seldom: a person's own key, a self-check, a kit and an erasure, a backup, its
//! restore and what an operator does after it.

use std::collections::BTreeSet;

use pli::app::{KitReader, SuspendedMails, TreatedAs};
use pli::audit::{Action, Origin};
use pli::identity::Password;

use super::Walk;
use crate::backups::{back_up, empty, restore};
use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};

pub(super) async fn walk(house: &House, walk: &mut Walk) {
    own_keys(house, walk).await;
    self_checks(house, walk).await;
    let backup = restorable(house, walk).await;
    for what in [SuspendedMails::Resume, SuspendedMails::Cancel] {
        after_a_restore(house, backup.clone(), what, walk).await;
    }
    persons(house, walk).await;
}

async fn own_keys(house: &House, walk: &mut Walk) {
    let agent = house.sign_in("agent@carsat.example").await;
    house.store.take_units();
    let typed = |text: &str| Password::new(text.into());
    house.app.unlock(&agent, typed(PASSWORD), visitor()).await.unwrap();
    walk.step(house, "a person opens the own key again", &[(Action::PersonalKeyOpened, "done")]);
    assert!(house.app.unlock(&agent, typed("faux"), visitor()).await.is_err());
    walk.step(house, "and with a wrong password", &[(Action::SignInRefused, "refused")]);
}

async fn self_checks(house: &House, walk: &mut Walk) {
    for (found, outcome) in [(Some(0), "done"), (Some(2), "failed"), (None, "failed")] {
        house.app.note_self_check(found).await.unwrap();
        walk.step(house, "a self-check ended", &[(Action::SelfChecked, outcome)]);
    }
}

/// A backup with letters that wait.
async fn restorable(house: &House, walk: &mut Walk) -> Vec<u8> {
    house.deposit().await;
    house.store.take_units();
    let backup = back_up(house).await;
    walk.step(house, "a backup is made", &[(Action::BackupMade, "intended"), (Action::BackupMade, "done")]);
    backup
}

async fn after_a_restore(house: &House, backup: Vec<u8>, what: SuspendedMails, walk: &mut Walk) {
    let restored = empty(house);
    let report = restore(&restored, backup).await.unwrap().restoration.report;
    assert!(report.mails_suspended > 0, "letters wait in the backup");
    let units = restored.store.take_units();
    let told: Vec<_> = units.iter().flat_map(|unit| &unit.entries).map(|entry| entry.event.action).collect();
    let suspended = told.iter().filter(|action| **action == Action::MailSuspended).count() as u64;
    assert_eq!(suspended, report.mails_suspended, "each is told, and no other");
    assert!(told.contains(&Action::BackupRestored));

    let treated = restored.app.treat_suspended_mails(what, Origin::Cli).await.unwrap();
    assert_eq!(treated.len() as u64, report.mails_suspended);
    let told: BTreeSet<_> = treated.iter().map(|(_, treated)| action_of(*treated)).collect();
    let told: Vec<_> = told.into_iter().map(|action| (action, "done")).collect();
    walk.step(&restored, "suspended letters are treated", &told);
    restored.app.treat_suspended_mails(what, Origin::Cli).await.unwrap();
    walk.step(&restored, "and treated again", &[]);
    assert!(restored.app.open_after_restore(Origin::Cli).await.unwrap());
    walk.step(&restored, "the gateway is opened", &[(Action::RestoreOpened, "done")]);
    assert!(!restored.app.open_after_restore(Origin::Cli).await.unwrap());
    walk.step(&restored, "and is open", &[]);
}

fn action_of(treated: TreatedAs) -> Action {
    match treated {
        TreatedAs::Resumed => Action::MailResumed,
        TreatedAs::Cancelled | TreatedAs::LinkVoid => Action::MailCancelled,
        TreatedAs::Listed => panic!("only listed"),
    }
}

async fn persons(house: &House, walk: &mut Walk) {
    let agent = house.sign_in("agent@carsat.example").await;
    house.store.take_units();
    let depositor = address(DEPOSITOR);
    let web = visitor().web();
    house.app.erase_person(&depositor, KitReader::Member(&agent.account), web).await.unwrap_err();
    walk.step(house, "an agent asks for an erasure", &[(Action::NameErased, "refused")]);
    house.app.erase_person(&depositor, KitReader::Operator, Origin::Cli).await.unwrap();
    walk.step(house, "a depositor is erased", &[(Action::NameErased, "done")]);
    let colleague = address("autre@carsat.example");
    house.app.erase_person(&colleague, KitReader::Operator, Origin::Cli).await.unwrap();
    walk.step(
        house,
        "an account is erased",
        &[(Action::NameErased, "done"), (Action::AccountDeleted, "done")],
    );
}
