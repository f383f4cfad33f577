//! Every page in every state that a person can meet, with made-up data, for the gallery and for `tests/pages.rs`.

#[path = "cases.rs"]
mod cases;
#[path = "desk.rs"]
mod desk;
#[path = "forms.rs"]
mod forms;
#[path = "outside.rs"]
mod outside;
#[path = "people.rs"]
mod people;
#[path = "register.rs"]
mod register;
#[path = "status.rs"]
mod status;

use askama::Result;
use pli::app::ClosedDoor;
use pli::app::kit_text::Section;
use pli::value::{ByteSize, Digest, DraftId, Language, MailAddress, Millis, Reference, Timestamp, UploadId};
use pli::web::views::{
    AccessibilityPage, AddressProblem, AskedFileOutcome, BreachPage, BreachTyped, CodePage, CodeProblem,
    DataProtectionPage, Delivery, DemoGuidePage, DemoMail, DemoMailListPage, DemoMailPage, DemoMailbox,
    DemoPerson, DemoRole, DepositHost, DepositLink, DepositPage, DraftFile, DraftFileState, DraftPage,
    DraftProblem, EnvelopePage, ErrorKind, ErrorPage, Frame, HeldReceipt, HomePage, JournalFilter,
    JournalOutcome, JournalPage, JournalRow, JournalState, KeyNotice, KeyPage, KitProblem, KitsPage,
    LetterKind, LetterState, Limits, LinkPage, LogVerdict, Mailbox, MailboxesPage, MemberRow, MembersNotice,
    MembersPage, OpenedFile, OpenedPage, OtherDraftRow, PageLink, PersonOutcome, PersonRequestPage,
    ProcessingPage, ReceiptOutcome, ReceiptPage, SentPage, SignInNotice, SignInPage, SignedIn, Template,
    TitleFinding, TransferHead, TransferRow, TransferState, UnfinishedFile, WaitingRow,
};

/// 2026-11-21T08:30:00Z.
const NOW: Timestamp = Timestamp(1_795_249_800_000);

/// What somebody may type anywhere: it must come out as text.
pub const HOSTILE: &str = "<script>alert(1)</script> {{7*7}} \" onfocus=\"alert(2)";

/// Name and HTML of each page.
pub fn pages(language: Language) -> Vec<(&'static str, Result<String>)> {
    let of = Samples { language };
    let groups = [
        of.outside(),
        outside::recipient(&of.frame(), NOW, "Service social"),
        outside::member(of.draft(), of.envelope(), NOW, "Paul Tanguy"),
        of.depositor(),
        of.receipts(),
        of.kits(),
        of.form(),
        forms::pages(&of.draft(), of.sent(false), of.opened(), HOSTILE),
        of.inside(),
        cases::pages(&of.signed_in(), &Samples::head(), NOW, HOSTILE),
        people::pages(&of.signed_in(), &of.frame(), NOW, HOSTILE),
        register::pages(&of.signed_in(), NOW, HOSTILE),
        of.log(),
        of.errors(),
        of.others(),
        of.typed_by_the_hostile(),
    ];
    groups.into_iter().flatten().collect()
}

struct Samples {
    language: Language,
}

