//! Answers and new transfers to people outside (T5, T6, T9, V4): sent by a member, opened by link and code or told password,
//! answered back, withdrawn, ended; and who may none of it.

use pli::app::ports::{Change, Key, List, Record};
use pli::app::{
    AnswerError, By, DefaultsError, DepositRefusal, LinkError, LinkOpened, OpenError, OpenedDraft,
    OutgoingSending, OutsideReader, RevokeError, SecondStep, SendRefusal, Sending, SettingsChange,
    SettingsError, Signed,
};
use pli::audit::{Action, Origin, Outcome, RefusalReason};
use pli::identity::{Partner, Password};
use pli::transfer::{AnswerWay, CaseState, Ending, SentLine, TellDownloads, Transfer};
use pli::value::{Millis, Reference, SecretBytes, Slug, Token};

use crate::custody_house::{COLLEAGUE, MEMBER, admit, log, members_house};
use crate::house::{DEPOSITOR, House, address, is_found_below, mail_text, visitor};

const AGENT: &str = "agent@carsat.example";
const STRANGER: &str = "autre@carsat.example";
const DOCTOR: &str = "docteur@cabinet.example";
const ANSWER: &str = "Bonjour, la pension est rétablie.";
const TITLE: &str = "Réponse à demande urgente";

pub fn sending() -> OutgoingSending {
    OutgoingSending {
        title: TITLE.into(),
        message: SecretBytes::new(ANSWER.as_bytes().to_vec()),
        recipients: String::new(),
        days: None,
        tell_downloads: None,
        note: String::new(),
        told: None,
        told_chars: 0,
    }
}

async fn send(
    house: &House,
    signed: &Signed,
    draft: &OpenedDraft,
    sending: OutgoingSending,
) -> Result<Reference, SendRefusal> {
    let view = house.app.draft(draft.draft, &draft.token).await.unwrap().unwrap();
    Ok(house.app.send_outgoing(signed, view, sending, visitor()).await?.reference)
}

/// An agent answers a deposit, with a file.
pub async fn answer(house: &House, signed: &Signed, reference: &Reference) -> Reference {
    answer_with(house, signed, reference, "décision.pdf", b"%PDF-1.7 decision").await
}

/// An agent answers a deposit, with this file.
pub async fn answer_with(
    house: &House,
    signed: &Signed,
    reference: &Reference,
    name: &str,
    bytes: &[u8],
) -> Reference {
    let draft = house.app.begin_answer(signed, reference, false, visitor()).await.unwrap();
    house.add_file(&(draft.draft, draft.token.clone()), name, bytes).await;
    send(house, signed, &draft, sending()).await.unwrap()
}

/// A new transfer to these addresses.
pub async fn compose(
    house: &House,
    signed: &Signed,
    sending: OutgoingSending,
) -> Result<Reference, SendRefusal> {
    let slug = house.pensions.slug.clone();
    let draft = house.app.begin_composing(signed, &slug, visitor()).await.unwrap();
    send(house, signed, &draft, sending).await
}

/// The token of the newest link that was mailed to an address.
pub async fn link(house: &House, to: &str) -> Token {
    let texts = house.mails_to(to).await.into_iter().rev().map(|mail| mail_text(&mail));
    let text = texts.into_iter().find(|text| text.contains("/plis/lien/")).expect("a mail with a link");
    let token = text.split("/plis/lien/").nth(1).unwrap().split_whitespace().next().unwrap();
    Token::parse(token).unwrap()
}

/// The newest code that was mailed to an address.
pub async fn code(house: &House, to: &str) -> String {
    let texts = house.mails_to(to).await.into_iter().rev().map(|mail| mail_text(&mail));
    let shape = regex::Regex::new(r"\b(\d{4}) (\d{4})\b").unwrap();
    let found = texts.filter(|text| !text.contains("/plis/lien/"));
    let mut codes = found.filter_map(|text| shape.find(&text).map(|code| code.as_str().to_owned()));
    codes.next().expect("a mail with a code")
}

