//! Synthetic records and events: `n` makes each unlike the others.

use std::sync::OnceLock;

use pli::app::ports::{
    Entry, ForwardCursor, ForwardTarget, PersonName, Record, StampedCheckpoint, StoredCheckpoint,
    TimestampState, WitnessState,
};
use pli::audit::{self, Action, Actor, Event, Object, Origin, Outcome, RecoveryPurpose};
use pli::content::{FileKind, Finding, RefusalCause};
use pli::identity::{
    AcceptedTerms, Account, AccountLink, AccountState, AddressProof, Admission, Agreement, AgreementTerms,
    ApiClient, ApiDeposit, ClientProof, CodeChallenge, LinkPurpose, LinkSession, MailPassword, MailSecret,
    Organisation, Partner, Password, PasswordHash, PersonalKey, PersonalLock, ProviderLink, RecipientLink,
    Role, Session, StructureReview, ToldPassword,
};
use pli::mailbox::{Custody, DepositLimits, KeyRotation, Mailbox, MailboxKey, MailboxKind, MemberWrap};
use pli::relay::letter::LetterKind;
use pli::relay::mta_sts::{KeptStsPolicy, StsMode, StsPolicy};
use pli::relay::queue::{MailState, QueuedMail};
use pli::retention::{Effect, KeyName, PendingEffect, RecoveryParty, RecoveryRequest};
use pli::transfer::{
    Check, Counts, DefaultsOf, Depositor, Draft, DraftInspection, DraftPart, DraftPurpose, DraftState,
    Ending, HeldDeposit, HeldPart, HoldReason, KeptSegment, MonthOfYear, MonthlyCounts, ObjectLocator,
    OpenSegment, Outgoing, RefusedFile, RegisterLine, Repeat, Reservation, Route, SendingDefaults, SentLine,
    TellDownloads, Transfer, Upload, UploadState,
};
use pli::value::{
    AccountId, ApiClientId, ByteSize, Day, Digest, Domain, DraftId, EffectId, Language, LinkId, MailAddress,
    MailId, MailboxId, OrganisationId, PartnerId, PersonId, ProofId, RecoveryId, Reference, SecretBytes,
    SessionId, Slug, Timestamp, Token, TokenHash, TransferId, UploadId,
};
use pli::vault::{Grant, GrantTerms, Identity, LinkGrant, LinkTerms, PartRole, Sealed, Segment, seal};

/// Sixteen bytes that `n` fills.
pub fn id(n: u32) -> [u8; 16] {
    let mut id = [0xA5; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    id
}

pub fn token(n: u32) -> TokenHash {
    let mut token = [0x5A; 32];
    token[..4].copy_from_slice(&n.to_be_bytes());
    Token::new(token).hash()
}

pub fn address(n: u32) -> MailAddress {
    MailAddress::parse(&format!("personne{n}@departement.example")).unwrap()
}

pub fn reference(n: u32) -> Reference {
    Reference::new(u64::from(n).to_be_bytes())
}

pub fn slug(n: u32) -> Slug {
    Slug::parse(&format!("page-{n}")).unwrap()
}

fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(Identity::generate)
}

pub fn sealed(length: usize) -> Sealed {
    seal(&identity().recipient(), &vec![7; length]).unwrap()
}

pub fn organisation(n: u32) -> Organisation {
    Organisation {
        id: OrganisationId::new(id(n)),
        slug: slug(n),
        name: format!("Caisse {n}"),
        postal_address: "1 rue de l'Exemple".into(),
        data_protection_officer: address(n),
    }
}

pub fn mailbox(n: u32, organisation: u32) -> Mailbox {
    Mailbox {
        id: MailboxId::new(id(n)),
        organisation: OrganisationId::new(id(organisation)),
        slug: slug(n),
        kind: MailboxKind::Generic,
        name: format!("Boîte {n}"),
        purpose: "Dépôts d'essai".into(),
        deposit_address: MailAddress::parse(&format!("depot{n}@pli.example")).unwrap(),
        notice_address: MailAddress::parse(&format!("equipe{n}@caisse.example")).unwrap(),
        second_notice_address: None,
        key: MailboxKey {
            custody: Custody::Gateway,
            generation: 1,
            recipient: identity().recipient(),
            for_gateway: Some(sealed(74)),
            for_recovery: None,
            former_for_recovery: vec![],
            rotation_due: false,
        },
        limits: DepositLimits::default(),
        validity_days: Some(10),
    }
}

