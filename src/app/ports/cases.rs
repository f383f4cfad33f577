//! What the store is asked for by the desk of a mailbox: the cases under several terms at once, without reading those that
//! do not meet them.

use crate::transfer::{CaseKind, Transfer};
use crate::value::{AccountId, MailboxId, PartnerId, Timestamp, words};

/// Where a case stands for one of the mailboxes that hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaseStanding {
    /// It is this mailbox's to treat.
    Here(CaseKind),
    /// It was dispatched on from here.
    Elsewhere,
}

impl CaseStanding {
    /// The word by which page addresses know it, and the store's index.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Here(kind) => kind.code(),
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// A term that a case is found under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseTerm {
    /// Where it stands.
    Standing(CaseStanding),
    /// The depositor's partner.
    Partner(PartnerId),
    /// The depositor's site, by its folded name.
    Site(String),
    /// What it is about, by its code.
    Kind(String),
    /// Why it is asked, by its code.
    Reason(String),
    /// Who did the last step.
    Person(AccountId),
    /// A word of what is not sealed: title, reference, sender, partner, site.
    Word(String),
}

/// The terms of a transfer as one of its holders finds it.
pub fn terms_of(transfer: &Transfer, holder: MailboxId) -> Vec<CaseTerm> {
    let standing = if transfer.current_holder() == holder {
        CaseStanding::Here(transfer.case.state.kind())
    } else {
        CaseStanding::Elsewhere
    };
    let depositor = &transfer.depositor;
    let site = depositor.site.as_deref();
    let searched = [
        transfer.title.as_str(),
        transfer.reference.as_str(),
        &depositor.address.to_string(),
        &depositor.partner_name,
        site.unwrap_or_default(),
    ]
    .join(" ");
    let mut terms = vec![CaseTerm::Standing(standing)];
    terms.extend(depositor.partner.map(CaseTerm::Partner));
    terms.extend(site.map(|site| CaseTerm::Site(words::folded(site))));
    if let Some(form) = &transfer.form {
        // Where the form and the address name two sites, each of them finds it.
        terms.extend(form.site.iter().map(|site| CaseTerm::Site(words::folded(site))));
        terms.extend(form.kinds.iter().cloned().map(CaseTerm::Kind));
        terms.extend(form.reason.iter().cloned().map(CaseTerm::Reason));
    }
    terms.extend(transfer.case.state.by().map(CaseTerm::Person));
    terms.extend(words::words(&searched).into_iter().map(CaseTerm::Word));
    terms
}

/// Which cases of a mailbox are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSearch {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// All of these must be met.
    pub terms: Vec<CaseTerm>,
    /// Only those with something due between these two, the longest due first; else all, the newest first.
    pub due: Option<(Timestamp, Timestamp)>,
    /// Where the page begins.
    pub after: Option<CasePlace>,
}

impl CaseSearch {
    /// All of a mailbox under these terms, newest first.
    pub const fn of(mailbox: MailboxId, terms: Vec<CaseTerm>) -> Self {
        Self { mailbox, terms, due: None, after: None }
    }
}

/// Where the next page of cases begins: given by the store, opaque to everybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CasePlace(pub Vec<u8>);

/// What a search found.
#[derive(Debug, Default)]
pub struct CasesFound {
    /// The transfers, in their order.
    pub transfers: Vec<Transfer>,
    /// Where to go on; none when there is nothing more.
    pub resume: Option<CasePlace>,
}
