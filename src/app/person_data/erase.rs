//! Erases what is held about an address, where the law allows (S5, GDPR art. 17). The name goes, the proof stays: the log
//! keeps the pseudonym, which nothing leads back from any more.
//!
//! What stays is told with its reason: transfers under way (public interest, art. 17(3)(b)) until they expire, mails that
//! wait, lines of the register under the pseudonym, addresses that the fund itself set.

use thiserror::Error;

use super::super::kit_text::Section;
use super::super::ports::{Key, UnitOfWork};
use super::super::{App, AppError, KitReader, event};
use super::Held;
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome, RefusalReason};
use crate::identity::Role;
use crate::transfer::{DefaultsOf, DraftState};
use crate::value::{Language, MailAddress, PersonId, Timestamp, calendar};

/// Why nothing is erased.
#[derive(Debug, Error)]
pub enum ErasureError {
    /// The person is no security officer.
    #[error("the person is not entitled")]
    NotEntitled,
    /// It is the account of who asks, or of the last active security officer: nobody could answer for the log.
    #[error("the account is needed to answer for the log")]
    Needed,
    /// It opens mailboxes whose key the members alone keep: a member removes it there first, so that their keys are made
    /// anew and nothing is lost.
    #[error("the account opens mailboxes that members alone keep; remove it there first")]
    OpensMailboxes,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// What stays, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What.
    pub what: String,
    /// How much.
    pub count: usize,
    /// Why, and until when.
    pub why: String,
}

/// What became of a request to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureReport {
    /// The pseudonym that stays in the log.
    pub pseudonym: PersonId,
    /// What was erased, and how much.
    pub erased: Vec<(String, usize)>,
    /// What stays.
    pub kept: Vec<Kept>,
}

impl ErasureReport {
    /// The report, to be read.
    pub fn sections(&self) -> Vec<Section> {
        let erased = self.erased.iter().map(|(what, count)| format!("{what} : {count}"));
        let kept = self.kept.iter().map(|kept| format!("{} : {} – {}", kept.what, kept.count, kept.why));
        vec![
            Section::new("Effacé").rows("Données", erased.collect()),
            Section::new("Conservé").rows("Données", kept.collect()).row(
                "Journal",
                format!("les entrées gardent le pseudonyme {} ; la preuve reste vérifiable", self.pseudonym),
            ),
        ]
    }
}

impl App {
    /// Erases an address. One commit holds all of it, with its events.
    pub async fn erase_person(
        &self,
        address: &MailAddress,
        who: KitReader<'_>,
        origin: Origin,
    ) -> Result<ErasureReport, ErasureError> {
        let person = self.person_of(address)?;
        let actor = match who {
            KitReader::Operator => Actor::Operator,
            KitReader::Member(account) => Actor::Person(account.person),
        };
        let object = Object::Person(person);
        let told = |outcome| event(self.now().at, actor, Action::NameErased, object, outcome, origin);
        if matches!(who, KitReader::Member(account) if !account.reads_log()) {
            self.log_alone(told(Outcome::Refused(RefusalReason::NotEntitled))).await?;
            return Err(ErasureError::NotEntitled);
        }
        let held = self.held(address, person).await?;
        if self.is_needed(&held, who).await? {
            self.log_alone(told(Outcome::Refused(RefusalReason::AccountNeeded))).await?;
            return Err(ErasureError::Needed);
        }
        if self.opens_mailboxes(&held).await? {
            self.log_alone(told(Outcome::Refused(RefusalReason::AccountNeeded))).await?;
            return Err(ErasureError::OpensMailboxes);
        }
        let now = self.now().at;
        let mut unit = UnitOfWork::default();
        let report = self.erase_held(&mut unit, &held, person, actor, origin, now)?;
        let count = report.erased.iter().map(|(_, count)| *count as u64).sum();
        self.log(&mut unit, told(Outcome::Done).with(Detail::Count(count)))?;
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(report)
    }

    /// Whether the account is that of who asks, or of the last active officer.
    async fn is_needed(&self, held: &Held, who: KitReader<'_>) -> Result<bool, AppError> {
        let Some((account, _)) = &held.account else { return Ok(false) };
        if matches!(who, KitReader::Member(asking) if asking.id == account.id) {
            return Ok(true);
        }
        if account.role != Role::SecurityOfficer || !account.is_active() {
            return Ok(false);
        }
        let all: Vec<(crate::identity::Account, u64)> =
            self.read_list(&super::List::Accounts, super::FOUND_MAX).await?;
        Ok(all.iter().filter(|(other, _)| other.reads_log()).count() <= 1)
    }

