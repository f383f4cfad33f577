//! Deposits that are held until their files are judged (invariant 1: a scanner that is down is no fault of the sender).
//! They are looked at again and again and go on by themselves; who waits is told the truth, also when it ends.
//!
//! | after | a crash leaves | who cleans |
//! | --- | --- | --- |
//! | the commit that holds | the held deposit, its letters, its events: all of it | |
//! | a look that judged some files | nothing of it: they are judged again | the next look |
//! | the commit that releases | the transfer, and refused files that are not erased | the next run finishes the effect |

use std::sync::Arc;

use super::inspect::{Look, count, logged};
use super::letters::NewLetter;
use super::ports::{Key, List, UnitOfWork};
use super::release::{ClearPart, Release, SealedPart};
use super::report_mail::{Reported, ReportedOf};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Object, Origin, Outcome};
use crate::content::FileKind;
use crate::identity::Organisation;
use crate::mailbox::Mailbox;
use crate::relay::letter::{HoldAudience, HoldLetter, HoldStage, Letter, LetterKind};
use crate::retention::{Effect, ErasureOf, KeyName};
use crate::transfer::{Check, HOLD_WARNING, HeldDeposit, HeldPart, HoldReason, ObjectLocator, REFUSED_TEXT};
use crate::value::{ByteSize, Language, MailAddress, Millis, Reference, Timestamp, TransferId};
use crate::vault::{Identity, ManifestPart, PartRole, SealingKey, open, read_identity, wrap_identity_under};

/// How long after a look in vain a held deposit is looked at again.
const LOOK_AGAIN: Millis = Millis::seconds(30);
/// How many held deposits one run looks at.
const BATCH: usize = 100;
/// How many held deposits are counted: as many say enough.
const HELD_COUNTED_MAX: usize = 1000;
/// How long a large deposit may be inspected before its mailbox is told that it waits.
const TELL_AFTER: Millis = Millis::minutes(10);

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldRun {
    /// Deposits that went on.
    pub released: usize,
    /// Deposits that still wait, of those that were looked at.
    pub waiting: usize,
    /// Deposits that ended unreleased.
    pub ended: usize,
}

impl App {
    /// Waits until a deposit was held.
    pub async fn deposit_is_held(&self) {
        self.held_waits.notified().await;
    }

