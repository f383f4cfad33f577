//! What the sender of a mail is told of it (RFC 3461), and the postmaster (RFC 5321 section 4.5.1): each once, to who asked,
//! from the null sender, with nothing of the mail in it; to strangers nothing; and nothing that goes round.

use pli::app::ports::{Change, List, UnitOfWork};
use pli::app::{
    InboundMail, MailAnswer, PostmasterRefusal, QueueChange, SubmittedEnvelope, SubmittedMail, SuspendedMails,
};
use pli::audit::{Action, Actor, Origin};
use pli::identity::Account;
use pli::relay::letter::{LetterKind, parse_return_address};
use pli::relay::queue::{DeliveryProblem, QueuedMail};
use pli::value::{Addressee, Domain, MailAddress, Millis, Notify, SecretBytes, Timestamp};

use crate::house::{DEPOSITOR, House, MailHost, address, mail_text, relay, visitor};

const AGENT: &str = "agent@carsat.example";
const DOCTOR: &str = "docteur@cabinet.example";
const OPERATOR: &str = "messagerie@carsat.example";
const SUCCESS: Notify = Notify { success: true, failure: false, delay: false };
const MAIL: &str = "From: jeanne.martin@departement.example\nTo: pensions@pli.example\nSubject: Demande\nMessage-ID: <un@dep.example>\n\nBonjour secret.\n";

fn asked(to: &str, notify: Notify) -> Addressee {
    Addressee { address: address(to), notify, original: Some("rfc822;avant@liste.example".into()) }
}

/// A mail from a host, whose sender asks to be told.
fn from_host(house: &House, from: Option<&str>, via: pli::app::Visitor, notify: Notify) -> InboundMail {
    InboundMail {
        visitor: via,
        envelope_from: from.map(address),
        mailbox: house.pensions.id,
        helo: "mx.departement.example".into(),
        tls: None,
        certificate: None,
        requires_tls: false,
        addressee: asked("pensions@pli.example", notify),
        envelope_id: Some("QQ314159".into()),
        bytes: SecretBytes::new(MAIL.replace('\n', "\r\n").into_bytes()),
    }
}

/// A mail from an agent's mail program, to two people outside.
async fn submit(house: &House, wishes: &[(&str, Notify)]) {
    let list = pli::app::ports::List::AccountByAddress(address(AGENT));
    let found = house.app.store.list(&list, 1).await.unwrap().remove(0).record;
    let mail = SubmittedMail {
        account: Account::try_from(found).unwrap().id,
        visitor: visitor(),
        envelope: SubmittedEnvelope {
            from: address(AGENT),
            recipients: wishes.iter().map(|(to, notify)| asked(to, *notify)).collect(),
            envelope_id: Some("QQ314159".into()),
            helo: "poste".into(),
            tls: "TLSv1.3".into(),
            smtp_utf8: false,
            requires_tls: false,
        },
        message: SecretBytes::new(
            MAIL.replace("jeanne.martin@departement.example", AGENT).replace('\n', "\r\n").into_bytes(),
        ),
    };
    house.app.submit_mail(mail).await.unwrap();
}

/// The reports that an address got, each with its envelope sender.
async fn reports(house: &House, to: &str) -> Vec<(Option<MailAddress>, String)> {
    house.mails_to(to).await;
    let mails = house.outbox.mails.lock().unwrap();
    let mine = mails.iter().filter(|(_, recipient, _)| recipient.to_string() == to);
    let texts = mine.map(|(from, _, bytes)| (from.clone(), String::from_utf8(bytes.clone()).unwrap()));
    texts.filter(|(_, text)| text.contains("message/delivery-status")).collect()
}

/// The machine-readable part as an independent parser of MIME sees it.
fn status_part(mail: &str) -> String {
    let parsed = mail_parser::MessageParser::default().parse(mail.as_bytes()).unwrap();
    assert!(mail.contains("multipart/report; report-type=delivery-status"), "{mail}");
    let of = |part: &&mail_parser::MessagePart<'_>| {
        use mail_parser::MimeHeaders;
        part.content_type().is_some_and(|kind| kind.subtype() == Some("delivery-status"))
    };
    let part = parsed.parts.iter().find(of).unwrap();
    String::from_utf8(part.contents().to_vec()).unwrap()
}

