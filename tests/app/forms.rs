//! Forms of a deposit (D6, D10, T8, S6).

use std::sync::Arc;

use pli::app::ports::{Key, List, Record};
use pli::app::{DepositAnswer, DepositRefusal, DraftForm, FormChoice, FormRefusal, PROOF_SERVES, Sending};
use pli::audit::{Action, Origin};
use pli::identity::{Admission, Agreement, AgreementTerms, RouteRow};
use pli::policy::form::{FormSet, RegisterRole, TypedForm};
use pli::transfer::{Check, Transfer};
use pli::value::{Day, DraftId, Language, MailboxId, Millis, PartnerId, Reference, SecretBytes, Slug, Token};

use crate::house::{DEPOSITOR, House, NOW, address, is_found_below, visitor};
use crate::scanning::clamd::{PrivateClamd, marker};
use crate::scanning::{State, Told, real};

/// What a complete form of the ASIP has.
pub const GOOD: [(&str, &str); 13] = [
    ("site", "22350001800187"),
    ("pro_name", "Rioualen Malo"),
    ("pro_phone", "0299000001"),
    ("birth_name", "Kerbrat"),
    ("first_name", "Zéphirine"),
    ("nir", "284052b32102579"),
    ("file_kind", "asi_aspa"),
    ("file_kind", "other"),
    ("file_kind.other", "Une majoration oubliée"),
    ("reason", "no_answer"),
    ("comment", "Le logement de la rue Imaginaire est menacé."),
    ("copy_to_partner", "yes"),
    ("no_objection", "1"),
];

pub fn typed(name: &str, pairs: &[(&str, &str)]) -> DraftForm {
    let mut typed = TypedForm::default();
    for (name, value) in pairs {
        assert!(typed.take(name, (*value).to_owned()));
    }
    DraftForm { choice: FormChoice::Fill(Slug::parse(name).unwrap()), typed }
}

fn good() -> DraftForm {
    typed("fiche-de-liaison-asip", &GOOD)
}

/// The good form with another value in one field.
fn with(name: &str, value: &str) -> DraftForm {
    let mut pairs: Vec<_> = GOOD.into_iter().filter(|(other, _)| !other.starts_with(name)).collect();
    pairs.push((name, value));
    typed("fiche-de-liaison-asip", &pairs)
}

/// What the agreement of a mailbox says of forms.
pub async fn agree(house: &House, mailbox: MailboxId, forms: &[&str], required: bool, routes: Vec<RouteRow>) {
    let agreement = Agreement {
        partner: PartnerId::new([2; 16]),
        mailbox,
        from: Day(0),
        until: None,
        admission: Admission::Domain,
        terms: AgreementTerms {
            forms: forms.iter().map(|name| Slug::parse(name).unwrap()).collect(),
            form_required: required,
            routes,
            ..AgreementTerms::default()
        },
        breach_hours: None,
    };
    house.app.put_agreement(agreement, Origin::Cli).await.unwrap();
}

pub async fn send(
    house: &House,
    draft: &(DraftId, Token),
    form: Option<DraftForm>,
    seen: Option<MailboxId>,
) -> Result<DepositAnswer, DepositRefusal> {
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let sending = Sending { title: "Demande urgente".into(), message: SecretBytes::default(), form, seen };
    house.app.accept_deposit(view, sending, visitor()).await
}

pub async fn transfer(house: &House, reference: &Reference) -> Transfer {
    let found = house.app.store.list(&List::TransferByReference(reference.clone()), 1).await.unwrap();
    match found.into_iter().next().map(|found| found.record) {
        Some(Record::Transfer(transfer)) => transfer,
        _ => panic!("no such transfer"),
    }
}

#[tokio::test]
async fn a_form_reaches_the_agent_as_data_and_as_a_document_and_the_register_as_codes() {
    let house = House::build().await;
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], true, vec![]).await;
    let draft = house.draft().await;
    house.add_file(&draft, "avis.pdf", b"%PDF-1.7 synthetic").await;
    let reference = send(&house, &draft, Some(good()), None).await.unwrap().reference;
    let agent = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
    let form = house.app.filled_form(&opened).await.unwrap().unwrap();
    assert_eq!(
        (form.form.as_str(), form.codes(RegisterRole::Kind)),
        ("fiche-de-liaison-asip", vec!["asi_aspa".into(), "other".into()])
    );
    let files = opened.files();
    let named: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.number, file.is_form)).collect();
    assert_eq!(
        named,
        [("avis.pdf", 1, false), ("fiche-de-liaison.pdf", 2, true)],
        "files keep their numbers"
    );
    let document = house.download(&agent, &reference, 2).await;
    assert!(document.starts_with(b"%PDF-1."), "{} bytes", document.len());
    let transfer = transfer(&house, &reference).await;
    assert_eq!(transfer.file_count, 2, "the document is one to download");
    let codes = transfer.form.clone().unwrap();
    assert_eq!(codes.site.as_deref(), Some("Pays de Redon"), "the site as people call it");
    assert_eq!(codes.reason.as_deref(), Some("no_answer"));
    assert_eq!((codes.copy_to_partner, codes.inform_professional), (Some(true), Some(false)));
    let kept = serde_json::to_string(&transfer).unwrap();
    for text in ["Kerbrat", "84 05", "284052", "majoration", "Imaginaire", "Rioualen"] {
        assert!(!kept.contains(text), "{text} stands in the record");
        assert!(!is_found_below(house.directory.path(), text.as_bytes()), "{text} is on the disk");
    }
    // What ends keeps the codes (T7).
    let line = transfer.into_register_line(pli::transfer::Ending::Expired, NOW);
    assert_eq!(line.form, Some(codes));
}

