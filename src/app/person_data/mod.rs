//! Everything held about an address (S5): found, exported as JSON and as a page to read, erased where the law allows
//! ([`erase`]). Content is not among it: it is sealed, and belongs to whoever it was deposited for.

mod erase;

use serde::Serialize;

use super::kit_text::{KitFile, Section, html};
use super::ports::{Key, List, PersonName};
use super::{App, AppError, BreachError, KitReader};
use crate::audit::{Action, Object, Origin, OutcomeClass, Selection};
use crate::identity::{
    Account, AccountLink, AddressProof, Admission, Agreement, Partner, PersonalKey, Session,
    second_account_address,
};
use crate::mailbox::{Mailbox, MemberWrap};
use crate::relay::queue::{MailState, QueuedMail};
use crate::transfer::{Draft, HeldDeposit, RegisterLine, Transfer, Upload};
use crate::value::{ByteSize, Language, MailAddress, PersonId, Timestamp, calendar};

pub use erase::{ErasureError, ErasureReport, Kept};

/// Records of a kind that are looked through, and entries of the log that are listed.
const FOUND_MAX: usize = 100_000;

/// What is held about an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonData {
    /// The address.
    pub address: MailAddress,
    /// Its pseudonym in the log.
    pub pseudonym: PersonId,
    /// When it was looked up.
    pub made_at: Timestamp,
    /// Since when the pseudonym has a name, last met; none when it has none.
    pub name_met_at: Option<Timestamp>,
    /// Its account.
    pub account: Option<AccountData>,
    /// Links that were asked for.
    pub proofs: Vec<Timestamp>,
    /// Deposits in the making or just sent, by the time of their last byte.
    pub drafts: Vec<Timestamp>,
    /// Files on their way into those drafts.
    pub uploads: Vec<UploadData>,
    /// Deposits that were accepted and are held until their files are judged.
    pub held: Vec<HeldData>,
    /// Live transfers that it deposited.
    pub transfers: Vec<TransferData>,
    /// Lines of the register about transfers that it deposited; they hold the pseudonym, not the address.
    pub register: Vec<RegisterData>,
    /// Mails written to it.
    pub mails: Vec<MailData>,
    /// Where the address stands in the settings of partners and mailboxes.
    pub settings: Vec<String>,
    /// What the log says under the pseudonym, newest first.
    pub log: Vec<LogData>,
    /// There is more than was listed.
    pub is_cut: bool,
}

/// An account. The password's verifier is no information about the person and is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountData {
    pub name: String,
    pub role: crate::identity::Role,
    pub active: bool,
    pub mailboxes: Vec<String>,
    pub sessions: Vec<Timestamp>,
    /// Links by which a password could be chosen, by the time when each was made.
    pub links: Vec<Timestamp>,
    /// The version of the terms of use that was accepted last.
    pub terms: Option<String>,
    /// Whether it has a key of its own, which only the person opens.
    pub personal_key: bool,
    /// Mailboxes whose key the account opens, as one of those who alone keep it.
    pub opens: Vec<WrapData>,
}

/// A mailbox's key, wrapped to the account's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrapData {
    pub mailbox: String,
    /// Which of the mailbox's keys.
    pub generation: u32,
}

/// A file on its way. Its name is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UploadData {
    pub begun_at: Timestamp,
    pub bytes: ByteSize,
    pub received: ByteSize,
}

/// A deposit that waits for its files to be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldData {
    pub reference: String,
    pub mailbox: String,
    pub accepted_at: Timestamp,
    pub ends_at: Timestamp,
    pub files: u32,
}

/// A live transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransferData {
    pub reference: String,
    pub mailbox: String,
    pub received_at: Timestamp,
    pub expires_at: Timestamp,
    pub files: u32,
}

