//! The desk of a mailbox: its cases by where they stand, what is late, who has what in charge; filtered and searched by what
//! is not sealed. A page is bounded work, however many cases there are: the store leaps between its indexes.

use super::ports::{CasePlace, CaseSearch, CaseStanding, CaseTerm, Key, List};
use super::{App, AppError, OpenError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{Account, Agreement, Partner};
use crate::mailbox::{Custody, Mailbox};
use crate::transfer::{CaseKind, Transfer};
use crate::value::{AccountId, MailboxId, Millis, PartnerId, Slug, Timestamp, words};

/// Cases on one page.
const PAGE_CASES: usize = 50;
/// Looks into the store for one page.
const PAGE_STEPS: usize = 4000;
/// Cases are counted up to this.
pub const CASE_COUNT_MAX: usize = 500;
/// Words of a search that count.
const SEARCH_WORDS_MAX: usize = 6;
/// What is due within this is about to be late.
pub const DUE_SOON: Millis = Millis::hours(12);
/// How many agreements, and accounts, the lists of a filter are made of.
const CHOICES_MAX: usize = 10_000;

/// A part of the desk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CaseTab {
    /// Nobody has it in charge.
    #[default]
    New,
    /// A named person has.
    InCharge,
    /// Something should have been done by now; the longest due first.
    Late,
    /// Something is due within hours; the soonest first.
    DueSoon,
    /// Answered.
    Answered,
    /// Nothing is left to do.
    Treated,
    /// Dispatched on from here.
    Elsewhere,
    /// All of it.
    All,
}

impl CaseTab {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::InCharge,
        Self::Late,
        Self::DueSoon,
        Self::Answered,
        Self::Treated,
        Self::Elsewhere,
        Self::All,
    ];

    const fn standing(self) -> Option<CaseStanding> {
        match self {
            Self::New => Some(CaseStanding::Here(CaseKind::New)),
            Self::InCharge => Some(CaseStanding::Here(CaseKind::InCharge)),
            Self::Answered => Some(CaseStanding::Here(CaseKind::Answered)),
            Self::Treated => Some(CaseStanding::Here(CaseKind::Treated)),
            Self::Elsewhere => Some(CaseStanding::Elsewhere),
            Self::Late | Self::DueSoon | Self::All => None,
        }
    }

    /// Due after the first, and by the second.
    fn due(self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Late => Some((Timestamp(i64::MIN), now)),
            Self::DueSoon => Some((now, now + DUE_SOON)),
            _ => None,
        }
    }
}

/// What of a desk is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// Which part.
    pub tab: CaseTab,
    /// Only this partner's.
    pub partner: Option<PartnerId>,
    /// Only this site's, by name.
    pub site: Option<String>,
    /// Only of this kind, by its code.
    pub kind: Option<String>,
    /// Only with this reason, by its code.
    pub reason: Option<String>,
    /// Only those whose last step this person took.
    pub person: Option<AccountId>,
    /// Only those with all of these words in title, reference, sender, partner or site.
    pub words: String,
    /// Where the page begins.
    pub after: Option<CasePlace>,
}

/// A line of the desk.
#[derive(Debug)]
pub struct CaseloadRow {
    /// The transfer.
    pub transfer: Transfer,
    /// Who did the last step, by name.
    pub person: Option<String>,
    /// The mailbox whose it is to treat, when it is another.
    pub elsewhere: Option<String>,
}

/// A page of a desk.
#[derive(Debug)]
pub struct Caseload {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its cases.
    pub rows: Vec<CaseloadRow>,
    /// Where the next page begins, if there is one.
    pub next: Option<CasePlace>,
    /// How many cases each part has, up to [`CASE_COUNT_MAX`].
    pub counts: Vec<(CaseTab, usize)>,
    /// Partners that can be chosen, with their sites.
    pub partners: Vec<Partner>,
    /// Members that can be chosen: account and name.
    pub members: Vec<(AccountId, String)>,
    /// The person is entitled, and no member has opened the mailbox to the person yet.
    pub waits: bool,
}

