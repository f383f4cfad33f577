//! Agents' own mail programs (the road from Outlook without an add-in): what is submitted becomes a transfer with a link for
//! each person outside; colleagues get what the policy says; and what is refused, is refused in words and logged.

use pli::app::ports::{Change, Key, List, Record};
use pli::app::{
    LinkOpened, MailAnswer, MailRefusal, OutsideReader, SecondStep, SubmissionAnswer, SubmissionRefusal,
    SubmittedEnvelope, SubmittedMail,
};
use pli::audit::{Action, Outcome, RefusalReason};
use pli::identity::Account;
use pli::policy::outgoing::OutgoingPolicy;
use pli::relay::letter::LetterKind;
use pli::relay::queue::Protection;
use pli::store::testing::Fault;
use pli::transfer::Transfer;
use pli::value::{AccountId, Addressee, Millis, Reference, SecretBytes, Timestamp, Token};

use crate::custody_house::{MEMBER, log, members_house};
use crate::house::{DEPOSITOR, House, NOW, address, is_found_below, mail_text, relay, visitor};
use crate::scanning::{State, Told};

const AGENT: &str = "agent@carsat.example";
const TEAM: &str = "balc-pensions@carsat.example";
const DOCTOR: &str = "docteur@cabinet.example";
const COLLEAGUE: &str = "chef@carsat.example";

/// A mail with a file, as Outlook sends it.
const MAIL: &str = "From: Agent <agent@carsat.example>
To: jeanne.martin@departement.example
Subject: Re: Mme Exemple, 1 84 06 35 288 118 22
Message-ID: <un@carsat.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

La pension est liquidée.
--b
Content-Type: application/pdf; name=decision.pdf
Content-Disposition: attachment; filename=decision.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjcKc3ludGhldGlj
--b--
";

async fn account(house: &House, who: &str) -> Account {
    let found = house.app.store.list(&List::AccountByAddress(address(who)), 1).await.unwrap();
    Account::try_from(found.into_iter().next().unwrap().record).unwrap()
}

fn mail(account: AccountId, from: &str, to: &[&str], message: &str) -> SubmittedMail {
    SubmittedMail {
        account,
        visitor: visitor(),
        envelope: SubmittedEnvelope {
            from: address(from),
            recipients: to.iter().map(|to| Addressee::from(address(to))).collect(),
            envelope_id: None,
            helo: "poste.carsat.example".into(),
            tls: "TLSv1.3".into(),
            smtp_utf8: false,
            requires_tls: false,
        },
        message: SecretBytes::new(message.replace('\n', "\r\n").into_bytes()),
    }
}

async fn submit(house: &House, to: &[&str], message: &str) -> Result<Reference, SubmissionRefusal> {
    let mail = mail(account(house, AGENT).await.id, AGENT, to, message);
    let SubmissionAnswer::Sent { reference } = house.app.submit_mail(mail).await?;
    Ok(reference)
}

async fn transfer(house: &House, reference: &Reference) -> Option<Transfer> {
    let found = house.app.store.list(&List::TransferByReference(reference.clone()), 1).await.unwrap();
    found.into_iter().next().map(|found| Transfer::try_from(found.record).unwrap())
}

/// The newest link that was mailed to an address.
async fn link(house: &House, to: &str) -> Token {
    let texts = house.mails_to(to).await.into_iter().rev().map(|mail| mail_text(&mail));
    let text = texts.into_iter().find(|text| text.contains("/plis/lien/")).expect("a mail with a link");
    Token::parse(text.split("/plis/lien/").nth(1).unwrap().split_whitespace().next().unwrap()).unwrap()
}

