//! A mail that answers a letter of the gateway: the answer of a partner to an acknowledgement, or to the letter with a link,
//! belongs to that case (D7, T6). Which letter it is stands in `In-Reply-To` or `References`; that proves nothing, so that who
//! wrote it is judged as of any other mail, and must be of the partner that got the letter.
//!
//! A mail program that answers by itself and does not say so must not go round for ever with our acknowledgements
//! (invariant 10): a case takes a few answers by mail an hour.

use super::ports::{Key, List};
use super::{App, AppError};
use crate::identity::Partner;
use crate::message::{Limits, MailKind, ParsedMail, parse};
use crate::relay::letter::{LetterKind, letter_of_message_id, mail_of_message_id};
use crate::relay::queue::QueuedMail;
use crate::transfer::{Route, Transfer};
use crate::value::{MailAddress, MailId, MailboxId, Millis, SecretBytes, Timestamp, TransferId};

/// How many answers by mail a case takes within [`ANSWERS_SPAN`].
pub(super) const ANSWERS_BY_MAIL_MAX: usize = 5;
/// The time over which they are counted.
const ANSWERS_SPAN: Millis = Millis::hours(1);
/// How many answers of a case are looked through. One with more takes no more by mail.
const ANSWERS_READ_MAX: usize = 200;
/// How many letters of ours one mail may name. A long exchange names each of them.
const LETTERS_READ_MAX: usize = 10;

/// The letter that a mail answers, and what it speaks of.
#[derive(Debug, Clone)]
pub(super) struct AnsweredLetter {
    /// Who got the letter.
    to: MailAddress,
    /// The case, which can still be opened.
    pub(super) transfer: TransferId,
    /// The mailbox of the case.
    pub(super) mailbox: MailboxId,
}

impl AnsweredLetter {
    /// Whether this author of this partner may answer it: the same person, or somebody of the same partner.
    pub(super) fn is_to(&self, author: &MailAddress, partner: &Partner) -> bool {
        &self.to == author || partner.domains.contains(self.to.domain())
    }
}

impl App {
    /// The mailbox whose letter a mail answers, where that letter takes answers; for a mail that came to the address that
    /// letters are sent from.
    pub async fn mailbox_answered(
        &self,
        envelope_from: &MailAddress,
        bytes: &SecretBytes,
    ) -> Result<Option<MailboxId>, AppError> {
        let Ok(parsed) = parse(bytes.expose(), Some(envelope_from), &Limits::default()) else {
            return Ok(None);
        };
        if parsed.kind != MailKind::Ordinary {
            return Ok(None);
        }
        Ok(self.answered_letter(&parsed, self.now().at).await?.map(|letter| letter.mailbox))
    }

    /// Whether a mail says that it answers one of ours, whichever.
    pub(super) fn names_our_letter(&self, parsed: &ParsedMail<'_>) -> bool {
        self.named_letters(parsed).next().is_some()
    }

    /// Whether a mail says that it answers a letter to the team of a mailbox, for a mail that came to the address that letters
    /// are sent from: an agent who answers a notice means the partner, and answers on the page of the case.
    pub fn says_it_answers_a_notice(&self, envelope_from: &MailAddress, bytes: &SecretBytes) -> bool {
        parse(bytes.expose(), Some(envelope_from), &Limits::default())
            .is_ok_and(|parsed| self.names_a_notice(&parsed))
    }

    /// The same of a mail that was read. Only what the mail says counts: who wrote it learns nothing.
    pub(super) fn names_a_notice(&self, parsed: &ParsedMail<'_>) -> bool {
        let domain = &self.settings.mail_domain;
        let mut named = parsed.in_reply_to.iter().chain(parsed.references.iter().rev());
        let newest = named.find_map(|id| letter_of_message_id(id, domain));
        newest.is_some_and(|(kind, _)| matches!(kind, LetterKind::Notice | LetterKind::Reminder))
    }

    /// The letter that a mail answers, if it is one that takes answers.
    pub(super) async fn answered_letter(
        &self,
        parsed: &ParsedMail<'_>,
        now: Timestamp,
    ) -> Result<Option<AnsweredLetter>, AppError> {
        for id in self.named_letters(parsed).take(LETTERS_READ_MAX) {
            let found: Option<(QueuedMail, u64)> = self.read(&Key::Mail(id)).await?;
            let Some((mail, _)) = found.filter(|(mail, _)| takes_answers(mail.kind)) else { continue };
            let Some(transfer) = mail.transfer else { continue };
            if let Some(case) = self.case_to_answer(transfer, now).await? {
                let (transfer, mailbox) = (case.id, case.mailbox);
                return Ok(Some(AnsweredLetter { to: mail.to, transfer, mailbox }));
            }
        }
        Ok(None)
    }

    /// What is answered: the transfer that a letter speaks of, or the case that this one only added to.
    async fn case_to_answer(&self, id: TransferId, now: Timestamp) -> Result<Option<Transfer>, AppError> {
        let live = async |id| -> Result<Option<Transfer>, AppError> {
            let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(id)).await?;
            Ok(found.map(|(transfer, _)| transfer).filter(|transfer| transfer.is_live(now)))
        };
        let Some(transfer) = live(id).await? else { return Ok(None) };
        let is_addition = transfer.outgoing.is_none();
        let case = match transfer.answers.filter(|_| is_addition) {
            Some(answered) => live(answered).await?.unwrap_or(transfer),
            None => transfer,
        };
        if self.has_many_answers(case.id, now).await? { Ok(None) } else { Ok(Some(case)) }
    }

    async fn has_many_answers(&self, case: TransferId, now: Timestamp) -> Result<bool, AppError> {
        let found: Vec<(Transfer, u64)> = self.read_list(&List::AnswersTo(case), ANSWERS_READ_MAX).await?;
        let recent = found
            .iter()
            .filter(|(answer, _)| answer.route == Route::Mail && now < answer.received_at + ANSWERS_SPAN);
        Ok(found.len() >= ANSWERS_READ_MAX || recent.count() >= ANSWERS_BY_MAIL_MAX)
    }

    /// The letters of ours that a mail names, the one that it answers first.
    fn named_letters<'a>(&'a self, parsed: &'a ParsedMail<'_>) -> impl Iterator<Item = MailId> + 'a {
        let ids = parsed.in_reply_to.iter().chain(parsed.references.iter().rev());
        ids.filter_map(|id| mail_of_message_id(id, &self.settings.mail_domain))
    }
}

/// Of all letters, two kinds go to a person of a partner about a case of theirs.
const fn takes_answers(kind: LetterKind) -> bool {
    matches!(kind, LetterKind::Acknowledgement | LetterKind::SecureLink)
}
