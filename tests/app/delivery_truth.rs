//! What became of each mail is known and told (invariant 10): a bounce counts only with the tag that this gateway gave, what
//! does not arrive is told to a second address once and never in a loop, and a dead mailbox is found without a deposit.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::http::{Method, Request, StatusCode};
use pli::app::ports::{Change, List, Record, SecretName, UnitOfWork};
use pli::app::{By, QueueChange, SecondAddressError, SettingsChange};
use pli::audit::{Action, Actor, AlertKind, Detail, Origin, Outcome, RefusalReason, Selection, TlsVersion};
use pli::identity::{Account, Password};
use pli::mailbox::Pulse;
use pli::relay::letter::{LetterKind, MailTag, TaggedMail, parse_return_address};
use pli::relay::queue::{DeliveryProblem, MailState, QueuedMail};
use pli::relay::truth::Reported;
use pli::value::{Domain, Language, MailId, Millis, Reference, SecretBytes, Timestamp};
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::custody_house::account;
use crate::house::{DEPOSITOR, House, PASSWORD, address, mail_text, relay, visitor};

const NOTICES: &str = "balc-pensions@carsat.example";
const MANAGER: &str = "responsable@carsat.example";

impl House {
    async fn all_mails(&self) -> Vec<QueuedMail> {
        let list = List::MailsWrittenBefore(Timestamp(i64::MAX));
        let found = self.app.store.list(&list, 1000).await.unwrap();
        found.into_iter().map(|found| QueuedMail::try_from(found.record).unwrap()).collect()
    }

    async fn mail(&self, kind: LetterKind) -> QueuedMail {
        let mails = self.all_mails().await;
        mails
            .into_iter()
            .rev()
            .find(|mail| mail.kind == kind && mail.to.to_string() != "balc-social@carsat.example")
            .unwrap()
    }

    /// The return address that the mail of this id left with.
    fn way_back(&self, mail: MailId) -> TaggedMail {
        let domain = Domain::parse("pli.example").unwrap();
        let mails = self.outbox.mails.lock().unwrap();
        let claimed = mails.iter().filter_map(|(from, ..)| parse_return_address(from.as_ref()?, &domain));
        claimed.into_iter().find(|claimed| claimed.mail == mail).unwrap()
    }

    async fn report(&self, to: TaggedMail, action: &str, status: &str) {
        let report = format!(
            "From: MAILER-DAEMON@carsat.example\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n\r\nText.\r\n--r\r\n\
             Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.carsat.example\r\n\r\n\
             Final-Recipient: rfc822; {NOTICES}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n--r--\r\n"
        );
        self.app.note_returned_mail(to, &SecretBytes::new(report.into_bytes()), relay()).await.unwrap();
    }

    async fn ends_of(&self, action: Action) -> Vec<Outcome> {
        let selection = Selection { actions: vec![action], ..Selection::default() };
        let entries = self.app.store.entries(&selection, 100).await.unwrap();
        entries.iter().map(|(_, entry)| entry.event().unwrap().outcome).collect()
    }

    async fn pulse(&self) -> Pulse {
        let key = pli::app::ports::Key::Pulse(self.pensions.id);
        let Some(Record::Pulse(pulse)) = self.record(&key).await else { panic!("no pulse") };
        pulse
    }

    async fn with_second_address(&self) {
        let second = Some(address(MANAGER));
        self.app.set_second_notice_address(self.pensions.id, second, Origin::Cli).await.unwrap();
    }

    async fn page(&self, signed: bool, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let pages: Router = router(self.app.clone(), WebConfig { secure_cookies: false, demo: None });
        let mut request = Request::builder().method(method).uri(path);
        if signed {
            let password = Password::new(PASSWORD.into());
            let who = address("agent@carsat.example");
            let token = self.app.sign_in(Some(who), password, visitor()).await.unwrap();
            request = request.header(COOKIE, format!("pli_session={}", token.expose()));
        }
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = pages.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 10_000_000).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    async fn envelope_page(&self, reference: &Reference) -> String {
        let (status, page) = self.page(true, Method::GET, &format!("/transferts/{reference}"), "").await;
        assert_eq!(status, StatusCode::OK);
        page
    }
}

