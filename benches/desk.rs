//! How long the security officer's pages take with a million events, each through the real handlers over the embedded
//! store, and how much memory the process takes. The budget is 100 ms a page. `cargo bench --bench desk`; another number
//! of events by `PLI_BENCH_EVENTS`. With `-- --caseload` the desk of a mailbox instead (`desk/caseload.rs`).

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on says where")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

#[path = "desk/caseload.rs"]
mod caseload;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::COOKIE;
use http_body_util::BodyExt;
use pli::app::ports::{
    Change, Delivery, Dispatched, Entry, OutgoingMail, PersonName, Random, Store, UnitOfWork,
};
use pli::app::{App, AppParts, NewAccount, NewMailbox, Policies, Settings, Visitor};
use pli::audit::{self, Action, Actor, Detail, Event, MailPurpose, Object, Origin, Outcome, RefusalReason};
use pli::content::FilePolicies;
use pli::identity::{Organisation, Partner, Password, Role};
use pli::mailbox::{Custody, DepositLimits, MailboxKind};
use pli::policy::alerts::AlertPolicy;
use pli::policy::custody::CustodyPolicy;
use pli::policy::title::{TitleGuard, TitlePolicy};
use pli::relay::queue::DeliveryProblem;
use pli::retention::ValidityPolicy;
use pli::store::{DirectoryObjects, EmbeddedStore, ManualClock, MemoryKeyring, SystemRandom};
use pli::value::{
    AccountId, ByteSize, Digest, Domain, Language, MailAddress, MailId, MailboxId, OrganisationId, PartnerId,
    PersonId, Slug, Timestamp, TransferId,
};
use pli::web::{WebConfig, router};
use tower::ServiceExt;

const EVENTS: u64 = 1_000_000;
/// How many commits are under way at once, and how many events each holds: what a busy gateway looks like.
const WRITERS: u64 = 8;
const EVENTS_PER_UNIT: u64 = 5;
const NOW: Timestamp = Timestamp(1_795_000_000_000);
const DAY_MILLIS: u64 = 86_400_000;
const YEAR_MILLIS: u64 = 365 * DAY_MILLIS;
const MAILBOXES: u64 = 30;
const PARTNERS: u64 = 60;
const PEOPLE: u64 = 2_000;
const AGENTS: u64 = 200;
/// Events of one transfer's life.
const STEPS: u64 = 16;
/// How often each page is asked for.
const REQUESTS: u64 = 100;
const PASSWORD: &str = "phrase de passe tout à fait synthétique";

/// What is asked for, by the number of the request.
type Path = Box<dyn Fn(u64) -> String>;

fn main() {
    // `cargo test --benches` and `cargo bench -- --list` start it too; neither wants figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let events = std::env::var("PLI_BENCH_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(EVENTS);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if std::env::args().any(|argument| argument == "--caseload") {
        runtime.block_on(run_caseload());
        return;
    }
    runtime.block_on(run(events));
}

async fn run_caseload() {
    let at = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = Arc::new(EmbeddedStore::open(&at.path().join("store")).unwrap());
    let app = house(&at, Arc::clone(&store)).await;
    caseload::run(app, store, NOW, PASSWORD).await;
}

