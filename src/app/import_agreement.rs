//! Imports an agreement from its file into what is known of the partner and its mailboxes. Importing the same file again
//! changes nothing; what changes is told, and each change is a commit with its event. An import blocks addresses, and never
//! unblocks one.

use thiserror::Error;

use super::ports::Key;
use super::{App, AppError};
use crate::audit::Origin;
use crate::identity::{Admission, Agreement, AgreementTerms, AnswerTo, Partner, RouteRow, Service};
use crate::mailbox::Mailbox;
use crate::policy::agreement::{AgreedMailbox, AgreementFile, AgreementFileError, ServiceWord};
use crate::value::{MailboxId, PartnerId, Slug};

/// Why an agreement is not imported. Nothing was changed.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file is refused.
    #[error("the agreement is refused: {0}")]
    File(#[from] AgreementFileError),
    /// It names a mailbox that does not exist.
    #[error("the agreement names the mailbox {slug}, and there is none (pli mailbox add)")]
    NoSuchMailbox {
        /// Its slug.
        slug: Slug,
    },
    /// It opens a form that does not exist.
    #[error("the agreement opens the form {name}, and there is none (policies/forms, pli form check)")]
    NoSuchForm {
        /// Its name.
        name: Slug,
    },
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// A part of an agreement that an import can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum AgreementPart {
    Period,
    Admission,
    Deadlines,
    Answer,
    Mediator,
    Services,
    Forms,
    Routes,
    BreachHours,
}

/// What an import changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportChange {
    /// The partner is new.
    PartnerAdded,
    /// The domains of the partner are others.
    DomainsChanged,
    /// So many addresses are blocked that were not.
    AddressesBlocked(usize),
    /// The partner has an agreement with this mailbox that it had not.
    AgreementAdded(Slug),
    /// The agreement with this mailbox says something else.
    AgreementChanged(Slug, Vec<AgreementPart>),
    /// It says what it said.
    Unchanged(Slug),
}

impl App {
    /// Imports an agreement. All that it names is looked up before anything is changed.
    pub async fn import_agreement(
        &self,
        text: &str,
        origin: Origin,
    ) -> Result<(AgreementFile, Vec<ImportChange>), ImportError> {
        let file = AgreementFile::parse(text)?;
        let mailboxes = self.mailboxes().await?;
        let find = |slug: &Slug| {
            let found = mailboxes.iter().find(|mailbox| &mailbox.slug == slug);
            found.ok_or_else(|| ImportError::NoSuchMailbox { slug: slug.clone() })
        };
        let mut agreed = Vec::with_capacity(file.mailboxes.len());
        for table in &file.mailboxes {
            let mediator = table.mediator.as_ref().map(find).transpose()?.map(|mailbox| mailbox.id);
            let routes =
                table.routes.iter().map(|row| Ok(find(&row.to)?.id)).collect::<Result<_, ImportError>>()?;
            let named = table.forms.iter().chain(table.routes.iter().flat_map(|row| &row.forms));
            let policies = self.policies.load();
            if let Some(name) = named.into_iter().find(|name| policies.forms.get(name.as_str()).is_none()) {
                return Err(ImportError::NoSuchForm { name: name.clone() });
            }
            agreed.push((table, find(&table.slug)?, Leads { mediator, routes }));
        }
        let mut changes = Vec::new();
        let partner = self.import_partner(&file, &mut changes, origin).await?;
        for (table, mailbox, leads) in agreed {
            let new = agreement_of(&file.name, table, partner, mailbox, leads);
            changes.push(self.import_one(new, table, origin).await?);
        }
        Ok((file, changes))
    }

