//! The pages on which a depositor follows a deposit, in each state.

use pli::app::{Afterwards, DepositStanding};
use pli::transfer::HoldReason;
use pli::value::{ByteSize, Millis, Reference};
use pli::web::views::{
    AddressProblem, CodeProblem, Frame, StatusAskPage, StatusCodePage, StatusLinkPage, StatusPage, Template,
    WithdrawForm,
};

use super::{NOW, Pages, Samples};

impl Samples {
    /// What a depositor meets after the form.
    pub(super) fn depositor(&self) -> Pages {
        let reference = Reference::new(*b"pli-demo");
        let asks = |problem| StatusAskPage {
            frame: self.frame(),
            reference: Some(reference.clone()),
            address: "nadia.morvan".to_owned(),
            problem,
        };
        let code = |problem| StatusCodePage {
            frame: Frame { path: None, ..self.frame() },
            reference: Some(reference.clone()),
            address: "nadia.morvan@cd35.example".to_owned(),
            minutes: 15,
            problem,
        };
        let link = StatusLinkPage { frame: self.frame(), action: "/suivi/lien/x".to_owned() };
        let (ends_at, until) = (NOW + Millis::days(7), NOW + Millis::days(20));
        let held = DepositStanding::Held { reason: HoldReason::ScannerDown, ends_at };
        let waits =
            DepositStanding::Released { opened_at: None, expires_at: until, then: Afterwards::default() };
        let opened = DepositStanding::Released {
            opened_at: Some(NOW),
            expires_at: until,
            then: Afterwards::default(),
        };
        let then = Afterwards { dispatched_at: Some(NOW), answered_at: Some(NOW + Millis::hours(3)) };
        let answered = DepositStanding::Released { opened_at: Some(NOW), expires_at: until, then };
        let ended = DepositStanding::Ended {
            opened_at: None,
            at: until,
            is_withdrawn: true,
            then: Afterwards::default(),
        };
        vec![
            ("status-ask", asks(None).render()),
            ("status-ask-wrong", asks(Some(AddressProblem::NotAnAddress)).render()),
            ("status-code", code(None).render()),
            ("status-code-wrong", code(Some(CodeProblem::Wrong)).render()),
            ("status-link", link.render()),
            ("status-held", self.status(held).render()),
            ("status-waiting", self.status(waits).render()),
            ("status-opened", self.status(opened).render()),
            ("status-answered", self.status(answered).render()),
            ("status-ended", StatusPage { title: None, refused: Vec::new(), ..self.status(ended) }.render()),
        ]
    }

    fn status(&self, standing: DepositStanding) -> StatusPage {
        let reason =
            self.say("Ce fichier contient des macros (programmes).", "This file contains macros (programs).");
        StatusPage {
            frame: Frame { path: None, ..self.frame() },
            organisation: "Carsat de démonstration".to_owned(),
            mailbox: "Partenaires retraite".to_owned(),
            reference: Reference::new(*b"pli-demo"),
            title: Some("Demande urgente".to_owned()),
            received: NOW,
            files: 2,
            size: ByteSize(20_728_300),
            standing,
            refused: vec![("macro.xlsm".to_owned(), reason)],
            withdraw: Some(WithdrawForm {
                action: "/suivi/A1B2-C3D4-E5F6/retirer".to_owned(),
                code: Some("12345678".to_owned()),
            }),
        }
    }
}
