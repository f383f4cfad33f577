//! The register of cases and its statistics (T7), of one mailbox or of all that the person reads: pages, and files for a
//! spreadsheet.

mod statistics;
mod table;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::texts::{CaseWords, RegisterWords};
use super::views::{ErrorKind, RegisterChoice, RegisterLineRow, RegisterListPage, RegisterTyped};
use crate::app::ports::RegisterPlace;
use crate::app::{
    OpenError, Policies, RegisterExportError, RegisterFilter, RegisterPage, RegisterRow, RegisterState,
    Signed,
};
use crate::policy::form::{FormSet, RegisterRole};
use crate::policy::register::{Choice, RegisterPolicy};
use crate::transfer::{AnswerWay, CaseKind, Ending, FormCodes, Promise, Route};
use crate::value::{Language, Slug, Timestamp, calendar};

pub(in crate::web) use statistics::way_names;
use table::{Cell, FileFormat, Table};

/// Bytes of a place in the query.
const PLACE_MAX_BYTES: usize = 64;
/// Bytes of a choice in the query.
const CHOICE_MAX_BYTES: usize = 200;

/// The routes of these pages and files.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/registre", get(all))
        .route("/registre.csv", get(all_csv))
        .route("/registre.xlsx", get(all_xlsx))
        .route("/boites/{mailbox}/registre", get(one))
        .route("/boites/{mailbox}/registre.csv", get(one_csv))
        .route("/boites/{mailbox}/registre.xlsx", get(one_xlsx))
        .merge(statistics::routes())
}

/// What is asked for in the query, as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    du: String,
    au: String,
    partenaire: String,
    site: String,
    nature: String,
    motif: String,
    etat: String,
    apres: String,
}

type AskedQuery = Result<Query<Asked>, QueryRejection>;

async fn all(State(shared): State<Shared>, asked: AskedQuery, guest: Guest) -> Outcome {
    show(&shared, &guest, None, asked).await
}

async fn one(
    State(shared): State<Shared>,
    Path(mailbox): Path<String>,
    asked: AskedQuery,
    guest: Guest,
) -> Outcome {
    show(&shared, &guest, Some(mailbox), asked).await
}

async fn all_csv(State(shared): State<Shared>, asked: AskedQuery, guest: Guest) -> Outcome {
    export(&shared, &guest, None, asked, FileFormat::Csv).await
}

async fn all_xlsx(State(shared): State<Shared>, asked: AskedQuery, guest: Guest) -> Outcome {
    export(&shared, &guest, None, asked, FileFormat::Xlsx).await
}

async fn one_csv(
    State(shared): State<Shared>,
    Path(mailbox): Path<String>,
    asked: AskedQuery,
    guest: Guest,
) -> Outcome {
    export(&shared, &guest, Some(mailbox), asked, FileFormat::Csv).await
}

async fn one_xlsx(
    State(shared): State<Shared>,
    Path(mailbox): Path<String>,
    asked: AskedQuery,
    guest: Guest,
) -> Outcome {
    export(&shared, &guest, Some(mailbox), asked, FileFormat::Xlsx).await
}

/// Who asks, for the register of which mailbox, at which path.
struct Asking {
    signed: Signed,
    slug: Option<Slug>,
    path: String,
}

async fn asking(
    shared: &Shared,
    guest: &Guest,
    mailbox: Option<String>,
    page: &str,
) -> Result<Asking, Response> {
    let errors = Errors::new(shared, guest);
    let slug = match mailbox {
        Some(slug) => Some(Slug::parse(&slug).map_err(|_| errors.page(ErrorKind::NotFound))?),
        None => None,
    };
    let path = match &slug {
        Some(slug) => format!("/boites/{slug}/{page}"),
        None => format!("/{page}"),
    };
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    let signed = signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, &path))?;
    Ok(Asking { signed, slug, path })
}

async fn show(shared: &Shared, guest: &Guest, mailbox: Option<String>, asked: AskedQuery) -> Outcome {
    let errors = Errors::new(shared, guest);
    let Query(asked) = asked.map_err(|refused| errors.translate(refused.into_response()))?;
    let asking = asking(shared, guest, mailbox, "registre").await?;
    listed(shared, guest, &asking, &asked, None).await
}

/// The page; with what kept a file from being made, if something did.
async fn listed(
    shared: &Shared,
    guest: &Guest,
    asking: &Asking,
    asked: &Asked,
    problem: Option<&'static str>,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(Some(&asking.signed));
    let words = RegisterWords::of(guest.language);
    let (filter, wrong) = match asked.filter() {
        Ok(filter) => (filter, None),
        Err(Wrong::Day) => (RegisterFilter::default(), Some(words.not_a_day)),
        Err(Wrong::Choice) => return Err(errors.page(ErrorKind::BadRequest)),
    };
    let found = shared.app.register(&asking.signed, asking.slug.as_ref(), &filter, guest.visitor).await;
    let found = found.map_err(|error| errors.open(&error, &asking.path))?;
    let problem = problem.or(wrong);
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = page(shared, guest, asking, asked, found, problem);
    Ok(Answer::page(status, guest, &page).into_response())
}