/// Follows the link and types the code.
async fn reader(house: &House, to: &str) -> OutsideReader {
    let token = link(house, to).await;
    let SecondStep::Code { browser } = house.app.ask_to_open(&token, visitor()).await.unwrap() else {
        panic!("a password is asked for")
    };
    let shape = regex::Regex::new(r"\b(\d{4}) (\d{4})\b").unwrap();
    let texts = house.mails_to(to).await.into_iter().rev().map(|mail| mail_text(&mail));
    let mut codes = texts.filter(|text| !text.contains("/plis/lien/"));
    let code = codes.find_map(|text| shape.find(&text).map(|code| code.as_str().to_owned())).unwrap();
    let LinkOpened { link, cookie } =
        house.app.open_by_code(&token, &browser, &code, visitor()).await.unwrap();
    house.app.outside_reader(link, &cookie, visitor()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_mail_to_people_outside_becomes_a_transfer_with_a_link_for_each() {
    let house = House::build().await;
    let reference = submit(&house, &[DEPOSITOR, DOCTOR], MAIL).await.unwrap();
    let sent = transfer(&house, &reference).await.unwrap();
    assert_eq!(sent.title.as_str(), "Demande urgente", "the subject is guarded as a deposit's is");
    assert_eq!(sent.expires_at, NOW + Millis::days(5), "V1");
    for to in [DEPOSITOR, DOCTOR] {
        let mails = house.mails_to(to).await;
        assert_eq!(mails.len(), 1);
        for word in ["liquidée", "decision", "Exemple", "06 35 288", "un@carsat.example"] {
            assert!(
                !mails[0].contains(word) && !mail_text(&mails[0]).contains(word),
                "{word} travels in clear"
            );
        }
        let others = if to == DOCTOR { DEPOSITOR } else { DOCTOR };
        assert!(!mail_text(&mails[0]).contains(others), "nobody is told who else gets it");
        let reading = reader(&house, to).await;
        let open = house.app.opened_outside(&reading, visitor()).await.unwrap();
        let text = house.app.message(&open).await.unwrap();
        assert!(String::from_utf8_lossy(text.expose()).contains("La pension est liquidée."));
        assert_eq!(open.files().len(), 1, "the mail itself, with what its header tells, stays inside");
        assert_eq!(open.files()[0].name, "decision.pdf");
    }
    let signed = house.sign_in(AGENT).await;
    assert_eq!(
        house.download(&signed, &reference, 1).await,
        b"%PDF-1.7\nsynthetic",
        "the team sees what was sent"
    );
    let listed = house.app.list_sent(&signed, &house.pensions.slug, visitor()).await.unwrap();
    assert_eq!(listed.live.len(), 1);
    assert_eq!(house.transfers().await, 0, "and it is not among what the mailbox received");
    let confirmation = mail_text(&house.mails_to(AGENT).await.pop().unwrap());
    assert!(confirmation.contains(reference.as_str()) && confirmation.contains(DOCTOR));
    assert!(house.events().await.contains(&Action::TransferComposed));
}

#[tokio::test]
async fn nothing_of_it_is_ever_written_in_clear() {
    let house = House::build().await;
    submit(&house, &[DEPOSITOR], MAIL).await.unwrap();
    for unit in house.store.take_units() {
        for change in unit.changes {
            let Change::Put(record) = change else { continue };
            let written = serde_json::to_string(&record).unwrap();
            for word in ["liquid", "decision.pdf", "Mme Exemple", "288 118"] {
                assert!(!written.contains(word), "{word}: {written}");
            }
        }
    }
    for word in ["La pension est liquid", "synthetic"] {
        assert!(!is_found_below(house.directory.path(), word.as_bytes()), "{word}");
    }
}

#[tokio::test]
async fn a_mailbox_that_only_its_members_open_sends_without_their_keys() {
    let house = members_house().await;
    // No page was ever signed in to: nobody's key is open.
    let id = account(&house, MEMBER).await.id;
    // The account is a member of two mailboxes: the sender's address says which one sends.
    let team = house.pensions.notice_address.to_string();
    let taken = house.app.submit_mail(mail(id, &team, &[DOCTOR], MAIL)).await.unwrap();
    let SubmissionAnswer::Sent { reference } = taken;
    let reading = reader(&house, DOCTOR).await;
    let open = house.app.opened_outside(&reading, visitor()).await.unwrap();
    assert_eq!(open.files().len(), 1);
    let signed = house.sign_in(MEMBER).await;
    assert_eq!(
        house.download(&signed, &reference, 1).await,
        b"%PDF-1.7\nsynthetic",
        "with the key, the team does too"
    );
}

#[tokio::test]
async fn validity_is_the_policys_or_what_a_field_or_a_tag_asks_for() {
    let until = |days| NOW + Millis::days(days);
    let with = |field: &str| MAIL.replace("MIME-Version", &format!("{field}\nMIME-Version"));
    let tagged = |days: &str| DEPOSITOR.replace('@', &format!("+pli-{days}@"));
    for (to, message, expected) in [
        (DEPOSITOR.to_owned(), MAIL.to_owned(), until(5)),
        (DEPOSITOR.to_owned(), with("Pli-Validity-Days: 12"), until(12)),
        (tagged("15j"), MAIL.to_owned(), until(15)),
        (tagged("15d"), with("Pli-Validity-Days: 8"), until(8)),
    ] {
        let house = House::build().await;
        let reference = submit(&house, &[&to], &message).await.unwrap();
        assert_eq!(transfer(&house, &reference).await.unwrap().expires_at, expected, "{to}");
        assert_eq!(
            house.mails_to(DEPOSITOR).await.len(),
            1,
            "the tag is for the gateway, not for the recipient"
        );
    }
    let house = House::build().await;
    for (to, message) in [
        (DEPOSITOR.to_owned(), with("Pli-Validity-Days: 21")),
        (DEPOSITOR.to_owned(), with("Pli-Validity-Days: 4")),
        (DEPOSITOR.to_owned(), with("Pli-Validity-Days: toujours")),
        (tagged("30j"), MAIL.to_owned()),
    ] {
        let refused = submit(&house, &[&to], &message).await;
        assert!(matches!(refused, Err(SubmissionRefusal::Validity)), "{to}: {refused:?}");
    }
    assert!(house.mails_to(DEPOSITOR).await.is_empty());
}

/// That a tag on a deposit address is refused at RCPT: `tests/scenario/not_a_deposit.rs`.
#[tokio::test]
async fn the_same_fields_in_a_mail_from_outside_have_no_effect() {
    let house = House::build().await;
    let plain = "From: jeanne.martin@departement.example\nTo: pensions@pli.example\nSubject: Demande urgente\n\nBonjour 1\n";
    let stub = "https://pli.example/plis/lien/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let forged = format!(
        "Pli-Validity-Days: 20\nPli-Mailbox: social\nPli-Reference: 7K3M-9QXD-04TZ\nX-Pli-Status: clean\n\
         Disposition-Notification-To: {DEPOSITOR}\n{}\n{stub}\n/avis-recus/x\n",
        plain.replace("Bonjour 1", "Bonjour 2")
    );
    let mut taken = Vec::new();
    for mail in [plain, &forged] {
        let Ok(pli::app::MailAnswer::Deposited { reference }) =
            house.mail_in(Some(DEPOSITOR), mail, relay()).await
        else {
            panic!("not taken")
        };
        taken.push(transfer(&house, &reference).await.unwrap());
    }
    assert_eq!(taken[0].expires_at, taken[1].expires_at);
    assert_eq!(taken[0].mailbox, taken[1].mailbox);
    assert_ne!(taken[0].reference, taken[1].reference);
    assert!(taken[1].outgoing.is_none());
    for to in [DEPOSITOR, TEAM] {
        let mails = house.mails_to(to).await;
        assert_eq!(mails.len(), 2, "{to}");
        assert!(mails.iter().all(|mail| !mail_text(mail).contains("/plis/lien/")), "no stub goes on");
    }
}

#[tokio::test]
async fn a_mail_that_answers_the_stub_is_the_recipients_answer_and_no_strangers() {
    let house = House::build().await;
    submit(&house, &[DEPOSITOR], MAIL).await.unwrap();
    let stub = house.mails_to(DEPOSITOR).await.pop().unwrap();
    let id = stub.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().trim();
    let reply =
        format!("From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Re\nIn-Reply-To: {id}\n\nMerci\n");
    let refused = house.mail_in(Some(DEPOSITOR), &reply, visitor()).await;
    assert!(matches!(refused, Err(MailRefusal::IsReply)), "not through the partner's host: {refused:?}");
    let stranger = reply.replace(DEPOSITOR, "x@ailleurs.example");
    let refused = house.mail_in(Some("x@ailleurs.example"), &stranger, relay()).await;
    assert!(matches!(refused, Err(MailRefusal::IsReply)), "whoever got hold of the stub: {refused:?}");
    let taken = house.mail_in(Some(DEPOSITOR), &reply, relay()).await;
    assert!(matches!(taken, Ok(MailAnswer::Deposited { .. })), "{taken:?}");
}

#[tokio::test]
async fn a_read_receipt_that_a_mail_program_asks_for_tells_of_the_download() {
    let house = House::build().await;
    let asked =
        MAIL.replace("MIME-Version", "Disposition-Notification-To: agent@carsat.example\nMIME-Version");
    let reference = submit(&house, &[DEPOSITOR], &asked).await.unwrap();
    let told = transfer(&house, &reference).await.unwrap().outgoing.unwrap().tell_downloads;
    assert_eq!(told, pli::transfer::TellDownloads::First, "V4");
}

#[tokio::test]
async fn the_same_mail_again_gets_the_same_reference_also_at_the_same_time() {
    let house = House::build().await;
    let send = || submit(&house, &[DEPOSITOR], MAIL);
    let (one, two) = tokio::join!(send(), send());
    let three = send().await.unwrap();
    assert_eq!((one.unwrap(), two.unwrap()), (three.clone(), three.clone()));
    assert_eq!(house.mails_to(DEPOSITOR).await.len(), 1);
    let other = submit(&house, &[DOCTOR], MAIL).await.unwrap();
    assert_ne!(other, three, "to somebody else it is another mail");
}

#[tokio::test]
async fn who_may_not_send_as_the_author_does_not_and_rights_are_read_anew() {
    let house = House::build().await;
    let agent = account(&house, AGENT).await.id;
    let others = MAIL.replace("Agent <agent@carsat.example>", "autre@carsat.example");
    let refused = house.app.submit_mail(mail(agent, AGENT, &[DOCTOR], &others)).await;
    assert!(matches!(refused, Err(SubmissionRefusal::MayNotSend)), "another author: {refused:?}");
    let refused = house.app.submit_mail(mail(agent, "autre@carsat.example", &[DOCTOR], MAIL)).await;
    assert!(matches!(refused, Err(SubmissionRefusal::MayNotSend)), "another envelope: {refused:?}");
    let team = MAIL.replace("Agent <agent@carsat.example>", TEAM);
    assert!(house.app.submit_mail(mail(agent, AGENT, &[DOCTOR], &team)).await.is_ok(), "the team's address");
    house.app.cut_off(agent, pli::audit::Origin::Cli).await.unwrap();
    let refused = house.app.submit_mail(mail(agent, AGENT, &[DOCTOR], MAIL)).await;
    assert!(matches!(refused, Err(SubmissionRefusal::MayNotSend)), "cut off since MAIL FROM: {refused:?}");
    let last = log(&house).await.pop().unwrap();
    assert_eq!(last.action, Action::SubmissionRefused);
    assert_eq!(last.outcome, Outcome::Refused(RefusalReason::NotEntitled));
}

#[tokio::test]
async fn a_member_of_several_mailboxes_says_by_the_sender_which_one_sends() {
    let house = House::build().await;
    let mut agent = account(&house, AGENT).await;
    let social =
        house.app.mailboxes().await.unwrap().into_iter().find(|m| m.slug.as_str() == "social").unwrap();
    agent.mailboxes.push(social.id);
    let id = agent.id;
    let unit = pli::app::ports::UnitOfWork { changes: vec![Change::Put(agent.into())], ..Default::default() };
    house.app.store.commit(unit).await.unwrap();
    let unclear = house.app.submit_mail(mail(id, AGENT, &[DOCTOR], MAIL)).await;
    assert!(matches!(unclear, Err(SubmissionRefusal::WhichMailbox)), "{unclear:?}");
    let clear = house.app.submit_mail(mail(id, "balc-social@carsat.example", &[DOCTOR], MAIL)).await.unwrap();
    let SubmissionAnswer::Sent { reference } = clear;
    assert_eq!(transfer(&house, &reference).await.unwrap().mailbox, social.id);
}

#[tokio::test]
async fn what_is_no_mail_of_a_person_or_over_a_limit_is_refused_in_words() {
    let house = House::build().await;
    let with = |field: &str| MAIL.replace("MIME-Version", &format!("{field}\nMIME-Version"));
    let refused = submit(&house, &[DOCTOR], &with("Auto-Submitted: auto-replied")).await;
    assert!(matches!(refused, Err(SubmissionRefusal::Automatic)), "{refused:?}");
    let round = with("Received: by somebody\n".repeat(101).trim_end());
    assert!(matches!(submit(&house, &[DOCTOR], &round).await, Err(SubmissionRefusal::Loop)));
    let empty = "From: agent@carsat.example\nSubject: x\n\n\n";
    let refused = submit(&house, &[DOCTOR], empty).await;
    assert!(matches!(refused, Err(SubmissionRefusal::Content(MailRefusal::Empty))), "{refused:?}");
    for ours in ["pensions@pli.example", "ne-pas-repondre@pli.example"] {
        let refused = submit(&house, &[DOCTOR, ours], MAIL).await;
        assert!(matches!(refused, Err(SubmissionRefusal::RecipientRefused)), "{ours}: {refused:?}");
    }
    let large = MAIL.replace("JVBERi0xLjcKc3ludGhldGlj", &"QUFB".repeat(400_000));
    let refused = submit(&house, &[DOCTOR], &large).await;
    assert!(matches!(refused, Err(SubmissionRefusal::Content(MailRefusal::TooLarge { .. }))), "{refused:?}");
    assert!(house.mails_to(DOCTOR).await.is_empty());
    let refusals = log(&house).await.into_iter().filter(|event| event.action == Action::SubmissionRefused);
    assert_eq!(refusals.count(), 6, "each is in the log");
}

#[tokio::test]
async fn a_long_text_goes_along_as_a_file_and_nothing_of_it_is_lost() {
    let house = House::build().await;
    let text = "Une ligne de texte.\n".repeat(20_000);
    let message = format!("From: {AGENT}\nSubject: Demande urgente\nMessage-ID: <long@x.example>\n\n{text}");
    let reference = submit(&house, &[DOCTOR], &message).await.unwrap();
    let signed = house.sign_in(AGENT).await;
    let kept = house.download(&signed, &reference, 1).await;
    let kept = String::from_utf8(kept).unwrap();
    assert_eq!(kept.matches("ligne").count(), 20_000);
}

#[tokio::test]
async fn colleagues_get_a_link_the_mail_itself_or_a_refusal_as_the_policy_says() {
    for (word, links, mails) in [("link", 1, 1), ("forward", 0, 1), ("refuse", 0, 0)] {
        let house = House::build().await;
        let policy = format!("internal_domains = [\"carsat.example\"]\ninternal = \"{word}\"");
        let mut policies = crate::custody_house::policies(include_str!("../../policies/custody.toml"));
        policies.outgoing = OutgoingPolicy::parse(&policy).unwrap();
        house.app.policies.store(std::sync::Arc::new(policies));
        let message =
            MAIL.replace("MIME-Version", "Bcc: secret@ailleurs.example\nPli-Validity-Days: 9\nMIME-Version");
        let taken = submit(&house, &[DOCTOR, COLLEAGUE], &message).await;
        assert_eq!(taken.is_ok(), word != "refuse", "{word}: {taken:?}");
        let got = house.mails_to(COLLEAGUE).await;
        assert_eq!(got.len(), mails, "{word}");
        assert_eq!(
            got.iter().filter(|mail| mail_text(mail).contains("/plis/lien/")).count(),
            links,
            "{word}"
        );
        if word == "forward" {
            let mail = &got[0];
            assert!(mail.contains("JVBERi0xLjcKc3ludGhldGlj"), "as it was written");
            assert!(mail.starts_with("Received: by pli.example with ESMTPSA;"), "{mail}");
            assert!(!mail.contains("secret@") && !mail.contains("Pli-Validity"), "{mail}");
            let outside = house.mails_to(DOCTOR).await;
            assert!(
                mail_text(&outside[0]).contains("/plis/lien/"),
                "who is outside gets a link all the same"
            );
        }
    }
}

#[tokio::test]
async fn a_mail_to_colleagues_alone_is_no_transfer_and_stands_in_the_log() {
    let house = House::build().await;
    let mut policies = crate::custody_house::policies(include_str!("../../policies/custody.toml"));
    policies.outgoing =
        OutgoingPolicy::parse("internal_domains = [\"carsat.example\"]\ninternal = \"forward\"").unwrap();
    house.app.policies.store(std::sync::Arc::new(policies));
    let reference = submit(&house, &[COLLEAGUE], MAIL).await.unwrap();
    assert!(transfer(&house, &reference).await.is_none());
    assert_eq!(submit(&house, &[COLLEAGUE], MAIL).await.unwrap(), reference, "a repeat is a repeat");
    for unit in house.store.take_units() {
        for change in unit.changes {
            let Change::Put(record) = change else { continue };
            let written = serde_json::to_string(&record).unwrap();
            assert!(!written.contains("liquid") && !written.contains("JVBERi0x"), "in clear: {written}");
        }
    }
    assert_eq!(house.mails_to(COLLEAGUE).await.len(), 1);
    assert!(house.events().await.contains(&Action::MailForwarded));
    // A large one becomes a link.
    let large = MAIL.replace("JVBERi0xLjcKc3ludGhldGlj", &"QUFB\n".repeat(240_000));
    submit(&house, &[COLLEAGUE], &large).await.unwrap();
    assert!(mail_text(&house.mails_to(COLLEAGUE).await.pop().unwrap()).contains("/plis/lien/"));
}

#[tokio::test]
async fn what_must_go_by_verified_tls_goes_on_so() {
    let house = House::build().await;
    let mut submitted = mail(account(&house, AGENT).await.id, AGENT, &[DOCTOR], MAIL);
    submitted.envelope.requires_tls = true;
    house.app.submit_mail(submitted).await.unwrap();
    let waiting = house.app.store.list(&List::MailsDueBy(Timestamp(i64::MAX)), 10).await.unwrap();
    let mails = waiting.into_iter().filter_map(|found| match found.record {
        Record::Mail(mail) if mail.kind == LetterKind::SecureLink => Some(mail.requires_tls),
        _ => None,
    });
    assert_eq!(mails.collect::<Vec<_>>(), [true]);
    reader(&house, DOCTOR).await;
    let all = house.app.store.list(&List::MailsWrittenBefore(Timestamp(i64::MAX)), 50).await.unwrap();
    let codes = all.into_iter().filter_map(|found| match found.record {
        Record::Mail(mail) if mail.kind == LetterKind::OpeningCode => Some(mail.requires_tls),
        _ => None,
    });
    assert_eq!(codes.collect::<Vec<_>>(), [true], "the code too");
}

/// RFC 8689 section 4.2.1 of what an agent wrote and colleagues get as it is; our own letters hold nothing of a mail.
#[tokio::test]
async fn a_mail_that_is_handed_on_goes_to_no_host_that_does_not_promise_to_keep_it_protected() {
    for required in [false, true] {
        let house = House::build().await;
        let mut policies = crate::custody_house::policies(include_str!("../../policies/custody.toml"));
        policies.outgoing =
            OutgoingPolicy::parse("internal_domains = [\"carsat.example\"]\ninternal = \"forward\"").unwrap();
        house.app.policies.store(std::sync::Arc::new(policies));
        let mut submitted = mail(account(&house, AGENT).await.id, AGENT, &[DOCTOR, COLLEAGUE], MAIL);
        submitted.envelope.requires_tls = required;
        house.app.submit_mail(submitted).await.unwrap();
        let all = house.app.store.list(&List::MailsWrittenBefore(Timestamp(i64::MAX)), 50).await.unwrap();
        let of_kind = |kind| {
            let mut mails = all.iter().filter_map(|found| match &found.record {
                Record::Mail(mail) if mail.kind == kind => Some(mail.protection()),
                _ => None,
            });
            mails.next().unwrap()
        };
        let expected = if required {
            (Protection::Onward, Protection::ToHost)
        } else {
            (Protection::Usual, Protection::Usual)
        };
        assert_eq!((of_kind(LetterKind::Forwarded), of_kind(LetterKind::SecureLink)), expected);
    }
}

#[tokio::test]
async fn a_fault_of_ours_leaves_nothing_and_the_mail_program_keeps_the_mail() {
    let house = House::build().await;
    house.store.fail_commit_after(0, Fault::NotPersisted);
    let fault = submit(&house, &[DOCTOR], MAIL).await;
    assert!(matches!(fault, Err(SubmissionRefusal::Fault(_))), "{fault:?}");
    assert!(house.mails_to(DOCTOR).await.is_empty());
    let reference = submit(&house, &[DOCTOR], MAIL).await.unwrap();
    assert!(house.record(&Key::Transfer(transfer(&house, &reference).await.unwrap().id)).await.is_some());
}

#[tokio::test]
async fn while_the_scanner_is_down_a_mail_is_held_and_its_links_leave_once_it_is_judged() {
    let scanner = Told::new(State::Gone);
    let house = House::build_with(Some(scanner.scanning())).await;
    let message =
        format!("From: {AGENT}\nSubject: Demande urgente\nMessage-ID: <held@x.example>\n\nBonjour.\n");
    let reference = submit(&house, &[DOCTOR], &message).await.unwrap();
    assert!(transfer(&house, &reference).await.is_none(), "taken, durable, and not let go");
    assert!(house.mails_to(DOCTOR).await.is_empty());
    assert_eq!(submit(&house, &[DOCTOR], &message).await.unwrap(), reference);
    scanner.is(State::Fit);
    house.clock.advance(Millis::seconds(31));
    assert_eq!(house.app.look_at_held().await.unwrap().released, 1);
    assert!(
        transfer(&house, &reference).await.is_some(),
        "under the reference that the mail program was told"
    );
    let reading = reader(&house, DOCTOR).await;
    let open = house.app.opened_outside(&reading, visitor()).await.unwrap();
    assert!(String::from_utf8_lossy(house.app.message(&open).await.unwrap().expose()).contains("Bonjour."));
}

#[tokio::test]
async fn a_mail_with_a_file_that_is_refused_stays_with_the_mail_program() {
    let house = House::build_with(Some(Told::new(State::Fit).scanning())).await;
    let program = MAIL
        .replace("decision.pdf", "decision.exe")
        .replace("application/pdf", "application/octet-stream")
        .replace("JVBERi0xLjcKc3ludGhldGlj", "TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAA=");
    let refused = submit(&house, &[DOCTOR], &program).await;
    assert!(matches!(refused, Err(SubmissionRefusal::FileRefused)), "{refused:?}");
    assert!(house.mails_to(DOCTOR).await.is_empty());
    assert_eq!(log(&house).await.pop().unwrap().action, Action::SubmissionRefused);
}

#[tokio::test]
async fn what_is_no_mail_is_refused_and_told() {
    let house = House::build().await;
    let submitted = submit(&house, &["docteur@cabinet.example"], "no header").await;
    assert!(matches!(submitted, Err(SubmissionRefusal::Malformed(_))), "{submitted:?}");
    let told = crate::custody_house::log(&house).await;
    let told = told.iter().rfind(|event| event.action == Action::SubmissionRefused).unwrap();
    assert_eq!(told.outcome, pli::audit::Outcome::Refused(pli::audit::RefusalReason::Malformed));
}