impl App {
    /// A page of the desk of a mailbox that the person reads. Logged, as every reading is (S2).
    pub async fn caseload(
        &self,
        signed: &Signed,
        slug: &Slug,
        filter: &CaseFilter,
        visitor: Visitor,
    ) -> Result<Caseload, OpenError> {
        let now = self.believed_now()?;
        let mailbox = self.mailbox_to_read(signed, slug, visitor).await?;
        let search = search_for(filter, mailbox.id, now);
        let found = self.store.cases(&search, PAGE_CASES, PAGE_STEPS).await.map_err(AppError::from)?;
        let live = found.transfers.into_iter().filter(|transfer| transfer.is_live(now));
        let mut rows = Vec::with_capacity(PAGE_CASES);
        for transfer in live {
            rows.push(self.caseload_row(transfer, mailbox.id).await?);
        }
        let mut counts = Vec::with_capacity(CaseTab::ALL.len());
        for tab in CaseTab::ALL {
            let all = search_for(&CaseFilter { tab, ..CaseFilter::default() }, mailbox.id, now);
            let count = self.store.count_cases(&all, CASE_COUNT_MAX).await.map_err(AppError::from)?;
            counts.push((tab, count));
        }
        let waits = mailbox.key.custody == Custody::Members
            && self.member_wrap(&mailbox, &signed.account).await?.is_none();
        let (actor, object) = (Actor::Person(signed.account.person), Object::Mailbox(mailbox.id));
        self.log_alone(event(now, actor, Action::TransferListed, object, Outcome::Done, visitor.web()))
            .await?;
        Ok(Caseload {
            rows,
            next: found.resume,
            counts,
            partners: self.partners_of(mailbox.id).await?,
            members: self.readers_of(mailbox.id).await?,
            waits,
            mailbox,
        })
    }

    /// The mailbox with this slug that the person reads. A refusal is logged; that it does not exist is not told apart.
    pub(super) async fn mailbox_to_read(
        &self,
        signed: &Signed,
        slug: &Slug,
        visitor: Visitor,
    ) -> Result<Mailbox, OpenError> {
        for id in signed.account.mailboxes.iter().filter(|id| signed.account.reads(**id)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            if let Some((mailbox, _)) = found.filter(|(mailbox, _)| &mailbox.slug == slug) {
                return Ok(mailbox);
            }
        }
        let known = self.mailboxes().await?.into_iter().find(|mailbox| &mailbox.slug == slug);
        let object = known.map_or(Object::None, |mailbox| Object::Mailbox(mailbox.id));
        let actor = Actor::Person(signed.account.person);
        let outcome = Outcome::Refused(RefusalReason::NotEntitled);
        let refused = event(self.now().at, actor, Action::AccessRefused, object, outcome, visitor.web());
        self.log_alone(refused).await?;
        Err(OpenError::NotEntitled)
    }

    async fn caseload_row(&self, transfer: Transfer, mailbox: MailboxId) -> Result<CaseloadRow, AppError> {
        let person = match transfer.case.state.by() {
            Some(by) => Some(self.name_of_account(by).await?),
            None => None,
        };
        let elsewhere = match transfer.current_holder() {
            holder if holder == mailbox => None,
            holder => Some(self.name_of_mailbox(holder).await?),
        };
        Ok(CaseloadRow { transfer, person, elsewhere })
    }

    /// The partners that have or had an agreement with a mailbox, by name.
    pub(super) async fn partners_of(&self, mailbox: MailboxId) -> Result<Vec<Partner>, AppError> {
        let agreements: Vec<(Agreement, u64)> =
            self.read_list(&List::AgreementsOf(mailbox), CHOICES_MAX).await?;
        let mut partners = Vec::with_capacity(agreements.len());
        for (agreement, _) in agreements {
            let found: Option<(Partner, u64)> = self.read(&Key::Partner(agreement.partner)).await?;
            partners.extend(found.map(|(partner, _)| partner));
        }
        partners.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(partners)
    }

    /// Who reads a mailbox, by name.
    pub(super) async fn readers_of(&self, mailbox: MailboxId) -> Result<Vec<(AccountId, String)>, AppError> {
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, CHOICES_MAX).await?;
        let readers = accounts.into_iter().map(|(account, _)| account).filter(|a| a.reads(mailbox));
        let mut readers: Vec<_> = readers.map(|account| (account.id, account.name)).collect();
        readers.sort_by(|one, other| one.1.cmp(&other.1));
        Ok(readers)
    }
}

/// A code that is asked for; codes hold no NUL.
fn coded(asked: Option<&String>) -> Option<String> {
    asked.map(|code| code.replace('\0', ""))
}

fn search_for(filter: &CaseFilter, mailbox: MailboxId, now: Timestamp) -> CaseSearch {
    let site = filter.site.as_deref().map(|site| CaseTerm::Site(words::folded(site)));
    let typed = words::words(&filter.words).into_iter().take(SEARCH_WORDS_MAX).map(CaseTerm::Word);
    let terms = typed
        .chain(filter.person.map(CaseTerm::Person))
        .chain(coded(filter.kind.as_ref()).map(CaseTerm::Kind))
        .chain(coded(filter.reason.as_ref()).map(CaseTerm::Reason))
        .chain(site)
        .chain(filter.partner.map(CaseTerm::Partner))
        .chain(filter.tab.standing().map(CaseTerm::Standing));
    CaseSearch { mailbox, terms: terms.collect(), due: filter.tab.due(now), after: filter.after.clone() }
}