    /// Looks at every held deposit that is due.
    pub async fn look_at_held(&self) -> Result<HeldRun, AppError> {
        let now = self.believed_now()?;
        let mut run = HeldRun::default();
        let mut first_error = None;
        let due: Vec<(HeldDeposit, u64)> = self.read_list(&List::HeldDueBy(now), BATCH).await?;
        for (held, version) in due {
            match self.look_at(held, version, now).await {
                Ok(Looked::Released) => run.released += 1,
                Ok(Looked::Waits) => run.waiting += 1,
                Ok(Looked::Ended) => run.ended += 1,
                Err(error) if error.is_conflict() => {}
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(run), Err)
    }

    /// How many deposits are held, due for a look or not; counted up to [`HELD_COUNTED_MAX`].
    pub async fn held_deposits(&self) -> Result<usize, AppError> {
        let all: Vec<(HeldDeposit, u64)> =
            self.read_list(&List::HeldDueBy(Timestamp(i64::MAX)), HELD_COUNTED_MAX).await?;
        Ok(all.len())
    }

    /// A held deposit, for the depositor's own page.
    pub async fn held_deposit(&self, id: TransferId) -> Result<Option<HeldDeposit>, AppError> {
        let found: Option<(HeldDeposit, u64)> = self.read(&Key::Held(id)).await?;
        Ok(found.map(|(held, _)| held))
    }

    /// Writes a held deposit in the place of a transfer, with its letters and its event, into the unit.
    pub(super) async fn hold(
        &self,
        unit: &mut UnitOfWork,
        release: Release<'_>,
        reason: HoldReason,
    ) -> Result<Reference, AppError> {
        let now = release.received_at;
        let key_day = now.day();
        let draft_key = self.shared_sealing_key(&self.keyring.recipient(KeyName::Draft(key_day))?)?;
        let wrap = wrap_identity_under(&draft_key, release.identity)?;
        let recipient = release.identity.recipient();
        let mut parts = Vec::with_capacity(release.parts.len());
        for part in release.parts {
            let plain = serde_json::to_vec(&part.entry).map_err(|_| AppError::Broken("manifest entry"))?;
            parts.push(HeldPart {
                number: part.number,
                role: part.entry.role,
                entry: release.sealing.seal(&plain)?,
                objects: part.objects,
                size: part.entry.size,
                check: part.check,
            });
        }
        let mut held = HeldDeposit {
            id: release.transfer,
            reference: Reference::new(self.random.bytes()),
            mailbox: release.mailbox.id,
            depositor: release.depositor,
            acknowledge_to: release.acknowledge_to.clone(),
            title: release.title,
            title_replaced: release.title_replaced,
            route: release.route,
            outgoing: release.outgoing,
            report: release.report,
            answers: release.answers,
            form: release.form,
            language: release.language,
            accepted_at: now,
            recipient,
            wrap,
            key_day,
            parts,
            refused: release.refused,
            original_digest: release.original_digest,
            reason,
            next_try_at: now,
            mailbox_told: false,
            warned: false,
        };
        let object = Object::Transfer { transfer: held.id, mailbox: held.mailbox };
        let actor = Actor::Person(held.depositor.person);
        let told = event(now, actor, Action::DepositHeld, object, Outcome::Done, release.origin);
        let count = Detail::Count(u64::from(held.file_count()));
        self.log(unit, told.under(self.policies.load().digest).with(count))?;
        let organisation = self.organisation_of(release.mailbox).await?;
        self.tell_of_hold(
            unit,
            &held,
            release.mailbox,
            &organisation,
            HoldStage::Begun,
            now,
            HoldAudience::Depositor,
        )?;
        // A large deposit that is being inspected is on its way in a moment: nobody is called for that.
        if reason != HoldReason::InspectionGoesOn && held.outgoing.is_none() {
            held.mailbox_told = true;
            self.tell_of_hold(
                unit,
                &held,
                release.mailbox,
                &organisation,
                HoldStage::Begun,
                now,
                HoldAudience::Mailbox,
            )?;
        }
        let reference = held.reference.clone();
        unit.expect_absent(Key::Held(held.id));
        unit.put(held);
        Ok(reference)
    }

    /// Tells the job that a deposit was held; called after the commit.
    pub(super) fn wake_held(&self) {
        self.held_waits.notify_one();
    }

    async fn look_at(&self, mut held: HeldDeposit, version: u64, now: Timestamp) -> Result<Looked, AppError> {
        let mailbox: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(held.mailbox)).await?;
        let (mailbox, _) = mailbox.ok_or(AppError::Broken("held deposit without mailbox"))?;
        if now >= held.ends_at() {
            return self.end_hold(held, version, &mailbox, now).await;
        }
        match self.judge_held(&mut held, &mailbox, now).await? {
            Ok(judged) => self.release_held(held, version, &mailbox, judged, now).await,
            Err(reason) => self.keep_waiting(held, version, &mailbox, reason, now).await,
        }
    }

