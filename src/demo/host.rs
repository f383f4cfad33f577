//! What the demonstration's pages ask for: who is who, the mails, and the clock.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::Parts;
use super::described::Described;
use super::world::DEPOSITORS;
use crate::app::{App, AppError};
use crate::audit::Origin;
use crate::identity::Role;
use crate::jobs::Work;
use crate::value::{MailId, Millis, Timestamp};
use crate::web::{DemoHost, DemoMailboxInfo, DemoPersonInfo, DemoRole, OutboxMail};

/// The demonstration behind its pages.
pub struct Host {
    app: Arc<App>,
    work: Arc<Work>,
    parts: Parts,
    described: Described,
    /// One move at a time.
    moving: Mutex<()>,
}

impl Host {
    /// The host of a gateway.
    pub fn new(app: &Arc<App>, work: &Arc<Work>, parts: Parts, described: Described) -> Self {
        Self { app: Arc::clone(app), work: Arc::clone(work), parts, described, moving: Mutex::new(()) }
    }

    fn mailbox_name(&self, deposit_address: &str) -> String {
        let found =
            self.described.mailboxes.iter().find(|mailbox| mailbox.deposit_address == deposit_address);
        found.map_or_else(|| deposit_address.to_owned(), |mailbox| mailbox.name.clone())
    }
}

#[async_trait]
impl DemoHost for Host {
    fn people(&self) -> Vec<DemoPersonInfo> {
        let told = |person: &super::described::DescribedPerson| DemoPersonInfo {
            role: match person.role {
                Role::Agent => DemoRole::Agent,
                Role::Gestionnaire => DemoRole::Manager,
                Role::Technicien => DemoRole::Technicien,
                Role::Administrator => DemoRole::Administrator,
                Role::SecurityOfficer => DemoRole::Officer,
            },
            address: person.address.clone(),
            password: person.password.clone(),
            mailboxes: person.mailboxes.iter().map(|address| self.mailbox_name(address)).collect(),
        };
        self.described.people.iter().map(told).collect()
    }

    fn mailboxes(&self) -> Vec<DemoMailboxInfo> {
        let path = |page: &str| page.strip_prefix(&self.described.http).unwrap_or(page).to_owned();
        let told = |mailbox: &super::described::DescribedMailbox| DemoMailboxInfo {
            name: mailbox.name.clone(),
            page: mailbox.page.as_deref().map(path),
            deposit_address: mailbox.deposit_address.clone(),
        };
        self.described.mailboxes.iter().map(told).collect()
    }

    fn depositors(&self) -> Vec<String> {
        DEPOSITORS.map(str::to_owned).to_vec()
    }

    fn mails(&self) -> io::Result<Vec<OutboxMail>> {
        let mails = self.parts.outbox.mails()?;
        Ok(mails.into_iter().map(|(id, bytes)| OutboxMail { id: id.to_string(), bytes }).collect())
    }

    fn mail(&self, id: &str) -> io::Result<Option<Vec<u8>>> {
        id.parse::<MailId>().map_or(Ok(None), |id| self.parts.outbox.mail(id))
    }

    /// Moving the clock counts as confirming it (invariant 5).
    async fn advance(&self, seconds: i64) -> Result<Timestamp, AppError> {
        let _alone = self.moving.lock().await;
        let moved = Millis::seconds(seconds);
        // What waits leaves before the time of its key is over; a mail that fails now is the queue's to show.
        if let Err(error) = self.work.deliver().await {
            tracing::warn!(%error, "demo.mails_not_delivered_before_the_move");
        }
        self.parts.clock.advance(moved).map_err(not_kept)?;
        let at = self.app.confirm_clock(Origin::Job, Some(moved)).await?;
        self.parts.clock.confirmed().map_err(not_kept)?;
        self.work.upkeep().await?;
        self.work.deliver().await?;
        Ok(at)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn not_kept(error: io::Error) -> AppError {
    tracing::error!(%error, "demo.clock_not_kept");
    AppError::Broken("the demonstration's clock could not be kept")
}
