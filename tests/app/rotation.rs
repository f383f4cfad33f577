//! Rotation of a mailbox's key: whoever leaves takes nothing along, live mail stays readable throughout, and what a crash
//! left is gone on with.

use pli::app::ports::{Change, Key, List, Record, UnitOfWork};
use pli::app::{MembersError, OpenError};
use pli::audit::{Action, Origin, Outcome};
use pli::mailbox::{Custody, MemberWrap};
use pli::retention::KeyName;
use pli::store::testing::Fault;
use pli::value::Reference;
use pli::vault::{Grant, Identity, unwrap_identity};

use crate::custody_house::{
    COLLEAGUE, MEMBER, account, admit, cookie, log, mailbox, members_house, policies, restarted,
};
use crate::house::{House, visitor};

/// The house where both can open the mailbox, with some transfers in it.
async fn of_two(transfers: usize) -> (House, Vec<Reference>) {
    let house = members_house().await;
    let member = house.sign_in(MEMBER).await;
    admit(&house, &member, COLLEAGUE).await;
    let mut references = Vec::new();
    for _ in 0..transfers {
        references.push(house.deposit().await);
    }
    (house, references)
}

async fn grants(house: &House) -> Vec<Grant> {
    let mailbox = house.pensions.id;
    let transfers = house.app.store.list(&List::TransfersOf { mailbox, before: None }, 1000).await.unwrap();
    let mut grants = Vec::new();
    for found in transfers {
        let Record::Transfer(transfer) = found.record else { panic!() };
        let Some(Record::Grant(grant)) = house.record(&Key::Grant((transfer.id, mailbox))).await else {
            panic!()
        };
        grants.push(grant);
    }
    grants
}

/// The mailbox's identity, as somebody has it who kept a copy of a wrap and of the personal key that opens it.
fn identity_of(personal: &Identity, wrap: &MemberWrap) -> Identity {
    unwrap_identity(personal, &wrap.wrap).unwrap()
}

