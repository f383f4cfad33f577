//! What is set by files alone: a third form beside the shipped ones (D10, T8), and the three shipped agreements, which govern one
//! house side by side (D3, D11, T2, T5, T6, T8).

use std::path::Path;

use pli::app::{AnswerError, DepositRefusal, FormRefusal, Policies};
use pli::audit::Origin;
use pli::mailbox::{Custody, Mailbox};
use pli::policy::agreement::AgreementFile;
use pli::policy::form::RegisterRole;
use pli::transfer::Transfer;
use pli::value::{DraftId, Language, Token};

use crate::custody_house::{account, new_mailbox};
use crate::forms::{GOOD, agree, send, transfer, typed};
use crate::house::{House, address, mail_text, visitor};

const AGENT: &str = "agent@carsat.example";

/// Detection of frailty: a form that no code knows.
const DETECTION: &str = r#"
title = { fr = "Repérage de fragilité", en = "Detection of frailty" }
document = "reperage"

[[section]]
title = { fr = "Personne", en = "Person" }

[[section.field]]
id = "name"
label = { fr = "Nom", en = "Name" }
type = "text"
required = true

[[section.field]]
id = "nir"
label = { fr = "NIR", en = "NIR" }
type = "nir"
required = true

[[section.field]]
id = "sign"
label = { fr = "Signe repéré", en = "What was seen" }
type = "one_or_more"
required = true
role = "kind"
choices = [
  { code = "alone", fr = "Isolement", en = "Alone" },
  { code = "unclaimed", fr = "Non-recours", en = "A right not claimed" },
]

[notice]
fr = "{organisation} traite ces données pour aider la personne. Le délégué répond à {dpo}."
en = "{organisation} processes these data to help the person. The officer answers at {dpo}."
"#;

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

#[tokio::test]
async fn a_third_form_is_a_file_and_goes_all_the_way_without_code() {
    let house = House::build().await;
    agree(&house, house.pensions.id, &["reperage-de-fragilite"], true, vec![]).await;
    let form = |nir| {
        let pairs = [("name", "Kerbrat Zéphirine"), ("nir", nir), ("sign", "alone"), ("sign", "unclaimed")];
        typed("reperage-de-fragilite", &pairs)
    };
    let draft = house.draft().await;
    let unknown = send(&house, &draft, Some(form("284052b32102579")), None).await;
    assert!(unknown.is_err(), "there is no such form yet");

    let policies = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"), policies.path());
    std::fs::write(policies.path().join("forms/reperage-de-fragilite.toml"), DETECTION).unwrap();
    let read = pli::serve::policies::load(Some(policies.path())).unwrap();
    let people = house.app.policies.load().people.clone();
    house.app.policies.store(Policies { people, ..read }.into());

    let faulty = send(&house, &draft, Some(form("284052b32102578")), None).await;
    assert!(matches!(faulty, Err(DepositRefusal::Form(FormRefusal::Answers(_)))), "{faulty:?}");
    let reference = send(&house, &draft, Some(form("284052b32102579")), None).await.unwrap().reference;
    let agent = house.sign_in(AGENT).await;
    let opened = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
    let filled = house.app.filled_form(&opened).await.unwrap().unwrap();
    let seen = vec!["alone".to_owned(), "unclaimed".to_owned()];
    assert_eq!(
        (filled.form.as_str(), filled.codes(RegisterRole::Kind)),
        ("reperage-de-fragilite", seen.clone())
    );
    assert_eq!(opened.files()[0].name, "reperage.pdf");
    assert!(house.download(&agent, &reference, 1).await.starts_with(b"%PDF-1."));
    let codes = transfer(&house, &reference).await.form.unwrap();
    assert_eq!((codes.form.as_str(), codes.kinds), ("reperage-de-fragilite", seen), "for the register");
}

const FILES: [&str; 3] = [
    include_str!("../../policies/agreements/bretagne-asip.toml"),
    include_str!("../../policies/agreements/bretagne-rsa.toml"),
    include_str!("../../policies/agreements/alsace-moselle.toml"),
];
const WORKER: &str = "anne.le.gall@departement-bretagne.example";
const REFERENT: &str = "referent.rsa-t1@departement-bretagne.example";
const ALSATIAN: &str = "eve.muller@collectivite-alsace-moselle.example";

/// A draft on the page of a mailbox, when the address may deposit there.
async fn draft_on(house: &House, mailbox: &Mailbox, who: &str) -> Option<(DraftId, Token)> {
    let before = house.mails_to(who).await.len();
    house.app.request_proof(mailbox, address(who), Language::Fr, visitor()).await.unwrap();
    let text = mail_text(house.mails_to(who).await.get(before)?);
    let token = text.split("/depot/lien/").nth(1).unwrap().split_whitespace().next().unwrap();
    let opened = house.app.open_draft_by_link(&Token::parse(token).unwrap(), visitor()).await.unwrap();
    Some((opened.draft, opened.token))
}

