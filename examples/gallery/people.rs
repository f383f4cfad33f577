//! Structures and their people, accounts, histories and a mailbox's settings, with made-up data.

use askama::Result;
use pli::app::{Afterwards, DepositStanding, HistoryRow, ImportedPerson, PersonChange, ReviewStanding};
use pli::identity::{Admission, Agreement, AgreementTerms, Role};
use pli::value::{Day, MailAddress, MailboxId, Millis, PartnerId, Reference, Timestamp};
use pli::web::views::{
    AccountLinkPage, ChoosePasswordPage, ChooseProblem, ForgottenPage, Frame, HistoryTyped, ImportPage,
    ImportProblem, OwnHistoryPage, PersonRow, SettingsNotice, SettingsPage, StructureHistoryPage,
    StructureNotice, StructurePage, StructureRow, StructuresPage, Template, TermsNotice, TermsPage,
    TermsPart,
};

/// The pages; `typed` is what somebody may type anywhere.
pub fn pages(
    frame: &Frame,
    guest: &Frame,
    now: Timestamp,
    typed: &str,
) -> Vec<(&'static str, Result<String>)> {
    let mut pages = structures(frame, now, typed);
    pages.extend(entry(guest, typed));
    pages.extend(histories(frame, guest, now, typed));
    pages
}

fn review(now: Timestamp, late: bool) -> ReviewStanding {
    let due_at = now - Millis::days(if late { 40 } else { -30 });
    ReviewStanding { confirmed_at: Some(now - Millis::days(200)), due_at, is_due: late, is_late: late }
}

fn structures(frame: &Frame, now: Timestamp, typed: &str) -> Vec<(&'static str, Result<String>)> {
    let row = |name: &str, late, suspended| StructureRow {
        path: "/structures/x".to_owned(),
        name: name.to_owned(),
        gestionnaires: 2,
        techniciens: 14,
        suspended,
        in_force: !suspended,
        review: Some(review(now, late)),
    };
    let list = StructuresPage {
        frame: frame.clone(),
        rows: vec![row("Département de démonstration", false, false), row(typed, true, true)],
    };
    let none = StructuresPage { frame: frame.clone(), rows: Vec::new() };
    let person = |id: &str, name: &str, state, closed| PersonRow {
        id: id.to_owned(),
        name: name.to_owned(),
        address: "nolwenn.salaun@departement.example".to_owned(),
        state,
        state_words: if closed { "–" } else { "+" },
        since: closed.then_some(now),
        met_at: (!closed).then_some(now - Millis::days(3)),
        is_self: id == "g1",
        may_change: true,
        is_closed: closed,
        may_cut: true,
    };
    let page = StructurePage {
        frame: frame.clone(),
        path: "/structures/x".to_owned(),
        name: "Département de démonstration".to_owned(),
        suspended: false,
        gestionnaires: vec![
            person("g1", "Nolwenn Salaün", "good", false),
            person("g2", typed, "wait", false),
        ],
        techniciens: vec![person("t1", "Jeanne Le Bris", "good", false), person("t2", typed, "bad", true)],
        agreements: vec![
            ("Service social".to_owned(), "2026-01-01".to_owned(), None, true, true),
            (typed.to_owned(), "2025-01-01".to_owned(), Some("2025-12-31".to_owned()), false, false),
        ],
        blocked: vec!["bloquee@departement.example".to_owned()],
        review: Some(review(now, true)),
        may_appoint: true,
        may_manage: true,
        may_exclude: true,
        may_confirm: true,
        may_see_history: true,
        has_list: true,
        notice: Some(StructureNotice::Made),
        typed: None,
    };
    let refused = StructurePage {
        gestionnaires: Vec::new(),
        techniciens: Vec::new(),
        agreements: Vec::new(),
        suspended: true,
        review: None,
        notice: Some(StructureNotice::Last),
        ..page.clone()
    };
    let change = |line, change| ImportedPerson {
        line,
        address: MailAddress::parse("jeanne.lebris@departement.example").unwrap_or_else(|_| unreachable!()),
        role: Role::Technicien,
        change,
    };
    let import = ImportPage {
        frame: frame.clone(),
        structure: "/structures/x".to_owned(),
        table: typed.to_owned(),
        changes: Some(vec![
            change(2, PersonChange::Invited),
            change(3, PersonChange::Renamed),
            change(4, PersonChange::Entitled),
            change(5, PersonChange::Unchanged),
            change(6, PersonChange::Closed),
        ]),
        is_done: false,
        problem: None,
    };
    let wrong =
        ImportPage { changes: None, problem: Some(ImportProblem::Address { line: 3 }), ..import.clone() };
    let agreement = Agreement {
        partner: PartnerId::new([1; 16]),
        mailbox: MailboxId::new([2; 16]),
        from: Day(20_000),
        until: None,
        admission: Admission::Domain,
        terms: AgreementTerms::default(),
        breach_hours: None,
    };
    let settings = SettingsPage {
        frame: frame.clone(),
        path: "/boites/service-social/reglages".to_owned(),
        back: "/boites/service-social".to_owned(),
        mailbox: "Service social".to_owned(),
        days: Some(12),
        usual_days: 5,
        tells: super::register::choices(typed),
        notice_address: "equipe@caisse.example".to_owned(),
        second_address: None,
        agreements: vec![(typed.to_owned(), agreement)],
        managers: vec![
            ("a".to_owned(), "Anne Le Goff".to_owned(), true),
            ("b".to_owned(), typed.to_owned(), false),
        ],
        members: vec![("c".to_owned(), typed.to_owned())],
        notice: Some(SettingsNotice::Validity),
    };
    vec![
        ("structures", list.render()),
        ("structures-none", none.render()),
        ("structure", page.render()),
        ("structure-refused", refused.render()),
        ("people-import", import.render()),
        ("people-import-wrong", wrong.render()),
        ("people-import-done", ImportPage { is_done: true, ..import }.render()),
        ("mailbox-settings", settings.render()),
    ]
}

