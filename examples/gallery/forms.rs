//! The form about a person on the deposit page, and as agents read it, with made-up data.

use askama::Result;
use pli::policy::form::{FieldProblem, FormSet, TypedForm};
use pli::value::{Day, Language};
use pli::web::views::{
    DraftPage, DraftProblem, FormFields, FormPart, LedTo, OpenedForm, OpenedPage, SentPage, Template,
};

const FICHE: &str = include_str!("../../policies/forms/fiche-de-liaison.toml");
const SITES: &str = include_str!("../../policies/forms/sites-cd35.csv");

/// The pages; `typed` is what somebody may type anywhere.
pub fn pages(
    draft: &DraftPage,
    sent: SentPage,
    opened: OpenedPage,
    typed: &str,
) -> Vec<(&'static str, Result<String>)> {
    let language = draft.frame.language;
    let empty = part(language, "fiche-de-liaison-asip", &TypedForm::default(), &[], true);
    let choosing = FormPart { filling: None, required: false, chosen: String::new(), ..empty.clone() };
    let joined = FormPart { joined: true, chosen: "-file".to_owned(), ..choosing.clone() };
    let answer = |at: &str, label: &str, what| DraftProblem::Answer {
        at: at.to_owned(),
        label: label.to_owned(),
        what,
    };
    let problems = vec![
        answer("nir", "NIR", FieldProblem::NirKey),
        answer("pro_phone", "Téléphone", FieldProblem::Phone),
        answer("reason", "Motif", FieldProblem::NotChosen),
        answer("no_objection", "Accord", FieldProblem::NotTicked),
        answer("signed_on.day", "Signature", FieldProblem::SignedWithoutDay),
    ];
    let refused = part(language, "fiche-de-liaison-rsa", &hostile(typed), &problems, true);
    let with = |form: FormPart| DraftPage { form: Some(form), files: Vec::new(), ..draft.clone() };
    let led = DraftPage {
        leads: Some(LedTo { name: "Service social".to_owned(), purpose: typed.to_owned() }),
        seen: Some("a".repeat(32)),
        ..with(empty.clone())
    };
    let another = SentPage {
        went_to: Some("Service social".to_owned()),
        another: Some("/depot/carsat/pensions/brouillon/1/autre-personne".to_owned()),
        ..sent
    };
    let form = OpenedForm::of(&filled(typed), Some(1), language);
    vec![
        ("draft-form", with(empty).render()),
        ("draft-form-choice", with(choosing).render()),
        ("draft-form-file", with(joined).render()),
        ("draft-form-refused", DraftPage { problems, ..with(refused) }.render()),
        ("draft-form-led", led.render()),
        ("sent-another", another.render()),
        ("opened-form", OpenedPage { form: Some(form), ..opened }.render()),
    ]
}

fn set() -> FormSet {
    let forms = FormSet::read([("fiche-de-liaison", FICHE)], |_| Some(SITES.to_owned()));
    forms.unwrap_or_default()
}

fn part(
    language: Language,
    name: &str,
    typed: &TypedForm,
    problems: &[DraftProblem],
    required: bool,
) -> FormPart {
    let set = set();
    let filling = set.get(name).map(|form| {
        let notice = form.notice_of("La caisse", "dpo@retraite.example", language);
        FormFields::of(form, typed, problems, language, notice)
    });
    let others = set.all().iter().filter(|form| form.name != name);
    FormPart {
        language,
        action: "/depot/carsat/pensions/brouillon/1".to_owned(),
        chosen: name.to_owned(),
        joined: false,
        without: false,
        required,
        offered: others
            .map(|form| (form.name.clone(), form.title.told(language).to_owned(), false))
            .collect(),
        filling,
        problems: Vec::new(),
    }
}

fn hostile(text: &str) -> TypedForm {
    let mut typed = TypedForm::default();
    for (name, value) in [
        ("birth_name", text),
        ("comment", text),
        ("nir", "2 84 05 2B 321 025 52"),
        ("pro_phone", "12"),
        ("file_kind", "other"),
        ("file_kind.other", text),
        ("signed_on.name", text),
        ("territory", "T6"),
    ] {
        typed.take(name, value.to_owned());
    }
    typed
}

fn filled(text: &str) -> pli::policy::form::FilledForm {
    let mut typed = TypedForm::default();
    for (name, value) in [
        ("site", "22350001800187"),
        ("pro_name", "Riou Malo"),
        ("pro_phone", "0299000001"),
        ("birth_name", "Le Gall"),
        ("first_name", "Anna"),
        ("nir", "284052b32102579"),
        ("file_kind", "asi_aspa"),
        ("reason", "no_answer"),
        ("comment", text),
        ("copy_to_partner", "yes"),
        ("no_objection", "1"),
    ] {
        typed.take(name, value.to_owned());
    }
    let set = set();
    let form = set
        .get("fiche-de-liaison-asip")
        .map(|form| form.judge(&typed, Day(20_784), "La caisse", "dpo@retraite.example"));
    match form {
        Some(Ok(filled)) => filled,
        _ => panic!("the sample does not fit its form"),
    }
}