#[tokio::test]
async fn without_its_form_a_deposit_is_told_what_is_missing_and_goes_with_a_file_in_its_place() {
    let house = House::build().await;
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], true, vec![]).await;
    let draft = house.draft().await;
    let refused = send(&house, &draft, None, None).await;
    assert!(matches!(refused, Err(DepositRefusal::Form(FormRefusal::Needed))), "{refused:?}");
    let without = DraftForm { choice: FormChoice::Without, ..DraftForm::default() };
    let refused = send(&house, &draft, Some(without), None).await;
    assert!(matches!(refused, Err(DepositRefusal::Form(FormRefusal::Needed))), "{refused:?}");
    let joined = DraftForm { choice: FormChoice::Joined, ..DraftForm::default() };
    let refused = send(&house, &draft, Some(joined.clone()), None).await;
    assert!(matches!(refused, Err(DepositRefusal::Form(FormRefusal::FileMissing))), "{refused:?}");
    let refused = send(&house, &draft, Some(typed("fiche-de-liaison-rsa", &GOOD)), None).await;
    assert!(matches!(refused, Err(DepositRefusal::Form(FormRefusal::NotOpen))), "{refused:?}");
    let refused = send(&house, &draft, Some(with("nir", "2 84 05 2A 321 025 79")), None).await;
    let Err(DepositRefusal::Form(FormRefusal::Answers(problems))) = refused else { panic!("{refused:?}") };
    assert_eq!((problems.len(), problems[0].at.as_str()), (1, "nir"));
    assert_eq!(house.transfers().await, 0);
    house.add_file(&draft, "fiche scannée.pdf", b"%PDF-1.7 synthetic").await;
    let reference = send(&house, &draft, Some(joined), None).await.unwrap().reference;
    assert_eq!(transfer(&house, &reference).await.form, None, "the opening agent completes the register");
    let refusals = house.events().await.into_iter().filter(|action| *action == Action::DepositRefused);
    assert_eq!(refusals.count(), 5, "each is in the log");
}

#[tokio::test]
async fn what_is_typed_is_sealed_at_once_and_is_there_again_after_a_reload() {
    let house = House::build().await;
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], false, vec![]).await;
    let draft = house.draft().await;
    let half = typed("fiche-de-liaison-asip", &[("birth_name", "Kerbrat"), ("nir", "284052")]);
    house.app.keep_form(draft.0, &draft.1, &half, visitor()).await.unwrap();
    house.app.keep_form(draft.0, &draft.1, &half, visitor()).await.unwrap();
    let kept = house.events().await.into_iter().filter(|action| *action == Action::FormKept).count();
    assert_eq!(kept, 1, "the same again changes nothing");
    let stored = house.record(&Key::Draft(draft.0)).await.unwrap();
    let Record::Draft(record) = &stored else { panic!("no draft") };
    let clear = serde_json::to_string(record).unwrap();
    assert!(!clear.contains("Kerbrat") && !clear.contains("284052"), "{clear}");
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    assert_eq!(house.app.draft_form(&view.draft).unwrap(), half);
    // Sent by a program that does not repeat the form, what was kept goes.
    house.app.keep_form(draft.0, &draft.1, &good(), visitor()).await.unwrap();
    let reference = send(&house, &draft, None, None).await.unwrap().reference;
    assert!(transfer(&house, &reference).await.form.is_some());
    let Some(Record::Draft(sent)) = house.record(&Key::Draft(draft.0)).await else { panic!("no draft") };
    assert_eq!(sent.form, None, "nothing of it stays in the draft");
}

