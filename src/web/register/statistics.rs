//! The statistics of the register: a year by months, a month or the whole year by partner, site, kind, reason and delay; as
//! charts, as the same in tables, as files.

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;

use super::table::{self, Cell, FileFormat, Table};
use super::{Lists, asking, way};
use crate::app::{App, YearStatistics};
use crate::transfer::{AnswerWay, Counts, Group, MonthOfYear, Tally};
use crate::value::{Language, calendar};
use crate::web::Shared;
use crate::web::answer::{Answer, Errors, Outcome};
use crate::web::request::Guest;
use crate::web::texts::{RegisterWords, StatisticsWords};
use crate::web::views::{Chart, StatisticsGroup, StatisticsPage, TallyRow};

/// The routes of these pages and files.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/statistiques", get(all))
        .route("/statistiques.csv", get(all_csv))
        .route("/statistiques.xlsx", get(all_xlsx))
        .route("/boites/{mailbox}/statistiques", get(one))
        .route("/boites/{mailbox}/statistiques.csv", get(one_csv))
        .route("/boites/{mailbox}/statistiques.xlsx", get(one_xlsx))
}

/// What is asked for in the query, as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    annee: String,
    mois: String,
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

async fn show(shared: &Shared, guest: &Guest, mailbox: Option<String>, asked: AskedQuery) -> Outcome {
    let errors = Errors::new(shared, guest);
    let Query(asked) = asked.map_err(|refused| errors.translate(refused.into_response()))?;
    let asking = asking(shared, guest, mailbox, "statistiques").await?;
    let errors = errors.signed_as(Some(&asking.signed));
    let (app, slug) = (&shared.app, asking.slug.as_ref());
    let found = app.register_statistics(&asking.signed, slug, asked.year(), guest.visitor).await;
    let found = found.map_err(|error| errors.open(&error, &asking.path))?;
    let words = StatisticsWords::of(guest.language);
    let month = asked.month().filter(|month| found.months.iter().any(|(each, _)| each.month() == *month));
    let policies = app.policies.load();
    let lists = Lists::of(&policies);
    let chosen = period(&found.months, month);
    let told = Told { lists, language: guest.language, found: &found };
    let period_name = match month {
        Some(month) => calendar::month(month, guest.language).to_owned() + &format!(" {}", found.year),
        None => found.year.to_string(),
    };
    let page = StatisticsPage {
        frame: guest.frame(shared, Some(&asking.signed)),
        path: asking.path.clone(),
        register: asking.path.replace("statistiques", "registre"),
        mailbox: slug.and(found.mailboxes.first()).map(|mailbox| mailbox.name.clone()),
        keep_months: policies.register.keep_months(),
        year: found.year,
        years: (found.this_year.saturating_sub(9)..=found.this_year).rev().collect(),
        month,
        months: (1..=12).map(|month| (month, calendar::month(month, guest.language))).collect(),
        period: period_name,
        by_month: told.by_month(),
        total: row(words.total.to_owned(), &year(&found.months).all()),
        groups: told.groups(&chosen),
        charts: told.charts(&chosen),
        is_empty: chosen.all().cases == 0,
        is_cut: found.is_cut,
        query: asked.query(),
    };
    Ok(Answer::page(StatusCode::OK, guest, &page).into_response())
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
    let asking = asking(shared, guest, mailbox, "statistiques").await?;
    let errors = errors.signed_as(Some(&asking.signed));
    let (app, slug): (&App, _) = (&shared.app, asking.slug.as_ref());
    let found = app.register_statistics(&asking.signed, slug, asked.year(), guest.visitor).await;
    let found = found.map_err(|error| errors.open(&error, &asking.path))?;
    let policies = app.policies.load_full();
    let language = guest.language;
    let sheet = move || {
        let lists = Lists::of(&policies);
        Told { lists, language, found: &found }.sheet()
    };
    table::answer(format, sheet, "statistiques", &errors).await
}

