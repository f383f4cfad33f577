//! Whom the table of rights knows, and a house in which each of them has what a route may ask for: a deposit, a draft, a
//! link, a waiting mail.

use std::sync::atomic::{AtomicU32, Ordering};

use pli::app::ports::{Change, Key, List, Record, UnitOfWork};
use pli::app::{
    ApiDepositState, LinkError, LinkOpened, MailAnswer, NewAccount, NewApiClient, NewApiDeposit, NewMailbox,
    NewUpload, OutgoingSending, SecondStep, Signed,
};
use pli::audit::{Actor, Origin};
use pli::identity::{ApiClient, Organisation, Partner, Password, Role, token_text};
use pli::mailbox::{Custody, Mailbox, MailboxKind};
use pli::value::{
    AccountId, ApiClientId, ByteSize, Domain, DraftId, Language, LinkId, MailId, OrganisationId, PartnerId,
    Reference, Slug, Token, TransferId, UploadId, calendar,
};

use crate::custody_house::{account, new_mailbox};
use crate::house::{DEPOSITOR, House, LIMITS, PASSWORD, address, mail_text, relay, visitor};
use crate::outside;

/// Another person of the depositor's own structure.
pub const COLLEAGUE: &str = "paul.petit@departement.example";
/// Somebody outside whom a member wrote to, and one who was told a password.
pub const DOCTOR: &str = "docteur@cabinet.example";
pub const NOTARY: &str = "notaire@etude.example";
/// What the notary was told by telephone.
pub const TOLD: &str = "huit mots synthétiques";
pub const AGENT: &str = "agent@carsat.example";
/// Entitled to the mailbox that its members keep, and to nothing else: there to be removed.
pub const SPARE: &str = "reserve@carsat.example";

/// Whose request it is: the columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// No cookie at all.
    Nobody,
    /// The browser in which the drafts were opened, with the codes that it asked for.
    Depositor,
    /// Another person of the same structure, who offers the cookie of a draft of their own for each draft.
    OtherDepositor,
    /// The person outside whom the answer is for, past the second step.
    Reader,
    /// Another person outside, who offers the session of a link of their own for each link.
    OtherReader,
    /// A member of the mailboxes.
    Agent,
    /// A member who typed the password and not yet the code of the second factor.
    HalfSignedIn,
    /// A member who manages the mailbox too.
    Manager,
    /// An agent of another mailbox of the same organisation.
    OtherMailbox,
    /// An agent of another organisation.
    OtherOrganisation,
    /// The gestionnaire of the depositor's structure.
    Gestionnaire,
    /// A technicien of the depositor's structure.
    Technicien,
    /// The gestionnaire of another structure.
    OtherGestionnaire,
    /// The fund's administrator.
    Administrator,
    /// The security officer.
    Officer,
    /// A partner's software, with the token that it deposits with.
    Software,
    /// Other software of the same partner, for another person's address.
    OtherSoftware,
}

impl Who {
    pub const ALL: [Self; 17] = [
        Self::Nobody,
        Self::Depositor,
        Self::OtherDepositor,
        Self::Reader,
        Self::OtherReader,
        Self::Agent,
        Self::HalfSignedIn,
        Self::Manager,
        Self::OtherMailbox,
        Self::OtherOrganisation,
        Self::Gestionnaire,
        Self::OtherGestionnaire,
        Self::Technicien,
        Self::Administrator,
        Self::Officer,
        Self::Software,
        Self::OtherSoftware,
    ];