/// A deposit whose mails left.
async fn delivered() -> (House, Reference) {
    let house = House::build().await;
    house.with_second_address().await;
    let reference = house.deposit().await;
    house.mails_to(DEPOSITOR).await;
    (house, reference)
}

#[tokio::test]
async fn a_bounce_without_the_gateways_tag_is_noted_as_forged_and_changes_nothing() {
    let (house, _) = delivered().await;
    let notice = house.mail(LetterKind::Notice).await;
    let key = house.app.keyring.secret(SecretName::MailTags).unwrap();
    let tag = MailTag::of_return(&[0; 32], notice.id);
    house.report(TaggedMail { mail: notice.id, tag }, "failed", "5.1.1").await;
    let reading = MailTag::of_reading(&key, notice.id);
    house.report(TaggedMail { mail: notice.id, tag: reading }, "failed", "5.1.1").await;
    assert_eq!(house.mail(LetterKind::Notice).await, notice);
    let forged = Outcome::Refused(RefusalReason::ReturnForged);
    assert_eq!(house.ends_of(Action::BounceForged).await, [forged, forged]);
    assert!(house.ends_of(Action::BounceNoted).await.is_empty());
    house.report(house.way_back(notice.id), "failed", "5.1.1").await;
    assert!(
        matches!(house.mail(LetterKind::Notice).await.state, MailState::Failed { .. }),
        "the true one counts"
    );
}

#[tokio::test]
async fn a_notice_that_came_back_is_told_to_the_second_address_once_and_never_in_a_loop() {
    let (house, reference) = delivered().await;
    let notice = house.mail(LetterKind::Notice).await;
    house.report(house.way_back(notice.id), "failed", "5.2.2").await;
    house.report(house.way_back(notice.id), "failed", "5.2.2").await;
    let told = house.mails_to(MANAGER).await;
    assert_eq!(told.len(), 1);
    let text = mail_text(&told[0]);
    for said in [reference.as_str(), NOTICES, "la boîte aux lettres est pleine", "/transferts/"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains(DEPOSITOR) && !text.contains("dossier urgent"), "{text}");
    // The second address is dead too: nobody writes a third letter.
    let second = house.mail(LetterKind::Undelivered).await;
    let before = house.all_mails().await.len();
    house.report(house.way_back(second.id), "failed", "5.1.1").await;
    assert_eq!(house.all_mails().await.len(), before);
    assert_eq!(house.ends_of(Action::SecondAddressTold).await, [Outcome::Done]);
    let page = house.envelope_page(&reference).await;
    for said in ["Non remis", "la boîte aux lettres est pleine", "Alerte à la seconde adresse", MANAGER] {
        assert!(page.contains(said), "{said}");
    }
}

