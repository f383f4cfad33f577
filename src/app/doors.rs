//! Which doors an agreement opens to its partner (D11): asked only of who was admitted already, whose address or software was
//! proved; so that the answer may say what is closed, and tells an outsider nothing (invariant 8).

use super::ports::Key;
use super::{App, AppError};
use crate::audit::RefusalReason;
use crate::identity::{Agreement, AgreementTerms, Service};
use crate::mailbox::Mailbox;
use crate::transfer::DraftPurpose;
use crate::value::{MailAddress, PartnerId};

/// What an agreement does not open. Who deposits takes another door, or asks the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedDoor {
    /// The mailbox's name.
    pub mailbox: String,
    /// The address that takes deposits by mail, where that is open.
    pub mail: Option<MailAddress>,
    /// Whether the deposit page is open.
    pub page: bool,
}

impl ClosedDoor {
    /// None when the service is open.
    pub(super) fn of(terms: &AgreementTerms, mailbox: &Mailbox, service: Service) -> Option<Self> {
        let opens = |service| terms.services.contains(&service);
        let mail = || mailbox.deposit_address.clone();
        (!opens(service)).then(|| Self {
            mailbox: mailbox.name.clone(),
            mail: opens(Service::Mail).then(mail),
            page: opens(Service::Page),
        })
    }

    pub(super) const REASON: RefusalReason = RefusalReason::ServiceNotOpen;
}

impl App {
    /// What an agreement says of the cases of a partner in a mailbox; the usual where there is none.
    pub(super) async fn agreed_terms(
        &self,
        mailbox: &Mailbox,
        partner: PartnerId,
    ) -> Result<AgreementTerms, AppError> {
        let found: Option<(Agreement, u64)> = self.read(&Key::Agreement((mailbox.id, partner))).await?;
        Ok(found.map(|(agreement, _)| agreement.terms).unwrap_or_default())
    }

    /// What is closed to who deposits by this service; none when it is open.
    pub(super) async fn closed_door(
        &self,
        mailbox: &Mailbox,
        partner: PartnerId,
        service: Service,
    ) -> Result<Option<ClosedDoor>, AppError> {
        Ok(ClosedDoor::of(&self.agreed_terms(mailbox, partner).await?, mailbox, service))
    }
}

/// The service by which a draft is deposited; none of what needs no agreement: a member's transfer, and a reply to one.
pub(super) const fn service_of(purpose: DraftPurpose) -> Option<Service> {
    match purpose {
        DraftPurpose::Deposit => Some(Service::Page),
        DraftPurpose::Api { .. } => Some(Service::Api),
        DraftPurpose::Outgoing { .. } | DraftPurpose::Reply { .. } => None,
    }
}
