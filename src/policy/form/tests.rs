//! Forms as files say them, and what people type into them.

use super::*;

const FICHE: &str = include_str!("../../../policies/forms/fiche-de-liaison.toml");
const SITES: &str = include_str!("../../../policies/forms/sites-cd35.csv");
/// 27 November 2026.
const TODAY: crate::value::Day = crate::value::Day(20_784);

fn table(name: &str) -> Option<String> {
    (name == "sites-cd35.csv").then(|| SITES.to_owned())
}

fn read(text: &str) -> Result<FormSet, FormFileError> {
    FormSet::read([("fiche-de-liaison", text)], table)
}

fn typed(pairs: &[(&str, &str)]) -> TypedForm {
    let mut typed = TypedForm::default();
    for (name, value) in pairs {
        assert!(typed.take(name, (*value).to_owned()));
    }
    typed
}

/// What a complete form of the RSA has.
const GOOD: [(&str, &str); 9] = [
    ("pro_name", "Riou Malo"),
    ("pro_phone", "0299 00 00 01"),
    ("birth_name", "Le  Gall"),
    ("first_name", "Anna"),
    ("nir", "284052b32102579"),
    ("file_kind", "asi_aspa"),
    ("file_kind", "pension"),
    ("reason", "no_income"),
    ("no_objection", "1"),
];

fn judge(form: &Form, pairs: &[(&str, &str)]) -> Result<FilledForm, Vec<Problem>> {
    form.judge(&typed(pairs), TODAY, "La Carsat", "dpo@carsat.example")
}

/// The good form with one input typed otherwise; what is wrong with it.
fn faults(form: &Form, name: &str, value: &str) -> Vec<(String, FieldProblem)> {
    let mut pairs: Vec<_> = GOOD.into_iter().filter(|(other, _)| *other != name).collect();
    pairs.push((name, value));
    let problems = judge(form, &pairs).err().unwrap_or_default();
    problems.into_iter().map(|problem| (problem.at, problem.what)).collect()
}

#[test]
fn the_two_versions_of_the_liaison_form_differ_by_their_file_only() {
    let set = read(FICHE).unwrap();
    let names: Vec<_> = set.all().iter().map(|form| form.name.as_str()).collect();
    assert_eq!(names, ["fiche-de-liaison-asip", "fiche-de-liaison-rsa"]);
    let [asip, rsa] = names.map_forms(&set);
    let ids = |form: &Form| form.fields().map(|field| field.id.clone()).collect::<Vec<_>>();
    assert!(ids(asip).contains(&"site".to_owned()) && !ids(rsa).contains(&"site".to_owned()));
    assert!(ids(rsa).contains(&"territory".to_owned()) && !ids(rsa).contains(&"copy_to_partner".to_owned()));
    assert_eq!(asip.with_role(RegisterRole::Site).unwrap().choices().len(), 22, "every site of the table");
    let reasons = |form: &Form| form.with_role(RegisterRole::Reason).unwrap().choices().len();
    assert_eq!((reasons(asip), reasons(rsa)), (3, 3));
    let label = set.label_of("fiche-de-liaison-asip", RegisterRole::Site, "22350001800187", Language::Fr);
    assert_eq!(label, Some("Pays de Redon"));
    assert_eq!(set.label_of("gone", RegisterRole::Kind, "pension", Language::En), Some("Retirement pension"));
    assert_eq!(set.label_of("gone", RegisterRole::Kind, "nothing", Language::En), None);
}

trait MapForms {
    fn map_forms<'a>(&self, set: &'a FormSet) -> [&'a Form; 2];
}

impl MapForms for Vec<&str> {
    fn map_forms<'a>(&self, set: &'a FormSet) -> [&'a Form; 2] {
        [set.get(self[0]).unwrap(), set.get(self[1]).unwrap()]
    }
}