#[tokio::test]
async fn the_kind_leads_to_another_mailbox_that_the_depositor_sees_first_and_may_use() {
    let house = House::build().await;
    let mailboxes = house.app.mailboxes().await.unwrap();
    let social = mailboxes.into_iter().find(|mailbox| mailbox.slug.as_str() == "social").unwrap();
    let row = RouteRow {
        forms: [].into(),
        kinds: ["asi_aspa".to_owned()].into(),
        reasons: [].into(),
        to: social.id,
    };
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], true, vec![row.clone()]).await;
    let draft = house.draft().await;
    // D3 holds for the mailbox that it would go to.
    let refused = send(&house, &draft, Some(good()), None).await;
    assert!(matches!(refused, Err(DepositRefusal::Form(FormRefusal::Closed { .. }))), "{refused:?}");
    agree(&house, social.id, &[], false, vec![]).await;
    let refused = send(&house, &draft, Some(good()), None).await;
    let Err(DepositRefusal::Form(FormRefusal::Leads { to })) = refused else { panic!("{refused:?}") };
    assert_eq!((to.id, house.transfers().await), (social.id, 0), "told first, and nothing is sent");
    let refused = send(&house, &draft, Some(good()), Some(house.pensions.id)).await;
    assert!(refused.is_err(), "told of another one");
    let reference = send(&house, &draft, Some(good()), Some(social.id)).await.unwrap().reference;
    let sent = transfer(&house, &reference).await;
    assert_eq!((sent.mailbox, house.transfers().await), (social.id, 0));
    assert!(house.mails_to("balc-social@carsat.example").await.len() == 1, "that mailbox gets the notice");
    assert!(house.mails_to("balc-pensions@carsat.example").await.is_empty());
    assert!(house.events().await.contains(&Action::DepositRouted));
    let agent = house.sign_in("agent@carsat.example").await;
    let other = house.app.opened_transfer(Some(&agent), &reference, visitor()).await;
    assert!(other.is_err(), "the page's own mailbox does not open it");
    // What is of no kind in the table stays where it is.
    let draft = house.draft().await;
    let reference = send(&house, &draft, Some(with("file_kind", "pension")), None).await.unwrap().reference;
    assert_eq!(transfer(&house, &reference).await.mailbox, house.pensions.id);
}

#[tokio::test]
async fn the_clocks_of_a_routed_deposit_are_those_of_the_mailbox_that_gets_it() {
    let house = House::build().await;
    let mailboxes = house.app.mailboxes().await.unwrap();
    let social = mailboxes.into_iter().find(|mailbox| mailbox.slug.as_str() == "social").unwrap();
    let row = RouteRow {
        forms: [].into(),
        kinds: ["asi_aspa".to_owned()].into(),
        reasons: [].into(),
        to: social.id,
    };
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], true, vec![row]).await;
    let mut agreement = Agreement {
        partner: PartnerId::new([2; 16]),
        mailbox: social.id,
        from: Day(0),
        until: None,
        admission: Admission::Domain,
        terms: AgreementTerms::default(),
        breach_hours: None,
    };
    agreement.terms.answered_within = pli::policy::deadline::Deadline::calendar_hours(24);
    house.app.put_agreement(agreement, Origin::Cli).await.unwrap();
    let draft = house.draft().await;
    let reference = send(&house, &draft, Some(good()), Some(social.id)).await.unwrap().reference;
    let sent = transfer(&house, &reference).await;
    let hours = Millis::hours(24);
    assert_eq!(sent.case.due.answered, Some(sent.received_at + hours));
}