    /// Judges every part that is not judged yet. What was refused is taken out and returned, to be erased.
    async fn judge_held(
        &self,
        held: &mut HeldDeposit,
        mailbox: &Mailbox,
        now: Timestamp,
    ) -> Result<Result<Judged, HoldReason>, AppError> {
        let identity = self.open_with(KeyName::Draft(held.key_day), &held.wrap)?;
        let identity = Arc::new(read_identity(&identity)?);
        let mut judged = Judged {
            identity: Arc::clone(&identity),
            entries: Vec::new(),
            erased: Vec::new(),
            told: Vec::new(),
        };
        for part in held.parts.clone() {
            // The document of a form that was refused meanwhile goes with it.
            if !held.parts.iter().any(|kept| kept.role == part.role && kept.number == part.number) {
                continue;
            }
            let plain = open(&identity, &part.entry)?;
            let entry: ManifestPart =
                serde_json::from_slice(plain.expose()).map_err(|_| AppError::Broken("manifest entry"))?;
            let look = match part.role {
                PartRole::Message if part.size == ByteSize(0) => None,
                PartRole::Message | PartRole::Form => Some(Look::Whole(FileKind::Text)),
                // Made of the form by us.
                PartRole::FormDocument => None,
                PartRole::Attachment => Some(Look::Walk { name: entry.name.clone(), scanned: None }),
                PartRole::Original => Some(Look::Whole(FileKind::Mail)),
            };
            let Some(look) = look.filter(|_| part.check.is_none()) else {
                judged.entries.push(entry);
                continue;
            };
            if !self.inspects_files() {
                // Turned off since: what was held is not let go unscanned by that.
                return Ok(Err(HoldReason::ScannerDown));
            }
            let inspected =
                self.inspect_part(&identity, &entry, &part.objects, look, self.file_policy(mailbox)).await?;
            let inspection = match inspected {
                Ok(inspection) => inspection,
                Err(reason) => return Ok(Err(reason)),
            };
            count(&inspection);
            let object = Object::TransferPart { transfer: held.id, mailbox: held.mailbox, part: part.number };
            match Check::of(inspection) {
                Ok(check) => {
                    judged.told.push((object, Action::FileScanned, Outcome::Done));
                    set_check(held, &part, check);
                    if part.role == PartRole::Form {
                        pass_document(held);
                    }
                    judged.entries.push(entry);
                }
                Err(cause) => {
                    judged.told.push((object, Action::FileRefused, Outcome::Refused(logged(cause.1))));
                    if part.role == PartRole::Original {
                        judged.erased.extend(drop_original(held, &entry));
                    } else if part.role == PartRole::Message {
                        let file = self.refused_file(REFUSED_TEXT, "", entry.size, cause, now.day())?;
                        held.refused.insert(0, file);
                        let (emptied, replaced) = self.empty_message(held, now).await?;
                        judged.entries.push(emptied);
                        judged.erased.extend(replaced);
                    } else if part.role == PartRole::Form {
                        let file = self.refused_file(REFUSED_TEXT, "", entry.size, cause, now.day())?;
                        held.refused.insert(0, file);
                        judged.erased.extend(held.drop_form());
                    } else {
                        let file =
                            self.refused_file(part.number, &entry.name, entry.size, cause, now.day())?;
                        judged.erased.extend(held.refuse(part.number, file));
                    }
                }
            }
        }
        // A mail with a refused part is not kept as it came in.
        if !held.refused.is_empty()
            && let Some(place) = judged.entries.iter().position(|entry| entry.role == PartRole::Original)
        {
            let original = judged.entries.remove(place);
            judged.erased.extend(drop_original(held, &original));
        }
        Ok(Ok(judged))
    }

    /// Puts an empty message in the place of a refused one, so that the files keep their numbers; returns its entry, and
    /// what is to be erased.
    async fn empty_message(
        &self,
        held: &mut HeldDeposit,
        now: Timestamp,
    ) -> Result<(ManifestPart, Vec<ObjectLocator>), AppError> {
        let sealing = SealingKey::new(&held.recipient)?;
        let empty = ClearPart {
            role: PartRole::Message,
            name: "",
            content_type: "text/plain; charset=utf-8",
            bytes: b"",
        };
        let sealed = self.seal_parts(&sealing, &[empty], now.day()).await?.pop();
        let sealed = sealed.ok_or(AppError::Broken("sealed message"))?;
        let part = held.parts.iter_mut().find(|part| part.role == PartRole::Message);
        let part = part.ok_or(AppError::Broken("held deposit without message"))?;
        let replaced = std::mem::replace(&mut part.objects, sealed.objects);
        part.size = ByteSize(0);
        Ok((sealed.entry, replaced))
    }