    /// The head of the column, and what it stands for.
    pub const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Nobody => ("nobody", "a browser without any cookie"),
            Self::Depositor => ("depositor", "the browser in which the draft was opened"),
            Self::OtherDepositor => (
                "other depositor",
                "somebody of the same structure, who offers the cookie of another draft for this one",
            ),
            Self::Reader => ("reader", "somebody outside, past the second step of the link"),
            Self::OtherReader => {
                ("other reader", "somebody outside, who offers the session of another link for this one")
            }
            Self::Agent => ("agent", "a member of the mailbox"),
            Self::HalfSignedIn => {
                ("half signed in", "a member whose password was typed and whose code is awaited")
            }
            Self::Manager => ("manager", "a member of the mailbox, and its manager"),
            Self::OtherMailbox => ("other mailbox", "an agent of another mailbox of the same organisation"),
            Self::OtherOrganisation => ("other organisation", "an agent of another organisation"),
            Self::Gestionnaire => ("gestionnaire", "the gestionnaire of the depositor’s structure"),
            Self::OtherGestionnaire => ("other gestionnaire", "the gestionnaire of another structure"),
            Self::Technicien => ("technicien", "a technicien of the depositor’s structure"),
            Self::Administrator => ("administrator", "the fund’s administrator"),
            Self::Officer => ("officer", "the security officer"),
            Self::Software => ("software", "a partner’s software, with the token of its deposits"),
            Self::OtherSoftware => {
                ("other software", "other software of the same partner, for another address")
            }
        }
    }

    /// Whether what a route is asked about may be this person's.
    pub fn owns(self, path: &str) -> bool {
        match self {
            Self::Depositor | Self::Reader | Self::Agent | Self::Manager | Self::Officer | Self::Software => {
                true
            }
            Self::Administrator => path.starts_with("/structures/") || path.starts_with("/comptes"),
            Self::Gestionnaire => path.starts_with("/structures/"),
            _ => false,
        }
    }

    /// The account that signs in, if any.
    pub const fn account(self) -> Option<&'static str> {
        match self {
            Self::Agent | Self::HalfSignedIn => Some(AGENT),
            Self::OtherMailbox => Some("autre@carsat.example"),
            Self::OtherOrganisation => Some("agent@cpam.example"),
            Self::Gestionnaire => Some("gestion@departement.example"),
            Self::Manager => Some("responsable@carsat.example"),
            Self::Technicien => Some("tech@departement.example"),
            Self::Administrator => Some("admin@carsat.example"),
            Self::OtherGestionnaire => Some("gestion@metropole.example"),
            Self::Officer => Some("securite@carsat.example"),
            Self::Nobody
            | Self::Depositor
            | Self::OtherDepositor
            | Self::Reader
            | Self::OtherReader
            | Self::Software
            | Self::OtherSoftware => None,
        }
    }

    /// Each role has a column: who adds a role adds one, and its account to [`World::build`].
    pub const fn of(role: Role) -> Self {
        match role {
            Role::Agent => Self::Agent,
            Role::Gestionnaire => Self::Gestionnaire,
            Role::Technicien => Self::Technicien,
            Role::Administrator => Self::Administrator,
            Role::SecurityOfficer => Self::Officer,
        }
    }
}

/// The house, and what is in it.
pub struct World {
    pub house: House,
    /// A deposit in the mailbox `pensions`, which the agent answered.
    pub deposit: Reference,
    /// The answer, which the depositor reads by a link.
    pub answer: Reference,
    /// A draft that is filled, one of the same depositor beside it, one to be sent, and one that was.
    pub draft: (DraftId, Token),
    pub beside: (DraftId, Token),
    pub to_send: (DraftId, Token),
    pub sent: (DraftId, Token),
    /// A draft of somebody else.
    pub foreign: (DraftId, Token),
    /// Uploads of the first draft: one to go on with, one to give up.
    pub upload: UploadId,
    pub doomed: UploadId,
    /// The answer's link and its session; a link of somebody else.
    pub link: LinkOpened,
    pub foreign_link: LinkOpened,
    /// Of the agent's second factor, when it has one.
    pub papers: Vec<String>,
    /// What partners' software deposits with, and deposits of the first: open, to be given up, to be sent, sent.
    pub tokens: [String; 2],
    pub clients: [ApiClientId; 2],
    pub api: [DraftId; 4],
    /// Uploads of the first of them: one to go on with, one to give up.
    pub api_uploads: [UploadId; 2],
    count: AtomicU32,
}