pub fn partner(n: u32) -> Partner {
    Partner {
        id: PartnerId::new(id(n)),
        name: format!("Département {n}"),
        domains: [address(n).domain().clone()].into(),
        sites: vec![],
        relays: vec![],
        relay_certificates: [].into(),
        accepts_dmarc: false,
        blocked: [].into(),
        suspended: false,
    }
}

pub fn agreement(mailbox: u32, partner: u32) -> Agreement {
    Agreement {
        partner: PartnerId::new(id(partner)),
        mailbox: MailboxId::new(id(mailbox)),
        from: Day(1),
        until: None,
        admission: Admission::Domain,
        terms: AgreementTerms::default(),
        breach_hours: None,
    }
}

pub fn account(n: u32) -> Account {
    static PASSWORD: OnceLock<PasswordHash> = OnceLock::new();
    let password = PASSWORD
        .get_or_init(|| PasswordHash::new(&Password::new("un essai".to_owned()).unwrap(), [1; 32]).unwrap());
    Account {
        id: AccountId::new(id(n)),
        person: PersonId::new(id(n)),
        address: address(n),
        name: format!("Personne {n}"),
        role: Role::Agent,
        organisation: None,
        partner: None,
        mailboxes: vec![],
        password: password.clone(),
        manages: vec![],
        password_set_at: Some(Timestamp(1)),
        terms: Some(AcceptedTerms { version: "1".into(), at: Timestamp(1) }),
        second_factor: None,
        passkeys: vec![],
        provider: Some(ProviderLink { issuer: "https://fi.example".into(), subject: format!("{n}") }),
        state: AccountState::Active,
        language: Language::Fr,
    }
}

pub fn session(n: u32, account: u32, began_at: i64) -> Session {
    Session {
        id: SessionId::new(id(n)),
        token: token(n),
        account: AccountId::new(id(account)),
        began_at: Timestamp(began_at),
        used_at: Timestamp(began_at),
        opened: vec![],
        proven_at: Timestamp(0),
        from: None,
        way: pli::identity::SignInWay::Password,
        awaits_code: None,
    }
}

pub fn account_link(n: u32, account: u32, until: i64) -> AccountLink {
    let account = Some(AccountId::new(id(account)));
    AccountLink {
        token: token(n),
        account,
        purpose: LinkPurpose::Reset,
        made_at: Timestamp(1),
        until: Timestamp(until),
    }
}

pub fn proof(n: u32, asked_at: i64) -> AddressProof {
    AddressProof {
        id: ProofId::new(id(n)),
        token: token(n),
        code: Digest::of(b"code"),
        tries_left: 5,
        browser: token(n + 1000),
        mailbox: MailboxId::new(id(1)),
        address: address(n),
        person: PersonId::new(id(n)),
        partner: None,
        language: Language::Fr,
        asked_at: Timestamp(asked_at),
        purpose: pli::identity::ProofPurpose::Deposit { draft: None },
    }
}

pub fn draft(n: u32, touched_at: i64, parts: u32) -> Draft {
    let entry = sealed(120);
    let part = |number| DraftPart {
        number,
        objects: vec![ObjectLocator(format!("p/2026-11-21/{n:032x}/{number}+{number}"))],
        entry: entry.clone(),
        size: ByteSize(u64::from(number)),
        upload: None,
    };
    Draft {
        id: DraftId::new(id(n)),
        tokens: vec![token(n)],
        purpose: DraftPurpose::Deposit,
        mailbox: MailboxId::new(id(1)),
        address: address(n),
        person: PersonId::new(id(n)),
        partner: Some(PartnerId::new(id(1))),
        language: Language::Fr,
        transfer: TransferId::new(id(n)),
        recipient: identity().recipient(),
        wrap: Some(sealed(74)),
        key_day: Day(1),
        parts: (1..=parts).map(part).collect(),
        awaited: vec![Reservation { upload: UploadId::new(id(n)), number: parts + 1, size: ByteSize(7) }],
        next_number: parts + 1,
        inspection: DraftInspection::default(),
        form: None,
        proved_at: None,
        touched_at: Timestamp(touched_at),
        state: DraftState::Open,
    }
}

pub fn upload(n: u32, draft: u32, segments: usize) -> Upload {
    let segment = |number: usize| KeptSegment {
        object: ObjectLocator(format!("f/2026-11-21/{number:032x}")),
        segment: Segment { size: ByteSize(67_108_864), binding: Digest::of(&number.to_be_bytes()) },
    };
    let open =
        OpenSegment { object: ObjectLocator(format!("f/2026-11-21/{n:032x}")), binding: Digest::of(b"") };
    Upload {
        id: UploadId::new(id(n)),
        draft: DraftId::new(id(draft)),
        facts: sealed(300),
        length: ByteSize(10_000_000_000),
        begun_at: Timestamp(5),
        state: UploadState::Receiving {
            segments: (0..segments).map(segment).collect(),
            digest: sealed(130),
            open: Some(open),
        },
    }
}

