//! Rights as a table (P7, invariant 7): every route of the web with every person, tried over the real pages, and what came
//! of it written down in `docs/rights.md`. A change of what anybody may is a diff of that file, to be read by whoever
//! reviews it.
//!
//! The routes are read from the source, so that a new one cannot be forgotten. To write the table anew:
//! `PLI_WRITE_RIGHTS=1 cargo test --test app rights::`.

mod changes;
mod holders;
mod probes;
mod routes;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use pli::app::ports::{Change, Key, Record, UnitOfWork};
use pli::audit::{Action, Outcome};
use pli::identity::Role;
use pli::value::Token;
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use self::routes::Route;
use self::world::{Who, World};

/// The table, below the root of the repository.
const TABLE: &str = "docs/rights.md";

/// Routes that nobody of the table reaches, and why.
const NEVER: &[(&str, &str)] = &[
    ("/demo", "only in the demonstration"),
    ("GET /conditions", "no terms of use are in force here: tests/app/entry.rs"),
    ("/connexion/cle-acces", "a passkey needs an authenticator: tests/app/passkeys.rs"),
    ("/compte/cles-acces/nouvelle", "a passkey needs an authenticator: tests/app/passkeys.rs"),
    ("/connexion/fournisseur", "no provider here: tests/app/provider.rs"),
    ("/connexion/fournisseur/retour", "no provider here: tests/app/provider.rs"),
    ("/journal/preuves/horodatages/{name}", "no timestamp authority here: tests/app/timestamps.rs"),
];

/// Routes with a part that names somebody's thing, and yet open to everybody: they tell nobody apart (invariant 8), or the
/// link is its own proof.
const OPEN: &[&str] = &[
    "/depot/{organisation}/{mailbox}",
    "/depot/lien/{token}",
    "/suivi/{reference}",
    "/suivi/lien/{token}",
    "/suivi/lien/{token}/retirer",
    "/suivi/liste/{token}",
    "/compte/lien/{token}",
    "/plis/lien/{token}",
    "/plis/lien/{token}/mot-de-passe",
    "/avis-recus/{link}",
];

/// What came of a request, as far as rights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// It was done or shown.
    Yes,
    /// Who asks must sign in first.
    SignIn,
    /// It is not theirs.
    No,
    /// There is nothing there for them: what is not and what is not theirs look the same.
    Nothing,
    /// The link or its session is over, or never was.
    Over,
    /// What was typed is not good: asked for again.
    Again,
}

impl Came {
    const ALL: [Self; 6] = [Self::Yes, Self::SignIn, Self::No, Self::Nothing, Self::Over, Self::Again];

    /// What an answer says.
    fn of(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Some(match status.as_u16() {
            303 if location.starts_with("/connexion?suite=") || location == "/connexion" => Self::SignIn,
            303 if location.starts_with("/connexion?recommencer") => Self::SignIn,
            200..=299 | 303 => Self::Yes,
            401 => Self::SignIn,
            403 => Self::No,
            404 => Self::Nothing,
            410 => Self::Over,
            409 | 422 => Self::Again,
            _ => return None,
        })
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Yes => "**yes**",
            Self::SignIn => "sign in",
            Self::No => "no",
            Self::Nothing => "–",
            Self::Over => "over",
            Self::Again => "again",
        }
    }
}

/// What a route acts upon, for the reader of the table.
fn resource(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "" | "protection-des-donnees" | "accessibilite" | "assets" | "health" | "ready" => "the house",
        "depot" if path.contains("{draft}") => "a draft",
        "depot" => "a deposit page",
        "suivi" => "a deposit of one’s own",
        "verifier-un-recu" => "a receipt",
        "avis-recus" => "a mailbox’s notices",
        "connexion" | "deconnexion" | "confirmer" | "cle" | "compte" | "conditions" => "one’s own account",
        "boites" => "a mailbox",
        "transferts" => "a transfer",
        "registre" | "registre.csv" | "registre.xlsx" => "the registers",
        "statistiques" | "statistiques.csv" | "statistiques.xlsx" => "the statistics",
        "plis" => "a link for somebody outside",
        "journal" | "dossiers" => "the log",
        "comptes" | "comptes.csv" => "the accounts of the house",
        "structure" | "structures" | "jetons" => "a structure",
        "api" => "a deposit of software",
        "demo" => "the demonstration",
        other => {
            panic!("/{other} is new: say in tests/app/rights/mod.rs, `resource`, what its routes act upon")
        }
    }
}

