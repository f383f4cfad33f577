//! The register of cases, its statistics, and what a case's page says beside where the case stands, with made-up data.

use askama::Result;
use pli::policy::partner_answer::{AnswerFacts, PartnerAnswer};
use pli::value::{Millis, Reference, Timestamp};
use pli::web::views::{
    CaseMore, Chart, CodesTold, DefaultsPage, Frame, RegisterChoice, RegisterLineRow, RegisterListPage,
    RegisterTyped, StatisticsGroup, StatisticsPage, TallyRow, Template,
};

/// The pages; `typed` is what somebody may type anywhere.
pub fn pages(frame: &Frame, now: Timestamp, typed: &str) -> Vec<(&'static str, Result<String>)> {
    let register = register(frame, now, typed);
    let none = RegisterListPage {
        rows: Vec::new(),
        mailbox: None,
        problem: Some("Ce n’est pas une date."),
        typed: RegisterTyped { from: typed.to_owned(), until: String::new(), is_empty: false },
        first: Some("/registre".to_owned()),
        ..register.clone()
    };
    let statistics = statistics(frame, typed);
    let nothing = StatisticsPage {
        is_empty: true,
        is_cut: true,
        mailbox: None,
        month: None,
        charts: Vec::new(),
        groups: Vec::new(),
        ..statistics.clone()
    };
    vec![
        ("register", register.render()),
        ("register-none", none.render()),
        ("statistics", statistics.render()),
        ("statistics-none", nothing.render()),
        ("defaults", defaults(frame, typed).render()),
    ]
}

fn defaults(frame: &Frame, typed: &str) -> DefaultsPage {
    DefaultsPage {
        frame: frame.clone(),
        path: "/compte/envois",
        validities: choices(typed),
        tells: choices(typed),
        is_done: true,
    }
}

/// Something to choose, one of it chosen.
pub fn choices(typed: &str) -> Vec<RegisterChoice> {
    let choice = |value: &str, name: &str, is_chosen| RegisterChoice {
        value: value.to_owned(),
        name: name.to_owned(),
        is_chosen,
    };
    vec![choice("asi_aspa", "ASI-ASPA", false), choice("other", typed, true)]
}

/// A case that was deposited by mail, in an agreement that answers the person.
pub fn more(now: Timestamp, typed: &str) -> CaseMore {
    CaseMore {
        answer: PartnerAnswer::NotAsked,
        facts: AnswerFacts { answers_person: true, copy_to_partner: None, inform_professional: Some(true) },
        answer_due: Some(now + Millis::hours(5)),
        codes: Some(CodesTold { site: Some(typed.to_owned()), kinds: vec![typed.to_owned()], reason: None }),
        sites: choices(typed),
        kinds: choices(typed),
        reasons: choices(typed),
        mediator: Some("Médiation".to_owned()),
        escalated: None,
    }
}

fn register(frame: &Frame, now: Timestamp, typed: &str) -> RegisterListPage {
    let row = |reference: &[u8; 8], is_live: bool, is_late| RegisterLineRow {
        reference: Reference::new(*reference),
        is_live,
        received: now - Millis::hours(90),
        partner: Some("Département 35".to_owned()),
        site: Some(typed.to_owned()),
        territory: Some("T6".to_owned()),
        sender: is_live.then(|| "nadia.morvan@cd35.example".to_owned()),
        kinds: if is_live {
            vec!["Pension de retraite".to_owned(), "ASI-ASPA".to_owned()]
        } else {
            Vec::new()
        },
        reason: is_live.then(|| "Rupture de ressources ou suspension de paiement".to_owned()),
        mailbox: "Partenaires retraite".to_owned(),
        in_charge: is_live.then(|| "Agence de Rennes".to_owned()),
        taken: Some(now - Millis::hours(80)),
        answered: is_live.then(|| (now - Millis::hours(60), "téléphone")),
        state: if is_live { "Répondu" } else { "Expiré" },
        ended: (!is_live).then_some(now),
        is_late,
        is_reply: is_late,
    };
    RegisterListPage {
        frame: frame.clone(),
        path: "/boites/partenaires-retraite/registre".to_owned(),
        statistics: "/boites/partenaires-retraite/statistiques".to_owned(),
        mailbox: Some("Partenaires retraite".to_owned()),
        problem: None,
        typed: RegisterTyped {
            from: "2026-11-01".to_owned(),
            until: "2026-11-30".to_owned(),
            is_empty: true,
        },
        partners: choices(typed),
        sites: choices(typed),
        kinds: choices(typed),
        reasons: choices(typed),
        states: choices(typed),
        csv: "/boites/partenaires-retraite/registre.csv".to_owned(),
        xlsx: "/boites/partenaires-retraite/registre.xlsx".to_owned(),
        rows: vec![
            row(b"pli-row1", true, false),
            row(b"pli-row2", false, true),
            row(b"pli-row3", true, false),
        ],
        next: Some("/boites/partenaires-retraite/registre?apres=x".to_owned()),
        first: None,
    }
}

fn statistics(frame: &Frame, typed: &str) -> StatisticsPage {
    let months = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    let row = |name: &str, cases: u64| TallyRow {
        name: name.to_owned(),
        cases,
        dispatched: cases / 3,
        unopened: cases / 9,
        revoked: cases / 11,
        taken_median: "4 h".to_owned(),
        taken_ninety: "30 h".to_owned(),
        taken_share: "97 %".to_owned(),
        answered_median: "41 h".to_owned(),
        answered_ninety: "70 h".to_owned(),
        answered_share: "93 %".to_owned(),
        ways: [cases / 2, cases / 4, 0, 0],
    };
    let counts: Vec<u64> = (0..12).map(|month| 1200 - month * 100).collect();
    let bars =
        months.iter().zip(&counts).map(|(name, count)| ((*name).to_owned(), *count, count.to_string()));
    StatisticsPage {
        frame: frame.clone(),
        path: "/boites/partenaires-retraite/statistiques".to_owned(),
        register: "/boites/partenaires-retraite/registre".to_owned(),
        mailbox: Some("Partenaires retraite".to_owned()),
        keep_months: 24,
        year: 2026,
        years: vec![2026, 2025],
        month: Some(11),
        months: (1..).zip(months).collect(),
        period: "novembre 2026".to_owned(),
        by_month: months.iter().zip(&counts).map(|(name, count)| row(name, *count)).collect(),
        total: row("Total", 7800),
        groups: vec![StatisticsGroup {
            id: "sites",
            title: "Par site",
            help: Some("Un dossier de plusieurs natures compte dans chacune."),
            rows: vec![row(typed, 40), row("Pays de Redon", 12)],
        }],
        charts: vec![
            Chart::new("graphique-dossiers", "Dossiers reçus par mois", bars.collect(), None),
            Chart::new(
                "graphique-part",
                "Part répondue à temps",
                vec![
                    ("novembre".to_owned(), 93, "93 %".to_owned()),
                    (typed.to_owned(), 100, "100 %".to_owned()),
                ],
                Some(100),
            ),
        ],
        is_empty: false,
        is_cut: false,
        query: "?annee=2026".to_owned(),
    }
}
