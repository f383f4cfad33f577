//! How long the desk of a mailbox, its register and its statistics take with 100,000 transfers that can be opened, through the
//! real handlers over the embedded store. The budget of a desk's page is 50 ms. `cargo bench --bench desk -- --caseload`;
//! another number of transfers by `PLI_BENCH_TRANSFERS`.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::COOKIE;
use http_body_util::BodyExt;
use pli::app::ports::{Change, List, Record, Store, UnitOfWork};
use pli::app::{App, InboundMail, MailAnswer, NewAccount, NewMailbox, Visitor};
use pli::audit::Origin;
use pli::identity::{Admission, Agreement, AgreementTerms, NetworkRange, Partner, Password, Role, Site};
use pli::mailbox::{Custody, DepositLimits, Mailbox, MailboxKind};
use pli::store::EmbeddedStore;
use pli::transfer::{Answer, AnswerWay, Case, CaseState, DueDates, FormCodes, Step, Transfer};
use pli::value::{
    AccountId, ByteSize, Day, Domain, Language, MailAddress, Millis, OrganisationId, PartnerId, Reference,
    SecretBytes, Slug, Timestamp, TransferId,
};
use pli::web::{WebConfig, router};
use tower::ServiceExt;

const TRANSFERS: u64 = 100_000;
const WRITERS: u64 = 8;
const TRANSFERS_PER_UNIT: u64 = 20;
const REQUESTS: u64 = 50;
const COUNCIL: PartnerId = PartnerId::new([0xC0; 16]);
const AGENT: &str = "agent.desk@carsat.example";
const SITES: [&str; 6] = ["Redon", "Fougères", "Vitré", "Saint-Malo", "Combourg", "Brocéliande"];
const KINDS: [&str; 4] = ["pension", "survivor", "asi_aspa", "other"];
const REASONS: [&str; 3] = ["no_income", "no_answer", "other"];

/// Fills a mailbox and asks for its pages.
pub async fn run(app: Arc<App>, store: Arc<EmbeddedStore>, now: Timestamp, password: &str) {
    let transfers =
        std::env::var("PLI_BENCH_TRANSFERS").ok().and_then(|text| text.parse().ok()).unwrap_or(TRANSFERS);
    let (mailbox, agent) = people(&app, password).await;
    let template = deposit(&app, &store, &mailbox).await;
    let start = Instant::now();
    fill(&store, &template, agent, now, transfers).await;
    println!("{transfers} transfers written in {:.0} s", start.elapsed().as_secs_f64());
    println!("memory after writing: {} MB", super::memory_megabytes());
    let visitor = Visitor { address: IpAddr::from([192, 0, 2, 7]) };
    let agent_address = MailAddress::parse(AGENT).unwrap();
    let cookie = app.sign_in(Some(agent_address), Password::new(password.into()), visitor).await.unwrap();
    let cookie = format!("pli_session={}", cookie.expose());
    let pages = router(app, WebConfig { secure_cookies: false, demo: None });
    let desk = |query: &str| format!("/boites/grande-boite?{query}");
    let asked = [
        ("new", desk("")),
        ("in charge", desk("etat=en-charge")),
        ("late", desk("etat=en-retard")),
        ("all", desk("etat=tous")),
        ("by partner and site", desk(&format!("etat=tous&partenaire={COUNCIL}&site=Redon"))),
        ("by kind and reason", desk("etat=tous&nature=asi_aspa&motif=no_answer")),
        ("by reference", desk(&format!("etat=tous&mots={}", reference(transfers / 2)))),
        ("two words that meet", desk("etat=tous&mots=demande+redon")),
        ("nothing found", desk("etat=tous&mots=redon&nature=other&site=Combourg")),
        ("late, of a kind", desk("etat=en-retard&nature=other")),
        ("register, newest", "/boites/grande-boite/registre".to_owned()),
        (
            "register, a kind and a state",
            "/boites/grande-boite/registre?nature=other&etat=answered".to_owned(),
        ),
        ("statistics of the year", "/boites/grande-boite/statistiques".to_owned()),
    ];
    println!("{:<44} {:>8} {:>8} {:>8}", "page", "p50 ms", "p99 ms", "most ms");
    for (name, path) in &asked {
        let requests = if name.starts_with("statistics") { 3 } else { REQUESTS };
        let mut times = Vec::new();
        for _ in 0..requests {
            let request = Request::builder().uri(path).header(COOKIE, &cookie).body(Body::empty()).unwrap();
            let start = Instant::now();
            let answer = pages.clone().oneshot(request).await.unwrap();
            let status = answer.status();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            times.push(start.elapsed().as_secs_f64() * 1000.0);
            assert!(status.is_success() && body.len() > 1000, "{name}: {status} {path}");
        }
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        println!("{name:<44} {:>8.1} {:>8.1} {:>8.1}", at(50), at(99), at(100));
    }
    println!("memory at the end: {} MB", super::memory_megabytes());
}