async fn export(
    shared: &Shared,
    guest: &Guest,
    mailbox: Option<String>,
    asked: AskedQuery,
    format: FileFormat,
) -> Outcome {
    let errors = Errors::new(shared, guest);
    let Query(asked) = asked.map_err(|refused| errors.translate(refused.into_response()))?;
    let asking = asking(shared, guest, mailbox, "registre").await?;
    let errors = errors.signed_as(Some(&asking.signed));
    let filter = asked.filter().map_err(|_| errors.page(ErrorKind::BadRequest))?;
    let rows = shared.app.export_register(&asking.signed, asking.slug.as_ref(), &filter, guest.visitor).await;
    let rows = match rows {
        Ok(rows) => rows,
        Err(RegisterExportError::TooMany { .. }) => {
            let problem = RegisterWords::of(guest.language).too_many;
            return listed(shared, guest, &asking, &asked, Some(problem)).await;
        }
        Err(RegisterExportError::Open(error)) => return Err(errors.open(&error, &asking.path)),
    };
    let now = shared.app.now().at;
    let policies = shared.app.policies.load_full();
    let language = guest.language;
    let sheet = move || {
        let words = RegisterWords::of(language);
        let lists = Lists::of(&policies);
        let rows = rows.iter().map(|row| cells(row, now, lists, &words, language)).collect();
        Table { name: words.title, head: head(&words), rows }
    };
    table::answer(format, sheet, "registre", &errors).await
}

/// What is wrong with a query.
enum Wrong {
    /// A day that is none.
    Day,
    /// A choice that no page of ours offers.
    Choice,
}

impl Asked {
    fn filter(&self) -> Result<RegisterFilter, Wrong> {
        let place = BASE64URL.decode(&self.apres).ok().filter(|place| place.len() <= PLACE_MAX_BYTES);
        let place = place.ok_or(Wrong::Choice)?;
        let day = |typed: &str, after| match typed.trim() {
            "" => Ok(None),
            typed => calendar::start_of_day(typed, after).map(Some).ok_or(Wrong::Day),
        };
        let chosen = |text: &str| match text.trim() {
            "" => Ok(None),
            text if text.len() <= CHOICE_MAX_BYTES => Ok(Some(text.to_owned())),
            _ => Err(Wrong::Choice),
        };
        let partner = match chosen(&self.partenaire)? {
            Some(id) => Some(id.parse().map_err(|_| Wrong::Choice)?),
            None => None,
        };
        let state = match chosen(&self.etat)? {
            Some(code) => {
                let state = RegisterState::ALL.into_iter().find(|state| state.code() == code);
                Some(state.ok_or(Wrong::Choice)?)
            }
            None => None,
        };
        Ok(RegisterFilter {
            from: day(&self.du, 0)?,
            until: day(&self.au, 1)?,
            partner,
            site: chosen(&self.site)?,
            kind: chosen(&self.nature)?,
            reason: chosen(&self.motif)?,
            state,
            after: (!place.is_empty()).then_some(RegisterPlace(place)),
        })
    }

