//! Each change of rights and each thing that somebody holds: what ends with it, and that nothing else does. The routes one by
//! one are tried in `changes`; here it is one use of each thing, for every change there is.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use pli::app::ports::{Change, UnitOfWork};
use pli::app::{
    AccountChange, AgentChange, By, EndedSessions, NewAccount, NewApiClient, SettingsChange, WantedToken,
};
use pli::audit::{Actor, Origin};
use pli::identity::{Account, ApiClient, MailSecret, MailSession, Password, Role, token_text};
use pli::value::{ApiClientId, Digest, DraftId, Language, PartnerId, Reference, Token};
use pli::web::{ClientCertificate, WebConfig, router};
use tower::ServiceExt;

use super::Came;
use super::world::{AGENT, SPARE, Who, World, draft_of};
use crate::custody_house::account;
use crate::house::{DEPOSITOR, PASSWORD, address, visitor};

const COUNCIL: PartnerId = PartnerId::new([2; 16]);
const GESTIONNAIRE: &str = "gestion@departement.example";
const TECHNICIEN: &str = "tech@departement.example";
const MANAGER: &str = "responsable@carsat.example";
const OPERATOR: By<'static> = By::operator(Origin::Cli);

/// What somebody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    /// The session of an agent who reads the mailbox, and the link that was mailed to choose the password anew.
    Agent,
    AgentLink,
    /// The session of the mailbox's manager, for its settings.
    Manager,
    /// What the agent's mail program signs in with, and its connection that is open: as itself, and as the team.
    MailPassword,
    MailOpen,
    MailTeam,
    Gestionnaire,
    GestionnaireLink,
    Technicien,
    TechnicienLink,
    /// The draft and the state's link of a technicien.
    TechnicienDraft,
    TechnicienState,
    /// The token of a partner's software, its certificate, and a token that the gestionnaire made.
    ApiToken,
    Certificate,
    StructureToken,
    /// Of a depositor without account: the draft's browser, and the links to start, to a state, to the list.
    Draft,
    DepositLink,
    StateLink,
    ListLink,
    /// Of a reader outside: the session past the code, and the mailed link.
    Reader,
    ReaderLink,
}

impl Held {
    const ALL: [Self; 21] = [
        Self::Agent,
        Self::AgentLink,
        Self::Manager,
        Self::MailPassword,
        Self::MailOpen,
        Self::MailTeam,
        Self::Gestionnaire,
        Self::GestionnaireLink,
        Self::Technicien,
        Self::TechnicienLink,
        Self::TechnicienDraft,
        Self::TechnicienState,
        Self::ApiToken,
        Self::Certificate,
        Self::StructureToken,
        Self::Draft,
        Self::DepositLink,
        Self::StateLink,
        Self::ListLink,
        Self::Reader,
        Self::ReaderLink,
    ];
}

/// A house in which everything was handed out.
struct Everything {
    world: World,
    sessions: [(Who, Token); 4],
    links: Vec<(Held, String)>,
    mail: (MailSecret, MailSession),
    technicien: (DraftId, Token),
    certificate: (Digest, ApiClientId),
    structure: (String, ApiClientId),
}

impl Everything {
    async fn held() -> Self {
        let world = Box::pin(World::build()).await;
        let app = &world.house.app;
        let mut sessions = Vec::new();
        for who in [Who::Agent, Who::Manager, Who::Gestionnaire, Who::Technicien] {
            let (account, password) = (who.account().map(address), Password::new(PASSWORD.into()));
            sessions.push((who, app.sign_in(account, password, visitor()).await.unwrap()));
        }
        let certificate = Digest::of(b"a certificate");
        let new = NewApiClient {
            partner: COUNCIL,
            label: "certificate".into(),
            mailboxes: vec![world.house.pensions.id],
            senders: vec![address(DEPOSITOR)],
            days: 90,
            certificate: Some(certificate),
        };
        let (pinned, _) = app.make_api_client(new, (Actor::Operator, Origin::Cli)).await.unwrap();
        let gestionnaire = app.signed(&sessions[2].1, visitor()).await.unwrap().unwrap();
        let wanted = WantedToken {
            label: "structure".into(),
            mailboxes: vec![world.house.pensions.id],
            senders: vec![address(DEPOSITOR)],
            days: 90,
        };
        let token = app.make_structure_token(&gestionnaire, COUNCIL, wanted, visitor()).await.unwrap();
        let made = |client: &ApiClient| client.label == "structure";
        let structure = app.api_clients().await.unwrap().into_iter().find(made).unwrap().id;
        let secret =
            app.make_mail_password(account(&world.house, AGENT).await.id, Actor::Operator, Origin::Cli);
        let text = secret.await.unwrap().expose();
        let secret = || MailSecret::parse(text.as_bytes());
        let open = app.sign_in_to_submit(Some(address(AGENT)), secret(), visitor()).await.unwrap();
        let technicien = draft_of(&world.house, TECHNICIEN).await;
        let sent = draft_of(&world.house, TECHNICIEN).await;
        let sent = world.house.send(&sent, "Demande urgente").await.unwrap().reference;
        let mut everything = Self {
            sessions: sessions.try_into().unwrap(),
            links: Vec::new(),
            mail: (secret().unwrap(), open),
            technicien,
            certificate: (certificate, pinned.id),
            structure: (token_text(&token), structure),
            world,
        };
        everything.mail_links(&sent).await;
        everything
    }