    /// Whether the account holds a wrap of a key that members alone keep.
    async fn opens_mailboxes(&self, held: &Held) -> Result<bool, AppError> {
        let Some((account, _)) = &held.account else { return Ok(false) };
        for mailbox in &held.mailboxes {
            if self.member_wrap(mailbox, account).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn erase_held(
        &self,
        unit: &mut UnitOfWork,
        held: &Held,
        person: PersonId,
        actor: Actor,
        origin: Origin,
        now: Timestamp,
    ) -> Result<ErasureReport, AppError> {
        let mut erased: Vec<(String, usize)> = Vec::new();
        let mut count = |what: &str, count: usize| {
            if count > 0 {
                erased.push((what.to_owned(), count));
            }
        };
        if held.name.is_some() {
            unit.delete(Key::Person(person));
            count("nom dans la table des personnes", 1);
        }
        if let Some((account, version)) = &held.account {
            unit.expect_unchanged(Key::Account(account.id), *version);
            unit.delete(Key::Account(account.id));
            unit.delete(Key::PersonalKey(account.id));
            unit.delete(Key::MailPassword(account.id));
            unit.delete(Key::SendingDefaults(DefaultsOf::Account(account.id)));
            // Only of former keys of mailboxes: whoever opens a present one is not erased.
            let wraps = held.wraps.iter();
            wraps.for_each(|wrap| unit.delete(Key::MemberWrap((wrap.mailbox, account.id))));
            let object = Object::Account(account.id);
            self.log(unit, event(now, actor, Action::AccountDeleted, object, Outcome::Done, origin))?;
            held.sessions.iter().for_each(|session| unit.delete(Key::Session(session.token)));
            held.links.iter().for_each(|link| unit.delete(Key::AccountLink(link.token)));
            count("compte", 1);
            count("sessions", held.sessions.len());
        }
        held.proofs.iter().for_each(|proof| unit.delete(Key::Proof(proof.id)));
        count("liens de dépôt demandés", held.proofs.len());
        let sent = || held.drafts.iter().filter(|(draft, _)| draft.state != DraftState::Open);
        for (draft, version) in sent() {
            unit.expect_unchanged(Key::Draft(draft.id), *version);
            unit.delete(Key::Draft(draft.id));
        }
        count("brouillons envoyés", sent().count());
        let ended = || held.mails.iter().filter(|(mail, _)| mail.due_at().is_none());
        for (mail, version) in ended() {
            unit.expect_unchanged(Key::Mail(mail.id), *version);
            unit.delete(Key::Mail(mail.id));
        }
        count("états de courriels", ended().count());
        Ok(ErasureReport { pseudonym: person, erased, kept: kept(held) })
    }
}

/// What stays, each with its reason.
fn kept(held: &Held) -> Vec<Kept> {
    let open = held.drafts.iter().filter(|(draft, _)| draft.state == DraftState::Open).count();
    let waiting = held.mails.iter().filter(|(mail, _)| mail.due_at().is_some()).count();
    let last = held.transfers.iter().map(|transfer| transfer.expires_at).max();
    let last = last.map(|at| calendar::full(at, Language::Fr).replace('\u{a0}', " ")).unwrap_or_default();
    let rows = [
        (
            "transferts en cours",
            held.transfers.len(),
            format!(
                "mission d'intérêt public (article 17, paragraphe 3, b) : la boîte doit savoir qui lui écrit ; effacés au plus tard le {last}"
            ),
        ),
        (
            "dépôts retenus pour analyse",
            held.waiting.len(),
            "le dépôt est accepté et doit être remis ; remis après l'analyse, sinon effacés sept jours après leur envoi"
                .to_owned(),
        ),
        (
            "brouillons ouverts",
            open,
            "un dépôt est en cours ; effacés 24 heures après le dernier octet".to_owned(),
        ),
        (
            "courriels en attente",
            waiting,
            "ils doivent encore partir ; à effacer après leur envoi, cinq jours au plus".to_owned(),
        ),
        ("lignes du tableau de suivi", held.register.len(), "elles ne portent que le pseudonyme".to_owned()),
        (
            "réglages de l'organisme",
            held.settings.len(),
            format!(
                "adresse fixée ou bloquée par l'organisme, qui seul la change : {}",
                held.settings.join(" ; ")
            ),
        ),
    ];
    let present = rows.into_iter().filter(|(_, count, _)| *count > 0);
    present.map(|(what, count, why)| Kept { what: what.to_owned(), count, why }).collect()
}
