//! The files of a draft are judged: each as soon as it is sealed, what is left when the draft is sent. A refused file is
//! taken out and erased, its name stays for the depositor's page; the rest of the draft stays (D8).
//!
//! | after | a crash leaves | who cleans |
//! | --- | --- | --- |
//! | the inspection | a file that is not judged | it is judged when the draft is sent, or while it is held |
//! | the commit of a refusal | a refused file that is not erased | the next run of the jobs finishes the effect |

use std::io::Cursor;
use std::sync::Arc;

use super::inspect::{Inspected, Look, count, logged};
use super::ports::{Key, UnitOfWork};
use super::scan_tee::ScanTee;
use super::{App, AppError, CONFLICT_TRIES, DraftView, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome};
use crate::content::{
    Antivirus, AntivirusAnswer, FileKind, Inspection, RefusalCause, ScanFailure, WalkLimits, inspect, sniff,
};
use crate::mailbox::Mailbox;
use crate::retention::KeyName;
use crate::transfer::{Check, Draft, DraftPart, DraftState, HoldReason, RefusedFile};
use crate::value::{ByteSize, Day, DraftId};
use crate::vault::{ManifestPart, open, seal};

/// Files that are still to be judged are judged while the depositor waits, up to so many bytes; beyond, the deposit is
/// held and goes on by itself.
const AT_ONCE_MAX: ByteSize = ByteSize::mebibytes(256);

/// A refused file with its name, for the depositor's own page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRefusal {
    /// Its number in the deposit.
    pub number: u32,
    /// Its name; none when the draft key is gone.
    pub name: Option<String>,
    /// Its type by its content.
    pub kind: FileKind,
    /// Its size.
    pub size: ByteSize,
    /// Why.
    pub cause: RefusalCause,
}

/// Where the files of a draft stand when it is to be sent.
pub(super) enum Standing {
    /// All that are in it go on.
    Judged,
    /// One was refused just now: the depositor sees it before anything is sent.
    Refused,
    /// Some are not judged yet.
    Waiting(HoldReason),
}

impl App {
    /// Judges a file that was sealed just now. Returns why it was refused, if it was; a file that could not be judged yet
    /// stays as it is.
    pub(super) async fn inspect_new_file(
        &self,
        draft: DraftId,
        number: u32,
        head: &[u8],
        tee: ScanTee,
        visitor: Visitor,
    ) -> Result<Option<RefusalCause>, AppError> {
        let answer = tee.finish().await;
        if !self.inspects_files() {
            return Ok(None);
        }
        let Some((draft, mailbox)) = self.open_draft_and_mailbox(draft).await? else { return Ok(None) };
        let Some(part) = draft.parts.iter().find(|part| part.number == number) else { return Ok(None) };
        let inspected = match answer {
            Some(answer) if sniff(head).is_told_by_its_head() => {
                let entry = self.part_entry(&draft, part)?;
                Ok(self.judge_by_head(head, &entry.name, answer, &mailbox)?)
            }
            answer => self.inspect_draft_part(&draft, part, answer, &mailbox).await?,
        };
        match inspected {
            Ok(inspection) => self.note_judgement(draft.id, number, inspection, visitor).await,
            Err(_) => Ok(None),
        }
    }

    /// Judges what is left of a draft that is to be sent.
    pub(super) async fn settle_files(
        &self,
        view: DraftView,
        visitor: Visitor,
    ) -> Result<(DraftView, Standing), AppError> {
        if !self.inspects_files() {
            return Ok((view, Standing::Judged));
        }
        let mut standing = Standing::Judged;
        let open: Vec<&DraftPart> =
            view.draft.parts.iter().filter(|part| view.draft.inspection.of(part.number).is_none()).collect();
        let mut changed = false;
        for part in open {
            let inspected = self.inspect_draft_part(&view.draft, part, None, &view.mailbox).await?;
            match inspected {
                Ok(inspection) => {
                    changed = true;
                    if self.note_judgement(view.draft.id, part.number, inspection, visitor).await?.is_some() {
                        standing = Standing::Refused;
                    }
                }
                // Time will judge the others as well.
                Err(reason) if !matches!(standing, Standing::Refused) => {
                    standing = Standing::Waiting(reason);
                    break;
                }
                Err(_) => {}
            }
        }
        if !changed {
            return Ok((view, standing));
        }
        let found: Option<(Draft, u64)> = self.read(&Key::Draft(view.draft.id)).await?;
        let (draft, version) = found.ok_or(AppError::Contended)?;
        Ok((DraftView { draft, version, ..view }, standing))
    }

    /// Refused files with their names, for the page of who deposited them.
    pub fn named_refusals(&self, refused: &[RefusedFile]) -> Vec<NamedRefusal> {
        let named = refused.iter().map(|file| NamedRefusal {
            number: file.number,
            name: self.refused_name(file),
            kind: file.kind,
            size: file.size,
            cause: file.cause,
        });
        named.collect()
    }

    fn refused_name(&self, file: &RefusedFile) -> Option<String> {
        let key = self.keyring.identity(KeyName::Draft(file.key_day)).ok()?;
        let name = open(&key, &file.name).ok()?;
        String::from_utf8(name.expose().to_vec()).ok()
    }