    /// The query of the same selection from another place on.
    fn query(&self, place: Option<&RegisterPlace>) -> String {
        let place = place.map(|place| BASE64URL.encode(&place.0)).unwrap_or_default();
        let pairs = [
            ("du", &self.du),
            ("au", &self.au),
            ("partenaire", &self.partenaire),
            ("site", &self.site),
            ("nature", &self.nature),
            ("motif", &self.motif),
            ("etat", &self.etat),
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
    asking: &Asking,
    asked: &Asked,
    found: RegisterPage,
    problem: Option<&'static str>,
) -> RegisterListPage {
    let language = guest.language;
    let words = RegisterWords::of(language);
    let policies = shared.app.policies.load();
    let (kinds, reasons) = (policies.register.kinds(), policies.register.reasons());
    let lists = Lists::of(&policies);
    let mut sites: Vec<String> = found
        .partners
        .iter()
        .flat_map(|partner| &partner.sites)
        .flat_map(|site| site.territory.iter().cloned().chain([site.name.clone()]))
        .collect();
    sites.sort();
    sites.dedup();
    let choice = |value: &str, name: &str, typed: &str| RegisterChoice {
        value: value.to_owned(),
        name: name.to_owned(),
        is_chosen: value == typed,
    };
    let coded = |list: &[Choice], typed: &str| {
        list.iter().map(|each| choice(&each.code, each.words(language), typed)).collect()
    };
    let states = RegisterState::ALL
        .into_iter()
        .map(|state| choice(state.code(), state_words(state, &words, language), &asked.etat));
    // A field for a date shows dates only; the problem is told above it.
    let shown = |typed: &str| {
        if calendar::start_of_day(typed, 0).is_some() { typed.to_owned() } else { String::new() }
    };
    let selection = asked.query(None);
    let query = if selection.is_empty() { String::new() } else { format!("?{selection}") };
    RegisterListPage {
        frame: guest.frame(shared, Some(&asking.signed)),
        path: asking.path.clone(),
        statistics: asking.path.replace("registre", "statistiques"),
        mailbox: asking.slug.as_ref().and(found.mailboxes.first()).map(|mailbox| mailbox.name.clone()),
        problem,
        typed: RegisterTyped {
            from: shown(&asked.du),
            until: shown(&asked.au),
            is_empty: selection.is_empty(),
        },
        partners: found
            .partners
            .iter()
            .map(|partner| choice(&partner.id.to_string(), &partner.name, &asked.partenaire))
            .collect(),
        sites: sites.iter().map(|site| choice(site, site, &asked.site)).collect(),
        kinds: coded(kinds, &asked.nature),
        reasons: coded(reasons, &asked.motif),
        states: states.collect(),
        csv: format!("{}.csv{query}", asking.path),
        xlsx: format!("{}.xlsx{query}", asking.path),
        rows: found.rows.into_iter().map(|row| line(row, lists, &words, language)).collect(),
        next: found.next.map(|place| format!("{}?{}", asking.path, asked.query(Some(&place)))),
        first: (!asked.apres.is_empty()).then(|| format!("{}{query}", asking.path)),
    }
}

/// Where codes are looked up: in the register's own lists, then in the forms.
#[derive(Clone, Copy)]
struct Lists<'a> {
    register: &'a RegisterPolicy,
    forms: &'a FormSet,
}

impl<'a> Lists<'a> {
    fn of(policies: &'a Policies) -> Self {
        Self { register: &policies.register, forms: &policies.forms }
    }

    fn kind(self, code: &str, language: Language) -> String {
        self.words(code, (self.register.kinds(), RegisterRole::Kind), language)
    }

    fn reason(self, code: &str, language: Language) -> String {
        self.words(code, (self.register.reasons(), RegisterRole::Reason), language)
    }