/// Asks a route as somebody.
async fn ask(world: &World, route: &Route, who: Who, session: &mut Option<Token>) -> Result<Came, String> {
    let cookies = world.cookies(who, session).await;
    ask_with(world, route, who, cookies, session.as_ref()).await
}

/// The same with these cookies, good or not. What is refused must leave nothing behind but its event.
async fn ask_with(
    world: &World,
    route: &Route,
    who: Who,
    cookies: Vec<String>,
    session: Option<&Token>,
) -> Result<Came, String> {
    let asked = probes::sent(world, route, who, session).await;
    let bearer = world.bearer(who);
    // A new router counts tries from nothing.
    let pages = router(world.house.app.clone(), WebConfig { secure_cookies: false, demo: None });
    world.house.store.take_units();
    let answer = pages.oneshot(asked.request(route.method, cookies, bearer)).await.unwrap();
    let told = format!("{} {} as {who:?}", route.method, route.path);
    let Some(came) = Came::of(answer.status(), answer.headers()) else {
        return Err(format!(
            "{told}: {} is no answer of rights: what tests/app/rights/probes.rs sends there is wrong, or a fault",
            answer.status()
        ));
    };
    let units = world.house.store.take_units();
    // Some answers go on while their body is read.
    let _read = axum::body::to_bytes(answer.into_body(), 10_000_000).await.unwrap();
    match came {
        Came::No | Came::Nothing | Came::SignIn => nothing_happened(&units, &told, came).map(|()| came),
        Came::Yes | Came::Over | Came::Again => Ok(came),
    }
}

/// Refused means without effect: what was committed is the refusal's event, and that a session was used or is over.
fn nothing_happened(units: &[UnitOfWork], told: &str, came: Came) -> Result<(), String> {
    let refusals = units
        .iter()
        .flat_map(|unit| &unit.entries)
        .filter(|entry| matches!(entry.event.outcome, Outcome::Refused(_)));
    if came == Came::No && refusals.count() == 0 {
        return Err(format!("{told}: refused, and no event tells of it (S2)"));
    }
    for unit in units {
        for change in &unit.changes {
            if !matches!(change, Change::Put(Record::Session(_)) | Change::Delete(Key::Session(_))) {
                return Err(format!("{told}: refused, and yet it did {change:?}"));
            }
        }
        for entry in &unit.entries {
            // An officer who asks for what is not there has looked.
            let looked = came == Came::Nothing && entry.event.action == Action::LogRead;
            if !looked && !matches!(entry.event.outcome, Outcome::Refused(_)) {
                return Err(format!("{told}: refused, and yet the log tells of {:?}", entry.event));
            }
        }
    }
    Ok(())
}

