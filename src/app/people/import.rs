//! Imports people from a table (CSV, RFC 4180): techniciens, gestionnaires, agents. What would change is told line by line before
//! anything does; then all of it is one commit, or nothing is. People that the table does not name stay as they are, and
//! importing the same table again changes nothing.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{ACCOUNTS_MAX, By, Invitation, PeopleError};
use crate::app::administer::right_of;
use crate::app::ports::{Key, List, UnitOfWork};
use crate::app::{App, AppError, event, parse_name};
use crate::audit::{Action, Object, Outcome};
use crate::identity::{Account, Partner, Place, Role, second_account_address};
use crate::mailbox::Mailbox;
use crate::policy::rights::Act;
use crate::value::csv_fields as fields;
use crate::value::{Language, MailAddress, MailboxId, OrganisationId, PartnerId, Slug};

/// Rows of a table.
const ROWS_MAX: usize = 500;

/// What is wrong with a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum Cell {
    Role,
    Name,
    Address,
    Structure,
    Mailbox,
    Language,
}

impl Cell {
    /// The column's name.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Name => "name",
            Self::Address => "address",
            Self::Structure => "structure",
            Self::Mailbox => "mailboxes",
            Self::Language => "language",
        }
    }
}

/// Why a table is not imported. Nothing was changed.
#[derive(Debug, Error)]
pub enum PeopleImportError {
    /// The first line does not name these columns.
    #[error("the table's first line must name the columns `name` and `address`")]
    Columns,
    /// Too many rows.
    #[error("a table of people has {limit} rows at most, not {actual}")]
    TooMany {
        /// Rows allowed.
        limit: usize,
        /// Rows given.
        actual: usize,
    },
    /// A cell that cannot be read, or names nothing that there is.
    #[error("line {line}: the column `{}` cannot be taken", cell.column())]
    Cell {
        /// Counted from 1, the first line included.
        line: usize,
        /// Which.
        cell: Cell,
    },
    /// A rule about people says no.
    #[error("line {line}: {error}")]
    Refused {
        /// Counted from 1, the first line included.
        line: usize,
        /// Which rule.
        error: PeopleError,
    },
    /// The person may import nothing here.
    #[error("the person is not entitled")]
    NotEntitled,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// What a line of the table changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonChange {
    /// Somebody is invited.
    Invited,
    /// The name is another one.
    Renamed,
    /// The person is entitled to more mailboxes.
    Entitled,
    /// It is as it was.
    Unchanged,
    /// The account is closed and stays so: a table reactivates nobody.
    Closed,
}

/// A line of the table, and what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPerson {
    /// Counted from 1, the first line included.
    pub line: usize,
    /// The address that signs in.
    pub address: MailAddress,
    /// What the person does.
    pub role: Role,
    /// What changes.
    pub change: PersonChange,
}

/// Where the people of a table may belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportScope {
    /// Anywhere: the table says so.
    House,
    /// Techniciens of this structure alone.
    Structure(PartnerId),
}

/// A row as it was read.
struct Row {
    line: usize,
    invitation: Invitation,
}

/// What names in the table stand for.
struct Known {
    accounts: Vec<(Account, u64)>,
    partners: Vec<Partner>,
    mailboxes: Vec<Mailbox>,
    organisation: Option<OrganisationId>,
}