impl Asked {
    fn year(&self) -> Option<u32> {
        self.annee.parse().ok()
    }

    fn month(&self) -> Option<u32> {
        self.mois.parse().ok().filter(|month| (1..=12).contains(month))
    }

    fn query(&self) -> String {
        self.year().map(|year| format!("?annee={year}")).unwrap_or_default()
    }
}

/// The counts of a month, or of all twelve.
fn period(months: &[(MonthOfYear, Counts)], month: Option<u32>) -> Counts {
    let mut counts = Counts::default();
    let meant = months.iter().filter(|(each, _)| month.is_none_or(|month| each.month() == month));
    meant.for_each(|(_, of_month)| counts.merge(of_month));
    counts
}

fn year(months: &[(MonthOfYear, Counts)]) -> Counts {
    period(months, None)
}

/// What statistics are told with.
struct Told<'a> {
    lists: Lists<'a>,
    language: Language,
    found: &'a YearStatistics,
}

impl Told<'_> {
    fn by_month(&self) -> Vec<TallyRow> {
        let months = self.found.months.iter();
        let told = months.map(|(month, counts)| {
            row(calendar::month(month.month(), self.language).to_owned(), &counts.all())
        });
        told.collect()
    }

    fn groups(&self, counts: &Counts) -> Vec<StatisticsGroup> {
        let w = StatisticsWords::of(self.language);
        let of = |id, title, help, is_meant: fn(&Group) -> bool| {
            let meant = counts.groups().filter(|(group, _)| is_meant(group));
            let mut rows: Vec<TallyRow> = meant.map(|(group, tally)| row(self.name(group), tally)).collect();
            rows.sort_by(|one, other| other.cases.cmp(&one.cases).then_with(|| one.name.cmp(&other.name)));
            StatisticsGroup { id, title, help, rows }
        };
        vec![
            of("partenaires", w.by_partner, None, |group| matches!(group, Group::Partner(_))),
            of("sites", w.by_site, None, |group| matches!(group, Group::Site(..))),
            of("natures", w.by_kind, Some(w.kinds_help), |group| matches!(group, Group::Kind(_))),
            of("motifs", w.by_reason, None, |group| matches!(group, Group::Reason(_))),
        ]
    }

    fn name(&self, group: &Group) -> String {
        let w = StatisticsWords::of(self.language);
        let partner = |id: &Option<crate::value::PartnerId>| {
            let found = self.found.partners.iter().find(|partner| Some(partner.id) == *id);
            found.map_or_else(|| w.nobody.to_owned(), |partner| partner.name.clone())
        };
        match group {
            Group::All => w.total.to_owned(),
            Group::Partner(id) => partner(id),
            Group::Site(id, site) => {
                let site = site.as_deref().unwrap_or(w.unknown);
                if self.found.partners.len() > 1 {
                    format!("{} – {site}", partner(id))
                } else {
                    site.to_owned()
                }
            }
            Group::Kind(Some(code)) => self.lists.kind(code, self.language),
            Group::Reason(Some(code)) => self.lists.reason(code, self.language),
            Group::Kind(None) | Group::Reason(None) => w.unknown.to_owned(),
        }
    }

    fn charts(&self, chosen: &Counts) -> Vec<Chart> {
        let w = StatisticsWords::of(self.language);
        let months = || {
            self.found.months.iter().map(|(month, counts)| {
                (calendar::month(month.month(), self.language).to_owned(), counts.all())
            })
        };
        let cases = months().map(|(name, tally)| (name, tally.cases, tally.cases.to_string())).collect();
        let share = months().filter_map(|(name, tally)| {
            let share = tally.answered.share_in_time()?;
            Some((name, share, percent(share)))
        });
        let delays = chosen.all().answered.spread([24, 48, 72, 120, 240]);
        let bounds = [w.until_24, w.until_48, w.until_72, w.until_120, w.until_240, w.longer];
        let delays = bounds.into_iter().zip(delays);
        vec![
            Chart::new("graphique-dossiers", w.chart_cases, cases, None),
            Chart::new("graphique-part", w.chart_share, share.collect(), Some(100)),
            Chart::new(
                "graphique-delais",
                w.chart_delay,
                delays.map(|(name, count)| (name.to_owned(), count, count.to_string())).collect(),
                None,
            ),
        ]
    }

    /// All of the year, month by month and in all, as one table.
    fn sheet(&self) -> Table<17> {
        let (w, r) = (StatisticsWords::of(self.language), RegisterWords::of(self.language));
        let head = [
            w.period,
            w.group,
            w.value,
            w.cases,
            w.dispatched,
            w.unopened,
            w.revoked,
            w.taken_median,
            w.taken_ninety,
            w.taken_share,
            w.answered_median,
            w.answered_ninety,
            w.answered_share,
            r.way_secure,
            r.way_telephone,
            r.way_letter,
            r.way_meeting,
        ];
        let mut rows = Vec::new();
        let whole = (self.found.year.to_string(), year(&self.found.months));
        let months = self.found.months.iter();
        let months = months
            .map(|(month, counts)| (format!("{:04}-{:02}", month.year(), month.month()), counts.clone()));
        for (period, counts) in std::iter::once(whole).chain(months) {
            for (group, tally) in counts.groups() {
                let kind = match group {
                    Group::All => w.total,
                    Group::Partner(_) => r.partner,
                    Group::Site(..) => r.site,
                    Group::Kind(_) => r.kind,
                    Group::Reason(_) => r.reason,
                };
                rows.push(cells(&period, kind, self.name(group), tally));
            }
        }
        Table { name: w.title, head, rows }
    }
}