/// Takes the second step by a mailed code.
pub async fn open(house: &House, to: &str) -> LinkOpened {
    let token = link(house, to).await;
    let SecondStep::Code { browser } = house.app.ask_to_open(&token, visitor()).await.unwrap() else {
        panic!("a password is asked for")
    };
    let code = code(house, to).await;
    house.app.open_by_code(&token, &browser, &code, visitor()).await.unwrap()
}

pub async fn reader(house: &House, opened: &LinkOpened) -> Option<OutsideReader> {
    house.app.outside_reader(opened.link, &opened.cookie, visitor()).await.unwrap()
}

async fn transfer(house: &House, reference: &Reference) -> Transfer {
    let found = house.app.store.list(&List::TransferByReference(reference.clone()), 1).await.unwrap();
    Transfer::try_from(found.into_iter().next().unwrap().record).unwrap()
}

async fn last(house: &House, action: Action) -> Outcome {
    log(house).await.iter().rev().find(|event| event.action == action).unwrap().outcome
}

#[tokio::test]
async fn an_answer_is_opened_by_link_and_code_and_answered_back() {
    let house = House::build().await;
    let (deposit, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    let sent = answer(&house, &agent, &deposit).await;

    let case = transfer(&house, &deposit).await.case;
    assert!(matches!(case.state, CaseState::Answered(answer) if answer.how == AnswerWay::Secure));
    assert_eq!(house.transfers().await, 1, "what was sent is not among what was received");
    let mails: Vec<_> = house.mails_to(DEPOSITOR).await;
    // The acknowledgement of the deposit may leave at the same instant, before or after.
    let notice = mails.iter().find(|mail| mail.contains(sent.as_str())).unwrap();
    assert!(!notice.contains("decision"), "no file name in clear");
    assert!(house.mails_to(AGENT).await.iter().any(|mail| mail_text(mail).contains(DEPOSITOR)));

    let opened = open(&house, DEPOSITOR).await;
    let reading = reader(&house, &opened).await.unwrap();
    let open = house.app.opened_outside(&reading, visitor()).await.unwrap();
    assert_eq!(house.app.message(&open).await.unwrap().expose(), ANSWER.as_bytes());
    assert_eq!(open.files()[0].name, "décision.pdf");
    assert!(house.app.open_file(&open, 1).await.is_ok());
    assert_eq!(house.download(&agent, &sent, 1).await, b"%PDF-1.7 decision", "the team sees what was sent");

    let reply = house.app.begin_reply(&reading, visitor()).await.unwrap();
    let back = house.send(&(reply.draft, reply.token), "Demande urgente").await.unwrap().reference;
    assert_eq!(transfer(&house, &back).await.answers, Some(transfer(&house, &sent).await.id));
    assert_eq!(house.transfers().await, 2);
    house.app.open_transfer(&agent, &back, visitor()).await.unwrap();
    let envelope = house.app.envelope(Some(&agent), &sent, visitor()).await.unwrap();
    assert_eq!(envelope.answered.unwrap().reference, deposit);
    assert_eq!(envelope.answers[0].reference, back);
    assert!(envelope.outgoing.unwrap().recipients[0].opened_at.is_some(), "who opened it, and when");
    for action in [
        Action::TransferComposed,
        Action::TransferAnswered,
        Action::OpeningCodeAsked,
        Action::LinkFollowed,
        Action::TransferOpened,
        Action::TransferReplied,
    ] {
        assert_eq!(last(&house, action).await, Outcome::Done, "{action:?}");
    }
}

#[tokio::test]
async fn the_store_alone_opens_nothing_and_holds_no_link() {
    let house = House::build().await;
    let (deposit, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    answer(&house, &agent, &deposit).await;
    let token = link(&house, DEPOSITOR).await;
    for unit in house.store.take_units() {
        for change in unit.changes {
            let Change::Put(record) = change else { continue };
            let written = serde_json::to_string(&record).unwrap();
            assert!(!written.contains(token.expose().as_str()), "{written}");
        }
    }
    assert!(!is_found_below(house.directory.path(), ANSWER.as_bytes()));
    assert!(!is_found_below(house.directory.path(), b"%PDF-1.7 decision"));
}

#[tokio::test]
async fn a_code_works_in_the_browser_that_asked_and_five_wrong_ones_end_it() {
    let house = House::build().await;
    let (deposit, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    answer(&house, &agent, &deposit).await;
    let token = link(&house, DEPOSITOR).await;
    let SecondStep::Code { browser } = house.app.ask_to_open(&token, visitor()).await.unwrap() else {
        panic!()
    };
    let code = code(&house, DEPOSITOR).await;
    let other = Token::new([9; 32]);
    let elsewhere = house.app.open_by_code(&token, &other, &code, visitor()).await;
    assert!(matches!(elsewhere, Err(LinkError::CodeEnded)));
    for _ in 0..4 {
        let wrong = house.app.open_by_code(&token, &browser, "00000000", visitor()).await;
        assert!(matches!(wrong, Err(LinkError::Wrong)));
    }
    for typed in ["00000000", &code] {
        let ended = house.app.open_by_code(&token, &browser, typed, visitor()).await;
        assert!(matches!(ended, Err(LinkError::CodeEnded)), "{typed}");
    }
    assert_eq!(last(&house, Action::LinkFollowed).await, Outcome::Refused(RefusalReason::TooManyTries));
    for _ in 0..4 {
        house.app.ask_to_open(&token, visitor()).await.unwrap();
    }
    let flood = house.app.ask_to_open(&token, visitor()).await;
    assert!(matches!(flood, Err(LinkError::TooMany)), "nobody fills the recipient's mailbox");
    assert_eq!(last(&house, Action::OpeningCodeAsked).await, Outcome::Refused(RefusalReason::TooMany));
    house.clock.advance(Millis::minutes(15));
    house.app.ask_to_open(&token, visitor()).await.unwrap();
}

#[tokio::test]
async fn a_link_that_never_was_and_one_that_ended_get_the_same_answer() {
    let house = House::build().await;
    let (deposit, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    let sent = answer(&house, &agent, &deposit).await;
    let opened = open(&house, DEPOSITOR).await;
    let (token, id) = (link(&house, DEPOSITOR).await, transfer(&house, &sent).await.id);
    let never = house.app.ask_to_open(&Token::new([9; 32]), visitor()).await;
    assert!(matches!(never, Err(LinkError::NotGood)));

    house.clock.advance(Millis::days(5));
    assert!(matches!(house.app.ask_to_open(&token, visitor()).await, Err(LinkError::NotGood)));
    assert!(reader(&house, &opened).await.is_none());
    house.app.upkeep().await.unwrap();
    assert!(house.app.store.list(&List::LinksOf(id), 10).await.unwrap().is_empty());
    assert!(house.app.store.list(&List::GrantsOf(id), 10).await.unwrap().is_empty());
    let line = house.record(&Key::Sent(id)).await.unwrap();
    let line = SentLine::try_from(line).unwrap();
    assert_eq!((line.recipients, line.opened, line.ending), (1, 1, Ending::Expired));
    assert!(house.record(&Key::Register(id)).await.is_none(), "what was sent is no case of the register");
    let agent = house.sign_in(AGENT).await;
    let gone = house.app.open_transfer(&agent, &sent, visitor()).await;
    assert!(matches!(gone, Err(OpenError::Gone)));
    assert!(matches!(transfer(&house, &deposit).await.case.state, CaseState::Answered(_)), "that stays");
    let listed = house.app.list_sent(&agent, &house.pensions.slug, visitor()).await.unwrap();
    assert_eq!((listed.live.len(), listed.ended.len()), (0, 1));
}

#[tokio::test]
async fn a_session_outside_is_short_and_of_one_browser() {
    let house = House::build().await;
    let (deposit, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    answer(&house, &agent, &deposit).await;
    let opened = open(&house, DEPOSITOR).await;
    let elsewhere = LinkOpened { link: opened.link, cookie: Token::new([9; 32]) };
    assert!(reader(&house, &elsewhere).await.is_none());
    house.clock.advance(Millis(2 * 60 * 60 * 1000 - 1));
    assert!(reader(&house, &opened).await.is_some());
    house.clock.advance(Millis(1));
    assert!(reader(&house, &opened).await.is_none());
    house.app.upkeep().await.unwrap();
    assert!(house.record(&Key::LinkSession(opened.cookie.hash())).await.is_none());
}

#[tokio::test]
async fn a_told_password_opens_it_in_place_of_a_code_and_wrong_ones_make_it_wait() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let told = "huit mots synthétiques";
    let typed = || Password::new(told.into());
    let sending = OutgoingSending {
        recipients: format!("{DOCTOR}; {DEPOSITOR}"),
        told: typed(),
        told_chars: told.chars().count(),
        ..sending()
    };
    compose(&house, &agent, sending).await.unwrap();
    let token = link(&house, DOCTOR).await;
    assert!(matches!(house.app.ask_to_open(&token, visitor()).await.unwrap(), SecondStep::Password));
    let opened = house.app.open_by_password(&token, typed(), visitor()).await.unwrap();
    let reading = reader(&house, &opened).await.unwrap();
    assert!(house.app.opened_outside(&reading, visitor()).await.is_ok());
    for _ in 0..5 {
        let wrong = house.app.open_by_password(&token, Password::new("faux".into()), visitor()).await;
        assert!(matches!(wrong, Err(LinkError::Wrong)));
    }
    let waits = house.app.open_by_password(&token, typed(), visitor()).await;
    assert!(matches!(waits, Err(LinkError::TooMany)), "even the right one waits");
    house.clock.advance(Millis::minutes(15));
    assert!(house.app.open_by_password(&token, typed(), visitor()).await.is_ok());
    let other = link(&house, DEPOSITOR).await;
    assert!(
        house.app.open_by_password(&other, typed(), visitor()).await.is_ok(),
        "the other waits for nothing"
    );
}

#[tokio::test]
async fn what_is_chosen_beforehand_is_the_member_s_then_the_mailbox_s_and_each_sending_may_differ() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let slug = house.pensions.slug.clone();
    let lived = async |sending: OutgoingSending| {
        let sent = compose(&house, &agent, sending).await.unwrap();
        let record = transfer(&house, &sent).await;
        (record.received_at.until(record.expires_at), record.outgoing.unwrap().tell_downloads)
    };
    let to_doctor = || OutgoingSending { recipients: DOCTOR.into(), ..sending() };
    assert_eq!(lived(to_doctor()).await, (Millis::days(5), TellDownloads::Never), "the policy's");
    let every = Some(TellDownloads::Every);
    let set = SettingsChange::Sending { days: Some(12), tell: every };
    let by_member = house.app.change_settings(By::person(&agent, visitor()), &slug, set.clone()).await;
    assert!(matches!(by_member, Err(SettingsError::NotEntitled)), "a mailbox's are its manager's to set");
    house.app.change_settings(By::operator(Origin::Cli), &slug, set).await.unwrap();
    assert_eq!(lived(to_doctor()).await, (Millis::days(12), TellDownloads::Every), "the mailbox's");
    house.app.set_own_defaults(&agent, Some(7), None, visitor()).await.unwrap();
    assert_eq!(
        lived(to_doctor()).await,
        (Millis::days(7), TellDownloads::Every),
        "the member's own comes first"
    );
    let otherwise =
        OutgoingSending { days: Some(20), tell_downloads: Some(TellDownloads::Never), ..to_doctor() };
    assert_eq!(lived(otherwise).await, (Millis::days(20), TellDownloads::Never));
    for days in [4, 21] {
        let refused = house.app.set_own_defaults(&agent, Some(days), None, visitor()).await;
        assert!(matches!(refused, Err(DefaultsError::Validity { .. })), "{days} days (V2)");
    }
    assert_eq!(last(&house, Action::AccountChanged).await, Outcome::Refused(RefusalReason::ValidityTooLong));
    assert!(house.events().await.contains(&Action::MailboxChanged));
}

#[tokio::test]
async fn who_wants_to_hear_of_every_download_hears_of_each_but_not_more_than_once_an_hour() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let sending = OutgoingSending {
        recipients: DOCTOR.into(),
        tell_downloads: Some(TellDownloads::Every),
        ..sending()
    };
    compose(&house, &agent, sending).await.unwrap();
    let opened = open(&house, DOCTOR).await;
    let before = house.mails_to(AGENT).await.len();
    let download = async || {
        let reading = reader(&house, &opened).await.unwrap();
        let begun = house.app.begin_outside_download(&reading, None, visitor()).await.unwrap();
        house.app.end_download(&begun, None, None, pli::value::ByteSize(1)).await.unwrap();
        house.mails_to(AGENT).await.len() - before
    };
    assert_eq!((download().await, download().await), (1, 1), "two within the hour");
    house.clock.advance(Millis::hours(1));
    assert_eq!(download().await, 2);
}

#[tokio::test]
async fn the_sender_is_told_of_the_first_download_and_may_choose_how_long() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let sending = OutgoingSending {
        recipients: DOCTOR.into(),
        days: Some(20),
        tell_downloads: Some(TellDownloads::First),
        note: "Le dossier que nous avons évoqué".into(),
        ..sending()
    };
    let sent = compose(&house, &agent, sending).await.unwrap();
    let record = transfer(&house, &sent).await;
    assert_eq!(record.received_at.until(record.expires_at), Millis::days(20));
    assert!(mail_text(&house.mails_to(DOCTOR).await[0]).contains("que nous avons évoqué"));
    let opened = open(&house, DOCTOR).await;
    let before = house.mails_to(AGENT).await.len();
    for _ in 0..2 {
        let reading = reader(&house, &opened).await.unwrap();
        let begun = house.app.begin_outside_download(&reading, None, visitor()).await.unwrap();
        house.app.end_download(&begun, None, None, pli::value::ByteSize(1)).await.unwrap();
    }
    assert_eq!(house.mails_to(AGENT).await.len(), before + 1, "once");
    let listed = house.app.list_sent(&agent, &house.pensions.slug, visitor()).await.unwrap();
    assert!(listed.live[0].view.recipients[0].downloaded_at.is_some());
}

#[tokio::test]
async fn what_is_withdrawn_is_gone_at_once_and_its_downloads_are_cut() {
    let house = House::build().await;
    let (deposit, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    let sent = answer(&house, &agent, &deposit).await;
    let opened = open(&house, DEPOSITOR).await;
    let reading = reader(&house, &opened).await.unwrap();
    let open = house.app.opened_outside(&reading, visitor()).await.unwrap();
    assert!(house.app.may_still_read(&open.transfer));
    let reply = house.app.begin_reply(&reading, visitor()).await.unwrap();
    let view = house.app.draft(reply.draft, &reply.token).await.unwrap().unwrap();

    house.app.revoke(&agent, &sent, visitor()).await.unwrap();
    assert!(!house.app.may_still_read(&open.transfer), "what runs is cut at its next piece");
    assert!(reader(&house, &opened).await.is_none());
    let token = link(&house, DEPOSITOR).await;
    assert!(matches!(house.app.ask_to_open(&token, visitor()).await, Err(LinkError::NotGood)));
    let line = SentLine::try_from(house.record(&Key::Sent(open.transfer.id)).await.unwrap()).unwrap();
    assert_eq!(line.ending, Ending::Revoked);
    let sending = Sending::new("Demande urgente".into(), SecretBytes::new(b"Merci.".to_vec()));
    let late = house.app.accept_deposit(view, sending, visitor()).await;
    assert!(matches!(late, Err(DepositRefusal::NotAdmitted)), "the right to reply went with it");
    assert!(house.app.draft(reply.draft, &reply.token).await.unwrap().is_none(), "its draft is shut");
    assert_eq!(last(&house, Action::TransferRevoked).await, Outcome::Done);

    let not_ours = house.app.revoke(&agent, &deposit, visitor()).await;
    assert!(matches!(not_ours, Err(RevokeError::NotSentHere)));
    assert_eq!(last(&house, Action::TransferRevoked).await, Outcome::Refused(RefusalReason::NotEntitled));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_told_and_logged_and_the_draft_stays() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let to = |recipients: &str| OutgoingSending { recipients: recipients.into(), ..sending() };
    let many: Vec<_> = (0..51).map(|n| format!("p{n}@cabinet.example")).collect();
    let slug = house.pensions.slug.clone();
    let draft = house.app.begin_composing(&agent, &slug, visitor()).await.unwrap();
    for (sending, reason) in [
        (to(""), RefusalReason::FormIncomplete),
        (to("pas une adresse"), RefusalReason::FormIncomplete),
        (to("pensions@pli.example"), RefusalReason::FormIncomplete),
        (to(&many.join(",")), RefusalReason::TooMany),
        (
            OutgoingSending { title: "M. Dupont 1 84 06 35 288 118 22".into(), ..to(DOCTOR) },
            RefusalReason::TitlePersonalData,
        ),
        (OutgoingSending { note: "Pour Mme Durand".into(), ..to(DOCTOR) }, RefusalReason::TitlePersonalData),
        (OutgoingSending { days: Some(21), ..to(DOCTOR) }, RefusalReason::ValidityTooLong),
        (OutgoingSending { days: Some(4), ..to(DOCTOR) }, RefusalReason::ValidityTooLong),
        (
            OutgoingSending { told: Password::new("court".into()), told_chars: 5, ..to(DOCTOR) },
            RefusalReason::PasswordTooWeak,
        ),
        (OutgoingSending { message: SecretBytes::default(), ..to(DOCTOR) }, RefusalReason::NothingSent),
    ] {
        assert!(send(&house, &agent, &draft, sending).await.is_err());
        assert_eq!(last(&house, Action::TransferComposed).await, Outcome::Refused(reason));
    }
    let sent = send(&house, &agent, &draft, to(DOCTOR)).await.unwrap();
    let again = send(&house, &agent, &draft, to(DOCTOR)).await.unwrap();
    assert_eq!(sent, again, "sent twice is sent once");
}

#[tokio::test]
async fn only_members_answer_compose_list_and_withdraw_and_a_lost_right_bites_at_once() {
    let house = House::build().await;
    let (deposit, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    let sent = answer(&house, &agent, &deposit).await;
    let slug: Slug = house.pensions.slug.clone();
    for who in [STRANGER, "securite@carsat.example"] {
        let other = house.sign_in(who).await;
        let answered = house.app.begin_answer(&other, &deposit, false, visitor()).await;
        assert!(matches!(answered, Err(AnswerError::Open(OpenError::NotEntitled))), "{who}");
        let composed = house.app.begin_composing(&other, &slug, visitor()).await;
        assert!(matches!(composed, Err(OpenError::NotEntitled)), "{who}");
        assert_eq!(last(&house, Action::AccessRefused).await, Outcome::Refused(RefusalReason::NotEntitled));
        let recorded =
            house.app.record_answer(&other, &deposit, AnswerWay::Letter, "2026-11-18", visitor()).await;
        assert!(matches!(recorded, Err(AnswerError::Open(OpenError::NotEntitled))), "{who}");
        assert!(house.app.list_sent(&other, &slug, visitor()).await.is_err(), "{who}");
        assert!(house.app.revoke(&other, &sent, visitor()).await.is_err(), "{who}");
        assert!(house.app.open_transfer(&other, &sent, visitor()).await.is_err(), "{who}");
    }
    let draft = house.app.begin_answer(&agent, &deposit, false, visitor()).await.unwrap();
    let view = house.app.draft(draft.draft, &draft.token).await.unwrap().unwrap();
    let stranger = house.sign_in(STRANGER).await;
    let stolen = house.app.send_outgoing(&stranger, view, sending(), visitor()).await;
    assert!(matches!(stolen, Err(SendRefusal::NotEntitled)), "a draft is its member's alone");

    let mut account = agent.account.clone();
    account.mailboxes.clear();
    let unit = pli::app::ports::UnitOfWork {
        changes: vec![Change::Put(Record::Account(account))],
        ..Default::default()
    };
    house.app.store.commit(unit).await.unwrap();
    assert!(house.app.draft(draft.draft, &draft.token).await.unwrap().is_none(), "the draft is shut");
}

#[tokio::test]
async fn an_answer_given_otherwise_is_recorded_by_day_agent_and_way() {
    let house = House::build().await;
    let deposit = house.deposit().await;
    house.clock.advance(Millis::days(2));
    let agent = house.sign_in(AGENT).await;
    let received = transfer(&house, &deposit).await.received_at;
    let day = |at| pli::value::calendar::local_day(at).unwrap();
    let (before, came, tomorrow) =
        (day(received - Millis::days(1)), day(received), day(received + Millis::days(3)));
    let record = async |how, day: &str| house.app.record_answer(&agent, &deposit, how, day, visitor()).await;
    for impossible in [before.as_str(), tomorrow.as_str(), "", "hier", "2026-02-31"] {
        let refused = record(AnswerWay::Telephone, impossible).await;
        assert!(matches!(refused, Err(AnswerError::NotADay)), "{impossible}");
    }
    assert!(matches!(record(AnswerWay::Secure, &came).await, Err(AnswerError::NotFitting)));
    assert!(matches!(last(&house, Action::AnswerRecorded).await, Outcome::Refused(_)));
    record(AnswerWay::Telephone, &came).await.unwrap();
    let case = transfer(&house, &deposit).await.case;
    let first = case.first_answer.unwrap();
    assert_eq!((first.how, first.by, day(first.at)), (AnswerWay::Telephone, agent.account.id, came));
    assert_eq!(last(&house, Action::AnswerRecorded).await, Outcome::Done);
}

#[tokio::test]
async fn an_address_that_is_barred_opens_nothing_that_was_sent_to_it() {
    let house = House::build().await;
    let (deposit, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    answer(&house, &agent, &deposit).await;
    let opened = open(&house, DEPOSITOR).await;
    let found = house.app.store.list(&List::Partners, 1).await.unwrap().remove(0).record;
    let mut council = Partner::try_from(found).unwrap();
    council.blocked.insert(address(DEPOSITOR));
    house.app.put_partner(council, pli::audit::Origin::Cli).await.unwrap();
    assert!(reader(&house, &opened).await.is_none(), "the open session is shut too");
    let token = link(&house, DEPOSITOR).await;
    assert!(matches!(house.app.ask_to_open(&token, visitor()).await, Err(LinkError::NotGood)));
}

#[tokio::test]
async fn a_mailbox_that_its_members_keep_answers_without_the_gateway_reading_it() {
    let house = members_house().await;
    let deposit = house.deposit().await;
    let member = house.sign_in(MEMBER).await;
    let sent = answer(&house, &member, &deposit).await;
    let opened = open(&house, DEPOSITOR).await;
    let reading = reader(&house, &opened).await.unwrap();
    assert!(house.app.opened_outside(&reading, visitor()).await.is_ok());
    let colleague = house.sign_in(COLLEAGUE).await;
    let waits = house.app.open_transfer(&colleague, &sent, visitor()).await;
    assert!(matches!(waits, Err(OpenError::NotAdmitted)));
    admit(&house, &member, COLLEAGUE).await;
    assert_eq!(house.download(&colleague, &sent, 1).await, b"%PDF-1.7 decision");
}
