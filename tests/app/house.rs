//! A small house: one organisation with two mailboxes, a council that may deposit into the first, people, a clock that
//! moves when told.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pli::app::ports::{
    Delivery, Dispatched, ExaminedMail, KeptPolicies, Key, List, NamesUnanswered, OutgoingMail, Random,
    Record, SenderAuthentication, Store, TextRecords,
};
use pli::app::{
    App, AppParts, AuditSettings, DepositAnswer, DepositRefusal, InboundMail, MailAnswer, MailRefusal,
    NewAccount, NewMailbox, Policies, Scanning, Sending, Settings, Signed, Visitor,
};
use pli::audit::{Action, Entry, Origin};
use pli::content::FilePolicies;
use pli::identity::{
    Admission, Agreement, AgreementTerms, NetworkRange, Organisation, Partner, Password, Role, Site,
};
use pli::mailbox::{Custody, DepositLimits, Mailbox, MailboxKind};
use pli::policy::alerts::AlertPolicy;
use pli::policy::custody::CustodyPolicy;
use pli::policy::form::FormSet;
use pli::policy::people::PeoplePolicy;
use pli::policy::privacy::PrivacyPolicy;
use pli::policy::title::{TitleGuard, TitlePolicy};
use pli::relay::queue::DeliveryProblem;
use pli::retention::ValidityPolicy;
use pli::store::testing::FaultyStore;
use pli::store::{DirectoryObjects, ManualClock, MemoryKeyring, MemoryStore, SystemRandom};
use pli::transfer::SenderFindings;
use pli::value::{
    ByteSize, Day, Digest, Domain, DraftId, Language, MailAddress, OrganisationId, PartnerId, Reference,
    SecretBytes, Slug, Timestamp, Token,
};
use pli::vault::Identity;

pub const NOW: Timestamp = Timestamp(1_795_000_000_000);
pub const DEPOSITOR: &str = "jeanne.martin@departement.example";
/// What a deposit may be.
pub const LIMITS: DepositLimits = DepositLimits {
    file: ByteSize(1_000_000),
    deposit: ByteSize(1_500_000),
    files: 3,
    hourly: ByteSize(20_000_000),
};
pub const PASSWORD: &str = "phrase de passe tout à fait synthétique";

/// Envelope sender, none being the null sender; recipient; message.
pub type DeliveredMail = (Option<MailAddress>, MailAddress, Vec<u8>);

/// Keeps what is delivered, or refuses to.
#[derive(Default)]
pub struct Outbox {
    pub mails: Mutex<Vec<DeliveredMail>>,
    pub problem: Mutex<Option<DeliveryProblem>>,
    /// What the hosts of some domains do.
    pub hosts: Mutex<BTreeMap<String, MailHost>>,
    /// The domains that mails were brought to, taken or not.
    pub tried: Mutex<Vec<String>>,
    /// What the connections are protected by, as `Dispatched` tells it.
    pub tls: Mutex<Option<String>>,
    /// Where the app that began last says that policies of domains are kept.
    pub kept: Mutex<Option<Arc<dyn KeptPolicies>>>,
}

/// What the host of a domain does.
#[derive(Clone, Copy)]
pub enum MailHost {
    /// It never answers.
    Hangs,
    /// It takes no mail.
    Fails(DeliveryProblem),
    /// It does no TLS; the way to it demands none.
    InClear,
}

#[async_trait]
impl Delivery for Outbox {
    async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
        self.tried.lock().unwrap().push(mail.to.domain().to_string());
        let host = self.hosts.lock().unwrap().get(mail.to.domain().as_str()).copied();
        match host {
            Some(MailHost::Hangs) => std::future::pending().await,
            Some(MailHost::Fails(problem)) => return Err(problem),
            Some(MailHost::InClear) if mail.protection.requires_tls() => {
                return Err(DeliveryProblem::TlsRequired);
            }
            Some(MailHost::InClear) | None => {}
        }
        if let Some(problem) = *self.problem.lock().unwrap() {
            return Err(problem);
        }
        let from = mail.from.cloned();
        self.mails.lock().unwrap().push((from, mail.to.clone(), mail.message.to_vec()));
        Ok(Dispatched { tls: self.tls.lock().unwrap().clone() })
    }

    fn keep_policies_in(&self, kept: Arc<dyn KeptPolicies>) {
        *self.kept.lock().unwrap() = Some(kept);
    }
}

/// Says of each mail what it is told to say.
#[derive(Default)]
pub struct Senders {
    pub findings: Mutex<Option<SenderFindings>>,
    pub examined: Mutex<usize>,
}