#[test]
fn what_was_typed_is_kept_in_one_shape_with_its_codes() {
    let set = read(FICHE).unwrap();
    let rsa = set.get("fiche-de-liaison-rsa").unwrap();
    let filled = judge(rsa, &GOOD).unwrap();
    let lines = |id: &str, language| {
        let mut fields = filled.sections.iter().flat_map(|section| &section.fields);
        fields.find(|field| field.id == id).unwrap().lines(language)
    };
    assert_eq!(lines("nir", Language::Fr), ["2 84 05 2B 321 025 79"]);
    assert_eq!(lines("pro_phone", Language::Fr), ["02 99 00 00 01"]);
    assert_eq!(lines("birth_name", Language::Fr), ["Le Gall"]);
    assert_eq!(lines("no_objection", Language::En), ["Yes"]);
    assert_eq!(filled.codes(RegisterRole::Kind), ["pension", "asi_aspa"], "in the order of the form");
    assert_eq!(filled.codes(RegisterRole::Reason), ["no_income"]);
    assert_eq!(filled.codes(RegisterRole::Site), [] as [&str; 0]);
    assert_eq!(filled.flag(RegisterRole::InformProfessional), Some(false));
    assert_eq!(filled.flag(RegisterRole::CopyToPartner), None, "the form of the RSA does not ask");
    assert!(filled.notice.fr.contains("La Carsat") && filled.notice.fr.contains("dpo@carsat.example"));
    assert!(filled.notice.en.as_ref().unwrap().contains("CNIL"));
    let sealed = serde_json::to_string(&filled).unwrap();
    assert!(serde_json::from_str::<FilledForm>(&sealed).unwrap() == filled);
}

#[test]
fn each_fault_is_told_at_its_field_and_all_of_them_at_once() {
    let set = read(FICHE).unwrap();
    let rsa = set.get("fiche-de-liaison-rsa").unwrap();
    let problems = judge(rsa, &[]).err().unwrap();
    let at: Vec<_> = problems.iter().map(|problem| problem.at.as_str()).collect();
    let needed =
        ["pro_name", "pro_phone", "birth_name", "first_name", "nir", "file_kind", "reason", "no_objection"];
    assert_eq!(at, needed, "in the order of the form");
    assert_eq!(problems[7].what, FieldProblem::NotTicked);
    let long = "a".repeat(121);
    for (name, value, problem) in [
        ("nir", "2 84 05 2B 321 025 52", FieldProblem::NirKey),
        ("nir", "2 84 05 88 321 025", FieldProblem::NirLength),
        ("nir", "0 84 05 88 321 025 32", FieldProblem::NirShape),
        ("pro_phone", "12 34", FieldProblem::Phone),
        ("pro_phone", "00 99 00 00 01", FieldProblem::Phone),
        ("phone", "+49 30 1234567", FieldProblem::Phone),
        ("email", "anna@exemple", FieldProblem::Email),
        ("email", "anna", FieldProblem::Email),
        ("created_on", "31/02/2026", FieldProblem::NoSuchDay),
        ("created_on", "demain", FieldProblem::NoSuchDay),
        ("created_on", "28/11/2026", FieldProblem::TooLate { last: TODAY }),
        ("created_on", "27/11/1926", FieldProblem::TooEarly { first: TODAY.plus(-365) }),
        ("birth_name", &long, FieldProblem::TooLong { limit: 120 }),
        ("birth_name", " \u{a0} ", FieldProblem::Missing),
        ("reason", "no_answer", FieldProblem::NoSuchChoice),
        ("territory", "T7", FieldProblem::NoSuchChoice),
    ] {
        assert_eq!(faults(rsa, name, value), [(name.to_owned(), problem)], "{name}: {value}");
    }
    assert_eq!(faults(rsa, "reason", "other"), [("reason.other".to_owned(), FieldProblem::TextMissing)]);
    assert_eq!(faults(rsa, "file_kind", "other"), [], "where the text is optional");
    assert_eq!(
        faults(rsa, "signed_on.name", "Anna Le Gall"),
        [("signed_on.day".to_owned(), FieldProblem::SignedWithoutDay)]
    );
    assert_eq!(
        faults(rsa, "signed_on.day", "26/11/2026"),
        [("signed_on.name".to_owned(), FieldProblem::SignedWithoutName)]
    );
    assert_eq!(faults(rsa, "signed_on.hand", "1"), []);
}