impl World {
    pub async fn build() -> Self {
        let house = House::build().await;
        people(&house).await;
        let agent = house.sign_in(AGENT).await;
        let deposit = house.deposit().await;
        let answer = outside::answer(&house, &agent, &deposit).await;
        let link = outside::open(&house, DEPOSITOR).await;
        for (who, told) in [(DOCTOR, None), (NOTARY, Some(TOLD))] {
            let sending = OutgoingSending {
                recipients: who.into(),
                told: told.and_then(|told| Password::new(told.into())),
                told_chars: told.map_or(0, |told| told.chars().count()),
                ..outside::sending()
            };
            outside::compose(&house, &agent, sending).await.unwrap();
        }
        let foreign_link = outside::open(&house, DOCTOR).await;
        let (draft, beside) = (draft_of(&house, DEPOSITOR).await, draft_of(&house, DEPOSITOR).await);
        let (to_send, sent) = (draft_of(&house, DEPOSITOR).await, draft_of(&house, DEPOSITOR).await);
        house.send(&sent, "Demande urgente").await.unwrap();
        house.prove_receipts().await;
        house.add_file(&beside, "autre.pdf", b"%PDF-1.7 synthetic").await;
        let foreign = draft_of(&house, COLLEAGUE).await;
        let uploads =
            [begin_upload(&house, &draft, "a.pdf").await, begin_upload(&house, &draft, "b.pdf").await];
        let (client, token) = software(&house, DEPOSITOR).await;
        let (other_client, other_token) = software(&house, COLLEAGUE).await;
        let mut api = Vec::new();
        for _ in 0..4 {
            api.push(api_deposit(&house, &client).await);
        }
        house.add_file(&api[2], "d.pdf", b"%PDF-1.7 synthetic").await;
        house.send(&api[3], "Demande urgente").await.unwrap();
        house.prove_receipts().await;
        let api_uploads =
            [begin_upload(&house, &api[0], "a.pdf").await, begin_upload(&house, &api[0], "b.pdf").await];
        Self {
            house,
            deposit,
            answer,
            draft,
            beside,
            to_send,
            sent,
            foreign,
            upload: uploads[0],
            doomed: uploads[1],
            link,
            foreign_link,
            papers: Vec::new(),
            tokens: [token, other_token],
            clients: [client.id, other_client.id],
            api: [api[0].0, api[1].0, api[2].0, api[3].0],
            api_uploads,
            count: AtomicU32::new(0),
        }
    }

    /// Sets up a second factor for the agent, who is then asked for a code at each sign-in.
    pub async fn with_second_factor(mut self) -> Self {
        let agent = self.house.sign_in(AGENT).await;
        let new = self.house.app.begin_second_factor(&agent).unwrap();
        let (code, present) = (code_now(&self.house, &new.secret), Password::new(PASSWORD.into()));
        let confirmed =
            self.house.app.confirm_second_factor(&agent, &new.sealed, &code, present, visitor()).await;
        self.papers = confirmed.unwrap().iter().map(pli::identity::RecoveryCode::expose).collect();
        self
    }

    /// The cookies of somebody, as a browser sends them.
    pub async fn cookies(&self, who: Who, session: &mut Option<Token>) -> Vec<String> {
        let drafts = [&self.draft, &self.beside, &self.to_send, &self.sent];
        let draft =
            |id: DraftId, token: &Token| format!("pli_draft_{}={}", &id.to_string()[..12], token.expose());
        let link =
            |id: LinkId, token: &Token| format!("pli_link_{}={}", &id.to_string()[..12], token.expose());
        match who {
            Who::Nobody | Who::Software | Who::OtherSoftware => Vec::new(),
            Who::Depositor => drafts.iter().map(|(id, token)| draft(*id, token)).collect(),
            Who::OtherDepositor => {
                let (own, token) = &self.foreign;
                drafts.iter().map(|(id, _)| *id).chain([*own]).map(|id| draft(id, token)).collect()
            }
            Who::Reader => vec![link(self.link.link, &self.link.cookie)],
            Who::OtherReader => {
                let token = &self.foreign_link.cookie;
                [self.link.link, self.foreign_link.link].map(|id| link(id, token)).into()
            }
            _ => {
                let token = self.session(who, session).await;
                vec![format!("pli_session={}", token.expose())]
            }
        }
    }

    /// The token of software, as its requests show it.
    pub fn bearer(&self, who: Who) -> Option<String> {
        match who {
            Who::Software => Some(format!("Bearer {}", self.tokens[0])),
            Who::OtherSoftware => Some(format!("Bearer {}", self.tokens[1])),
            _ => None,
        }
    }

    /// The session of an account, begun anew when it has ended.
    async fn session(&self, who: Who, kept: &mut Option<Token>) -> Token {
        if let Some(token) = kept {
            let goes_on = if who == Who::HalfSignedIn {
                self.house.app.awaits_code(token).await.unwrap()
            } else {
                self.house.app.signed(token, visitor()).await.unwrap().is_some()
            };
            if goes_on {
                return token.clone();
            }
        }
        let (account, password) = (who.account().map(address), Password::new(PASSWORD.into()));
        let token = self.house.app.sign_in(account, password, visitor()).await.unwrap();
        *kept = Some(token.clone());
        token
    }

    /// Who is signed in by a session, as the use cases want to know it.
    pub async fn signed(&self, session: Option<&Token>) -> Option<Signed> {
        self.house.app.signed(session?, visitor()).await.unwrap()
    }

