//! What a mailbox sent to people outside, and what became of it: who opened it, when, what came back (T9). Nothing of the
//! sealed part; logged like any listing.

use super::ports::{Key, List};
use super::{App, AppError, OpenError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome};
use crate::mailbox::Mailbox;
use crate::transfer::{SentLine, Transfer};
use crate::value::{MailAddress, Reference, Slug, Timestamp, TransferId};

/// How many transfers one page shows, live and ended ones each.
const SHOWN_MAX: usize = 200;
/// How many answers to one transfer its page shows.
const ANSWERS_MAX: usize = 50;

/// What became of one recipient's link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientState {
    /// Whom it is for.
    pub address: MailAddress,
    /// When the person first opened it.
    pub opened_at: Option<Timestamp>,
    /// When the person first downloaded something.
    pub downloaded_at: Option<Timestamp>,
}

/// A transfer that answers another one, from the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadLine {
    /// Its reference.
    pub reference: Reference,
    /// When it was sent.
    pub at: Timestamp,
    /// Who sent it: the member's name, or the address outside.
    pub from: String,
    /// Whether the mailbox sent it.
    pub is_ours: bool,
}

/// What a live transfer has that was sent to people outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingView {
    /// The member who sent it, by name.
    pub by: String,
    /// What became of each link.
    pub recipients: Vec<RecipientState>,
    /// Whether the sender told a password.
    pub by_password: bool,
    /// The personal text of the notice.
    pub note: Option<String>,
}

/// A line of the list of what was sent.
#[derive(Debug)]
pub struct SentTransfer {
    /// The transfer.
    pub transfer: Transfer,
    /// What became of it.
    pub view: OutgoingView,
}

/// What a mailbox sent.
#[derive(Debug)]
pub struct SentByMailbox {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// What can still be opened, newest first.
    pub live: Vec<SentTransfer>,
    /// What ended, newest first, each with the name of who sent it.
    pub ended: Vec<(SentLine, String)>,
}

impl App {
    /// Lists what a mailbox sent, for its members.
    pub async fn list_sent(
        &self,
        signed: &Signed,
        mailbox: &Slug,
        visitor: Visitor,
    ) -> Result<SentByMailbox, OpenError> {
        let now = self.believed_now()?;
        let Some(mailbox) = self.mailbox_read_by(signed, mailbox).await? else {
            return Err(self.refuse_mailbox(signed, visitor).await);
        };
        let sent: Vec<(Transfer, u64)> = self.read_list(&List::OutgoingOf(mailbox.id), SHOWN_MAX).await?;
        let mut live = Vec::with_capacity(sent.len());
        for (transfer, _) in sent.into_iter().filter(|(transfer, _)| transfer.is_live(now)) {
            if let Some(view) = self.outgoing_view(&transfer).await? {
                live.push(SentTransfer { transfer, view });
            }
        }
        let lines: Vec<(SentLine, u64)> = self.read_list(&List::SentOf(mailbox.id), SHOWN_MAX).await?;
        let mut ended = Vec::with_capacity(lines.len());
        for (line, _) in lines {
            let by = self.name_of_account(line.by).await?;
            ended.push((line, by));
        }
        let (actor, object) = (Actor::Person(signed.account.person), Object::Mailbox(mailbox.id));
        let listed = event(now, actor, Action::TransferListed, object, Outcome::Done, visitor.web());
        self.log_alone(listed).await?;
        Ok(SentByMailbox { mailbox, live, ended })
    }

    /// What became of a transfer that was sent to people outside; none of a deposit.
    pub(super) async fn outgoing_view(&self, transfer: &Transfer) -> Result<Option<OutgoingView>, AppError> {
        let Some(outgoing) = &transfer.outgoing else { return Ok(None) };
        let links = self.links_of(transfer).await?;
        let mut recipients: Vec<RecipientState> = links
            .into_iter()
            .map(|(link, _)| RecipientState {
                address: link.address,
                opened_at: link.opened_at,
                downloaded_at: link.downloaded_at,
            })
            .collect();
        let place = |state: &RecipientState| outgoing.to.iter().position(|to| *to == state.address);
        recipients.sort_by_key(place);
        Ok(Some(OutgoingView {
            by: self.name_of_account(outgoing.by).await?,
            recipients,
            by_password: outgoing.told.is_some(),
            note: outgoing.note.as_ref().map(ToString::to_string),
        }))
    }

    /// The live transfers that answer a transfer, oldest first.
    pub(super) async fn answers_to(&self, transfer: TransferId) -> Result<Vec<ThreadLine>, AppError> {
        let now = self.now().at;
        let found: Vec<(Transfer, u64)> = self.read_list(&List::AnswersTo(transfer), ANSWERS_MAX).await?;
        let mut lines = Vec::with_capacity(found.len());
        for (answer, _) in found.into_iter().filter(|(answer, _)| answer.is_live(now)) {
            lines.push(self.thread_line(answer).await?);
        }
        Ok(lines)
    }

    /// The live transfer that a transfer answers.
    pub(super) async fn answered_by(&self, transfer: &Transfer) -> Result<Option<ThreadLine>, AppError> {
        let Some(answered) = transfer.answers else { return Ok(None) };
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(answered)).await?;
        let now = self.now().at;
        match found.filter(|(answered, _)| answered.is_live(now)) {
            Some((answered, _)) => Ok(Some(self.thread_line(answered).await?)),
            None => Ok(None),
        }
    }

    async fn thread_line(&self, transfer: Transfer) -> Result<ThreadLine, AppError> {
        let from = match &transfer.outgoing {
            Some(outgoing) => self.name_of_account(outgoing.by).await?,
            None => transfer.depositor.address.to_string(),
        };
        let is_ours = transfer.outgoing.is_some();
        Ok(ThreadLine { reference: transfer.reference, at: transfer.received_at, from, is_ours })
    }
}