    async fn import_partner(
        &self,
        file: &AgreementFile,
        changes: &mut Vec<ImportChange>,
        origin: Origin,
    ) -> Result<PartnerId, AppError> {
        let known = self.partners().await?.into_iter().find(|partner| partner.name == file.partner);
        let is_new = known.is_none();
        let mut partner = known.unwrap_or_else(|| Partner {
            id: PartnerId::new(self.random.bytes()),
            name: file.partner.clone(),
            domains: [].into(),
            sites: Vec::new(),
            relays: Vec::new(),
            relay_certificates: [].into(),
            accepts_dmarc: false,
            blocked: [].into(),
            suspended: false,
        });
        let blocked = file.blocked.difference(&partner.blocked).count();
        let domains_differ = partner.domains != file.domains;
        if is_new {
            changes.push(ImportChange::PartnerAdded);
        } else if domains_differ {
            changes.push(ImportChange::DomainsChanged);
        }
        if blocked > 0 {
            changes.push(ImportChange::AddressesBlocked(blocked));
        }
        partner.domains.clone_from(&file.domains);
        partner.blocked.extend(file.blocked.iter().cloned());
        let id = partner.id;
        if is_new || domains_differ || blocked > 0 {
            self.put_partner(partner, origin).await?;
        }
        Ok(id)
    }

    async fn import_one(
        &self,
        new: Agreement,
        table: &AgreedMailbox,
        origin: Origin,
    ) -> Result<ImportChange, AppError> {
        let slug = table.slug.clone();
        let known: Option<(Agreement, u64)> = self.read(&Key::Agreement((new.mailbox, new.partner))).await?;
        let change = match known {
            None => ImportChange::AgreementAdded(slug),
            Some((known, _)) if known == new => return Ok(ImportChange::Unchanged(slug)),
            Some((known, _)) => ImportChange::AgreementChanged(slug, parts_that_differ(&known, &new)),
        };
        self.put_agreement(new, origin).await?;
        Ok(change)
    }
}

/// The mailboxes that a table leads to.
struct Leads {
    mediator: Option<MailboxId>,
    /// Of its routes, in order.
    routes: Vec<MailboxId>,
}

fn agreement_of(
    file: &str,
    table: &AgreedMailbox,
    partner: PartnerId,
    mailbox: &Mailbox,
    leads: Leads,
) -> Agreement {
    let services = table.services.iter().map(|word| match word {
        ServiceWord::Page => Service::Page,
        ServiceWord::Mail => Service::Mail,
        ServiceWord::Tracking => Service::Tracking,
        ServiceWord::Api => Service::Api,
    });
    Agreement {
        partner,
        mailbox: mailbox.id,
        from: table.from,
        until: table.until,
        admission: table.listed.clone().map_or(Admission::Domain, Admission::Listed),
        terms: AgreementTerms {
            taken_within: table.taken,
            answered_within: table.answered,
            answer_to: if table.answers_person { AnswerTo::Person } else { AnswerTo::Partner },
            answer_title: table.answer_title.clone(),
            mediator: leads.mediator,
            services: services.collect(),
            forms: table.forms.clone(),
            form_required: table.form_required,
            routes: table
                .routes
                .iter()
                .zip(leads.routes)
                .map(|(row, to)| RouteRow {
                    forms: row.forms.clone(),
                    kinds: row.kinds.clone(),
                    reasons: row.reasons.clone(),
                    to,
                })
                .collect(),
            file: Some(file.to_owned()),
        },
        breach_hours: table.breach_hours,
    }
}

fn parts_that_differ(old: &Agreement, new: &Agreement) -> Vec<AgreementPart> {
    let (before, after) = (&old.terms, &new.terms);
    let deadlines = |terms: &AgreementTerms| (terms.taken_within, terms.answered_within);
    let answer = |terms: &AgreementTerms| (terms.answer_to, terms.answer_title.clone());
    let forms = |terms: &AgreementTerms| (terms.forms.clone(), terms.form_required);
    [
        (AgreementPart::Period, (old.from, old.until) != (new.from, new.until)),
        (AgreementPart::Admission, old.admission != new.admission),
        (AgreementPart::Deadlines, deadlines(before) != deadlines(after)),
        (AgreementPart::Answer, answer(before) != answer(after)),
        (AgreementPart::Mediator, before.mediator != after.mediator),
        (AgreementPart::Services, before.services != after.services),
        (AgreementPart::Forms, forms(before) != forms(after)),
        (AgreementPart::Routes, before.routes != after.routes),
        (AgreementPart::BreachHours, old.breach_hours != new.breach_hours),
    ]
    .into_iter()
    .filter_map(|(part, differs)| differs.then_some(part))
    .collect()
}
