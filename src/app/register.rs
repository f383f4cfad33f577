//! The register of cases (T7): who may see a mailbox's, page by page or as an export; and what becomes of its lines when
//! their time is over. It is kept by itself: a live transfer's line is read from the transfer, an ended one's stayed.

use std::collections::BTreeMap;

use thiserror::Error;

use super::ports::{Key, List, PersonName, RegisterPlace, RegisterSearch, UnitOfWork};
use super::{App, AppError, OpenError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome, RefusalReason};
use crate::identity::Partner;
use crate::mailbox::Mailbox;
use crate::transfer::{CaseKind, Counts, Ending, MonthOfYear, MonthlyCounts, RegisterLine};
use crate::value::{MailboxId, PartnerId, PersonId, Slug, Timestamp, words};

/// Lines on one page.
const PAGE_LINES: usize = 50;
/// Lines that are read at once.
const READ_AT_ONCE: usize = 500;
/// Lines that are looked at for one page.
const PAGE_LOOKS: usize = 5000;
/// Lines of one export: a longer one is asked for by period.
pub const EXPORT_LINES_MAX: usize = 50_000;
/// Lines that are counted for the statistics of a year.
const COUNTED_MAX: usize = 500_000;
/// How many months of a mailbox are read.
const MONTHS_MAX: usize = 10_000;
/// How many lines one run of upkeep lets go.
const AGGREGATED_AT_ONCE: usize = 200;

/// Where a case of the register stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterState {
    /// Its case is, or was at the end, of this kind.
    Case(CaseKind),
    /// A promise was not kept.
    Late,
    /// Its content is gone.
    Ended(Ending),
}

impl RegisterState {
    /// All that can be asked for.
    pub const ALL: [Self; 7] = [
        Self::Case(CaseKind::New),
        Self::Case(CaseKind::InCharge),
        Self::Case(CaseKind::Answered),
        Self::Case(CaseKind::Treated),
        Self::Late,
        Self::Ended(Ending::Expired),
        Self::Ended(Ending::Revoked),
    ];

    /// The word by which page addresses know it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Case(kind) => kind.code(),
            Self::Late => "late",
            Self::Ended(Ending::Expired) => "expired",
            Self::Ended(Ending::Revoked) => "revoked",
        }
    }

    fn is_of(self, line: &RegisterLine, now: Timestamp) -> bool {
        match self {
            Self::Case(kind) => line.kind == kind,
            Self::Late => line.is_late(now),
            Self::Ended(ending) => line.ending == Some(ending),
        }
    }
}

/// What of the register is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegisterFilter {
    /// Received at this instant or later.
    pub from: Option<Timestamp>,
    /// Received before this instant.
    pub until: Option<Timestamp>,
    /// Only this partner's.
    pub partner: Option<PartnerId>,
    /// Only this site's, or the sites' of this territory.
    pub site: Option<String>,
    /// Only of this kind, by its code.
    pub kind: Option<String>,
    /// Only with this reason, by its code.
    pub reason: Option<String>,
    /// Only those that stand there.
    pub state: Option<RegisterState>,
    /// Where the page begins.
    pub after: Option<RegisterPlace>,
}

/// A line, with names in the place of ids.
#[derive(Debug, Clone)]
pub struct RegisterRow {
    /// The line.
    pub line: RegisterLine,
    /// The mailbox that it was deposited into.
    pub mailbox: String,
    /// The mailbox in charge, when it was dispatched.
    pub in_charge: Option<String>,
    /// The partner.
    pub partner: Option<String>,
    /// The territory of the site.
    pub territory: Option<String>,
    /// Who sent it, as long as the table of names knows it.
    pub sender: Option<String>,
    /// Whether a promise was not kept.
    pub is_late: bool,
}

/// A page of the register.
#[derive(Debug)]
pub struct RegisterPage {
    /// Whose register.
    pub mailboxes: Vec<Mailbox>,
    /// Its lines.
    pub rows: Vec<RegisterRow>,
    /// Where the next page begins, if there may be one.
    pub next: Option<RegisterPlace>,
    /// Partners that can be chosen, with their sites.
    pub partners: Vec<Partner>,
}

/// The statistics of a year.
#[derive(Debug)]
pub struct YearStatistics {
    /// Of whose cases.
    pub mailboxes: Vec<Mailbox>,
    /// The year.
    pub year: u32,
    /// The latest year that can be asked for.
    pub this_year: u32,
    /// Its twelve months, in order.
    pub months: Vec<(MonthOfYear, Counts)>,
    /// The partners, for their names.
    pub partners: Vec<Partner>,
    /// More cases than are counted: the figures are too small.
    pub is_cut: bool,
}

