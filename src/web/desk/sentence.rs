//! A step of a transfer's story as a sentence that a court or a data protection officer reads without a glossary.

use super::rows::nobody;
use crate::app::StoryStep;
use crate::audit::{Action, Detail, Event, MailPurpose, Object, Outcome, TlsVersion};
use crate::value::Language;

/// « Anne Exemple (anne@fonds.example) a ouvert le transfert. »
pub(super) fn sentence(step: &StoryStep, language: Language) -> String {
    let mut who = match &step.who {
        Some(named) => named.in_full(),
        None => nobody(step.event.actor, language).to_owned(),
    };
    if let Some(of) = &step.of {
        who = format!("{who} ({of})");
    }
    let mailbox = step.mailbox.as_deref().unwrap_or("?");
    let told = match language {
        Language::Fr => french(&step.event, mailbox),
        Language::En => english(&step.event, mailbox),
    };
    match told {
        Some(told) => format!("{who} {told}."),
        None => plainly(&who, &step.event, language),
    }
}

/// What has no sentence of its own.
fn plainly(who: &str, event: &Event, language: Language) -> String {
    let colon = if language == Language::Fr { "\u{a0}:" } else { ":" };
    let reason = event.outcome.reason(language).map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{who}{colon} {}, {}{reason}.", event.action.label(language), event.outcome.label(language))
}

fn french(event: &Event, mailbox: &str) -> Option<String> {
    let reason = event.outcome.reason(Language::Fr).unwrap_or_default();
    let mail = mail_fr(event);
    Some(match (event.action, event.outcome) {
        (Action::DepositSent, Outcome::Done) => format!("a déposé le dossier dans la boîte {mailbox}"),
        (Action::MailReceived, Outcome::Done) => {
            format!("a déposé le dossier par courriel dans la boîte {mailbox}")
        }
        (Action::TitleReplaced, Outcome::Done) => {
            "a remplacé le titre, qui contenait des données personnelles".to_owned()
        }
        (Action::DepositHeld, Outcome::Done) => "a mis le dépôt en attente du contrôle antivirus".to_owned(),
        (Action::DepositReleased, Outcome::Done) => "a libéré le dépôt après contrôle".to_owned(),
        (Action::FileRefused, Outcome::Refused(_)) => format!("a vu un fichier refusé\u{a0}: {reason}"),
        (Action::MailQueued, Outcome::Done) => format!("a préparé {mail}"),
        (Action::MailSent, Outcome::Done) => {
            format!("a remis {mail} au serveur du destinataire{}", tls_fr(event.detail))
        }
        (Action::MailDelayed, _) => format!("n’a pas encore pu remettre {mail}\u{a0}: {reason}"),
        (Action::MailFailed, _) => format!("a renoncé à remettre {mail}\u{a0}: {reason}"),
        (Action::BounceNoted, _) => format!("a renvoyé {mail}, qui n’est pas arrivé"),
        (Action::TransferOpened, Outcome::Done) => "a ouvert le transfert".to_owned(),
        (Action::TransferOpened, Outcome::Failed(_)) => {
            format!("n’a pas pu ouvrir le transfert\u{a0}: {reason}")
        }
        (Action::FileDownloaded, Outcome::Intended) => format!("a commencé à télécharger {}", part_fr(event)),
        (Action::FileDownloaded, Outcome::Done) => {
            format!("a téléchargé {}{}", part_fr(event), bytes(event, Language::Fr))
        }
        (Action::FileDownloaded, Outcome::Failed(_)) => {
            format!("n’a pas reçu en entier {}\u{a0}: {reason}", part_fr(event))
        }
        (Action::ArchiveDownloaded, Outcome::Intended) => {
            "a commencé à télécharger tous les fichiers".to_owned()
        }
        (Action::ArchiveDownloaded, Outcome::Done) => {
            format!("a téléchargé tous les fichiers{}", bytes(event, Language::Fr))
        }
        (Action::ArchiveDownloaded, Outcome::Failed(_)) => {
            format!("n’a pas reçu en entier les fichiers\u{a0}: {reason}")
        }
        (Action::AccessRefused, _) => format!("s’est vu refuser l’accès\u{a0}: {reason}"),
        (Action::TransferDispatched, Outcome::Done) => {
            format!("a transmis le transfert à la boîte {mailbox}")
        }
        (Action::TransferAnswered, Outcome::Done) => "a répondu au déposant".to_owned(),
        (Action::AnswerRecorded, Outcome::Done) => "a noté une réponse donnée autrement".to_owned(),
        (Action::TransferTakenInCharge, Outcome::Done) => "a pris en charge le transfert".to_owned(),
        (Action::TransferTreated, Outcome::Done) => "a clos le transfert".to_owned(),
        (Action::TransferCoded, Outcome::Done) => "a saisi les codes du tableau de suivi".to_owned(),
        (Action::TransferEscalated, Outcome::Done) => "a signalé le transfert au médiateur".to_owned(),
        (Action::ReminderQueued, Outcome::Done) => "a préparé un rappel avant l’expiration".to_owned(),
        (Action::TransferRevoked, Outcome::Done) => {
            "a révoqué le transfert\u{a0}: plus personne ne peut l’ouvrir".to_owned()
        }
        (Action::TransferExpired, Outcome::Done) => {
            "a constaté l’expiration du transfert\u{a0}: plus personne ne peut l’ouvrir".to_owned()
        }
        (Action::GrantsDestroyed, Outcome::Done) => match event.detail {
            Some(Detail::Count(1)) => "a détruit l’accès de la boîte au transfert".to_owned(),
            Some(Detail::Count(count)) => format!("a détruit les {count} accès au transfert"),
            _ => "a détruit les accès au transfert".to_owned(),
        },
        (Action::ObjectsErased, Outcome::Intended) => {
            "a engagé l’effacement des fichiers chiffrés".to_owned()
        }
        (Action::ObjectsErased, Outcome::Done) => "a effacé les fichiers chiffrés".to_owned(),
        _ => return None,
    })
}