#[tokio::test]
async fn the_managers_of_a_mailbox_are_told_too_each_once_and_nobody_else() {
    let (house, reference) = delivered().await;
    let english = Account { language: Language::En, ..account(&house, "agent@carsat.example").await };
    let change = SettingsChange::Manager { account: english.id, manages: true };
    let unit = UnitOfWork { changes: vec![Change::Put(Record::Account(english))], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
    house.app.change_settings(By::operator(Origin::Cli), &house.pensions.slug, change).await.unwrap();
    let before = house.mails_to("agent@carsat.example").await.len();
    let notice = house.mail(LetterKind::Notice).await;
    house.report(house.way_back(notice.id), "failed", "5.2.2").await;
    house.report(house.way_back(notice.id), "failed", "5.2.2").await;
    assert_eq!(house.mails_to(MANAGER).await.len(), 1, "the second address");
    let told = house.mails_to("agent@carsat.example").await.split_off(before);
    assert_eq!(told.len(), 1, "the manager");
    let text = mail_text(&told[0]);
    assert!(text.contains("you are a manager of the mailbox") && text.contains(reference.as_str()), "{text}");
    assert_eq!(house.ends_of(Action::SecondAddressTold).await.len(), 2);
    // A manager who cannot be reached is told to nobody: no loop.
    let second = house.mail(LetterKind::Undelivered).await;
    let count = house.all_mails().await.len();
    house.report(house.way_back(second.id), "failed", "5.1.1").await;
    assert_eq!(house.all_mails().await.len(), count);
}

#[tokio::test]
async fn a_notice_that_waits_for_hours_is_told_to_the_second_address_and_the_manager_once() {
    let house = House::build().await;
    house.with_second_address().await;
    let manager = account(&house, "agent@carsat.example").await;
    let change = SettingsChange::Manager { account: manager.id, manages: true };
    house.app.change_settings(By::operator(Origin::Cli), &house.pensions.slug, change).await.unwrap();
    *house.outbox.problem.lock().unwrap() = Some(DeliveryProblem::Unreachable);
    house.deposit_without_mail().await;
    let mut told = Vec::new();
    for minutes in [0, 60, 120, 120, 240, 480] {
        house.clock.advance(Millis::minutes(minutes));
        house.app.deliver_due_mails().await.unwrap();
        house.app.tell_of_silences().await.unwrap();
        told.push(house.ends_of(Action::SecondAddressTold).await.len());
    }
    assert_eq!((told[0], told[5]), (0, 2), "{told:?}");
    let letters = house.all_mails().await.into_iter().filter(|mail| mail.kind == LetterKind::Undelivered);
    let mut to: Vec<_> = letters.map(|letter| letter.to.to_string()).collect();
    to.sort();
    assert_eq!(to, ["agent@carsat.example", MANAGER]);
    assert!(
        house.app.unreachable_mailboxes().await.unwrap().is_empty(),
        "a silence of ours is no dead mailbox"
    );
}

#[tokio::test]
async fn what_protected_a_mail_on_its_way_stands_in_its_record_on_the_page_and_in_the_log() {
    for (tls, version, said) in [
        (Some("TLSv1.3 TLS13_AES_256_GCM_SHA384"), TlsVersion::Tls13, "par une connexion chiffrée (TLS 1.3)"),
        (
            Some("TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
            TlsVersion::Tls12,
            "par une connexion chiffrée (TLS 1.2)",
        ),
        (None, TlsVersion::None, "par une connexion non chiffrée"),
    ] {
        let house = House::build().await;
        *house.outbox.tls.lock().unwrap() = tls.map(str::to_owned);
        let reference = house.deposit_undelivered().await;
        for kind in [LetterKind::Notice, LetterKind::Acknowledgement] {
            let MailState::Accepted { tls: kept, .. } = house.mail(kind).await.state else {
                panic!("{kind:?} did not leave")
            };
            assert_eq!(kept.as_deref(), tls, "{kind:?}");
        }
        let page = house.envelope_page(&reference).await;
        assert_eq!(page.matches(said).count(), 2, "the notice and the acknowledgement, {said}: {page}");
        let sent = Selection { actions: vec![Action::MailSent], ..Selection::default() };
        let entries = house.app.store.entries(&sent, 100).await.unwrap();
        let details = entries.iter().map(|(_, entry)| entry.event().unwrap().detail);
        assert_eq!(details.collect::<Vec<_>>(), [Some(Detail::Tls(version)); 2]);
    }
}

#[tokio::test]
async fn a_delay_further_on_is_told_and_is_no_failure() {
    let (house, reference) = delivered().await;
    let notice = house.mail(LetterKind::Notice).await;
    house.report(house.way_back(notice.id), "delayed", "4.4.1").await;
    let state = house.mail(LetterKind::Notice).await.state;
    let MailState::Accepted { report: Some(report), .. } = state else { panic!("{state:?}") };
    assert_eq!((report.what, report.status.unwrap().to_string().as_str()), (Reported::Delayed, "4.4.1"));
    assert!(house.envelope_page(&reference).await.contains("Retardé chez le destinataire"));
    // A silence all the same: the second address is told, once, that the next host goes on trying.
    house.report(house.way_back(notice.id), "delayed", "4.4.1").await;
    let told = house.mails_to(MANAGER).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let text = mail_text(&told[0]);
    for said in
        [reference.as_str(), "n’est pas encore arrivé", "Le serveur suivant", "aucun serveur de messagerie"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(house.app.unreachable_mailboxes().await.unwrap().is_empty(), "late is not dead");
    let receipt = house.mail(LetterKind::Acknowledgement).await;
    house.report(house.way_back(receipt.id), "delayed", "4.4.1").await;
    assert_eq!(house.mails_to(MANAGER).await.len(), 1, "what the partner gets late is not the mailbox's");
    house.report(house.way_back(notice.id), "delivered", "2.0.0").await;
    assert!(house.envelope_page(&reference).await.contains("Remis dans la boîte aux lettres"));
    assert_eq!(house.ends_of(Action::DeliveryConfirmed).await, [Outcome::Done]);
    assert!(house.pulse().await.heard_at.is_some());
}

#[tokio::test]
async fn a_notice_that_an_operator_gives_up_is_told_to_the_second_address_and_no_mailbox_is_dead_for_it() {
    let house = House::build().await;
    house.with_second_address().await;
    house.deposit_without_mail().await;
    let drop = async |kind| {
        let id = house.mail(kind).await.id;
        let dropped = house.app.change_queue(id, QueueChange::Drop, Actor::Operator, Origin::Cli).await;
        assert!(dropped.unwrap(), "{kind:?}");
    };
    drop(LetterKind::Notice).await;
    let told = house.mails_to(MANAGER).await;
    assert_eq!(told.len(), 1);
    let text = mail_text(&told[0]);
    assert!(text.contains("n’arrivera pas") && text.contains("un opérateur l’a retiré"), "{text}");
    assert!(house.app.unreachable_mailboxes().await.unwrap().is_empty());
    // A question whether the mailbox lives holds nothing that anybody misses.
    house.app.ask_silent_mailboxes().await.unwrap();
    house.clock.advance(Millis::days(8));
    house.app.make_keys(house.app.now().at).await.unwrap();
    assert!(house.app.ask_silent_mailboxes().await.unwrap() > 0);
    drop(LetterKind::Heartbeat).await;
    let told = house.all_mails().await.into_iter().filter(|mail| mail.kind == LetterKind::Undelivered);
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn an_acknowledgement_that_came_back_asks_the_agent_for_a_telephone_call() {
    let (house, reference) = delivered().await;
    let receipt = house.mail(LetterKind::Acknowledgement).await;
    house.report(house.way_back(receipt.id), "failed", "5.1.1").await;
    let page = house.envelope_page(&reference).await;
    assert!(page.contains("rappelez-le par téléphone"), "{page}");
    assert!(house.mails_to(MANAGER).await.is_empty(), "the mailbox itself is well");
    assert!(house.app.unreachable_mailboxes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_mailbox_of_which_nothing_was_heard_is_asked_once_a_week_and_its_button_proves_it() {
    let house = House::build().await;
    assert_eq!(house.app.ask_silent_mailboxes().await.unwrap(), 0, "watched from now on");
    house.clock.advance(Millis::days(7));
    house.app.upkeep().await.unwrap();
    assert_eq!(house.app.ask_silent_mailboxes().await.unwrap(), 2);
    assert_eq!(house.app.ask_silent_mailboxes().await.unwrap(), 0, "once");
    assert_eq!(house.ends_of(Action::HeartbeatQueued).await.len(), 2);
    let asked = mail_text(&house.mails_to(NOTICES).await.pop().unwrap());
    let link =
        asked.split("https://pli.example").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(link.starts_with("/avis-recus/"), "{link}");

    let (status, page) = house.page(false, Method::GET, &link, "").await;
    assert!(status.is_success() && page.contains("<button"), "{page}");
    assert_eq!(house.pulse().await.heard_at, None, "a robot that looks proves nothing");
    let wrong = format!("{}00", &link[..link.len() - 2]);
    let (status, _) = house.page(false, Method::POST, &wrong, "").await;
    assert_eq!((status, house.pulse().await.heard_at), (StatusCode::NOT_FOUND, None));
    let (status, _) = house.page(false, Method::POST, &link, "").await;
    assert_eq!((status, house.pulse().await.heard_at), (StatusCode::OK, Some(house.app.now().at)));
    let refused = Outcome::Refused(RefusalReason::ProofWrong);
    assert_eq!(house.ends_of(Action::MailboxHeard).await, [Outcome::Done, refused]);
}

#[tokio::test]
async fn a_notice_whose_link_was_pressed_spares_the_mailbox_the_question() {
    let (house, reference) = delivered().await;
    house.app.ask_silent_mailboxes().await.unwrap();
    house.clock.advance(Millis::days(6));
    house.app.upkeep().await.unwrap();
    let mails = house.mails_to(NOTICES).await;
    // Reminders of what nobody took have come since.
    let notice = mails.iter().map(|mail| mail_text(mail)).find(|text| text.contains("?avis=")).unwrap();
    let path =
        notice.split("https://pli.example").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let (_, page) = house.page(true, Method::GET, &path, "").await;
    let tagged = page.split("name=\"avis\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let action = format!("/transferts/{reference}");
    let (status, _) = house.page(true, Method::POST, &action, &format!("avis={tagged}")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    house.clock.advance(Millis::days(5));
    house.app.upkeep().await.unwrap();
    assert_eq!(house.app.ask_silent_mailboxes().await.unwrap(), 1, "the other mailbox alone");
}

#[tokio::test]
async fn a_dead_mailbox_is_told_everywhere_blocks_no_deposit_and_comes_back() {
    let (house, _) = delivered().await;
    let notice = house.mail(LetterKind::Notice).await;
    house.report(house.way_back(notice.id), "failed", "5.1.1").await;
    house.app.watch().await.unwrap();
    assert!(house.alerts().await.contains(&AlertKind::MailboxUnreachable));
    let (_, page) = house.page(true, Method::GET, "/boites", "").await;
    assert!(page.contains("n’arrivent plus à l’adresse") && page.contains(NOTICES), "{page}");

    // Every host refuses: deposits go on, and the page says what is true.
    *house.outbox.problem.lock().unwrap() = Some(DeliveryProblem::Refused { code: 550 });
    let reference = house.deposit_without_mail().await;
    house.app.deliver_due_mails().await.unwrap();
    house.prove_receipts().await;
    house.app.deliver_due_mails().await.unwrap();
    let page = house.envelope_page(&reference).await;
    assert!(page.contains("Non remis") && page.contains("ne connaît pas cette adresse"), "{page}");
    assert_eq!(house.ends_of(Action::MailboxUnreachable).await.len(), 1, "told once");

    // Asked each day; when a question is taken and does not come back for a day, it takes mail again.
    *house.outbox.problem.lock().unwrap() = None;
    assert_eq!(house.app.ask_silent_mailboxes().await.unwrap(), 1);
    house.app.deliver_due_mails().await.unwrap();
    assert_eq!(house.app.unreachable_mailboxes().await.unwrap().len(), 1, "acceptance alone proves nothing");
    house.clock.advance(Millis::days(1));
    house.app.upkeep().await.unwrap();
    house.app.ask_silent_mailboxes().await.unwrap();
    assert!(house.app.unreachable_mailboxes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_second_address_that_would_loop_is_refused() {
    let house = House::build().await;
    let set = async |second: &str| {
        house.app.set_second_notice_address(house.pensions.id, Some(address(second)), Origin::Cli).await
    };
    assert!(matches!(set(NOTICES).await, Err(SecondAddressError::IsFirst)));
    assert!(matches!(set("social@pli.example").await, Err(SecondAddressError::TakesDeposits)));
    assert!(matches!(set("personne@pli.example").await, Err(SecondAddressError::IsOurs)));
    assert_eq!(house.ends_of(Action::MailboxChanged).await.len(), 3, "each refusal is logged");
    set(MANAGER).await.unwrap();
}
