//! The letters of a transfer that a member sends to people outside (T5, T9, V4): the link, the code that opens it, the
//! member's own confirmation, and that something was downloaded. None holds a file name or a word of the message.

use serde::{Deserialize, Serialize};

use super::wording::{Page, content, grouped, one_line, our_link, say, time};
use super::{LetterError, LetterKind, SecretText};
use crate::value::{ByteSize, Language, Reference, Timestamp};

/// A letter about a transfer to people outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum OutsideLetter {
    /// To the recipient: something waits behind this link.
    Link {
        /// What to quote.
        reference: Reference,
        /// The fund.
        organisation_name: String,
        /// The mailbox that sent it.
        mailbox_name: String,
        /// The member who sent it, by name.
        sender: String,
        /// The title after the title policy (D5).
        title: String,
        /// The sender's personal text, guarded like a title (V4).
        note: Option<String>,
        /// How many files.
        file_count: u32,
        /// Their size together.
        total: ByteSize,
        /// The first instant at which nobody can open it any more.
        can_be_opened_until: Timestamp,
        /// Whether the sender tells a password by another way; else a code is mailed.
        by_password: bool,
        /// The link, below the base URL.
        path: SecretText,
    },
    /// To the recipient, who pressed the link's button: the code.
    Code {
        /// What it opens.
        reference: Reference,
        /// The fund.
        organisation_name: String,
        /// The code, 8 digits.
        code: SecretText,
        /// The first instant at which it opens nothing any more.
        good_until: Timestamp,
    },
    /// To the member: it was sent (T9).
    Sent {
        /// What to quote.
        reference: Reference,
        /// The title.
        title: String,
        /// Whom it went to.
        recipients: Vec<String>,
        /// How many files.
        file_count: u32,
        /// Their size together.
        total: ByteSize,
        /// The first instant at which nobody can open it any more.
        can_be_opened_until: Timestamp,
        /// Its page, below the base URL; it opens nothing without signing in.
        path: String,
    },
    /// To the member, who asked for it: somebody downloaded (V4).
    Downloaded {
        /// What to quote.
        reference: Reference,
        /// The title.
        title: String,
        /// Who, by address.
        recipient: String,
        /// When.
        at: Timestamp,
        /// Its page, below the base URL.
        path: String,
    },
}

impl OutsideLetter {
    /// Which of the mails this is.
    pub const fn kind(&self) -> LetterKind {
        match self {
            Self::Link { .. } => LetterKind::SecureLink,
            Self::Code { .. } => LetterKind::OpeningCode,
            Self::Sent { .. } => LetterKind::SentConfirmation,
            Self::Downloaded { .. } => LetterKind::DownloadNotice,
        }
    }
}

pub(super) fn subject(letter: &OutsideLetter, language: Language) -> String {
    match letter {
        OutsideLetter::Link { reference, title, .. } => format!("{} – {reference}", one_line(title)),
        OutsideLetter::Code { reference, .. } => {
            format!("{} – {reference}", say(language, "Votre code d’ouverture", "Your opening code"))
        }
        OutsideLetter::Sent { reference, title, .. } => {
            let what = say(language, "Envoi effectué", "Sent");
            format!("{what} – {} – {reference}", one_line(title))
        }
        OutsideLetter::Downloaded { reference, title, .. } => {
            let what = say(language, "Envoi téléchargé", "Downloaded");
            format!("{what} – {} – {reference}", one_line(title))
        }
    }
}

pub(super) fn summary(letter: &OutsideLetter, language: Language) -> Result<String, LetterError> {
    Ok(match (letter, language) {
        (OutsideLetter::Link { can_be_opened_until: until, .. }, Language::En) => format!(
            "In English: a secure transfer waits for you behind the link above until {}.",
            time(*until, language)?
        ),
        (OutsideLetter::Link { can_be_opened_until: until, .. }, Language::Fr) => format!(
            "En français : un envoi sécurisé vous attend derrière le lien ci-dessus jusqu’au {}.",
            time(*until, language)?
        ),
        (OutsideLetter::Code { .. }, Language::En) => {
            "In English: type the code above on the page where you asked for it. If you did not ask for it, ignore this mail."
                .to_owned()
        }
        (OutsideLetter::Code { .. }, Language::Fr) => {
            "En français : saisissez le code ci-dessus sur la page où vous l’avez demandé. Si vous n’avez rien demandé, \
             ignorez ce message."
                .to_owned()
        }
        (OutsideLetter::Sent { reference, .. }, Language::En) => {
            format!("In English: your transfer {reference} was sent.")
        }
        (OutsideLetter::Sent { reference, .. }, Language::Fr) => {
            format!("En français : votre envoi {reference} est parti.")
        }
        (OutsideLetter::Downloaded { reference, .. }, Language::En) => {
            format!("In English: your transfer {reference} was downloaded.")
        }
        (OutsideLetter::Downloaded { reference, .. }, Language::Fr) => {
            format!("En français : votre envoi {reference} a été téléchargé.")
        }
    })
}

pub(super) fn page(
    page: &mut Page,
    letter: &OutsideLetter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    match letter {
        OutsideLetter::Link { .. } => link(page, letter, language, base_url),
        OutsideLetter::Code { .. } => code(page, letter, language),
        OutsideLetter::Sent { .. } => sent(page, letter, language, base_url),
        OutsideLetter::Downloaded { .. } => downloaded(page, letter, language, base_url),
    }
}