pub fn transfer(n: u32, mailbox: u32, received_at: i64, expires_at: i64) -> Transfer {
    Transfer {
        id: TransferId::new(id(n)),
        reference: reference(n),
        mailbox: MailboxId::new(id(mailbox)),
        depositor: Depositor {
            address: address(n),
            person: PersonId::new(id(n)),
            partner: Some(PartnerId::new(id(1))),
            partner_name: "Département".into(),
            site: None,
            evidence: None,
        },
        title: "Demande d'information".to_owned().try_into().unwrap(),
        route: Route::Page,
        language: Language::Fr,
        received_at: Timestamp(received_at),
        expires_at: Timestamp(expires_at),
        file_count: 1,
        total_size: ByteSize(5),
        manifest: sealed(300),
        manifest_digest: Digest::of(b"manifest"),
        objects: vec![vec![ObjectLocator("f/2026-11-21/0123456789abcdef0123456789abcdef".into())]],
        checks: vec![Check::Off],
        refused: vec![],
        original_digest: None,
        first_opening: None,
        opened_in: vec![],
        case: pli::transfer::Case::default(),
        dispatches: vec![],
        outgoing: None,
        answers: None,
        form: None,
    }
}

pub fn held(n: u32, mailbox: u32, next_try_at: i64) -> HeldDeposit {
    let transfer = transfer(n, mailbox, 0, 0);
    HeldDeposit {
        id: transfer.id,
        reference: transfer.reference,
        mailbox: transfer.mailbox,
        acknowledge_to: transfer.depositor.address.clone(),
        depositor: transfer.depositor,
        title: transfer.title,
        title_replaced: false,
        route: Route::Mail,
        report: Some(Box::new(report_wish(n))),
        outgoing: None,
        answers: None,
        form: None,
        language: Language::Fr,
        accepted_at: Timestamp(next_try_at - 30_000),
        recipient: identity().recipient(),
        wrap: sealed(74),
        key_day: Day(1),
        parts: vec![HeldPart {
            number: 1,
            role: PartRole::Attachment,
            entry: sealed(200),
            objects: transfer.objects[0].clone(),
            size: ByteSize(5),
            check: Some(Check::Passed { kind: FileKind::Pdf, warnings: vec![Finding::PdfScript] }),
        }],
        refused: vec![RefusedFile {
            number: 2,
            name: sealed(40),
            key_day: Day(1),
            kind: FileKind::Executable,
            size: ByteSize(9),
            cause: RefusalCause::TypeNotAccepted(FileKind::Executable),
        }],
        original_digest: Some(Digest::of(b"mail")),
        reason: HoldReason::ScannerDown,
        next_try_at: Timestamp(next_try_at),
        mailbox_told: true,
        warned: false,
    }
}

pub fn grant(transfer: u32, holder: u32) -> Grant {
    let terms = GrantTerms {
        transfer: TransferId::new(id(transfer)),
        holder: MailboxId::new(id(holder)),
        generation: 1,
        day: Day(20_000),
    };
    Grant { terms, sealed: sealed(200) }
}

pub fn mail(n: u32, transfer: Option<u32>, written_at: i64, due_at: i64) -> QueuedMail {
    QueuedMail {
        id: MailId::new(id(n)),
        kind: LetterKind::Notice,
        transfer: transfer.map(|n| TransferId::new(id(n))),
        mailbox: Some(MailboxId::new(id(1))),
        to: address(n),
        language: Language::Fr,
        written_at: Timestamp(written_at),
        requires_tls: false,
        letter: Some(sealed(900)),
        key_day: Day(1),
        tries: 0,
        state: MailState::Queued { next_try_at: Timestamp(due_at), last_problem: None },
        told_elsewhere: false,
        report: None,
    }
}

pub fn sts_policy(n: u32) -> KeptStsPolicy {
    let policy = StsPolicy { mode: StsMode::Enforce, hosts: vec!["*.mx.example".into()], max_age: 604_800 };
    KeptStsPolicy::new(
        Domain::parse(&format!("d{n}.example")).unwrap(),
        "20261121".into(),
        policy,
        Timestamp(5),
    )
}

pub fn register_line(n: u32) -> RegisterLine {
    transfer(n, 1, 5, 6).into_register_line(Ending::Expired, Timestamp(7))
}

