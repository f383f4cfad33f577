//! A deposit by ordinary mail (D7), and what is none (invariant 10).

use pli::app::ports::{List, Record};
use pli::app::{MailAnswer, MailRefusal};
use pli::audit::{Action, Origin, Outcome, RefusalReason, Selection};
use pli::relay::letter::{LetterKind, parse_return_address};
use pli::relay::queue::{DeliveryProblem, MailState, QueuedMail};
use pli::value::{Domain, Millis, SecretBytes};

use crate::house::{DEPOSITOR, House, mail_text, relay, visitor};

const MAIL: &str = "From: Jeanne Martin <jeanne.martin@departement.example>
To: pensions@pli.example
Subject: Mme Exemple, 1 84 06 35 288 118 22
Message-ID: <one@departement.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Le texte du courriel.
--b
Content-Type: application/pdf; name=piece.pdf
Content-Disposition: attachment; filename=piece.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjcKc3ludGhldGlj
--b--
";

#[tokio::test]
async fn a_mail_becomes_a_transfer_with_a_clean_title_and_its_original() {
    let house = House::build().await;
    let Ok(MailAnswer::Deposited { reference }) = house.mail_in(Some(DEPOSITOR), MAIL, relay()).await else {
        panic!("the mail was not taken")
    };
    let signed = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&signed), &reference, visitor()).await.unwrap();
    assert_eq!(opened.transfer.title.as_str(), "Demande urgente", "the subject must not travel on");
    assert!(
        String::from_utf8_lossy(house.app.message(&opened).await.unwrap().expose())
            .contains("Le texte du courriel.")
    );
    assert_eq!(house.download(&signed, &reference, 1).await, b"%PDF-1.7\nsynthetic");
    assert_eq!(house.download(&signed, &reference, 2).await, MAIL.replace('\n', "\r\n").as_bytes());
    let acknowledgement = mail_text(&house.mails_to(DEPOSITOR).await.pop().unwrap());
    assert!(acknowledgement.contains(reference.as_str()) && !acknowledgement.contains("Exemple"));
}

#[tokio::test]
async fn the_same_send_again_gets_the_same_reference_also_at_the_same_time() {
    let house = House::build().await;
    let send = || house.mail_in(Some(DEPOSITOR), MAIL, relay());
    let (one, two) = tokio::join!(send(), send());
    let three = house
        .mail_in(Some(DEPOSITOR), &format!("Received: from relay\n by pli.example; later\n{MAIL}"), relay())
        .await;
    let answers = [one.unwrap(), two.unwrap(), three.unwrap()];
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(house.transfers().await, 1);
}

#[tokio::test]
async fn mail_from_alone_proves_nobody() {
    let house = House::build().await;
    let refused = |outcome| matches!(outcome, Err(MailRefusal::MayNotDeposit));
    assert!(refused(house.mail_in(Some(DEPOSITOR), MAIL, visitor()).await), "not through the pinned relay");
    assert!(refused(house.mail_in(Some("a@ailleurs.example"), MAIL, relay()).await), "another's envelope");
    let forged = MAIL.replace("jeanne.martin@departement.example>\nTo", "x@ailleurs.example>\nTo");
    assert!(refused(house.mail_in(Some(DEPOSITOR), &forged, relay()).await), "another's author");
    assert_eq!(house.transfers().await, 0);
}

#[tokio::test]
async fn answers_bounces_and_absences_are_no_deposits() {
    let house = House::build().await;
    house.deposit().await;
    let notice = house.mails_to("balc-pensions@carsat.example").await.pop().unwrap();
    let id = notice.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().trim();
    let reply = MAIL.replace("MIME-Version", &format!("In-Reply-To: {id}\nMIME-Version"));
    assert!(matches!(house.mail_in(Some(DEPOSITOR), &reply, relay()).await, Err(MailRefusal::AnswersNotice)));
    let absent = MAIL.replace("MIME-Version", "Auto-Submitted: auto-replied\nMIME-Version");
    assert!(matches!(house.mail_in(Some(DEPOSITOR), &absent, relay()).await, Ok(MailAnswer::Noted)));
    let bounce = MAIL.replace("Message-ID", "X-Was");
    assert!(matches!(house.mail_in(None, &bounce, relay()).await, Ok(MailAnswer::Noted)));
    let program = MAIL.replace("MIME-Version", "Auto-Submitted: auto-generated\nMIME-Version");
    assert!(matches!(house.mail_in(Some(DEPOSITOR), &program, relay()).await, Err(MailRefusal::Automatic)));
    assert_eq!(house.transfers().await, 1);
    assert_eq!(house.mails_to(DEPOSITOR).await.len(), 2, "the link and one acknowledgement, nothing more");
}