    async fn release_held(
        &self,
        held: HeldDeposit,
        version: u64,
        mailbox: &Mailbox,
        judged: Judged,
        now: Timestamp,
    ) -> Result<Looked, AppError> {
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Held(held.id), version);
        unit.delete(Key::Held(held.id));
        let object = Object::Transfer { transfer: held.id, mailbox: held.mailbox };
        let policy = self.policies.load().digest;
        for (part, action, outcome) in judged.told {
            self.log(&mut unit, event(now, Actor::System, action, part, outcome, Origin::Job).under(policy))?;
        }
        let released = event(now, Actor::System, Action::DepositReleased, object, Outcome::Done, Origin::Job);
        self.log(&mut unit, released.with(Detail::Millis(held.accepted_at.until(now))))?;
        let of = ErasureOf::Transfer { transfer: held.id, mailbox: held.mailbox };
        let erasing = match judged.erased {
            objects if objects.is_empty() => None,
            objects => Some(self.intend(&mut unit, Effect::EraseObjects { of, objects }, now)?),
        };
        let sealing = SealingKey::new(&held.recipient)?;
        let parts = held.parts.into_iter().zip(judged.entries).map(|(part, entry)| SealedPart {
            entry,
            objects: part.objects,
            number: part.number,
            check: part.check,
        });
        self.release(
            &mut unit,
            Release {
                transfer: held.id,
                reference: Some(held.reference),
                identity: &judged.identity,
                sealing: &sealing,
                mailbox,
                depositor: held.depositor,
                acknowledge_to: &held.acknowledge_to,
                title: held.title,
                title_replaced: held.title_replaced,
                route: held.route,
                outgoing: held.outgoing,
                answers: held.answers,
                form: held.form,
                language: held.language,
                received_at: now,
                parts: parts.collect(),
                refused: held.refused,
                original_digest: held.original_digest,
                report: held.report,
                origin: Origin::Job,
            },
        )
        .await?;
        self.store.commit(unit).await?;
        self.wake_delivery();
        self.wake_receipts();
        if let Some(erasing) = erasing {
            self.carry_out(erasing).await?;
        }
        Ok(Looked::Released)
    }

    async fn keep_waiting(
        &self,
        mut held: HeldDeposit,
        version: u64,
        mailbox: &Mailbox,
        reason: HoldReason,
        now: Timestamp,
    ) -> Result<Looked, AppError> {
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Held(held.id), version);
        held.reason = reason;
        held.next_try_at = now + LOOK_AGAIN;
        let organisation = self.organisation_of(mailbox).await?;
        if !held.mailbox_told && now >= held.accepted_at + TELL_AFTER {
            held.mailbox_told = true;
            self.tell_of_hold(
                &mut unit,
                &held,
                mailbox,
                &organisation,
                HoldStage::Begun,
                now,
                HoldAudience::Mailbox,
            )?;
        }
        if !held.warned && now >= held.ends_at() - HOLD_WARNING {
            held.warned = true;
            let object = Object::Transfer { transfer: held.id, mailbox: held.mailbox };
            let outcome = Outcome::Failed(FailureReason::Scanner);
            let alert = event(now, Actor::System, Action::AlertRaised, object, outcome, Origin::Job);
            self.log(&mut unit, alert)?;
            for audience in [HoldAudience::Mailbox, HoldAudience::Depositor] {
                self.tell_of_hold(
                    &mut unit,
                    &held,
                    mailbox,
                    &organisation,
                    HoldStage::Ending,
                    now,
                    audience,
                )?;
            }
        }
        unit.put(held);
        self.store.commit(unit).await?;
        self.wake_delivery();
        Ok(Looked::Waits)
    }

    /// A deposit that could not be judged in its time ends: not delivered, not in silence.
    async fn end_hold(
        &self,
        held: HeldDeposit,
        version: u64,
        mailbox: &Mailbox,
        now: Timestamp,
    ) -> Result<Looked, AppError> {
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Held(held.id), version);
        unit.delete(Key::Held(held.id));
        let object = Object::Transfer { transfer: held.id, mailbox: held.mailbox };
        let outcome = Outcome::Failed(FailureReason::GaveUp);
        self.log(
            &mut unit,
            event(now, Actor::System, Action::DepositReleased, object, outcome, Origin::Job),
        )?;
        let organisation = self.organisation_of(mailbox).await?;
        for audience in [HoldAudience::Mailbox, HoldAudience::Depositor] {
            self.tell_of_hold(&mut unit, &held, mailbox, &organisation, HoldStage::Ended, now, audience)?;
        }
        let wishes = held
            .report
            .as_deref()
            .into_iter()
            .chain(held.outgoing.iter().flat_map(|outgoing| &outgoing.reports));
        let requires_tls = held.depositor.requires_tls()
            || held.outgoing.as_ref().is_some_and(|outgoing| outgoing.requires_tls);
        for wish in wishes.filter(|wish| wish.notify.failure) {
            let told = Reported::timed_out();
            let of = ReportedOf { mailbox: Some(held.mailbox), transfer: None, requires_tls };
            self.write_report(&mut unit, wish, told, Some(held.reference.clone()), of, now, Origin::Job)?;
        }
        let of = ErasureOf::Transfer { transfer: held.id, mailbox: held.mailbox };
        let objects: Vec<ObjectLocator> = held.parts.into_iter().flat_map(|part| part.objects).collect();
        let erasing = self.intend(&mut unit, Effect::EraseObjects { of, objects }, now)?;
        self.store.commit(unit).await?;
        self.wake_delivery();
        self.carry_out(erasing).await?;
        Ok(Looked::Ended)
    }

    #[expect(clippy::too_many_arguments, reason = "who is told what of which deposit, each its own type")]
    fn tell_of_hold(
        &self,
        unit: &mut UnitOfWork,
        held: &HeldDeposit,
        mailbox: &Mailbox,
        organisation: &Organisation,
        stage: HoldStage,
        now: Timestamp,
        audience: HoldAudience,
    ) -> Result<(), AppError> {
        let (to, language): (&MailAddress, Language) = match audience {
            HoldAudience::Depositor => (&held.acknowledge_to, held.language),
            HoldAudience::Mailbox => (&mailbox.notice_address, Language::Fr),
        };
        let letter = Letter::Hold(HoldLetter {
            stage,
            audience,
            reference: held.reference.clone(),
            mailbox_name: mailbox.name.clone(),
            organisation_name: organisation.name.clone(),
            title: held.title.to_string(),
            sender: held.depositor.address.to_string(),
            partner: held.depositor.partner_name.clone(),
            accepted_at: held.accepted_at,
            file_count: held.file_count(),
            total: held.total_size(),
            because_fr: held.reason.told(Language::Fr).to_owned(),
            because_en: held.reason.told(Language::En).to_owned(),
            ends_at: held.ends_at(),
            path: "/boites".to_owned(),
        });
        let mut mail = self.write_letter(&NewLetter {
            kind: LetterKind::Hold,
            letter: &letter,
            to,
            language,
            mailbox: Some(mailbox.id),
            transfer: Some(held.id),
            written_at: now,
        })?;
        mail.requires_tls = held.depositor.requires_tls();
        self.queue_mail(unit, mail, Origin::Job)
    }
}