impl App {
    /// Imports people, or says only what would change.
    pub async fn import_people(
        &self,
        by: By<'_>,
        scope: ImportScope,
        table: &str,
        dry_run: bool,
    ) -> Result<Vec<ImportedPerson>, PeopleImportError> {
        let about = match scope {
            ImportScope::House => (Action::AccountCreated, Object::None),
            ImportScope::Structure(partner) => (Action::AccountCreated, Object::Partner(partner)),
        };
        if let ImportScope::Structure(partner) = scope {
            match self.permit(by, Act::ManageTechniciens, Place::Structure(partner), about).await {
                Err(PeopleError::Fault(error)) => return Err(error.into()),
                Err(_) => return Err(PeopleImportError::NotEntitled),
                Ok(()) => {}
            }
        } else if by.account().is_some() {
            return Err(match self.refuse_people(by, about, PeopleError::NotEntitled).await {
                PeopleError::Fault(error) => error.into(),
                _ => PeopleImportError::NotEntitled,
            });
        }
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let organisations = self.organisations().await?;
        let known = Known {
            accounts,
            partners: self.partners().await?,
            mailboxes: self.mailboxes().await?,
            organisation: organisations.first().filter(|_| organisations.len() == 1).map(|one| one.id),
        };
        let rows = rows_of(table, scope, &known)?;
        let mut unit = UnitOfWork::default();
        let told = match self.plan(&mut unit, by, &known, rows) {
            // What a preview says no to was not tried yet.
            Err(PeopleImportError::Refused { line, error }) if !dry_run => {
                let error = self.refuse_people(by, about, error).await;
                return Err(PeopleImportError::Refused { line, error });
            }
            planned => planned?,
        };
        if !dry_run && !unit.changes.is_empty() {
            let mut structures = BTreeSet::new();
            for change in &unit.changes {
                if let crate::app::ports::Change::Put(crate::app::ports::Record::Account(account)) = change {
                    structures.extend(account.partner);
                }
            }
            // Two that import at once must not make six gestionnaires: whoever comes second is refused.
            for partner in structures {
                let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
                if let Some((partner, version)) = found {
                    unit.expect_unchanged(Key::Partner(partner.id), version);
                    unit.put(partner);
                }
            }
            self.store.commit(unit).await.map_err(AppError::from)?;
            self.wake_delivery();
        }
        Ok(told)
    }

    /// What each row changes, put into one unit.
    fn plan(
        &self,
        unit: &mut UnitOfWork,
        by: By<'_>,
        known: &Known,
        rows: Vec<Row>,
    ) -> Result<Vec<ImportedPerson>, PeopleImportError> {
        let now = self.now().at;
        let mut accounts: Vec<(Account, Option<u64>)> =
            known.accounts.iter().map(|(account, version)| (account.clone(), Some(*version))).collect();
        let mut told = Vec::new();
        for Row { line, invitation } in rows {
            let refused = |error| PeopleImportError::Refused { line, error };
            let partner = known.partners.iter().find(|partner| Some(partner.id) == invitation.partner);
            if let Some(place) = same_person(&accounts, &invitation) {
                let change = self.change_known(unit, by, &mut accounts[place], &invitation)?;
                let account = &accounts[place].0;
                told.push(ImportedPerson {
                    line,
                    address: account.address.clone(),
                    role: account.role,
                    change,
                });
                continue;
            }
            let all: Vec<&Account> = accounts.iter().map(|(account, _)| account).collect();
            let account = self.invited(invitation, partner, &all, now).map_err(refused)?;
            self.put_invited(unit, &account, by.actor(), now, by.origin)?;
            let (address, role) = (account.address.clone(), account.role);
            told.push(ImportedPerson { line, address, role, change: PersonChange::Invited });
            accounts.push((account, None));
        }
        Ok(told)
    }

    /// What a row changes of an account that is there.
    fn change_known(
        &self,
        unit: &mut UnitOfWork,
        by: By<'_>,
        (account, version): &mut (Account, Option<u64>),
        invitation: &Invitation,
    ) -> Result<PersonChange, AppError> {
        if account.unused_since().is_some() {
            return Ok(PersonChange::Closed);
        }
        let more: Vec<MailboxId> = invitation
            .mailboxes
            .iter()
            .copied()
            .filter(|mailbox| !account.mailboxes.contains(mailbox))
            .collect();
        let change = match (account.name == invitation.name, more.is_empty()) {
            (true, true) => return Ok(PersonChange::Unchanged),
            (_, false) => PersonChange::Entitled,
            (false, true) => PersonChange::Renamed,
        };
        let now = self.now().at;
        let told = |action, object| {
            event(now, by.actor(), action, object, Outcome::Done, by.origin).concerning(account.partner)
        };
        if account.name != invitation.name {
            self.log(unit, told(Action::AccountChanged, Object::Account(account.id)))?;
        }
        for mailbox in &more {
            let membership = Object::Membership { account: account.id, mailbox: *mailbox };
            self.log(unit, told(Action::MemberAdded, membership).with(right_of(account)))?;
        }
        if let Some(version) = version.take() {
            unit.expect_unchanged(Key::Account(account.id), version);
        }
        account.name.clone_from(&invitation.name);
        account.mailboxes.extend(more);
        unit.put(account.clone());
        Ok(change)
    }
}