#[tokio::test]
async fn what_a_list_sends_on_is_no_deposit_its_host_hears_so_and_nobody_else_does() {
    let house = House::build().await;
    for marks in [
        "List-Id: Veille sociale <veille.departement.example>",
        "List-Post: <mailto:veille@departement.example>",
        "Precedence: list",
        "Precedence: bulk",
    ] {
        let mail = MAIL.replace("MIME-Version: 1.0", &format!("{marks}\nMIME-Version: 1.0"));
        let answer = house.mail_in(Some(DEPOSITOR), &mail, relay()).await;
        assert!(matches!(answer, Err(MailRefusal::Automatic)), "{marks}: {answer:?}");
    }
    assert_eq!(house.transfers().await, 0);
    assert!(house.mails_to(DEPOSITOR).await.is_empty(), "no acknowledgement");
    assert!(house.mails_to("balc-pensions@carsat.example").await.is_empty(), "no notice");
    let refused = Selection { actions: vec![Action::MailRefused], ..Selection::default() };
    let entries = house.app.store.entries(&refused, 100).await.unwrap();
    let outcomes: Vec<_> = entries.iter().map(|(_, entry)| entry.event().unwrap().outcome).collect();
    assert_eq!(outcomes, [Outcome::Refused(RefusalReason::PolicyDenied); 4], "each is in the log");
    assert!(!house.events().await.contains(&Action::MailReceived));
}

#[tokio::test]
async fn a_bounce_shows_on_the_transfer_that_it_is_about() {
    let house = House::build().await;
    let reference = house.deposit().await;
    house.mails_to(DEPOSITOR).await;
    let domain = Domain::parse("pli.example").unwrap();
    let returned = house
        .outbox
        .mails
        .lock()
        .unwrap()
        .iter()
        .find(|(_, to, _)| to.to_string() == "balc-pensions@carsat.example")
        .and_then(|(from, ..)| parse_return_address(from.as_ref()?, &domain))
        .unwrap();
    let report = "From: MAILER-DAEMON@carsat.example\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\nContent-Type: text/plain\r\n\r\nNo.\r\n\
        --r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.carsat.example\r\n\r\n\
        Final-Recipient: rfc822; balc-pensions@carsat.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--r--\r\n";
    house
        .app
        .note_returned_mail(returned, &SecretBytes::new(report.as_bytes().to_vec()), relay())
        .await
        .unwrap();
    let signed = house.sign_in("agent@carsat.example").await;
    let envelope = house.app.envelope(Some(&signed), &reference, visitor()).await.unwrap();
    let states: Vec<_> = envelope.mails.iter().map(|mail| &mail.state).collect();
    assert!(
        states
            .iter()
            .any(|state| matches!(state, MailState::Failed { problem: DeliveryProblem::Bounced, .. }))
    );
    assert!(states.iter().any(|state| matches!(state, MailState::Accepted { .. })));
}

#[tokio::test]
async fn a_dead_mail_system_delays_mails_and_blocks_no_deposit() {
    let house = House::build().await;
    let draft = house.draft().await;
    *house.outbox.problem.lock().unwrap() = Some(DeliveryProblem::Unreachable);
    let reference = house.send(&draft, "Demande urgente").await.unwrap().reference;
    house.prove_receipts().await;
    house.app.deliver_due_mails().await.unwrap();
    let signed = house.sign_in("agent@carsat.example").await;
    let envelope = house.app.envelope(Some(&signed), &reference, visitor()).await.unwrap();
    let delayed = |state: &MailState| {
        matches!(state, MailState::Queued { last_problem: Some(DeliveryProblem::Unreachable), .. })
    };
    assert!(envelope.mails.iter().all(|mail| delayed(&mail.state)));
    *house.outbox.problem.lock().unwrap() = None;
    house.clock.advance(pli::value::Millis::minutes(2));
    assert_eq!(house.mails_to("balc-pensions@carsat.example").await.len(), 1);
}

/// RFC 8689: what a sender asked of the way in holds for every mail that speaks of the deposit.
#[tokio::test]
async fn a_mail_that_requires_tls_has_its_acknowledgement_and_its_notice_require_it_too() {
    let house = House::build().await;
    for (field, required) in [("", false), ("X-Test-RequireTLS: yes\n", true)] {
        let mail = format!(
            "From: {DEPOSITOR}\nSubject: Demande urgente\nMessage-ID: <{required}@x.example>\n{field}\nBonjour\n"
        );
        let taken = house.mail_in(Some(DEPOSITOR), &mail, relay()).await.unwrap();
        let MailAnswer::Deposited { reference } = taken else { panic!("no deposit") };
        let found = house.app.store.list(&List::TransferByReference(reference), 1).await.unwrap().remove(0);
        let Record::Transfer(transfer) = found.record else { panic!("no transfer") };
        let mails = house.app.store.list(&List::MailsOf(transfer.id), 10).await.unwrap();
        assert_eq!(mails.len(), 2);
        for mail in mails {
            let Record::Mail(mail) = mail.record else { panic!("no mail") };
            assert_eq!(mail.requires_tls, required, "{:?}", mail.kind);
        }
    }
}

