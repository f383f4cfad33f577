//! Releases a transfer to its mailbox: what a deposit by the page and one by mail have in common. Everything it
//! writes goes into one unit of work, which the caller commits before anyone is told (invariant 1).

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::letters::NewLetter;
use super::ports::{Key, ObjectWriter, UnitOfWork};
use super::receipt::{Promising, action_of, leaves_at_last};
use super::report_mail::{Reported, ReportedOf};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome};
use crate::identity::{Agreement, Organisation, Partner};
use crate::mailbox::Mailbox;
use crate::policy::title::CleanTitle;
use crate::relay::letter::{Letter, LetterKind, RefusedLine};
use crate::relay::queue::MailState;
use crate::retention::KeyName;
use crate::transfer::{
    Case, Check, Depositor, DueDates, FormCodes, ObjectLocator, Outgoing, REFUSED_TEXT, RefusedFile, Route,
    Transfer,
};
use crate::value::{
    ByteSize, Day, Digest, Language, MailAddress, MailId, PartnerId, PersonId, Reference, ReportWish,
    Timestamp, TransferId,
};
use crate::vault::{Grant, GrantTerms, Identity, Manifest, ManifestPart, PartRole, Sealer, SealingKey};

/// How many bytes are sealed at once of what is in memory already.
const SEAL_STEP_BYTES: usize = 1024 * 1024;
/// How many sealed bytes of a part are gathered before they are handed over.
const SEALED_WHOLE_BYTES: usize = 2 * SEAL_STEP_BYTES;

/// A sealed part and where its segments are kept.
pub(super) struct SealedPart {
    pub entry: ManifestPart,
    pub objects: Vec<ObjectLocator>,
    /// Its number among the files of the deposit; 0 for what is no file.
    pub number: u32,
    /// What is known of it by inspection; none when it was not inspected.
    pub check: Option<Check>,
}

/// A part that is in memory and is to be sealed.
#[derive(Clone, Copy)]
pub(super) struct ClearPart<'a> {
    pub role: PartRole,
    pub name: &'a str,
    pub content_type: &'a str,
    pub bytes: &'a [u8],
}

/// A transfer that is ready to be released.
pub(super) struct Release<'a> {
    pub transfer: TransferId,
    /// The reference, when people have it already.
    pub reference: Option<Reference>,
    pub identity: &'a Identity,
    /// What its parts were sealed with.
    pub sealing: &'a SealingKey,
    pub mailbox: &'a Mailbox,
    pub depositor: Depositor,
    /// Where the acknowledgement goes.
    pub acknowledge_to: &'a MailAddress,
    pub title: CleanTitle,
    pub title_replaced: bool,
    pub route: Route,
    /// What it has when a member sends it to people outside.
    pub outgoing: Option<Outgoing>,
    /// The transfer that it answers.
    pub answers: Option<TransferId>,
    /// What its form says in codes.
    pub form: Option<Box<FormCodes>>,
    pub language: Language,
    pub received_at: Timestamp,
    pub parts: Vec<SealedPart>,
    /// Files of the deposit that were refused.
    pub refused: Vec<RefusedFile>,
    /// SHA-256 of the mail as it came in, when that is not kept.
    pub original_digest: Option<Digest>,
    /// What its sender asks to be told of it (RFC 3461).
    pub report: Option<Box<ReportWish>>,
    pub origin: Origin,
}

