//! Structures and their people, for who looks after them: the fund, the security officer, a gestionnaire of the structure (P1,
//! P5). Who may look is asked at each look; nothing of what was deposited is among it.

use super::{ACCOUNTS_MAX, By, PeopleError};
use crate::app::kit_text::csv;
use crate::app::ports::{Key, List, PersonName};
use crate::app::{App, AppError, Signed, Visitor};
use crate::audit::{Action, Object};
use crate::identity::{Account, AccountState, Agreement, Partner, Place, Role, StructureReview};
use crate::policy::rights::Act;
use crate::value::{Language, PartnerId, Timestamp, calendar};

/// How many partners, mailboxes and agreements of one are looked through.
const LISTED_MAX: usize = 10_000;

/// Where a structure's confirmation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewStanding {
    /// The last confirmation, if there was one.
    pub confirmed_at: Option<Timestamp>,
    /// By when the next is due.
    pub due_at: Timestamp,
    /// It is due.
    pub is_due: bool,
    /// It has been due for so long that it stands out.
    pub is_late: bool,
}

/// A person of a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructurePerson {
    /// The account.
    pub account: Account,
    /// When the person was last met: signed in or deposited; none when never, or when the name is not kept any more.
    pub met_at: Option<Timestamp>,
}

/// An agreement of a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructureAgreement {
    /// The mailbox's name.
    pub mailbox: String,
    /// The agreement.
    pub agreement: Agreement,
    /// Whether it is in force today.
    pub in_force: bool,
}

/// A structure in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructureSummary {
    /// The structure.
    pub partner: Partner,
    /// Gestionnaires who may sign in or are about to.
    pub gestionnaires: usize,
    /// Techniciens who may deposit or are about to.
    pub techniciens: usize,
    /// Whether an agreement is in force today.
    pub in_force: bool,
    /// Where its confirmation stands; none when it has no people.
    pub review: Option<ReviewStanding>,
}

/// A structure with its people.
#[derive(Debug, Clone)]
pub struct StructureView {
    /// The structure.
    pub partner: Partner,
    /// Its agreements, by mailbox.
    pub agreements: Vec<StructureAgreement>,
    /// Its people, gestionnaires first, by name.
    pub people: Vec<StructurePerson>,
    /// Where its confirmation stands.
    pub review: Option<ReviewStanding>,
}

impl App {
    /// All structures, for the fund and the security officer.
    pub async fn structures(
        &self,
        signed: &Signed,
        visitor: Visitor,
    ) -> Result<Vec<StructureSummary>, PeopleError> {
        let by = By::person(signed, visitor);
        self.permit(by, Act::SeeStructure, Place::House, (Action::RightsReviewed, Object::None)).await?;
        let today = self.now().at.day();
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let agreements = self.all_agreements().await?;
        let mut found = Vec::new();
        for partner in self.partners().await? {
            let count = |role| {
                let of = |account: &&(Account, u64)| {
                    account.0.partner == Some(partner.id) && account.0.role == role
                };
                accounts.iter().filter(of).filter(|(account, _)| account.unused_since().is_none()).count()
            };
            let mut own = agreements.iter().filter(|(_, agreement)| agreement.partner == partner.id);
            found.push(StructureSummary {
                gestionnaires: count(Role::Gestionnaire),
                techniciens: count(Role::Technicien),
                in_force: own.any(|(_, agreement)| agreement.in_force(today)),
                review: self.review_of(partner.id).await?,
                partner,
            });
        }
        found.sort_by(|one, other| one.partner.name.cmp(&other.partner.name));
        Ok(found)
    }

    /// One structure, for those and for its gestionnaires.
    pub async fn structure(
        &self,
        signed: &Signed,
        partner: PartnerId,
        visitor: Visitor,
    ) -> Result<StructureView, PeopleError> {
        let (by, object) = (By::person(signed, visitor), Object::Partner(partner));
        self.permit(by, Act::SeeStructure, Place::Structure(partner), (Action::RightsReviewed, object))
            .await?;
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
        let (partner, _) = found.ok_or(PeopleError::NotFound)?;
        let today = self.now().at.day();
        let own = self.all_agreements().await?.into_iter();
        let own = own.filter(|(_, agreement)| agreement.partner == partner.id);
        let agreements = own.map(|(mailbox, agreement)| StructureAgreement {
            mailbox,
            in_force: agreement.in_force(today),
            agreement,
        });
        let agreements = agreements.collect();
        let mut people = Vec::new();
        for account in self.people_of(partner.id).await? {
            let met_at = self.met_at(&account).await?.filter(|at| was_used(&account, *at));
            people.push(StructurePerson { account, met_at });
        }
        let review = self.review_of(partner.id).await?;
        Ok(StructureView { partner, agreements, people, review })
    }