#[async_trait]
impl SenderAuthentication for Senders {
    async fn examine(&self, _mail: ExaminedMail<'_>) -> Option<SenderFindings> {
        *self.examined.lock().unwrap() += 1;
        self.findings.lock().unwrap().clone()
    }
}

pub struct House {
    pub app: Arc<App>,
    pub store: Arc<FaultyStore>,
    pub clock: Arc<ManualClock>,
    pub outbox: Arc<Outbox>,
    pub senders: Arc<Senders>,
    pub names: Arc<Names>,
    pub pensions: Mailbox,
    pub directory: tempfile::TempDir,
}

pub fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

pub fn visitor() -> Visitor {
    Visitor { address: IpAddr::from([192, 0, 2, 7]) }
}

/// Where the council's own mail host connects from.
pub fn relay() -> Visitor {
    Visitor { address: IpAddr::from([198, 51, 100, 9]) }
}

/// A name server of the test's own: what is published, by name.
#[derive(Default)]
pub struct Names(pub Mutex<std::collections::HashMap<String, Vec<String>>>);

#[async_trait]
impl TextRecords for Names {
    async fn text_records(&self, name: &str) -> Result<Vec<String>, NamesUnanswered> {
        Ok(self.0.lock().unwrap().get(name).cloned().unwrap_or_default())
    }
}

impl House {
    pub async fn build() -> Self {
        Self::with(AuditSettings::default()).await
    }

    /// The house, with this decided about the log.
    pub async fn with(audit: AuditSettings) -> Self {
        Self::over(Arc::new(MemoryStore::default()), tempfile::tempdir().unwrap(), audit, None).await
    }

    /// A house whose files are inspected.
    pub async fn build_with(scanning: Option<Scanning>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::over(Arc::new(MemoryStore::default()), directory, AuditSettings::default(), scanning).await
    }

    /// The house over a store, its objects in a directory.
    pub async fn over(
        store: Arc<dyn Store>,
        directory: tempfile::TempDir,
        audit: AuditSettings,
        scanning: Option<Scanning>,
    ) -> Self {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let store = Arc::new(FaultyStore::watched(store, crate::log_coverage::watch));
        let clock = Arc::new(ManualClock::new(NOW));
        let outbox = Arc::new(Outbox::default());
        let senders = Arc::new(Senders::default());
        let names = Arc::new(Names::default());
        let titles = TitlePolicy::parse(include_str!("../../policies/title.toml")).unwrap();
        let validity = ValidityPolicy::parse(include_str!("../../policies/validity.toml")).unwrap();
        let app = App::new(AppParts {
            store: store.clone(),
            objects: Arc::new(DirectoryObjects::open(directory.path(), random.clone()).unwrap()),
            keyring: Arc::new(MemoryKeyring::new(&random)),
            clock: clock.clone(),
            random,
            delivery: outbox.clone(),
            scanning,
            names: names.clone(),
            senders: senders.clone(),
            policies: Policies {
                titles: TitleGuard::new(&titles),
                validity,
                privacy: PrivacyPolicy::parse(include_str!("../../policies/privacy.toml")).unwrap(),
                alerts: AlertPolicy::parse(include_str!("../../policies/alerts.toml")).unwrap(),
                register: pli::policy::register::RegisterPolicy::parse(include_str!(
                    "../../policies/register.toml"
                ))
                .unwrap(),
                reminders: pli::policy::reminders::ReminderPolicy::parse(include_str!(
                    "../../policies/reminders.toml"
                ))
                .unwrap(),
                people: PeoplePolicy {
                    terms: None,
                    ..PeoplePolicy::parse(include_str!("../../policies/people.toml")).unwrap()
                },
                custody: CustodyPolicy::parse(include_str!("../../policies/custody.toml")).unwrap(),
                sign_in: pli::policy::sign_in::SignInPolicy::parse(include_str!(
                    "../../policies/sign_in.toml"
                ))
                .unwrap(),
                outgoing: pli::policy::outgoing::OutgoingPolicy::parse(include_str!(
                    "../../policies/outgoing.toml"
                ))
                .unwrap(),
                files: FilePolicies::parse(include_str!("../../policies/files.toml")).unwrap(),
                forms: shipped_forms(),
                digest: Digest::of(b"policies"),
            },
            settings: Settings {
                base_url: "https://pli.example".into(),
                mail_domain: Domain::parse("pli.example").unwrap(),
                mail_from: address("ne-pas-repondre@pli.example"),
                mail_from_name: "Pli".into(),
                postmaster: Some(address("messagerie@carsat.example")),
                log_origin: "pli.example/log".into(),
                recovery: Some(Identity::generate().recipient()),
                audit,
            },
        });
        let app = Arc::new(app.unwrap());
        app.make_keys(NOW).await.unwrap();
        let pensions = people(&app).await;
        Self { app, store, clock, outbox, senders, names, pensions, directory }
    }