    /// What stays of a refused file.
    pub(super) fn refused_file(
        &self,
        number: u32,
        name: &str,
        size: ByteSize,
        (kind, cause): (FileKind, RefusalCause),
        today: Day,
    ) -> Result<RefusedFile, AppError> {
        let key = self.keyring.recipient(KeyName::Draft(today))?;
        let name = seal(&key, name.as_bytes())?;
        Ok(RefusedFile { number, name, key_day: today, kind, size, cause })
    }

    async fn inspect_draft_part(
        &self,
        draft: &Draft,
        part: &DraftPart,
        scanned: Option<AntivirusAnswer>,
        mailbox: &Mailbox,
    ) -> Result<Inspected, AppError> {
        if part.size > AT_ONCE_MAX {
            return Ok(Err(HoldReason::InspectionGoesOn));
        }
        let identity = self.draft_identity(draft)?.ok_or(AppError::Broken("open draft without key"))?;
        let entry = self.part_entry(draft, part)?;
        let look = Look::Walk { name: entry.name.clone(), scanned };
        self.inspect_part(&Arc::new(identity), &entry, &part.objects, look, self.file_policy(mailbox)).await
    }

    fn part_entry(&self, draft: &Draft, part: &DraftPart) -> Result<ManifestPart, AppError> {
        let identity = self.draft_identity(draft)?.ok_or(AppError::Broken("open draft without key"))?;
        let plain = open(&identity, &part.entry)?;
        serde_json::from_slice(plain.expose()).map_err(|_| AppError::Broken("manifest entry"))
    }

    fn judge_by_head(
        &self,
        head: &[u8],
        name: &str,
        answer: AntivirusAnswer,
        mailbox: &Mailbox,
    ) -> Result<Inspection, AppError> {
        let (policy, limits) = (self.file_policy(mailbox), WalkLimits::default());
        inspect(&mut Cursor::new(head), name, Some(answer), &policy, limits, &mut AnsweredAlready)
            .map_err(|_| AppError::Broken("inspection of a head"))
    }

    /// Commits a judgement. Returns why the file is refused, if it is.
    async fn note_judgement(
        &self,
        id: DraftId,
        number: u32,
        inspection: Inspection,
        visitor: Visitor,
    ) -> Result<Option<RefusalCause>, AppError> {
        count(&inspection);
        let check = Check::of(inspection);
        for _ in 0..CONFLICT_TRIES {
            let found: Option<(Draft, u64)> = self.read(&Key::Draft(id)).await?;
            let Some((mut draft, version)) = found.filter(|(draft, _)| draft.state == DraftState::Open)
            else {
                return Ok(None);
            };
            let Some(part) = draft.parts.iter().find(|part| part.number == number).cloned() else {
                return Ok(None);
            };
            let now = self.believed_now()?;
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Draft(id), version);
            let (actor, object) =
                (Actor::Person(draft.person), Object::DraftPart { draft: id, part: number });
            let told = |action, outcome| {
                event(now, actor, action, object, outcome, visitor.web()).under(self.policies.load().digest)
            };
            let mut erasing = None;
            match &check {
                Ok(passed) => {
                    self.log(&mut unit, told(Action::FileScanned, Outcome::Done))?;
                    draft.inspection.pass(number, passed.clone());
                }
                Err((kind, cause)) => {
                    self.log(&mut unit, told(Action::FileRefused, Outcome::Refused(logged(*cause))))?;
                    let entry = self.part_entry(&draft, &part)?;
                    let file =
                        self.refused_file(number, &entry.name, entry.size, (*kind, *cause), now.day())?;
                    draft.remove(number).map_err(|_| AppError::Contended)?;
                    draft.inspection.refused.push(file);
                    erasing = self.intend_erasing_parts(&mut unit, id, vec![part], now)?;
                }
            }
            unit.put(draft);
            match (self.store.commit(unit).await.map_err(AppError::from), erasing) {
                (Err(error), _) if error.is_conflict() => {}
                (Err(error), _) => return Err(error),
                (Ok(_), erasing) => {
                    if let Some(erasing) = erasing {
                        self.carry_out(erasing).await?;
                    }
                    return Ok(check.err().map(|(_, cause)| cause));
                }
            }
        }
        Err(AppError::Contended)
    }

    async fn open_draft_and_mailbox(&self, id: DraftId) -> Result<Option<(Draft, Mailbox)>, AppError> {
        let draft: Option<(Draft, u64)> = self.read(&Key::Draft(id)).await?;
        let Some((draft, _)) = draft.filter(|(draft, _)| draft.state == DraftState::Open) else {
            return Ok(None);
        };
        let mailbox: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(draft.mailbox)).await?;
        Ok(mailbox.map(|(mailbox, _)| (draft, mailbox)))
    }
}

/// Stands in where the antivirus answered already: nothing is scanned.
struct AnsweredAlready;

impl Antivirus for AnsweredAlready {
    fn scan(&mut self, _: &mut dyn std::io::Read) -> Result<AntivirusAnswer, ScanFailure> {
        Err(ScanFailure::Antivirus)
    }

    fn largest(&self) -> u64 {
        u64::MAX
    }
}
