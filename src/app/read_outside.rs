//! What somebody outside does in a session of a link: reads, downloads, replies (T5). The transfer opens by its link's grant
//! alone, and only while the access policy says yes; each step is in the log under the recipient's pseudonym.

use std::sync::Arc;

use super::compose::NewDraft;
use super::links::object_of;
use super::open_transfer::OpenedTransfer;
use super::ports::{Key, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, OpenError, OpenedDraft, OutsideReader, Visitor, event};
use crate::audit::{Action, Actor, FailureReason, Outcome};
use crate::identity::{Account, RecipientLink};
use crate::policy::access::{ReadingFacts, permit_reading};
use crate::relay::letter::{Letter, LetterKind, OutsideLetter};
use crate::retention::{Effect, KeyName, PendingEffect};
use crate::transfer::{DraftPurpose, TellDownloads, Transfer};
use crate::value::{Millis, Timestamp};

impl OutsideReader {
    /// The transfer as it shows to the recipient.
    pub const fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// The mailbox that sent it.
    pub const fn mailbox(&self) -> &crate::mailbox::Mailbox {
        &self.mailbox
    }
}

/// The sender is told of one recipient's downloads no more often than this.
const TOLD_AGAIN_AFTER: Millis = Millis::hours(1);

impl App {
    /// The transfer with its manifest, for the recipient of a link.
    pub async fn opened_outside(
        &self,
        reader: &OutsideReader,
        visitor: Visitor,
    ) -> Result<OpenedTransfer, OpenError> {
        let now = self.now();
        let facts = ReadingFacts {
            signed_in: true,
            entitled: reader.link.transfer == reader.transfer.id,
            clock_believed: now.believed,
            live: reader.transfer.is_live(now.at),
        };
        let permitted = match permit_reading(reader.transfer.clone(), facts) {
            Ok(permitted) => permitted.into_subject(),
            Err(refusal) => {
                let (actor, object) = (Actor::Person(reader.link.person), object_of(&reader.link));
                return Err(self.refuse_reading(actor, object, refusal, visitor).await);
            }
        };
        let day = KeyName::ExpiryDay(reader.link.grant.terms.day);
        let day = self.day_identity(day).await?;
        let actor = (Actor::Person(reader.link.person), visitor);
        let opened = match reader.link.grant.open(&day, &reader.keys) {
            Ok(identity) => {
                self.open_manifest(permitted, reader.mailbox.clone(), actor, Arc::new(identity)).await
            }
            Err(error) => Err(AppError::from(error).into()),
        };
        if let Err(OpenError::Fault(AppError::Vault(_))) = &opened {
            let outcome = Outcome::Failed(FailureReason::SealDamaged);
            let object = object_of(&reader.link);
            let damaged = event(now.at, actor.0, Action::TransferOpened, object, outcome, visitor.web());
            self.log_alone(damaged).await?;
        }
        opened
    }

    /// Commits the intention of a download by a recipient; the sender is told of it as was chosen (V4).
    pub async fn begin_outside_download(
        &self,
        reader: &OutsideReader,
        number: Option<u32>,
        visitor: Visitor,
    ) -> Result<PendingEffect, AppError> {
        for _ in 0..CONFLICT_TRIES {
            let now = self.believed_now()?;
            let effect = Effect::Download {
                person: reader.link.person,
                transfer: reader.transfer.id,
                mailbox: reader.mailbox.id,
                partner: reader.transfer.depositor.partner,
                part: number,
                address: visitor.address,
            };
            let mut unit = UnitOfWork::default();
            let pending = self.intend(&mut unit, effect, now)?;
            self.note_download(&mut unit, reader, now, visitor).await?;
            match self.store.commit(unit).await.map_err(AppError::from) {
                Err(error) if error.is_conflict() => {}
                outcome => {
                    outcome?;
                    self.wake_delivery();
                    return Ok(pending);
                }
            }
        }
        Err(AppError::Contended)
    }

    async fn note_download(
        &self,
        unit: &mut UnitOfWork,
        reader: &OutsideReader,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let key = Key::RecipientLink((reader.link.transfer, reader.link.id));
        let found: Option<(RecipientLink, u64)> = self.read(&key).await?;
        let Some((mut link, version)) = found else { return Ok(()) };
        let transfer = &reader.transfer;
        let is_first = link.downloaded_at.is_none();
        let told_lately = link.told_download_at.is_some_and(|told| now < told + TOLD_AGAIN_AFTER);
        let outgoing = transfer.outgoing.as_ref().filter(|outgoing| match outgoing.tell_downloads {
            TellDownloads::Never => false,
            TellDownloads::First => is_first,
            TellDownloads::Every => !told_lately,
        });
        if !is_first && outgoing.is_none() {
            return Ok(());
        }
        link.downloaded_at.get_or_insert(now);
        if outgoing.is_some() {
            link.told_download_at = Some(now);
        }
        unit.expect_unchanged(key, version);
        unit.put(link);
        let Some(outgoing) = outgoing else { return Ok(()) };
        let sender: Option<(Account, u64)> = self.read(&Key::Account(outgoing.by)).await?;
        let Some((sender, _)) = sender.filter(|(sender, _)| sender.is_active()) else { return Ok(()) };
        let letter = Letter::Outside(OutsideLetter::Downloaded {
            reference: transfer.reference.clone(),
            title: transfer.title.to_string(),
            recipient: reader.link.address.to_string(),
            at: now,
            path: format!("/transferts/{}", transfer.reference),
        });
        let to = (LetterKind::DownloadNotice, &letter, &sender.address, sender.language);
        self.write_outside(unit, transfer, &reader.mailbox, to, visitor.web())
    }

    /// Begins a reply of the recipient to the mailbox: a draft like a deposit's, which quotes nothing.
    pub async fn begin_reply(
        &self,
        reader: &OutsideReader,
        visitor: Visitor,
    ) -> Result<OpenedDraft, AppError> {
        let now = self.believed_now()?;
        let partner = self.admitted_partner(&reader.mailbox, &reader.link.address, now).await?;
        let new = NewDraft {
            purpose: DraftPurpose::Reply { to: reader.transfer.id },
            mailbox: &reader.mailbox,
            address: reader.link.address.clone(),
            person: reader.link.person,
            partner: partner.map(|partner| partner.id),
            language: reader.link.language,
        };
        let mut unit = UnitOfWork::default();
        self.log_reply(&mut unit, reader, now, visitor)?;
        let (draft, token) = self.open_new_draft(&mut unit, new, now, visitor)?;
        self.store.commit(unit).await?;
        Ok(OpenedDraft { draft, mailbox: reader.mailbox.clone(), token })
    }

    fn log_reply(
        &self,
        unit: &mut UnitOfWork,
        reader: &OutsideReader,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let (actor, object) = (Actor::Person(reader.link.person), object_of(&reader.link));
        let begun = event(now, actor, Action::TransferReplied, object, Outcome::Done, visitor.web());
        self.log(unit, begun)
    }
}