    /// The words of a code; a code that nothing in force knows any more is told as it is.
    fn words(self, code: &str, (list, role): (&[Choice], RegisterRole), language: Language) -> String {
        let known = list.iter().find(|choice| choice.code == code).map(|choice| choice.words(language));
        let of_a_form = || self.forms.label_of("", role, code, language);
        known.or_else(of_a_form).unwrap_or(code).to_owned()
    }
}

fn line(row: RegisterRow, lists: Lists<'_>, words: &RegisterWords, language: Language) -> RegisterLineRow {
    let kinds = kinds_of(&row, lists, language);
    let reason = reason_of(&row, lists, language);
    let state = match row.line.ending {
        Some(ending) => state_words(RegisterState::Ended(ending), words, language),
        None => state_words(RegisterState::Case(row.line.kind), words, language),
    };
    let line = row.line;
    RegisterLineRow {
        is_live: line.ending.is_none(),
        reference: line.reference,
        received: line.received_at,
        partner: row.partner,
        site: line.site,
        territory: row.territory,
        sender: row.sender,
        kinds,
        reason,
        mailbox: row.mailbox,
        in_charge: row.in_charge,
        taken: line.taken_at,
        answered: line.answered.map(|answer| (answer.at, way(answer.how, words))),
        state,
        ended: line.ended_at,
        is_late: row.is_late,
        is_reply: line.answers.is_some(),
    }
}

const fn head(w: &RegisterWords) -> [&'static str; 24] {
    [
        w.reference,
        w.received,
        w.partner,
        w.site,
        w.territory,
        w.sender,
        w.mailbox,
        w.in_charge,
        w.kind,
        w.reason,
        w.copy_box,
        w.wish,
        w.route,
        w.files,
        w.taken,
        w.taken_in_time,
        w.answered,
        w.how,
        w.answered_in_time,
        w.state,
        w.ended,
        w.ended_on,
        w.late,
        w.reply,
    ]
}

fn cells(
    row: &RegisterRow,
    now: Timestamp,
    lists: Lists<'_>,
    w: &RegisterWords,
    language: Language,
) -> [Cell; 24] {
    let yes_no = |yes: bool| Cell::text(if yes { w.yes } else { w.no });
    let said = |said: Option<bool>| said.map_or(Cell::Empty, yes_no);
    let promise = |promise| match promise {
        Promise::None => Cell::text(w.nothing_due),
        Promise::Open => Cell::text(w.not_yet),
        Promise::Kept => Cell::text(w.yes),
        Promise::Missed => Cell::text(w.no),
    };
    let (kinds, reason) = (kinds_of(row, lists, language), reason_of(row, lists, language));
    let line = &row.line;
    let form = line.form.as_ref();
    let route = match line.route {
        Route::Page => w.by_page,
        Route::Mail => w.by_mail,
        Route::Api => w.by_api,
        Route::Answer | Route::Composed => w.by_other,
    };
    let ended = line.ending.map(|ending| state_words(RegisterState::Ended(ending), w, language));
    [
        Cell::text(line.reference.as_str()),
        Cell::Instant(line.received_at),
        row.partner.clone().map_or(Cell::Empty, Cell::Text),
        line.site.clone().map_or(Cell::Empty, Cell::Text),
        row.territory.clone().map_or(Cell::Empty, Cell::Text),
        Cell::Text(row.sender.clone().unwrap_or_else(|| w.sender_gone.to_owned())),
        Cell::Text(row.mailbox.clone()),
        row.in_charge.clone().map_or(Cell::Empty, Cell::Text),
        Cell::Text(kinds.join(", ")),
        reason.map_or(Cell::Empty, Cell::Text),
        said(form.and_then(|form| form.copy_to_partner)),
        said(form.and_then(|form| form.inform_professional)),
        Cell::text(route),
        Cell::Number(u64::from(line.file_count)),
        line.taken_at.map_or(Cell::Empty, Cell::Instant),
        promise(line.taken_promise(now)),
        line.answered.map_or(Cell::Empty, |answer| Cell::Instant(answer.at)),
        line.answered.map_or(Cell::Empty, |answer| Cell::text(way(answer.how, w))),
        promise(line.answered_promise(now)),
        Cell::text(state_words(RegisterState::Case(line.kind), w, language)),
        ended.map_or_else(|| Cell::text(w.live), Cell::text),
        line.ended_at.map_or(Cell::Empty, Cell::Instant),
        yes_no(row.is_late),
        yes_no(line.answers.is_some()),
    ]
}

fn kinds_of(row: &RegisterRow, lists: Lists<'_>, language: Language) -> Vec<String> {
    let kinds = row.line.form.iter().flat_map(|form| &form.kinds);
    kinds.map(|code| lists.kind(code, language)).collect()
}

fn reason_of(row: &RegisterRow, lists: Lists<'_>, language: Language) -> Option<String> {
    let reason = row.line.form.as_ref()?.reason.as_ref()?;
    Some(lists.reason(reason, language))
}

/// A list of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codes {
    /// What a case is about.
    Kinds,
    /// Why it is asked.
    Reasons,
}

/// What can be chosen of a list.
pub(super) fn choices(shared: &Shared, codes: Codes, typed: &str, language: Language) -> Vec<RegisterChoice> {
    let policies = shared.app.policies.load();
    let list = match codes {
        Codes::Kinds => policies.register.kinds(),
        Codes::Reasons => policies.register.reasons(),
    };
    let choice = |choice: &Choice| RegisterChoice {
        value: choice.code.clone(),
        name: choice.words(language).to_owned(),
        is_chosen: choice.code == typed,
    };
    list.iter().map(choice).collect()
}

/// Kinds and reason of a case in words.
pub(super) fn codes_in_words(
    shared: &Shared,
    form: Option<&FormCodes>,
    language: Language,
) -> (Vec<String>, Option<String>) {
    let Some(form) = form else { return (Vec::new(), None) };
    let policies = shared.app.policies.load();
    let lists = Lists::of(&policies);
    let kinds = form.kinds.iter().map(|code| lists.kind(code, language));
    (kinds.collect(), form.reason.as_ref().map(|code| lists.reason(code, language)))
}

fn state_words(state: RegisterState, w: &RegisterWords, language: Language) -> &'static str {
    let c = CaseWords::of(language);
    match state {
        RegisterState::Case(CaseKind::New) => c.new,
        RegisterState::Case(CaseKind::InCharge) => c.in_charge,
        RegisterState::Case(CaseKind::Answered) => c.answered,
        RegisterState::Case(CaseKind::Treated) => c.treated,
        RegisterState::Late => w.late,
        RegisterState::Ended(Ending::Expired) => w.expired,
        RegisterState::Ended(Ending::Revoked) => w.revoked,
    }
}

const fn way(way: AnswerWay, w: &RegisterWords) -> &'static str {
    match way {
        AnswerWay::Secure => w.way_secure,
        AnswerWay::Telephone => w.way_telephone,
        AnswerWay::Letter => w.way_letter,
        AnswerWay::Meeting => w.way_meeting,
    }
}