type Pages = Vec<(&'static str, Result<String>)>;

impl Samples {
    /// What a depositor meets before the form.
    fn outside(&self) -> Pages {
        let deposits = vec![
            self.deposit_link("Partenaires retraite", "partenaires-retraite"),
            self.deposit_link("Service social", "service-social"),
        ];
        let wrong_address = DepositPage {
            address: "nadia.morvan".to_owned(),
            problem: Some(AddressProblem::NotAnAddress),
            ..self.deposit()
        };
        let wrong_code = CodePage { problem: Some(CodeProblem::Wrong), ..self.code() };
        let link = LinkPage { frame: self.frame(), action: "/depot/lien/AGE-SAMPLE".to_owned() };
        vec![
            ("home", HomePage { frame: self.frame(), deposits }.render()),
            ("home-empty", HomePage { frame: self.signed_in(), deposits: Vec::new() }.render()),
            ("deposit", self.deposit().render()),
            ("deposit-wrong", wrong_address.render()),
            ("code", self.code().render()),
            ("code-wrong", wrong_code.render()),
            ("link", link.render()),
        ]
    }

    /// The verification of a receipt.
    fn receipts(&self) -> Pages {
        let held = HeldReceipt {
            reference: Reference::new(*b"pli-demo"),
            mailbox: "carsat/partenaires-retraite".to_owned(),
            received: NOW,
            files: 2,
            entry: Some((1234, Some(NOW))),
            still_there: Some(true),
            file: Some(AskedFileOutcome::Yes),
        };
        let page = |outcome| {
            let key = "pli.example/log+1a2b3c4d+AWNsw6kgZGUgZMOpbW9uc3RyYXRpb24gYydlc3QgdG91dA==".to_owned();
            ReceiptPage { frame: self.frame(), key, outcome }.render()
        };
        let gone = HeldReceipt { still_there: Some(false), file: Some(AskedFileOutcome::No), ..held.clone() };
        let promise = HeldReceipt { entry: None, still_there: None, file: None, ..held.clone() };
        vec![
            ("receipt", page(None)),
            ("receipt-holds", page(Some(ReceiptOutcome::Holds(held)))),
            ("receipt-gone", page(Some(ReceiptOutcome::Holds(gone)))),
            ("receipt-promise", page(Some(ReceiptOutcome::Holds(promise)))),
            ("receipt-fails", page(Some(ReceiptOutcome::Fails))),
            ("receipt-empty", page(Some(ReceiptOutcome::Empty))),
        ]
    }

    /// The officer's kits.
    fn kits(&self) -> Pages {
        let frame = || self.signed_in();
        let sections = || {
            let people = vec!["agent@carsat.example – transferts lus : 3".to_owned(), "x".to_owned()];
            let numbers =
                Section::new("Ce qui a été touché").row("Transferts lus", "3").row("Hébergement", "");
            vec![numbers, Section::new("Qui a agi").rows("Personnes", people)]
        };
        let typed = BreachTyped {
            from: "2026-11-20T00:00".to_owned(),
            until: "2026-11-21T00:00".to_owned(),
            aware: "2026-11-21T09:30".to_owned(),
            ..BreachTyped::default()
        };
        let breach = |problem, sections| {
            let mailboxes = vec![("1".to_owned(), "Partenaires retraite".to_owned())];
            BreachPage { frame: frame(), typed: typed.clone(), mailboxes, problem, sections }.render()
        };
        let person = |problem, outcome| {
            let address = "nadia.morvan@cd35.example".to_owned();
            PersonRequestPage { frame: frame(), address, problem, outcome }.render()
        };
        vec![
            ("kits", KitsPage { frame: frame() }.render()),
            ("kit-breach", breach(None, None)),
            ("kit-breach-wrong", breach(Some(KitProblem::Transfer), None)),
            ("kit-breach-made", breach(None, Some(sections()))),
            ("kit-record", ProcessingPage { frame: frame(), sections: sections() }.render()),
            ("kit-person", person(None, PersonOutcome::Nothing)),
            ("kit-person-found", person(None, PersonOutcome::Found(sections()))),
            (
                "kit-person-not-confirmed",
                person(Some(KitProblem::NotConfirmed), PersonOutcome::Found(sections())),
            ),
            ("kit-person-erased", person(None, PersonOutcome::Erased(sections()))),
        ]
    }

    /// The form and what follows it.
    fn form(&self) -> Pages {
        let fresh = DraftPage {
            title: String::new(),
            message: String::new(),
            files: Vec::new(),
            unfinished: Vec::new(),
            ..self.draft()
        };
        let limit = Self::limits().file_size;
        let refused = DraftPage {
            title: "Dossier de Mme Lucie KERVELLA née le 12/03/1958".to_owned(),
            problems: vec![
                DraftProblem::TitleRefused,
                DraftProblem::FileTooLarge {
                    name: "numérisation.tiff".to_owned(),
                    actual: ByteSize(3_400_000_000),
                    limit,
                },
            ],
            findings: vec![
                self.finding(
                    11,
                    29,
                    "Une civilité annonce ici le nom d’une personne.",
                    "A civility announces a name here.",
                ),
                self.finding(37, 47, "C’est une date de naissance.", "This is a date of birth."),
            ],
            suggestion: Some("Demande urgente".to_owned()),
            ..self.draft()
        };
        vec![
            ("draft-empty", fresh.render()),
            ("draft", self.draft().render()),
            ("draft-refused", refused.render()),
            ("sent", self.sent(false).render()),
            ("sent-held", self.sent(true).render()),
        ]
    }

    /// What an agent meets.
    fn inside(&self) -> Pages {
        let sign_in = |notice, address: &str| SignInPage {
            frame: self.frame(),
            address: address.to_owned(),
            next: Some("/boites".to_owned()),
            provider: Some("ProConnect".to_owned()),
            provider_out: false,
            provider_path: "/connexion/fournisseur".to_owned(),
            passkeys: true,
            notice,
        };
        let mut opened_before = self.envelope();
        opened_before.opened = Some(("Paul Tanguy".to_owned(), NOW - Millis::hours(2)));
        opened_before.letters[1].delivery = Delivery::Bounced { at: NOW - Millis::hours(1) };
        let held = EnvelopePage { held: true, case: cases::answered_case(NOW), ..self.envelope() };
        vec![
            ("sign-in", sign_in(None, "").render()),
            ("sign-in-failed", sign_in(Some(SignInNotice::Failed), "agent@retraite.example").render()),
            ("signed-out", sign_in(Some(SignInNotice::SignedOut), "").render()),
            ("boxes", self.boxes().render()),
            (
                "boxes-none",
                MailboxesPage { frame: self.signed_in(), mailboxes: Vec::new(), is_newest: true }.render(),
            ),
            ("members", self.members(false, true, None).render()),
            ("members-gateway", self.members(true, true, Some(MembersNotice::Admitted)).render()),
            ("members-waiting", self.members(false, false, None).render()),
            ("members-last", self.members(false, true, Some(MembersNotice::LastMember)).render()),
            ("key", self.own_key(None).render()),
            ("key-wrong", self.own_key(Some(KeyNotice::Wrong)).render()),
            ("envelope", self.envelope().render()),
            ("envelope-opened", opened_before.render()),
            ("envelope-held", held.render()),
            ("opened", self.opened().render()),
        ]
    }

    /// What an officer meets.
    fn log(&self) -> Pages {
        let nothing = JournalPage {
            rows: Vec::new(),
            older: None,
            newer: None,
            filter: JournalFilter {
                person: "nadia.morvan@cd35.example".to_owned(),
                ..JournalFilter::default()
            },
            ..self.journal(LogVerdict::Unknown)
        };
        let sample = self.journal(LogVerdict::Verifies);
        let others = desk::pages(&sample.frame, &sample.state, &sample.rows[0], NOW, HOSTILE);
        let mut pages = vec![
            ("journal", sample.render()),
            ("journal-broken", self.journal(LogVerdict::Broken { entry: Some(4_812) }).render()),
            ("journal-nothing", nothing.render()),
        ];
        pages.extend(others);
        pages
    }

    fn errors(&self) -> Pages {
        let kinds = [
            ("error-400", ErrorKind::BadRequest),
            ("error-403", ErrorKind::Forbidden),
            ("error-403-waiting", ErrorKind::NotAdmitted),
            ("error-404", ErrorKind::NotFound),
            ("error-410-transfer", ErrorKind::TransferExpired { at: Some(NOW - Millis::days(1)) }),
            (
                "error-410-link",
                ErrorKind::LinkExpired {
                    again: Some("/depot/carsat-bretagne/partenaires-retraite".to_owned()),
                },
            ),
            (
                "error-403-door",
                ErrorKind::DoorClosed(Box::new(ClosedDoor {
                    mailbox: "Partenaires retraite".to_owned(),
                    mail: MailAddress::parse("partenaires-retraite@pli.example").ok(),
                    page: false,
                })),
            ),
            ("error-413", ErrorKind::TooLarge { limit: ByteSize(2_000_000_000) }),
            ("error-429", ErrorKind::TooMany { seconds: 300 }),
            ("error-500", ErrorKind::Internal),
            ("error-503", ErrorKind::Unavailable),
        ];
        let page = |kind| ErrorPage { frame: self.frame(), kind, support: "7f3a-91c4".to_owned() }.render();
        kinds.into_iter().map(|(name, kind)| (name, page(kind))).collect()
    }

    /// The demonstration and the legal pages.
    fn others(&self) -> Pages {
        let protection = DataProtectionPage {
            frame: self.frame(),
            organisation: "Caisse de retraite de démonstration".to_owned(),
            dpo: "dpo@retraite.example".to_owned(),
            days: 20,
            log_months: 12,
        };
        let accessibility = AccessibilityPage {
            frame: self.frame(),
            organisation: "Caisse de retraite de démonstration".to_owned(),
            contact: "accessibilite@retraite.example".to_owned(),
        };
        let mails = vec![self.mail("3"), self.mail("2"), self.mail("1")];
        vec![
            ("data-protection", protection.render()),
            ("accessibility", accessibility.render()),
            ("demo", self.demo_guide().render()),
            ("demo-mails", DemoMailListPage { frame: self.demo(), mails }.render()),
            ("demo-mail", self.demo_mail(true).render()),
            ("demo-mail-text", self.demo_mail(false).render()),
        ]
    }

    /// Pages that hold what somebody typed to break them.
    fn typed_by_the_hostile(&self) -> Pages {
        let mut form = self.draft();
        HOSTILE.clone_into(&mut form.title);
        HOSTILE.clone_into(&mut form.message);
        HOSTILE.clone_into(&mut form.files[0].name);
        form.suggestion = Some(HOSTILE.to_owned());
        let end = HOSTILE.chars().count();
        form.findings = vec![TitleFinding { start: 0, end, reason: HOSTILE.to_owned() }];
        let mut opened = self.opened();
        HOSTILE.clone_into(&mut opened.message);
        HOSTILE.clone_into(&mut opened.files[0].name);
        HOSTILE.clone_into(&mut opened.head.title);
        let mut journal = self.journal(LogVerdict::Verifies);
        HOSTILE.clone_into(&mut journal.filter.person);
        HOSTILE.clone_into(&mut journal.rows[0].who);
        let deposit = DepositPage { address: HOSTILE.to_owned(), ..self.deposit() };
        vec![
            ("hostile-draft", form.render()),
            ("hostile-opened", opened.render()),
            ("hostile-journal", journal.render()),
            ("hostile-deposit", deposit.render()),
        ]
    }

    fn frame(&self) -> Frame {
        Frame {
            language: self.language,
            now: NOW,
            path: Some("/page".to_owned()),
            person: None,
            log: None,
            terms: true,
            demo: false,
        }
    }

    fn demo(&self) -> Frame {
        Frame { demo: true, ..self.frame() }
    }

    fn signed_in(&self) -> Frame {
        let person = SignedIn {
            name: "Anne Le Goff".to_owned(),
            reads_mailboxes: true,
            reads_journal: true,
            sees_structures: true,
            has_structure: false,
        };
        let log = JournalState {
            verdict: LogVerdict::Verifies,
            entries: 5_998,
            checkpoint: Some(NOW - Millis::minutes(3)),
            verified: Some(NOW - Millis::minutes(1)),
            is_verifying: false,
            witnesses: vec![("temoin.region.example".to_owned(), Some(NOW - Millis::minutes(4)), false)],
            timestamps: None,
        };
        Frame { person: Some(person), log: Some(log), ..self.frame() }
    }

    fn say(&self, fr: &str, en: &str) -> String {
        if self.language == Language::Fr { fr.to_owned() } else { en.to_owned() }
    }

    fn deposit_link(&self, mailbox: &str, slug: &str) -> DepositLink {
        DepositLink {
            organisation: "Carsat de démonstration".to_owned(),
            mailbox: mailbox.to_owned(),
            purpose: self.say(
                "Situations urgentes et dossiers de retraite bloqués, pour les travailleurs sociaux des départements.",
                "Urgent situations and blocked pension cases, for social workers of the departments.",
            ),
            path: format!("/depot/carsat-demo/{slug}"),
        }
    }

    fn host(&self) -> DepositHost {
        let link = self.deposit_link("Partenaires retraite", "partenaires-retraite");
        DepositHost {
            organisation: link.organisation,
            mailbox: link.mailbox,
            purpose: link.purpose,
            path: link.path,
            dpo: "dpo@retraite.example".to_owned(),
        }
    }

    fn limits() -> Limits {
        Limits {
            files: 50,
            file_size: ByteSize(2_000_000_000),
            total_size: ByteSize(5_000_000_000),
            hourly: ByteSize(20_000_000_000),
            title_characters: 120,
            days: 20,
        }
    }

    fn deposit(&self) -> DepositPage {
        DepositPage {
            frame: self.frame(),
            host: self.host(),
            limits: Self::limits(),
            inspection: self.inspection(),
            address: String::new(),
            problem: None,
        }
    }

    fn code(&self) -> CodePage {
        CodePage {
            frame: Frame { path: None, ..self.demo() },
            host: self.host(),
            address: "nadia.morvan@cd35.example".to_owned(),
            minutes: 15,
            problem: None,
        }
    }

    fn draft(&self) -> DraftPage {
        let file = |number, name: &str, size, state| DraftFile {
            number,
            name: name.to_owned(),
            size: ByteSize(size),
            digest: Some(Digest::of(name.as_bytes())),
            state,
        };
        let reason = self.say("Ce type de fichier n’est pas accepté.", "This type of file is not accepted.");
        DraftPage {
            frame: self.frame(),
            host: self.host(),
            mailbox_slug: "partenaires-retraite".to_owned(),
            action: "/depot/carsat-demo/partenaires-retraite/brouillon/0123456789abcdef".to_owned(),
            depositor: "nadia.morvan@cd35.example".to_owned(),
            title: "Demande urgente".to_owned(),
            message: self.say(
                "Bonjour,\n\nMadame K. est sans ressources depuis le 1er novembre.\nBien à vous,\nN. Morvan",
                "Hello,\n\nMrs K. has had no income since 1 November.\nBest wishes,\nN. Morvan",
            ),
            files: vec![
                file(1, "fiche de liaison.pdf", 248_300, DraftFileState::Sealed),
                file(
                    2,
                    "Relevé de carrière (très long nom de document numérisé à l’agence).pdf",
                    20_480_000,
                    DraftFileState::Held,
                ),
                file(3, "macro.xlsm", 51_200, DraftFileState::Refused { reason }),
            ],
            unfinished: vec![UnfinishedFile {
                id: UploadId::new([7; 16]),
                name: "scans/dossier numérisé.tiff".to_owned(),
                size: ByteSize(1_500_000_000),
                received: ByteSize(640_000_000),
                fingerprint: String::new(),
            }],
            form: None,
            seen: None,
            leads: None,
            outgoing: None,
            others: vec![OtherDraftRow {
                id: DraftId::new([3; 16]),
                touched_at: NOW,
                files: 3,
                size: ByteSize(4_200_000),
            }],
            canonical_titles: vec!["Urgence CD35".to_owned(), "Demande urgente".to_owned()],
            problems: Vec::new(),
            findings: Vec::new(),
            suggestion: None,
            limits: Self::limits(),
            inspection: self.inspection(),
        }
    }

    fn inspection(&self) -> String {
        self.say(
            "Chaque fichier est analysé par un antivirus. Sont acceptés : PDF, images, textes.",
            "Every file is scanned by an antivirus. Accepted are: PDF, images, text files.",
        )
    }

    fn finding(&self, start: usize, end: usize, fr: &str, en: &str) -> TitleFinding {
        TitleFinding { start, end, reason: self.say(fr, en) }
    }

    fn sent(&self, held: bool) -> SentPage {
        SentPage {
            frame: self.frame(),
            host: self.host(),
            reference: Reference::new(*b"pli-demo"),
            title: "Demande urgente".to_owned(),
            files: 2,
            size: ByteSize(20_728_300),
            received: NOW,
            expires: NOW + Millis::days(20),
            depositor: "nadia.morvan@cd35.example".to_owned(),
            went_to: None,
            another: None,
            held,
            refused: vec![(
                "macro.xlsm".to_owned(),
                self.say(
                    "Ce fichier contient des macros (programmes).",
                    "This file contains macros (programs).",
                ),
            )],
            receipt: Some("/depot/carsat/pensions/brouillon/1/recu".to_owned()),
            salt: Some("3f9a1c07d2e84b5566aa0f1e2d3c4b5a".to_owned()),
        }
    }

    fn members(&self, gateway_custody: bool, opens: bool, notice: Option<MembersNotice>) -> MembersPage {
        let member = |name: &str, waits, is_self| MemberRow {
            id: "00112233445566778899aabbccddeeff".to_owned(),
            name: name.to_owned(),
            address: "membre@retraite.example".to_owned(),
            waits,
            is_self,
        };
        MembersPage {
            frame: self.signed_in(),
            path: "/boites/partenaires-retraite/membres".to_owned(),
            mailbox: "Partenaires retraite".to_owned(),
            gateway_custody,
            may_return_to_gateway: true,
            rotating_since: (!gateway_custody).then_some(NOW),
            opens,
            manages: opens,
            members: vec![
                member("Anne Le Goff", !opens, true),
                member("Maïwenn Cadiou", !gateway_custody, false),
                member("Ronan Tanguy", false, false),
            ],
            notice,
        }
    }

    fn own_key(&self, notice: Option<KeyNotice>) -> KeyPage {
        KeyPage { frame: self.signed_in(), next: Some("/boites".to_owned()), notice }
    }

    fn boxes(&self) -> MailboxesPage {
        let rows = vec![
            Self::row(*b"pli-row1", "Demande urgente", Millis::hours(20), TransferState::New),
            Self::row(*b"pli-row2", "Urgence CD35", Millis::days(19), TransferState::New),
            Self::row(
                *b"pli-row3",
                "Demande urgente",
                Millis::days(11),
                TransferState::Opened { by: "Paul Tanguy".to_owned() },
            ),
            Self::row(*b"pli-row4", "Urgence CD35", Millis::days(20), TransferState::Held),
            Self::row(*b"pli-row5", "Demande urgente", Millis::days(-1), TransferState::Expired),
        ];
        let mailbox = |name: &str, address: &str, gateway_custody: bool, transfers| Mailbox {
            name: name.to_owned(),
            address: address.to_owned(),
            desk: "/boites/partenaires-retraite".to_owned(),
            members: "/boites/partenaires-retraite/membres".to_owned(),
            sent: "/boites/partenaires-retraite/envois".to_owned(),
            waits: !gateway_custody,
            unreachable: gateway_custody
                .then(|| ("partenaires@retraite.example".to_owned(), NOW - Millis::days(2))),
            gateway_custody,
            waiting: if gateway_custody { vec![self.waiting()] } else { Vec::new() },
            more_waiting: gateway_custody,
            transfers,
            older: gateway_custody
                .then(|| "/boites?boite=partenaires-retraite&avant=1795000000000".to_owned()),
        };
        MailboxesPage {
            frame: self.signed_in(),
            mailboxes: vec![
                mailbox("Partenaires retraite", "partenaires@depot.retraite.example", true, rows),
                mailbox("Agence de Rennes", "rennes@depot.retraite.example", false, Vec::new()),
            ],
            is_newest: true,
        }
    }

    fn waiting(&self) -> WaitingRow {
        WaitingRow {
            reference: Reference::new(*b"pli-wait"),
            sender: "nadia.morvan@cd35.example".to_owned(),
            partner: "Département 35".to_owned(),
            received: NOW - Millis::hours(1),
            files: 2,
            size: ByteSize(4_200_000),
            because: self.say("l’antivirus ne répond pas", "the antivirus does not answer"),
            kept_until: NOW + Millis::days(7),
        }
    }

    fn row(reference: [u8; 8], title: &str, left: Millis, state: TransferState) -> TransferRow {
        TransferRow {
            reference: Reference::new(reference),
            title: title.to_owned(),
            received: NOW - Millis::hours(26),
            sender: "nadia.morvan@cd35.example".to_owned(),
            partner: "Département 35".to_owned(),
            site: Some("CDAS du Pays de Fougères".to_owned()),
            files: 3,
            size: ByteSize(20_728_300),
            expires: NOW + left,
            state,
        }
    }

    fn head() -> TransferHead {
        TransferHead {
            reference: Reference::new(*b"pli-row1"),
            mailbox: "Partenaires retraite".to_owned(),
            title: "Demande urgente".to_owned(),
            sender: "nadia.morvan@cd35.example".to_owned(),
            partner: "Département 35".to_owned(),
            site: Some("CDAS du Pays de Fougères".to_owned()),
            proof: None,
            files: 2,
            size: ByteSize(20_728_300),
            received: NOW - Millis::hours(26),
            expires: NOW + Millis::days(18),
            gateway_custody: true,
        }
    }

    fn letters() -> Vec<LetterState> {
        let letter = |kind, to: &str, delivery| LetterState {
            kind,
            to: to.to_owned(),
            delivery,
            because: None,
            reported: None,
            advice: None,
        };
        let failed = letter(
            LetterKind::Acknowledgement,
            "nadia.morvan@cd35.example",
            Delivery::Bounced { at: NOW - Millis::hours(20) },
        );
        vec![
            LetterState {
                because: Some("le serveur du destinataire ne connaît pas cette adresse"),
                advice: Some("Le déposant n’a pas reçu son accusé de réception : rappelez-le par téléphone."),
                ..failed
            },
            letter(
                LetterKind::Acknowledgement,
                "nadia.morvan@cd35.example",
                Delivery::Accepted {
                    at: NOW - Millis::hours(26),
                    protection: "par une connexion chiffrée (TLS 1.3)",
                },
            ),
            letter(
                LetterKind::Notice,
                "partenaires@retraite.example",
                Delivery::Delayed { next: NOW + Millis::minutes(15) },
            ),
            letter(LetterKind::Reminder, "partenaires@retraite.example", Delivery::Queued),
        ]
    }

    fn envelope(&self) -> EnvelopePage {
        EnvelopePage {
            frame: self.signed_in(),
            head: Self::head(),
            opened: None,
            held: false,
            case: cases::late_case(NOW),
            answer: outside::answer_part(false, NOW, "Paul Tanguy"),
            letters: Self::letters(),
            notice_read: None,
        }
    }

    fn opened(&self) -> OpenedPage {
        let file = |number, name: &str, media_type: &str, size| OpenedFile {
            number,
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            size: ByteSize(size),
            digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            warnings: if number == 2 {
                vec![self.say("est un PDF qui contient du JavaScript", "is a PDF that contains JavaScript")]
            } else {
                Vec::new()
            },
        };
        OpenedPage {
            frame: Frame { path: None, ..self.signed_in() },
            head: Self::head(),
            message: self.draft().message,
            form: None,
            files: vec![
                file(1, "fiche de liaison.pdf", "application/pdf", 248_300),
                file(
                    2,
                    "Relevé de carrière (très long nom de document numérisé à l’agence).pdf",
                    "application/pdf",
                    20_480_000,
                ),
            ],
            unscanned: false,
            refused: 1,
            original_digest: None,
            case: cases::case(NOW, HOSTILE),
            answer: outside::answer_part(false, NOW, "Paul Tanguy"),
            letters: Self::letters(),
        }
    }

    fn journal(&self, verdict: LogVerdict) -> JournalPage {
        let row = |index: u64, who: &str, fr: &str, en: &str, object: &str, outcome| JournalRow {
            index,
            time: NOW - Millis::minutes(i64::try_from(6_000 - index).unwrap_or_default()),
            who: who.to_owned(),
            action: self.say(fr, en),
            who_link: None,
            object_link: Some(format!("/journal/transferts/{object}")).filter(|_| !object.is_empty()),
            object: object.to_owned(),
            outcome,
            origin: "192.0.2.17".to_owned(),
        };
        let refused = JournalOutcome::Refused {
            reason: self
                .say("la personne n’est pas membre de la boîte", "the person is no member of the mailbox"),
        };
        let failed = JournalOutcome::Failed {
            reason: self.say("le serveur ne répond pas", "the server does not answer"),
        };
        JournalPage {
            frame: self.signed_in(),
            state: JournalState {
                verdict,
                entries: 5_998,
                checkpoint: Some(NOW - Millis::minutes(3)),
                verified: Some(NOW - Millis::minutes(1)),
                is_verifying: false,
                witnesses: vec![("temoin.region.example".to_owned(), Some(NOW - Millis::minutes(4)), false)],
                timestamps: Some((Some(NOW - Millis::hours(3)), false)),
            },
            filter: JournalFilter::default(),
            mailboxes: vec![("partenaires-retraite".to_owned(), "Partenaires retraite".to_owned())],
            actions: vec![
                ("deposit.sent".to_owned(), self.say("envoi d’un dépôt", "sending of a deposit")),
                ("transfer.opened".to_owned(), self.say("ouverture d’un transfert", "opening of a transfer")),
            ],
            partners: vec![("00".to_owned(), "Département d’Ille-et-Vilaine".to_owned())],
            outcomes: vec![("refused".to_owned(), self.say("refusé", "refused"))],
            rows: vec![
                row(
                    5_997,
                    "Anne Le Goff",
                    "ouverture d’un transfert",
                    "opening of a transfer",
                    "7K3M-9QXD-04TZ",
                    JournalOutcome::Done,
                ),
                row(
                    5_996,
                    "Paul Tanguy",
                    "refus d’un accès",
                    "refusal of an access",
                    "7K3M-9QXD-04TZ",
                    refused,
                ),
                row(
                    5_995,
                    "Pli",
                    "envoi d’un courriel",
                    "sending of a mail",
                    "partenaires@retraite.example",
                    failed,
                ),
                row(
                    5_994,
                    "Pli",
                    "envoi d’un courriel",
                    "sending of a mail",
                    "nadia.morvan@cd35.example",
                    JournalOutcome::Intended,
                ),
                row(
                    5_993,
                    "nadia.morvan@cd35.example",
                    "envoi d’un dépôt",
                    "sending of a deposit",
                    "7K3M-9QXD-04TZ",
                    JournalOutcome::Done,
                ),
            ],
            older: Some(PageLink::Before(5_898)),
            newer: Some(PageLink::From(5_998)),
            is_cut_short: false,
            not_understood: false,
        }
    }

    fn demo_guide(&self) -> DemoGuidePage {
        let mailbox = |name: &str, page: Option<&str>, address: &str| DemoMailbox {
            name: name.to_owned(),
            page: page.map(str::to_owned),
            address: address.to_owned(),
        };
        let person = |role, address: &str, mailboxes: &[&str]| DemoPerson {
            role,
            address: address.to_owned(),
            password: "cerise-tilleul-42-Granit".to_owned(),
            mailboxes: mailboxes.iter().map(|&name| name.to_owned()).collect(),
        };
        DemoGuidePage {
            frame: self.demo(),
            mailboxes: vec![
                mailbox(
                    "Partenaires retraite",
                    Some("/depot/carsat-demo/partenaires-retraite"),
                    "partenaires@depot.retraite.example",
                ),
                mailbox(
                    "Service social",
                    Some("/depot/carsat-demo/service-social"),
                    "social@depot.retraite.example",
                ),
                mailbox("Agence de Rennes", None, "rennes@depot.retraite.example"),
            ],
            depositors: vec!["nadia.morvan@cd35.example".to_owned(), "yann.prigent@cd35.example".to_owned()],
            people: vec![
                person(
                    DemoRole::Agent,
                    "anne.legoff@retraite.example",
                    &["Partenaires retraite", "Service social"],
                ),
                person(DemoRole::Manager, "gestion@retraite.example", &["Partenaires retraite"]),
                person(DemoRole::Officer, "rssi@retraite.example", &[]),
            ],
            mails: 3,
        }
    }

    fn mail(&self, id: &str) -> DemoMail {
        DemoMail {
            id: id.to_owned(),
            to: "nadia.morvan@cd35.example".to_owned(),
            from: "Pli <ne-pas-repondre@depot.retraite.example>".to_owned(),
            subject: self.say("Votre lien de dépôt", "Your deposit link"),
            sent: NOW - Millis::minutes(4),
        }
    }

    fn demo_mail(&self, has_html: bool) -> DemoMailPage {
        DemoMailPage {
            frame: self.demo(),
            mail: self.mail("1"),
            has_html,
            text: "Bonjour,\n\nhttp://localhost:8080/depot/lien/AGE-SAMPLE\n\nCode : 4815 1623\n".to_owned(),
            raw: "From: Pli <ne-pas-repondre@depot.retraite.example>\nAuto-Submitted: auto-generated\n\nBonjour".to_owned(),
        }
    }
}