    async fn mail_links(&mut self, of_technicien: &Reference) {
        let (world, mut links) = (&self.world, Vec::new());
        let app = &world.house.app;
        for (held, who) in [
            (Held::AgentLink, AGENT),
            (Held::GestionnaireLink, GESTIONNAIRE),
            (Held::TechnicienLink, TECHNICIEN),
        ] {
            app.request_password_link(address(who), visitor()).await.unwrap();
            let link = world.mailed(who, "/compte/lien/").await;
            links.push((held, format!("/compte/lien/{link}")));
        }
        app.request_proof(&world.house.pensions, address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
        app.request_status(&world.deposit, address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
        app.request_status(of_technicien, address(TECHNICIEN), Language::Fr, visitor()).await.unwrap();
        app.request_history(address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
        for (held, to, path) in [
            (Held::DepositLink, DEPOSITOR, "/depot/lien/"),
            (Held::StateLink, DEPOSITOR, "/suivi/lien/"),
            (Held::ListLink, DEPOSITOR, "/suivi/liste/"),
            (Held::TechnicienState, TECHNICIEN, "/suivi/lien/"),
            (Held::ReaderLink, DEPOSITOR, "/plis/lien/"),
        ] {
            links.push((held, format!("{path}{}", world.mailed(to, path).await)));
        }
        self.links = links;
    }

    /// Whether one use of it still does what it did.
    async fn is_good(&self, held: Held) -> bool {
        let (app, path) = (&self.world.house.app, |path: &str| format!("{path}/{}", self.world.deposit));
        match held {
            Held::MailPassword => {
                let secret = MailSecret::parse(self.mail.0.expose().as_bytes());
                app.sign_in_to_submit(Some(address(AGENT)), secret, visitor()).await.is_ok()
            }
            Held::MailOpen => app.check_mail_sender(self.mail.1, &address(AGENT), visitor()).await.is_ok(),
            Held::MailTeam => {
                let team = self.world.house.pensions.notice_address.clone();
                app.check_mail_sender(self.mail.1, &team, visitor()).await.is_ok()
            }
            Held::Agent => self.gets(&path("/transferts"), self.session(Who::Agent)).await,
            Held::Manager => self.gets("/boites/pensions/reglages", self.session(Who::Manager)).await,
            Held::Gestionnaire => {
                self.gets(&format!("/structures/{COUNCIL}"), self.session(Who::Gestionnaire)).await
            }
            Held::Technicien => self.gets("/compte", self.session(Who::Technicien)).await,
            Held::Draft => self.gets_draft(&self.world.draft).await,
            Held::TechnicienDraft => self.gets_draft(&self.technicien).await,
            Held::Reader => {
                let link = &self.world.link;
                let cookie = format!("pli_link_{}={}", &link.link.to_string()[..12], link.cookie.expose());
                self.gets(&format!("/plis/{}", link.link), cookie).await
            }
            Held::ApiToken => self.deposits(Some(&self.world.tokens[0])).await,
            Held::StructureToken => self.deposits(Some(&self.structure.0)).await,
            Held::Certificate => self.deposits(None).await,
            Held::AgentLink
            | Held::GestionnaireLink
            | Held::TechnicienLink
            | Held::TechnicienState
            | Held::DepositLink
            | Held::StateLink
            | Held::ListLink
            | Held::ReaderLink => {
                let (_, path) = self.links.iter().find(|(of, _)| *of == held).unwrap();
                let form = "application/x-www-form-urlencoded";
                self.asks(Request::post(path).header(CONTENT_TYPE, form), Body::empty()).await
            }
        }
    }

    fn session(&self, who: Who) -> String {
        let (_, token) = self.sessions.iter().find(|(of, _)| *of == who).unwrap();
        format!("pli_session={}", token.expose())
    }

    async fn gets(&self, path: &str, cookie: String) -> bool {
        self.asks(Request::get(path).header(COOKIE, cookie), Body::empty()).await
    }

    async fn gets_draft(&self, (id, token): &(DraftId, Token)) -> bool {
        let cookie = format!("pli_draft_{}={}", &id.to_string()[..12], token.expose());
        self.gets(&format!("/depot/carsat/pensions/brouillon/{id}"), cookie).await
    }

    /// Begins a deposit by the API, with a token or with the certificate.
    async fn deposits(&self, token: Option<&str>) -> bool {
        let asked = Request::post("/api/v1/deposits").header(CONTENT_TYPE, "application/json");
        let asked = match token {
            Some(token) => asked.header(AUTHORIZATION, format!("Bearer {token}")),
            None => asked.extension(ClientCertificate(self.certificate.0)),
        };
        let body = format!(r#"{{"organisation":"carsat","mailbox":"pensions","sender":"{DEPOSITOR}"}}"#);
        self.asks(asked, Body::from(body)).await
    }

    async fn asks(&self, asked: axum::http::request::Builder, body: Body) -> bool {
        let pages = router(self.world.house.app.clone(), WebConfig { secure_cookies: false, demo: None });
        let answer = pages.oneshot(asked.body(body).unwrap()).await.unwrap();
        Came::of(answer.status(), answer.headers()) == Some(Came::Yes)
    }

    /// What is no good any more.
    async fn ended(&self) -> BTreeSet<Held> {
        let mut ended = BTreeSet::new();
        for held in Held::ALL {
            if !self.is_good(held).await {
                ended.insert(held);
            }
        }
        ended
    }

    async fn put(&self, who: &str, change: impl FnOnce(&mut Account)) {
        let mut found = account(&self.world.house, who).await;
        change(&mut found);
        let unit = UnitOfWork { changes: vec![Change::Put(found.into())], ..UnitOfWork::default() };
        self.world.house.app.store.commit(unit).await.unwrap();
    }
}

/// What changes.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Nothing,
    RoleTaken,
    OutOfTheMailbox,
    ManagerNoMore,
    AgentDeactivated,
    AgentCutOff,
    PasswordChosenAnew,
    PasswordChanged,
    OtherSessionsEnded,
    MailPasswordRevoked,
    GestionnaireDeactivated,
    TechnicienDeactivated,
    TechnicienExcluded,
    AddressBlocked,
    AgreementEnded,
    StructureSuspended,
    TokenRevoked,
    CertificateRevoked,
    StructureTokenRevoked,
    DepositWithdrawn,
    AnswerWithdrawn,
}

/// What an agent holds, and what reaches the mailbox for the team.
const AGENT_S: &[Held] = &[Held::Agent, Held::AgentLink, Held::MailPassword, Held::MailOpen, Held::MailTeam];
const TECHNICIEN_S: &[Held] =
    &[Held::Technicien, Held::TechnicienLink, Held::TechnicienDraft, Held::TechnicienState];
const SOFTWARE_S: &[Held] = &[Held::ApiToken, Held::Certificate, Held::StructureToken];
const DEPOSITOR_S: &[Held] = &[Held::Draft, Held::DepositLink, Held::StateLink, Held::ListLink];
const READER_S: &[Held] = &[Held::Reader, Held::ReaderLink];
/// With the agreement nothing new is sent; what was sent is still followed, and answers are still read.
const BY_AGREEMENT: &[Held] = &[Held::TechnicienDraft, Held::Draft, Held::DepositLink];

impl Turn {
    const OF_AGENTS: &[Self] = &[
        Self::Nothing,
        Self::RoleTaken,
        Self::OutOfTheMailbox,
        Self::ManagerNoMore,
        Self::AgentDeactivated,
        Self::AgentCutOff,
        Self::PasswordChosenAnew,
        Self::PasswordChanged,
        Self::OtherSessionsEnded,
        Self::MailPasswordRevoked,
    ];
    const OF_PARTNERS: &[Self] = &[
        Self::GestionnaireDeactivated,
        Self::TechnicienDeactivated,
        Self::TechnicienExcluded,
        Self::AddressBlocked,
        Self::AgreementEnded,
        Self::StructureSuspended,
        Self::TokenRevoked,
        Self::CertificateRevoked,
        Self::StructureTokenRevoked,
        Self::DepositWithdrawn,
        Self::AnswerWithdrawn,
    ];

    /// What ends with it, and nothing else does.
    #[expect(clippy::match_same_arms, reason = "a table, in the order of what changes")]
    fn ends(self) -> BTreeSet<Held> {
        let ends: &[&[Held]] = match self {
            Self::Nothing => &[],
            Self::RoleTaken => &[&[Held::Agent, Held::MailPassword, Held::MailOpen, Held::MailTeam]],
            Self::OutOfTheMailbox => &[&[Held::Agent, Held::MailTeam]],
            Self::ManagerNoMore => &[&[Held::Manager]],
            Self::AgentDeactivated | Self::AgentCutOff | Self::PasswordChosenAnew => &[AGENT_S],
            // Another browser's; the mail program has a password of its own (decision 0061).
            Self::PasswordChanged => &[&[Held::Agent, Held::AgentLink]],
            Self::OtherSessionsEnded => &[&[Held::Agent]],
            Self::MailPasswordRevoked => &[&[Held::MailPassword, Held::MailOpen, Held::MailTeam]],
            // What a gestionnaire made is the structure's: techniciens and tokens stay (P1).
            Self::GestionnaireDeactivated => &[&[Held::Gestionnaire, Held::GestionnaireLink]],
            Self::TechnicienDeactivated | Self::TechnicienExcluded => &[TECHNICIEN_S],
            Self::AddressBlocked => &[DEPOSITOR_S, READER_S, SOFTWARE_S],
            Self::AgreementEnded => &[BY_AGREEMENT, SOFTWARE_S],
            Self::StructureSuspended => {
                &[DEPOSITOR_S, READER_S, SOFTWARE_S, &[Held::TechnicienDraft, Held::TechnicienState]]
            }
            Self::TokenRevoked => &[&[Held::ApiToken]],
            Self::CertificateRevoked => &[&[Held::Certificate]],
            Self::StructureTokenRevoked => &[&[Held::StructureToken]],
            Self::DepositWithdrawn => &[&[Held::Agent]],
            Self::AnswerWithdrawn => &[READER_S],
        };
        ends.concat().into_iter().collect()
    }

    async fn happens(self, held: &Everything) {
        let (world, app) = (&held.world, &held.world.house.app);
        let operator = (Actor::Operator, Origin::Cli);
        let id = async |who: &str| account(&world.house, who).await.id;
        match self {
            Self::Nothing => {}
            Self::RoleTaken => held.put(AGENT, |agent| agent.role = Role::SecurityOfficer).await,
            Self::OutOfTheMailbox => {
                let manager = world.house.sign_in(MANAGER).await;
                let slug = &world.house.pensions.slug;
                app.remove_member(&manager, slug, id(AGENT).await, visitor()).await.unwrap();
            }
            Self::ManagerNoMore => {
                let change = SettingsChange::Manager { account: id(MANAGER).await, manages: false };
                app.change_settings(OPERATOR, &world.house.pensions.slug, change).await.unwrap();
            }
            Self::AgentDeactivated => {
                admit_another(world).await;
                let change = AgentChange::Account(AccountChange::Deactivate);
                app.change_agent(OPERATOR, id(AGENT).await, change).await.unwrap();
            }
            Self::AgentCutOff => drop(app.cut_off(id(AGENT).await, Origin::Cli).await.unwrap()),
            Self::PasswordChosenAnew => {
                admit_another(world).await;
                app.request_password_link(address(AGENT), visitor()).await.unwrap();
                let link = Token::parse(&world.mailed(AGENT, "/compte/lien/").await).unwrap();
                let new = Password::new("cheval batterie agrafe synthétique 93".into()).unwrap();
                app.choose_password(&link, new, visitor()).await.unwrap();
            }
            Self::PasswordChanged => {
                let here = world.house.sign_in(AGENT).await;
                let new = Password::new("cheval batterie agrafe synthétique 93".into()).unwrap();
                app.change_password(&here, Password::new(PASSWORD.into()), new, visitor()).await.unwrap();
            }
            Self::OtherSessionsEnded => {
                let here = world.house.sign_in(AGENT).await;
                app.end_own_sessions(&here, EndedSessions::Others, visitor()).await.unwrap();
            }
            Self::MailPasswordRevoked => {
                assert!(app.revoke_mail_password(id(AGENT).await, operator.0, operator.1).await.unwrap());
            }
            Self::GestionnaireDeactivated => {
                second_gestionnaire(world).await;
                app.change_account(OPERATOR, id(GESTIONNAIRE).await, AccountChange::Deactivate)
                    .await
                    .unwrap();
            }
            Self::TechnicienDeactivated => {
                let by = world.house.sign_in(GESTIONNAIRE).await;
                let by = By::person(&by, visitor());
                app.change_account(by, id(TECHNICIEN).await, AccountChange::Deactivate).await.unwrap();
            }
            Self::TechnicienExcluded => app.exclude_account(OPERATOR, id(TECHNICIEN).await).await.unwrap(),
            Self::AddressBlocked => {
                app.block_address(OPERATOR, COUNCIL, &address(DEPOSITOR), true).await.unwrap();
            }
            Self::AgreementEnded => super::changes::end_agreement(world).await,
            Self::StructureSuspended => app.suspend_structure(OPERATOR, COUNCIL, true).await.unwrap(),
            Self::TokenRevoked => assert!(app.revoke_api_client(world.clients[0], operator).await.unwrap()),
            Self::CertificateRevoked => {
                assert!(app.revoke_api_client(held.certificate.1, operator).await.unwrap());
            }
            Self::StructureTokenRevoked => {
                let by = world.house.sign_in(GESTIONNAIRE).await;
                let gone = app.revoke_structure_token(&by, COUNCIL, held.structure.1, visitor()).await;
                assert!(gone.unwrap());
            }
            Self::DepositWithdrawn => {
                let (_, path) = held.links.iter().find(|(of, _)| *of == Held::StateLink).unwrap();
                let token = Token::parse(path.rsplit('/').next().unwrap()).unwrap();
                app.withdraw_by_link(&token, visitor()).await.unwrap();
            }
            Self::AnswerWithdrawn => {
                let agent = world.house.sign_in(AGENT).await;
                app.revoke(&agent, &world.answer, visitor()).await.unwrap();
            }
        }
    }
}

/// Who alone opens a mailbox that its members keep is neither deactivated nor given another password.
async fn admit_another(world: &World) {
    let (agent, kept) = (world.house.sign_in(AGENT).await, world.mailbox("gardee").await);
    let spare = account(&world.house, SPARE).await.id;
    world.house.app.admit(&agent, &kept.slug, spare, visitor()).await.unwrap();
}

/// The last active gestionnaire cannot be deactivated (P1).
async fn second_gestionnaire(world: &World) {
    let new = NewAccount {
        address: address("releve@departement.example"),
        name: "Claude Vert".into(),
        role: Role::Gestionnaire,
        organisation: None,
        partner: Some(COUNCIL),
        mailboxes: vec![],
        password: Password::new(PASSWORD.into()).unwrap(),
        language: Language::Fr,
    };
    world.house.app.create_account(new, Origin::Cli).await.unwrap();
}

async fn end_what_they_end(turns: &[Turn]) {
    let mut wrong = Vec::new();
    for turn in turns {
        let held = Box::pin(Everything::held()).await;
        Box::pin(turn.happens(&held)).await;
        let (ended, expected) = (Box::pin(held.ended()).await, turn.ends());
        if ended != expected {
            let stays: Vec<_> = expected.difference(&ended).collect();
            let more: Vec<_> = ended.difference(&expected).collect();
            wrong.push(format!("{turn:?}: {stays:?} should have ended, {more:?} should not"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_an_agent_s_rights_ends_what_it_ends_and_nothing_else() {
    end_what_they_end(Turn::OF_AGENTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_a_partner_s_rights_ends_what_it_ends_and_nothing_else() {
    end_what_they_end(Turn::OF_PARTNERS).await;
}