async fn run(events: u64) {
    let at = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = Arc::new(EmbeddedStore::open(&at.path().join("store")).unwrap());
    let app = house(&at, Arc::clone(&store)).await;
    let start = Instant::now();
    fill(&store, events).await;
    println!("{events} events written in {:.0} s, {WRITERS} writers", start.elapsed().as_secs_f64());
    println!("memory after writing: {} MB", memory_megabytes());
    let officer = MailAddress::parse("securite@carsat.example").unwrap();
    let visitor = Visitor { address: IpAddr::from([192, 0, 2, 7]) };
    let cookie = app.sign_in(Some(officer), Password::new(PASSWORD.into()), visitor).await.unwrap();
    let cookie = format!("pli_session={}", cookie.expose());
    let pages = router(app, WebConfig { secure_cookies: false, demo: None });
    let transfers = events / STEPS;
    let place = |n: u64, of: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % of.max(1);
    let asked: [(&str, Path); 14] = [
        ("timeline, newest", Box::new(|_| "/journal".into())),
        ("timeline, deep page", Box::new(move |n| format!("/journal?before={}", place(n, events)))),
        ("timeline, upwards", Box::new(move |n| format!("/journal?after={}", place(n, events)))),
        ("by person", Box::new(move |n| format!("/journal?person={}", person(place(n, PEOPLE))))),
        (
            "by mailbox and action",
            Box::new(move |n| {
                format!("/journal?mailbox={}&action=transfer.expired", mailbox(place(n, MAILBOXES)))
            }),
        ),
        (
            "by partner and month",
            Box::new(move |n| {
                format!(
                    "/journal?partner={}&from=2026-0{}-01&to=2026-0{}-28",
                    partner(place(n, PARTNERS)),
                    n % 9 + 1,
                    n % 9 + 1
                )
            }),
        ),
        (
            "by origin and outcome",
            Box::new(move |n| format!("/journal?outcome=refused&origin={}", address(place(n, 250)))),
        ),
        (
            "by mailbox, person, outcome: nothing found",
            Box::new(move |n| {
                let (mailbox, person) = (mailbox(place(n, MAILBOXES)), person(place(n, AGENTS)));
                format!("/journal?mailbox={mailbox}&person={person}&outcome=failed")
            }),
        ),
        (
            "done, in a mailbox",
            Box::new(move |n| format!("/journal?outcome=done&mailbox={}", mailbox(place(n, MAILBOXES)))),
        ),
        (
            "story of a transfer",
            Box::new(move |n| format!("/journal/transferts/{}", transfer(place(n, transfers)))),
        ),
        (
            "activity of a person",
            Box::new(move |n| format!("/journal/personne?person={}", person(place(n, AGENTS)))),
        ),
        ("refusals of a week", Box::new(|_| "/journal/refus".into())),
        ("refusals of a year", Box::new(|_| "/journal/refus?from=2026-01-01".into())),
        ("rights on a day", Box::new(|n| format!("/journal/droits?day=2026-11-{:02}", n % 28 + 1))),
    ];
    println!("{:<44} {:>8} {:>8} {:>8}", "page", "p50 ms", "p99 ms", "most ms");
    for (name, path) in &asked {
        let mut times = Vec::new();
        for n in 0..REQUESTS {
            let request =
                Request::builder().uri(path(n)).header(COOKIE, &cookie).body(Body::empty()).unwrap();
            let start = Instant::now();
            let answer = pages.clone().oneshot(request).await.unwrap();
            let status = answer.status();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            times.push(start.elapsed().as_secs_f64() * 1000.0);
            assert!(status.is_success() && body.len() > 1000, "{name}: {status} {}", path(n));
        }
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        println!("{name:<44} {:>8.1} {:>8.1} {:>8.1}", at(50), at(99), at(100));
    }
    println!("memory at the end: {} MB", memory_megabytes());
}

/// Writes a year of a fund's life.
async fn fill(store: &Arc<EmbeddedStore>, events: u64) {
    let next = Arc::new(AtomicU64::new(0));
    let writer = |_| {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let first = next.fetch_add(EVENTS_PER_UNIT, Ordering::Relaxed);
                if first >= events {
                    return;
                }
                let entries =
                    (first..(first + EVENTS_PER_UNIT).min(events)).map(|n| entry(n, events)).collect();
                store.commit(UnitOfWork { entries, ..UnitOfWork::default() }).await.unwrap();
            }
        })
    };
    for task in (0..WRITERS).map(writer).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

fn entry(n: u64, events: u64) -> Entry {
    let event = event(n, events);
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&n.to_be_bytes());
    Entry { event, entry: audit::Entry::new(&event, salt).unwrap() }
}

/// The `n`-th event of the year: lives of transfers, a sign-in now and then, refusals of which one address has many.
fn event(n: u64, events: u64) -> Event {
    let offset = i64::try_from(n * (YEAR_MILLIS / events.max(1))).unwrap();
    let at = Timestamp(NOW.0 - i64::try_from(YEAR_MILLIS).unwrap() + offset);
    let (life, step) = (n / STEPS, n % STEPS);
    let box_number = life % MAILBOXES;
    let (transfer, mailbox) = (transfer(life), mailbox(box_number));
    let depositor = Actor::Person(person(life * 7 % PEOPLE));
    let agent = Actor::Person(person(life * 3 % AGENTS));
    let web = Origin::Web { address: address(life % 250) };
    let object = Object::Transfer { transfer, mailbox };
    let mail = |purpose| Object::TransferMail { transfer, mailbox, mail: MailId::new(id(9, n)), purpose };
    let part = |part| Object::TransferPart { transfer, mailbox, part };
    let (actor, action, object, outcome, origin) = match step {
        0 => (depositor, Action::DepositSent, object, Outcome::Done, web),
        1 => (Actor::System, Action::MailQueued, mail(MailPurpose::Acknowledgement), Outcome::Done, web),
        2 => (Actor::System, Action::MailQueued, mail(MailPurpose::Notice), Outcome::Done, web),
        3 => {
            (Actor::System, Action::MailSent, mail(MailPurpose::Acknowledgement), Outcome::Done, Origin::Job)
        }
        4 => (Actor::System, Action::MailSent, mail(MailPurpose::Notice), Outcome::Done, Origin::Job),
        5 => (agent, Action::SignIn, Object::Account(account(life * 3 % AGENTS)), Outcome::Done, web),
        6 => (agent, Action::TransferListed, Object::Mailbox(mailbox), Outcome::Done, web),
        7 => (agent, Action::TransferOpened, object, Outcome::Done, web),
        8 => (agent, Action::FileDownloaded, part(1), Outcome::Intended, web),
        9 => (agent, Action::FileDownloaded, part(1), Outcome::Done, web),
        10 if life.is_multiple_of(3) => {
            let attack =
                Origin::Web { address: address(if life.is_multiple_of(2) { 249 } else { life % 250 }) };
            let outcome = Outcome::Refused(RefusalReason::CredentialsWrong);
            (Actor::Person(person(life % PEOPLE)), Action::SignInRefused, Object::None, outcome, attack)
        }
        10 => (agent, Action::AccessRefused, object, Outcome::Refused(RefusalReason::NotEntitled), web),
        11 => (agent, Action::ArchiveDownloaded, object, Outcome::Done, web),
        12 => (Actor::System, Action::TransferExpired, object, Outcome::Done, Origin::Job),
        13 => (Actor::System, Action::GrantsDestroyed, object, Outcome::Done, Origin::Job),
        14 => (Actor::System, Action::ObjectsErased, object, Outcome::Intended, Origin::Job),
        _ => (Actor::System, Action::ObjectsErased, object, Outcome::Done, Origin::Job),
    };
    let event = Event::new(at, actor, action, object, outcome, origin).of_partner(partner(life % PARTNERS));
    match action {
        Action::DepositSent => event.with(Detail::Sealed(Digest::of(&n.to_be_bytes()))),
        Action::TransferExpired => event.with(Detail::Until(at)),
        _ => event,
    }
}

