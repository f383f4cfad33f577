//! What an agent must know before answering, and what the agent adds: who is answered (T5, T6), the register's codes of a case
//! that came without a form (T7), the mediator (T5).

use pli::app::ports::{Change, Key, List, Record, UnitOfWork};
use pli::app::{
    AnswerError, CaseCodes, CaseError, MailAnswer, OpenError, OutgoingSending, RegisterFilter, SendRefusal,
};
use pli::audit::{Action, Outcome, RefusalReason};
use pli::identity::{Agreement, AgreementTerms, AnswerTo};
use pli::policy::partner_answer::PartnerAnswer;
use pli::transfer::{EscalationReason, FormCodes, Reminder, Transfer};
use pli::value::{Language, Millis, PartnerId, Reference, SecretBytes};

use crate::custody_house::log;
use crate::house::{House, mail_text, relay, visitor};

const AGENT: &str = "agent@carsat.example";
const OTHER: &str = "autre@carsat.example";

async fn agree(house: &House, terms: AgreementTerms) {
    let key = Key::Agreement((house.pensions.id, PartnerId::new([2; 16])));
    let Some(Record::Agreement(agreement)) = house.record(&key).await else { panic!() };
    house.app.put_agreement(Agreement { terms, ..agreement }, visitor().web()).await.unwrap();
}

async fn answers_the_person(house: &House) {
    agree(house, AgreementTerms { answer_to: AnswerTo::Person, ..AgreementTerms::default() }).await;
}

async fn transfer(house: &House, reference: &Reference) -> Transfer {
    let found = house.app.store.list(&List::TransferByReference(reference.clone()), 1).await.unwrap();
    Transfer::try_from(found.into_iter().next().unwrap().record).unwrap()
}