#[tokio::test]
async fn a_host_that_asks_is_told_that_the_deposit_is_there() {
    let house = House::build().await;
    let taken = house.app.accept_mail(from_host(&house, Some(DEPOSITOR), relay(), SUCCESS)).await.unwrap();
    let MailAnswer::Deposited { reference } = taken else { panic!("no deposit") };
    let told = reports(&house, DEPOSITOR).await;
    let [(from, mail)] = told.as_slice() else { panic!("{told:?}") };
    assert!(from.is_none(), "from the null sender: nothing comes back to it");
    let status = status_part(mail);
    for line in [
        "Original-Envelope-Id: QQ314159\r\n",
        "Reporting-MTA: dns; pli.example\r\n",
        "\r\n\r\nFinal-Recipient: rfc822; pensions@pli.example\r\n",
        "Original-Recipient: rfc822; avant@liste.example\r\n",
        "Action: delivered\r\n",
        "Status: 2.0.0\r\n",
    ] {
        assert!(status.contains(line), "{line:?} is not in {status:?}");
    }
    assert!(mail.contains("Message-ID: <un@dep.example>") && mail.contains("Auto-Submitted: auto-replied"));
    assert!(
        mail_text(mail).contains(reference.as_str()) && !mail.contains("secret") && !mail.contains("Demande")
    );
    assert_eq!(house.mails_to(DEPOSITOR).await.len(), 2, "the acknowledgement goes all the same (T2)");
}

#[tokio::test]
async fn a_host_that_does_not_ask_gets_the_acknowledgement_alone() {
    for notify in [Notify::default(), Notify::NEVER] {
        let house = House::build().await;
        house.app.accept_mail(from_host(&house, Some(DEPOSITOR), relay(), notify)).await.unwrap();
        assert!(reports(&house, DEPOSITOR).await.is_empty());
        assert_eq!(house.mails_to(DEPOSITOR).await.len(), 1);
    }
}