    /// A deposit that nobody has touched.
    pub async fn fresh(&self) -> Reference {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let mail = format!(
            "From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Demande urgente\n\
             Message-ID: <rights-{number}@departement.example>\n\nTexte {number}.\n"
        );
        match self.house.mail_in(Some(DEPOSITOR), &mail, relay()).await {
            Ok(MailAnswer::Deposited { reference }) => reference,
            _ => panic!("the mail was not taken"),
        }
    }

    /// A mail that waits to leave.
    pub async fn waiting_mail(&self) -> MailId {
        self.fresh().await;
        let page = self.house.app.queue_page(&pli::app::QueueFilter::default(), None, 10).await.unwrap();
        page.lines[0].id
    }

    /// Lets every mail that is due leave.
    pub async fn settle(&self) {
        while self.house.app.deliver_due_mails().await.unwrap().0 > 0 {}
    }

    /// The newest link of a kind that was mailed to an address: what stands behind its path.
    pub async fn mailed(&self, to: &str, path: &str) -> String {
        self.settle().await;
        let texts = self.house.mails_to(to).await.into_iter().rev().map(|mail| mail_text(&mail));
        let text = texts.into_iter().find(|text| text.contains(path));
        let text = text.unwrap_or_else(|| panic!("no mail to {to} holds {path}"));
        let end = |c: char| c.is_whitespace() || c == '&' || c == '>';
        text.split(path).nth(1).unwrap().split(end).next().unwrap().to_owned()
    }

    /// The newest code that was mailed to an address beside such a link, or without any, as typed.
    pub async fn mailed_code(&self, to: &str, beside: Option<&str>) -> String {
        self.settle().await;
        let Some(path) = beside else { return outside::code(&self.house, to).await.replace(' ', "") };
        let texts = self.house.mails_to(to).await.into_iter().rev().map(|mail| mail_text(&mail));
        let text = texts.into_iter().find(|text| text.contains(path)).unwrap();
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_half = |word: &str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
        words.windows(2).find(|pair| pair.iter().all(|word| is_half(word))).unwrap().concat()
    }

    /// The browser's part of a code for a link.
    pub async fn asked_to_open(&self, token: &str) -> Token {
        let token = Token::parse(token).unwrap();
        match self.house.app.ask_to_open(&token, visitor()).await {
            Ok(SecondStep::Code { browser }) => browser,
            Ok(SecondStep::Password) => panic!("a password is asked for"),
            // Barred: there is no code, and whatever the browser shows is good for nothing.
            Err(LinkError::NotGood) => Token::new([9; 32]),
            Err(error) => panic!("{error}"),
        }
    }

    /// Today, in the calendar of the pages.
    pub fn today(&self) -> String {
        calendar::local_day(self.house.app.now().at).unwrap()
    }

    /// The reference of the newest transfer that was sent to an address.
    pub async fn mailed_reference(&self, to: &str) -> String {
        let mails = self.house.mails_to(to).await;
        let shape = regex::Regex::new(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b").unwrap();
        let mails = mails.iter().rev().map(|mail| mail_text(mail));
        let mut mails = mails;
        mails.find_map(|text| shape.find(&text).map(|found| found.as_str().to_owned())).unwrap()
    }

    pub async fn transfer(&self, reference: &Reference) -> TransferId {
        let list = List::TransferByReference(reference.clone());
        let Record::Transfer(transfer) = self.house.app.store.list(&list, 1).await.unwrap().remove(0).record
        else {
            panic!()
        };
        transfer.id
    }

    pub async fn account(&self, who: &str) -> AccountId {
        account(&self.house, who).await.id
    }

    pub async fn mailbox(&self, slug: &str) -> Mailbox {
        let all = self.house.app.store.list(&List::Mailboxes, 100).await.unwrap().into_iter();
        let all = all.filter_map(|found| Mailbox::try_from(found.record).ok());
        all.into_iter().find(|mailbox| mailbox.slug.to_string() == slug).unwrap()
    }
}

async fn begin_upload(house: &House, draft: &(DraftId, Token), name: &str) -> UploadId {
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let new = NewUpload { path: name.into(), fingerprint: String::new(), length: ByteSize(4) };
    house.app.begin_upload(view, new, visitor()).await.unwrap().id
}

/// Software that may deposit for one address, and its token.
async fn software(house: &House, sender: &str) -> (ApiClient, String) {
    let new = NewApiClient {
        partner: PartnerId::new([2; 16]),
        label: sender.into(),
        mailboxes: vec![house.pensions.id],
        senders: vec![address(sender)],
        days: 90,
        certificate: None,
    };
    let (client, token) = house.app.make_api_client(new, (Actor::Operator, Origin::Cli)).await.unwrap();
    (client, token_text(&token.unwrap()))
}

/// A deposit that software began, as its draft.
async fn api_deposit(house: &House, client: &ApiClient) -> (DraftId, Token) {
    let slug = |text: &str| Slug::parse(text).unwrap();
    let new = NewApiDeposit {
        organisation: slug("carsat"),
        mailbox: slug("pensions"),
        sender: address(DEPOSITOR),
        language: Language::Fr,
        key: None,
    };
    let (begun, _) = house.app.begin_api_deposit(client, new, visitor()).await.unwrap();
    let ApiDepositState::Open(_, token) = begun.state else { panic!("it is open") };
    (begun.deposit.draft, token)
}

/// What an authenticator shows now.
pub fn code_now(house: &House, secret: &str) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret.replace('-', "")).unwrap();
    let telephone = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    telephone.generate(u64::try_from(house.app.now().at.0 / 1000).unwrap()).to_string()
}

