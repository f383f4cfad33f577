//! The breach kit (S3): for a period, a mailbox, an account or a transfer, what was touched, by whom, how many persons and
//! files about, who must be told by when, and the proof of it. Made from the log and the registers; it holds no content,
//! no title, no file name, no name of an insured person.

mod files;

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::ports::{Key, List, PersonName, StoredCheckpoint};
use super::{App, AppError, ProofError, Visitor, event};
use crate::audit::{Action, Actor, Entry, Event, Object, Origin, Outcome, RefusalReason, Selection};
use crate::identity::{Account, Agreement, Organisation, Partner};
use crate::mailbox::Mailbox;
use crate::policy::privacy::AUTHORITY_DELAY;
use crate::transfer::{RegisterLine, Transfer};
use crate::value::{
    ByteSize, Digest, MailAddress, MailboxId, Millis, PartnerId, PersonId, Reference, Timestamp, TransferId,
};

/// Entries that one kit holds; a scope with more is told to be narrowed.
pub const ENTRIES_MAX: usize = 10_000;
/// Records of a kind that are looked through.
const LIST_MAX: usize = 10_000;

/// What the officer asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreachScope {
    /// From this instant on.
    pub from: Timestamp,
    /// Before this instant.
    pub until: Timestamp,
    /// This mailbox alone.
    pub mailbox: Option<MailboxId>,
    /// What this person did, by address, or by pseudonym once the name was erased.
    pub account: Option<String>,
    /// This transfer alone.
    pub transfer: Option<Reference>,
    /// When the breach came to be known: the delays run from here.
    pub aware_at: Timestamp,
}

/// Why there is no kit. The officer must ask otherwise.
#[derive(Debug, Error)]
pub enum BreachError {
    /// The person is no security officer.
    #[error("the person is not entitled")]
    NotEntitled,
    /// The account is neither an address nor a pseudonym.
    #[error("the account is neither an address nor a pseudonym")]
    Account,
    /// There is no transfer with this reference.
    #[error("there is no transfer {0}")]
    Transfer(Reference),
    /// The period ends before it begins.
    #[error("the period ends before it begins")]
    Period,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// A transfer that the scope touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchedTransfer {
    /// What people quote; none when nothing is left of it but its entries.
    pub reference: Option<Reference>,
    /// The name of its mailbox.
    pub mailbox: String,
    /// The partner.
    pub partner: Option<(PartnerId, String)>,
    /// The partner's site.
    pub site: Option<String>,
    /// When it came.
    pub received_at: Option<Timestamp>,
    /// How many files.
    pub file_count: u32,
    /// Their size.
    pub total_size: ByteSize,
    /// How often it was opened or downloaded in the scope, and by how many people.
    pub readings: u64,
    /// By how many people.
    pub readers: usize,
    /// Whether its content can still be opened.
    pub live: bool,
}

/// A person who did something in the scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doer {
    /// The address, or the pseudonym once the name was erased.
    pub who: String,
    /// Transfers opened or downloaded.
    pub transfers: usize,
    /// What was done, by action, done or begun.
    pub done: BTreeMap<Action, u64>,
    /// How much was refused.
    pub refused: u64,
}

/// Who must be told, by when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// Whom.
    pub who: String,
    /// On which ground.
    pub ground: String,
    /// Within how many hours of the moment that it was known.
    pub hours: u32,
    /// The last instant.
    pub by: Timestamp,
}

/// An entry of the scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeEntry {
    /// Its place in the log.
    pub index: u64,
    /// What it says.
    pub event: Event,
    /// Who did it, in words.
    pub who: String,
    /// On what, in words.
    pub object: String,
    entry: Entry,
}