/// A line of the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegisterData {
    pub reference: String,
    pub received_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailData {
    pub kind: String,
    pub written_at: Timestamp,
    pub waits: bool,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogData {
    pub entry: u64,
    pub at: Timestamp,
    pub action: Action,
    pub outcome: OutcomeClass,
    pub origin: Origin,
}

/// The records behind what is held; what erasing needs.
pub(super) struct Held {
    pub name: Option<PersonName>,
    pub account: Option<(Account, u64)>,
    pub personal_key: bool,
    pub wraps: Vec<MemberWrap>,
    pub sessions: Vec<Session>,
    pub links: Vec<AccountLink>,
    pub proofs: Vec<AddressProof>,
    pub drafts: Vec<(Draft, u64)>,
    pub uploads: Vec<Upload>,
    pub waiting: Vec<HeldDeposit>,
    pub transfers: Vec<Transfer>,
    pub register: Vec<RegisterLine>,
    pub mails: Vec<(QueuedMail, u64)>,
    pub settings: Vec<String>,
    pub mailboxes: Vec<Mailbox>,
}

impl App {
    /// Finds all that is held about an address. Logged as an export, refused or done.
    pub async fn person_data(
        &self,
        address: &MailAddress,
        who: KitReader<'_>,
        origin: Origin,
    ) -> Result<PersonData, BreachError> {
        let pseudonym = self.person_of(address)?;
        let entitled =
            self.log_kit_asked(who, Action::PersonExported, Object::Person(pseudonym), origin).await?;
        entitled.map_err(|()| BreachError::NotEntitled)?;
        let held = self.held(address, pseudonym).await?;
        let range = Selection { person: Some(pseudonym), ..Selection::default() };
        let entries = self.store.entries(&range, FOUND_MAX).await.map_err(AppError::from)?;
        let is_cut = entries.len() >= FOUND_MAX;
        let log = entries.iter().filter_map(|(entry, found)| {
            let event = found.event().ok()?;
            let outcome = event.outcome.class();
            Some(LogData { entry: *entry, at: event.at, action: event.action, outcome, origin: event.origin })
        });
        let log = log.collect();
        Ok(PersonData::of(address.clone(), pseudonym, self.now().at, held, log, is_cut))
    }

    pub(super) async fn held(&self, address: &MailAddress, person: PersonId) -> Result<Held, AppError> {
        let name: Option<(PersonName, u64)> = self.read(&Key::Person(person)).await?;
        let account: Option<(Account, u64)> = self.read_one(&List::AccountByAddress(address.clone())).await?;
        let sessions: Vec<(Session, u64)> = match &account {
            Some((account, _)) => self.read_list(&List::SessionsOf(account.id), FOUND_MAX).await?,
            None => Vec::new(),
        };
        let links: Vec<(AccountLink, u64)> = match &account {
            Some((account, _)) => self.read_list(&List::AccountLinksOf(account.id), FOUND_MAX).await?,
            None => Vec::new(),
        };
        let end = Timestamp(i64::MAX);
        let proofs: Vec<(AddressProof, u64)> =
            self.read_list(&List::ProofsAskedBefore(end), FOUND_MAX).await?;
        let mut drafts: Vec<(Draft, u64)> =
            self.read_list(&List::DraftsTouchedBefore(end), FOUND_MAX).await?;
        drafts.retain(|(draft, _)| draft.address == *address);
        let mut uploads = Vec::new();
        for (draft, _) in &drafts {
            let of: Vec<(Upload, u64)> = self.read_list(&List::UploadsOf(draft.id), FOUND_MAX).await?;
            uploads.extend(of.into_iter().map(|(upload, _)| upload));
        }
        let mut waiting: Vec<(HeldDeposit, u64)> = self.read_list(&List::HeldDueBy(end), FOUND_MAX).await?;
        waiting.retain(|(held, _)| held.depositor.address == *address || held.acknowledge_to == *address);
        let mut transfers: Vec<(Transfer, u64)> =
            self.read_list(&List::TransfersExpiringBy(end), FOUND_MAX).await?;
        transfers.retain(|(transfer, _)| transfer.depositor.address == *address);
        let mut register: Vec<(RegisterLine, u64)> = self.read_list(&List::RegisterLines, FOUND_MAX).await?;
        register.retain(|(line, _)| line.depositor == person);
        let mut mails: Vec<(QueuedMail, u64)> =
            self.read_list(&List::MailsWrittenBefore(end), FOUND_MAX).await?;
        mails.retain(|(mail, _)| mail.to == *address);
        let mailboxes = self.mailboxes().await?;
        let settings = self.settings_with(address, &mailboxes).await?;
        let account_of = account.as_ref().map(|(account, _)| account);
        let (personal_key, wraps) = self.keys_of(account_of, &mailboxes).await?;
        Ok(Held {
            name: name.map(|(name, _)| name),
            account,
            personal_key,
            wraps,
            sessions: sessions.into_iter().map(|(session, _)| session).collect(),
            links: links.into_iter().map(|(link, _)| link).collect(),
            proofs: proofs.into_iter().map(|(proof, _)| proof).filter(|p| p.address == *address).collect(),
            drafts,
            uploads,
            waiting: waiting.into_iter().map(|(held, _)| held).collect(),
            transfers: transfers.into_iter().map(|(transfer, _)| transfer).collect(),
            register: register.into_iter().map(|(line, _)| line).collect(),
            mails,
            settings,
            mailboxes,
        })
    }

    /// Whether an account has a key of its own, and what is wrapped to it, of former keys of mailboxes too.
    async fn keys_of(
        &self,
        account: Option<&Account>,
        mailboxes: &[Mailbox],
    ) -> Result<(bool, Vec<MemberWrap>), AppError> {
        let Some(account) = account else { return Ok((false, Vec::new())) };
        let key: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(account.id)).await?;
        let mut wraps = Vec::new();
        for mailbox in mailboxes {
            let wrap: Option<(MemberWrap, u64)> =
                self.read(&Key::MemberWrap((mailbox.id, account.id))).await?;
            wraps.extend(wrap.map(|(wrap, _)| wrap));
        }
        Ok((key.is_some(), wraps))
    }

    /// Where the address stands in what the fund set.
    async fn settings_with(
        &self,
        address: &MailAddress,
        mailboxes: &[Mailbox],
    ) -> Result<Vec<String>, AppError> {
        let mut found = Vec::new();
        let partners: Vec<(Partner, u64)> = self.read_list(&List::Partners, FOUND_MAX).await?;
        for (partner, _) in &partners {
            if partner.blocked.contains(address) {
                found.push(format!("adresse bloquée du partenaire « {} »", partner.name));
            }
            if partner.sites.iter().any(|site| site.mailbox == *address) {
                found.push(format!("adresse d'un site du partenaire « {} »", partner.name));
            }
        }
        for mailbox in mailboxes {
            if mailbox.notice_address == *address || mailbox.deposit_address == *address {
                found.push(format!("adresse de la boîte « {} »", mailbox.name));
            }
            let agreements: Vec<(Agreement, u64)> =
                self.read_list(&List::AgreementsOf(mailbox.id), FOUND_MAX).await?;
            let listed = |admission: &Admission| match admission {
                Admission::Listed(addresses) => addresses.contains(address),
                Admission::Domain => false,
            };
            if agreements.iter().any(|(agreement, _)| listed(&agreement.admission)) {
                found.push(format!("adresse admise par une convention de la boîte « {} »", mailbox.name));
            }
        }
        for client in self.api_clients().await? {
            if client.senders.contains(address) {
                found.push(format!("adresse pour laquelle le logiciel « {} » peut déposer", client.label));
            }
        }
        if let Some(second) = second_account_address(address) {
            let account: Option<(Account, u64)> =
                self.read_one(&List::AccountByAddress(second.clone())).await?;
            if account.is_some() {
                found.push(format!("second compte de la même personne, à demander à part : {second}"));
            }
        }
        for organisation in self.organisations().await? {
            if organisation.data_protection_officer == *address {
                found.push(format!("délégué à la protection des données de « {} »", organisation.name));
            }
        }
        Ok(found)
    }
}

