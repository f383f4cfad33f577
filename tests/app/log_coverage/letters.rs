//! The part of the walk about mails: those that come in, those that leave, and those that come back.

use pli::app::ports::{Key, SecretName};
use pli::app::{QueueChange, QueueFilter};
use pli::audit::{Action, Actor, Origin};
use pli::relay::letter::{MailTag, TaggedMail};
use pli::relay::queue::DeliveryProblem;
use pli::value::{MailId, Millis, SecretBytes};

use super::Walk;
use crate::house::{DEPOSITOR, House, relay, visitor};

pub(super) async fn mails_in(house: &House, walk: &mut Walk) {
    let mail = |id: &str| {
        format!("From: {DEPOSITOR}\nSubject: M. Dupont\nMessage-ID: <{id}@departement.example>\n\nBonjour\n")
    };
    house.mail_in(Some(DEPOSITOR), &mail("a"), relay()).await.unwrap();
    walk.step(
        house,
        "a deposit by mail",
        &[(Action::TitleReplaced, "done"), (Action::MailReceived, "done"), (Action::MailQueued, "done")],
    );
    house.mail_in(Some(DEPOSITOR), &mail("a"), relay()).await.unwrap();
    walk.step(house, "the same mail again", &[]);
    assert!(house.mail_in(Some(DEPOSITOR), &mail("b"), visitor()).await.is_err());
    walk.step(house, "a mail of somebody unproved", &[(Action::MailRefused, "refused")]);
    assert!(house.mail_in(Some(DEPOSITOR), "no header", relay()).await.is_err());
    walk.step(house, "a mail that is none", &[(Action::MailRefused, "refused")]);
    let absence =
        format!("From: {DEPOSITOR}\nAuto-Submitted: auto-replied\nSubject: Absence\n\nJe suis absente\n");
    let _ = house.mail_in(Some(DEPOSITOR), &absence, relay()).await;
    walk.step(house, "a notice of absence", &[(Action::MailAutomaticNoted, "done")]);
    house.app.note_automatic_mail(visitor()).await.unwrap();
    walk.step(house, "an automatic mail", &[(Action::MailAutomaticNoted, "done")]);
    let reason = pli::audit::RefusalReason::RelayDenied;
    house.app.log_recipient_refused(Action::RelayRefused, reason, visitor()).await.unwrap();
    walk.step(house, "a mail for elsewhere", &[(Action::RelayRefused, "refused")]);
}

pub(super) async fn letters(house: &House, walk: &mut Walk) {
    let refused = DeliveryProblem::Refused { code: 550 };
    for (problem, step, left) in [
        (
            Some(DeliveryProblem::Unreachable),
            "the next host does not answer",
            &[(Action::MailDelayed, "failed")][..],
        ),
        (
            Some(refused),
            "the next host refuses",
            &[(Action::MailFailed, "failed"), (Action::MailboxUnreachable, "failed")][..],
        ),
        (None, "the next host takes the letters", &[(Action::MailSent, "done")][..]),
    ] {
        *house.outbox.problem.lock().unwrap() = None;
        house.clock.advance(Millis::hours(1));
        house.deposit().await;
        house.prove_receipts().await;
        house.store.take_units();
        *house.outbox.problem.lock().unwrap() = problem;
        house.app.deliver_due_mails().await.unwrap();
        walk.step(house, step, left);
    }
    queue(house, walk).await;
    let returned = SecretBytes::new(b"not a report".to_vec());
    let key = house.app.keyring.secret(SecretName::MailTags).unwrap();
    let tagged = |mail| TaggedMail { mail, tag: MailTag::of_return(&key, mail) };
    let forged = TaggedMail {
        tag: MailTag::of_return(&[0; 32], MailId::new([7; 16])),
        ..tagged(MailId::new([7; 16]))
    };
    house.app.note_returned_mail(forged, &returned, visitor()).await.unwrap();
    walk.step(house, "somebody forges a return", &[(Action::BounceForged, "refused")]);
    house.app.note_returned_mail(tagged(MailId::new([7; 16])), &returned, visitor()).await.unwrap();
    walk.step(house, "a letter that is no report comes back", &[(Action::MailAutomaticNoted, "done")]);
    let list = pli::app::ports::List::MailsWrittenBefore(house.app.now().at + Millis::days(1));
    let mails = house.app.store.list(&list, 100).await.unwrap();
    let Key::Mail(sent) = mails.last().unwrap().record.key() else { panic!("no letter") };
    let report = "From: MAILER-DAEMON@departement.example\nSubject: Undelivered\nMIME-Version: 1.0\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nUndelivered.\n--b\n\
        Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.departement.example\n\n\
        Final-Recipient: rfc822; jeanne.martin@departement.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n";
    let report = SecretBytes::new(report.replace('\n', "\r\n").into_bytes());
    house.app.note_returned_mail(tagged(sent), &report, visitor()).await.unwrap();
    walk.step(house, "a letter comes back", &[(Action::BounceNoted, "failed")]);
}

async fn queue(house: &House, walk: &mut Walk) {
    *house.outbox.problem.lock().unwrap() = Some(DeliveryProblem::Unreachable);
    house.clock.advance(Millis::hours(1));
    house.deposit_undelivered().await;
    *house.outbox.problem.lock().unwrap() = None;
    house.store.take_units();
    let page = house.app.queue_page(&QueueFilter::default(), None, 10).await.unwrap();
    let id = page.lines[0].id;
    for (change, action) in [
        (QueueChange::Hold, Action::MailHeld),
        (QueueChange::Retry, Action::MailRetried),
        (QueueChange::Drop, Action::MailCancelled),
    ] {
        assert!(house.app.change_queue(id, change, Actor::Operator, Origin::Cli).await.unwrap());
        walk.step(house, "an operator acts on a letter that waits", &[(action, "done")]);
    }
    let officer = house.sign_in("securite@carsat.example").await;
    let agent = house.sign_in("agent@carsat.example").await;
    house.store.take_units();
    let all = QueueFilter::default();
    assert!(house.app.officer_reads_queue(&officer, &all, None, 10, visitor()).await.unwrap().is_some());
    walk.step(house, "an officer reads the queue", &[(Action::MailQueueRead, "done")]);
    assert!(house.app.officer_reads_queue(&agent, &all, None, 10, visitor()).await.unwrap().is_none());
    walk.step(house, "an agent would like to", &[(Action::MailQueueRead, "refused")]);
    assert!(
        house.app.officer_changes_queue(&agent, id, QueueChange::Drop, visitor()).await.unwrap().is_none()
    );
    walk.step(house, "and to act on it", &[(Action::MailQueueRead, "refused")]);
    // Their hosts are asked again when it is time.
    house.clock.advance(Millis::hours(2));
    house.app.deliver_due_mails().await.unwrap();
    house.store.take_units();
}