/// Invariant 8: no report is a probe. Whoever may not deposit is refused in the dialogue, and gets no mail from here.
#[tokio::test]
async fn strangers_and_automatic_mail_get_no_report_whatever_they_ask_for() {
    let house = House::build().await;
    let all = Notify { success: true, failure: true, delay: true };
    for (from, via) in
        [(Some(DEPOSITOR), visitor()), (Some("x@ailleurs.example"), visitor()), (None, relay())]
    {
        let _ = house.app.accept_mail(from_host(&house, from, via, all)).await;
    }
    house.prove_receipts().await;
    house.app.deliver_due_mails().await.unwrap();
    assert!(house.outbox.mails.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_mail_program_is_told_of_each_recipient_what_it_asked_for() {
    let house = House::build().await;
    let (gone, quiet) = ("personne@parti.example", "silence@parti.example");
    let refused = DeliveryProblem::UnknownRecipient { code: 550 };
    house.outbox.hosts.lock().unwrap().insert("parti.example".into(), MailHost::Fails(refused));
    let wishes = [
        (DOCTOR, SUCCESS),
        ("b@cabinet.example", Notify::default()),
        (gone, Notify::default()),
        (quiet, Notify::NEVER),
    ];
    submit(&house, &wishes).await;
    house.app.deliver_due_mails().await.unwrap();
    let told = reports(&house, AGENT).await;
    assert!(told.iter().all(|(from, _)| from.is_none()));
    let mut said: Vec<_> = told
        .iter()
        .map(|(_, mail)| {
            let status = status_part(mail);
            let field =
                |name: &str| status.split(name).nth(1).unwrap().split("\r\n").next().unwrap().to_owned();
            (field("Final-Recipient: rfc822; "), field("Action: "), field("Status: "))
        })
        .collect();
    said.sort();
    let expected = [(DOCTOR, "relayed", "2.0.0"), (gone, "failed", "5.1.1")];
    let expected = expected.map(|(to, action, status)| (to.to_owned(), action.to_owned(), status.to_owned()));
    assert_eq!(said, expected, "b@ did not ask for success; silence@ is never told of");
    let failed = told.iter().find(|(_, mail)| mail.contains("Action: failed")).unwrap();
    assert!(
        mail_text(&failed.1).contains("ne connaît pas cette adresse"),
        "why, in words: {}",
        mail_text(&failed.1)
    );
}

#[tokio::test]
async fn a_mail_that_waits_is_told_of_once_and_then_of_its_end() {
    let house = House::build().await;
    house
        .outbox
        .hosts
        .lock()
        .unwrap()
        .insert("cabinet.example".into(), MailHost::Fails(DeliveryProblem::Unreachable));
    submit(&house, &[(DOCTOR, Notify::default())]).await;
    house.app.deliver_due_mails().await.unwrap();
    assert!(reports(&house, AGENT).await.is_empty(), "a first try in vain is nothing to tell");
    let mut told = Vec::new();
    for _ in 0..4 {
        house.clock.advance(Millis::hours(5));
        told = reports(&house, AGENT).await;
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let status = status_part(&told[0].1);
    assert!(status.contains("Action: delayed\r\nStatus: 4.4.1\r\nWill-Retry-Until: "), "{status}");
    house.clock.advance(Millis::days(5));
    house.app.make_keys(house.app.now().at).await.unwrap();
    let told = reports(&house, AGENT).await;
    assert_eq!(told.len(), 2);
    assert!(status_part(&told[1].1).contains("Action: failed\r\nStatus: 5.4.7"), "{}", told[1].1);
}

async fn waiting_for(house: &House, to: &str) -> QueuedMail {
    let list = List::MailsWrittenBefore(Timestamp(i64::MAX));
    let mails = house.app.store.list(&list, 100).await.unwrap();
    let mut mails = mails.into_iter().map(|found| QueuedMail::try_from(found.record).unwrap());
    mails.find(|mail| mail.to.to_string() == to && mail.is_unfinished()).unwrap()
}

#[tokio::test]
async fn a_mail_that_an_operator_gives_up_is_told_like_one_that_failed() {
    let house = House::build().await;
    submit(&house, &[(DOCTOR, Notify::default()), ("b@cabinet.example", Notify::NEVER)]).await;
    for to in [DOCTOR, "b@cabinet.example"] {
        let id = waiting_for(&house, to).await.id;
        let drop = QueueChange::Drop;
        assert!(house.app.change_queue(id, drop, Actor::Operator, Origin::Cli).await.unwrap());
    }
    // After a restore, suspended ones are given up together.
    submit(&house, &[("c@cabinet.example", Notify::default())]).await;
    let suspended = waiting_for(&house, "c@cabinet.example").await.suspended(house.app.now().at);
    let unit = UnitOfWork { changes: vec![Change::Put(suspended.into())], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
    house.app.treat_suspended_mails(SuspendedMails::Cancel, Origin::Cli).await.unwrap();
    let told = reports(&house, AGENT).await;
    let mut of: Vec<_> = told
        .iter()
        .map(|(_, mail)| {
            let status = status_part(mail);
            assert!(status.contains("Action: failed\r\nStatus: 5.7.0"), "{status}");
            status.split("Final-Recipient: rfc822; ").nth(1).unwrap().split("\r\n").next().unwrap().to_owned()
        })
        .collect();
    of.sort();
    assert_eq!(of, ["c@cabinet.example", DOCTOR], "b@ is never told of");
    assert!(mail_text(&told[0].1).contains("un opérateur l’a retiré de la file"), "{}", told[0].1);
}

/// RFC 8689 section 4.2.1: what tells of a mail that requires TLS requires it too, and why it was not sent is said.
#[tokio::test]
async fn the_report_of_a_mail_that_requires_tls_requires_it_too() {
    let house = House::build().await;
    for required in [false, true] {
        let mail = InboundMail {
            requires_tls: required,
            bytes: SecretBytes::new(MAIL.replace("<un@", &format!("<{required}@")).into_bytes()),
            ..from_host(&house, Some(DEPOSITOR), relay(), SUCCESS)
        };
        house.app.accept_mail(mail).await.unwrap();
    }
    let list = List::MailsWrittenBefore(Timestamp(i64::MAX));
    let mails = house.app.store.list(&list, 100).await.unwrap();
    let mails = mails.into_iter().map(|found| QueuedMail::try_from(found.record).unwrap());
    let mut demands: Vec<bool> =
        mails.filter(|mail| mail.kind == LetterKind::Report).map(|mail| mail.requires_tls).collect();
    demands.sort_unstable();
    assert_eq!(demands, [false, true]);
    // One that no host hands on so is told with the code of RFC 8689 section 5.
    let host = MailHost::Fails(DeliveryProblem::NotOnward);
    house.outbox.hosts.lock().unwrap().insert("cabinet.example".into(), host);
    submit(&house, &[(DOCTOR, Notify::default())]).await;
    house.app.deliver_due_mails().await.unwrap();
    let told = reports(&house, AGENT).await;
    assert!(status_part(&told[0].1).contains("Action: failed\r\nStatus: 5.7.30"), "{}", told[0].1);
    assert!(mail_text(&told[0].1).contains("ne promet pas"), "{}", told[0].1);
}

#[tokio::test]
async fn what_comes_back_after_it_was_taken_is_told_too_and_a_report_that_comes_back_is_not() {
    let house = House::build().await;
    submit(&house, &[(DOCTOR, Notify::default())]).await;
    house.app.deliver_due_mails().await.unwrap();
    let domain = Domain::parse("pli.example").unwrap();
    let sent = house.outbox.mails.lock().unwrap().iter().find(|mail| mail.1.to_string() == DOCTOR).cloned();
    let returned = parse_return_address(&sent.unwrap().0.unwrap(), &domain).unwrap();
    let bounce = "From: MAILER-DAEMON@cabinet.example\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n\
        Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.cabinet.example\r\n\r\n\
        Final-Recipient: rfc822; docteur@cabinet.example\r\nAction: failed\r\nStatus: 5.2.1\r\n\r\n--r--\r\n";
    let bounce = SecretBytes::new(bounce.as_bytes().to_vec());
    house.app.note_returned_mail(returned, &bounce, visitor()).await.unwrap();
    let told = reports(&house, AGENT).await;
    assert_eq!(told.len(), 1);
    assert!(status_part(&told[0].1).contains("Status: 5.2.1"), "{}", told[0].1);
    house.app.note_returned_mail(returned, &bounce, visitor()).await.unwrap();
    assert_eq!(reports(&house, AGENT).await.len(), 1, "once");
    // The agent's own mailbox refuses the report: that is the end of it.
    house
        .outbox
        .hosts
        .lock()
        .unwrap()
        .insert("carsat.example".into(), MailHost::Fails(DeliveryProblem::Refused { code: 550 }));
    submit(&house, &[("x@cabinet.example", SUCCESS)]).await;
    house.app.deliver_due_mails().await.unwrap();
    house.clock.advance(Millis::hours(5));
    let (tried, next) = house.app.deliver_due_mails().await.unwrap();
    assert_eq!((tried, next), (0, None), "nothing waits, nothing was written about it");
}

#[tokio::test]
async fn who_writes_to_the_postmaster_reaches_the_operator() {
    let house = House::build().await;
    let mail =
        SecretBytes::new(b"From: x@ailleurs.example\r\nSubject: Vos courriels\r\n\r\nBonjour.\r\n".to_vec());
    for (to, from) in [("postmaster@pli.example", Some("x@ailleurs.example")), ("abuse@pli.example", None)] {
        let from = from.map(address);
        house.app.mail_to_postmaster(&address(to), from.as_ref(), &mail, visitor()).await.unwrap();
    }
    let got = house.mails_to(OPERATOR).await;
    assert_eq!(got.len(), 2);
    let parsed = mail_parser::MessageParser::default().parse(got[0].as_bytes()).unwrap();
    assert_eq!(parsed.attachment(0).unwrap().contents(), mail.expose(), "byte for byte");
    assert!(
        got[0].contains("From: Pli <ne-pas-repondre@pli.example>"),
        "in the gateway's own name: {}",
        got[0]
    );
    let kinds: Vec<_> = got.iter().map(|mail| mail.contains("Auto-Submitted: auto-generated")).collect();
    assert_eq!(kinds, [true, true]);
    let sent = house.outbox.mails.lock().unwrap().clone();
    let domain = Domain::parse("pli.example").unwrap();
    assert!(
        sent.iter().all(|(from, ..)| parse_return_address(from.as_ref().unwrap(), &domain).is_some()),
        "what comes back comes to a return address, which nobody answers: no loop"
    );
}

#[tokio::test]
async fn the_postmasters_mail_is_bounded_and_a_loop_ends() {
    let house = House::build().await;
    let (to, from) = (address("postmaster@pli.example"), address("x@ailleurs.example"));
    let send = |text: String| {
        let (house, to, from) = (&house, &to, &from);
        async move {
            house
                .app
                .mail_to_postmaster(to, Some(from), &SecretBytes::new(text.into_bytes()), visitor())
                .await
        }
    };
    let large = send(format!("Subject: x\r\n\r\n{}\r\n", "a".repeat(512 * 1024))).await;
    assert!(matches!(large, Err(PostmasterRefusal::TooLarge { .. })));
    let round = send(format!("{}Subject: x\r\n\r\n", "Received: by x\r\n".repeat(101))).await;
    assert!(matches!(round, Err(PostmasterRefusal::Loop)));
    for _ in 0..100 {
        send("Subject: x\r\n\r\n".into()).await.unwrap();
    }
    assert!(matches!(send("Subject: x\r\n\r\n".into()).await, Err(PostmasterRefusal::TooMany)));
    house.clock.advance(Millis::hours(1));
    send("Subject: x\r\n\r\n".into()).await.unwrap();
    assert!(house.events().await.contains(&Action::MailRefused));
}