/// The account that a row is about, where there is one: by address, role and structure.
fn same_person(accounts: &[(Account, Option<u64>)], invitation: &Invitation) -> Option<usize> {
    let second = second_account_address(&invitation.address);
    accounts.iter().position(|(account, _)| {
        account.role == invitation.role
            && account.partner == invitation.partner
            && (account.address == invitation.address || Some(&account.address) == second.as_ref())
    })
}

fn rows_of(table: &str, scope: ImportScope, known: &Known) -> Result<Vec<Row>, PeopleImportError> {
    let mut lines = table.trim_start_matches('\u{feff}').lines().enumerate();
    let header = lines.next().map(|(_, line)| fields(line)).unwrap_or_default();
    let column = |cell: Cell| header.iter().position(|title| title.trim() == cell.column());
    if column(Cell::Name).is_none() || column(Cell::Address).is_none() {
        return Err(PeopleImportError::Columns);
    }
    let rows: Vec<_> = lines.filter(|(_, line)| !line.trim().is_empty()).collect();
    if rows.len() > ROWS_MAX {
        return Err(PeopleImportError::TooMany { limit: ROWS_MAX, actual: rows.len() });
    }
    rows.into_iter()
        .map(|(at, text)| {
            let line = at + 1;
            let cells = fields(text);
            let cell =
                |cell| column(cell).and_then(|at| cells.get(at)).map(|text| text.trim()).unwrap_or_default();
            let invitation =
                row(cell, scope, known).map_err(|cell| PeopleImportError::Cell { line, cell })?;
            Ok(Row { line, invitation })
        })
        .collect()
}

/// A row in what it stands for; the cell that stands for nothing otherwise.
fn row<'t>(cell: impl Fn(Cell) -> &'t str, scope: ImportScope, known: &Known) -> Result<Invitation, Cell> {
    let role = match (cell(Cell::Role), scope) {
        ("technicien", _) | ("", ImportScope::Structure(_)) => Role::Technicien,
        ("gestionnaire", ImportScope::House) => Role::Gestionnaire,
        ("agent", ImportScope::House) => Role::Agent,
        _ => return Err(Cell::Role),
    };
    let partner = match (scope, role.is_of_structure()) {
        (ImportScope::Structure(partner), _) => Some(partner),
        (ImportScope::House, true) => {
            let named = known.partners.iter().find(|partner| partner.name == cell(Cell::Structure));
            Some(named.ok_or(Cell::Structure)?.id)
        }
        (ImportScope::House, false) => None,
    };
    let mut mailboxes = Vec::new();
    let mut organisation = known.organisation.filter(|_| partner.is_none());
    for slug in cell(Cell::Mailbox).split_whitespace() {
        let slug = Slug::parse(slug).map_err(|_| Cell::Mailbox)?;
        let found = known.mailboxes.iter().find(|mailbox| mailbox.slug == slug && role == Role::Agent);
        let mailbox = found.ok_or(Cell::Mailbox)?;
        mailboxes.push(mailbox.id);
        organisation = Some(mailbox.organisation);
    }
    Ok(Invitation {
        address: MailAddress::parse(cell(Cell::Address)).map_err(|_| Cell::Address)?,
        name: parse_name(cell(Cell::Name)).ok_or(Cell::Name)?,
        role,
        organisation,
        partner,
        mailboxes,
        language: match cell(Cell::Language) {
            "" => Language::Fr,
            tag => Language::from_tag(tag).ok_or(Cell::Language)?,
        },
    })
}
