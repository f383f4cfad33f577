//! Documents, held against the programs that others read PDF with.

use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::policy::form::{FilledForm, FormSet, TypedForm};
use crate::value::Day;

const TODAY: Day = Day(20_784);

fn filled(comment: &str, by_hand: bool) -> FilledForm {
    let text = include_str!("../../policies/forms/fiche-de-liaison.toml");
    let sites = include_str!("../../policies/forms/sites-cd35.csv");
    let set = FormSet::read([("fiche-de-liaison", text)], |_| Some(sites.to_owned())).unwrap();
    let mut typed = TypedForm::default();
    for (name, value) in [
        ("site", "22350001800187"),
        ("pro_name", "Riou Malo"),
        ("pro_phone", "0299000001"),
        ("birth_name", "Le Gall"),
        ("first_name", "Zoé"),
        ("nir", "284052b32102579"),
        ("file_kind", "asi_aspa"),
        ("reason", "no_answer"),
        ("no_objection", "1"),
        ("comment", comment),
        (if by_hand { "signed_on.hand" } else { "nothing" }, "1"),
    ] {
        assert!(typed.take(name, value.to_owned()));
    }
    let form = set.get("fiche-de-liaison-asip").unwrap();
    form.judge(&typed, TODAY, "La Carsat", "dpo@carsat.example").ok().unwrap()
}

fn document(form: &FilledForm) -> Result<Vec<u8>, DocumentError> {
    form_document(&FormDocument {
        form,
        sender: "jeanne.martin@departement.example (Département)",
        recipient: "Partenaires retraite, Carsat",
        day: "2026-11-27",
    })
}

/// What a program of others says of the document.
#[expect(clippy::disallowed_methods, reason = "the documents are held against programs of others")]
fn said(program: &str, arguments: &[&str], pdf: &[u8]) -> String {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("form.pdf");
    std::fs::write(&file, pdf).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(&file);
    if program == "pdftotext" {
        command.arg("-");
    }
    let output = command.output().unwrap_or_else(|error| panic!("{program} (tests/tools/install): {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn other_programs_read_the_document_and_its_structure() {
    let pdf = document(&filled("Première ligne.\nDeuxième ligne.", true)).unwrap();
    assert!(said("qpdf", &["--check"], &pdf).contains("No syntax or stream encoding errors"));
    let text = said("pdftotext", &["-layout"], &pdf);
    for expected in
        ["2 84 05 2B 321 025 79", "02 99 00 00 01", "Zoé", "Pays de Redon", "CNIL", "À signer à la main"]
    {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let about = said("pdfinfo", &[], &pdf);
    for expected in ["Tagged:          yes", "Fiche de liaison retraite", "Page size:       595 x 842"] {
        assert!(about.contains(expected), "{expected} in {about}");
    }
    for personal in ["Gall", "Zoé", "84 05", "jeanne"] {
        assert!(!about.contains(personal), "{personal} in {about}");
    }
    // ISO 19005-2 level A and ISO 14289-1, as the document itself says.
    let metadata = said("pdfinfo", &["-meta"], &pdf);
    for expected in ["pdfaid:part", "pdfaid:conformance", "pdfuaid:part"] {
        assert!(metadata.contains(expected), "{expected} in {metadata}");
    }
    let structure = said("pdfinfo", &["-struct-text"], &pdf);
    for expected in ["H1", "H2", "Table", "TR", "TH", "TD", "NIR (numéro de", "Première ligne."] {
        assert!(structure.contains(expected), "{expected} in {structure}");
    }
    let fonts = said("pdffonts", &[], &pdf);
    let embedded = fonts.lines().skip(2).filter(|line| line.contains("yes yes yes")).count();
    assert_eq!(embedded, 2, "both fonts are embedded, as subsets, with their characters: {fonts}");
    assert!(pdf.len() < 100_000, "{} bytes", pdf.len());
}

#[test]
fn a_long_comment_goes_on_over_pages() {
    let long = "Une phrase qui revient pour remplir la page. ".repeat(80);
    let pdf = document(&filled(&long, false)).unwrap();
    assert!(said("qpdf", &["--check"], &pdf).contains("No syntax"));
    let text = said("pdftotext", &["-layout"], &pdf);
    assert_eq!(text.matches("revient").count(), 80);
    assert!(text.contains("page 2 sur"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_is_typed_can_be_printed(text in any::<String>(), word in "[\\PC]{0,400}") {
        let typed = format!("{text} {word} \u{1f600}\u{e001}\u{feff} e\u{301} שלום");
        prop_assert!(document(&filled(&typed, false)).is_ok());
    }
}
