//! What the command line shows of a title: a JSON object for programs, sentences for people.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::finding::{Confidence, Kind};
use super::guard::TitleGuard;
use crate::value::Language;

/// The answer of `pli title check` to one line: `{"subject", "personal", "kinds", "redacted", "findings"}`.
/// Positions count characters of the subject from 0, the end exclusive.
pub fn check_line(guard: &TitleGuard, line: &str) -> Value {
    let inspection = guard.inspect(line);
    let mut kinds: Vec<Kind> = inspection.findings.iter().map(|finding| finding.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    json!({
        "subject": line,
        "personal": inspection.is_personal(),
        "kinds": kinds,
        "redacted": inspection.redacted(),
        "findings": inspection.findings,
    })
}

/// The answer of `pli title explain`: what was found, where, why and how surely.
pub fn explain(guard: &TitleGuard, title: &str, language: Language) -> String {
    let inspection = guard.inspect(title);
    let french = language == Language::Fr;
    if !inspection.is_personal() {
        return if french {
            "Rien de personnel n’a été trouvé.\n"
        } else {
            "Nothing personal was found.\n"
        }
        .into();
    }
    let mut text = String::new();
    for finding in &inspection.findings {
        let piece: String = title.chars().skip(finding.start).take(finding.end - finding.start).collect();
        let (code, reason) = (finding.kind.code(), finding.reason);
        let (from, to) = (finding.start + 1, finding.end);
        let sure = confidence(finding.confidence, language);
        let sentence = reason.sentence(language);
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{code} [{from}-{to}] {piece:?} : {sentence} ({}, {sure})", reason.code());
    }
    let label = if french { "Titre nettoyé" } else { "Redacted title" };
    let _ = writeln!(text, "{label} : {}", inspection.redacted());
    text
}

const fn confidence(confidence: Confidence, language: Language) -> &'static str {
    match (confidence, language) {
        (Confidence::Low, Language::Fr) => "doute",
        (Confidence::Medium, Language::Fr) => "probable",
        (Confidence::High, Language::Fr) => "sûr",
        (Confidence::Low, Language::En) => "doubtful",
        (Confidence::Medium, Language::En) => "likely",
        (Confidence::High, Language::En) => "sure",
    }
}