fn entry(frame: &Frame, typed: &str) -> Vec<(&'static str, Result<String>)> {
    let forgotten = |wrong, asked| {
        ForgottenPage { frame: frame.clone(), address: typed.to_owned(), wrong, asked }.render()
    };
    let link =
        |gone| AccountLinkPage { frame: frame.clone(), action: "/compte/lien/x".to_owned(), gone }.render();
    let choose = |problem| ChoosePasswordPage {
        frame: frame.clone(),
        action: "/compte/lien/x".to_owned(),
        name: typed.to_owned(),
        address: "nolwenn.salaun@departement.example".to_owned(),
        to_be_admitted: vec!["Service social".to_owned()],
        problem,
    };
    let terms = |notice| TermsPage {
        frame: frame.clone(),
        version: "2026-11".to_owned(),
        parts: vec![TermsPart::Heading("§ 1".to_owned()), TermsPart::Paragraph(typed.to_owned())],
        to_be_accepted: true,
        next: "/boites".to_owned(),
        notice,
    };
    vec![
        ("forgotten", forgotten(false, false)),
        ("forgotten-wrong", forgotten(true, false)),
        ("forgotten-asked", forgotten(false, true)),
        ("account-link", link(false)),
        ("account-link-gone", link(true)),
        ("choose-password", choose(None).render()),
        ("choose-password-last", choose(Some(ChooseProblem::LastMember(vec![typed.to_owned()]))).render()),
        ("terms", terms(None).render()),
        ("terms-needed", terms(Some(TermsNotice::Needed)).render()),
    ]
}

fn histories(
    frame: &Frame,
    guest: &Frame,
    now: Timestamp,
    typed: &str,
) -> Vec<(&'static str, Result<String>)> {
    let row = |name: &[u8; 8], site: Option<&str>, standing| HistoryRow {
        reference: Reference::new(*name),
        mailbox: "Service social".to_owned(),
        site: site.map(str::to_owned),
        received_at: now - Millis::days(2),
        standing,
    };
    let until = now + Millis::days(18);
    let rows = vec![
        row(
            b"pli-dem1",
            Some(typed),
            DepositStanding::Released { opened_at: None, expires_at: until, then: Afterwards::default() },
        ),
        row(
            b"pli-dem2",
            None,
            DepositStanding::Released {
                opened_at: Some(now),
                expires_at: until,
                then: Afterwards::default(),
            },
        ),
        row(
            b"pli-dem3",
            None,
            DepositStanding::Ended {
                opened_at: None,
                at: now,
                is_withdrawn: false,
                then: Afterwards::default(),
            },
        ),
    ];
    let structure = StructureHistoryPage {
        frame: frame.clone(),
        path: "/structures/x/historique".to_owned(),
        structure: "/structures/x".to_owned(),
        name: "Département de démonstration".to_owned(),
        typed: HistoryTyped { site: typed.to_owned(), ..HistoryTyped::default() },
        sites: vec![typed.to_owned()],
        mailboxes: vec![("m".to_owned(), typed.to_owned())],
        states: vec![("ouvert", "+")],
        rows: rows.clone(),
        next: Some("/structures/x/historique?avant=1".to_owned()),
        csv: "/structures/x/historique.csv".to_owned(),
    };
    let own = OwnHistoryPage { frame: guest.clone(), rows };
    vec![
        ("history-structure", structure.render()),
        (
            "history-structure-none",
            StructureHistoryPage { rows: Vec::new(), next: None, ..structure.clone() }.render(),
        ),
        ("history-own", own.render()),
        ("history-own-none", OwnHistoryPage { rows: Vec::new(), ..own.clone() }.render()),
    ]
}