#[tokio::test]
async fn who_was_removed_opens_nothing_with_old_session_password_or_copied_keys() {
    let (house, references) = of_two(2).await;
    let (member, leaving) = (house.sign_in(MEMBER).await, house.sign_in(COLLEAGUE).await);
    let colleague = account(&house, COLLEAGUE).await;
    house.app.open_transfer(&leaving, &references[0], visitor()).await.unwrap();

    // What the colleague may have copied while it was allowed.
    let Some(Record::PersonalKey(key)) = house.record(&Key::PersonalKey(colleague.id)).await else {
        panic!()
    };
    let password = pli::identity::Password::new(crate::house::PASSWORD.into()).unwrap();
    let personal = key.open(&colleague.password.open(&password).unwrap()).unwrap();
    let Some(Record::MemberWrap(copied)) =
        house.record(&Key::MemberWrap((house.pensions.id, colleague.id))).await
    else {
        panic!()
    };
    let old = identity_of(&personal, &copied);

    house.app.remove_member(&member, &house.pensions.slug, colleague.id, visitor()).await.unwrap();
    let later = house.deposit().await;
    for reference in references.iter().chain([&later]) {
        let opened = house.app.open_transfer(&house.sign_in(COLLEAGUE).await, reference, visitor()).await;
        assert!(matches!(opened, Err(OpenError::NotEntitled)));
        assert!(house.app.open_transfer(&member, reference, visitor()).await.is_ok());
    }
    let now = grants(&house).await;
    assert_eq!(now.len(), 3);
    for grant in &now {
        let day = house.app.keyring.identity(KeyName::ExpiryDay(grant.terms.day)).unwrap();
        assert!(grant.open(&day, &old).is_err(), "a copied wrap opens a live grant");
    }

    // Back among the entitled, and with the copied wrap put back into the store, it still does not open.
    house.app.entitle(colleague.id, house.pensions.id, Origin::Cli).await.unwrap();
    let unit = UnitOfWork { changes: vec![Change::Put(copied.into())], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
    let back = house.app.signed(&cookie(&house.app, COLLEAGUE).await, visitor()).await.unwrap().unwrap();
    assert!(matches!(house.app.open_transfer(&back, &later, visitor()).await, Err(OpenError::NotAdmitted)));

    let events = log(&house).await;
    let outcomes =
        |action| events.iter().filter(|e| e.action == action).map(|e| e.outcome).collect::<Vec<_>>();
    assert_eq!(outcomes(Action::MailboxKeyRotated), [Outcome::Intended, Outcome::Done]);
    assert_eq!(outcomes(Action::MemberRemoved), [Outcome::Done]);
}

#[tokio::test]
async fn the_last_who_opens_cannot_be_removed() {
    let house = members_house().await;
    let member = house.sign_in(MEMBER).await;
    let removed = house.app.remove_member(&member, &house.pensions.slug, member.account.id, visitor()).await;
    assert!(matches!(removed, Err(MembersError::LastMember)));
    assert_eq!(mailbox(&house).await.key.generation, 1);
}

#[tokio::test]
async fn a_rotation_that_stopped_anywhere_is_gone_on_with_and_all_stays_readable() {
    for (after, fault) in (0..5).flat_map(|n| [(n, Fault::NotPersisted), (n, Fault::Persisted)]) {
        let (house, references) = of_two(3).await;
        let member = house.sign_in(MEMBER).await;
        let colleague = account(&house, COLLEAGUE).await.id;
        house.store.fail_commit_after(after, fault);
        let _may_fail = house.app.remove_member(&member, &house.pensions.slug, colleague, visitor()).await;

        // The gateway is killed here; whoever signs in next goes on.
        let later = restarted(&house);
        let token = cookie(&later, MEMBER).await;
        let signed = later.signed(&token, visitor()).await.unwrap().unwrap();
        for reference in &references {
            later.open_transfer(&signed, reference, visitor()).await.unwrap();
        }
        if mailbox(&house).await.key.generation == 1 {
            assert!(
                (after, fault) == (0, Fault::NotPersisted),
                "only a commit that never was changes nothing"
            );
            continue;
        }
        let current = mailbox(&house).await.key.generation;
        assert!(
            grants(&house).await.iter().all(|grant| grant.terms.generation == current),
            "{after} {fault:?}"
        );
        assert!(house.app.store.list(&List::KeyRotations, 10).await.unwrap().is_empty());
        house.deposit().await;
    }
}

#[tokio::test]
async fn between_the_new_key_and_the_last_grant_both_old_and_new_mail_opens() {
    let (house, references) = of_two(2).await;
    let member = house.sign_in(MEMBER).await;
    let colleague = account(&house, COLLEAGUE).await.id;
    house.store.fail_commit_after(1, Fault::NotPersisted);
    house.app.remove_member(&member, &house.pensions.slug, colleague, visitor()).await.unwrap();
    assert_eq!(
        house.app.store.list(&List::KeyRotations, 10).await.unwrap().len(),
        1,
        "the rotation is under way"
    );
    let later = house.deposit().await;
    for reference in references.iter().chain([&later]) {
        house.app.open_transfer(&member, reference, visitor()).await.unwrap();
    }
    let members = house.app.members(&member, &house.pensions.slug, visitor()).await.unwrap();
    assert!(members.rotating_since.is_some());
}

#[tokio::test]
async fn a_cut_off_account_has_nothing_at_once_and_the_next_member_rotates() {
    let (house, references) = of_two(1).await;
    let stolen = house.sign_in(COLLEAGUE).await;
    let colleague = account(&house, COLLEAGUE).await.id;
    assert!(house.app.cut_off(colleague, Origin::Cli).await.unwrap().is_empty());
    assert!(!house.app.has_key_open(&stolen));
    assert!(house.record(&Key::PersonalKey(colleague)).await.is_none());
    assert!(house.record(&Key::MemberWrap((house.pensions.id, colleague))).await.is_none());
    assert!(house.record(&Key::Session(stolen.session.token)).await.is_none());
    assert!(mailbox(&house).await.key.rotation_due);

    let member = house.sign_in(MEMBER).await;
    let now = mailbox(&house).await;
    assert_eq!((now.key.generation, now.key.rotation_due), (2, false));
    assert!(grants(&house).await.iter().all(|grant| grant.terms.generation == 2));
    house.app.open_transfer(&member, &references[0], visitor()).await.unwrap();
    let member = account(&house, MEMBER).await.id;
    let orphaned = house.app.cut_off(member, Origin::Cli).await.unwrap();
    assert_eq!(orphaned, ["fragilite"], "the operator is told that nobody opens it any more");
}

#[tokio::test]
async fn a_mailbox_leaves_the_gateways_custody_with_its_live_mail_and_returns_only_by_policy() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let signed = house.sign_in(MEMBER).await;
    let slug = &house.pensions.slug;
    house.app.take_into_custody(&signed, slug, visitor()).await.unwrap();
    let now = mailbox(&house).await;
    assert_eq!((now.key.custody, now.key.for_gateway.is_none()), (Custody::Members, true));
    assert_eq!(house.download(&signed, &reference, 1).await, b"%PDF-1.7 synthetic");
    let gateway = house.app.keyring.gateway().unwrap();
    let before = unwrap_identity(&gateway, house.pensions.key.for_gateway.as_ref().unwrap()).unwrap();
    for grant in grants(&house).await {
        let day = house.app.keyring.identity(KeyName::ExpiryDay(grant.terms.day)).unwrap();
        assert!(grant.open(&day, &before).is_err(), "the gateway's key of before opens a live grant");
    }

    let denied = house.app.return_to_gateway(&signed, slug, visitor()).await;
    assert!(matches!(denied, Err(MembersError::Denied)));
    let allowed = policies("dispatch_into_weaker_custody = false\nreturn_to_gateway = true\n");
    house.app.policies.store(allowed.into());
    house.app.return_to_gateway(&signed, slug, visitor()).await.unwrap();
    assert_eq!(mailbox(&house).await.key.custody, Custody::Gateway);
    assert_eq!(house.download(&signed, &reference, 1).await, b"%PDF-1.7 synthetic");
}
