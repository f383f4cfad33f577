//! The desk of a mailbox: what is asked for in the query, one page of cases.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::answer::{Answer, Errors, Outcome};
use super::case::due;
use super::request::Guest;
use super::texts::CaseloadWords;
use super::views::{CaseRow, CaseTabLink, CaseloadPage, CaseloadTyped, ErrorKind};
use super::{Shared, register};
use crate::app::ports::CasePlace;
use crate::app::{CASE_COUNT_MAX, CaseFilter, CaseTab, Caseload, CaseloadRow, OpenError, Signed};
use crate::identity::Place;
use crate::policy::rights::Act;
use crate::value::{Language, Slug, Timestamp};

/// Bytes of a place in the query.
const PLACE_MAX_BYTES: usize = 64;
/// Bytes of a search in the query.
const WORDS_MAX_BYTES: usize = 200;

/// What is asked for in the query, as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    etat: String,
    mots: String,
    partenaire: String,
    site: String,
    nature: String,
    motif: String,
    personne: String,
    apres: String,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Query(asked) = asked.map_err(|refused| errors.translate(refused.into_response()))?;
    let slug = Slug::parse(&slug).map_err(|_| errors.page(ErrorKind::NotFound))?;
    let path = format!("/boites/{slug}");
    let signed = guest.signed(&shared).await.map_err(|error| errors.fault(&error))?;
    let signed = signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, &path))?;
    let errors = errors.signed_as(Some(&signed));
    let filter = asked.filter().ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let found = shared.app.caseload(&signed, &slug, &filter, guest.visitor).await;
    let found = found.map_err(|error| errors.open(&error, &path))?;
    let page = page(&shared, &guest, &signed, &asked, &filter, &path, found);
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

impl Asked {
    /// What was asked for; none when it is not what any page of ours links to. A choice that is none of those offered
    /// finds nothing.
    fn filter(&self) -> Option<CaseFilter> {
        let place = BASE64URL.decode(&self.apres).ok().filter(|place| place.len() <= PLACE_MAX_BYTES)?;
        let tab = match &self.etat[..] {
            "" => CaseTab::New,
            code => CaseTab::ALL.into_iter().find(|tab| tab_code(*tab) == code)?,
        };
        let chosen = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Some(CaseFilter {
            tab,
            partner: chosen(&self.partenaire)
                .map(|id| id.parse().ok())
                .map_or(Some(None), |id| id.map(Some))?,
            site: chosen(&self.site),
            kind: chosen(&self.nature).filter(|code| code.len() <= WORDS_MAX_BYTES),
            reason: chosen(&self.motif).filter(|code| code.len() <= WORDS_MAX_BYTES),
            person: chosen(&self.personne).map(|id| id.parse().ok()).map_or(Some(None), |id| id.map(Some))?,
            words: Some(self.mots.clone()).filter(|words| words.len() <= WORDS_MAX_BYTES)?,
            after: (!place.is_empty()).then_some(CasePlace(place)),
        })
    }

    /// The query of a page with another part or place.
    fn query(&self, tab: CaseTab, place: Option<&CasePlace>) -> String {
        let place = place.map(|place| BASE64URL.encode(&place.0)).unwrap_or_default();
        let pairs = [
            ("etat", tab_code(tab)),
            ("mots", &self.mots),
            ("partenaire", &self.partenaire),
            ("site", &self.site),
            ("nature", &self.nature),
            ("motif", &self.motif),
            ("personne", &self.personne),
            ("apres", &place),
        ];
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        let pairs =
            pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    asked: &Asked,
    filter: &CaseFilter,
    path: &str,
    found: Caseload,
) -> CaseloadPage {
    let now = shared.app.now().at;
    let words = CaseloadWords::of(guest.language);
    let link = |tab: CaseTab, place: Option<&CasePlace>| format!("{path}?{}", asked.query(tab, place));
    let tabs = found.counts.into_iter().map(|(tab, count)| CaseTabLink {
        name: tab_name(tab, &words),
        count: if count >= CASE_COUNT_MAX { format!("{CASE_COUNT_MAX}+") } else { count.to_string() },
        path: link(tab, None),
        is_here: tab == filter.tab,
        is_late: tab == CaseTab::Late && count > 0,
    });
    let mut sites: Vec<String> =
        found.partners.iter().flat_map(|partner| &partner.sites).map(|site| site.name.clone()).collect();
    sites.sort();
    sites.dedup();
    CaseloadPage {
        frame: guest.frame(shared, Some(signed)),
        path: path.to_owned(),
        here: link(filter.tab, filter.after.as_ref()),
        may_manage: signed.account.may(Act::ManageMailbox, Place::Mailbox(found.mailbox.id)),
        mailbox: found.mailbox.name,
        waits: found.waits,
        tabs: tabs.collect(),
        tab: tab_code(filter.tab),
        typed: CaseloadTyped {
            words: asked.mots.clone(),
            partner: asked.partenaire.clone(),
            site: asked.site.clone(),
            person: asked.personne.clone(),
            is_coded: !asked.nature.is_empty() || !asked.motif.is_empty(),
        },
        kinds: register::choices(shared, register::Codes::Kinds, &asked.nature, guest.language),
        reasons: register::choices(shared, register::Codes::Reasons, &asked.motif, guest.language),
        partners: found.partners.into_iter().map(|partner| (partner.id.to_string(), partner.name)).collect(),
        sites,
        people: found.members.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
        rows: found.rows.into_iter().map(|found| row(shared, guest.language, found, now)).collect(),
        next: found.next.map(|place| link(filter.tab, Some(&place))),
        first: filter.after.is_some().then(|| link(filter.tab, None)),
    }
}

fn row(shared: &Shared, language: Language, found: CaseloadRow, now: Timestamp) -> CaseRow {
    let CaseloadRow { transfer, person, elsewhere } = found;
    let (kinds, _) = register::codes_in_words(shared, transfer.form.as_deref(), language);
    CaseRow {
        reference: transfer.reference,
        title: transfer.title.to_string(),
        sender: transfer.depositor.address.to_string(),
        partner: transfer.depositor.partner_name,
        site: transfer.depositor.site,
        received: transfer.received_at,
        expires: transfer.expires_at,
        kinds,
        is_unopened: transfer.first_opening.is_none(),
        kind: transfer.case.state.kind(),
        elsewhere,
        person,
        due: due(&transfer.case, now),
    }
}

const fn tab_code(tab: CaseTab) -> &'static str {
    match tab {
        CaseTab::New => "nouveaux",
        CaseTab::InCharge => "en-charge",
        CaseTab::Late => "en-retard",
        CaseTab::DueSoon => "bientot",
        CaseTab::Answered => "repondus",
        CaseTab::Treated => "traites",
        CaseTab::Elsewhere => "ventiles",
        CaseTab::All => "tous",
    }
}

const fn tab_name(tab: CaseTab, words: &CaseloadWords) -> &'static str {
    match tab {
        CaseTab::New => words.new,
        CaseTab::InCharge => words.in_charge,
        CaseTab::Late => words.late,
        CaseTab::DueSoon => words.soon,
        CaseTab::Answered => words.answered,
        CaseTab::Treated => words.treated,
        CaseTab::Elsewhere => words.elsewhere,
        CaseTab::All => words.all,
    }
}
