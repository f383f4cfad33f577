//! Structures and their people: the list for the fund and the officer, one structure for those and its gestionnaires (P1, P5,
//! P6). One form field says what is asked for; the use cases say whether it may be.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::desk::attachment;
use super::request::Guest;
use super::texts::StructureWords;
use super::views::{
    ErrorKind, NewPerson, PersonRow, StructureNotice, StructurePage, StructureRow, StructuresPage,
    agreement_row,
};
use crate::app::{
    AccountChange, By, Invitation, OpenError, PeopleError, Signed, StructurePerson, StructureView,
    parse_name, people_table,
};
use crate::identity::{AccountState, Place, Role};
use crate::policy::rights::Act;
use crate::value::{AccountId, Language, MailAddress, PartnerId, Timestamp};

/// The routes of these pages.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/structure", get(own))
        .route("/structures", get(list))
        .route("/structures/{structure}", get(show).post(change))
        .route("/structures/{structure}/comptes.csv", get(export))
}

#[derive(Deserialize)]
struct Asked {
    fait: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Nommer,
    Creer,
    Renommer,
    Lien,
    Desactiver,
    Reactiver,
    Couper,
    Suspendre,
    Reprendre,
    Bloquer,
    Debloquer,
    Confirmer,
}

#[derive(Deserialize)]
struct ChangeForm {
    action: Change,
    #[serde(default)]
    compte: String,
    #[serde(default)]
    nom: String,
    #[serde(default)]
    adresse: String,
    #[serde(default)]
    langue: String,
}

/// A gestionnaire's way to the own structure.
async fn own(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = visitor(&shared, &guest, "/structure").await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    if let Some(own) = signed.account.partner {
        Ok(Answer::see_other(&path(own)).into_response())
    } else {
        let refused = shared.app.refuse_page(&signed, guest.visitor).await;
        Err(errors.open(&refused, "/structure"))
    }
}