/// So does each that comes later: a report to who asked, a reminder, what the second address is told, a withdrawal.
#[tokio::test]
async fn every_later_mail_about_a_deposit_that_requires_tls_requires_it_too() {
    for (field, required) in [("", false), ("X-Test-RequireTLS: yes\n", true)] {
        let house = House::build().await;
        let second = Some(crate::house::address("responsable@carsat.example"));
        house.app.set_second_notice_address(house.pensions.id, second, Origin::Cli).await.unwrap();
        let mail = format!(
            "From: {DEPOSITOR}\nSubject: Demande urgente\nMessage-ID: <un@x.example>\n{field}\nBonjour\n"
        );
        let taken = house.mail_in(Some(DEPOSITOR), &mail, relay()).await.unwrap();
        let MailAnswer::Deposited { reference } = taken else { panic!("no deposit") };
        let found = house.app.store.list(&List::TransferByReference(reference.clone()), 1).await.unwrap();
        let transfer = found[0].record.key();
        let pli::app::ports::Key::Transfer(id) = transfer else { panic!("no transfer") };
        let of_kind = async |kind| {
            let mails = house.app.store.list(&List::MailsOf(id), 50).await.unwrap();
            let mails = mails.into_iter().map(|found| QueuedMail::try_from(found.record).unwrap());
            let demands: Vec<bool> =
                mails.filter(|mail| mail.kind == kind).map(|mail| mail.requires_tls).collect();
            assert!(!demands.is_empty(), "no {kind:?}");
            demands
        };
        // The operator gives the notice up: the second address is told in its place.
        let waiting = house.app.store.list(&List::MailsOf(id), 10).await.unwrap();
        let waiting = waiting.into_iter().map(|found| QueuedMail::try_from(found.record).unwrap());
        let notice = waiting.into_iter().find(|mail| mail.kind == LetterKind::Notice).unwrap().id;
        let drop = pli::app::QueueChange::Drop;
        assert!(
            house.app.change_queue(notice, drop, pli::audit::Actor::Operator, Origin::Cli).await.unwrap()
        );
        assert_eq!(of_kind(LetterKind::Undelivered).await, [required]);
        // Half of the five days that it can be opened are over.
        house.clock.advance(Millis::days(3));
        house.app.upkeep().await.unwrap();
        let reminders = of_kind(LetterKind::Reminder).await;
        assert!(reminders.iter().all(|demands| *demands == required), "{reminders:?}");
        let token = crate::withdrawn::link(&house, &reference).await;
        house.app.withdraw_by_link(&token, visitor()).await.unwrap();
        let with_withdrawal = of_kind(LetterKind::Reminder).await;
        assert!(with_withdrawal.len() > reminders.len() && with_withdrawal.iter().all(|d| *d == required));
    }
}

/// RFC 5321 section 6.3: whoever counts that many hosts stands in a circle.
#[tokio::test]
async fn a_mail_that_goes_round_ends_here() {
    let house = House::build().await;
    let round =
        |hops: usize| format!("{}{MAIL}", "Received: from relay by pli.example; later\n".repeat(hops));
    assert!(house.mail_in(Some(DEPOSITOR), &round(100), relay()).await.is_ok());
    let refused = house.mail_in(Some(DEPOSITOR), &round(101), relay()).await;
    assert!(matches!(refused, Err(MailRefusal::Loop)), "{refused:?}");
    assert_eq!(house.transfers().await, 1);
}

/// Invariant 10: across mailboxes too, what takes deposits receives no notice.
#[tokio::test]
async fn an_address_of_one_mailbox_cannot_be_the_other_kind_of_another() {
    let house = House::build().await;
    let new = |deposit: &str, notice: &str| pli::app::NewMailbox {
        organisation: pli::value::OrganisationId::new([1; 16]),
        slug: pli::value::Slug::parse("tiers").unwrap(),
        kind: pli::mailbox::MailboxKind::Generic,
        name: "Tiers".into(),
        purpose: "Des demandes.".into(),
        deposit_address: crate::house::address(deposit),
        notice_address: crate::house::address(notice),
        limits: crate::house::LIMITS,
        custody: pli::mailbox::Custody::Gateway,
        members: vec![],
    };
    for (deposit, notice) in [
        ("tiers@pli.example", "pensions@pli.example"),
        ("balc-pensions@carsat.example", "tiers@carsat.example"),
        ("tiers@pli.example", "tiers@pli.example"),
    ] {
        let refused = house.app.create_mailbox(new(deposit, notice), pli::audit::Origin::Cli).await;
        assert!(refused.is_err(), "{deposit} and {notice}");
    }
    house
        .app
        .create_mailbox(new("tiers@pli.example", "tiers@carsat.example"), pli::audit::Origin::Cli)
        .await
        .unwrap();
}
