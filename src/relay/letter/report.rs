//! A delivery status notification (RFC 3461, RFC 3464): multipart/report, from the null sender, to the envelope sender of a
//! mail. It returns nothing of the mail but what its sender knows it by: text and title do not travel in clear, whatever
//! `RET` asks for (invariant 3).

use std::fmt::Write;

use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{MultiPart, SinglePart};
use serde::{Deserialize, Serialize};

use super::LetterError;
use super::wording::{Page, one_line, say, time};
use crate::relay::report::ReportedAction;
use crate::value::{Domain, Language, Reference, Timestamp, calendar};

/// Characters of one field of a report.
const FIELD_MAX_CHARS: usize = 500;

/// What became of a mail, of one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportLetter {
    /// What is told.
    pub action: ReportedAction,
    /// The enhanced status: `5.1.1`.
    pub status: String,
    /// Who reports.
    pub reporting: Domain,
    /// The recipient.
    pub recipient: String,
    /// `ORCPT`: type and address.
    pub original: Option<String>,
    /// `ENVID`.
    pub envelope_id: Option<String>,
    /// `Message-ID` of the mail that is reported of, without angle brackets.
    pub message_id: Option<String>,
    /// When it was taken.
    pub arrived_at: Timestamp,
    /// Until when it is tried, if it still is.
    pub tried_until: Option<Timestamp>,
    /// What people quote, if it became a transfer.
    pub reference: Option<Reference>,
    /// Why, in French.
    pub because_fr: Option<String>,
    /// Why, in English.
    pub because_en: Option<String>,
}

pub(super) fn subject(told: &ReportLetter, language: Language) -> String {
    match told.action {
        ReportedAction::Delivered => say(language, "Remis", "Delivered"),
        ReportedAction::Relayed => say(language, "Transmis", "Relayed"),
        ReportedAction::Delayed => say(language, "Retardé", "Delayed"),
        ReportedAction::Failed => say(language, "Non remis", "Undelivered"),
    }
    .to_owned()
        + &told.reference.as_ref().map(|reference| format!(" – {reference}")).unwrap_or_default()
}

pub(super) fn summary(told: &ReportLetter, language: Language) -> String {
    let recipient = one_line(&told.recipient);
    match (told.action, language) {
        (ReportedAction::Delivered, Language::En) => format!("In English: delivered to {recipient}."),
        (ReportedAction::Delivered, Language::Fr) => format!("En français : remis à {recipient}."),
        (ReportedAction::Relayed, Language::En) => {
            format!("In English: handed to the mail host of {recipient}, which reports nothing more.")
        }
        (ReportedAction::Relayed, Language::Fr) => {
            format!("En français : transmis au serveur de {recipient}, qui n’en dira pas plus.")
        }
        (ReportedAction::Delayed, Language::En) => {
            format!("In English: your mail to {recipient} still waits; it is tried again.")
        }
        (ReportedAction::Delayed, Language::Fr) => {
            format!("En français : votre message pour {recipient} attend encore ; il sera réessayé.")
        }
        (ReportedAction::Failed, Language::En) => {
            format!("In English: your mail to {recipient} does not arrive and is not tried again.")
        }
        (ReportedAction::Failed, Language::Fr) => {
            format!("En français : votre message pour {recipient} n’arrivera pas et n’est plus réessayé.")
        }
    }
}

