//! After a change of rights everything that was handed out before is tried again (invariant 7, P4, P6): whoever lost a
//! right gets on every route what the table says of somebody who never had it, with the session, the cookie or the link
//! that was good a moment ago. A route that is added is tried without a word here.

use pli::app::ports::{Change, Key, Record, UnitOfWork};
use pli::app::{MailSenderError, MailSignInError};
use pli::audit::{Actor, Origin};
use pli::identity::{Account, Agreement, MailSecret, MailSession, Partner, Role};
use pli::value::{Language, OrganisationId, PartnerId, Token};

use super::routes::{self, Route};
use super::world::{AGENT, Who, World};
use super::{Came, ask_with, kept_table};
use crate::custody_house::account;
use crate::house::{DEPOSITOR, address, visitor};

/// What somebody held before rights changed.
struct Held {
    cookies: Vec<String>,
    session: Option<Token>,
}

impl Held {
    async fn by(world: &World, who: Who) -> Self {
        // Links that nobody has pressed yet.
        for asked in [
            world
                .house
                .app
                .request_proof(&world.house.pensions, address(DEPOSITOR), Language::Fr, visitor())
                .await,
            world.house.app.request_status(&world.deposit, address(DEPOSITOR), Language::Fr, visitor()).await,
            world.house.app.request_history(address(DEPOSITOR), Language::Fr, visitor()).await,
        ] {
            asked.unwrap();
        }
        world.house.mails_to(DEPOSITOR).await;
        let mut session = None;
        let cookies = world.cookies(who, &mut session).await;
        Self { cookies, session }
    }
}

async fn put(world: &World, record: Record) {
    let unit = UnitOfWork { changes: vec![Change::Put(record)], ..UnitOfWork::default() };
    world.house.app.store.commit(unit).await.unwrap();
}

/// Asks every route with what was held before, and compares with what somebody gets who never had the right.
async fn is_now_as(world: &World, held: &Held, was: Who, now: Who, but: &[(&str, Came)]) {
    let (table, column) = (kept_table(), Who::ALL.iter().position(|who| *who == now).unwrap());
    let mut wrong = Vec::new();
    let outside = matches!(was, Who::Depositor | Who::Reader);
    let mut routes = routes::of_source("src/web");
    // Signing out ends what is held: last.
    routes.sort_by_key(|route| route.path == "/deconnexion");
    for route in routes {
        if outside && !["/depot/", "/suivi/", "/plis/"].iter().any(|part| route.path.starts_with(part)) {
            continue;
        }
        let came = ask_with(world, &route, was, held.cookies.clone(), held.session.as_ref()).await;
        let came = match came {
            Ok(came) => came,
            Err(problem) => {
                wrong.push(problem);
                continue;
            }
        };
        let Some(row) = table.get(&told(&route)) else {
            panic!("{} is not in the table of rights", told(&route))
        };
        let exception = but.iter().find(|(name, _)| *name == told(&route)).map(|(_, came)| *came);
        let expected = exception.unwrap_or(row[column]);
        if came != expected {
            wrong.push(format!("{}: {came:?}, and not {expected:?}", told(&route)));
        }
    }
    assert!(
        wrong.is_empty(),
        "what was handed out before the change still counts: {was:?} should be as {now:?}\n{}",
        wrong.join("\n")
    );
}