fn cells(period: &str, kind: &str, name: String, tally: &Tally) -> [Cell; 17] {
    let hours = |hours: Option<u16>| hours.map_or(Cell::Empty, |hours| Cell::Number(u64::from(hours)));
    let share = |share: Option<u64>| share.map_or(Cell::Empty, Cell::Number);
    let by = |way| Cell::Number(tally.ways.get(&way).copied().unwrap_or_default());
    [
        Cell::text(period),
        Cell::text(kind),
        Cell::Text(name),
        Cell::Number(tally.cases),
        Cell::Number(tally.dispatched),
        Cell::Number(tally.unopened),
        Cell::Number(tally.revoked),
        hours(tally.taken.within(50)),
        hours(tally.taken.within(90)),
        share(tally.taken.share_in_time()),
        hours(tally.answered.within(50)),
        hours(tally.answered.within(90)),
        share(tally.answered.share_in_time()),
        by(AnswerWay::Secure),
        by(AnswerWay::Telephone),
        by(AnswerWay::Letter),
        by(AnswerWay::Meeting),
    ]
}

fn row(name: String, tally: &Tally) -> TallyRow {
    let hours = |hours: Option<u16>| hours.map_or_else(|| "–".to_owned(), |hours| format!("{hours}\u{a0}h"));
    let share = |share: Option<u64>| share.map_or_else(|| "–".to_owned(), percent);
    TallyRow {
        name,
        cases: tally.cases,
        dispatched: tally.dispatched,
        unopened: tally.unopened,
        revoked: tally.revoked,
        taken_median: hours(tally.taken.within(50)),
        taken_ninety: hours(tally.taken.within(90)),
        taken_share: share(tally.taken.share_in_time()),
        answered_median: hours(tally.answered.within(50)),
        answered_ninety: hours(tally.answered.within(90)),
        answered_share: share(tally.answered.share_in_time()),
        ways: AnswerWay::ALL.map(|way| tally.ways.get(&way).copied().unwrap_or_default()),
    }
}

fn percent(share: u64) -> String {
    format!("{share}\u{a0}%")
}

/// The names of the ways, in the order of [`TallyRow::ways`].
pub(in crate::web) fn way_names(language: Language) -> [&'static str; 4] {
    let words = RegisterWords::of(language);
    AnswerWay::ALL.map(|each| way(each, &words))
}
