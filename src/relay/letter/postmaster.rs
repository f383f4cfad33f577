//! A mail for the postmaster of the gateway, handed to the operator (RFC 5321 section 4.5.1, RFC 2142): the whole of it as a
//! file, in a letter of the gateway's own, so that no header of a stranger speaks in the gateway's name.

use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType};
use lettre::message::{MultiPart, SinglePart};
use serde::{Deserialize, Serialize};

use super::LetterError;
use super::wording::{Page, one_line, say, time};
use crate::value::{Language, SecretBytes, Timestamp};

/// A mail for `postmaster@` or `abuse@`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostmasterLetter {
    /// The address that it was for.
    pub to: String,
    /// Its envelope sender; none is the null sender.
    pub from: Option<String>,
    /// The network address that it came from.
    pub peer: String,
    /// When it came.
    pub received_at: Timestamp,
    /// The mail, in base64.
    pub message: String,
}

pub(super) fn subject(mail: &PostmasterLetter, language: Language) -> String {
    format!("{} {}", say(language, "Courriel reçu pour", "Mail for"), one_line(&mail.to))
}

pub(super) fn summary(mail: &PostmasterLetter, language: Language) -> String {
    match language {
        Language::En => format!("In English: the attached mail came for {}.", one_line(&mail.to)),
        Language::Fr => format!("En français : le courriel joint est arrivé pour {}.", one_line(&mail.to)),
    }
}

pub(super) fn page(page: &mut Page, mail: &PostmasterLetter, language: Language) -> Result<(), LetterError> {
    page.before.push(
        say(
            language,
            "Le courriel joint est arrivé à l’adresse du responsable de la messagerie de la passerelle. Personne n’en a vérifié \
             l’expéditeur. Pour répondre, écrivez de votre propre adresse.",
            "The attached mail came for the postmaster of the gateway. Nobody has checked who sent it. To answer, write from \
             your own address.",
        )
        .to_owned(),
    );
    page.facts = vec![
        (say(language, "Adresse", "Address"), one_line(&mail.to)),
        (
            say(language, "Expéditeur d’enveloppe", "Envelope sender"),
            mail.from.as_deref().map_or_else(|| "<>".to_owned(), one_line),
        ),
        (say(language, "Venu de", "Came from"), one_line(&mail.peer)),
        (say(language, "Reçu le", "Received"), time(mail.received_at, language)?),
    ];
    Ok(())
}

/// The words, and the mail beside them. In base64, which message/rfc822 may not have (RFC 2046 section 5.2.1): so it is a
/// file by its name alone.
pub(super) fn body(
    mail: &PostmasterLetter,
    words: MultiPart,
    boundary: &str,
) -> Result<MultiPart, LetterError> {
    use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
    let bytes = SecretBytes::new(BASE64.decode(&mail.message).map_err(|_| LetterError::Message)?);
    let kind = ContentType::parse("application/octet-stream").map_err(|_| LetterError::Message)?;
    let file = SinglePart::builder()
        .header(kind)
        .header(ContentDisposition::attachment("message.eml"))
        .header(ContentTransferEncoding::Base64)
        .body(bytes.expose().to_vec());
    Ok(MultiPart::mixed().boundary(format!("{boundary}+")).multipart(words).singlepart(file))
}
