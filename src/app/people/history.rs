//! The history of deposits (D11): a depositor's own, after the address is proved; a structure's, for its gestionnaires. Reference,
//! date, mailbox, site and state; no content, no title, no file. Only of mailboxes whose agreement opens this service.

use std::collections::BTreeSet;

use super::{By, PeopleError};
use crate::app::kit_text::csv;
use crate::app::letters::NewLetter;
use crate::app::ports::{Key, List, Record, SecretName, UnitOfWork};
use crate::app::{
    Afterwards, App, AppError, CONFLICT_TRIES, DepositStanding, ProofAsked, Signed, StatusError, Visitor,
    event,
};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{
    AddressProof, Agreement, CODE_TRIES, CodeAnswer, PROOF_LIFE, Partner, Place, ProofCode, ProofPurpose,
    Service,
};
use crate::mailbox::Mailbox;
use crate::policy::rights::Act;
use crate::relay::letter::{Letter, LetterKind, SecretText};
use crate::transfer::Ending;
use crate::value::{
    Language, MailAddress, MailboxId, PartnerId, PersonId, ProofId, Reference, Timestamp, Token, calendar,
};

/// Rows of a page.
const ROWS: usize = 50;
/// Rows of a table for a spreadsheet.
const TABLE_ROWS: usize = 20_000;
/// Records that are looked at for one page.
const LOOKED_AT: usize = 50_000;
/// Records that are read at once.
const CHUNK: usize = 500;

/// Where a deposit stands, as it can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryState {
    /// It waits to be inspected.
    Held,
    /// Nobody opened it yet.
    Waiting,
    /// It was opened.
    Opened,
    /// It was dispatched to who treats it.
    Dispatched,
    /// It was answered.
    Answered,
    /// Its content is destroyed.
    Ended,
}

impl HistoryState {
    /// All that there are.
    pub const ALL: [Self; 6] =
        [Self::Held, Self::Waiting, Self::Opened, Self::Dispatched, Self::Answered, Self::Ended];

    /// The state of a deposit.
    pub const fn of(standing: &DepositStanding) -> Self {
        match standing {
            DepositStanding::Held { .. } => Self::Held,
            DepositStanding::Released { then: Afterwards { answered_at: Some(_), .. }, .. } => Self::Answered,
            DepositStanding::Released { then: Afterwards { dispatched_at: Some(_), .. }, .. } => {
                Self::Dispatched
            }
            DepositStanding::Released { opened_at: None, .. } => Self::Waiting,
            DepositStanding::Released { .. } => Self::Opened,
            DepositStanding::Ended { .. } => Self::Ended,
        }
    }
}

/// What of a structure's history is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Of this site alone.
    pub site: Option<String>,
    /// Into this mailbox alone.
    pub mailbox: Option<MailboxId>,
    /// In this state alone.
    pub state: Option<HistoryState>,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Where the page before ended.
    pub before: Option<Timestamp>,
}

/// A deposit in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// What people quote.
    pub reference: Reference,
    /// The mailbox's name.
    pub mailbox: String,
    /// The site, where it is known.
    pub site: Option<String>,
    /// When it was taken.
    pub received_at: Timestamp,
    /// Where it stands.
    pub standing: DepositStanding,
}

/// A page of a structure's history.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// The structure.
    pub partner: Partner,
    /// The mailboxes whose history is open to it.
    pub mailboxes: Vec<(MailboxId, String)>,
    /// The deposits, newest first.
    pub rows: Vec<HistoryRow>,
    /// Where the next page begins, if there is one.
    pub next: Option<Timestamp>,
}

/// A deposit in whichever state it is, before its mailbox has a name.
struct Found {
    reference: Reference,
    mailbox: MailboxId,
    partner: Option<PartnerId>,
    site: Option<String>,
    received_at: Timestamp,
    standing: DepositStanding,
}

impl App {
    /// A page of a structure's history, for its gestionnaires.
    pub async fn structure_history(
        &self,
        signed: &Signed,
        partner: PartnerId,
        filter: &HistoryFilter,
        visitor: Visitor,
    ) -> Result<HistoryPage, PeopleError> {
        self.history_of_structure(signed, partner, filter, ROWS, visitor).await
    }

    /// All of it that was chosen, as a table for a spreadsheet.
    pub async fn structure_history_table(
        &self,
        signed: &Signed,
        partner: PartnerId,
        filter: &HistoryFilter,
        language: Language,
        visitor: Visitor,
    ) -> Result<String, PeopleError> {
        let page = self.history_of_structure(signed, partner, filter, TABLE_ROWS, visitor).await?;
        Ok(history_table(&page.rows, language))
    }

