//! All pages and files of the officer, as the table of rights has them: on each page the state of the log and of its witnesses
//! is in view, and nothing of what was deposited is in any of them, nor in anything else that the log gives out (S2, P7).

use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::http::{Method, Request, StatusCode};
use pli::app::Sending;
use pli::app::ports::List;
use pli::audit::{Action, Actor, ForwardedEntry, Origin, OutcomeClass};
use pli::identity::{Partner, Password};
use pli::value::{Reference, SecretBytes};
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::forms::{GOOD, agree, typed};
use crate::house::{DEPOSITOR, House, PASSWORD, address, relay, visitor};
use crate::witnesses::Beside;

const OFFICER: &str = "securite@carsat.example";
/// Where the officer's pages are. What everybody has of the own account is not among them.
const DESK: [&str; 4] = ["/journal", "/dossiers", "/comptes", "/structures"];
/// What was deposited, refused, asked for and mailed: titles, message, names of files, content, and the insured person of the
/// form in each spelling that was typed.
const MARKS: [&str; 17] = [
    "Kerbrat",
    "KERBRAT",
    "Zéphirine",
    "284052b32102579",
    "2 84 05 2B",
    "2840525",
    "majoration",
    "Imaginaire",
    "Demande urgente",
    "dossier bloqué",
    "avis-de-situation",
    "trop-grand",
    "%PDF",
    "décision-de",
    "Objet du courriel",
    "pension est rétablie",
    "Réponse à",
];

/// A method of a path, as the table of rights names it.
struct Route {
    method: String,
    path: String,
}

/// What the table of rights lets the officer do at the desk; `tests/app/rights` holds it to the source of the web.
fn routes_of_the_officer() -> Vec<Route> {
    let table = include_str!("../../docs/rights.md");
    let cells = |row: &'static str| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let head = cells(table.lines().find(|row| row.starts_with("| route |")).unwrap());
    let officer = head.iter().position(|cell| *cell == "officer").unwrap();
    let rows = table.lines().filter(|row| row.starts_with("| `")).map(cells);
    let theirs = rows.filter(|row| row[officer] == "**yes**");
    let routes = theirs.filter_map(|row| {
        let (method, path) = row[0].trim_matches('`').split_once(' ')?;
        Some(Route { method: method.to_owned(), path: path.to_owned() })
    });
    let of_desk = |route: &Route| DESK.iter().any(|at| route.path.starts_with(at));
    routes.filter(of_desk).collect()
}

/// A house in which much happened about one insured person.
async fn much_happened(witness: &Beside) -> (House, Reference) {
    let house = witness.house().await;
    agree(&house, house.pensions.id, &["fiche-de-liaison-asip"], false, vec![]).await;
    let draft = house.draft().await;
    house.add_file(&draft, "avis-de-situation-Kerbrat.pdf", b"%PDF-1.7 Kerbrat").await;
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let mut sealing = house.app.begin_file(view, "trop-grand-Kerbrat.pdf", visitor()).await.unwrap();
    assert!(sealing.push(&vec![0; 1_000_001]).await.is_err());
    drop(sealing);
    for title in ["Mme Zéphirine KERBRAT 2 84 05 2B 321 025 79", "Demande urgente"] {
        let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
        let message = SecretBytes::new("Mme Kerbrat, dossier bloqué.".as_bytes().to_vec());
        let form = Some(typed("fiche-de-liaison-asip", &GOOD));
        let sent = house.app.accept_deposit(
            view,
            Sending { form, ..Sending::new(title.into(), message) },
            visitor(),
        );
        assert_eq!(sent.await.is_ok(), title == "Demande urgente");
    }
    let mail = format!(
        "From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Objet du courriel de Mme Kerbrat\n\
         Message-ID: <a@departement.example>\n\nMme Kerbrat, 2 84 05 2B 321 025 79.\n"
    );
    house.mail_in(Some(DEPOSITOR), &mail, relay()).await.unwrap();
    house.mail_in(Some(DEPOSITOR), &mail, visitor()).await.unwrap_err();
    let list = List::TransfersOf { mailbox: house.pensions.id, before: None };
    let found = house.app.store.list(&list, 10).await.unwrap();
    let transfers = found.into_iter().map(|found| pli::transfer::Transfer::try_from(found.record).unwrap());
    let (with_form, by_mail): (Vec<_>, Vec<_>) = transfers.partition(|transfer| transfer.form.is_some());
    let (reference, by_mail) = (with_form[0].reference.clone(), by_mail[0].reference.clone());
    let agent = house.sign_in("agent@carsat.example").await;
    house.app.open_transfer(&agent, &reference, visitor()).await.unwrap();
    house.download(&agent, &reference, 1).await;
    crate::outside::answer_with(&house, &agent, &by_mail, "décision-de-Kerbrat.pdf", b"%PDF-1.7 decision")
        .await;
    let other = house.sign_in("autre@carsat.example").await;
    house.app.open_transfer(&other, &reference, visitor()).await.unwrap_err();
    let wrong =
        house.app.sign_in(Some(address("agent@carsat.example")), Password::new("Kerbrat".into()), visitor());
    assert!(wrong.await.is_err());
    house.prove_receipts().await;
    house.app.sign_checkpoint().await.unwrap();
    house.app.show_to_witnesses(witness).await.unwrap();
    house.app.verify_log().await.unwrap();
    house.app.note_verification(house.app.now().at, false);
    house.app.watch().await.unwrap();
    (house, reference)
}