fn link(
    page: &mut Page,
    letter: &OutsideLetter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let OutsideLetter::Link {
        reference,
        organisation_name,
        mailbox_name,
        sender,
        title,
        note,
        file_count,
        total,
        can_be_opened_until,
        by_password,
        path,
    } = letter
    else {
        return Ok(());
    };
    let (organisation, mailbox, sender) =
        (one_line(organisation_name), one_line(mailbox_name), one_line(sender));
    let until = time(*can_be_opened_until, language)?;
    page.before.push(match language {
        Language::Fr => format!("{sender} ({mailbox}, {organisation}) vous adresse un envoi sécurisé."),
        Language::En => format!("{sender} ({mailbox}, {organisation}) sends you a secure transfer."),
    });
    page.before.extend(note.as_deref().map(one_line));
    page.facts = vec![
        (say(language, "Titre", "Title"), one_line(title)),
        (say(language, "Référence", "Reference"), reference.to_string()),
        (say(language, "Contenu", "Content"), content(*file_count, *total, language)),
        (say(language, "À ouvrir avant le", "To be opened before"), until.clone()),
    ];
    page.button = Some((say(language, "Ouvrir l’envoi", "Open it"), our_link(path.expose(), base_url)?));
    page.after.push(
        match (by_password, language) {
            (false, Language::Fr) => {
                "Après avoir suivi le lien, vous recevrez un code à cette même adresse : lui seul ouvre l’envoi. Aucun \
                 compte n’est nécessaire."
            }
            (false, Language::En) => {
                "After following the link you will get a code at this same address: it alone opens the transfer. No \
                 account is needed."
            }
            (true, Language::Fr) => {
                "Après avoir suivi le lien, saisissez le mot de passe que l’expéditeur vous communique par un autre moyen. \
                 Aucun compte n’est nécessaire."
            }
            (true, Language::En) => {
                "After following the link, type the password that the sender tells you by another way. No account is \
                 needed."
            }
        }
        .to_owned(),
    );
    page.after.push(match language {
        Language::Fr => format!(
            "Ce lien est personnel : ne transférez pas ce message. Vous pouvez l’ouvrir autant de fois que nécessaire \
             jusqu’au {until}, et répondre de façon sécurisée depuis la même page. Ensuite, le contenu est supprimé."
        ),
        Language::En => format!(
            "This link is personal: do not forward this message. You can open it any number of times until {until}, and \
             answer securely from the same page. After that the content is deleted."
        ),
    });
    Ok(())
}

fn code(page: &mut Page, letter: &OutsideLetter, language: Language) -> Result<(), LetterError> {
    let OutsideLetter::Code { reference, organisation_name, code, good_until } = letter else {
        return Ok(());
    };
    let (organisation, until) = (one_line(organisation_name), time(*good_until, language)?);
    page.before.push(match language {
        Language::Fr => {
            format!("Vous avez demandé à ouvrir l’envoi {reference} ({organisation}). Ce code est valable jusqu’au {until}.")
        }
        Language::En => {
            format!("You asked to open the transfer {reference} ({organisation}). This code is good until {until}.")
        }
    });
    page.code = Some((
        say(
            language,
            "Saisissez ce code sur la page où vous l’avez demandé",
            "Type this code on the page where you asked for it",
        ),
        grouped(code.expose())?,
    ));
    page.after.push(
        say(
            language,
            "Ne communiquez ce code à personne : ni l’organisme ni ses agents ne vous le demanderont. Si vous n’avez rien \
             demandé, ignorez ce message : l’envoi reste fermé.",
            "Tell this code to nobody: neither the organisation nor its agents will ask you for it. If you did not ask \
             for it, ignore this message: the transfer stays closed.",
        )
        .to_owned(),
    );
    Ok(())
}

fn sent(
    page: &mut Page,
    letter: &OutsideLetter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let OutsideLetter::Sent { reference, title, recipients, file_count, total, can_be_opened_until, path } =
        letter
    else {
        return Ok(());
    };
    page.before.push(
        say(
            language,
            "Votre envoi est parti. Chaque destinataire reçoit un lien à son nom.",
            "Your transfer was sent. Each recipient gets a link of his or her own.",
        )
        .to_owned(),
    );
    page.facts = vec![
        (say(language, "Référence", "Reference"), reference.to_string()),
        (say(language, "Titre", "Title"), one_line(title)),
    ];
    let recipients = recipients.iter().map(|recipient| one_line(recipient));
    page.facts.extend(recipients.map(|recipient| (say(language, "Destinataire", "Recipient"), recipient)));
    page.facts.extend([
        (say(language, "Contenu", "Content"), content(*file_count, *total, language)),
        (
            say(language, "Peut être ouvert jusqu’au", "Can be opened until"),
            time(*can_be_opened_until, language)?,
        ),
    ]);
    page.button = Some((say(language, "Suivre l’envoi", "Follow it"), our_link(path, base_url)?));
    page.after.push(
        say(
            language,
            "Sur cette page, après connexion : qui l’a ouvert et quand, et le retrait immédiat de l’envoi.",
            "On that page, once signed in: who opened it and when, and its immediate withdrawal.",
        )
        .to_owned(),
    );
    Ok(())
}

fn downloaded(
    page: &mut Page,
    letter: &OutsideLetter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let OutsideLetter::Downloaded { reference, title, recipient, at, path } = letter else { return Ok(()) };
    page.before.push(
        say(
            language,
            "Vous avez demandé à être prévenu : votre envoi vient d’être téléchargé.",
            "You asked to be told: your transfer was just downloaded.",
        )
        .to_owned(),
    );
    page.facts = vec![
        (say(language, "Référence", "Reference"), reference.to_string()),
        (say(language, "Titre", "Title"), one_line(title)),
        (say(language, "Destinataire", "Recipient"), one_line(recipient)),
        (say(language, "Le", "On"), time(*at, language)?),
    ];
    page.button = Some((say(language, "Suivre l’envoi", "Follow it"), our_link(path, base_url)?));
    Ok(())
}