/// What a kit tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreachReport {
    /// What was asked.
    pub scope: BreachScope,
    /// When it was made.
    pub made_at: Timestamp,
    /// The organisations that answer for the mailboxes touched.
    pub organisations: Vec<Organisation>,
    /// Transfers, those read first.
    pub transfers: Vec<TouchedTransfer>,
    /// People, those who read most first.
    pub people: Vec<Doer>,
    /// The entries, oldest first.
    pub timeline: Vec<ScopeEntry>,
    /// There are more entries than a kit holds: the oldest are left out.
    pub is_cut: bool,
    /// Who must be told by when, soonest first.
    pub deadlines: Vec<Deadline>,
    /// The checkpoint that the proofs lead to.
    pub checkpoint: StoredCheckpoint,
    proofs: Vec<Vec<Digest>>,
}

impl BreachReport {
    /// Transfers whose content was read in the scope. One transfer is about one insured person (D6), so this is about
    /// how many persons are concerned.
    pub fn read(&self) -> impl Iterator<Item = &TouchedTransfer> {
        self.transfers.iter().filter(|transfer| transfer.readings > 0)
    }

    /// About how many files those have.
    pub fn files_read(&self) -> u64 {
        self.read().map(|transfer| u64::from(transfer.file_count)).sum()
    }
}

impl App {
    /// Makes the kit. Logged, refused or done.
    pub async fn breach_report(
        &self,
        scope: BreachScope,
        who: KitReader<'_>,
        origin: Origin,
    ) -> Result<BreachReport, BreachError> {
        self.log_kit_asked(who, Action::BreachKitMade, Object::Log, origin)
            .await?
            .map_err(|()| BreachError::NotEntitled)?;
        if scope.until <= scope.from {
            return Err(BreachError::Period);
        }
        let range = self.scope_range(&scope).await?;
        let (entries, is_cut) = self.scope_entries(range).await?;
        let checkpoint = self.sign_checkpoint().await?.ok_or(AppError::Broken("log without checkpoint"))?;
        let mut words = Words::default();
        let mut timeline = Vec::with_capacity(entries.len());
        let mut proofs = Vec::with_capacity(entries.len());
        for (index, entry) in entries {
            let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
            proofs.push(self.inclusion_proof(index, checkpoint.size).await.map_err(fault_of)?);
            let (who, object) = (
                self.actor_in_words(event.actor, &mut words).await?,
                self.object_in_words(&event.object, &mut words).await?,
            );
            timeline.push(ScopeEntry { index, event, who, object, entry });
        }
        let transfers = self.touched(&timeline).await?;
        let (deadlines, organisations) = self.deadlines(&scope, &timeline, &transfers).await?;
        let people = people(&timeline);
        let made_at = self.now().at;
        Ok(BreachReport {
            scope,
            made_at,
            organisations,
            transfers,
            people,
            timeline,
            is_cut,
            deadlines,
            checkpoint,
            proofs,
        })
    }

    /// Whether a person may have a kit; either way an event.
    pub(super) async fn log_kit_asked(
        &self,
        who: KitReader<'_>,
        action: Action,
        object: Object,
        origin: Origin,
    ) -> Result<Result<(), ()>, AppError> {
        let (actor, entitled) = match who {
            KitReader::Operator => (Actor::Operator, true),
            KitReader::Member(account) => (Actor::Person(account.person), account.reads_log()),
        };
        let outcome = if entitled { Outcome::Done } else { Outcome::Refused(RefusalReason::NotEntitled) };
        self.log_alone(event(self.now().at, actor, action, object, outcome, origin)).await?;
        Ok(if entitled { Ok(()) } else { Err(()) })
    }

    /// Logs that a member who is no officer asked for a page of the kits.
    pub async fn log_kit_refused(&self, account: &Account, visitor: Visitor) -> Result<(), AppError> {
        let outcome = Outcome::Refused(RefusalReason::NotEntitled);
        let (actor, action) = (Actor::Person(account.person), Action::AccessRefused);
        self.log_alone(event(self.now().at, actor, action, Object::Log, outcome, visitor.web())).await
    }

