//! Organisations: the funds that run mailboxes and process the data.

use serde::{Deserialize, Serialize};

use crate::value::{MailAddress, OrganisationId, Slug};

/// A fund that runs mailboxes. It is the controller of the data that its deposit pages speak of (D1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// Its part of page addresses.
    pub slug: Slug,
    /// Its name as people know it.
    pub name: String,
    /// Its postal address, as the information notice shows it.
    pub postal_address: String,
    /// How to reach its data protection officer (D1, S6).
    pub data_protection_officer: MailAddress,
}