    async fn history_of_structure(
        &self,
        signed: &Signed,
        partner: PartnerId,
        filter: &HistoryFilter,
        rows: usize,
        visitor: Visitor,
    ) -> Result<HistoryPage, PeopleError> {
        let (by, object) = (By::person(signed, visitor), Object::Partner(partner));
        let about = (Action::DepositHistoryListed, object);
        self.permit(by, Act::SeeStructureHistory, Place::Structure(partner), about).await?;
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
        let (partner, _) = found.ok_or(PeopleError::NotFound)?;
        let mut mailboxes = Vec::new();
        for mailbox in self.mailboxes().await? {
            if self.is_tracked(partner.id, mailbox.id).await? {
                mailboxes.push((mailbox.id, mailbox.name));
            }
        }
        mailboxes.sort_by(|(_, one), (_, other)| one.cmp(other));
        let open: BTreeSet<MailboxId> = mailboxes.iter().map(|(id, _)| *id).collect();
        let now = self.now().at;
        let fits = |found: &Found| {
            open.contains(&found.mailbox)
                && filter.mailbox.is_none_or(|mailbox| mailbox == found.mailbox)
                && filter.site.as_ref().is_none_or(|site| found.site.as_ref() == Some(site))
                && filter.state.is_none_or(|state| state == HistoryState::of(&found.standing))
        };
        let before = filter.before.into_iter().chain(filter.until).min();
        let of = |before| List::DepositsOfPartner { partner: partner.id, before };
        let (found, next) = self.deposits(of, before, filter.from, rows, now, fits).await?;
        let named = |found: Found| {
            let mailbox = mailboxes.iter().find(|(id, _)| *id == found.mailbox);
            found.named(mailbox.map(|(_, name)| name.clone()).unwrap_or_default())
        };
        let rows = found.into_iter().map(named).collect();
        let told = event(now, by.actor(), about.0, object, Outcome::Done, by.origin);
        self.log_alone(told.of_partner(partner.id)).await?;
        Ok(HistoryPage { partner, mailboxes, rows, next })
    }

    /// Deposits of a list that are asked for, newest first, up to a number; and where the rest begins.
    async fn deposits(
        &self,
        of: impl Fn(Option<Timestamp>) -> List,
        mut before: Option<Timestamp>,
        from: Option<Timestamp>,
        rows: usize,
        now: Timestamp,
        fits: impl Fn(&Found) -> bool,
    ) -> Result<(Vec<Found>, Option<Timestamp>), AppError> {
        let (mut kept, mut looked) = (Vec::new(), 0);
        loop {
            let records = self.store.list(&of(before), CHUNK).await?;
            let is_last = records.len() < CHUNK;
            looked += records.len();
            for record in records {
                let Some(found) = Found::of(record.record, now) else { continue };
                if from.is_some_and(|from| found.received_at < from) {
                    return Ok((kept, None));
                }
                before = Some(found.received_at);
                if fits(&found) {
                    kept.push(found);
                    if kept.len() >= rows {
                        return Ok((kept, before));
                    }
                }
            }
            if is_last {
                return Ok((kept, None));
            }
            if looked >= LOOKED_AT {
                return Ok((kept, before));
            }
        }
    }

    /// Whether the agreement with a mailbox opens following what was sent (D11), in force or not: what was sent under it stays
    /// visible to who sent it.
    async fn is_tracked(&self, partner: PartnerId, mailbox: MailboxId) -> Result<bool, AppError> {
        let found: Option<(Agreement, u64)> = self.read(&Key::Agreement((mailbox, partner))).await?;
        Ok(found.is_some_and(|(agreement, _)| agreement.terms.services.contains(&Service::Tracking)))
    }