    async fn scope_range(&self, scope: &BreachScope) -> Result<Selection, BreachError> {
        let person = match scope.account.as_deref().map(str::trim).filter(|typed| !typed.is_empty()) {
            None => None,
            Some(typed) => Some(match (typed.parse::<PersonId>(), MailAddress::parse(typed)) {
                (Ok(person), _) => person,
                (_, Ok(address)) => self.person_of(&address)?,
                _ => return Err(BreachError::Account),
            }),
        };
        let transfer = match &scope.transfer {
            None => None,
            Some(reference) => match self.transfer_by_reference(reference).await? {
                Some((transfer, _)) => Some(transfer),
                None => return Err(BreachError::Transfer(reference.clone())),
            },
        };
        Ok(Selection {
            person,
            transfer,
            mailbox: scope.mailbox,
            from: Some(scope.from),
            until: Some(scope.until),
            ..Selection::default()
        })
    }

    /// The newest entries of the range, oldest first.
    async fn scope_entries(&self, range: Selection) -> Result<(Vec<(u64, Entry)>, bool), AppError> {
        let mut entries = self.store.entries(&range, ENTRIES_MAX + 1).await?;
        let is_cut = entries.len() > ENTRIES_MAX;
        entries.truncate(ENTRIES_MAX);
        entries.reverse();
        Ok((entries, is_cut))
    }

    /// What is known of the transfers that the entries name.
    async fn touched(&self, timeline: &[ScopeEntry]) -> Result<Vec<TouchedTransfer>, AppError> {
        let mut seen: BTreeMap<TransferId, (MailboxId, u64, BTreeSet<PersonId>)> = BTreeMap::new();
        for line in timeline {
            let Some((transfer, mailbox)) = transfer_of(&line.event.object) else { continue };
            let (_, readings, readers) = seen.entry(transfer).or_insert((mailbox, 0, BTreeSet::new()));
            if is_reading(&line.event) {
                *readings += 1;
                if let Actor::Person(person) = line.event.actor {
                    readers.insert(person);
                }
            }
        }
        let mut touched = Vec::with_capacity(seen.len());
        for (transfer, (mailbox, readings, readers)) in seen {
            touched.push(self.touched_transfer(transfer, mailbox, readings, readers.len()).await?);
        }
        touched.sort_by_key(|transfer| std::cmp::Reverse(transfer.readings));
        Ok(touched)
    }