pub fn monthly_counts(mailbox: u32, month: u32) -> MonthlyCounts {
    let mut counts = Counts::default();
    counts.add(&register_line(1), Timestamp(7));
    let mailbox = MailboxId::new(id(mailbox));
    MonthlyCounts { mailbox, origin: mailbox, month: MonthOfYear(month), counts }
}

pub fn recipient_link(n: u32, transfer: u32) -> RecipientLink {
    let (transfer, link) = (TransferId::new(id(transfer)), LinkId::new(id(n)));
    let any = identity().recipient();
    let terms = LinkTerms { transfer, link, day: Day(20_000) };
    RecipientLink {
        id: link,
        transfer,
        mailbox: MailboxId::new(id(1)),
        token: token(n),
        address: address(n),
        person: PersonId::new(id(n)),
        language: Language::Fr,
        grant: LinkGrant { terms, sealed: sealed(300) },
        told: Some(ToldPassword { hash: account(1).password, recipient: any }),
        challenges: vec![CodeChallenge::new(
            ProofId::new(id(n)),
            Digest::of(b"code"),
            token(n),
            Timestamp(5),
        )],
        wrong_passwords: vec![Timestamp(5)],
        opened_at: Some(Timestamp(6)),
        downloaded_at: None,
        told_download_at: None,
    }
}

pub fn link_session(n: u32, began_at: i64) -> LinkSession {
    let (link, transfer) = (LinkId::new(id(n)), TransferId::new(id(n)));
    LinkSession { token: token(n), link, transfer, began_at: Timestamp(began_at), keys: sealed(200) }
}

/// A transfer that a member sent, in answer to another one.
pub fn outgoing(n: u32, mailbox: u32, sent_at: i64, answers: u32) -> Transfer {
    let told = recipient_link(n, n).told;
    let sent = Outgoing {
        by: AccountId::new(id(1)),
        to: vec![address(n)],
        expires_at: Timestamp(sent_at + 6),
        tell_downloads: TellDownloads::First,
        note: None,
        told,
        requires_tls: true,
        reports: vec![report_wish(n)],
    };
    Transfer {
        outgoing: Some(Box::new(sent)),
        answers: Some(TransferId::new(id(answers))),
        route: Route::Answer,
        ..transfer(n, mailbox, sent_at, sent_at + 6)
    }
}

/// What a sender asks to be told.
pub fn report_wish(n: u32) -> pli::value::ReportWish {
    pli::value::ReportWish {
        to: address(n),
        notify: pli::value::Notify::default(),
        recipient: address(n + 1),
        original: Some("rfc822;a@b.example".into()),
        envelope_id: Some("QQ314159".into()),
        message_id: Some("un@caisse.example".into()),
        arrived_at: Timestamp(7),
        delay_told: false,
        success_told: true,
    }
}

pub fn sent_line(n: u32, mailbox: u32, ended_at: i64) -> SentLine {
    outgoing(n, mailbox, 5, 1).into_sent_line(AccountId::new(id(1)), 1, Ending::Revoked, Timestamp(ended_at))
}

pub fn repeat(n: u32, accepted_at: i64) -> Repeat {
    Repeat {
        digest: Digest::of(&n.to_be_bytes()),
        transfer: TransferId::new(id(n)),
        reference: reference(n),
        accepted_at: Timestamp(accepted_at),
    }
}

pub fn person(n: u32) -> PersonName {
    PersonName { person: PersonId::new(id(n)), address: address(n), met_at: Timestamp(1) }
}

pub fn checkpoint(size: u64) -> StoredCheckpoint {
    StoredCheckpoint { size, note: format!("journal\n{size}\n"), signed_at: Timestamp(1) }
}

pub fn pending_effect(n: u32) -> PendingEffect {
    PendingEffect {
        id: EffectId::new(id(n)),
        effect: Effect::DestroyKey(KeyName::ExpiryDay(Day(1))),
        run: EffectId::new(id(n)),
        begun_at: Timestamp(1),
    }
}

pub fn member_wrap(mailbox: u32, account: u32) -> MemberWrap {
    let (mailbox, account) = (MailboxId::new(id(mailbox)), AccountId::new(id(account)));
    MemberWrap { mailbox, account, generation: 1, wrap: sealed(74) }
}

pub fn personal_key(account: u32) -> PersonalKey {
    let secret = SecretBytes::new(vec![9; 32]);
    PersonalKey::locked(AccountId::new(id(account)), identity(), PersonalLock::SignIn, &secret).unwrap()
}

