//! What every page must be, whatever it shows: one heading, one language, reachable content, nothing that the content
//! security policy would stop, nothing of what was typed taken for markup; and the names that outsiders rely on.
//!
//! The pages are those of the gallery, in every state and both languages.

#![expect(clippy::unwrap_used, reason = "a test stops at what should not be")]

#[path = "../examples/gallery/samples.rs"]
mod samples;

use pli::value::Language;

const LANGUAGES: [Language; 2] = [Language::Fr, Language::En];

#[test]
fn each_page_has_one_heading_its_language_a_skip_link_and_its_landmarks() {
    each_page(|name, language, html| {
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())), "{name}");
        assert!(html.contains("<a class=\"skip\" href=\"#contenu\">"), "{name}");
        for landmark in ["<header", "<main id=\"contenu\"", "<footer"] {
            assert_eq!(html.matches(landmark).count(), 1, "{name}: {landmark}");
        }
    });
}

#[test]
fn no_page_needs_what_a_strict_content_security_policy_stops() {
    each_page(|name, _, html| {
        for tag in tags(html) {
            let attributes = attribute_names(tag);
            assert!(!attributes.iter().any(|a| a == "style" || a.starts_with("on")), "{name}: <{tag}>");
            assert!(!tag.starts_with("style"), "{name}: <{tag}>");
            assert!(!tag.starts_with("script") || tag.contains(" src=\"/assets/"), "{name}: <{tag}>");
            let outside = tag.contains("src=\"http") || tag.starts_with("link") && tag.contains("\"http");
            assert!(!outside, "{name}: <{tag}>");
        }
    });
}

#[test]
fn what_was_typed_is_shown_as_it_was_typed_and_never_taken_for_markup() {
    let mut seen = 0;
    each_page(|name, _, html| {
        assert!(!html.contains("<script>"), "{name}");
        if name.starts_with("hostile") {
            seen += 1;
            assert!(html.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "{name}");
            assert!(html.contains("{{7*7}}"), "{name}");
            assert!(!html.contains(samples::HOSTILE), "{name}");
        }
    });
    assert_eq!(seen, 8);
}

#[test]
fn the_two_languages_have_the_same_pages_in_different_words() {
    let (french, english) = (pages(Language::Fr), pages(Language::En));
    assert_eq!(french.len(), english.len());
    for ((name, fr), (same, en)) in french.iter().zip(&english) {
        assert_eq!(name, same);
        assert_ne!(main_of(fr), main_of(en), "{name}");
    }
}

#[test]
fn ids_are_unique_and_what_labels_or_describes_is_there() {
    each_page(|name, _, html| {
        let ids = values(html, "id");
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{name}: two of #{id}");
        }
        for attribute in ["for", "aria-labelledby", "aria-describedby", "list"] {
            for target in values(html, attribute).iter().flat_map(|value| value.split(' ')) {
                assert!(ids.iter().any(|id| id == target), "{name}: {attribute}={target} leads nowhere");
            }
        }
    });
}

#[test]
fn the_names_that_outsiders_rely_on_are_there() {
    let contract: [(&str, &[&str]); 13] = [
        ("home", &["href=\"/connexion\"", "href=\"/depot/carsat-demo/service-social\""]),
        (
            "deposit",
            &["name=\"address\"", "action=\"/depot/carsat-demo/partenaires-retraite\"", "mailto:", "lang=en"],
        ),
        ("code", &["name=\"code\"", "action=\"/depot/carsat-demo/partenaires-retraite/code\""]),
        (
            "draft-refused",
            &[
                "enctype=\"multipart/form-data\"",
                "name=\"title\"",
                "name=\"message\"",
                "name=\"files\" type=\"file\" multiple",
                "name=\"action\" value=\"send\"",
                "name=\"action\" value=\"add\"",
                "name=\"action\" value=\"accept_title\"",
                "name=\"suggested_title\"",
                "name=\"remove\" value=\"3\"",
                "<mark>Mme Lucie KERVELLA</mark>",
                "<mark>12/03/1958</mark>",
                "role=\"alert\"",
            ],
        ),
        ("sent", &["<span id=\"reference\">"]),
        ("sign-in", &["name=\"address\"", "name=\"password\"", "name=\"suite\" value=\"/boites\""]),
        ("boxes", &["href=\"/transferts/"]),
        ("envelope", &["method=\"post\" action=\"/transferts/"]),
        (
            "opened",
            &["/fichiers/2\"", "/tout.zip\"", "<p class=\"message\" id=\"message\">Bonjour,\n\nMadame"],
        ),
        (
            "journal",
            &["name=\"person\"", "name=\"mailbox\"", "name=\"action\"", "name=\"from\"", "name=\"to\""],
        ),
        ("demo", &["action=\"/demo/clock\"", "name=\"advance_s\"", "value=\"1728000\""]),
        (
            "demo-mail",
            &[
                "src=\"/demo/mail/1/html\"",
                "sandbox=\"",
                "href=\"http://localhost:8080/depot/lien/AGE-SAMPLE\"",
            ],
        ),
        ("data-protection", &["href=\"mailto:dpo@retraite.example\""]),
    ];
    let pages = pages(Language::Fr);
    for (name, expected) in contract {
        let html = &pages.iter().find(|(page, _)| *page == name).unwrap().1;
        for text in expected {
            assert!(html.contains(text), "{name}: {text}");
        }
    }
}

#[test]
fn the_page_of_a_mailed_link_says_nothing_and_changes_nothing_by_itself() {
    for (_, html) in pages(Language::Fr).iter().filter(|(name, _)| *name == "link") {
        assert_eq!(main_of(html).matches("<form method=\"post\"").count(), 1);
        assert!(!html.contains("Carsat") && !html.contains('@'), "the link's page tells whose it is");
    }
}

#[test]
fn an_outsider_gets_the_same_page_whatever_the_address() {
    let html = pages(Language::Fr).into_iter().find(|(name, _)| *name == "code").unwrap().1;
    assert!(html.contains("Si cette adresse peut déposer"));
}

#[test]
fn every_form_goes_to_this_gateway() {
    each_page(|name, _, html| {
        for form in html.split("<form").skip(1) {
            let tag = form.split('>').next().unwrap();
            let action = values(&format!("<form{tag}>"), "action").pop();
            let here = action.as_deref().is_some_and(|path| path.starts_with('/') && !path.starts_with("//"));
            assert!(here, "{name}: {tag}");
        }
    });
}

fn each_page(mut check: impl FnMut(&str, Language, &str)) {
    for language in LANGUAGES {
        for (name, html) in pages(language) {
            check(name, language, &html);
        }
    }
}

fn pages(language: Language) -> Vec<(&'static str, String)> {
    samples::pages(language).into_iter().map(|(name, html)| (name, html.unwrap())).collect()
}

fn main_of(html: &str) -> &str {
    html.split_once("<main").unwrap().1.split_once("</main>").unwrap().0
}

/// The inside of each tag. Text never holds a bare `<`: the engine escapes it.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|piece| piece.split('>').next().unwrap_or_default()).collect()
}

/// The names of a tag's attributes, values left out.
fn attribute_names(tag: &str) -> Vec<String> {
    let outside: String = tag.split('"').step_by(2).collect();
    outside.split_whitespace().skip(1).map(|name| name.trim_end_matches('=').to_owned()).collect()
}

fn values(html: &str, attribute: &str) -> Vec<String> {
    let marker = format!(" {attribute}=\"");
    let found = tags(html).into_iter().filter_map(|tag| tag.split_once(&marker));
    found.map(|(_, rest)| rest.split('"').next().unwrap_or_default().to_owned()).collect()
}