async fn people(app: &App, password: &str) -> (Mailbox, AccountId) {
    let organisation = OrganisationId::new([1; 16]);
    let new = NewMailbox {
        organisation,
        slug: Slug::parse("grande-boite").unwrap(),
        kind: MailboxKind::Generic,
        name: "Grande boîte".into(),
        purpose: "Des demandes.".into(),
        deposit_address: MailAddress::parse("grande-boite@pli.example").unwrap(),
        notice_address: MailAddress::parse("balc-grande@carsat.example").unwrap(),
        limits: DepositLimits {
            file: ByteSize(1_000_000),
            deposit: ByteSize(1_500_000),
            files: 3,
            hourly: ByteSize(20_000_000),
        },
        custody: Custody::Gateway,
        members: vec![],
    };
    let mailbox = app.create_mailbox(new, Origin::Cli).await.unwrap();
    let site = |(number, name): (usize, &&str)| Site {
        name: (*name).to_owned(),
        mailbox: MailAddress::parse(&format!("cdas-{number}@conseil.example")).unwrap(),
        siret: None,
        territory: Some("T6".to_owned()),
    };
    let council = Partner {
        id: COUNCIL,
        name: "Conseil départemental".into(),
        domains: [Domain::parse("conseil.example").unwrap()].into(),
        sites: SITES.iter().enumerate().map(site).collect(),
        relays: vec![NetworkRange::parse("198.51.100.0/24").unwrap()],
        relay_certificates: [].into(),
        accepts_dmarc: false,
        blocked: [].into(),
        suspended: false,
    };
    app.put_partner(council, Origin::Cli).await.unwrap();
    let agreement = Agreement {
        partner: COUNCIL,
        mailbox: mailbox.id,
        from: Day(0),
        until: None,
        admission: Admission::Domain,
        terms: AgreementTerms::default(),
        breach_hours: None,
    };
    app.put_agreement(agreement, Origin::Cli).await.unwrap();
    let account = NewAccount {
        address: MailAddress::parse(AGENT).unwrap(),
        name: "Agent Exemple".into(),
        role: Role::Agent,
        organisation: Some(organisation),
        partner: None,
        mailboxes: vec![mailbox.id],
        password: Password::new(password.into()).unwrap(),
        language: Language::Fr,
    };
    let account = app.create_account(account, Origin::Cli).await.unwrap();
    (mailbox, account.id)
}

/// One real deposit, of which the others are copies with another place in time.
async fn deposit(app: &App, store: &EmbeddedStore, mailbox: &Mailbox) -> Transfer {
    let from = "jeanne.martin@conseil.example";
    let mail =
        format!("From: {from}\r\nTo: grande-boite@pli.example\r\nSubject: Demande urgente\r\n\r\nTexte\r\n");
    let inbound = InboundMail {
        visitor: Visitor { address: IpAddr::from([198, 51, 100, 9]) },
        envelope_from: Some(MailAddress::parse(from).unwrap()),
        mailbox: mailbox.id,
        helo: "mx.conseil.example".into(),
        tls: None,
        certificate: None,
        requires_tls: false,
        addressee: mailbox.deposit_address.clone().into(),
        envelope_id: None,
        bytes: SecretBytes::new(mail.into_bytes()),
    };
    let Ok(MailAnswer::Deposited { reference }) = app.accept_mail(inbound).await else {
        panic!("the mail was not taken")
    };
    let found = store.list(&List::TransferByReference(reference), 1).await.unwrap();
    let Record::Transfer(transfer) = found.into_iter().next().unwrap().record else { panic!("no transfer") };
    transfer
}

async fn fill(
    store: &Arc<EmbeddedStore>,
    template: &Transfer,
    agent: AccountId,
    now: Timestamp,
    transfers: u64,
) {
    let next = Arc::new(AtomicU64::new(0));
    let writer = |_| {
        let (store, next, template) = (Arc::clone(store), Arc::clone(&next), template.clone());
        tokio::spawn(async move {
            loop {
                let first = next.fetch_add(TRANSFERS_PER_UNIT, Ordering::Relaxed);
                if first >= transfers {
                    return;
                }
                let numbers = first..(first + TRANSFERS_PER_UNIT).min(transfers);
                let changes =
                    numbers.map(|n| Change::Put(copy(&template, agent, now, n, transfers).into())).collect();
                store.commit(UnitOfWork { changes, ..UnitOfWork::default() }).await.unwrap();
            }
        })
    };
    for task in (0..WRITERS).map(writer).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

fn reference(n: u64) -> Reference {
    Reference::new((n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes())
}

/// The `n`-th: received within the last 19 days; two thirds treated, the others new, in charge, answered.
fn copy(template: &Transfer, agent: AccountId, now: Timestamp, n: u64, transfers: u64) -> Transfer {
    let pick = |list: &[&str]| list[usize::try_from(n % list.len() as u64).unwrap()].to_owned();
    let age = Millis::days(19).0 / i64::try_from(transfers.max(1)).unwrap() * i64::try_from(n).unwrap();
    let received_at = Timestamp(now.0 - age);
    let mut transfer = template.clone();
    let mut id = [0x7A; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    transfer.id = TransferId::new(id);
    transfer.reference = reference(n);
    transfer.received_at = received_at;
    transfer.expires_at = received_at + Millis::days(20);
    transfer.depositor.site = Some(pick(&SITES));
    transfer.form = Some(Box::new(FormCodes {
        form: "register".into(),
        site: transfer.depositor.site.clone(),
        kinds: vec![pick(&KINDS)],
        reason: Some(REASONS[usize::try_from(n / 7 % 3).unwrap()].to_owned()),
        ..FormCodes::default()
    }));
    let step = Step { at: received_at + Millis::hours(3), by: agent };
    let answer = Answer { at: received_at + Millis::hours(30), by: agent, how: AnswerWay::Telephone };
    let (state, taken, answered) = match n % 30 {
        0 => (CaseState::New, None, None),
        1..=4 => (CaseState::InCharge(step), Some(step), None),
        5..=9 => (CaseState::Answered(answer), Some(step), Some(answer)),
        _ => (CaseState::Treated(step), Some(step), Some(answer)),
    };
    transfer.case = Case {
        state,
        first_taken: taken,
        first_answer: answered,
        due: DueDates {
            taken: Some(received_at + Millis::hours(48)),
            answered: Some(received_at + Millis::hours(72)),
        },
        ..Case::default()
    };
    transfer
}