pub async fn draft_of(house: &House, who: &str) -> (DraftId, Token) {
    house.app.request_proof(&house.pensions, address(who), Language::Fr, visitor()).await.unwrap();
    let mails = house.mails_to(who).await.into_iter().rev().map(|mail| mail_text(&mail));
    let text = mails.into_iter().find(|text| text.contains("/depot/lien/")).unwrap();
    let token = text.split("/depot/lien/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let opened = house.app.open_draft_by_link(&Token::parse(&token).unwrap(), visitor()).await.unwrap();
    (opened.draft, opened.token)
}

/// Who is not in the small house: another organisation with its mailbox and agent, a gestionnaire, mailboxes to act on.
async fn people(house: &House) {
    let cpam = OrganisationId::new([9; 16]);
    let organisation = Organisation {
        id: cpam,
        slug: Slug::parse("cpam").unwrap(),
        name: "CPAM".into(),
        postal_address: "Nantes".into(),
        data_protection_officer: address("dpo@cpam.example"),
    };
    house.app.create_organisation(organisation, Origin::Cli).await.unwrap();
    let new = NewMailbox {
        organisation: cpam,
        slug: Slug::parse("droits").unwrap(),
        kind: MailboxKind::Generic,
        name: "droits".into(),
        purpose: "Des demandes.".into(),
        deposit_address: address("droits@pli.example"),
        notice_address: address("balc-droits@cpam.example"),
        limits: LIMITS,
        custody: Custody::Gateway,
        members: vec![],
    };
    let foreign = house.app.create_mailbox(new, Origin::Cli).await.unwrap();
    let member = account(house, AGENT).await.id;
    let kept = new_mailbox(house, "gardee", Custody::Members, vec![member]).await;
    new_mailbox(house, "ouverte", Custody::Gateway, vec![member]).await;
    let council = house.record(&Key::Partner(PartnerId::new([2; 16]))).await.unwrap();
    let metropolis = Partner {
        id: PartnerId::new([8; 16]),
        name: "Métropole".into(),
        domains: [Domain::parse("metropole.example").unwrap()].into(),
        ..Partner::try_from(council).unwrap()
    };
    house.app.put_partner(metropolis, Origin::Cli).await.unwrap();
    let carsat = OrganisationId::new([1; 16]);
    for (who, role, organisation, partner, mailboxes) in [
        ("agent@cpam.example", Role::Agent, Some(cpam), None, vec![foreign.id]),
        (SPARE, Role::Agent, Some(carsat), None, vec![kept.id]),
        ("gestion@departement.example", Role::Gestionnaire, None, Some(PartnerId::new([2; 16])), vec![]),
        ("responsable@carsat.example", Role::Agent, Some(carsat), None, vec![house.pensions.id]),
        ("admin@carsat.example", Role::Administrator, Some(carsat), None, vec![]),
        ("tech@departement.example", Role::Technicien, None, Some(PartnerId::new([2; 16])), vec![]),
        ("gestion@metropole.example", Role::Gestionnaire, None, Some(PartnerId::new([8; 16])), vec![]),
    ] {
        let account = NewAccount {
            address: address(who),
            name: who.into(),
            role,
            organisation,
            partner,
            mailboxes,
            password: Password::new(PASSWORD.into()).unwrap(),
            language: Language::Fr,
        };
        house.app.create_account(account, Origin::Cli).await.unwrap();
    }
    let mut manager = account(house, "responsable@carsat.example").await;
    manager.manages.push(house.pensions.id);
    let unit = UnitOfWork { changes: vec![Change::Put(Record::Account(manager))], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
}
