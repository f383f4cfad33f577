//! A case, its dispatch and the desk of a mailbox with made-up data.

use askama::Result;
use pli::transfer::{AnswerWay, CaseKind};
use pli::value::{Millis, Reference, Timestamp};
use pli::web::views::{
    CaseDue, CaseNotice, CaseRow, CaseStage, CaseTabLink, CaseView, CaseloadPage, CaseloadTyped,
    DispatchPage, DispatchProblem, DispatchTyped, Frame, Template, TransferHead,
};

/// The pages; `typed` is what somebody may type anywhere.
pub fn pages(
    frame: &Frame,
    head: &TransferHead,
    now: Timestamp,
    typed: &str,
) -> Vec<(&'static str, Result<String>)> {
    let dispatch = DispatchPage {
        frame: frame.clone(),
        head: head.clone(),
        targets: vec![
            ("a".repeat(32), "CDAS du Pays de Redon".to_owned(), false),
            ("b".repeat(32), typed.to_owned(), true),
        ],
        people: vec![("paul@retraite.example".to_owned(), typed.to_owned())],
        typed: DispatchTyped::default(),
        problem: None,
    };
    let refused = DispatchPage {
        typed: DispatchTyped { to: "b".repeat(32), copy_to: typed.to_owned(), note: typed.to_owned() },
        problem: Some(DispatchProblem::Weaker),
        ..dispatch.clone()
    };
    let desk = caseload(frame, now, typed);
    let none = CaseloadPage {
        rows: Vec::new(),
        next: None,
        waits: true,
        typed: CaseloadTyped { words: typed.to_owned(), ..CaseloadTyped::default() },
        ..desk.clone()
    };
    vec![
        ("dispatch", dispatch.render()),
        ("dispatch-refused", refused.render()),
        ("caseload", desk.render()),
        ("caseload-none", none.render()),
    ]
}

/// A case that somebody else has in charge, nearly late, dispatched once.
pub fn case(now: Timestamp, typed: &str) -> CaseView {
    CaseView {
        path: "/transferts/1DT6-JSC4-DXVG".to_owned(),
        kind: CaseKind::InCharge,
        last: Some(("Maïwenn Cadiou".to_owned(), now - Millis::hours(3))),
        held_by: Some("c".repeat(32)),
        is_own: false,
        how: None,
        due: Some(CaseDue { is_answer: true, at: now + Millis::hours(5), late: false, soon: true }),
        stages: vec![CaseStage {
            from: "Partenaires retraite".to_owned(),
            to: "Agence de Rennes".to_owned(),
            by: "Anne Le Goff".to_owned(),
            at: now - Millis::hours(20),
            copy_to: Some("Maïwenn Cadiou".to_owned()),
            has_note: true,
            note: Some(typed.to_owned()),
        }],
        notice: Some(CaseNotice::TakenByOther),
        more: Some(super::register::more(now, typed)),
    }
}

/// A case that nobody has, late.
pub fn late_case(now: Timestamp) -> CaseView {
    CaseView {
        kind: CaseKind::New,
        last: None,
        held_by: None,
        due: Some(CaseDue { is_answer: false, at: now - Millis::hours(2), late: true, soon: false }),
        stages: Vec::new(),
        notice: None,
        ..case(now, "")
    }
}

/// A case that was answered by telephone.
pub fn answered_case(now: Timestamp) -> CaseView {
    CaseView {
        kind: CaseKind::Answered,
        is_own: true,
        how: Some(AnswerWay::Telephone),
        due: None,
        notice: Some(CaseNotice::Done),
        ..late_case(now)
    }
}

fn caseload(frame: &Frame, now: Timestamp, typed: &str) -> CaseloadPage {
    let tab = |name, count: &str, is_here, is_late| CaseTabLink {
        name,
        count: count.to_owned(),
        path: "/boites/partenaires-retraite?etat=nouveaux".to_owned(),
        is_here,
        is_late,
    };
    let row = |reference: &[u8; 8], kind, due, elsewhere: Option<&str>| CaseRow {
        reference: Reference::new(*reference),
        title: "Demande urgente".to_owned(),
        sender: "nadia.morvan@cd35.example".to_owned(),
        partner: "Département 35".to_owned(),
        site: Some(typed.to_owned()),
        kinds: vec![typed.to_owned()],
        received: now - Millis::hours(50),
        expires: now + Millis::days(17),
        is_unopened: kind == CaseKind::New,
        kind,
        elsewhere: elsewhere.map(str::to_owned),
        person: (kind != CaseKind::New).then(|| "Anne Le Goff".to_owned()),
        due,
    };
    let due =
        |hours, late, soon| Some(CaseDue { is_answer: false, at: now + Millis::hours(hours), late, soon });
    CaseloadPage {
        may_manage: true,
        frame: frame.clone(),
        path: "/boites/partenaires-retraite".to_owned(),
        here: "/boites/partenaires-retraite?etat=tous".to_owned(),
        mailbox: "Partenaires retraite".to_owned(),
        waits: false,
        tabs: vec![
            tab(frame_word(frame, "Nouveaux", "New"), "500+", true, false),
            tab(frame_word(frame, "En retard", "Late"), "3", false, true),
        ],
        tab: "tous",
        typed: CaseloadTyped::default(),
        partners: vec![("d".repeat(32), "Département 35".to_owned())],
        sites: vec!["Pays de Redon".to_owned()],
        kinds: super::register::choices(typed),
        reasons: super::register::choices(typed),
        people: vec![("e".repeat(32), "Anne Le Goff".to_owned())],
        rows: vec![
            row(b"pli-row1", CaseKind::New, due(-2, true, false), None),
            row(b"pli-row2", CaseKind::InCharge, due(5, false, true), None),
            row(b"pli-row3", CaseKind::Treated, None, None),
            row(b"pli-row4", CaseKind::New, None, Some("Agence de Rennes")),
        ],
        next: Some("/boites/partenaires-retraite?etat=tous&apres=AAAA".to_owned()),
        first: None,
    }
}

fn frame_word(frame: &Frame, fr: &'static str, en: &'static str) -> &'static str {
    if frame.language == pli::value::Language::Fr { fr } else { en }
}