fn id(kind: u8, n: u64) -> [u8; 16] {
    let digest = Digest::of(&[&[kind][..], &n.to_be_bytes()].concat());
    digest.as_bytes()[..16].try_into().unwrap()
}

fn person(n: u64) -> PersonId {
    PersonId::new(id(1, n))
}

fn mailbox(n: u64) -> MailboxId {
    MailboxId::new(id(2, n))
}

fn partner(n: u64) -> PartnerId {
    PartnerId::new(id(3, n))
}

fn account(n: u64) -> AccountId {
    AccountId::new(id(4, n))
}

fn transfer(n: u64) -> TransferId {
    TransferId::new(id(5, n))
}

fn address(n: u64) -> IpAddr {
    IpAddr::from([203, 0, 113, u8::try_from(n % 250).unwrap()])
}

/// Takes every mail.
struct Nowhere;

#[async_trait]
impl Delivery for Nowhere {
    async fn deliver(&self, _mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
        Ok(Dispatched { tls: None })
    }
}

/// A gateway with an officer, accounts, mailboxes, partners and the names of all persons.
async fn house(at: &tempfile::TempDir, store: Arc<EmbeddedStore>) -> Arc<App> {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let titles = TitlePolicy::parse(include_str!("../policies/title.toml")).unwrap();
    let app = App::new(AppParts {
        store: store.clone(),
        objects: Arc::new(DirectoryObjects::open(&at.path().join("objects"), random.clone()).unwrap()),
        keyring: Arc::new(MemoryKeyring::new(&random)),
        clock: Arc::new(ManualClock::new(NOW)),
        random,
        delivery: Arc::new(Nowhere),
        scanning: None,
        names: Arc::new(pli::app::ports::NoNames),
        senders: Arc::new(pli::app::ports::NoSenderAuthentication),
        policies: Policies {
            titles: TitleGuard::new(&titles),
            validity: ValidityPolicy::parse(include_str!("../policies/validity.toml")).unwrap(),
            files: FilePolicies::parse(include_str!("../policies/files.toml")).unwrap(),
            custody: CustodyPolicy::parse(include_str!("../policies/custody.toml")).unwrap(),
            sign_in: pli::policy::sign_in::SignInPolicy::parse(include_str!("../policies/sign_in.toml"))
                .unwrap(),
            outgoing: pli::policy::outgoing::OutgoingPolicy::parse(include_str!("../policies/outgoing.toml"))
                .unwrap(),
            people: pli::policy::people::PeoplePolicy {
                terms: None,
                ..pli::policy::people::PeoplePolicy::parse(include_str!("../policies/people.toml")).unwrap()
            },
            privacy: pli::policy::privacy::PrivacyPolicy::parse(include_str!("../policies/privacy.toml"))
                .unwrap(),
            alerts: AlertPolicy::parse(include_str!("../policies/alerts.toml")).unwrap(),
            register: pli::policy::register::RegisterPolicy::parse(include_str!("../policies/register.toml"))
                .unwrap(),
            reminders: pli::policy::reminders::ReminderPolicy::parse(include_str!(
                "../policies/reminders.toml"
            ))
            .unwrap(),
            forms: pli::policy::form::FormSet::default(),
            digest: Digest::of(b"policies"),
        },
        settings: Settings {
            base_url: "https://pli.example".into(),
            mail_domain: Domain::parse("pli.example").unwrap(),
            mail_from: MailAddress::parse("ne-pas-repondre@pli.example").unwrap(),
            mail_from_name: "Pli".into(),
            postmaster: None,
            log_origin: "pli.example/log".into(),
            recovery: None,
            audit: pli::app::AuditSettings::default(),
        },
    });
    let app = Arc::new(app.unwrap());
    app.make_keys(NOW).await.unwrap();
    people(&app, &store).await;
    app
}