impl App {
    /// Writes the transfer, its grant, its two mails and their events into the unit.
    pub(super) async fn release(
        &self,
        unit: &mut UnitOfWork,
        release: Release<'_>,
    ) -> Result<Reference, AppError> {
        let policies = self.policies.load();
        let reference = release.reference.unwrap_or_else(|| Reference::new(self.random.bytes()));
        let digests: Vec<_> = release.parts.iter().map(|part| (part.entry.role, part.entry.digest)).collect();
        let expires_at = match &release.outgoing {
            // Held meanwhile or not: what was chosen counts from the sending.
            Some(outgoing) => outgoing.expires_at,
            None => policies.validity.expiry(release.route, release.received_at),
        };
        let manifest = Manifest {
            transfer: release.transfer,
            sender: release.depositor.address.clone(),
            expires_at,
            parts: release.parts.iter().map(|part| part.entry.clone()).collect(),
        };
        let (sealed_manifest, manifest_digest) = manifest.seal(release.sealing)?;
        let is_file = |role| matches!(role, PartRole::Attachment | PartRole::FormDocument);
        let files = || release.parts.iter().filter(|part| is_file(part.entry.role));
        let file_count = u32::try_from(files().count()).unwrap_or(u32::MAX);
        let total_size: ByteSize = files().map(|part| part.entry.size).sum();
        let (person, partner) = (release.depositor.person, release.depositor.partner);
        let form = self.site_named(release.form, partner).await?;
        let mut transfer = Transfer {
            id: release.transfer,
            reference: reference.clone(),
            mailbox: release.mailbox.id,
            depositor: release.depositor,
            title: release.title,
            route: release.route,
            language: release.language,
            received_at: release.received_at,
            expires_at,
            file_count,
            total_size,
            manifest: sealed_manifest,
            manifest_digest,
            checks: release.parts.iter().map(|part| part.check.clone().unwrap_or(Check::Off)).collect(),
            objects: release.parts.into_iter().map(|part| part.objects).collect(),
            refused: release.refused,
            original_digest: release.original_digest,
            first_opening: None,
            opened_in: Vec::new(),
            case: match release.outgoing {
                // What a mailbox sends is nobody's case to treat.
                Some(_) => Case::default(),
                None => self.case_of(release.mailbox, partner, release.received_at).await?,
            },
            dispatches: Vec::new(),
            outgoing: release.outgoing.map(Box::new),
            answers: release.answers,
            form,
        };
        if transfer.outgoing.is_none() {
            transfer.plan_next_look(&policies.reminders);
        }
        let leaf = self.log_release(unit, &transfer, person, release.title_replaced, release.origin)?;
        let (holder, version) = self.checked_mailbox(transfer.mailbox).await?;
        // A key that is rotated at this moment would leave a grant behind that no member opens.
        unit.expect_unchanged(Key::Mailbox(holder.id), version);
        unit.put(self.grant(&transfer, release.identity, &holder)?);
        if let Some(outgoing) = &transfer.outgoing {
            self.release_outside(unit, &transfer, outgoing, release.identity, &holder, release.origin)
                .await?;
            if let Some(outgoing) = &mut transfer.outgoing {
                // From here on they stand with the mails.
                outgoing.reports.clear();
            }
            unit.expect_absent(Key::Transfer(transfer.id));
            unit.put(transfer);
            return Ok(reference);
        }
        let organisation = self.organisation_of(release.mailbox).await?;
        let mails = Mails {
            transfer: &transfer,
            mailbox: release.mailbox,
            organisation: &organisation,
            sealing: self.queue_sealing_key(transfer.received_at)?,
        };
        let mail =
            self.acknowledge(unit, &mails, release.acknowledge_to, release.title_replaced, release.origin)?;
        let promising = Promising {
            transfer: &transfer,
            mailbox: release.mailbox,
            organisation: organisation.slug.as_str(),
            parts: &digests,
            leaf,
            mail,
        };
        self.promise(unit, &promising)?;
        self.notify(unit, &mails, release.received_at, release.origin)?;
        if let Some(wish) = release.report.filter(|wish| wish.notify.success) {
            let (at, requires_tls) = (release.received_at, transfer.requires_tls());
            let of =
                ReportedOf { mailbox: Some(transfer.mailbox), transfer: Some(transfer.id), requires_tls };
            let told = Reported::delivered();
            self.write_report(unit, &wish, told, Some(reference.clone()), of, at, release.origin)?;
        }
        unit.expect_absent(Key::Transfer(transfer.id));
        unit.put(transfer);
        Ok(reference)
    }

    /// The case of a deposit: new, due by what the partner's agreement with the mailbox promises (T2, T5).
    async fn case_of(
        &self,
        mailbox: &Mailbox,
        partner: Option<PartnerId>,
        begun: Timestamp,
    ) -> Result<Case, AppError> {
        let found: Option<(Agreement, u64)> = match partner {
            Some(partner) => self.read(&Key::Agreement((mailbox.id, partner))).await?,
            None => None,
        };
        let terms = found.map(|(agreement, _)| agreement.terms).unwrap_or_default();
        let due = DueDates {
            taken: Some(terms.taken_within.due(begun)),
            answered: Some(terms.answered_within.due(begun)),
        };
        Ok(Case { due, ..Case::default() })
    }