    async fn touched_transfer(
        &self,
        transfer: TransferId,
        mailbox: MailboxId,
        readings: u64,
        readers: usize,
    ) -> Result<TouchedTransfer, AppError> {
        let mailbox: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox)).await?;
        let mut touched = TouchedTransfer {
            reference: None,
            mailbox: mailbox.map(|(mailbox, _)| mailbox.name).unwrap_or_default(),
            partner: None,
            site: None,
            received_at: None,
            file_count: 0,
            total_size: ByteSize(0),
            readings,
            readers,
            live: false,
        };
        let live: Option<(Transfer, u64)> = self.read(&Key::Transfer(transfer)).await?;
        if let Some((live, _)) = live {
            touched.live = live.is_live(self.now().at);
            touched.reference = Some(live.reference);
            touched.partner = live.depositor.partner.map(|partner| (partner, live.depositor.partner_name));
            touched.site = live.depositor.site;
            touched.received_at = Some(live.received_at);
            (touched.file_count, touched.total_size) = (live.file_count, live.total_size);
            return Ok(touched);
        }
        let ended: Option<(RegisterLine, u64)> = self.read(&Key::Register(transfer)).await?;
        if let Some((line, _)) = ended {
            let partner: Option<(Partner, u64)> = match line.partner {
                Some(partner) => self.read(&Key::Partner(partner)).await?,
                None => None,
            };
            touched.reference = Some(line.reference);
            touched.partner = partner.map(|(partner, _)| (partner.id, partner.name));
            touched.site = line.site;
            touched.received_at = Some(line.received_at);
            (touched.file_count, touched.total_size) = (line.file_count, line.total_size);
        }
        Ok(touched)
    }

    /// The authority, and each partner whose transfers were touched; where none was, those of the scope's mailboxes.
    async fn deadlines(
        &self,
        scope: &BreachScope,
        timeline: &[ScopeEntry],
        transfers: &[TouchedTransfer],
    ) -> Result<(Vec<Deadline>, Vec<Organisation>), AppError> {
        let mailboxes: Vec<(Mailbox, u64)> = self.read_list(&List::Mailboxes, LIST_MAX).await?;
        let named: BTreeSet<MailboxId> =
            timeline.iter().filter_map(|line| mailbox_of(&line.event.object)).chain(scope.mailbox).collect();
        let concerned =
            mailboxes.iter().map(|(mailbox, _)| mailbox).filter(|mailbox| named.contains(&mailbox.id));
        let concerned: Vec<&Mailbox> = concerned.collect();
        let mut partners: BTreeSet<PartnerId> =
            transfers.iter().filter_map(|transfer| transfer.partner.as_ref()).map(|(id, _)| *id).collect();
        if partners.is_empty() {
            for mailbox in &concerned {
                let agreements: Vec<(Agreement, u64)> =
                    self.read_list(&List::AgreementsOf(mailbox.id), LIST_MAX).await?;
                partners.extend(agreements.into_iter().map(|(agreement, _)| agreement.partner));
            }
        }
        let policies = self.policies.load();
        let authority = u32::try_from(AUTHORITY_DELAY.0 / Millis::hours(1).0).unwrap_or(u32::MAX);
        let mut deadlines = vec![Deadline {
            who: "CNIL".to_owned(),
            ground: "RGPD, article 33, paragraphe 1".to_owned(),
            hours: authority,
            by: scope.aware_at + AUTHORITY_DELAY,
        }];
        for partner in partners {
            let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
            let Some((partner, _)) = found else { continue };
            let agreed = self.agreed_hours(partner.id, &concerned).await?;
            let hours = agreed.unwrap_or_else(|| policies.privacy.partner_hours(&partner.name));
            let by = scope.aware_at + Millis::hours(i64::from(hours));
            deadlines.push(Deadline {
                who: partner.name,
                ground: "convention de partenariat".to_owned(),
                hours,
                by,
            });
        }
        deadlines.sort_by(|one, other| (one.by, &one.who).cmp(&(other.by, &other.who)));
        let organisations: Vec<(Organisation, u64)> = self.read_list(&List::Organisations, LIST_MAX).await?;
        let organisations = organisations.into_iter().map(|(organisation, _)| organisation);
        let theirs = organisations
            .filter(|of| concerned.is_empty() || concerned.iter().any(|m| m.organisation == of.id));
        Ok((deadlines, theirs.collect()))
    }

    /// Within how many hours the partner's agreements with these mailboxes have it told: the shortest that one names.
    async fn agreed_hours(
        &self,
        partner: PartnerId,
        mailboxes: &[&Mailbox],
    ) -> Result<Option<u32>, AppError> {
        let mut agreed = None;
        for mailbox in mailboxes {
            let found: Option<(Agreement, u64)> = self.read(&Key::Agreement((mailbox.id, partner))).await?;
            let hours = found.and_then(|(agreement, _)| agreement.breach_hours);
            agreed = [agreed, hours].into_iter().flatten().min();
        }
        Ok(agreed)
    }

    async fn actor_in_words(&self, actor: Actor, words: &mut Words) -> Result<String, AppError> {
        Ok(match actor {
            Actor::System => "la passerelle".to_owned(),
            Actor::Operator => "l'exploitant".to_owned(),
            Actor::Anonymous => "inconnu".to_owned(),
            Actor::Person(person) => {
                if let Some(known) = words.people.get(&person) {
                    return Ok(known.clone());
                }
                let found: Option<(PersonName, u64)> = self.read(&Key::Person(person)).await?;
                let told = found.map_or_else(|| person.to_string(), |(name, _)| name.address.to_string());
                words.people.insert(person, told.clone());
                told
            }
        })
    }

    async fn object_in_words(&self, object: &Object, words: &mut Words) -> Result<String, AppError> {
        if let Some((transfer, _)) = transfer_of(object) {
            if let Some(known) = words.transfers.get(&transfer) {
                return Ok(known.clone());
            }
            let told = self.touched_transfer(transfer, MailboxId::new([0; 16]), 0, 0).await?.reference;
            let told = told.map_or_else(|| transfer.to_string(), |reference| reference.to_string());
            words.transfers.insert(transfer, told.clone());
            return Ok(told);
        }
        Ok(match object {
            Object::Mailbox(mailbox) => {
                let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*mailbox)).await?;
                found.map(|(mailbox, _)| mailbox.name).unwrap_or_default()
            }
            Object::Account(account) | Object::Membership { account, .. } => {
                let found: Option<(Account, u64)> = self.read(&Key::Account(*account)).await?;
                found.map_or_else(|| account.to_string(), |(account, _)| account.address.to_string())
            }
            Object::Partner(partner) | Object::Agreement { partner, .. } => {
                let found: Option<(Partner, u64)> = self.read(&Key::Partner(*partner)).await?;
                found.map(|(partner, _)| partner.name).unwrap_or_default()
            }
            Object::Person(person) => self.actor_in_words(Actor::Person(*person), words).await?,
            Object::Day(day) => day.to_string(),
            Object::Log => "journal".to_owned(),
            _ => String::new(),
        })
    }
}