    /// What follows a deposit within seconds: the log is signed, and the acknowledgement need not wait any more.
    pub async fn prove_receipts(&self) {
        self.app.sign_checkpoint().await.unwrap();
        self.app.prove_receipts().await.unwrap();
    }

    /// The mails delivered so far to an address, parsed.
    pub async fn mails_to(&self, to: &str) -> Vec<String> {
        self.prove_receipts().await;
        self.app.deliver_due_mails().await.unwrap();
        let mails = self.outbox.mails.lock().unwrap();
        let mine = mails.iter().filter(|(_, recipient, _)| recipient.to_string() == to);
        mine.map(|(_, _, message)| String::from_utf8(message.clone()).unwrap()).collect()
    }

    /// Asks for a link, follows it, and has the draft's id and cookie.
    pub async fn draft(&self) -> (DraftId, Token) {
        let asked = self.app.request_proof(&self.pensions, address(DEPOSITOR), Language::Fr, visitor()).await;
        asked.unwrap();
        let mails = self.mails_to(DEPOSITOR).await.into_iter().rev().map(|mail| mail_text(&mail));
        let text = mails.into_iter().find(|text| text.contains("/depot/lien/")).unwrap();
        let token = text.split("/depot/lien/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        let opened = self.app.open_draft_by_link(&Token::parse(&token).unwrap(), visitor()).await.unwrap();
        (opened.draft, opened.token)
    }

    pub async fn add_file(&self, draft: &(DraftId, Token), name: &str, bytes: &[u8]) {
        let view = self.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
        let mut sealing = self.app.begin_file(view, name, visitor()).await.unwrap();
        for piece in bytes.chunks(70_001) {
            sealing.push(piece).await.unwrap();
        }
        sealing.finish().await.unwrap();
    }

    pub async fn send(&self, draft: &(DraftId, Token), title: &str) -> Result<DepositAnswer, DepositRefusal> {
        let view = self.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
        let message = SecretBytes::new(b"Bonjour, dossier urgent.".to_vec());
        self.app.accept_deposit(view, Sending::new(title.into(), message), visitor()).await
    }

    /// A whole deposit by the page.
    pub async fn deposit(&self) -> Reference {
        let draft = self.draft().await;
        self.add_file(&draft, "avis de situation.pdf", b"%PDF-1.7 synthetic").await;
        self.send(&draft, "Demande urgente").await.unwrap().reference
    }

    /// A deposit by mail, while the way out may be closed.
    pub async fn deposit_without_mail(&self) -> Reference {
        let mail = format!(
            "From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Demande urgente\nMessage-ID: <{}@departement.example>\n\nTexte.\n",
            self.app.now().at.0
        );
        match self.mail_in(Some(DEPOSITOR), &mail, relay()).await {
            Ok(MailAnswer::Deposited { reference }) => reference,
            _ => panic!("the mail was not taken"),
        }
    }

    /// A deposit by mail, while the hosts that letters go to may do what they are told to.
    pub async fn deposit_undelivered(&self) -> Reference {
        let mail = format!("From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Demande\n\nBonjour\n");
        let answer = self.mail_in(Some(DEPOSITOR), &mail, relay()).await.unwrap();
        self.prove_receipts().await;
        self.app.deliver_due_mails().await.unwrap();
        match answer {
            MailAnswer::Deposited { reference } => reference,
            MailAnswer::Noted => panic!("no deposit"),
        }
    }

    pub async fn mail_in(
        &self,
        from: Option<&str>,
        message: &str,
        via: Visitor,
    ) -> Result<MailAnswer, MailRefusal> {
        let mail = InboundMail {
            visitor: via,
            envelope_from: from.map(address),
            mailbox: self.pensions.id,
            helo: "mx.departement.example".into(),
            tls: None,
            certificate: None,
            requires_tls: message.contains("\nX-Test-RequireTLS: yes\n"),
            addressee: self.pensions.deposit_address.clone().into(),
            envelope_id: None,
            bytes: SecretBytes::new(message.replace('\n', "\r\n").into_bytes()),
        };
        self.app.accept_mail(mail).await
    }

    pub async fn sign_in(&self, who: &str) -> Signed {
        let password = Password::new(PASSWORD.into());
        let cookie = self.app.sign_in(Some(address(who)), password, visitor()).await.unwrap();
        self.app.signed(&cookie, visitor()).await.unwrap().unwrap()
    }

    pub async fn events(&self) -> Vec<Action> {
        let leaves = self.app.store.leaves(0, 100_000).await.unwrap();
        let entries = leaves.into_iter().map(|leaf| leaf.entry.unwrap());
        entries.map(|entry: Entry| entry.event().unwrap().action).collect()
    }

    pub async fn transfers(&self) -> usize {
        let list = List::TransfersOf { mailbox: self.pensions.id, before: None };
        self.app.store.list(&list, 100).await.unwrap().len()
    }

    pub async fn record(&self, key: &Key) -> Option<Record> {
        self.app.store.get(key).await.unwrap().map(|found| found.record)
    }

    /// A file of a transfer, as the agent downloads it.
    pub async fn download(&self, signed: &Signed, reference: &Reference, number: u32) -> Vec<u8> {
        let opened = self.app.opened_transfer(Some(signed), reference, visitor()).await.unwrap();
        let mut stream = self.app.open_file(&opened, number).await.unwrap();
        // Reading a segment blocks.
        let reading = tokio::task::spawn_blocking(move || {
            let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
            loop {
                match stream.pull(&mut buffer).unwrap() {
                    0 => return bytes,
                    count => bytes.extend_from_slice(&buffer[..count]),
                }
            }
        });
        reading.await.unwrap()
    }
}

/// The text part of a mail, decoded.
pub fn mail_text(mail: &str) -> String {
    let parsed = mail_parser::MessageParser::default().parse(mail.as_bytes()).unwrap();
    parsed.body_text(0).unwrap().into_owned()
}

/// Whether any file below a directory holds the bytes.
pub fn is_found_below(directory: &std::path::Path, marker: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_found_below(&path, marker);
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
        bytes.windows(marker.len()).any(|window| window == marker)
    })
}