    fn log_release(
        &self,
        unit: &mut UnitOfWork,
        transfer: &Transfer,
        person: PersonId,
        title_replaced: bool,
        origin: Origin,
    ) -> Result<Digest, AppError> {
        let action = action_of(transfer.route);
        let object = Object::Transfer { transfer: transfer.id, mailbox: transfer.mailbox };
        let (at, actor) = (transfer.received_at, Actor::Person(person));
        let policy = self.policies.load().digest;
        let sent = event(at, actor, action, object, Outcome::Done, origin);
        let partner = transfer.depositor.partner;
        let sent = sent.under(policy).concerning(partner);
        self.log(unit, sent.with(Detail::Sealed(transfer.manifest_digest)))?;
        let leaf = unit.entries.last().map(|entry| entry.entry.leaf());
        if title_replaced {
            let replaced = event(at, Actor::System, Action::TitleReplaced, object, Outcome::Done, origin);
            self.log(unit, replaced.under(policy).concerning(partner))?;
        }
        leaf.ok_or(AppError::Broken("deposit without entry"))
    }

    /// A grant to a mailbox whose key was checked.
    pub(super) fn grant(
        &self,
        transfer: &Transfer,
        identity: &Identity,
        mailbox: &Mailbox,
    ) -> Result<Grant, AppError> {
        let day = transfer.expires_at.day();
        let day_key = self.shared_sealing_key(&self.keyring.recipient(KeyName::ExpiryDay(day))?)?;
        let holder_key = self.shared_sealing_key(&mailbox.key.recipient)?;
        let generation = mailbox.key.generation;
        let terms = GrantTerms { transfer: transfer.id, holder: mailbox.id, generation, day };
        Ok(Grant::under(terms, identity, &holder_key, &day_key)?)
    }

    /// The depositor's acknowledgement (T2, D9), which carries the receipt.
    fn acknowledge(
        &self,
        unit: &mut UnitOfWork,
        mails: &Mails<'_>,
        to: &MailAddress,
        replaced_title: bool,
        origin: Origin,
    ) -> Result<MailId, AppError> {
        let transfer = mails.transfer;
        let letter = Letter::Acknowledgement {
            reference: transfer.reference.clone(),
            mailbox_name: mails.mailbox.name.clone(),
            organisation_name: mails.organisation.name.clone(),
            title: transfer.title.to_string(),
            received_at: transfer.received_at,
            file_count: transfer.file_count,
            total: transfer.total_size,
            can_be_opened_until: transfer.expires_at,
            refused: refused_lines(transfer),
            replaced_title,
            by_mail: transfer.route == Route::Mail,
            // Filled in when the mail leaves: the checkpoint that signs for this deposit is yet to come.
            checkpoint: None,
            receipt: None,
        };
        let mut mail = self.write_letter_under(
            &mails.sealing,
            &NewLetter {
                kind: LetterKind::Acknowledgement,
                letter: &letter,
                to,
                language: transfer.language,
                mailbox: Some(mails.mailbox.id),
                transfer: Some(transfer.id),
                written_at: transfer.received_at,
            },
        )?;
        // It waits for the proof of its receipt, and for no fault of ours longer than that.
        let next_try_at = leaves_at_last(transfer.received_at);
        mail.state = MailState::Queued { next_try_at, last_problem: None };
        mail.requires_tls = transfer.depositor.requires_tls();
        let id = mail.id;
        self.queue_mail(unit, mail, origin)?;
        Ok(id)
    }

    /// The mailbox's notice (T1).
    fn notify(
        &self,
        unit: &mut UnitOfWork,
        mails: &Mails<'_>,
        written_at: Timestamp,
        origin: Origin,
    ) -> Result<(), AppError> {
        let transfer = mails.transfer;
        let letter = Letter::Notice {
            reference: transfer.reference.clone(),
            mailbox_name: mails.mailbox.name.clone(),
            title: transfer.title.to_string(),
            sender: transfer.depositor.address.to_string(),
            partner: transfer.depositor.partner_name.clone(),
            site: transfer.depositor.site.clone(),
            file_count: transfer.file_count,
            total: transfer.total_size,
            can_be_opened_until: transfer.expires_at,
            path: format!("/transferts/{}", transfer.reference),
        };
        let mut mail = self.write_letter_under(
            &mails.sealing,
            &NewLetter {
                kind: LetterKind::Notice,
                letter: &letter,
                to: &mails.mailbox.notice_address,
                language: Language::Fr,
                mailbox: Some(mails.mailbox.id),
                transfer: Some(transfer.id),
                written_at,
            },
        )?;
        mail.requires_tls = transfer.depositor.requires_tls();
        self.queue_mail(unit, mail, origin)
    }