fn told(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

/// An agent of no mailbox has no register to look into.
const NO_REGISTER: &[(&str, Came)] = &[
    ("GET /registre", Came::No),
    ("GET /registre.csv", Came::No),
    ("GET /registre.xlsx", Came::No),
    ("GET /statistiques", Came::No),
    ("GET /statistiques.csv", Came::No),
    ("GET /statistiques.xlsx", Came::No),
];

async fn changed_account(world: &World, who: &str, change: impl FnOnce(&mut Account)) {
    let mut found = account(&world.house, who).await;
    change(&mut found);
    put(world, Record::Account(found)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_cut_off_is_nobody_with_its_old_session_and_mail_password() {
    let world = Box::pin(World::build()).await;
    let (held, mail) = (Held::by(&world, Who::Agent).await, MailProgram::of(&world).await);
    let half = world.account(AGENT).await;
    mail.sends(&world).await;
    world.house.app.cut_off(half, Origin::Cli).await.unwrap();
    is_now_as(&world, &held, Who::Agent, Who::Nobody, &[]).await;
    mail.is_refused(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_awaited_when_the_account_is_cut_off_opens_nothing() {
    let world = Box::pin(World::build()).await.with_second_factor().await;
    let held = Held::by(&world, Who::HalfSignedIn).await;
    world.house.app.cut_off(world.account(AGENT).await, Origin::Cli).await.unwrap();
    is_now_as(&world, &held, Who::HalfSignedIn, Who::Nobody, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_taken_out_of_the_mailboxes_is_an_agent_of_other_ones() {
    let world = Box::pin(World::build()).await;
    let (held, mail) = (Held::by(&world, Who::Agent).await, MailProgram::of(&world).await);
    let team = world.house.pensions.notice_address.clone();
    world.house.app.check_mail_sender(mail.open, &team, visitor()).await.unwrap();
    changed_account(&world, AGENT, |account| account.mailboxes.clear()).await;
    is_now_as(&world, &held, Who::Agent, Who::OtherMailbox, NO_REGISTER).await;
    let as_team = world.house.app.check_mail_sender(mail.open, &team, visitor()).await;
    assert!(matches!(as_team, Err(MailSenderError::NotYours)), "no mail in the name of the team any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_becomes_an_officer_reads_the_log_and_nothing_else_any_more() {
    let world = Box::pin(World::build()).await;
    let (held, mail) = (Held::by(&world, Who::Agent).await, MailProgram::of(&world).await);
    changed_account(&world, AGENT, |account| account.role = Role::SecurityOfficer).await;
    is_now_as(&world, &held, Who::Agent, Who::Officer, &[]).await;
    mail.is_refused(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_who_becomes_an_agent_reads_the_log_no_more() {
    let world = Box::pin(World::build()).await;
    let held = Held::by(&world, Who::Officer).await;
    let officer = Who::Officer.account().unwrap();
    changed_account(&world, officer, |account| account.role = Role::Agent).await;
    is_now_as(&world, &held, Who::Officer, Who::OtherMailbox, NO_REGISTER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_to_another_organisation_leaves_the_mailboxes_behind() {
    let world = Box::pin(World::build()).await;
    let (held, mail) = (Held::by(&world, Who::Agent).await, MailProgram::of(&world).await);
    changed_account(&world, AGENT, |account| account.organisation = Some(OrganisationId::new([9; 16]))).await;
    is_now_as(&world, &held, Who::Agent, Who::OtherOrganisation, NO_REGISTER).await;
    let team = world.house.pensions.notice_address.clone();
    assert!(world.house.app.check_mail_sender(mail.open, &team, visitor()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_partner_and_a_blocked_address_have_nothing_that_still_opens() {
    let suspend: fn(&mut Partner) = |partner| partner.suspended = true;
    let block: fn(&mut Partner) = |partner| partner.blocked = [address(DEPOSITOR)].into();
    for change in [suspend, block] {
        let world = Box::pin(World::build()).await;
        let (depositor, reader) =
            (Held::by(&world, Who::Depositor).await, Held::by(&world, Who::Reader).await);
        let mut partner = partner(&world).await;
        change(&mut partner);
        world.house.app.put_partner(partner, Origin::Cli).await.unwrap();
        is_now_as(&world, &depositor, Who::Depositor, Who::OtherDepositor, MAILED).await;
        let code = [("POST /plis/lien/{token}/code", Came::Over)];
        is_now_as(&world, &reader, Who::Reader, Who::OtherReader, &[MAILED, &code].concat()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_agreement_its_drafts_are_closed_and_what_was_answered_is_still_read() {
    let world = Box::pin(World::build()).await;
    let (depositor, reader) = (Held::by(&world, Who::Depositor).await, Held::by(&world, Who::Reader).await);
    end_agreement(&world).await;
    let closed = [
        ("POST /depot/lien/{token}", Came::Over),
        // What was sent stays told: its receipt, and how it stands.
        ("GET /depot/{organisation}/{mailbox}/brouillon/{draft}/recu", Came::Yes),
        ("POST /suivi/{reference}/code", Came::Yes),
        ("POST /suivi/code", Came::Yes),
        // And it can be withdrawn.
        ("POST /suivi/{reference}/retirer", Came::Yes),
        // Leads to the deposit page, which admits the address no more: `another_draft` asks the agreement.
        ("POST /depot/{organisation}/{mailbox}/brouillon/{draft}/autre-personne", Came::Yes),
    ];
    is_now_as(&world, &depositor, Who::Depositor, Who::OtherDepositor, &closed).await;
    let reads = [("POST /depot/lien/{token}", Came::Over)];
    is_now_as(&world, &reader, Who::Reader, Who::Reader, &reads).await;
}

/// The links that were mailed before, pressed after: over, whoever holds them.
const MAILED: &[(&str, Came)] = &[
    ("POST /depot/lien/{token}", Came::Over),
    ("POST /suivi/lien/{token}", Came::Over),
    ("POST /suivi/lien/{token}/retirer", Came::Over),
    ("POST /suivi/liste/{token}", Came::Over),
    ("POST /plis/lien/{token}", Came::Over),
];

#[tokio::test(flavor = "multi_thread")]
async fn software_whose_token_was_revoked_is_nobody() {
    let world = Box::pin(World::build()).await;
    let held = Held::by(&world, Who::Software).await;
    assert!(
        world.house.app.revoke_api_client(world.clients[0], (Actor::Operator, Origin::Cli)).await.unwrap()
    );
    is_now_as(&world, &held, Who::Software, Who::Nobody, &[]).await;
}

async fn partner(world: &World) -> Partner {
    let Some(Record::Partner(partner)) = world.house.record(&Key::Partner(PartnerId::new([2; 16]))).await
    else {
        panic!()
    };
    partner
}

pub async fn end_agreement(world: &World) {
    let list = pli::app::ports::List::AgreementsOf(world.house.pensions.id);
    let found = world.house.app.store.list(&list, 10).await.unwrap().remove(0).record;
    let agreement = Agreement::try_from(found).unwrap();
    let yesterday = pli::value::Day(world.house.app.now().at.day().0 - 1);
    let ended = Agreement { until: Some(yesterday), ..agreement };
    world.house.app.put_agreement(ended, Origin::Cli).await.unwrap();
}

/// A mail program that an agent set up.
struct MailProgram {
    /// The connection that it has open.
    open: MailSession,
    secret: String,
}

impl MailProgram {
    async fn of(world: &World) -> Self {
        let account = world.account(AGENT).await;
        let secret = world.house.app.make_mail_password(account, Actor::Operator, Origin::Cli).await.unwrap();
        let text = secret.expose();
        let open = world.house.app.sign_in_to_submit(Some(address(AGENT)), Some(secret), visitor()).await;
        Self { open: open.unwrap(), secret: text }
    }

    async fn signs_in(&self, world: &World) -> Result<MailSession, MailSignInError> {
        let secret = MailSecret::parse(self.secret.as_bytes());
        world.house.app.sign_in_to_submit(Some(address(AGENT)), secret, visitor()).await
    }

    async fn sends(&self, world: &World) {
        assert_eq!(self.signs_in(world).await.unwrap(), self.open);
        world.house.app.check_mail_sender(self.open, &address(AGENT), visitor()).await.unwrap();
    }

    /// Neither a new connection nor one that is open.
    async fn is_refused(&self, world: &World) {
        assert!(matches!(self.signs_in(world).await, Err(MailSignInError::Refused)));
        let sends = world.house.app.check_mail_sender(self.open, &address(AGENT), visitor()).await;
        assert!(matches!(sends, Err(MailSenderError::Ended)));
    }
}