/// Why the register is not exported.
#[derive(Debug, Error)]
pub enum RegisterExportError {
    /// The person may not see it, or a fault.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Too many lines for one file: a shorter period is to be chosen.
    #[error("more than {limit} lines")]
    TooMany {
        /// How many one file has at most.
        limit: usize,
    },
}

impl From<AppError> for RegisterExportError {
    fn from(error: AppError) -> Self {
        Self::Open(error.into())
    }
}

/// Names that were looked up for a page.
#[derive(Default)]
struct Names {
    mailboxes: BTreeMap<MailboxId, String>,
    partners: BTreeMap<PartnerId, Option<Partner>>,
    people: BTreeMap<PersonId, Option<String>>,
}

impl App {
    /// A page of the register of one mailbox, or of all that the person reads. Logged, as every reading is (S2).
    pub async fn register(
        &self,
        signed: &Signed,
        mailbox: Option<&Slug>,
        filter: &RegisterFilter,
        visitor: Visitor,
    ) -> Result<RegisterPage, OpenError> {
        let now = self.believed_now()?;
        let mailboxes = self.register_scope(signed, mailbox, visitor).await?;
        let mut names = Names::default();
        let mut rows = Vec::with_capacity(PAGE_LINES);
        let mut search = search_of(&mailboxes, filter);
        let mut looked = 0;
        let next = 'page: loop {
            let found = self.store.register(&search, READ_AT_ONCE).await.map_err(AppError::from)?;
            for (line, place) in found.lines {
                looked += 1;
                search.after = Some(place.clone());
                if let Some(row) = self.register_row(line, filter, now, &mut names).await? {
                    rows.push(row);
                    if rows.len() == PAGE_LINES {
                        break 'page Some(place);
                    }
                }
            }
            if found.is_all {
                break None;
            }
            if looked >= PAGE_LOOKS {
                break search.after.clone();
            }
        };
        self.log_register(signed, &mailboxes, (Action::TransferListed, Outcome::Done), None, visitor).await?;
        Ok(RegisterPage { rows, next, partners: self.partners_of_all(&mailboxes).await?, mailboxes })
    }

    /// All lines of a selection, newest first, for a file; the log tells how many before it is handed out.
    pub async fn export_register(
        &self,
        signed: &Signed,
        mailbox: Option<&Slug>,
        filter: &RegisterFilter,
        visitor: Visitor,
    ) -> Result<Vec<RegisterRow>, RegisterExportError> {
        let now = self.believed_now()?;
        let mailboxes = self.register_scope(signed, mailbox, visitor).await?;
        let mut names = Names::default();
        let mut rows = Vec::new();
        let mut search = RegisterSearch { after: None, ..search_of(&mailboxes, filter) };
        loop {
            let found = self.store.register(&search, READ_AT_ONCE).await.map_err(AppError::from)?;
            for (line, place) in found.lines {
                search.after = Some(place);
                rows.extend(self.register_row(line, filter, now, &mut names).await?);
            }
            if rows.len() > EXPORT_LINES_MAX {
                let refused = Outcome::Refused(RefusalReason::TooMany);
                self.log_register(signed, &mailboxes, (Action::RegisterExported, refused), None, visitor)
                    .await?;
                return Err(RegisterExportError::TooMany { limit: EXPORT_LINES_MAX });
            }
            if found.is_all {
                break;
            }
        }
        let count = Some(Detail::Count(rows.len() as u64));
        self.log_register(signed, &mailboxes, (Action::RegisterExported, Outcome::Done), count, visitor)
            .await?;
        Ok(rows)
    }

    /// The statistics of a year, month by month; of this year when it is none that can be.
    pub async fn register_statistics(
        &self,
        signed: &Signed,
        mailbox: Option<&Slug>,
        year: Option<u32>,
        visitor: Visitor,
    ) -> Result<YearStatistics, OpenError> {
        let now = self.believed_now()?;
        let mailboxes = self.register_scope(signed, mailbox, visitor).await?;
        let this_year = MonthOfYear::of(now).map(MonthOfYear::year).unwrap_or_default();
        let year = year.filter(|year| (1970..=this_year).contains(year)).unwrap_or(this_year);
        let mut months: Vec<(MonthOfYear, Counts)> =
            (1..=12).filter_map(|month| Some((MonthOfYear::new(year, month)?, Counts::default()))).collect();
        self.add_kept_months(&mailboxes, &mut months).await?;
        let is_cut = self.add_lines(&mailboxes, &mut months, now).await?;
        self.log_register(signed, &mailboxes, (Action::StatisticsRead, Outcome::Done), None, visitor).await?;
        let partners = self.partners_of_all(&mailboxes).await?;
        Ok(YearStatistics { mailboxes, year, this_year, months, partners, is_cut })
    }

    /// Counts the lines that are there; says whether there are more than are counted.
    async fn add_lines(
        &self,
        mailboxes: &[Mailbox],
        months: &mut [(MonthOfYear, Counts)],
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let (from, until) = match months {
            [(first, _), .., (last, _)] => (first.begins(), last.next().begins()),
            _ => return Ok(false),
        };
        let scope: Vec<MailboxId> = mailboxes.iter().map(|mailbox| mailbox.id).collect();
        let mut search = RegisterSearch { from, until, ..RegisterSearch::of(scope.clone()) };
        let mut counted = 0;
        loop {
            let found = self.store.register(&search, READ_AT_ONCE).await?;
            for (line, place) in found.lines {
                search.after = Some(place);
                counted += 1;
                // Who only passed it on neither got it nor treats it.
                let counts_here = scope.contains(&line.mailbox) || scope.contains(&line.in_charge());
                let month = MonthOfYear::of(line.received_at);
                let of_month = months.iter_mut().find(|(each, _)| Some(*each) == month);
                if let Some((_, counts)) = of_month.filter(|_| counts_here) {
                    counts.add(&line, now);
                }
            }
            if found.is_all || counted >= COUNTED_MAX {
                return Ok(!found.is_all);
            }
        }
    }

    /// Adds what stayed of lines whose time is over.
    async fn add_kept_months(
        &self,
        mailboxes: &[Mailbox],
        months: &mut [(MonthOfYear, Counts)],
    ) -> Result<(), AppError> {
        for mailbox in mailboxes {
            let kept: Vec<(MonthlyCounts, u64)> =
                self.read_list(&List::MonthlyCountsOf(mailbox.id), MONTHS_MAX).await?;
            for (kept, _) in kept {
                // What was dispatched within the scope counts where it was deposited, once.
                let elsewhere =
                    kept.origin != kept.mailbox && mailboxes.iter().any(|own| own.id == kept.origin);
                let of_month = months.iter_mut().find(|(month, _)| *month == kept.month);
                if let Some((_, counts)) = of_month.filter(|_| !elsewhere) {
                    counts.merge(&kept.counts);
                }
            }
        }
        Ok(())
    }

    /// The mailboxes whose register the person sees: a named one, or all that the person reads. What is not the person's
    /// is answered like what does not exist, and logged.
    async fn register_scope(
        &self,
        signed: &Signed,
        mailbox: Option<&Slug>,
        visitor: Visitor,
    ) -> Result<Vec<Mailbox>, OpenError> {
        if let Some(slug) = mailbox {
            return Ok(vec![self.mailbox_to_read(signed, slug, visitor).await?]);
        }
        let mut mailboxes = Vec::new();
        for id in signed.account.mailboxes.iter().filter(|id| signed.account.reads(**id)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            mailboxes.extend(found.map(|(mailbox, _)| mailbox));
        }
        if mailboxes.is_empty() {
            return Err(self.refuse_mailbox(signed, visitor).await);
        }
        mailboxes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(mailboxes)
    }

    async fn log_register(
        &self,
        signed: &Signed,
        mailboxes: &[Mailbox],
        (action, outcome): (Action, Outcome),
        detail: Option<Detail>,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let (now, actor) = (self.now().at, Actor::Person(signed.account.person));
        let mut unit = UnitOfWork::default();
        for mailbox in mailboxes {
            let object = Object::Mailbox(mailbox.id);
            let told = event(now, actor, action, object, outcome, visitor.web());
            self.log(&mut unit, detail.map_or(told, |detail| told.with(detail)))?;
        }
        self.store.commit(unit).await?;
        Ok(())
    }

    async fn partners_of_all(&self, mailboxes: &[Mailbox]) -> Result<Vec<Partner>, AppError> {
        let mut partners: Vec<Partner> = Vec::new();
        for mailbox in mailboxes {
            for partner in self.partners_of(mailbox.id).await? {
                if partners.iter().all(|other| other.id != partner.id) {
                    partners.push(partner);
                }
            }
        }
        partners.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(partners)
    }

    /// A line with its names, when the filter means it.
    async fn register_row(
        &self,
        line: RegisterLine,
        filter: &RegisterFilter,
        now: Timestamp,
        names: &mut Names,
    ) -> Result<Option<RegisterRow>, AppError> {
        let form = line.form.as_ref();
        let has = |asked: &Option<String>, given: bool| asked.is_none() || given;
        let is_meant = filter.partner.is_none_or(|partner| line.partner == Some(partner))
            && has(
                &filter.kind,
                form.is_some_and(|form| filter.kind.iter().all(|kind| form.kinds.contains(kind))),
            )
            && has(&filter.reason, form.is_some_and(|form| form.reason == filter.reason))
            && filter.state.is_none_or(|state| state.is_of(&line, now));
        if !is_meant {
            return Ok(None);
        }
        let partner = match line.partner {
            Some(id) => self.partner_listed(id, names).await?,
            None => None,
        };
        let site = line.site.as_deref().map(words::folded);
        let known = partner.iter().flat_map(|partner| &partner.sites);
        let known = known.into_iter().find(|known| site.as_ref() == Some(&words::folded(&known.name)));
        let territory = known.and_then(|site| site.territory.clone());
        if let Some(asked) = filter.site.as_deref().map(words::folded) {
            let of_territory = territory.as_deref().map(words::folded);
            if site.as_ref() != Some(&asked) && of_territory.as_ref() != Some(&asked) {
                return Ok(None);
            }
        }
        let partner = partner.map(|partner| partner.name);
        let in_charge = match line.in_charge() {
            own if own == line.mailbox => None,
            other => Some(self.holder_named(other, names).await?),
        };
        Ok(Some(RegisterRow {
            mailbox: self.holder_named(line.mailbox, names).await?,
            in_charge,
            partner,
            territory,
            sender: self.sender_named(line.depositor, names).await?,
            is_late: line.is_late(now),
            line,
        }))
    }

    async fn partner_listed(&self, id: PartnerId, names: &mut Names) -> Result<Option<Partner>, AppError> {
        if let Some(known) = names.partners.get(&id) {
            return Ok(known.clone());
        }
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(id)).await?;
        let partner = found.map(|(partner, _)| partner);
        names.partners.insert(id, partner.clone());
        Ok(partner)
    }

    async fn holder_named(&self, id: MailboxId, names: &mut Names) -> Result<String, AppError> {
        if let Some(known) = names.mailboxes.get(&id) {
            return Ok(known.clone());
        }
        let name = self.name_of_mailbox(id).await?;
        names.mailboxes.insert(id, name.clone());
        Ok(name)
    }

    async fn sender_named(&self, person: PersonId, names: &mut Names) -> Result<Option<String>, AppError> {
        if let Some(known) = names.people.get(&person) {
            return Ok(known.clone());
        }
        let found: Option<(PersonName, u64)> = self.read(&Key::Person(person)).await?;
        let name = found.map(|(name, _)| name.address.to_string());
        names.people.insert(person, name.clone());
        Ok(name)
    }

    /// Lets go of lines whose time is over: of each, its month's counts stay, nobody's pseudonym. Part of upkeep.
    pub(super) async fn aggregate_register(&self, now: Timestamp) -> Result<(), AppError> {
        let kept_for = self.policies.load().register.kept_for();
        let over: Vec<(RegisterLine, u64)> =
            self.read_list(&List::RegisterEndedBefore(now - kept_for), AGGREGATED_AT_ONCE).await?;
        for (line, version) in over {
            match self.aggregate_line(line, version, now).await {
                Err(error) if error.is_conflict() => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    async fn aggregate_line(&self, line: RegisterLine, version: u64, now: Timestamp) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Register(line.transfer), version);
        let holders = [line.mailbox, line.in_charge()];
        let holders = if holders[0] == holders[1] { &holders[..1] } else { &holders[..] };
        if let Some(month) = MonthOfYear::of(line.received_at) {
            for mailbox in holders {
                let key = Key::MonthlyCounts((*mailbox, month, line.mailbox));
                let found: Option<(MonthlyCounts, u64)> = self.read(&key).await?;
                let (mut counts, version) = match found {
                    Some((kept, version)) => (kept.counts, Some(version)),
                    None => (Counts::default(), None),
                };
                match version {
                    Some(version) => unit.expect_unchanged(key, version),
                    None => unit.expect_absent(key),
                }
                counts.add(&line, now);
                unit.put(MonthlyCounts { mailbox: *mailbox, origin: line.mailbox, month, counts });
            }
        }
        let object = Object::Transfer { transfer: line.transfer, mailbox: line.mailbox };
        let erased =
            event(now, Actor::System, Action::RegisterLineErased, object, Outcome::Done, Origin::Job);
        self.log(&mut unit, erased.under(self.policies.load().digest).concerning(line.partner))?;
        unit.delete(Key::Register(line.transfer));
        self.store.commit(unit).await?;
        Ok(())
    }
}

fn search_of(mailboxes: &[Mailbox], filter: &RegisterFilter) -> RegisterSearch {
    RegisterSearch {
        mailboxes: mailboxes.iter().map(|mailbox| mailbox.id).collect(),
        from: filter.from,
        until: filter.until,
        after: filter.after.clone(),
    }
}