fn english(event: &Event, mailbox: &str) -> Option<String> {
    let reason = event.outcome.reason(Language::En).unwrap_or_default();
    let mail = mail_en(event);
    Some(match (event.action, event.outcome) {
        (Action::DepositSent, Outcome::Done) => format!("deposited the file into the mailbox {mailbox}"),
        (Action::MailReceived, Outcome::Done) => {
            format!("deposited the file by mail into the mailbox {mailbox}")
        }
        (Action::TitleReplaced, Outcome::Done) => "replaced the title, which held personal data".to_owned(),
        (Action::DepositHeld, Outcome::Done) => "held the deposit for its virus scan".to_owned(),
        (Action::DepositReleased, Outcome::Done) => "released the deposit after its scan".to_owned(),
        (Action::FileRefused, Outcome::Refused(_)) => format!("had a file refused: {reason}"),
        (Action::MailQueued, Outcome::Done) => format!("prepared {mail}"),
        (Action::MailSent, Outcome::Done) => {
            format!("handed {mail} to the recipient’s server{}", tls_en(event.detail))
        }
        (Action::MailDelayed, _) => format!("could not hand over {mail} yet: {reason}"),
        (Action::MailFailed, _) => format!("gave up on {mail}: {reason}"),
        (Action::BounceNoted, _) => format!("sent back {mail}, which did not arrive"),
        (Action::TransferOpened, Outcome::Done) => "opened the transfer".to_owned(),
        (Action::TransferOpened, Outcome::Failed(_)) => format!("could not open the transfer: {reason}"),
        (Action::FileDownloaded, Outcome::Intended) => format!("began to download {}", part_en(event)),
        (Action::FileDownloaded, Outcome::Done) => {
            format!("downloaded {}{}", part_en(event), bytes(event, Language::En))
        }
        (Action::FileDownloaded, Outcome::Failed(_)) => {
            format!("did not get the whole of {}: {reason}", part_en(event))
        }
        (Action::ArchiveDownloaded, Outcome::Intended) => "began to download all files".to_owned(),
        (Action::ArchiveDownloaded, Outcome::Done) => {
            format!("downloaded all files{}", bytes(event, Language::En))
        }
        (Action::ArchiveDownloaded, Outcome::Failed(_)) => format!("did not get all of the files: {reason}"),
        (Action::AccessRefused, _) => format!("was refused access: {reason}"),
        (Action::TransferDispatched, Outcome::Done) => {
            format!("passed the transfer on to the mailbox {mailbox}")
        }
        (Action::TransferAnswered, Outcome::Done) => "answered the depositor".to_owned(),
        (Action::AnswerRecorded, Outcome::Done) => "noted an answer that was given otherwise".to_owned(),
        (Action::TransferTakenInCharge, Outcome::Done) => "took the transfer in charge".to_owned(),
        (Action::TransferTreated, Outcome::Done) => "closed the transfer".to_owned(),
        (Action::TransferCoded, Outcome::Done) => "entered the register’s codes".to_owned(),
        (Action::TransferEscalated, Outcome::Done) => "escalated the transfer to the mediator".to_owned(),
        (Action::ReminderQueued, Outcome::Done) => "prepared a reminder before expiry".to_owned(),
        (Action::TransferRevoked, Outcome::Done) => {
            "revoked the transfer: nobody can open it any more".to_owned()
        }
        (Action::TransferExpired, Outcome::Done) => {
            "noted that the transfer expired: nobody can open it any more".to_owned()
        }
        (Action::GrantsDestroyed, Outcome::Done) => match event.detail {
            Some(Detail::Count(1)) => "destroyed the mailbox’s grant of the transfer".to_owned(),
            Some(Detail::Count(count)) => format!("destroyed the {count} grants of the transfer"),
            _ => "destroyed the grants of the transfer".to_owned(),
        },
        (Action::ObjectsErased, Outcome::Intended) => "began to erase the sealed files".to_owned(),
        (Action::ObjectsErased, Outcome::Done) => "erased the sealed files".to_owned(),
        _ => return None,
    })
}