/// Each way in which the officer asks for a route: the query or the body.
async fn asked(house: &House, route: &Route, reference: &Reference) -> Vec<(String, String)> {
    let depositor = DEPOSITOR.replace('@', "%40");
    let partner = found_partner(house).await;
    let pensions = house.pensions.id;
    let filters = || {
        let mut filters: Vec<String> = vec![
            String::new(),
            format!("person={depositor}"),
            format!("transfer={reference}"),
            format!("partner={}", partner.id),
            format!("mailbox={pensions}"),
            "origin=192.0.2.7".into(),
            "from=2026-11-18&to=2026-11-18".into(),
            "before=1000000".into(),
            "after=0".into(),
            // What an officer types comes back to the officer, and to nobody else: it is no mark.
            format!("person={depositor}&mailbox={pensions}&outcome=refused&action=deposit.refused"),
        ];
        filters.extend(Action::ALL.iter().map(|action| format!("action={}", action.code())));
        filters.extend(OutcomeClass::ALL.iter().map(|outcome| format!("outcome={}", outcome.code())));
        filters
    };
    let breach = format!(
        "du=2026-11-01T00%3A00&au=2026-12-01T00%3A00&connaissance=2026-11-18T12%3A00&boite=&compte=&transfert={reference}"
    );
    let path =
        route.path.replace("{transfer}", reference.as_str()).replace("{structure}", &partner.id.to_string());
    let queries: Vec<String> = match (route.method.as_str(), route.path.as_str()) {
        ("GET", "/journal" | "/journal/export.csv" | "/journal/export.jsonl" | "/journal/export.bundle") => {
            filters()
        }
        ("GET", "/journal/personne") => vec![
            String::new(),
            format!("person={depositor}"),
            "person=agent%40carsat.example".into(),
            "person=autre%40carsat.example".into(),
        ],
        ("GET", "/journal/refus") => vec![String::new(), "from=2026-11-18&to=2026-11-18".into()],
        ("GET", "/journal/droits") => vec![String::new(), "day=2026-11-18".into()],
        ("GET", "/journal/droits.csv") => vec!["day=2026-11-18".into()],
        ("GET", "/journal/file") => {
            vec![String::new(), "etat=delayed&destination=departement.example&boite=pensions".into()]
        }
        ("GET", "/journal/preuves/entree") => (0..house.app.store.log().await.unwrap().size() / 8)
            .map(|entry| format!("entry={}", entry * 8))
            .collect(),
        ("GET", "/journal/preuves/croissance") => {
            let newest = house.app.log_state().await.unwrap().last_checkpoint.unwrap().1;
            vec![format!("older=1&newer={newest}")]
        }
        ("GET", _) | ("POST", "/journal/verifier" | "/dossiers/traitements") => vec![String::new()],
        ("POST", "/comptes") => vec!["action=confirmer".into()],
        ("POST", "/journal/file") => {
            vec![format!("courriel={}&action=reessayer", pli::value::MailId::new([9; 16]))]
        }
        ("POST", "/dossiers/violation") => vec![
            breach.clone(),
            format!("{breach}&action=telecharger"),
            breach.replace(reference.as_str(), ""),
            breach.replace(reference.as_str(), "&action=telecharger"),
            breach.replace("au=2026-12", "au=2026-10"),
        ],
        ("POST", "/dossiers/personne") => ["chercher", "exporter", "effacer", "effacer&confirmation=oui"]
            .iter()
            .flat_map(|action| {
                [DEPOSITOR, "agent@carsat.example"]
                    .map(|who| format!("adresse={}&action={action}", who.replace('@', "%40")))
            })
            .collect(),
        (method, path) => panic!("{method} {path}: say here how the officer asks for it"),
    };
    queries.into_iter().map(|query| (path.clone(), query)).collect()
}

async fn found_partner(house: &House) -> Partner {
    house.app.partners().await.unwrap().remove(0)
}