async fn list(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = visitor(&shared, &guest, "/structures").await?;
    let found = shared.app.structures(&signed, guest.visitor).await;
    let found = found.map_err(|error| refusal(&shared, &guest, &signed, &error))?;
    let rows = found.into_iter().map(|summary| StructureRow {
        path: path(summary.partner.id),
        name: summary.partner.name,
        gestionnaires: summary.gestionnaires,
        techniciens: summary.techniciens,
        suspended: summary.partner.suspended,
        in_force: summary.in_force,
        review: summary.review,
    });
    let page = StructuresPage { frame: guest.frame(&shared, Some(&signed)), rows: rows.collect() };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn show(
    State(shared): State<Shared>,
    Path(structure): Path<String>,
    Query(asked): Query<Asked>,
    guest: Guest,
) -> Outcome {
    let (signed, structure) = asked_for(&shared, &guest, &structure).await?;
    let notice = asked.fait.as_deref().map(notice_of_done);
    page(&shared, &guest, &signed, structure, StatusCode::OK, notice, None).await
}

async fn change(
    State(shared): State<Shared>,
    Path(structure): Path<String>,
    guest: Guest,
    Form(form): Form<ChangeForm>,
) -> Outcome {
    let (signed, structure) = asked_for(&shared, &guest, &structure).await?;
    let outcome = done(&shared, &guest, &signed, structure, &form).await?;
    let notice = match outcome {
        Ok(done) => return Ok(Answer::see_other(&format!("{}?fait={done}", path(structure))).into_response()),
        Err(notice) => notice,
    };
    let action = match form.action {
        Change::Nommer => Some("nommer"),
        Change::Creer => Some("creer"),
        Change::Bloquer => Some("bloquer"),
        _ => None,
    };
    let typed = action.map(|action| NewPerson {
        action,
        name: form.nom,
        address: form.adresse,
        organisation: String::new(),
        language: form.langue,
    });
    page(&shared, &guest, &signed, structure, StatusCode::UNPROCESSABLE_ENTITY, Some(notice), typed).await
}

/// Does what the form asks for: what to say of it, or why it was not done.
async fn done(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    structure: PartnerId,
    form: &ChangeForm,
) -> Result<Result<&'static str, StructureNotice>, Response> {
    let (app, by) = (&shared.app, By::person(signed, guest.visitor));
    let account = form.compte.parse::<AccountId>().ok();
    let on = async |change: AccountChange| match account {
        Some(account) => app.change_account(by, account, change).await,
        None => Err(PeopleError::NotFound),
    };
    let outcome = match form.action {
        Change::Nommer | Change::Creer => {
            let Some(name) = parse_name(&form.nom) else { return Ok(Err(StructureNotice::NameUnfit)) };
            let Ok(address) = MailAddress::parse(form.adresse.trim()) else {
                return Ok(Err(StructureNotice::AddressUnfit));
            };
            let is_appointed = matches!(form.action, Change::Nommer);
            let invitation = Invitation {
                address,
                name,
                role: if is_appointed { Role::Gestionnaire } else { Role::Technicien },
                organisation: None,
                partner: Some(structure),
                mailboxes: Vec::new(),
                language: Language::from_tag(&form.langue).unwrap_or(Language::Fr),
            };
            app.appoint(by, invitation).await.map(|_| "compte")
        }
        Change::Renommer => {
            let Some(name) = parse_name(&form.nom) else { return Ok(Err(StructureNotice::NameUnfit)) };
            on(AccountChange::Rename(name)).await.map(|()| "nom")
        }
        Change::Lien => on(AccountChange::SendLink).await.map(|()| "lien"),
        Change::Desactiver => on(AccountChange::Deactivate).await.map(|()| "desactive"),
        Change::Reactiver => on(AccountChange::Reactivate).await.map(|()| "reactive"),
        Change::Couper => match account {
            Some(account) => app.exclude_account(by, account).await.map(|()| "coupe"),
            None => Err(PeopleError::NotFound),
        },
        Change::Suspendre => app.suspend_structure(by, structure, true).await.map(|()| "suspendu"),
        Change::Reprendre => app.suspend_structure(by, structure, false).await.map(|()| "repris"),
        Change::Bloquer | Change::Debloquer => {
            let Ok(address) = MailAddress::parse(form.adresse.trim()) else {
                return Ok(Err(StructureNotice::AddressUnfit));
            };
            let blocked = matches!(form.action, Change::Bloquer);
            app.block_address(by, structure, &address, blocked).await.map(|()| "adresse")
        }
        Change::Confirmer => app.confirm_people(by, structure).await.map(|()| "confirme"),
    };
    outcome.map_or_else(
        |error| match notice_of(&error) {
            Some(notice) => Ok(Err(notice)),
            None => Err(refusal(shared, guest, signed, &error)),
        },
        |done| Ok(Ok(done)),
    )
}

/// What the redirection after a change says was done.
pub(super) fn notice_of_done(done: &str) -> StructureNotice {
    match done {
        "compte" => StructureNotice::Made,
        "lien" => StructureNotice::LinkSent,
        "coupe" => StructureNotice::CutOff,
        "confirme" => StructureNotice::Confirmed,
        _ => StructureNotice::Saved,
    }
}

pub(super) const fn notice_of(error: &PeopleError) -> Option<StructureNotice> {
    Some(match error {
        PeopleError::Taken => StructureNotice::Taken,
        PeopleError::OutsideDomains => StructureNotice::Outside,
        PeopleError::TooMany { .. } => StructureNotice::TooMany,
        PeopleError::LastGestionnaire => StructureNotice::Last,
        PeopleError::LastMember => StructureNotice::LastMember,
        PeopleError::NotFitting => StructureNotice::NotFitting,
        PeopleError::NotFound => StructureNotice::NotFound,
        PeopleError::NotEntitled | PeopleError::Fault(_) => return None,
    })
}

/// The list of a structure's people, for a spreadsheet (P5).
async fn export(State(shared): State<Shared>, Path(structure): Path<String>, guest: Guest) -> Outcome {
    let (signed, structure) = asked_for(&shared, &guest, &structure).await?;
    let view = shared.app.structure(&signed, structure, guest.visitor).await;
    let view = view.map_err(|error| refusal(&shared, &guest, &signed, &error))?;
    let media_type = "text/csv; charset=utf-8; header=present";
    Ok(attachment(media_type, "comptes.csv", people_table(&view, guest.language)))
}

async fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    structure: PartnerId,
    status: StatusCode,
    notice: Option<StructureNotice>,
    typed: Option<NewPerson>,
) -> Outcome {
    let view = shared.app.structure(signed, structure, guest.visitor).await;
    let view = view.map_err(|error| refusal(shared, guest, signed, &error))?;
    let may = |act| signed.account.may(act, Place::Structure(structure));
    let StructureView { partner, agreements, people, review } = view;
    let (gestionnaires, techniciens) =
        people.into_iter().partition::<Vec<_>, _>(|person| person.account.role == Role::Gestionnaire);
    let rows = |people: Vec<StructurePerson>, act| {
        people
            .into_iter()
            .map(|person| row(person, signed, guest.language, may(act), may(Act::ExcludeStructures)))
            .collect()
    };
    let page = StructurePage {
        frame: guest.frame(shared, Some(signed)),
        path: path(structure),
        name: partner.name,
        suspended: partner.suspended,
        gestionnaires: rows(gestionnaires, Act::AppointGestionnaires),
        techniciens: rows(techniciens, Act::ManageTechniciens),
        agreements: agreements
            .into_iter()
            .map(|agreement| agreement_row(agreement, guest.language))
            .collect(),
        blocked: partner.blocked.iter().map(ToString::to_string).collect(),
        review,
        may_appoint: may(Act::AppointGestionnaires),
        may_manage: may(Act::ManageTechniciens),
        may_exclude: may(Act::ExcludeStructures),
        may_confirm: may(Act::ConfirmPeople),
        may_see_history: may(Act::SeeStructureHistory),
        has_list: signed.account.may(Act::SeeStructure, Place::House),
        notice,
        typed,
    };
    Ok(Answer::page(status, guest, &page).into_response())
}

/// An account's state: its mark, its words, and since when.
pub(super) const fn state_mark(
    state: &AccountState,
    language: Language,
) -> (&'static str, &'static str, Option<Timestamp>) {
    let w = StructureWords::of(language);
    match *state {
        AccountState::Active => ("good", w.active, None),
        AccountState::Invited { since } => ("wait", w.waits, Some(since)),
        AccountState::Deactivated { since, .. } => ("", w.off, Some(since)),
        AccountState::CutOff { since } => ("bad", w.cut, Some(since)),
    }
}

fn row(
    person: StructurePerson,
    signed: &Signed,
    language: Language,
    may_change: bool,
    may_cut: bool,
) -> PersonRow {
    let StructurePerson { account, met_at } = person;
    let (state, state_words, since) = state_mark(&account.state, language);
    let (is_cut, is_closed) =
        (matches!(account.state, AccountState::CutOff { .. }), account.unused_since().is_some());
    PersonRow {
        id: account.id.to_string(),
        is_self: account.id == signed.account.id,
        name: account.name,
        address: account.address.to_string(),
        state,
        state_words,
        since,
        met_at,
        // Who was cut off comes back by those alone who cut off.
        may_change: may_change && (!is_cut || may_cut),
        is_closed,
        may_cut: may_cut && !is_cut,
    }
}

pub(super) async fn visitor(shared: &Shared, guest: &Guest, path: &str) -> Result<Signed, Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, path))
}

pub(super) async fn asked_for(
    shared: &Shared,
    guest: &Guest,
    structure: &str,
) -> Result<(Signed, PartnerId), Response> {
    let errors = Errors::new(shared, guest);
    let structure: PartnerId = structure.parse().map_err(|_| errors.page(ErrorKind::NotFound))?;
    Ok((visitor(shared, guest, &path(structure)).await?, structure))
}

pub(super) fn refusal(shared: &Shared, guest: &Guest, signed: &Signed, error: &PeopleError) -> Response {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    match error {
        PeopleError::Fault(error) => errors.fault(error),
        PeopleError::NotFound => errors.page(ErrorKind::NotFound),
        _ => errors.page(ErrorKind::Forbidden),
    }
}

pub(super) fn path(structure: PartnerId) -> String {
    format!("/structures/{structure}")
}