const fn mail_fr(event: &Event) -> &'static str {
    match event.object {
        Object::TransferMail { purpose: MailPurpose::Acknowledgement, .. } => {
            "l’accusé de réception du déposant"
        }
        Object::TransferMail { purpose: MailPurpose::Notice, .. } => "l’avis à la boîte",
        _ => "un courriel",
    }
}

const fn mail_en(event: &Event) -> &'static str {
    match event.object {
        Object::TransferMail { purpose: MailPurpose::Acknowledgement, .. } => {
            "the depositor’s acknowledgement"
        }
        Object::TransferMail { purpose: MailPurpose::Notice, .. } => "the mailbox’s notice",
        _ => "a mail",
    }
}

const fn tls_fr(detail: Option<Detail>) -> &'static str {
    match detail {
        Some(Detail::Tls(TlsVersion::None)) => ", sur une liaison non chiffrée",
        Some(Detail::Tls(TlsVersion::Tls12)) => ", sur une liaison chiffrée (TLS 1.2)",
        Some(Detail::Tls(TlsVersion::Tls13)) => ", sur une liaison chiffrée (TLS 1.3)",
        _ => "",
    }
}

const fn tls_en(detail: Option<Detail>) -> &'static str {
    match detail {
        Some(Detail::Tls(TlsVersion::None)) => ", over a connection in clear",
        Some(Detail::Tls(TlsVersion::Tls12)) => ", over an encrypted connection (TLS 1.2)",
        Some(Detail::Tls(TlsVersion::Tls13)) => ", over an encrypted connection (TLS 1.3)",
        _ => "",
    }
}

fn part_fr(event: &Event) -> String {
    match event.object {
        Object::TransferPart { part, .. } => format!("le fichier n°\u{a0}{part}"),
        _ => "un fichier".to_owned(),
    }
}

fn part_en(event: &Event) -> String {
    match event.object {
        Object::TransferPart { part, .. } => format!("file no. {part}"),
        _ => "a file".to_owned(),
    }
}

fn bytes(event: &Event, language: Language) -> String {
    match event.detail {
        Some(Detail::Bytes(size)) => format!(" ({})", size.for_people(language)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Named;
    use crate::audit::{Actor, Origin, RefusalReason};
    use crate::value::{MailboxId, PersonId, Timestamp, TransferId};

    fn step(action: Action, outcome: Outcome) -> StoryStep {
        let object =
            Object::Transfer { transfer: TransferId::new([1; 16]), mailbox: MailboxId::new([2; 16]) };
        let person = PersonId::new([3; 16]);
        let event = Event::new(Timestamp(0), Actor::Person(person), action, object, outcome, Origin::Job);
        let named =
            Named { person, address: Some("jeanne.martin@departement.example".to_owned()), name: None };
        let (of, mailbox) = (Some("Département, Redon".to_owned()), Some("Partenaires retraite".to_owned()));
        StoryStep { index: 0, event, who: Some(named), of, mailbox }
    }

    #[test]
    fn a_deposit_and_a_refusal_read_as_sentences() {
        let sent = sentence(&step(Action::DepositSent, Outcome::Done), Language::Fr);
        assert_eq!(
            sent,
            "jeanne.martin@departement.example (Département, Redon) a déposé le dossier dans la boîte \
             Partenaires retraite."
        );
        let outcome = Outcome::Refused(RefusalReason::TransferExpired);
        let refused = sentence(&step(Action::AccessRefused, outcome), Language::En);
        assert!(refused.ends_with("was refused access: expired transfer."), "{refused}");
    }

    #[test]
    fn every_action_can_be_told_in_both_languages() {
        for action in Action::ALL {
            for outcome in [Outcome::Done, Outcome::Refused(RefusalReason::NotFound)] {
                for language in [Language::Fr, Language::En] {
                    let told = sentence(&step(*action, outcome), language);
                    assert!(told.ends_with('.') && told.len() > 60, "{told}");
                }
            }
        }
    }
}
