//! The members of a mailbox: the list, admission, removal, and in whose custody the key is (P7).

use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::{ErrorKind, MemberRow, MembersNotice, MembersPage};
use crate::app::{MemberState, MembersError, OpenError, Signed};
use crate::identity::Place;
use crate::mailbox::Custody;
use crate::policy::rights::Act;
use crate::value::{AccountId, Slug};

#[derive(Deserialize)]
pub(super) struct Asked {
    fait: Option<String>,
}

/// What the forms of the page ask for.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Admettre,
    Retirer,
}

#[derive(Deserialize)]
pub(super) struct MemberForm {
    membre: String,
    action: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Keeper {
    Membres,
    Passerelle,
}

#[derive(Deserialize)]
pub(super) struct CustodyForm {
    garde: Keeper,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    Query(asked): Query<Asked>,
    guest: Guest,
) -> Outcome {
    let (signed, slug) = visitor(&shared, &guest, &slug).await?;
    let notice = match asked.fait.as_deref() {
        Some("admis") => Some(MembersNotice::Admitted),
        Some("retire") => Some(MembersNotice::Removed),
        Some("garde") => Some(MembersNotice::CustodyChanged),
        _ => None,
    };
    page(&shared, &guest, &signed, &slug, StatusCode::OK, notice).await
}

pub(super) async fn change(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    guest: Guest,
    Form(form): Form<MemberForm>,
) -> Outcome {
    let (signed, slug) = visitor(&shared, &guest, &slug).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let member: AccountId = form.membre.parse().map_err(|_| errors.page(ErrorKind::BadRequest))?;
    let (outcome, done) = match form.action {
        Change::Admettre => (shared.app.admit(&signed, &slug, member, guest.visitor).await, "admis"),
        Change::Retirer => (shared.app.remove_member(&signed, &slug, member, guest.visitor).await, "retire"),
    };
    if outcome.is_ok() && member == signed.account.id && done == "retire" {
        return Ok(Answer::see_other("/boites").into_response());
    }
    answer(&shared, &guest, &signed, &slug, outcome, done).await
}

pub(super) async fn custody(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    guest: Guest,
    Form(form): Form<CustodyForm>,
) -> Outcome {
    let (signed, slug) = visitor(&shared, &guest, &slug).await?;
    let outcome = match form.garde {
        Keeper::Membres => shared.app.take_into_custody(&signed, &slug, guest.visitor).await,
        Keeper::Passerelle => shared.app.return_to_gateway(&signed, &slug, guest.visitor).await,
    };
    answer(&shared, &guest, &signed, &slug, outcome, "garde").await
}

/// Who asks, for which mailbox.
async fn visitor(shared: &Shared, guest: &Guest, slug: &str) -> Result<(Signed, Slug), Response> {
    let errors = Errors::new(shared, guest);
    let slug = Slug::parse(slug).map_err(|_| errors.page(ErrorKind::NotFound))?;
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    let signed = signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, &path(&slug)))?;
    Ok((signed, slug))
}

async fn answer(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    slug: &Slug,
    outcome: Result<(), MembersError>,
    done: &str,
) -> Outcome {
    let notice = match outcome {
        Ok(()) => return Ok(Answer::see_other(&format!("{}?fait={done}", path(slug))).into_response()),
        Err(MembersError::Open(error)) => {
            return Err(Errors::new(shared, guest).signed_as(Some(signed)).open(&error, &path(slug)));
        }
        Err(MembersError::LastMember) => MembersNotice::LastMember,
        Err(MembersError::NotFitting) => MembersNotice::NotFitting,
        Err(MembersError::Denied) => MembersNotice::Denied,
    };
    page(shared, guest, signed, slug, StatusCode::UNPROCESSABLE_ENTITY, Some(notice)).await
}

async fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    slug: &Slug,
    status: StatusCode,
    notice: Option<MembersNotice>,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    let view = match shared.app.members(signed, slug, guest.visitor).await {
        Ok(view) => view,
        Err(MembersError::Open(error)) => return Err(errors.open(&error, &path(slug))),
        Err(_) => return Err(errors.page(ErrorKind::NotFound)),
    };
    let opens = view.members.iter().any(|member| member.is_self && member.state == MemberState::Admitted);
    let members = view.members.into_iter().map(|member| MemberRow {
        id: member.account.to_string(),
        name: member.name,
        address: member.address,
        waits: member.state == MemberState::Waiting,
        is_self: member.is_self,
    });
    let page = MembersPage {
        frame: guest.frame(shared, Some(signed)),
        path: path(slug),
        mailbox: view.mailbox.name,
        gateway_custody: view.mailbox.key.custody == Custody::Gateway,
        may_return_to_gateway: view.may_return_to_gateway,
        rotating_since: view.rotating_since,
        opens,
        manages: signed.account.may(Act::ManageMailbox, Place::Mailbox(view.mailbox.id)),
        members: members.collect(),
        notice,
    };
    Ok(Answer::page(status, guest, &page).into_response())
}

fn path(slug: &Slug) -> String {
    format!("/boites/{slug}/membres")
}