async fn people(app: &App, store: &EmbeddedStore) {
    let organisation = OrganisationId::new([1; 16]);
    let fund = Organisation {
        id: organisation,
        slug: Slug::parse("carsat").unwrap(),
        name: "Carsat".into(),
        postal_address: "Rennes".into(),
        data_protection_officer: MailAddress::parse("dpo@carsat.example").unwrap(),
    };
    app.create_organisation(fund, Origin::Cli).await.unwrap();
    let mut changes = Vec::new();
    for n in 0..MAILBOXES {
        let new = NewMailbox {
            organisation,
            slug: Slug::parse(&format!("boite-{n}")).unwrap(),
            kind: MailboxKind::Generic,
            name: format!("Boîte {n}"),
            purpose: "Des demandes.".into(),
            deposit_address: MailAddress::parse(&format!("boite-{n}@pli.example")).unwrap(),
            notice_address: MailAddress::parse(&format!("balc-{n}@carsat.example")).unwrap(),
            limits: DepositLimits {
                file: ByteSize(1_000_000),
                deposit: ByteSize(1_500_000),
                files: 3,
                hourly: ByteSize(20_000_000),
            },
            custody: Custody::Gateway,
            members: vec![],
        };
        // The synthetic events name mailboxes by ids of their own.
        let mut made = app.create_mailbox(new, Origin::Cli).await.unwrap();
        made.id = mailbox(n);
        changes.push(Change::Put(made.into()));
    }
    for n in 0..PARTNERS {
        let made = Partner {
            id: partner(n),
            name: format!("Département {n}"),
            domains: [].into(),
            sites: vec![],
            relays: vec![],
            relay_certificates: [].into(),
            accepts_dmarc: false,
            blocked: [].into(),
            suspended: false,
        };
        changes.push(Change::Put(made.into()));
    }
    for n in 0..PEOPLE {
        let address = MailAddress::parse(&format!("personne-{n}@departement.example")).unwrap();
        changes.push(Change::Put(PersonName { person: person(n), address, met_at: NOW }.into()));
    }
    for part in changes.chunks(100) {
        let unit = UnitOfWork { changes: part.to_vec(), ..UnitOfWork::default() };
        store.commit(unit).await.unwrap();
    }
    accounts(app, store, organisation).await;
}

/// The officer by the use case; the agents as copies of it, so that no password is hashed two hundred times.
async fn accounts(app: &App, store: &EmbeddedStore, organisation: OrganisationId) {
    let officer = NewAccount {
        address: MailAddress::parse("securite@carsat.example").unwrap(),
        name: "Sécurité Exemple".into(),
        role: Role::SecurityOfficer,
        organisation: Some(organisation),
        partner: None,
        mailboxes: vec![],
        password: Password::new(PASSWORD.into()).unwrap(),
        language: Language::Fr,
    };
    let officer = app.create_account(officer, Origin::Cli).await.unwrap();
    for n in 0..AGENTS {
        let mut agent = officer.clone();
        (agent.id, agent.person, agent.role) = (account(n), person(n), Role::Agent);
        agent.address = MailAddress::parse(&format!("personne-{n}@departement.example")).unwrap();
        agent.name = format!("Personne {n}");
        agent.mailboxes = vec![mailbox(n % MAILBOXES)];
        let at = Timestamp(NOW.0 - i64::try_from(YEAR_MILLIS).unwrap());
        let right = Detail::Right { person: person(n), role: audit::RoleCode::Agent };
        let told = |action, object| {
            let event =
                Event::new(at, Actor::Operator, action, object, Outcome::Done, Origin::Cli).with(right);
            Entry { event, entry: audit::Entry::new(&event, [7; 16]).unwrap() }
        };
        let membership = Object::Membership { account: account(n), mailbox: mailbox(n % MAILBOXES) };
        let entries = vec![
            told(Action::AccountCreated, Object::Account(account(n))),
            told(Action::MemberAdded, membership),
        ];
        let changes = vec![Change::Put(agent.into())];
        store.commit(UnitOfWork { changes, entries, ..UnitOfWork::default() }).await.unwrap();
    }
}

fn memory_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) / 1024
}