#[tokio::test]
async fn another_person_is_another_draft_without_another_link_while_the_proof_is_young() {
    let house = House::build().await;
    let draft = house.draft().await;
    let view = |id, token: Token| {
        let app = house.app.clone();
        async move { app.draft(id, &token).await.unwrap().unwrap() }
    };
    let open = view(draft.0, draft.1.clone()).await;
    let early = house.app.open_another_draft(&open, Language::Fr, visitor()).await.unwrap();
    assert!(early.is_none(), "a draft that was not sent yet is the one to go on with");
    house.send(&draft, "Demande urgente").await.unwrap();
    assert_eq!(PROOF_SERVES, Millis::minutes(120));
    house.clock.advance(Millis::minutes(119));
    let sent = view(draft.0, draft.1.clone()).await;
    let another = house.app.open_another_draft(&sent, Language::Fr, visitor()).await.unwrap().unwrap();
    assert_ne!(another.draft, draft.0);
    let next = view(another.draft, another.token.clone()).await;
    assert_eq!((next.draft.address.to_string().as_str(), next.draft.parts.len()), (DEPOSITOR, 0));
    assert_ne!(next.draft.recipient, sent.draft.recipient, "a key of its own");
    assert!(house.app.draft(another.draft, &draft.1).await.unwrap().is_none(), "a cookie of its own");
    house.send(&(another.draft, another.token.clone()), "Demande urgente").await.unwrap();
    // The chain is as old as the proof.
    house.clock.advance(Millis::minutes(1));
    let second = view(another.draft, another.token).await;
    assert!(!house.app.may_begin_another(&second).await.unwrap());
    assert!(house.app.open_another_draft(&second, Language::Fr, visitor()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_cut_off_address_begins_no_other_draft() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.send(&draft, "Demande urgente").await.unwrap();
    let sent = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let mut council = house.app.partners().await.unwrap().remove(0);
    council.blocked.insert(address(DEPOSITOR));
    house.app.put_partner(council, Origin::Cli).await.unwrap();
    assert!(house.app.open_another_draft(&sent, Language::Fr, visitor()).await.unwrap().is_none());
    assert!(house.app.draft(draft.0, &draft.1).await.unwrap().is_none(), "and the draft's page is closed");
}

#[tokio::test]
async fn a_form_of_a_file_that_was_dropped_in_is_offered_after_a_reload() {
    let house = House::build().await;
    agree(&house, house.pensions.id, &["reperage-fragilite"], false, vec![]).await;
    let draft = house.draft().await;
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    assert!(house.app.form_offer(&view).await.unwrap().is_empty(), "not known yet");
    let made_up = include_str!("data/reperage-fragilite.toml");
    let fiche = include_str!("../../policies/forms/fiche-de-liaison.toml");
    let sites = include_str!("../../policies/forms/sites-cd35.csv");
    let forms = [("fiche-de-liaison", fiche), ("reperage-fragilite", made_up)];
    let forms = FormSet::read(forms, |_| Some(sites.to_owned())).unwrap();
    let mut policies = crate::custody_house::policies(include_str!("../../policies/custody.toml"));
    policies.forms = forms;
    house.app.policies.store(Arc::new(policies));
    let offer = house.app.form_offer(&view).await.unwrap();
    assert_eq!(offer.forms.iter().map(|form| form.name.as_str()).collect::<Vec<_>>(), ["reperage-fragilite"]);
    let form = typed("reperage-fragilite", &[("person", "Kerbrat"), ("signs", "isolation"), ("agrees", "1")]);
    let reference = send(&house, &draft, Some(form), None).await.unwrap().reference;
    let codes = transfer(&house, &reference).await.form.unwrap();
    assert_eq!(
        (codes.form.as_str(), codes.kinds.as_slice()),
        ("reperage-fragilite", ["isolation".to_owned()].as_slice())
    );
}

#[tokio::test]
async fn by_mail_no_form_is_filled() {
    let house = House::build().await;
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], false, vec![]).await;
    let reference = house.deposit_without_mail().await;
    assert_eq!(transfer(&house, &reference).await.form, None);
}

#[tokio::test]
async fn a_form_waits_for_its_scan_with_its_deposit_and_its_document_is_judged_with_it() {
    let told = Told::new(State::Gone);
    let house = House::build_with(Some(told.scanning())).await;
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], true, vec![]).await;
    let draft = house.draft().await;
    let reference = send(&house, &draft, Some(good()), None).await.unwrap().reference;
    assert_eq!(house.transfers().await, 0, "it is held");
    assert!(!is_found_below(house.directory.path(), b"Kerbrat"));
    told.is(State::Fit);
    house.clock.advance(Millis::minutes(1));
    assert_eq!(house.app.look_at_held().await.unwrap().released, 1);
    let sent = transfer(&house, &reference).await;
    assert!(sent.form.is_some());
    let agent = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
    assert!(house.app.filled_form(&opened).await.unwrap().is_some());
    assert!(matches!(opened.files()[0].check, Check::Passed { .. }), "the page does not call it unscanned");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_into_a_form_is_scanned_like_the_message() {
    let clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], true, vec![]).await;
    let draft = house.draft().await;
    let infected = String::from_utf8(marker()).unwrap();
    let refused = send(&house, &draft, Some(with("comment", &infected)), None).await;
    assert!(matches!(refused, Err(DepositRefusal::Form(FormRefusal::Content(_)))), "{refused:?}");
    send(&house, &draft, Some(good()), None).await.unwrap();
}

#[tokio::test]
async fn an_infected_form_that_was_held_does_not_go_on_and_the_rest_does() {
    let told = Told::new(State::Gone);
    let house = House::build_with(Some(told.scanning())).await;
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], true, vec![]).await;
    let draft = house.draft().await;
    let infected = String::from_utf8(marker()).unwrap();
    let reference = send(&house, &draft, Some(with("comment", &infected)), None).await.unwrap().reference;
    told.is(State::Finds);
    house.clock.advance(Millis::minutes(1));
    assert_eq!(house.app.look_at_held().await.unwrap().released, 1);
    let sent = transfer(&house, &reference).await;
    assert_eq!((sent.form, sent.file_count, sent.objects.len()), (None, 0, 1), "neither form nor document");
    assert_eq!(sent.refused.len(), 1);
}