    /// The people of a structure, gestionnaires first, by name.
    pub(in crate::app) async fn people_of(&self, partner: PartnerId) -> Result<Vec<Account>, AppError> {
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let mut own: Vec<Account> = accounts.into_iter().map(|(account, _)| account).collect();
        own.retain(|account| account.partner == Some(partner) && account.role.is_of_structure());
        own.sort_by(|one, other| {
            let key = |account: &Account| (account.role != Role::Gestionnaire, account.name.clone());
            key(one).cmp(&key(other))
        });
        Ok(own)
    }

    /// When somebody was last met, by the account's own address or the one that deposits.
    pub(super) async fn met_at(&self, account: &Account) -> Result<Option<Timestamp>, AppError> {
        let mut last = None;
        for person in [account.person, self.person_of(&account.professional_address())?] {
            let met: Option<(PersonName, u64)> = self.read(&Key::Person(person)).await?;
            last = last.max(met.map(|(met, _)| met.met_at));
        }
        Ok(last)
    }

    /// Where the confirmation of a structure stands.
    pub(in crate::app) async fn review_of(
        &self,
        partner: PartnerId,
    ) -> Result<Option<ReviewStanding>, AppError> {
        let found: Option<(StructureReview, u64)> = self.read(&Key::Review(partner)).await?;
        let (now, policies) = (self.now().at, self.policies.load());
        Ok(found.map(|(review, _)| {
            let due_at = review.due_at(policies.people.review_every);
            ReviewStanding {
                confirmed_at: review.confirmed.map(|confirmed| confirmed.at),
                due_at,
                is_due: now >= due_at,
                is_late: now >= due_at + policies.people.review_late_after,
            }
        }))
    }

    /// All agreements, each with its mailbox's name.
    pub(in crate::app) async fn all_agreements(&self) -> Result<Vec<(String, Agreement)>, AppError> {
        let mut all = Vec::new();
        for mailbox in self.mailboxes().await? {
            let of: Vec<(Agreement, u64)> =
                self.read_list(&List::AgreementsOf(mailbox.id), LISTED_MAX).await?;
            all.extend(of.into_iter().map(|(agreement, _)| (mailbox.name.clone(), agreement)));
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(all)
    }
}

/// Whether a person who was met at an instant used the account then: that it was made, or its password chosen, is no use.
pub(super) fn was_used(account: &Account, met_at: Timestamp) -> bool {
    let is_invited = matches!(account.state, AccountState::Invited { .. });
    !is_invited && account.password_set_at.is_none_or(|set| met_at > set)
}

/// The people of a structure as a table for a spreadsheet (P5): who has what, and when it was last used.
pub fn people_table(view: &StructureView, language: Language) -> String {
    let header: &[&str] = match language {
        Language::Fr => &["structure", "rôle", "nom", "adresse", "état", "depuis", "dernier usage"],
        Language::En => &["structure", "role", "name", "address", "state", "since", "last used"],
    };
    let instant = |at: Option<Timestamp>| at.map(|at| calendar::precise(at, language)).unwrap_or_default();
    let rows = view.people.iter().map(|StructurePerson { account, met_at }| {
        let (state, since) = state_in_words(&account.state, language);
        vec![
            view.partner.name.clone(),
            crate::app::role_code(account.role).label(language).to_owned(),
            account.name.clone(),
            account.address.to_string(),
            state.to_owned(),
            instant(since),
            instant(*met_at),
        ]
    });
    csv(header, &rows.collect::<Vec<_>>())
}

/// The state of an account, and since when it is in it where that is known.
pub const fn state_in_words(state: &AccountState, language: Language) -> (&'static str, Option<Timestamp>) {
    let (fr, en, since) = match state {
        AccountState::Active => ("actif", "active", None),
        AccountState::Invited { since } => ("à activer", "to be activated", Some(*since)),
        AccountState::Deactivated { since, .. } => ("désactivé", "deactivated", Some(*since)),
        AccountState::CutOff { since } => ("coupé", "cut off", Some(*since)),
    };
    (if matches!(language, Language::Fr) { fr } else { en }, since)
}
