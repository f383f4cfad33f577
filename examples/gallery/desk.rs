//! The security officer's pages with made-up data.

use askama::Result;
use pli::value::{Millis, Timestamp};
use pli::web::views::{
    AccountRow, AgreementRow, Frame, JournalOutcome, JournalRow, JournalState, KeyFate, PersonCount,
    PersonPage, ProofsPage, QueueNotice, QueuePage, QueueRow, RefusalRow, RefusalsPage, RightsPage,
    StoryPage, StoryRow, Template,
};

/// Each page of the officer but the timeline; `typed` is what somebody may type anywhere.
pub fn pages(
    frame: &Frame,
    state: &JournalState,
    row: &JournalRow,
    now: Timestamp,
    typed: &str,
) -> Vec<(&'static str, Result<String>)> {
    vec![
        ("desk-story", story(frame, state, now, typed).render()),
        ("desk-person", person(frame, state, row, now, typed).render()),
        ("desk-refusals", refusals(frame, state, now, typed).render()),
        ("desk-queue", queue(frame, now, typed).render()),
        ("desk-rights", rights(frame, state, now, typed).render()),
        ("desk-proofs", proofs(frame, state, now).render()),
    ]
}

fn story(frame: &Frame, state: &JournalState, now: Timestamp, typed: &str) -> StoryPage {
    let step = |index, tone| StoryRow {
        index,
        at: now - Millis::days(6),
        sentence: format!("jeanne.martin@departement.example ({typed}) : OK."),
        origin: "web 192.0.2.17".to_owned(),
        tone,
    };
    StoryPage {
        frame: frame.clone(),
        state: state.clone(),
        name: "7K3M-9QXD-04TZ".to_owned(),
        mailbox: Some(typed.to_owned()),
        partner: None,
        expires_at: Some(now - Millis::days(1)),
        is_live: false,
        steps: vec![step(1, ""), step(2, "wait"), step(3, "bad")],
        is_cut: true,
        day_key: KeyFate::Destroyed(now),
        timeline: "/journal?transfer=7K3M-9QXD-04TZ".to_owned(),
        query: "?transfer=7K3M-9QXD-04TZ".to_owned(),
    }
}

fn person(frame: &Frame, state: &JournalState, row: &JournalRow, now: Timestamp, typed: &str) -> PersonPage {
    PersonPage {
        frame: frame.clone(),
        state: state.clone(),
        typed: typed.to_owned(),
        not_understood: true,
        name: Some(typed.to_owned()),
        pseudonym: "03".repeat(16),
        is_erased: true,
        role: "agent".to_owned(),
        is_active: false,
        mailboxes: vec![typed.to_owned()],
        counted: 5_000,
        span: Some((now - Millis::days(30), now)),
        is_cut: true,
        counts: vec![PersonCount {
            action: typed.to_owned(),
            outcome: JournalOutcome::Refused { reason: String::new() },
            count: 12,
            link: "/journal?person=03".to_owned(),
        }],
        origins: vec![("web 192.0.2.17".to_owned(), 12)],
        rows: vec![row.clone()],
        changes: vec![row.clone()],
        timeline: "/journal?person=03".to_owned(),
    }
}

fn refusals(frame: &Frame, state: &JournalState, now: Timestamp, typed: &str) -> RefusalsPage {
    let row = |name: &str, count| RefusalRow {
        name: name.to_owned(),
        link: "/journal?outcome=refused".to_owned(),
        count,
        sign_ins: count,
        others: 3,
        reasons: vec![(typed.to_owned(), count)],
        first: now - Millis::hours(2),
        last: now,
        stands_out: count >= 20,
    };
    RefusalsPage {
        frame: frame.clone(),
        state: state.clone(),
        from: String::new(),
        to: typed.to_owned(),
        gathered: 1_250,
        sign_ins: 1_243,
        span: Some((now - Millis::days(7), now)),
        older: Some("/journal/refus?before=1250".to_owned()),
        by_origin: vec![row("203.0.113.66", 1_240), row("192.0.2.17", 2)],
        by_person: vec![row(typed, 7)],
    }
}

fn proofs(frame: &Frame, state: &JournalState, now: Timestamp) -> ProofsPage {
    let sizes = [5_998, 5_871, 5_102];
    let each = |days: i64| sizes.into_iter().zip((0..).map(move |n| now - Millis::days(n * days))).collect();
    ProofsPage { frame: frame.clone(), state: state.clone(), checkpoints: each(0), timestamps: each(1) }
}

fn queue(frame: &Frame, now: Timestamp, typed: &str) -> QueuePage {
    let row = |kind, state, hours, reason: Option<&str>| QueueRow {
        id: "0102030405060708090a0b0c0d0e0f10".to_owned(),
        kind,
        to: "balc-pensions@carsat.example".to_owned(),
        mailbox: "Partenaires retraite".to_owned(),
        destination: "carsat.example".to_owned(),
        state,
        is_well: reason.is_none() && state == "en attente",
        is_held: state == "retenu",
        can_be_held: state != "retenu",
        reason: reason.map(str::to_owned),
        hours,
        written_at: now - Millis::hours(hours),
        next_try_at: reason.map(|_| now + Millis::minutes(7)),
        tries: u32::from(reason.is_some()),
    };
    QueuePage {
        frame: frame.clone(),
        notice: Some(QueueNotice::Retried),
        state: "delayed",
        states: vec![("waiting", "en attente"), ("delayed", "retardé")],
        destination: typed.to_owned(),
        mailbox: String::new(),
        mailboxes: vec![("pensions".to_owned(), "Partenaires retraite".to_owned())],
        rows: vec![
            row("Avis de dépôt", "retardé", 26, Some("le serveur de courrier ne répond pas")),
            row("Accusé de réception", "retenu", 3, None),
            row("Avis de dépôt", "en attente", 0, None),
        ],
        next: Some("/journal/file?apres=1-2".to_owned()),
    }
}

fn rights(frame: &Frame, state: &JournalState, now: Timestamp, typed: &str) -> RightsPage {
    let account = |is_active, differs| AccountRow {
        name: typed.to_owned(),
        link: Some("/journal/personne?person=03".to_owned()),
        role: String::new(),
        is_active,
        since: Some(now - Millis::days(200)),
        mailboxes: vec![(typed.to_owned(), None), ("Service social".to_owned(), Some(now))],
        last_sign_in: None,
        differs,
    };
    RightsPage {
        frame: frame.clone(),
        state: state.clone(),
        day: "2026-11-20".to_owned(),
        csv: "/journal/droits.csv?day=2026-11-20".to_owned(),
        as_of: now,
        is_now: false,
        accounts: vec![account(true, false), account(false, true)],
        differing: 1,
        agreements: vec![AgreementRow {
            partner: typed.to_owned(),
            mailbox: "Partenaires retraite".to_owned(),
            from: "2026-01-01".to_owned(),
            until: String::new(),
            listed: Some(3),
            is_suspended: true,
            is_open: false,
            changed_at: now,
        }],
        known_since: Some(now - Millis::days(365)),
        is_pruned: true,
        is_cut: false,
    }
}