/// What the file says of a mailbox's clocks, for a transfer that came in when it did.
fn due(file: &str, transfer: &Transfer, slug: &str) -> [Option<pli::value::Timestamp>; 2] {
    let file = AgreementFile::parse(file).unwrap();
    let told = file.mailboxes.iter().find(|mailbox| mailbox.slug.as_str() == slug).unwrap();
    [told.taken, told.answered].map(|deadline| Some(deadline.due(transfer.received_at)))
}

#[tokio::test]
async fn the_three_shipped_agreements_govern_one_house_each_by_its_file() {
    let house = House::build().await;
    let agent = account(&house, AGENT).await.id;
    let mut mailboxes = Vec::new();
    for slug in ["partenaires-retraite", "partenaires-rsa", "aspa", "retraite", "mediateur"] {
        mailboxes.push(new_mailbox(&house, slug, Custody::Gateway, vec![agent]).await);
    }
    for file in FILES {
        house.app.import_agreement(file, Origin::Cli).await.unwrap();
    }
    let [asip, rsa, aspa, retraite, _] = &mailboxes[..] else { panic!() };

    // Who may deposit where (D3): by domain, by list, and never by another partner's agreement.
    for (mailbox, who, may) in [
        (asip, WORKER, true),
        (asip, ALSATIAN, false),
        (rsa, WORKER, false),
        (rsa, REFERENT, true),
        (aspa, ALSATIAN, true),
        (retraite, ALSATIAN, true),
        (retraite, WORKER, false),
    ] {
        assert_eq!(draft_on(&house, mailbox, who).await.is_some(), may, "{who} at {}", mailbox.slug);
    }

    // Which forms are open, and whether one is asked for (D10, D11).
    let fiche = |form: &str, pairs: &[(&'static str, &'static str)]| {
        let left = |name: &str| pairs.iter().all(|(other, _)| *other != name);
        let usual = GOOD.into_iter().filter(|(name, _)| left(name) && *name != "file_kind.other");
        let usual =
            usual.filter(|(name, _)| form.ends_with("asip") || !["site", "copy_to_partner"].contains(name));
        typed(
            form,
            &usual.chain(pairs.iter().copied()).filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>(),
        )
    };
    let by_asip = |pairs: &[(&'static str, &'static str)]| fiche("fiche-de-liaison-asip", pairs);
    let draft = draft_on(&house, asip, WORKER).await.unwrap();
    assert!(send(&house, &draft, None, None).await.is_err(), "the ASIP's deposits come with a form");
    let wish = [("file_kind", "pension"), ("copy_to_partner", "no"), ("inform_professional", "1")];
    let one = send(&house, &draft, Some(by_asip(&wish)), None).await.unwrap().reference;
    let draft = draft_on(&house, rsa, REFERENT).await.unwrap();
    assert!(send(&house, &draft, Some(by_asip(&wish)), None).await.is_err(), "another form than the RSA's");
    let wish = [
        ("file_kind", "pension"),
        ("territory", "T6"),
        ("reason", "no_income"),
        ("inform_professional", "1"),
    ];
    let form = fiche("fiche-de-liaison-rsa", &wish);
    let two = send(&house, &draft, Some(form), None).await.unwrap().reference;

    // Where a kind leads (T8): questions about ASPA to their mailbox, whichever page they were made on.
    let draft = draft_on(&house, retraite, ALSATIAN).await.unwrap();
    let wish = [("file_kind", "asi_aspa"), ("inform_professional", "1")];
    let leads = send(&house, &draft, Some(by_asip(&wish)), None).await;
    let Err(DepositRefusal::Form(FormRefusal::Leads { to })) = leads else { panic!("{leads:?}") };
    assert_eq!(to.id, aspa.id);
    let three = send(&house, &draft, Some(by_asip(&wish)), Some(aspa.id)).await.unwrap().reference;
    let [one, two, three] =
        [transfer(&house, &one).await, transfer(&house, &two).await, transfer(&house, &three).await];
    assert_eq!([one.mailbox, two.mailbox, three.mailbox], [asip.id, rsa.id, aspa.id]);

    // By when (T2, T5): hours of the calendar, or days of work by the holidays of the region.
    for (transfer, file, slug) in [
        (&one, FILES[0], "partenaires-retraite"),
        (&two, FILES[1], "partenaires-rsa"),
        (&three, FILES[2], "aspa"),
    ] {
        assert_eq!(
            [transfer.case.due.taken, transfer.case.due.answered],
            due(file, transfer, slug),
            "{slug}"
        );
    }

    // Who is answered, and under which title (T5, T6).
    let agent = house.sign_in(AGENT).await;
    let begin = async |of: &Transfer| house.app.begin_answer(&agent, &of.reference, false, visitor()).await;
    assert!(
        matches!(begin(&one).await, Err(AnswerError::NotAsked)),
        "the person is answered, not the council"
    );
    assert!(begin(&two).await.is_ok() && begin(&three).await.is_ok());
    let title = async |of: &Transfer| house.app.agreed_answer_title(&of.reference).await.unwrap();
    let agreed = Some("Réponse à demande urgente".to_owned());
    assert_eq!([title(&one).await, title(&two).await, title(&three).await], [None, agreed.clone(), agreed]);
}