#[test]
fn numbers_and_days_are_taken_as_people_write_them() {
    let set = read(FICHE).unwrap();
    let rsa = set.get("fiche-de-liaison-rsa").unwrap();
    for (name, value) in [
        ("phone", "+33 2 99 00 00 01"),
        ("phone", "0033299000001"),
        ("phone", "+33 (0)2.99.00.00.01"),
        ("phone", "+262 262 12 34 56"),
        ("created_on", "27.11.2026"),
        ("created_on", "2026-11-27"),
        ("created_on", "1/1/2026"),
        ("email", "anna.legall@caisse.example"),
    ] {
        assert_eq!(faults(rsa, name, value), [], "{value}");
    }
}

#[test]
fn more_than_a_form_holds_is_not_taken() {
    let mut typed = TypedForm::default();
    assert!(!typed.take("comment", "x".repeat(TYPED_MAX_BYTES)));
    assert!(typed.take("comment", "x".repeat(TYPED_MAX_BYTES / 2)));
    assert!(!typed.take("again", "x".repeat(TYPED_MAX_BYTES / 2)));
    assert!(!typed.take(&"n".repeat(101), String::new()));
    assert!((0..2000).any(|_| !typed.take("many", String::new())));
    assert!(!format!("{typed:?}").contains("xx"), "what was typed is never written anywhere");
}

#[test]
fn what_is_wrong_in_a_file_is_refused_by_name() {
    for (said, instead, told) in [
        ("type = \"nir\"", "type = \"ssn\"", "unknown variant"),
        ("type = \"nir\"", "type = \"nir\"\nsecret = true", "unknown field"),
        ("id = \"nir\"", "id = \"NIR\"", "an id is"),
        ("id = \"nir\"", "id = \"pro_name\"", "two fields have this id"),
        ("role = \"reason\"", "role = \"kind\"", "two fields have this role"),
        ("type = \"yes_no\"", "type = \"text\"", "the role does not fit"),
        ("years_back = 1", "years_back = 500", "`years_back` is"),
        ("years_back = 1", "years_back = 1\nmax = 3", "`max` goes with"),
        ("code = \"aah\"", "code = \"a a h\"", "a code has"),
        ("code = \"aah\"", "code = \"rsa\"", "two choices have"),
        ("versions = [\"rsa\"]\nrole", "versions = [\"ras\"]\nrole", "there is no version"),
        ("file = \"sites-cd35.csv\"", "file = \"../../pli.toml\"", "is no name"),
        ("file = \"sites-cd35.csv\"", "file = \"others.csv\"", "is not beside"),
        ("code = \"siret\"", "code = \"number\"", "has no columns"),
        ("document = \"fiche-de-liaison\"", "document = \"fiche de liaison\"", "small letters"),
        ("code = \"asip\"\n", "code = \"rsa\"\n", "two versions have one code"),
        ("fr = \"Prénom\"", "fr = \" \"", "words have 1 to"),
    ] {
        assert!(FICHE.contains(said), "{said}");
        let error = read(&FICHE.replace(said, instead)).expect_err(instead).to_string();
        assert!(error.contains(told), "{instead}: {error}");
    }
    assert!(matches!(read(&"#".repeat(FORM_FILE_MAX_BYTES + 1)), Err(FormFileError::TooLarge { .. })));
    let twice = FormSet::read([("fiche-de-liaison", FICHE), ("fiche-de-liaison", FICHE)], table);
    assert!(twice.is_err_and(|error| error.to_string().contains("two forms")));
}
