//! The accounts of the house: agents are created and closed by an administrator, and the rights of all are reviewed (P5, P6).

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Outcome};
use super::desk::attachment;
use super::request::Guest;
use super::structures::{notice_of, notice_of_done, refusal, state_mark, visitor};
use super::views::{AccountsPage, HousePersonRow, NewPerson, StructureNotice};
use crate::app::{
    AccountChange, AgentChange, By, HousePerson, Invitation, PeopleError, Signed, house_table, parse_name,
    role_code,
};
use crate::identity::{AccountState, Place, Role};
use crate::policy::rights::Act;
use crate::value::{AccountId, Language, MailAddress, OrganisationId};

const PATH: &str = "/comptes";

/// The routes of this page.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route(PATH, get(show).post(change)).route("/comptes.csv", get(export))
}

#[derive(Deserialize)]
struct Asked {
    fait: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Creer,
    Renommer,
    Lien,
    Desactiver,
    Reactiver,
    Couper,
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
    organisme: String,
    #[serde(default)]
    langue: String,
}

async fn show(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    let signed = visitor(&shared, &guest, PATH).await?;
    let notice = asked.fait.as_deref().map(notice_of_done);
    page(&shared, &guest, &signed, StatusCode::OK, notice, None).await
}

async fn change(State(shared): State<Shared>, guest: Guest, Form(form): Form<ChangeForm>) -> Outcome {
    let signed = visitor(&shared, &guest, PATH).await?;
    let notice = match done(&shared, By::person(&signed, guest.visitor), &form).await {
        Ok(Ok(done)) => return Ok(Answer::see_other(&format!("{PATH}?fait={done}")).into_response()),
        Ok(Err(error)) => match notice_of(&error) {
            Some(notice) => notice,
            None => return Err(refusal(&shared, &guest, &signed, &error)),
        },
        Err(notice) => notice,
    };
    // What was typed stays where it was typed.
    let typed = matches!(form.action, Change::Creer).then(|| NewPerson {
        action: "creer",
        name: form.nom,
        address: form.adresse,
        organisation: form.organisme,
        language: form.langue,
    });
    page(&shared, &guest, &signed, StatusCode::UNPROCESSABLE_ENTITY, Some(notice), typed).await
}

/// Does what the form asks for: what to say of it, why it was not done, or what of the form cannot be read.
async fn done(
    shared: &Shared,
    by: By<'_>,
    form: &ChangeForm,
) -> Result<Result<&'static str, PeopleError>, StructureNotice> {
    let app = &shared.app;
    let name = || parse_name(&form.nom).ok_or(StructureNotice::NameUnfit);
    let (change, done) = match form.action {
        Change::Creer => {
            let invitation = Invitation {
                address: MailAddress::parse(form.adresse.trim())
                    .map_err(|_| StructureNotice::AddressUnfit)?,
                name: name()?,
                role: Role::Agent,
                organisation: form.organisme.parse::<OrganisationId>().ok(),
                partner: None,
                mailboxes: Vec::new(),
                language: Language::from_tag(&form.langue).unwrap_or(Language::Fr),
            };
            return Ok(app.create_agent(by, invitation).await.map(|_| "compte"));
        }
        Change::Confirmer => return Ok(app.confirm_house(by).await.map(|()| "confirme")),
        Change::Renommer => (AgentChange::Account(AccountChange::Rename(name()?)), "nom"),
        Change::Lien => (AgentChange::Account(AccountChange::SendLink), "lien"),
        Change::Desactiver => (AgentChange::Account(AccountChange::Deactivate), "desactive"),
        Change::Reactiver => (AgentChange::Account(AccountChange::Reactivate), "reactive"),
        Change::Couper => (AgentChange::CutOff, "coupe"),
    };
    let account = form.compte.parse::<AccountId>().map_err(|_| StructureNotice::NotFound)?;
    Ok(app.change_agent(by, account, change).await.map(|()| done))
}

async fn export(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = visitor(&shared, &guest, PATH).await?;
    let review = shared.app.house_review(&signed, guest.visitor).await;
    let review = review.map_err(|error| refusal(&shared, &guest, &signed, &error))?;
    let media_type = "text/csv; charset=utf-8; header=present";
    Ok(attachment(media_type, "comptes.csv", house_table(&review, guest.language)))
}

async fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    status: StatusCode,
    notice: Option<StructureNotice>,
    typed: Option<NewPerson>,
) -> Outcome {
    let review = shared.app.house_review(signed, guest.visitor).await;
    let review = review.map_err(|error| refusal(shared, guest, signed, &error))?;
    let may_manage = signed.account.may(Act::ManageAgents, Place::House);
    let rows = review.people.into_iter().map(|person| row(person, may_manage, guest.language));
    let (structures, fund): (Vec<_>, Vec<_>) = rows.partition(|row| row.structure.is_some());
    let (agents, others) = fund.into_iter().partition(|row| row.is_agent);
    let organisations = review.organisations.into_iter().map(|(id, name)| (id.to_string(), name));
    let page = AccountsPage {
        frame: guest.frame(shared, Some(signed)),
        agents,
        others,
        structures,
        organisations: organisations.collect(),
        confirmed_at: review.confirmed_at,
        may_manage,
        notice,
        typed,
    };
    Ok(Answer::page(status, guest, &page).into_response())
}

fn row(person: HousePerson, may_manage: bool, language: Language) -> HousePersonRow {
    let HousePerson { account, of, mailboxes, met_at } = person;
    let (state, state_words, since) = state_mark(&account.state, language);
    let is_agent = account.role == Role::Agent;
    HousePersonRow {
        id: account.id.to_string(),
        role: role_code(account.role).label(language),
        is_agent,
        structure: account.partner.map(super::structures::path),
        of,
        name: account.name,
        address: account.address.to_string(),
        state,
        state_words,
        since,
        met_at,
        mailboxes,
        may_change: may_manage && is_agent,
        is_closed: matches!(account.state, AccountState::Deactivated { .. } | AccountState::CutOff { .. }),
        may_cut: may_manage && is_agent && !matches!(account.state, AccountState::CutOff { .. }),
    }
}