impl PersonData {
    fn of(
        address: MailAddress,
        pseudonym: PersonId,
        made_at: Timestamp,
        held: Held,
        log: Vec<LogData>,
        is_cut: bool,
    ) -> Self {
        let Held { name, account, personal_key, wraps, sessions, links, proofs, drafts, uploads, .. } = held;
        let Held { waiting, transfers, register, mails, settings, mailboxes, .. } = held;
        let name_of = |id| mailboxes.iter().find(|m| m.id == id).map(|m| m.name.clone()).unwrap_or_default();
        let account = account.map(|(account, _)| AccountData {
            active: account.is_active(),
            mailboxes: account.mailboxes.iter().map(|id| name_of(*id)).collect(),
            sessions: sessions.iter().map(|session| session.began_at).collect(),
            links: links.iter().map(|link| link.made_at).collect(),
            terms: account.terms.map(|accepted| accepted.version),
            personal_key,
            opens: wraps
                .iter()
                .map(|wrap| WrapData { mailbox: name_of(wrap.mailbox), generation: wrap.generation })
                .collect(),
            role: account.role,
            name: account.name,
        });
        let uploads = uploads.iter().map(|upload| UploadData {
            begun_at: upload.begun_at,
            bytes: upload.length,
            received: upload.offset(),
        });
        let waiting = waiting.iter().map(|held| HeldData {
            reference: held.reference.to_string(),
            mailbox: name_of(held.mailbox),
            accepted_at: held.accepted_at,
            ends_at: held.ends_at(),
            files: held.file_count(),
        });
        let transfers = transfers.into_iter().map(|transfer| TransferData {
            reference: transfer.reference.to_string(),
            mailbox: name_of(transfer.mailbox),
            received_at: transfer.received_at,
            expires_at: transfer.expires_at,
            files: transfer.file_count,
        });
        let register = register.into_iter().map(|line| RegisterData {
            reference: line.reference.to_string(),
            received_at: line.received_at,
            ended_at: line.ended_at,
        });
        let mails = mails.into_iter().map(|(mail, _)| MailData {
            kind: mail.kind.as_str().to_owned(),
            written_at: mail.written_at,
            waits: matches!(mail.state, MailState::Queued { .. }),
        });
        Self {
            address,
            pseudonym,
            made_at,
            name_met_at: name.map(|name| name.met_at),
            account,
            proofs: proofs.iter().map(|proof| proof.asked_at).collect(),
            drafts: drafts.iter().map(|(draft, _)| draft.touched_at).collect(),
            uploads: uploads.collect(),
            held: waiting.collect(),
            transfers: transfers.collect(),
            register: register.collect(),
            mails: mails.collect(),
            settings,
            log,
            is_cut,
        }
    }

