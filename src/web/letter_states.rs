//! What became of the mails about a transfer, as its page tells it (invariant 10): where each stands, over what protection it
//! went, why it is not there, and what somebody must do.

use super::texts::{DeliveryWords, Texts};
use super::views::{Delivery, LetterKind as ShownKind, LetterState};
use crate::app::MailStatus;
use crate::relay::letter::LetterKind;
use crate::relay::queue::MailState;
use crate::relay::truth::{PeerReport, Reported};
use crate::value::{Language, Timestamp};

/// The mails that a transfer's page shows.
pub(super) fn letters(mails: Vec<MailStatus>, language: Language) -> Vec<LetterState> {
    mails.into_iter().filter_map(|mail| letter(mail, language)).collect()
}

fn letter(mail: MailStatus, language: Language) -> Option<LetterState> {
    let words = DeliveryWords::of(language);
    let kind = shown(mail.kind)?;
    let failed = matches!(mail.state, MailState::Failed { .. });
    let advice = match (failed, kind) {
        (false, _) => None,
        (true, ShownKind::Acknowledgement) => Some(words.call_back),
        (true, _) => Some(Texts::of(language).transfer.bounced_help),
    };
    let reported = match &mail.state {
        MailState::Accepted { report: Some(report), .. } => Some(told(*report, &words)),
        _ => None,
    };
    let because = mail.cause.map(|cause| cause.told(language));
    let delivery = delivery(mail.state, &words);
    Some(LetterState { kind, to: mail.to.to_string(), delivery, because, reported, advice })
}

const fn shown(kind: LetterKind) -> Option<ShownKind> {
    Some(match kind {
        LetterKind::Acknowledgement => ShownKind::Acknowledgement,
        LetterKind::Notice => ShownKind::Notice,
        LetterKind::Hold => ShownKind::Hold,
        LetterKind::Reminder => ShownKind::Reminder,
        LetterKind::SecureLink => ShownKind::SecureLink,
        LetterKind::SentConfirmation => ShownKind::SentConfirmation,
        LetterKind::Undelivered => ShownKind::Undelivered,
        LetterKind::Alert
        | LetterKind::Daily
        | LetterKind::DepositLink
        | LetterKind::Heartbeat
        | LetterKind::OpeningCode
        | LetterKind::StatusLink
        | LetterKind::Report
        | LetterKind::Postmaster
        | LetterKind::Forwarded
        | LetterKind::AccountLink
        | LetterKind::AccountNotice
        | LetterKind::DownloadNotice => return None,
    })
}

fn delivery(state: MailState, words: &DeliveryWords) -> Delivery {
    match state {
        MailState::Queued { last_problem: None, .. } => Delivery::Queued,
        MailState::Queued { next_try_at, last_problem: Some(_) } => Delivery::Delayed { next: next_try_at },
        MailState::Suspended { .. } | MailState::Held { .. } => Delivery::Suspended,
        MailState::Accepted { at, tls, .. } => {
            Delivery::Accepted { at, protection: protection(tls.as_deref(), words) }
        }
        MailState::Failed { at, .. } => Delivery::Bounced { at },
    }
}

fn protection(tls: Option<&str>, words: &DeliveryWords) -> &'static str {
    match tls {
        Some(tls) if tls.starts_with("TLSv1.3") => words.tls13,
        Some(_) => words.tls12,
        None => words.clear,
    }
}

const fn told(report: PeerReport, words: &DeliveryWords) -> (&'static str, Timestamp) {
    let what = match report.what {
        Reported::Delayed => words.delayed_further_on,
        Reported::Delivered => words.delivered,
        Reported::Relayed => words.relayed,
    };
    (what, report.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::queue::DeliveryProblem;
    use crate::relay::truth::{Cause, EnhancedStatus};
    use crate::value::MailAddress;

    fn status(kind: LetterKind, state: MailState) -> MailStatus {
        let cause = match &state {
            MailState::Failed { problem, status, .. } => Some(Cause::of(*problem, *status)),
            _ => None,
        };
        MailStatus { kind, to: MailAddress::parse("a@b.example").unwrap(), state, cause }
    }

    #[test]
    fn an_acknowledgement_that_came_back_asks_for_a_telephone_call_and_a_notice_does_not() {
        let at = Timestamp(1);
        let failed = || MailState::Failed {
            at,
            problem: DeliveryProblem::Bounced,
            status: EnhancedStatus::parse("5.1.1"),
        };
        let mails = vec![status(LetterKind::Acknowledgement, failed()), status(LetterKind::Notice, failed())];
        let shown = letters(mails, Language::Fr);
        assert!(shown[0].advice.unwrap().contains("rappelez-le par téléphone"));
        assert!(!shown[1].advice.unwrap().contains("rappelez"));
        assert_eq!(shown[1].because, Some("le serveur du destinataire ne connaît pas cette adresse"));
    }

    #[test]
    fn how_it_travelled_and_that_it_waits_further_on_is_told() {
        let report = PeerReport { at: Timestamp(2), what: Reported::Delayed, status: None };
        let accepted = |tls: Option<&str>| MailState::Accepted {
            at: Timestamp(1),
            tls: tls.map(str::to_owned),
            report: Some(report),
        };
        for (tls, expected) in [
            (Some("TLSv1.3 TLS13_AES_256_GCM_SHA384"), "(TLS 1.3)"),
            (Some("TLSv1.2 X"), "(TLS 1.2)"),
            (None, "not encrypted"),
        ] {
            let shown = letters(vec![status(LetterKind::Notice, accepted(tls))], Language::En).remove(0);
            let Delivery::Accepted { protection, .. } = shown.delivery else { panic!() };
            assert!(protection.contains(expected), "{protection}");
            assert_eq!(shown.reported.unwrap().0, "Delayed on the recipient’s side");
        }
    }
}