async fn people(app: &App) -> Mailbox {
    let organisation = Organisation {
        id: OrganisationId::new([1; 16]),
        slug: Slug::parse("carsat").unwrap(),
        name: "Carsat".into(),
        postal_address: "Rennes".into(),
        data_protection_officer: address("dpo@carsat.example"),
    };
    app.create_organisation(organisation, Origin::Cli).await.unwrap();
    let mut mailboxes = Vec::new();
    for slug in ["pensions", "social"] {
        let new = NewMailbox {
            organisation: OrganisationId::new([1; 16]),
            slug: Slug::parse(slug).unwrap(),
            kind: MailboxKind::Generic,
            name: slug.into(),
            purpose: "Des demandes.".into(),
            deposit_address: address(&format!("{slug}@pli.example")),
            notice_address: address(&format!("balc-{slug}@carsat.example")),
            limits: LIMITS,
            custody: Custody::Gateway,
            members: vec![],
        };
        mailboxes.push(app.create_mailbox(new, Origin::Cli).await.unwrap());
    }
    let council = Partner {
        id: PartnerId::new([2; 16]),
        name: "Département".into(),
        domains: [Domain::parse("departement.example").unwrap()].into(),
        sites: vec![Site {
            name: "Redon".into(),
            mailbox: address("cdas-redon@departement.example"),
            siret: None,
            territory: None,
        }],
        relays: vec![NetworkRange::parse("198.51.100.0/24").unwrap()],
        relay_certificates: [].into(),
        accepts_dmarc: false,
        blocked: [].into(),
        suspended: false,
    };
    app.put_partner(council, Origin::Cli).await.unwrap();
    let agreement = Agreement {
        partner: PartnerId::new([2; 16]),
        mailbox: mailboxes[0].id,
        from: Day(0),
        until: None,
        admission: Admission::Domain,
        terms: AgreementTerms::default(),
        breach_hours: None,
    };
    app.put_agreement(agreement, Origin::Cli).await.unwrap();
    for (who, role, reads) in [
        ("agent@carsat.example", Role::Agent, vec![mailboxes[0].id]),
        ("autre@carsat.example", Role::Agent, vec![mailboxes[1].id]),
        ("securite@carsat.example", Role::SecurityOfficer, vec![]),
    ] {
        let account = NewAccount {
            address: address(who),
            name: who.into(),
            role,
            organisation: Some(OrganisationId::new([1; 16])),
            partner: None,
            mailboxes: reads,
            password: Password::new(PASSWORD.into()).unwrap(),
            language: Language::Fr,
        };
        app.create_account(account, Origin::Cli).await.unwrap();
    }
    mailboxes.swap_remove(0)
}

/// The forms that Pli brings along.
pub fn shipped_forms() -> FormSet {
    let fiche = include_str!("../../policies/forms/fiche-de-liaison.toml");
    let sites = include_str!("../../policies/forms/sites-cd35.csv");
    FormSet::read([("fiche-de-liaison", fiche)], |_| Some(sites.to_owned())).unwrap()
}