    /// Whether anything is held under the address itself.
    pub fn is_known(&self) -> bool {
        let lists_are_empty = self.proofs.is_empty()
            && self.drafts.is_empty()
            && self.held.is_empty()
            && self.transfers.is_empty()
            && self.mails.is_empty()
            && self.settings.is_empty();
        self.name_met_at.is_some() || self.account.is_some() || !lists_are_empty
    }

    /// Whether anything is left under the pseudonym, but that somebody looked.
    pub fn has_acted(&self) -> bool {
        let looks = [Action::PersonExported, Action::NameErased];
        !self.register.is_empty() || self.log.iter().any(|line| !looks.contains(&line.action))
    }

    /// The export as files: JSON, and a page to read.
    pub fn files(&self) -> Result<Vec<KitFile>, AppError> {
        let json = serde_json::to_string_pretty(self).map_err(|_| AppError::Broken("person export"))?;
        let title = format!("Données détenues au sujet de {}", self.address);
        Ok(vec![
            KitFile::text("donnees.json", json),
            KitFile::text("donnees.html", html(&title, &self.sections())),
        ])
    }

    /// What is held, to be read.
    pub fn sections(&self) -> Vec<Section> {
        let times = |times: &[Timestamp]| times.iter().map(|at| full(*at)).collect();
        let mut identity = Section::new("Identité")
            .row("Adresse", self.address.to_string())
            .row("Pseudonyme dans le journal", self.pseudonym.to_string())
            .row(
                "Nom conservé",
                self.name_met_at.map_or("non".to_owned(), |at| format!("oui, vu le {}", full(at))),
            );
        if let Some(account) = &self.account {
            identity = identity
                .row("Compte", account.name.clone())
                .row("État", if account.active { "actif" } else { "inactif" })
                .rows("Boîtes", account.mailboxes.clone())
                .rows("Sessions", times(&account.sessions))
                .rows("Liens de mot de passe", times(&account.links))
                .row("Conditions acceptées", account.terms.clone().unwrap_or_else(|| "aucune".to_owned()))
                .row("Clé personnelle", if account.personal_key { "oui" } else { "non" })
                .rows(
                    "Boîtes dont le compte ouvre la clé",
                    account
                        .opens
                        .iter()
                        .map(|of| format!("{} (clé n° {})", of.mailbox, of.generation))
                        .collect(),
                );
        }
        let uploads = self.uploads.iter().map(|upload| {
            format!(
                "commencé le {}, {} octets reçus sur {}",
                full(upload.begun_at),
                upload.received.bytes(),
                upload.bytes.bytes()
            )
        });
        let waiting = self.held.iter().map(|of| {
            format!(
                "{} : {}, accepté le {}, retenu jusqu'au {} au plus tard",
                of.reference,
                of.mailbox,
                full(of.accepted_at),
                full(of.ends_at)
            )
        });
        let transfers = self.transfers.iter().map(|of| {
            format!(
                "{} : {}, reçu le {}, expire le {}",
                of.reference,
                of.mailbox,
                full(of.received_at),
                full(of.expires_at)
            )
        });
        let register = self.register.iter().map(|line| {
            let ended = line.ended_at.unwrap_or(line.received_at);
            format!("{} : reçu le {}, terminé le {}", line.reference, full(line.received_at), full(ended))
        });
        let mails = self.mails.iter().map(|mail| {
            format!(
                "{}, {}{}",
                mail_told(&mail.kind),
                full(mail.written_at),
                if mail.waits { ", en attente" } else { "" }
            )
        });
        let log = self.log.iter().map(|line| {
            format!(
                "{} : {} ({})",
                full(line.at),
                line.action.label(Language::Fr),
                line.outcome.label(Language::Fr)
            )
        });
        let mut sections = vec![
            identity,
            Section::new("Dépôts")
                .rows("Liens demandés", times(&self.proofs))
                .rows("Brouillons", times(&self.drafts))
                .rows("Fichiers en cours d'envoi", uploads.collect())
                .rows("Dépôts retenus pour analyse", waiting.collect())
                .rows("Transferts en cours", transfers.collect())
                .rows("Tableau de suivi (sous pseudonyme)", register.collect()),
            Section::new("Courriels").rows("Écrits à cette adresse", mails.collect()),
            Section::new("Réglages").rows("Où figure l'adresse", self.settings.clone()),
            Section::new("Journal").rows("Actions (sous pseudonyme)", log.collect()),
        ];
        if self.is_cut {
            sections.push(
                Section::new("Attention").row("Liste incomplète", "il y a plus d'entrées que celles-ci"),
            );
        }
        sections
    }
}

/// What a mail is, to somebody who may have got it.
fn mail_told(kind: &str) -> &str {
    match kind {
        "acknowledgement" => "accusé de réception",
        "alert" => "alerte",
        "daily" => "courriel quotidien",
        "deposit-link" => "lien de dépôt",
        "notice" => "avis de dépôt",
        "hold" => "dépôt retenu",
        other => other,
    }
}

fn full(at: Timestamp) -> String {
    calendar::precise(at, Language::Fr)
}