pub fn api_client(n: u32) -> ApiClient {
    ApiClient {
        id: ApiClientId::new(id(n)),
        partner: PartnerId::new(id(1)),
        label: format!("logiciel {n}"),
        mailboxes: [MailboxId::new(id(1))].into(),
        senders: [address(n)].into(),
        proof: ClientProof::Token(token(n)),
        made_at: Timestamp(1),
        expires_at: Timestamp(1000),
        used_at: None,
    }
}

pub fn api_deposit(n: u32, client: u32, begun_at: i64) -> ApiDeposit {
    ApiDeposit {
        client: ApiClientId::new(id(client)),
        draft: DraftId::new(id(n)),
        transfer: TransferId::new(id(n)),
        mailbox: MailboxId::new(id(1)),
        key: Some(Digest::of(&id(n))),
        wish: Digest::of(b"wish"),
        begun_at: Timestamp(begun_at),
    }
}

pub fn mail_password(account: u32) -> MailPassword {
    MailPassword::of(AccountId::new(id(account)), &MailSecret::new([7; 15]), Timestamp(1))
}

pub fn key_rotation(mailbox: u32) -> KeyRotation {
    KeyRotation {
        mailbox: MailboxId::new(id(mailbox)),
        generation: 2,
        previous_recipient: identity().recipient(),
        previous: sealed(74),
        previous_for_recovery: None,
        begun_at: Timestamp(1),
    }
}

fn recovery_request() -> RecoveryRequest {
    let party = |number, officer| RecoveryParty {
        account: AccountId::new(id(number)),
        person: PersonId::new(id(number)),
        officer,
        at: Timestamp(1),
    };
    let confirmed = Some(party(92, true));
    RecoveryRequest {
        id: RecoveryId::new(id(90)),
        purpose: RecoveryPurpose::Drill,
        asked: party(91, false),
        confirmed,
    }
}

/// A checkpoint with a timestamp.
pub fn stamped(size: u64) -> StampedCheckpoint {
    StampedCheckpoint {
        size,
        note: format!("journal\n{size}\n"),
        answer: "MAA=".into(),
        stamped_at: Timestamp(5),
    }
}

/// One record of each kind.
pub fn one_of_each() -> Vec<Record> {
    vec![
        ForwardCursor { target: ForwardTarget::JsonFile, next: 7 }.into(),
        recovery_request().into(),
        WitnessState::new(Digest::of(b"a witness")).into(),
        stamped(7).into(),
        TimestampState { stamped: Some((7, Timestamp(5))), ..TimestampState::default() }.into(),
        organisation(1).into(),
        mailbox(1, 1).into(),
        partner(1).into(),
        agreement(1, 1).into(),
        account(1).into(),
        session(1, 1, 5).into(),
        account_link(1, 1, 5).into(),
        StructureReview::new(PartnerId::new(id(1)), Timestamp(1)).into(),
        proof(1, 5).into(),
        draft(1, 5, 3).into(),
        upload(1, 1, 3).into(),
        transfer(1, 1, 5, 6).into(),
        held(1, 1, 5).into(),
        grant(1, 1).into(),
        recipient_link(1, 1).into(),
        link_session(1, 5).into(),
        sent_line(1, 1, 9).into(),
        mail(1, Some(1), 5, 6).into(),
        sts_policy(1).into(),
        register_line(1).into(),
        monthly_counts(1, 7).into(),
        SendingDefaults { of: DefaultsOf::Account(AccountId::new(id(1))), days: Some(7), tell: None }.into(),
        SendingDefaults { of: DefaultsOf::Mailbox(MailboxId::new(id(1))), days: None, tell: None }.into(),
        repeat(1, 5).into(),
        person(1).into(),
        checkpoint(1).into(),
        pending_effect(1).into(),
        member_wrap(1, 1).into(),
        personal_key(1).into(),
        mail_password(1).into(),
        api_client(1).into(),
        api_deposit(1, 1, 5).into(),
        key_rotation(1).into(),
    ]
}

/// An event and its entry; the salt is `n`, so that two entries of one event differ.
pub fn entry(n: u32, event: Event) -> Entry {
    Entry { event, entry: audit::Entry::new(&event, id(n)).unwrap() }
}

pub fn event(at: i64, actor: Actor, action: Action, object: Object) -> Event {
    Event::new(Timestamp(at), actor, action, object, Outcome::Done, Origin::Job)
}

/// An event about nothing in particular.
pub fn started(n: u32) -> Entry {
    entry(n, event(i64::from(n), Actor::System, Action::GatewayStarted, Object::None))
}
