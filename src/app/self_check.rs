//! The walk of the daily self-check (invariant 3): a marker goes through every path that writes, in a throw-away gateway
//! that is made of the same parts as the real one. Where it is searched for, and what is told, is `serve`'s.
//!
//! Paths: a file by the page, a file in two requests that is cut between them, a draft that stays open, a message, a title
//! that is refused, a deposit by mail with an attachment, a mail that is refused, a deposit that is held, and the letters
//! that wait in the queue; then (`members`) a dispatch with a note, an answer, a transfer that a member composed, a reply
//! from outside. A path that is added to the gateway is added here, with the action that tells that it was walked.

mod members;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;

use super::ports::List;
use super::{
    App, AppError, Append, DraftView, InboundMail, NewMailbox, NewUpload, OpenedDraft, Sending, Visitor,
    event,
};
use crate::audit::{Action, Actor, Detail, FailureReason, Object, Origin, Outcome, Selection};
use crate::identity::{Admission, Agreement, AgreementTerms, NetworkRange, Organisation, Partner};
use crate::mailbox::{Custody, DepositLimits, Mailbox, MailboxKind};
use crate::transfer::Transfer;
use crate::value::{
    AccountId, ByteSize, Domain, Language, MailAddress, Millis, OrganisationId, PartnerId, Reference,
    SecretBytes, Slug, Timestamp, Token,
};

/// How often the check is made.
pub const SELF_CHECK_EVERY: Millis = Millis::hours(24);
/// Pieces of a marked file that fill more than one chunk of age and more than a pack takes.
const FILE_PIECES: usize = 40;
const PIECE_BYTES: usize = 16 * 1024;
/// More entries than a walk makes.
const ENTRIES_MAX: usize = 10_000;

/// What the log of a walk tells when every path of it was gone: a walk that left one out checks nothing there.
pub const WALKED: &[Action] = &[
    Action::FileSealed,
    Action::UploadBegun,
    Action::DepositRefused,
    Action::DepositSent,
    Action::MailReceived,
    Action::MailRefused,
    Action::DepositHeld,
    Action::TransferOpened,
    Action::FileDownloaded,
    Action::TransferDispatched,
    Action::TransferAnswered,
    Action::TransferComposed,
    Action::OpeningCodeAsked,
    Action::LinkFollowed,
    Action::TransferReplied,
];

/// What came of a walk.
#[derive(Debug, Default)]
pub struct MarkedWalk {
    /// What else must be in clear nowhere: secrets of links, cookies, passwords.
    pub secrets: Vec<String>,
    /// What the log of the throw-away gateway tells.
    pub actions: BTreeSet<Action>,
}

/// What takes the letters of the throw-away gateway, in memory: the rendered texts, newest last.
pub trait Letters: Send + Sync {
    /// All letters so far.
    fn all(&self) -> Vec<Vec<u8>>;
}

impl App {
    /// Sends a marker through every path that writes; to be called on a throw-away gateway. Where its scanner holds what
    /// comes, the paths that begin with a released deposit are not there.
    pub async fn walk_with_marker(
        self: &Arc<Self>,
        marker: &str,
        letters: &dyn Letters,
    ) -> Result<MarkedWalk, AppError> {
        self.make_keys(self.now().at).await?;
        let walk = Walk { app: self, marker, letters };
        let mailbox = walk.house().await?;
        let (kept_open, first_link) = walk.draft(&mailbox).await?;
        walk.file(&kept_open).await?;
        walk.cut_upload(&kept_open).await?;
        let (sent, second_link) = walk.draft(&mailbox).await?;
        walk.file(&sent).await?;
        let reference = walk.send(&sent).await?;
        walk.mails(&mailbox).await?;
        let mut secrets = vec![first_link, second_link, kept_open.token.expose(), sent.token.expose()];
        if self.read_one::<Transfer>(&List::TransferByReference(reference.clone())).await?.is_some() {
            secrets.extend(Box::pin(walk.members(&mailbox, &reference)).await?);
        }
        self.upkeep().await?;
        self.sign_checkpoint().await?;
        let entries = self.store.entries(&Selection::default(), ENTRIES_MAX).await?;
        let events = entries.iter().filter_map(|(_, entry)| entry.event().ok());
        Ok(MarkedWalk { secrets, actions: events.map(|event| event.action).collect() })
    }

    /// When the last self-check ended, if there was one.
    pub async fn last_self_check(&self) -> Result<Option<Timestamp>, AppError> {
        let checks = Selection { actions: vec![Action::SelfChecked], ..Selection::default() };
        let found = self.store.entries(&checks, 1).await?;
        let event = found.first().map(|(_, entry)| entry.event()).transpose();
        Ok(event.map_err(|_| AppError::Broken("log entry"))?.map(|event| event.at))
    }

