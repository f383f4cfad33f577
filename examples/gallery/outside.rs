//! The pages of answers and of transfers to people outside, with made-up data.

use askama::{Result, Template as _};
use pli::app::{OutgoingView, RecipientState, ThreadLine};
use pli::policy::partner_answer::PartnerAnswer;
use pli::transfer::AnswerWay;
use pli::value::{ByteSize, MailAddress, Millis, Reference, Timestamp};
use pli::web::views::{
    AnswerPart, DraftField, DraftPage, DraftProblem, EnvelopePage, Frame, OpenedFile, OutgoingForm,
    OutsideGonePage, OutsideLinkPage, OutsideOpenedPage, OutsideStepPage,
};

type Pages = Vec<(&'static str, Result<String>)>;

/// What the recipient of a link sees.
pub fn recipient(frame: &Frame, now: Timestamp, typed: &str) -> Pages {
    let path = "/plis/lien/0123".to_owned();
    let step = |by_password, problem| {
        OutsideStepPage { frame: frame.clone(), path: path.clone(), by_password, problem }.render()
    };
    let opened = OutsideOpenedPage {
        frame: frame.clone(),
        path: "/plis/0123456789abcdef0123456789abcdef".to_owned(),
        reference: Reference::new(*b"pli-out1"),
        title: "Réponse à demande urgente".to_owned(),
        organisation: "Carsat de démonstration".to_owned(),
        mailbox: typed.to_owned(),
        dpo: "dpo@retraite.example".to_owned(),
        sent: now,
        expires: now + Millis::days(5),
        message: format!("Bonjour,\n\nla pension est rétablie.\n{typed}"),
        files: vec![OpenedFile {
            number: 1,
            name: format!("décision {typed}.pdf"),
            media_type: "application/pdf".to_owned(),
            size: ByteSize(248_300),
            digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            warnings: Vec::new(),
        }],
        unscanned: true,
    };
    vec![
        ("outside-link", OutsideLinkPage { frame: frame.clone(), action: path.clone() }.render()),
        ("outside-code", step(false, None)),
        ("outside-code-wrong", step(false, Some("8 chiffres / 8 digits"))),
        ("outside-password", step(true, None)),
        ("outside-gone", OutsideGonePage { frame: frame.clone(), session: false }.render()),
        ("outside-session-over", OutsideGonePage { frame: frame.clone(), session: true }.render()),
        ("outside-opened", opened.render()),
    ]
}

/// What the member sees who answers or composes.
pub fn member(mut draft: DraftPage, mut sent: EnvelopePage, now: Timestamp, typed: &str) -> Pages {
    let form = |answers, unfolded| OutgoingForm {
        answers,
        recipients: typed.to_owned(),
        days: 5,
        tell: super::register::choices(typed),
        note: typed.to_owned(),
        told_min: 8,
        unfolded,
    };
    let mut compose = draft.clone();
    compose.outgoing = Some(form(None, true));
    let problem = |field| DraftProblem::Outgoing { field, text: typed.to_owned() };
    compose.problems = vec![problem(DraftField::Recipients), problem(DraftField::Options)];
    draft.outgoing = Some(form(Some((Reference::new(*b"pli-row1"), typed.to_owned())), false));
    sent.answer = answer_part(true, now, typed);
    vec![("answer", draft.render()), ("compose", compose.render()), ("sent-outside", sent.render())]
}

/// What stands on a transfer's page about answers.
pub fn answer_part(outgoing: bool, now: Timestamp, typed: &str) -> AnswerPart {
    let address = |text| MailAddress::parse(text).unwrap_or_else(|_| unreachable!("a made-up address"));
    let line = |is_ours| ThreadLine {
        reference: Reference::new(*b"pli-row2"),
        at: now,
        from: typed.to_owned(),
        is_ours,
    };
    let view = OutgoingView {
        by: typed.to_owned(),
        recipients: vec![
            RecipientState {
                address: address("docteur@cabinet.example"),
                opened_at: Some(now),
                downloaded_at: Some(now),
            },
            RecipientState {
                address: address("nadia.morvan@cd35.example"),
                opened_at: None,
                downloaded_at: None,
            },
        ],
        by_password: true,
        note: None,
    };
    AnswerPart {
        rule: PartnerAnswer::NotAsked,
        unanswered: None,
        outgoing: outgoing.then_some(view),
        answered: outgoing.then(|| line(false)),
        answers: vec![line(!outgoing)],
        given: (!outgoing).then(|| (AnswerWay::Telephone, now, typed.to_owned())),
        today: "2026-11-21".to_owned(),
        problem: None,
    }
}