/// Every route with one person, in a house of its own.
async fn column(routes: &[Route], who: Who) -> Vec<Result<Came, String>> {
    let mut world = Box::pin(World::build()).await;
    if who == Who::HalfSignedIn {
        world = Box::pin(world.with_second_factor()).await;
    }
    let (mut came, mut session) = (Vec::new(), None);
    for route in routes {
        came.push(ask(&world, route, who, &mut session).await);
    }
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_with_every_person_is_in_the_table_of_rights() {
    // Each role is somebody here: without a column for it this does not compile.
    let _roles = Role::ALL.map(Who::of);
    let routes = routes::of_source("src/web");
    let mut table: BTreeMap<&Route, Vec<Came>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for who in Who::ALL {
        for (route, came) in routes.iter().zip(Box::pin(column(&routes, who)).await) {
            let came = came.unwrap_or_else(|problem| {
                wrong.push(problem);
                Came::No
            });
            table.entry(route).or_default().push(came);
        }
    }
    wrong.extend(table.iter().flat_map(|(route, row)| laws(route, row)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let told = told(&table);
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    if std::env::var_os("PLI_WRITE_RIGHTS").is_some() {
        std::fs::write(&place, &told).unwrap();
    }
    let kept = std::fs::read_to_string(&place).unwrap_or_default();
    let differs: Vec<&str> = told
        .lines()
        .filter(|line| !kept.lines().any(|kept| kept == *line))
        .chain(kept.lines().filter(|line| !told.lines().any(|told| told == *line)))
        .collect();
    assert!(
        differs.is_empty() && kept == told,
        "rights are not what {TABLE} says:\n{}\n\nIf that is meant: write it anew with \
         `PLI_WRITE_RIGHTS=1 cargo test --test app rights::`, read its diff line by line, and commit it with your change.",
        differs.join("\n")
    );
}

/// The table as it is kept: the row of each route.
fn kept_table() -> BTreeMap<String, Vec<Came>> {
    let kept = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE)).unwrap();
    let rows = kept.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows = rows.map(|(route, row)| {
        let words = row.trim_end_matches(" |").split(" | ").skip(1);
        (
            route.to_owned(),
            words.map(|word| Came::ALL.into_iter().find(|came| came.word() == word).unwrap()).collect(),
        )
    });
    rows.collect()
}

/// What must hold whatever the table says.
fn laws(route: &Route, row: &[Came]) -> Vec<String> {
    let (told, mut wrong) = (format!("{} {}", route.method, route.path), Vec::new());
    let never = NEVER.iter().any(|(path, _)| {
        route.path == *path || told == *path || (*path == "/demo" && route.path.starts_with("/demo/"))
    });
    let reached = row.contains(&Came::Yes);
    if !reached && !never {
        wrong.push(format!(
            "{told}: nobody may. What tests/app/rights/probes.rs sends there is not what somebody who may would send (or \
             say in NEVER why nobody reaches it): {row:?}"
        ));
    }
    if reached && never {
        wrong.push(format!("{told} is reached: take it out of NEVER"));
    }
    let is_somebodys = route.path.contains('{') && route.path != "/assets/{name}";
    let is_open = OPEN.contains(&route.path.as_str());
    for (who, came) in Who::ALL.iter().zip(row).filter(|(_, came)| **came == Came::Yes) {
        if is_somebodys && !is_open && !who.owns(&route.path) {
            wrong.push(format!("{told}: {came:?} for {who:?}, whose thing it is not"));
        }
        if resource(&route.path) == "the log" && *who != Who::Officer {
            wrong.push(format!("{told}: {came:?} for {who:?}"));
        }
    }
    wrong
}

fn told(table: &BTreeMap<&Route, Vec<Came>>) -> String {
    let mut told = String::from(
        "# Rights\n\nWho may do what, through which route. This file is written by `tests/app/rights`, which asks every route \
         of the web (read\nfrom its source) as everybody below, over the real pages, and fails when something differs from \
         what stands here. A\nchange of rights is a diff of this file: read it line by line. To write it anew:\n\
         `PLI_WRITE_RIGHTS=1 cargo test --test app rights::`.\n\nEverybody is asked about the same things: a mailbox, a \
         transfer in it, a draft, a link. They are the agent’s, the depositor’s\nand the reader’s; all others are the wrong \
         person, or the wrong tenant.\n\n| who | is |\n| --- | --- |\n",
    );
    for who in Who::ALL {
        let (name, is) = who.told();
        writeln!(told, "| {name} | {is} |").unwrap();
    }
    told.push_str(
        "\n| answer | means |\n| --- | --- |\n| **yes** | done, or shown |\n| sign in | sent to the sign-in |\n\
         | no | refused, logged, without effect |\n| – | there is nothing there for this person: what is not and what is not \
         theirs look the same |\n| over | this link or its session is over, or never was |\n\
         | again | what was typed is not good, and is asked for again |\n\n",
    );
    let mut heads = vec!["route", "acts upon"];
    heads.extend(Who::ALL.map(|who| who.told().0));
    writeln!(told, "| {} |", heads.join(" | ")).unwrap();
    writeln!(told, "| {} |", vec!["---"; heads.len()].join(" | ")).unwrap();
    for (route, row) in table {
        let words: Vec<_> = row.iter().map(|came| came.word()).collect();
        let (method, path) = (route.method, &route.path);
        writeln!(told, "| `{method} {path}` | {} | {} |", resource(path), words.join(" | ")).unwrap();
    }
    told
}