/// What came back: the status, whether it is a page, and all its text, files of a zip unpacked.
async fn answer(
    pages: &Router,
    method: &str,
    path: &str,
    query: &str,
    cookie: &str,
) -> (StatusCode, bool, String) {
    let is_get = method == "GET";
    let uri = if is_get && !query.is_empty() { format!("{path}?{query}") } else { path.to_owned() };
    let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(uri);
    let request = request.header(COOKIE, cookie).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let body = if is_get { Body::empty() } else { Body::from(query.to_owned()) };
    let answer = pages.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let status = answer.status();
    let kind = answer.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
    let bytes = to_bytes(answer.into_body(), 50_000_000).await.unwrap();
    let is_page = kind.as_deref().is_some_and(|kind| kind.starts_with("text/html"));
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if bytes.starts_with(b"PK") {
        let mut archive = zip::ZipArchive::new(Cursor::new(&bytes[..])).unwrap();
        for at in 0..archive.len() {
            let mut file = archive.by_index(at).unwrap();
            text += file.name();
            let mut held = Vec::new();
            file.read_to_end(&mut held).unwrap();
            text += &String::from_utf8_lossy(&held);
        }
    }
    (status, is_page, text)
}

fn assert_unmarked(what: &str, text: &str) {
    for mark in MARKS {
        assert!(!text.contains(mark), "{what} tells {mark}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_officer_shows_the_state_of_the_log_and_none_shows_what_was_deposited() {
    let witness = Beside::new();
    let (house, reference) = much_happened(&witness).await;
    let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
    let cookie =
        house.app.sign_in(Some(address(OFFICER)), Password::new(PASSWORD.into()), visitor()).await.unwrap();
    let cookie = format!("pli_session={}", cookie.expose());
    let mut routes = routes_of_the_officer();
    // What is erased comes last.
    routes.sort_by_key(|route| (route.path == "/dossiers/personne", route.method.clone()));
    assert!(routes.len() > 20, "{} routes", routes.len());
    let (mut shown, mut told) = (0, String::new());
    for route in routes {
        for (path, query) in asked(&house, &route, &reference).await {
            let what = format!("{} {path} {query}", route.method);
            let (status, is_page, text) = answer(&pages, &route.method, &path, &query, &cookie).await;
            let fits = status.is_success()
                || status == StatusCode::SEE_OTHER
                || status == StatusCode::UNPROCESSABLE_ENTITY;
            assert!(fits, "{what}: {status}");
            assert_unmarked(&what, &text);
            if is_page {
                shown += 1;
                let verdict =
                    text.contains("Le journal ne se vérifie pas") || text.contains("Le journal est intact");
                assert!(
                    verdict && text.contains("Dernier point de contrôle"),
                    "{what}: the state of the log"
                );
                let witnessed = text.split("Dernier témoin extérieur").nth(1).expect(&what);
                assert!(
                    witnessed.trim_start_matches(['\u{202f}', ' ', ':']).contains("witness.example, <time"),
                    "{what}"
                );
            }
            told += &text;
        }
    }
    assert!(shown > 150, "{shown} pages");
    assert!(told.contains("deposit.sent") && told.contains("contrôle"), "there is something to look at");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_log_gives_out_tells_what_was_deposited() {
    let witness = Beside::new();
    let (house, _) = much_happened(&witness).await;
    let mut entries = 0;
    for leaf in house.app.store.leaves(0, 100_000).await.unwrap() {
        let (index, entry) = (leaf.index, leaf.entry.unwrap());
        let (event, payload) = (entry.event().unwrap(), entry.payload().to_owned());
        assert_unmarked("the log", &payload);
        let entry = ForwardedEntry { index, leaf: leaf.leaf, payload, event };
        assert_unmarked("syslog", &entry.syslog("pli.example"));
        assert_unmarked("JSON lines", &entry.json_line());
        entries += 1;
    }
    assert!(entries > 50, "{entries} entries");
    let written = Written::default();
    house.app.export_log(written.clone(), Actor::Operator, Origin::Cli).await.unwrap();
    let export = String::from_utf8_lossy(&written.0.lock().unwrap()).into_owned();
    assert!(export.contains("deposit.sent"));
    assert_unmarked("the export", &export);
    let mails: Vec<_> = house.mails_to(OFFICER).await;
    assert!(
        mails.iter().any(|mail| mail.contains("<daily.")) && mails.len() > 1,
        "alerts and the daily mail"
    );
    for mail in mails {
        assert_unmarked("a mail to the officer", &mail);
        assert_unmarked("a mail to the officer", &crate::house::mail_text(&mail));
    }
}

/// Takes what is written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