pub(super) fn page(page: &mut Page, told: &ReportLetter, language: Language) -> Result<(), LetterError> {
    let recipient = one_line(&told.recipient);
    page.before.push(match (told.action, language) {
        (ReportedAction::Delivered, Language::Fr) => format!("Votre message a été remis à {recipient}."),
        (ReportedAction::Delivered, Language::En) => format!("Your mail was delivered to {recipient}."),
        (ReportedAction::Relayed, Language::Fr) => format!(
            "Le message qui porte votre envoi a été transmis au serveur de messagerie de {recipient}. Ce serveur ne dit pas \
             s’il a été lu ; la page de l’envoi dit s’il a été ouvert."
        ),
        (ReportedAction::Relayed, Language::En) => format!(
            "The mail that carries what you sent was handed to the mail host of {recipient}. That host does not say whether \
             it was read; the page of what you sent says whether it was opened."
        ),
        (ReportedAction::Delayed, Language::Fr) => format!(
            "Votre message pour {recipient} attend encore. Vous n’avez rien à faire : il est réessayé."
        ),
        (ReportedAction::Delayed, Language::En) => {
            format!("Your mail to {recipient} still waits. There is nothing to do: it is tried again.")
        }
        (ReportedAction::Failed, Language::Fr) => format!(
            "Votre message n’a pas pu être remis à {recipient}. Vérifiez l’adresse, ou joignez cette personne autrement."
        ),
        (ReportedAction::Failed, Language::En) => format!(
            "Your mail could not be delivered to {recipient}. Check the address, or reach this person in another way."
        ),
    });
    page.facts = vec![(say(language, "Destinataire", "Recipient"), recipient)];
    let because = match language {
        Language::Fr => told.because_fr.as_deref(),
        Language::En => told.because_en.as_deref(),
    };
    page.facts.extend(because.map(|because| (say(language, "Raison", "Reason"), one_line(because))));
    if let Some(reference) = &told.reference {
        page.facts.push((say(language, "Référence", "Reference"), reference.to_string()));
    }
    page.facts.push((say(language, "Envoyé le", "Sent"), time(told.arrived_at, language)?));
    if let Some(until) = told.tried_until {
        page.facts.push((say(language, "Réessayé jusqu’au", "Tried until"), time(until, language)?));
    }
    Ok(())
}

/// The whole body: what people read, what programs read, and what the sender knows the mail by (RFC 3464 section 2).
pub(super) fn body(told: &ReportLetter, words: MultiPart, boundary: &str) -> Result<MultiPart, LetterError> {
    let kind = format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}+\"");
    let kind = ContentType::parse(&kind).map_err(|_| LetterError::Message)?;
    let mut report = MultiPart::builder()
        .header(kind)
        .multipart(words)
        .singlepart(plain("message/delivery-status", status(told))?);
    if let Some(id) = &told.message_id {
        report = report.singlepart(plain("text/rfc822-headers", format!("Message-ID: <{}>\r\n", field(id)))?);
    }
    Ok(report)
}

fn plain(content_type: &str, text: String) -> Result<SinglePart, LetterError> {
    let content_type = ContentType::parse(content_type).map_err(|_| LetterError::Message)?;
    Ok(SinglePart::builder().header(content_type).header(ContentTransferEncoding::SevenBit).body(text))
}

/// RFC 3464 section 2.1.1: the fields of the message, an empty line, those of the recipient.
fn status(told: &ReportLetter) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = write!(text, "{name}: {value}\r\n");
    };
    if let Some(id) = &told.envelope_id {
        line("Original-Envelope-Id", &field(id));
    }
    line("Reporting-MTA", &format!("dns; {}", told.reporting));
    line("Arrival-Date", &calendar::mail_date(told.arrived_at));
    line("\r\nFinal-Recipient", &format!("rfc822; {}", field(&told.recipient)));
    if let Some((kind, address)) = told.original.as_deref().and_then(|original| original.split_once(';')) {
        line("Original-Recipient", &format!("{}; {}", field(kind), field(address)));
    }
    line("Action", told.action.as_str());
    line("Status", &told.status);
    if let Some(until) = told.tried_until {
        line("Will-Retry-Until", &calendar::mail_date(until));
    }
    text
}

/// What another program wrote, as it can stand in a field: printable ASCII, one line.
fn field(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, ' '..='~'))
        .take(FIELD_MAX_CHARS)
        .collect::<String>()
        .trim()
        .to_owned()
}