    /// Tells a mailbox of a transfer that came to it by dispatch, with who deposited it (T4).
    pub(super) async fn notify_holder(
        &self,
        unit: &mut UnitOfWork,
        transfer: &Transfer,
        holder: &Mailbox,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), AppError> {
        let organisation = self.organisation_of(holder).await?;
        let sealing = self.queue_sealing_key(now)?;
        let mails = Mails { transfer, mailbox: holder, organisation: &organisation, sealing };
        self.notify(unit, &mails, now, origin)
    }

    /// Who deposits, as later holders see it (T4).
    pub(super) fn depositor(
        &self,
        unit: &mut UnitOfWork,
        address: &MailAddress,
        partner: Option<&Partner>,
        now: Timestamp,
    ) -> Result<Depositor, AppError> {
        let name = partner.map_or_else(|| address.domain().to_string(), |partner| partner.name.clone());
        let site = partner.and_then(|partner| partner.site_of(address)).map(|site| site.name.clone());
        Ok(Depositor {
            address: address.clone(),
            person: self.note_person(unit, address, now)?,
            partner: partner.map(|partner| partner.id),
            partner_name: name,
            site,
            evidence: None,
        })
    }

    /// Seals parts that are in memory. Small ones share a disk write: all are finished together.
    pub(super) async fn seal_parts(
        &self,
        key: &SealingKey,
        parts: &[ClearPart<'_>],
        today: Day,
    ) -> Result<Vec<SealedPart>, AppError> {
        let mut writers: Vec<Box<dyn ObjectWriter>> = Vec::with_capacity(parts.len());
        let mut entries = Vec::with_capacity(parts.len());
        for part in parts {
            let mut writer = self.objects.create(today).await?;
            let mut sealer = Sealer::new(key)?;
            let mut sealed = Vec::new();
            for step in part.bytes.chunks(SEAL_STEP_BYTES) {
                sealer.push_onto(step, &mut sealed)?;
                // Up to here a part is handed over as a whole, and may share a disk write with others.
                if sealed.len() >= SEALED_WHOLE_BYTES {
                    sealed = writer.write_owned(sealed).await?;
                }
            }
            let (tail, summary) = sealer.finish()?;
            let last = if sealed.is_empty() {
                tail
            } else {
                sealed.extend_from_slice(&tail);
                sealed
            };
            writer.write_owned(last).await?;
            writers.push(writer);
            entries.push(ManifestPart {
                role: part.role,
                name: part.name.to_owned(),
                content_type: part.content_type.to_owned(),
                size: summary.plain_size,
                digest: summary.plain_digest,
                segments: vec![summary.segment],
            });
        }
        let objects = try_join_all(writers.into_iter().map(ObjectWriter::finish)).await?;
        Ok(entries
            .into_iter()
            .zip(objects)
            .map(|(entry, object)| SealedPart { entry, objects: vec![object], number: 0, check: None })
            .collect())
    }

    /// The organisation that runs a mailbox.
    pub async fn organisation_of(&self, mailbox: &Mailbox) -> Result<Organisation, AppError> {
        let found = self.read(&Key::Organisation(mailbox.organisation)).await?;
        found.map(|(organisation, _)| organisation).ok_or(AppError::Broken("mailbox without organisation"))
    }
}

/// The files that were refused, as a mail may tell of them: never by name.
fn refused_lines(transfer: &Transfer) -> Vec<RefusedLine> {
    let files = transfer.refused.iter().filter(|file| file.number != REFUSED_TEXT).count();
    let of = transfer.file_count.saturating_add(u32::try_from(files).unwrap_or(u32::MAX));
    let lines = transfer.refused.iter().map(|file| RefusedLine {
        number: file.number,
        of,
        kind_fr: file.kind.label(Language::Fr).to_owned(),
        kind_en: file.kind.label(Language::En).to_owned(),
        size: file.size,
        because_fr: file.cause.told(Language::Fr),
        because_en: file.cause.told(Language::En),
    });
    lines.collect()
}

/// What both mails of a release speak of.
struct Mails<'a> {
    transfer: &'a Transfer,
    mailbox: &'a Mailbox,
    organisation: &'a Organisation,
    sealing: Arc<SealingKey>,
}