    /// Asks to see all own deposits. A mail goes out only to an address that has some; the answer is the same for all.
    pub async fn request_history(
        &self,
        address: MailAddress,
        language: Language,
        visitor: Visitor,
    ) -> Result<ProofAsked, AppError> {
        let now = self.believed_now()?;
        let person = self.person_of(&address)?;
        let list = List::DepositsBy { person, before: None };
        let found = self.store.list(&list, 1).await?.pop().and_then(|found| Found::of(found.record, now));
        let barred = self.is_barred_of(&address, found.as_ref().and_then(|found| found.partner)).await?;
        let partner = found.and_then(|found| found.partner).filter(|_| !barred);
        let (token, browser) = (Token::new(self.random.bytes()), Token::new(self.random.bytes()));
        let (id, code) = (ProofId::new(self.random.bytes()), ProofCode::new(self.random.bytes()));
        let letter = Letter::StatusLink {
            reference: None,
            path: SecretText::new(format!("/suivi/liste/{}", token.expose())),
            code: SecretText::new(code.expose().to_owned()),
            starts_until: now + PROOF_LIFE,
        };
        // Sealed also for who has sent nothing: the work is the same, only the sending is left out.
        let mail = self.write_letter(&NewLetter {
            kind: LetterKind::StatusLink,
            letter: &letter,
            to: &address,
            language,
            mailbox: None,
            transfer: None,
            written_at: now,
        })?;
        let refused = Outcome::Refused(RefusalReason::AddressNotAdmitted);
        let outcome = if partner.is_some() { Outcome::Done } else { refused };
        let (actor, object) = (Actor::Person(person), Object::Proof(id));
        let mut unit = UnitOfWork::default();
        self.log(
            &mut unit,
            event(now, actor, Action::DepositProofRequested, object, outcome, visitor.web()),
        )?;
        if partner.is_some() {
            self.queue_mail(&mut unit, mail, visitor.web())?;
        }
        unit.put(AddressProof {
            id,
            token: token.hash(),
            code: code.digest(&self.keyring.secret(SecretName::Codes)?, id),
            tries_left: CODE_TRIES,
            browser: browser.hash(),
            mailbox: MailboxId::new(self.random.bytes()),
            address,
            person,
            partner,
            language,
            asked_at: now,
            purpose: ProofPurpose::History,
        });
        self.store.commit(unit).await?;
        self.wake_delivery();
        Ok(ProofAsked { proof: id, browser })
    }

    /// Shows all own deposits by a mailed link; pressed again within its time, it shows them again.
    pub async fn history_by_link(
        &self,
        token: &Token,
        visitor: Visitor,
    ) -> Result<Vec<HistoryRow>, StatusError> {
        let proof: Option<(AddressProof, u64)> = self.read_one(&List::ProofByToken(token.hash())).await?;
        self.show_history(proof.map(|(proof, _)| proof), visitor).await
    }

    /// Shows them by a typed code, in the browser that asked for it.
    pub async fn history_by_code(
        &self,
        proof: ProofId,
        browser: &Token,
        typed: &str,
        visitor: Visitor,
    ) -> Result<Vec<HistoryRow>, StatusError> {
        let key = self.keyring.secret(SecretName::Codes).map_err(AppError::from)?;
        for _ in 0..CONFLICT_TRIES {
            let now = self.believed_now()?;
            let found: Option<(AddressProof, u64)> = self.read(&Key::Proof(proof)).await?;
            let mine = |(proof, _): &(AddressProof, u64)| {
                proof.browser == browser.hash() && proof.purpose == ProofPurpose::History
            };
            let Some((mut proof, version)) = found.filter(mine) else {
                return self.show_history(None, visitor).await;
            };
            let CodeAnswer::Wrong { tries_left } = proof.try_code(&key, typed, now) else {
                return self.show_history(Some(proof), visitor).await;
            };
            match self.note_wrong_code(proof, version, now, visitor).await {
                // Two tries at once: each must cost one.
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(()) if tries_left == 0 => return Err(StatusError::NotGood),
                Ok(()) => return Err(StatusError::WrongCode { tries_left }),
            }
        }
        Err(AppError::Contended.into())
    }

    async fn show_history(
        &self,
        proof: Option<AddressProof>,
        visitor: Visitor,
    ) -> Result<Vec<HistoryRow>, StatusError> {
        let now = self.believed_now()?;
        let proof = proof.filter(|proof| proof.purpose == ProofPurpose::History);
        let (actor, object, reason) =
            proof.as_ref().map_or((Actor::Anonymous, Object::None, RefusalReason::ProofWrong), |proof| {
                (Actor::Person(proof.person), Object::Proof(proof.id), RefusalReason::ProofExpired)
            });
        let mut live = proof.filter(|proof| proof.is_live(now));
        if let Some(proof) = &live
            && self.is_barred_of(&proof.address, proof.partner).await?
        {
            live = None;
        }
        let Some(proof) = live else {
            let outcome = Outcome::Refused(reason);
            self.log_alone(event(now, actor, Action::DepositProofUsed, object, outcome, visitor.web()))
                .await?;
            return Err(StatusError::NotGood);
        };
        let rows = self.own_history(proof.person, now).await?;
        let mut unit = UnitOfWork::default();
        for action in [Action::DepositProofUsed, Action::DepositHistoryListed] {
            let told = event(now, actor, action, object, Outcome::Done, visitor.web());
            self.log(&mut unit, told.concerning(proof.partner))?;
        }
        unit.put(proof);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(rows)
    }