/// Who asks for a kit.
#[derive(Debug, Clone, Copy)]
pub enum KitReader<'a> {
    /// Whoever has the command line of the machine.
    Operator,
    /// A member, who must be a security officer.
    Member(&'a Account),
}

/// What one kit has looked up already.
#[derive(Default)]
struct Words {
    people: BTreeMap<PersonId, String>,
    transfers: BTreeMap<TransferId, String>,
}

fn fault_of(error: ProofError) -> AppError {
    match error {
        ProofError::Fault(fault) => fault,
        _ => AppError::Broken("proof of an entry"),
    }
}

const fn transfer_of(object: &Object) -> Option<(TransferId, MailboxId)> {
    match object {
        Object::Transfer { transfer, mailbox } | Object::TransferPart { transfer, mailbox, .. } => {
            Some((*transfer, *mailbox))
        }
        Object::Dispatch { transfer, to, .. } => Some((*transfer, *to)),
        _ => None,
    }
}

const fn mailbox_of(object: &Object) -> Option<MailboxId> {
    match object {
        Object::Mailbox(mailbox) | Object::Membership { mailbox, .. } | Object::Agreement { mailbox, .. } => {
            Some(*mailbox)
        }
        other => match transfer_of(other) {
            Some((_, mailbox)) => Some(mailbox),
            None => None,
        },
    }
}

/// Content was read, or was about to be: a download that was logged as begun may have sent its bytes.
const fn is_reading(event: &Event) -> bool {
    match event.action {
        Action::TransferOpened => matches!(event.outcome, Outcome::Done),
        Action::FileDownloaded | Action::ArchiveDownloaded => matches!(event.outcome, Outcome::Intended),
        _ => false,
    }
}

fn people(timeline: &[ScopeEntry]) -> Vec<Doer> {
    let mut doers: BTreeMap<PersonId, (Doer, BTreeSet<TransferId>)> = BTreeMap::new();
    for line in timeline {
        let Actor::Person(person) = line.event.actor else { continue };
        let (doer, read) = doers.entry(person).or_insert_with(|| {
            let doer = Doer { who: line.who.clone(), transfers: 0, done: BTreeMap::new(), refused: 0 };
            (doer, BTreeSet::new())
        });
        match line.event.outcome {
            Outcome::Refused(_) | Outcome::Failed(_) => doer.refused += 1,
            Outcome::Done | Outcome::Intended => *doer.done.entry(line.event.action).or_default() += 1,
        }
        if is_reading(&line.event) {
            read.extend(transfer_of(&line.event.object).map(|(transfer, _)| transfer));
        }
    }
    let counted = doers.into_values().map(|(doer, read)| Doer { transfers: read.len(), ..doer });
    let mut people: Vec<Doer> = counted.collect();
    people.sort_by_key(|doer| std::cmp::Reverse(doer.transfers));
    people
}