/// What a look at a held deposit came to.
enum Looked {
    Released,
    Waits,
    Ended,
}

/// A held deposit whose parts are all judged.
struct Judged {
    identity: Arc<Identity>,
    /// The manifest entries of the parts that go on, in their order.
    entries: Vec<ManifestPart>,
    erased: Vec<ObjectLocator>,
    told: Vec<(Object, Action, Outcome)>,
}

fn set_check(held: &mut HeldDeposit, part: &HeldPart, check: Check) {
    let same = |other: &&mut HeldPart| other.number == part.number && other.role == part.role;
    if let Some(part) = held.parts.iter_mut().find(same) {
        part.check = Some(check);
    }
}

/// The document of a form says what the form says: it is judged with it.
fn pass_document(held: &mut HeldDeposit) {
    let documents = held.parts.iter_mut().filter(|part| part.role == PartRole::FormDocument);
    documents.for_each(|part| part.check = Some(Check::Passed { kind: FileKind::Pdf, warnings: Vec::new() }));
}

/// Takes the mail as it came in out; its digest stays.
fn drop_original(held: &mut HeldDeposit, entry: &ManifestPart) -> Vec<ObjectLocator> {
    held.original_digest = Some(entry.digest);
    let Some(place) = held.parts.iter().position(|part| part.role == PartRole::Original) else {
        return Vec::new();
    };
    held.parts.remove(place).objects
}

impl App {
    /// Releases, or holds when there is a reason to. Either way one commit of the caller makes it durable.
    pub(super) async fn release_or_hold(
        &self,
        unit: &mut UnitOfWork,
        release: Release<'_>,
        hold: Option<HoldReason>,
    ) -> Result<Reference, AppError> {
        match hold {
            None => Box::pin(self.release(unit, release)).await,
            Some(reason) => Box::pin(self.hold(unit, release, reason)).await,
        }
    }

    /// The oldest held deposits of a mailbox, for its agents, and whether there are more.
    pub(super) async fn held_of(
        &self,
        mailbox: crate::value::MailboxId,
    ) -> Result<(Vec<HeldDeposit>, bool), AppError> {
        let found: Vec<(HeldDeposit, u64)> = self.read_list(&List::HeldOf(mailbox), BATCH + 1).await?;
        let more = found.len() > BATCH;
        Ok((found.into_iter().map(|(held, _)| held).take(BATCH).collect(), more))
    }
}