/// As if the deposit had come with a form whose boxes say this.
async fn with_form(house: &House, reference: &Reference, copy: Option<bool>, inform: Option<bool>) {
    let form = FormCodes {
        form: "fiche-de-liaison-asip".into(),
        copy_to_partner: copy,
        inform_professional: inform,
        ..FormCodes::default()
    };
    let changed = Transfer { form: Some(Box::new(form)), ..transfer(house, reference).await };
    let unit = UnitOfWork { changes: vec![Change::Put(changed.into())], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
}

async fn last(house: &House, action: Action) -> Outcome {
    log(house).await.iter().rev().find(|event| event.action == action).unwrap().outcome
}

#[tokio::test]
async fn where_the_person_is_answered_the_partner_is_only_on_request_or_when_the_agent_says_so() {
    let house = House::build().await;
    answers_the_person(&house).await;
    let (reference, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    let rules = house.app.case_rules(&transfer(&house, &reference).await).await.unwrap();
    assert_eq!(rules.answer, PartnerAnswer::NotAsked);
    let begin = async |confirmed| house.app.begin_answer(&agent, &reference, confirmed, visitor()).await;
    assert!(matches!(begin(false).await, Err(AnswerError::NotAsked)));
    assert_eq!(last(&house, Action::TransferAnswered).await, Outcome::Refused(RefusalReason::PolicyDenied));
    assert!(begin(true).await.is_ok());
    with_form(&house, &reference, Some(true), None).await;
    assert!(begin(false).await.is_ok(), "the form's box asks for a copy");
}

#[tokio::test]
async fn the_person_s_wish_is_kept_even_when_an_answer_is_under_way() {
    let house = House::build().await;
    let (reference, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    let draft = house.app.begin_answer(&agent, &reference, false, visitor()).await.unwrap();
    with_form(&house, &reference, Some(true), Some(false)).await;
    let again = house.app.begin_answer(&agent, &reference, true, visitor()).await;
    assert!(matches!(again, Err(AnswerError::NotWished)), "no confirmation goes over the person's wish");
    let view = house.app.draft(draft.draft, &draft.token).await.unwrap().unwrap();
    let sending = OutgoingSending {
        title: "Réponse à demande urgente".into(),
        message: SecretBytes::new(b"Bonjour".to_vec()),
        recipients: String::new(),
        days: None,
        tell_downloads: None,
        note: String::new(),
        told: None,
        told_chars: 0,
    };
    let sent = house.app.send_outgoing(&agent, view, sending, visitor()).await;
    assert!(matches!(sent, Err(SendRefusal::NotWished)));
    assert!(transfer(&house, &reference).await.case.first_answer.is_none());
}

#[tokio::test]
async fn the_agreement_gives_the_title_of_its_answers() {
    let house = House::build().await;
    let reference = house.deposit().await;
    assert_eq!(house.app.agreed_answer_title(&reference).await.unwrap(), None);
    let title = Some("Réponse à demande urgente".to_owned());
    agree(&house, AgreementTerms { answer_title: title.clone(), ..AgreementTerms::default() }).await;
    assert_eq!(house.app.agreed_answer_title(&reference).await.unwrap(), title);
}

#[tokio::test]
async fn a_case_that_came_by_mail_gets_its_codes_from_an_agent_and_the_register_has_them() {
    let house = House::build().await;
    let mail = "From: jeanne.martin@departement.example\nSubject: Demande\n\nTexte\n";
    house.mail_in(Some("jeanne.martin@departement.example"), mail, relay()).await.unwrap();
    let agent = house.sign_in(AGENT).await;
    let all = RegisterFilter::default();
    let line = async || {
        let page = house.app.register(&agent, None, &all, visitor()).await.unwrap();
        page.rows.into_iter().next().unwrap().line
    };
    let reference = line().await.reference;
    let rules = house.app.case_rules(&transfer(&house, &reference).await).await.unwrap();
    assert_eq!(rules.coded_by_agent, Some(vec!["Redon".to_owned()]), "the partner's sites can be chosen");
    let code = async |site: Option<&str>, kinds: &[&str], reason: Option<&str>| {
        let codes = CaseCodes {
            site: site.map(str::to_owned),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            reason: reason.map(str::to_owned),
            ..CaseCodes::default()
        };
        house.app.code_case(&agent, &reference, &codes, visitor()).await
    };
    for refused in [
        code(Some("Ailleurs"), &[], None).await,
        code(None, &["Mme Martin, née en 1950"], None).await,
        code(None, &["other"], Some("free text")).await,
    ] {
        assert!(matches!(refused, Err(CaseError::NotFitting)), "what stands in no list is not kept");
    }
    assert_eq!(last(&house, Action::TransferCoded).await, Outcome::Refused(RefusalReason::FormIncomplete));
    code(None, &["other"], None).await.unwrap();
    code(Some("Redon"), &["pension", "asi_aspa"], Some("no_answer")).await.unwrap();
    let kept = line().await;
    let form = kept.form.unwrap();
    assert_eq!((kept.site.as_deref(), form.reason.as_deref()), (Some("Redon"), Some("no_answer")));
    assert_eq!(form.kinds, ["pension", "asi_aspa"], "a second entry corrects the first");
    assert_eq!(last(&house, Action::TransferCoded).await, Outcome::Done);

    let other = house.sign_in(OTHER).await;
    let stranger = house.app.code_case(&other, &reference, &CaseCodes::default(), visitor()).await;
    assert!(matches!(stranger, Err(CaseError::Open(OpenError::NotEntitled))));
    with_form(&house, &reference, None, None).await;
    assert!(code(None, &["other"], None).await.is_err(), "what a form says is not an agent's to change");
}

#[tokio::test]
async fn what_a_person_wished_by_telephone_is_entered_by_the_agent_who_opened_the_mail() {
    let house = House::build().await;
    answers_the_person(&house).await;
    let mail = "From: jeanne.martin@departement.example\nSubject: Demande\n\nTexte\n";
    let taken = house.mail_in(Some("jeanne.martin@departement.example"), mail, relay()).await;
    let Ok(MailAnswer::Deposited { reference }) = taken else { panic!("{taken:?}") };
    let agent = house.sign_in(AGENT).await;
    let answer = async |copy_to_partner, inform_professional| {
        let codes = CaseCodes { copy_to_partner, inform_professional, ..CaseCodes::default() };
        house.app.code_case(&agent, &reference, &codes, visitor()).await.unwrap();
        house.app.case_rules(&transfer(&house, &reference).await).await.unwrap().answer
    };
    assert_eq!(answer(Some(true), None).await, PartnerAnswer::OnRequest);
    assert_eq!(answer(Some(true), Some(false)).await, PartnerAnswer::NotWished);
    let begun = house.app.begin_answer(&agent, &reference, true, visitor()).await;
    assert!(matches!(begun, Err(AnswerError::NotWished)), "as if a form said it");
    assert_eq!(answer(None, Some(true)).await, PartnerAnswer::NotAsked, "a second entry corrects the first");
    let page = house.app.register(&agent, None, &RegisterFilter::default(), visitor()).await.unwrap();
    assert_eq!(page.rows[0].line.form.as_ref().unwrap().inform_professional, Some(true), "T7");
}

#[tokio::test]
async fn a_blocked_case_is_told_to_the_mediator_once_by_a_named_person() {
    let house = House::build().await;
    let mailboxes = house.app.mailboxes().await.unwrap();
    let mediator = mailboxes.into_iter().find(|mailbox| mailbox.slug.as_str() == "social").unwrap();
    let (reference, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    let escalate = async |reason| house.app.escalate(&agent, &reference, reason, visitor()).await;
    assert!(escalate(EscalationReason::Blocked).await.is_err(), "the agreement names no mediator");
    agree(&house, AgreementTerms { mediator: Some(mediator.id), ..AgreementTerms::default() }).await;
    let rules = house.app.case_rules(&transfer(&house, &reference).await).await.unwrap();
    assert_eq!(rules.mediator.as_deref(), Some("social"));
    escalate(EscalationReason::Sensitive).await.unwrap();
    assert!(matches!(escalate(EscalationReason::Blocked).await, Err(CaseError::NotFitting)), "once");
    let to = mediator.notice_address.to_string();
    let told = async || {
        let mails = house.mails_to(&to).await.into_iter().map(|mail| mail_text(&mail));
        mails.filter(|text| text.contains(reference.as_str())).collect::<Vec<_>>()
    };
    let mails = told().await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("dossier sensible") && !mails[0].contains("dossier urgent"), "{}", mails[0]);
    let case = transfer(&house, &reference).await.case;
    assert_eq!(case.escalated.map(|told| told.step.by), Some(agent.account.id));
    assert!(case.told.contains(&Reminder::Mediator));
    // The answer is late for long: the clock does not tell the mediator what a person told.
    house.clock.advance(Millis::hours(100));
    house.app.upkeep().await.unwrap();
    assert_eq!(told().await.len(), 1);
    let events = log(&house).await;
    let escalations = events.iter().filter(|event| event.action == Action::TransferEscalated);
    assert_eq!(escalations.filter(|event| event.outcome == Outcome::Done).count(), 1);
    let mediator_member = house.sign_in(OTHER).await;
    let opened = house.app.envelope(Some(&mediator_member), &reference, visitor()).await;
    assert!(matches!(opened, Err(OpenError::NotEntitled)), "being told opens nothing");
    assert_eq!(transfer(&house, &reference).await.language, Language::Fr);
}
