//! People from a table: first what would change, then all of it or nothing; errors name their line.

use axum::http::{Method, StatusCode};
use pli::app::ports::List;
use pli::app::{By, Cell, ImportScope, PeopleError, PeopleImportError, PersonChange};
use pli::audit::Origin;
use pli::identity::{Password, Role};
use pli::value::Token;
use pli::web::{WebConfig, router};

use crate::custody_house::account;
use crate::entry::{ask, council, invite, link_to};
use crate::house::{House, address, visitor};

const MANAGER: &str = "gestion@departement.example";
const NEW: &str = "cheval agrafe pile correcte";
const OPERATOR: By<'static> = By::operator(Origin::Cli);

async fn accounts(house: &House) -> usize {
    house.app.store.list(&List::Accounts, 1000).await.unwrap().len()
}

async fn table(house: &House) -> String {
    let name = council(house).await.name;
    format!(
        "\u{feff}role,name,address,structure,mailboxes,language\r\n\
         technicien,Jeanne Martin,jeanne.martin@departement.example,{name},,\r\n\
         gestionnaire,\"Salaün, Nolwenn\",gestion@departement.example,{name},,en\r\n\
         agent,Ana Morvan,ana.morvan@carsat.example,,{},fr\r\n",
        house.pensions.slug
    )
}

#[tokio::test]
async fn a_table_says_what_it_would_change_then_changes_it_once() {
    let house = House::build().await;
    let (table, before) = (table(&house).await, accounts(&house).await);
    let import =
        async |dry_run| house.app.import_people(OPERATOR, ImportScope::House, &table, dry_run).await.unwrap();
    let would = import(true).await;
    assert_eq!(
        would.iter().map(|row| (row.line, row.change)).collect::<Vec<_>>(),
        [(2, PersonChange::Invited), (3, PersonChange::Invited), (4, PersonChange::Invited)]
    );
    assert_eq!(accounts(&house).await, before, "a dry run does nothing");
    assert!(house.mails_to(MANAGER).await.is_empty());
    assert_eq!(import(false).await, would);
    assert_eq!(accounts(&house).await, before + 3);
    link_to(&house, MANAGER).await;
    let agent = account(&house, "ana.morvan@carsat.example").await;
    assert_eq!((agent.role, agent.mailboxes), (Role::Agent, vec![house.pensions.id]));
    let again = import(false).await;
    assert!(again.iter().all(|row| row.change == PersonChange::Unchanged), "{again:?}");

    let renamed = table.replace("Ana Morvan", "Ana Le Bris");
    let renamed = house.app.import_people(OPERATOR, ImportScope::House, &renamed, false).await.unwrap();
    assert_eq!(renamed[2].change, PersonChange::Renamed);
    assert_eq!(account(&house, "ana.morvan@carsat.example").await.name, "Ana Le Bris");
}

#[tokio::test]
async fn a_line_that_cannot_be_taken_is_named_and_nothing_is_half_imported() {
    let house = House::build().await;
    let (good, before) = (table(&house).await, accounts(&house).await);
    for (said, instead, line, cell) in [
        ("agent,", "chef,", 4, Cell::Role),
        ("Ana Morvan", " ", 4, Cell::Name),
        ("ana.morvan@carsat.example", "ana.morvan", 4, Cell::Address),
        (",pensions,", ",ailleurs,", 4, Cell::Mailbox),
        (",,en", ",,de", 3, Cell::Language),
    ] {
        assert!(good.contains(said), "{said}");
        let bad = good.replace(said, instead);
        match house.app.import_people(OPERATOR, ImportScope::House, &bad, false).await {
            Err(PeopleImportError::Cell { line: at, cell: of }) => {
                assert_eq!((at, of), (line, cell), "{said}");
            }
            other => panic!("{said}: {other:?}"),
        }
    }
    let outside = good.replace("gestion@departement.example", "gestion@ailleurs.example");
    let refused = house.app.import_people(OPERATOR, ImportScope::House, &outside, false).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, PeopleImportError::Refused { line: 3, error: PeopleError::OutsideDomains }),
        "{refused:?}"
    );
    assert_eq!(accounts(&house).await, before, "nothing is half-imported");
    let columns = house.app.import_people(OPERATOR, ImportScope::House, "nom,adresse\na,b", false).await;
    assert!(matches!(columns, Err(PeopleImportError::Columns)));
}

#[tokio::test]
async fn a_gestionnaire_imports_techniciens_of_the_own_structure_on_the_page() {
    let house = House::build().await;
    invite(&house, Role::Gestionnaire, MANAGER).await.unwrap();
    let token = Token::parse(link_to(&house, MANAGER).await.rsplit('/').next().unwrap()).unwrap();
    house.app.choose_password(&token, Password::new(NEW.into()).unwrap(), visitor()).await.unwrap();
    let cookie =
        house.app.sign_in(Some(address(MANAGER)), Password::new(NEW.into()), visitor()).await.unwrap();
    let cookie = format!("pli_session={}", cookie.expose());
    let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
    let path = format!("/structures/{}/import", council(&house).await.id);
    assert_eq!(ask(&pages, Method::GET, &path, &cookie, "").await.0, StatusCode::OK);
    let body = "tableau=name%2Caddress%0D%0AJeanne+Martin%2Cjeanne.martin%40departement.example";
    let before = accounts(&house).await;
    let (status, _, page) = ask(&pages, Method::POST, &path, &cookie, body).await;
    assert!(
        status == StatusCode::OK && page.contains("compte créé") && page.contains("Rien n’est fait"),
        "{page}"
    );
    assert_eq!(accounts(&house).await, before);
    let (_, _, page) = ask(&pages, Method::POST, &path, &cookie, &format!("{body}&importer=oui")).await;
    assert!(page.contains("importé"), "{page}");
    assert_eq!(accounts(&house).await, before + 1);
    let bad = "tableau=role%2Cname%2Caddress%0D%0Aagent%2CA%2Ca%40departement.example&importer=oui";
    let (status, _, page) = ask(&pages, Method::POST, &path, &cookie, bad).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Ligne 2"), "{page}");
    let agent = house.app.sign_in(
        Some(address("agent@carsat.example")),
        Password::new(crate::house::PASSWORD.into()),
        visitor(),
    );
    let agent = format!("pli_session={}", agent.await.unwrap().expose());
    assert_eq!(ask(&pages, Method::GET, &path, &agent, "").await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&pages, Method::POST, &path, &agent, body).await.0, StatusCode::FORBIDDEN);
}