    /// Logs how a self-check ended: in how many places the marker was found, or that it could not be made.
    pub async fn note_self_check(&self, found: Option<u64>) -> Result<(), AppError> {
        let outcome = match found {
            Some(0) => Outcome::Done,
            Some(_) => Outcome::Failed(FailureReason::FoundInClear),
            None => Outcome::Failed(FailureReason::Internal),
        };
        let told =
            event(self.now().at, Actor::System, Action::SelfChecked, Object::None, outcome, Origin::Job);
        self.log_alone(found.map_or(told, |found| told.with(Detail::Count(found)))).await
    }
}

const VISITOR: Visitor = Visitor { address: IpAddr::V4(Ipv4Addr::LOCALHOST) };
const DOMAIN: &str = "controle.example";
const DEPOSITOR: &str = "depot@controle.example";

struct Walk<'a> {
    app: &'a Arc<App>,
    marker: &'a str,
    letters: &'a dyn Letters,
}

impl Walk<'_> {
    /// One mailbox, and a partner that may deposit into it.
    async fn house(&self) -> Result<Mailbox, AppError> {
        let (organisation, partner) =
            (OrganisationId::new(self.app.random.bytes()), PartnerId::new(self.app.random.bytes()));
        let fund = Organisation {
            id: organisation,
            slug: slug("controle")?,
            name: "Contrôle".into(),
            postal_address: "Contrôle".into(),
            data_protection_officer: address("dpo@controle.example")?,
        };
        self.app.create_organisation(fund, Origin::Job).await?;
        let new = new_mailbox(organisation, "controle", Custody::Gateway, Vec::new())?;
        let mailbox = self.app.create_mailbox(new, Origin::Job).await?;
        let domain = Domain::parse(DOMAIN).map_err(|_| AppError::Broken("domain"))?;
        let relay = NetworkRange::parse("127.0.0.1/32").map_err(|_| AppError::Broken("network"))?;
        let council = Partner {
            id: partner,
            name: "Contrôle".into(),
            domains: [domain].into(),
            sites: Vec::new(),
            relays: vec![relay],
            relay_certificates: [].into(),
            accepts_dmarc: false,
            blocked: [].into(),
            suspended: false,
        };
        self.app.put_partner(council, Origin::Job).await?;
        let from = self.app.now().at.day().plus(-1);
        let agreement = Agreement {
            partner,
            mailbox: mailbox.id,
            from,
            until: None,
            admission: Admission::Domain,
            terms: AgreementTerms::default(),
            breach_hours: None,
        };
        self.app.put_agreement(agreement, Origin::Job).await?;
        Ok(mailbox)
    }

    /// Asks for a link, and follows it once the letter has waited in the queue and left.
    async fn draft(&self, mailbox: &Mailbox) -> Result<(OpenedDraft, String), AppError> {
        let before = self.letters.all().len();
        self.app.request_proof(mailbox, address(DEPOSITOR)?, Language::Fr, VISITOR).await?;
        self.app.deliver_due_mails().await?;
        let letters = self.letters.all();
        let link = letters.iter().skip(before).find_map(|letter| secret_after(letter, "/depot/lien/"));
        let link = link.ok_or(AppError::Broken("no link was mailed"))?;
        let token = Token::parse(&link).ok_or(AppError::Broken("link"))?;
        let opened = self.app.open_draft_by_link(&token, VISITOR).await;
        Ok((opened.map_err(|_| AppError::Broken("the link opens nothing"))?, link))
    }

    async fn view(&self, draft: &OpenedDraft) -> Result<DraftView, AppError> {
        self.app.draft(draft.draft, &draft.token).await?.ok_or(AppError::Broken("no draft"))
    }

    fn piece(&self) -> Vec<u8> {
        self.marker.bytes().cycle().take(PIECE_BYTES).collect()
    }

    async fn file(&self, draft: &OpenedDraft) -> Result<(), AppError> {
        let refused = |_| AppError::Broken("a marked file was refused");
        let name = format!("{}.txt", self.marker);
        for pieces in [1, FILE_PIECES] {
            let view = self.view(draft).await?;
            let mut sealing = self.app.begin_file(view, &name, VISITOR).await.map_err(refused)?;
            for _ in 0..pieces {
                sealing.push(&self.piece()).await.map_err(refused)?;
            }
            sealing.finish().await.map_err(refused)?;
        }
        // One whose sender goes away half-way.
        let view = self.view(draft).await?;
        let mut sealing = self.app.begin_file(view, &name, VISITOR).await.map_err(refused)?;
        for _ in 0..FILE_PIECES {
            sealing.push(&self.piece()).await.map_err(refused)?;
        }
        drop(sealing);
        Ok(())
    }

    /// A file in pieces, cut once and gone on with, and left unfinished.
    async fn cut_upload(&self, draft: &OpenedDraft) -> Result<(), AppError> {
        let refused = |_| AppError::Broken("a marked upload was refused");
        let length = ByteSize((3 * PIECE_BYTES) as u64);
        let new =
            NewUpload { path: format!("{0}/{0}.txt", self.marker), fingerprint: self.marker.into(), length };
        let begun = self.app.begin_upload(self.view(draft).await?, new, VISITOR).await.map_err(refused)?;
        let mut offset = ByteSize(0);
        for cut in [true, false] {
            let append = Append { offset, length: None, checksum: None };
            let view = self.view(draft).await?;
            let appending = self.app.append_to_upload(view, begun.id, append, VISITOR).await;
            let mut appending = appending.map_err(refused)?;
            appending.push(Bytes::from(self.piece())).await;
            let progress = if cut { appending.broken_off().await } else { appending.finish().await };
            offset = progress.map_err(refused)?.offset;
        }
        Ok(())
    }

    /// A title that is refused, then a deposit whose message is marked.
    async fn send(&self, draft: &OpenedDraft) -> Result<Reference, AppError> {
        let message = || SecretBytes::new(self.marker.as_bytes().to_vec());
        let refused = format!("Mme {} 1 85 05 78 006 084 36", self.marker);
        let sending = Sending::new(refused, message());
        let sent = self.app.accept_deposit(self.view(draft).await?, sending, VISITOR).await;
        if sent.is_ok() {
            return Err(AppError::Broken("a title with a number of a person was taken"));
        }
        let sending = Sending::new("Demande urgente".into(), message());
        let sent = self.app.accept_deposit(self.view(draft).await?, sending, VISITOR).await;
        sent.map(|sent| sent.reference).map_err(|_| AppError::Broken("a marked deposit was refused"))
    }

    async fn mails(&self, mailbox: &Mailbox) -> Result<(), AppError> {
        let marker = self.marker;
        let mail = |from: &str| {
            format!(
                "From: {from}\r\nTo: {}\r\nSubject: {marker}\r\nMessage-ID: <controle@{DOMAIN}>\r\n\
                 MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{marker}\r\n--b\r\n\
                 Content-Type: text/plain; name={marker}.txt\r\n\
                 Content-Disposition: attachment; filename={marker}.txt\r\n\r\n{marker}\r\n--b--\r\n",
                mailbox.deposit_address
            )
        };
        for (from, taken) in [(DEPOSITOR, true), ("inconnu@ailleurs.example", false)] {
            let inbound = InboundMail {
                visitor: VISITOR,
                envelope_from: Some(address(from)?),
                mailbox: mailbox.id,
                helo: "controle.invalid".to_owned(),
                tls: None,
                certificate: None,
                requires_tls: false,
                addressee: mailbox.deposit_address.clone().into(),
                envelope_id: None,
                bytes: SecretBytes::new(mail(from).into_bytes()),
            };
            if self.app.accept_mail(inbound).await.is_ok() != taken {
                return Err(AppError::Broken("a marked mail was not treated as it should be"));
            }
        }
        Ok(())
    }
}

fn new_mailbox(
    organisation: OrganisationId,
    name: &str,
    custody: Custody,
    members: Vec<AccountId>,
) -> Result<NewMailbox, AppError> {
    Ok(NewMailbox {
        organisation,
        slug: slug(name)?,
        kind: MailboxKind::Generic,
        name: "Contrôle".into(),
        purpose: "Contrôle.".into(),
        deposit_address: address(&format!("{name}@controle.example"))?,
        notice_address: address(&format!("avis-{name}@controle.example"))?,
        limits: DepositLimits::default(),
        custody,
        members,
    })
}

/// The secret of a link in a rendered letter, whose lines a transfer encoding may have broken.
fn secret_after(letter: &[u8], path: &str) -> Option<String> {
    let text = String::from_utf8_lossy(letter).replace("=\r\n", "");
    let rest = text.split(path).nth(1)?;
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_');
    Some(rest[..end.unwrap_or(rest.len())].to_owned())
}

fn address(text: &str) -> Result<MailAddress, AppError> {
    MailAddress::parse(text).map_err(|_| AppError::Broken("address"))
}

fn slug(text: &str) -> Result<Slug, AppError> {
    Slug::parse(text).map_err(|_| AppError::Broken("slug"))
}