    async fn own_history(&self, person: PersonId, now: Timestamp) -> Result<Vec<HistoryRow>, AppError> {
        let of = |before| List::DepositsBy { person, before };
        let (found, _) = self.deposits(of, None, None, TABLE_ROWS, now, |_| true).await?;
        let mailboxes: Vec<Mailbox> = self.mailboxes().await?;
        let mut rows = Vec::new();
        for found in found {
            let Some(partner) = found.partner else { continue };
            if !self.is_tracked(partner, found.mailbox).await? {
                continue;
            }
            let mailbox = mailboxes.iter().find(|mailbox| mailbox.id == found.mailbox);
            rows.push(found.named(mailbox.map(|mailbox| mailbox.name.clone()).unwrap_or_default()));
        }
        Ok(rows)
    }
}

impl Found {
    /// A deposit of any state; what a mailbox sent is none.
    fn of(record: Record, now: Timestamp) -> Option<Self> {
        match record {
            Record::Held(held) if held.outgoing.is_none() => Some(Self {
                mailbox: held.mailbox,
                partner: held.depositor.partner,
                received_at: held.accepted_at,
                standing: DepositStanding::Held { reason: held.reason, ends_at: held.ends_at() },
                site: held.form.and_then(|form| form.site).or(held.depositor.site),
                reference: held.reference,
            }),
            Record::Transfer(transfer) if transfer.outgoing.is_none() => {
                let opened_at = transfer.first_opening.map(|opening| opening.at);
                let (expires_at, then) = (transfer.expires_at, Afterwards::of(&transfer));
                Some(Self {
                    mailbox: transfer.mailbox,
                    partner: transfer.depositor.partner,
                    received_at: transfer.received_at,
                    standing: if transfer.is_live(now) {
                        DepositStanding::Released { opened_at, expires_at, then }
                    } else {
                        DepositStanding::Ended { opened_at, at: expires_at, is_withdrawn: false, then }
                    },
                    // As the register has it: where the form says so, not where the address does.
                    site: transfer.form.and_then(|form| form.site).or(transfer.depositor.site),
                    reference: transfer.reference,
                })
            }
            Record::Register(line) => Some(Self {
                mailbox: line.mailbox,
                partner: line.partner,
                received_at: line.received_at,
                standing: DepositStanding::Ended {
                    opened_at: line.first_opened_at,
                    at: line.ended_at.unwrap_or(line.received_at),
                    is_withdrawn: line.ending == Some(Ending::Revoked),
                    then: Afterwards::of_line(&line),
                },
                site: line.site,
                reference: line.reference,
            }),
            _ => None,
        }
    }

    fn named(self, mailbox: String) -> HistoryRow {
        HistoryRow {
            reference: self.reference,
            mailbox,
            site: self.site,
            received_at: self.received_at,
            standing: self.standing,
        }
    }
}

fn history_table(rows: &[HistoryRow], language: Language) -> String {
    let header: &[&str] = match language {
        Language::Fr => &[
            "référence",
            "reçu le",
            "boîte",
            "site",
            "état",
            "ouvert le",
            "transmis le",
            "répondu le",
            "fin",
        ],
        Language::En => {
            &["reference", "received", "mailbox", "site", "state", "opened", "passed on", "answered", "end"]
        }
    };
    let instant = |at: Option<Timestamp>| at.map(|at| calendar::precise(at, language)).unwrap_or_default();
    let rows = rows.iter().map(|row| {
        let (opened_at, then, end) = match row.standing {
            DepositStanding::Held { ends_at, .. } => (None, Afterwards::default(), ends_at),
            DepositStanding::Released { opened_at, expires_at, then } => (opened_at, then, expires_at),
            DepositStanding::Ended { opened_at, at, then, .. } => (opened_at, then, at),
        };
        vec![
            row.reference.to_string(),
            instant(Some(row.received_at)),
            row.mailbox.clone(),
            row.site.clone().unwrap_or_default(),
            history_state(HistoryState::of(&row.standing), language).to_owned(),
            instant(opened_at),
            instant(then.dispatched_at),
            then.answered_at.and_then(calendar::local_day).unwrap_or_default(),
            instant(Some(end)),
        ]
    });
    csv(header, &rows.collect::<Vec<_>>())
}

/// A state of the history in words.
pub const fn history_state(state: HistoryState, language: Language) -> &'static str {
    let (fr, en) = match state {
        HistoryState::Held => ("en attente d’analyse", "waiting for its scan"),
        HistoryState::Waiting => ("pas encore ouvert", "not opened yet"),
        HistoryState::Opened => ("ouvert", "opened"),
        HistoryState::Dispatched => ("transmis au service qui le traite", "passed on to who treats it"),
        HistoryState::Answered => ("répondu", "answered"),
        HistoryState::Ended => ("contenu détruit", "content destroyed"),
    };
    if matches!(language, Language::Fr) { fr } else { en }
}
