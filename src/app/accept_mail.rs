//! A mail came in for an address of the gateway (D7). What is no deposit is recognised before anything is sealed:
//! answers to mails of ours that speak of no live case, automatic mail, bounces. Who may deposit is judged after the whole
//! mail was taken, with one answer for all who may not (invariant 8).
//!
//! | after | a crash leaves | who cleans |
//! | --- | --- | --- |
//! | parts sealed | sealed objects that no record names; the sender was told nothing and sends again | the sweep of old objects |
//! | the commit | the transfer and all that goes with it; a repeat of the send gets the same reference | |

use thiserror::Error;

use super::accept_deposit::MESSAGE_MAX_BYTES;
use super::answered_letter::AnsweredLetter;
use super::doors::ClosedDoor;
use super::fill_draft::content_type;
use super::ports::{ExaminedMail, Key, SecretName, UnitOfWork};
use super::release::{ClearPart, Release};
use super::submit_mail::HOPS_MAX;
use super::{App, AppError, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{Partner, Service};
use crate::mailbox::Mailbox;
use crate::message::{Limits, MailKind, MessageError, ParsedMail, dedup_material, parse};
use crate::policy::title::{MailTitle, TitleRefusal};
use crate::transfer::{
    Belief, CertificateDigest, CheckResult, REFUSED_TEXT, Repeat, Route, SenderEvidence, SenderFindings,
};
use crate::value::{
    Addressee, ByteSize, Digest, Language, MailAddress, MailboxId, Reference, ReportWish, SecretBytes,
    Timestamp, TransferId, keyed_digest,
};
use crate::vault::{Identity, PartRole, SealingKey};

/// The name that the original mail is kept under.
const ORIGINAL_NAME: &str = "message-original.eml";

/// A mail for a deposit address, as the SMTP session took it.
pub struct InboundMail {
    /// Where the connection came from.
    pub visitor: Visitor,
    /// MAIL FROM; none is the null sender.
    pub envelope_from: Option<MailAddress>,
    /// The mailbox whose deposit address it was sent to.
    pub mailbox: MailboxId,
    /// The name that the host gave itself.
    pub helo: String,
    /// TLS version and suite of the connection.
    pub tls: Option<String>,
    /// The certificate that the host showed.
    pub certificate: Option<CertificateDigest>,
    /// Its sender asked that it goes by verified TLS only (RFC 8689).
    pub requires_tls: bool,
    /// The recipient as the envelope has it, and what its sender asks to be told (RFC 3461).
    pub addressee: Addressee,
    /// `ENVID` (RFC 3461).
    pub envelope_id: Option<String>,
    /// The message.
    pub bytes: SecretBytes,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailAnswer {
    /// A deposit, durable.
    Deposited {
        /// What people quote.
        reference: Reference,
    },
    /// Automatic mail: seen, not a deposit, not answered (RFC 3834).
    Noted,
}

/// Why it is refused. The sender's server tells the sender.
#[derive(Debug, Error)]
pub enum MailRefusal {
    /// The one answer for all who may not deposit.
    #[error("this sender may not deposit here")]
    MayNotDeposit,
    /// What tells who sent it does not answer now.
    #[error("the sender cannot be checked now")]
    SenderUnchecked,
    /// It answers a mail of the gateway.
    #[error("it answers an automatic mail")]
    IsReply,
    /// It answers a notice: the partner is answered on the page of the case.
    #[error("it answers a notice")]
    AnswersNotice,
    /// A program sent it on its own account.
    #[error("it is automatic mail")]
    Automatic,
    /// It came through more hosts than any honest way has.
    #[error("it goes round in a loop")]
    Loop,
    /// It is no readable mail.
    #[error(transparent)]
    Malformed(#[from] MessageError),
    /// Neither text nor a file.
    #[error("it holds nothing")]
    Empty,
    /// It is over a limit of the mailbox.
    #[error("{actual} is over the limit of {limit}")]
    TooLarge {
        /// What is allowed.
        limit: ByteSize,
        /// What was given.
        actual: ByteSize,
    },
    /// More files than a deposit into the mailbox may have.
    #[error("{limit} files at most")]
    TooManyFiles {
        /// What is allowed.
        limit: u32,
    },
    /// The author sent as much in an hour as one address may: the sender's server comes back.
    #[error("the address may send {limit} in an hour")]
    TooFast {
        /// What it may send.
        limit: ByteSize,
    },
    /// The agreement admits the author, and does not open deposits by mail (D11).
    #[error("the agreement does not open deposits by mail")]
    Closed(Box<ClosedDoor>),
    /// The agreement asks for a form, and no file is joined that could be one (D10).
    #[error("the agreement asks for a form")]
    FormNeeded,
    /// The policy refuses its subject.
    #[error("the subject is refused")]
    Title(TitleRefusal),
    /// A fault of ours: the sender keeps it and sends again.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// Accepts a mail as a deposit, notes it, or refuses it.
    pub async fn accept_mail(&self, mail: InboundMail) -> Result<MailAnswer, MailRefusal> {
        let now = self.believed_now()?;
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mail.mailbox)).await?;
        let Some((mailbox, _)) = found else {
            return Err(self
                .refuse_mail(&mail, now, RefusalReason::MailboxUnknown, MailRefusal::MayNotDeposit)
                .await);
        };
        let parsed = match parse(mail.bytes.expose(), mail.envelope_from.as_ref(), &Limits::default()) {
            Ok(parsed) => parsed,
            Err(error) => {
                return Err(self.refuse_mail(&mail, now, RefusalReason::Malformed, error.into()).await);
            }
        };
        if let Some(answer) = self.sort_out(&mail, &parsed, now).await? {
            return Ok(answer);
        }
        let answered = match self.answered_by_mail(&mailbox, &parsed, now).await? {
            Answering::Nothing => None,
            Answering::Case(letter) => Some(letter),
            Answering::Letter => {
                let reason = RefusalReason::PolicyDenied;
                let is_of_a_team = self.names_a_notice(&parsed);
                let refusal = if is_of_a_team { MailRefusal::AnswersNotice } else { MailRefusal::IsReply };
                return Err(self.refuse_mail(&mail, now, reason, refusal).await);
            }
        };
        let author = self.authenticated_author(&mail, &parsed, &mailbox, answered.is_some(), now).await?;
        let author = author.filter(|author| {
            answered.as_ref().is_none_or(|letter| letter.is_to(&author.address, &author.partner))
        });
        let Some(author) = author else {
            let reason = RefusalReason::SenderNotAuthenticated;
            let refusal = if answered.is_some() { MailRefusal::IsReply } else { MailRefusal::MayNotDeposit };
            return Err(self.refuse_mail(&mail, now, reason, refusal).await);
        };
        let digest = self.repeat_digest(&mail)?;
        if let Some(reference) = self.earlier(digest, now).await? {
            return Ok(MailAnswer::Deposited { reference });
        }
        let terms = self.agreed_terms(&mailbox, author.partner.id).await?;
        if let Some(closed) = ClosedDoor::of(&terms, &mailbox, Service::Mail) {
            let refusal = MailRefusal::Closed(Box::new(closed));
            return Err(self.refuse_mail(&mail, now, ClosedDoor::REASON, refusal).await);
        }
        if terms.form_required && parsed.attachments.is_empty() && answered.is_none() {
            let reason = RefusalReason::FormIncomplete;
            return Err(self.refuse_mail(&mail, now, reason, MailRefusal::FormNeeded).await);
        }
        let title = match self.check_mail(&mailbox, &parsed) {
            Ok(title) => title,
            Err((reason, refusal)) => return Err(self.refuse_mail(&mail, now, reason, refusal).await),
        };
        let (who, hourly) = ((mailbox.id, self.person_of(&author.address)?), mailbox.limits.hourly);
        if self.paces.check(who, hourly, now).is_err() {
            let refusal = MailRefusal::TooFast { limit: hourly };
            return Err(self.refuse_mail(&mail, now, RefusalReason::RateLimited, refusal).await);
        }
        let answers = answered.map(|letter| letter.transfer);
        let deposit =
            MailDeposit { mail: &mail, parsed: &parsed, mailbox: &mailbox, author, title, digest, answers };
        match self.commit_mail(deposit, now).await {
            // The same mail on two connections at once: the other one won, and its answer is the answer.
            Err(error) if error.is_conflict() => {
                let reference = self.earlier(digest, now).await?.ok_or(AppError::Contended)?;
                Ok(MailAnswer::Deposited { reference })
            }
            Err(error) => Err(error.into()),
            Ok(reference) => {
                self.paces.count(who, hourly, mail.bytes.expose().len(), now);
                Ok(MailAnswer::Deposited { reference })
            }
        }
    }

    /// Recognises what is no deposit (invariant 10).
    async fn sort_out(
        &self,
        mail: &InboundMail,
        parsed: &ParsedMail<'_>,
        now: Timestamp,
    ) -> Result<Option<MailAnswer>, MailRefusal> {
        if parsed.hops > HOPS_MAX {
            return Err(self.refuse_mail(mail, now, RefusalReason::MailLoop, MailRefusal::Loop).await);
        }
        match parsed.kind {
            MailKind::AutomaticReply | MailKind::Bounce(_) => {
                self.log_alone(self.mail_event(mail, now, Action::MailAutomaticNoted, Outcome::Done)).await?;
                Ok(Some(MailAnswer::Noted))
            }
            // Not noted in silence: a partner's software that deposits by itself must hear that it does not.
            MailKind::AutomaticGenerated | MailKind::ListMail => {
                Err(self.refuse_mail(mail, now, RefusalReason::PolicyDenied, MailRefusal::Automatic).await)
            }
            MailKind::Ordinary => Ok(None),
        }
    }

    /// What of ours a mail to this mailbox answers.
    async fn answered_by_mail(
        &self,
        mailbox: &Mailbox,
        parsed: &ParsedMail<'_>,
        now: Timestamp,
    ) -> Result<Answering, AppError> {
        if !self.names_our_letter(parsed) {
            return Ok(Answering::Nothing);
        }
        let letter = self.answered_letter(parsed, now).await?;
        Ok(letter.filter(|letter| letter.mailbox == mailbox.id).map_or(Answering::Letter, Answering::Case))
    }

    /// Who wrote it, when that can be believed and an agreement admits the author. Never by MAIL FROM alone: the mail
    /// came through a relay that the partner pinned, envelope and author being the partner's, or DMARC passes for the
    /// author's domain and the partner's agreement takes that.
    ///
    /// What the DNS says is looked up before it is known who the author is, so that neither the answer nor its time
    /// tells who may deposit (invariant 8).
    async fn authenticated_author(
        &self,
        mail: &InboundMail,
        parsed: &ParsedMail<'_>,
        mailbox: &Mailbox,
        is_answer: bool,
        now: Timestamp,
    ) -> Result<Option<Author>, MailRefusal> {
        let (Some(address), Some(envelope)) = (&parsed.author, &mail.envelope_from) else { return Ok(None) };
        let examined = ExaminedMail {
            peer: mail.visitor.address,
            helo: &mail.helo,
            envelope_from: Some(envelope),
            bytes: mail.bytes.expose(),
        };
        let findings = self.senders.examine(examined).await;
        let Some(partner) = self.admitted_partner(mailbox, address, now).await? else {
            return if is_open(findings.as_ref()) { Err(MailRefusal::SenderUnchecked) } else { Ok(None) };
        };
        let pinned = Some(envelope).filter(|from| partner.domains.contains(from.domain())).and_then(|_| {
            let by_certificate = mail.certificate.is_some_and(|shown| partner.trusts_certificate(&shown));
            let by_address = partner.trusts_relay(mail.visitor.address);
            let certificate = by_certificate.then_some(Belief::RelayCertificate);
            certificate.or(by_address.then_some(Belief::RelayAddress))
        });
        let proved = findings.as_ref().is_some_and(|findings| {
            let signed_only = !findings.dmarc.by_connection;
            partner.accepts_dmarc
                && findings.dmarc.result == CheckResult::Pass
                && findings.dmarc.domain.eq_ignore_ascii_case(address.domain().as_str())
                // A signature can be sent once more by whoever has the mail: then the mail must name this mailbox, or, when
                // it answers a letter of it, the address that letters come from.
                && (!signed_only
                    || parsed.recipients.contains(&mailbox.deposit_address)
                    || is_answer && parsed.recipients.contains(&self.settings.mail_from))
        });
        match pinned.or(proved.then_some(Belief::Dmarc)) {
            Some(believed) => {
                let (tls, requires_tls) = (mail.tls.clone(), mail.requires_tls);
                let evidence = SenderEvidence { believed, tls, findings, requires_tls };
                Ok(Some(Author { address: address.clone(), partner, evidence }))
            }
            None if is_open(findings.as_ref()) => Err(MailRefusal::SenderUnchecked),
            None => Ok(None),
        }
    }

    pub(super) fn check_mail(
        &self,
        mailbox: &Mailbox,
        parsed: &ParsedMail<'_>,
    ) -> Result<MailTitle, (RefusalReason, MailRefusal)> {
        if parsed.text.trim().is_empty() && parsed.attachments.is_empty() {
            return Err((RefusalReason::NothingSent, MailRefusal::Empty));
        }
        if parsed.attachments.len() > mailbox.limits.files as usize {
            let refusal = MailRefusal::TooManyFiles { limit: mailbox.limits.files };
            return Err((RefusalReason::TooMany, refusal));
        }
        let sizes = || parsed.attachments.iter().map(|file| ByteSize(file.bytes.len() as u64));
        let (largest, total) = (sizes().max().unwrap_or_default(), sizes().sum());
        for (limit, actual) in [(mailbox.limits.file, largest), (mailbox.limits.deposit, total)] {
            if actual > limit {
                return Err((RefusalReason::TooLarge, MailRefusal::TooLarge { limit, actual }));
            }
        }
        let subject = parsed.subject.as_deref().unwrap_or_default();
        let policies = self.policies.load();
        let title = policies.titles.clean_for_mail(mailbox.slug.as_str(), subject);
        title.map_err(|refusal| (RefusalReason::TitlePersonalData, MailRefusal::Title(refusal)))
    }

    async fn commit_mail(&self, deposit: MailDeposit<'_>, now: Timestamp) -> Result<Reference, AppError> {
        let MailDeposit { mail, parsed, mailbox, author, title, digest, answers } = deposit;
        let identity = Identity::generate();
        let transfer = TransferId::new(self.random.bytes());
        let inspection = self.inspect_mail(parsed, mail.bytes.expose(), mailbox).await?;
        let hold = inspection.hold;
        // Of a refused text nothing goes on; the part stays, empty, so that the files keep their numbers.
        let text_check = inspection.text.clone();
        let text = if matches!(text_check, Some(Err(_))) { "" } else { cut_text(&parsed.text) };
        let mut clear = vec![ClearPart {
            role: PartRole::Message,
            name: "",
            content_type: "text/plain; charset=utf-8",
            bytes: text.as_bytes(),
        }];
        let (mut known, mut refused) = (vec![(0, text_check.clone().and_then(Result::ok))], Vec::new());
        if let Some(Err(judged)) = text_check {
            let size = ByteSize(parsed.text.len() as u64);
            refused.push(self.refused_file(REFUSED_TEXT, "", size, judged, now.day())?);
        }
        for ((file, judged), number) in parsed.attachments.iter().zip(&inspection.files).zip(1_u32..) {
            match judged {
                Some(Err((kind, cause))) => {
                    let size = ByteSize(file.bytes.len() as u64);
                    refused.push(self.refused_file(
                        number,
                        file.name.as_str(),
                        size,
                        (*kind, *cause),
                        now.day(),
                    )?);
                    continue;
                }
                judged => known.push((number, judged.clone().and_then(Result::ok))),
            }
            clear.push(ClearPart {
                role: PartRole::Attachment,
                name: file.name.as_str(),
                content_type: content_type(&file.bytes, file.name.as_str()),
                bytes: &file.bytes,
            });
        }
        let mut original_digest = None;
        if inspection.keeps_original {
            known.push((0, inspection.original.clone()));
            clear.push(ClearPart {
                role: PartRole::Original,
                name: ORIGINAL_NAME,
                content_type: "message/rfc822",
                bytes: mail.bytes.expose(),
            });
        } else {
            original_digest = Some(Digest::of(mail.bytes.expose()));
        }
        let sealing = SealingKey::new(&identity.recipient())?;
        let mut parts = self.seal_parts(&sealing, &clear, now.day()).await?;
        for (part, (number, check)) in parts.iter_mut().zip(known) {
            (part.number, part.check) = (number, check);
        }

        let mut unit = UnitOfWork::default();
        let Author { address, partner, evidence } = author;
        let mut depositor = self.depositor(&mut unit, &address, Some(&partner), now)?;
        depositor.evidence = Some(evidence);
        for told in inspection.events(transfer, mailbox, now, mail.visitor.smtp()) {
            self.log(&mut unit, told.under(self.policies.load().digest))?;
        }
        let reference = self
            .release_or_hold(
                &mut unit,
                Release {
                    transfer,
                    reference: None,
                    identity: &identity,
                    sealing: &sealing,
                    mailbox,
                    depositor,
                    // RFC 3834 section 4: an automatic response goes to the return address.
                    acknowledge_to: mail.envelope_from.as_ref().unwrap_or(&address),
                    title: title.title,
                    title_replaced: title.replaced,
                    route: Route::Mail,
                    outgoing: None,
                    answers,
                    form: None,
                    language: Language::Fr,
                    received_at: now,
                    parts,
                    refused,
                    original_digest,
                    report: report_wish(mail, parsed, now),
                    origin: mail.visitor.smtp(),
                },
                hold,
            )
            .await?;
        unit.expect_absent(Key::Repeat(digest));
        unit.put(Repeat { digest, transfer, reference: reference.clone(), accepted_at: now });
        self.commit_release(transfer, unit).await?;
        self.wake_delivery();
        self.wake_receipts();
        if hold.is_some() {
            self.wake_held();
        }
        Ok(reference)
    }

    /// The keyed digest of envelope and message, without what changes from one try to the next.
    fn repeat_digest(&self, mail: &InboundMail) -> Result<Digest, AppError> {
        let key = self.keyring.secret(SecretName::Repeats)?;
        let from = mail.envelope_from.as_ref().map(ToString::to_string).unwrap_or_default();
        let material = dedup_material(mail.bytes.expose());
        let fields =
            [b"mail".as_slice(), mail.mailbox.as_bytes(), from.as_bytes(), &material.header, material.body];
        Ok(keyed_digest(&key, &fields))
    }

    pub(super) async fn earlier(
        &self,
        digest: Digest,
        now: Timestamp,
    ) -> Result<Option<Reference>, AppError> {
        let found: Option<(Repeat, u64)> = self.read(&Key::Repeat(digest)).await?;
        let recent = found.filter(|(repeat, _)| now < repeat.accepted_at + Repeat::LIFE);
        Ok(recent.map(|(repeat, _)| repeat.reference))
    }

    fn mail_event(
        &self,
        mail: &InboundMail,
        at: Timestamp,
        action: Action,
        outcome: Outcome,
    ) -> crate::audit::Event {
        let object = Object::Mailbox(mail.mailbox);
        event(at, Actor::Anonymous, action, object, outcome, mail.visitor.smtp())
            .under(self.policies.load().digest)
    }

    async fn refuse_mail(
        &self,
        mail: &InboundMail,
        now: Timestamp,
        reason: RefusalReason,
        refusal: MailRefusal,
    ) -> MailRefusal {
        let refused = self.mail_event(mail, now, Action::MailRefused, Outcome::Refused(reason));
        match self.log_alone(refused).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }
}

/// Who wrote a mail, as far as that is believed.
struct Author {
    address: MailAddress,
    partner: Partner,
    evidence: SenderEvidence,
}

/// A mail that is going to be a transfer.
struct MailDeposit<'a> {
    mail: &'a InboundMail,
    parsed: &'a ParsedMail<'a>,
    mailbox: &'a Mailbox,
    author: Author,
    title: MailTitle,
    digest: Digest,
    answers: Option<TransferId>,
}

/// What of ours a mail answers.
enum Answering {
    /// Nothing.
    Nothing,
    /// A letter of a live case of the mailbox: the mail adds to the case.
    Case(AnsweredLetter),
    /// Another letter, which nobody reads answers to.
    Letter,
}

/// What the envelope sender is told of a deposit. Nobody is told of a mail from the null sender.
fn report_wish(mail: &InboundMail, parsed: &ParsedMail<'_>, now: Timestamp) -> Option<Box<ReportWish>> {
    Some(Box::new(ReportWish {
        to: mail.envelope_from.clone()?,
        notify: mail.addressee.notify,
        recipient: mail.addressee.address.clone(),
        original: mail.addressee.original.clone(),
        envelope_id: mail.envelope_id.clone(),
        message_id: parsed.message_id.clone(),
        arrived_at: now,
        delay_told: false,
        success_told: false,
    }))
}

/// Whether the look-ups that would decide did not come through: the sender comes again.
fn is_open(findings: Option<&SenderFindings>) -> bool {
    findings.is_some_and(|findings| findings.dmarc.result == CheckResult::TempError)
}

/// The text that the page shows; the whole of it is in the original.
fn cut_text(text: &str) -> &str {
    let mut end = text.len().min(MESSAGE_MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
