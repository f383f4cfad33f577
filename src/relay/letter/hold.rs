//! The letters of a deposit that is held, and the lines of a file that was refused: who is told what, in words. No letter
//! names a file, a mail travels in clear; the name stands on the depositor's page.

use serde::{Deserialize, Serialize};

use super::wording::{Page, content, one_line, our_link, say, time};
use super::{LetterError, status};
use crate::value::{ByteSize, Language, Reference, Timestamp};

/// Where a held deposit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldStage {
    /// It was accepted and waits.
    Begun,
    /// It still waits, and will end soon.
    Ending,
    /// It ended and was not delivered.
    Ended,
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldAudience {
    /// Who deposited.
    Depositor,
    /// The mailbox that it is for.
    Mailbox,
}

/// A deposit is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldLetter {
    /// Where it stands.
    pub stage: HoldStage,
    /// Who is told.
    pub audience: HoldAudience,
    /// What to quote.
    pub reference: Reference,
    /// The mailbox that it is for.
    pub mailbox_name: String,
    /// The fund that runs the mailbox.
    pub organisation_name: String,
    /// The title after the title policy (D5).
    pub title: String,
    /// The person who sent it, by address.
    pub sender: String,
    /// The person's partner structure.
    pub partner: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// How many files.
    pub file_count: u32,
    /// Their size together.
    pub total: ByteSize,
    /// Why, in French, after « parce que ».
    pub because_fr: String,
    /// Why, in English, after "because".
    pub because_en: String,
    /// When it ends if it cannot be inspected.
    pub ends_at: Timestamp,
    /// The agents' list, below the base URL.
    pub path: String,
}

/// A file that was refused, as a mail may tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedLine {
    /// Its number in the deposit; 0 for the text.
    pub number: u32,
    /// How many files the deposit had.
    pub of: u32,
    /// Its type in French.
    pub kind_fr: String,
    /// Its type in English.
    pub kind_en: String,
    /// Its size.
    pub size: ByteSize,
    /// Why, in French, after « ce fichier ».
    pub because_fr: String,
    /// Why, in English, after "this file".
    pub because_en: String,
}

/// The sentence of a refused file: « file 2 of 3, PDF, 1.2 MB », never its name.
pub(super) fn refused(line: &RefusedLine, language: Language) -> String {
    let size = line.size.for_people(language);
    if line.number == 0 {
        return match language {
            Language::Fr => format!(
                "Le texte de votre envoi n’a pas été transmis : il {}. Le reste de votre envoi est bien arrivé.",
                one_line(&line.because_fr)
            ),
            Language::En => format!(
                "The text of what you sent was not passed on: it {}. The rest of what you sent has arrived.",
                one_line(&line.because_en)
            ),
        };
    }
    match language {
        Language::Fr => format!(
            "Le fichier {} sur {} ({}, {size}) n’a pas été transmis : il {}. Le reste de votre envoi est bien arrivé.",
            line.number,
            line.of,
            one_line(&line.kind_fr),
            one_line(&line.because_fr)
        ),
        Language::En => format!(
            "File {} of {} ({}, {size}) was not passed on: it {}. The rest of what you sent has arrived.",
            line.number,
            line.of,
            one_line(&line.kind_en),
            one_line(&line.because_en)
        ),
    }
}

pub(super) fn subject(held: &HoldLetter, language: Language) -> String {
    let what = match held.stage {
        HoldStage::Begun => {
            say(language, "Dépôt reçu, analyse antivirus en attente", "Deposit received, virus scan pending")
        }
        HoldStage::Ending => {
            say(language, "Dépôt toujours en attente d’analyse", "Deposit still waiting for its scan")
        }
        HoldStage::Ended => say(
            language,
            "Dépôt non remis, faute d’analyse",
            "Deposit not delivered: it could not be scanned",
        ),
    };
    format!("{what} – {}", held.reference)
}

pub(super) fn summary(held: &HoldLetter, language: Language) -> Result<String, LetterError> {
    let (reference, until) = (&held.reference, time(held.ends_at, language)?);
    Ok(match (held.stage, language) {
        (HoldStage::Ended, Language::En) => {
            format!(
                "In English: the deposit {reference} could not be scanned in time and was not delivered; it must be sent again."
            )
        }
        (HoldStage::Ended, Language::Fr) => {
            format!(
                "En français : le dépôt {reference} n’a pas pu être analysé à temps et n’a pas été remis ; il faut le renvoyer."
            )
        }
        (_, Language::En) => {
            format!(
                "In English: the deposit {reference} was received and waits for its virus scan, until {until} at the latest."
            )
        }
        (_, Language::Fr) => {
            format!(
                "En français : le dépôt {reference} est reçu et attend son analyse antivirus, jusqu’au {until} au plus tard."
            )
        }
    })
}

pub(super) fn page(
    page: &mut Page,
    held: &HoldLetter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    page.before.push(opening(held, language));
    page.facts = vec![
        (say(language, "Référence", "Reference"), held.reference.to_string()),
        (say(language, "Titre", "Title"), one_line(&held.title)),
        (say(language, "Reçu le", "Received"), time(held.accepted_at, language)?),
        (say(language, "Contenu", "Content"), content(held.file_count, held.total, language)),
    ];
    if held.audience == HoldAudience::Mailbox {
        page.facts.push((say(language, "Expéditeur", "Sender"), one_line(&held.sender)));
        page.facts.push((say(language, "Partenaire", "Partner"), one_line(&held.partner)));
        if held.stage != HoldStage::Ended {
            page.button = Some((
                say(language, "Voir les dépôts en attente", "See what waits"),
                our_link(&held.path, base_url)?,
            ));
        }
    }
    if held.audience == HoldAudience::Depositor && held.stage != HoldStage::Ended {
        page.button = Some((status::label(language), our_link(&status::path_of(&held.reference), base_url)?));
    }
    page.after.push(closing(held, language)?);
    Ok(())
}

fn opening(held: &HoldLetter, language: Language) -> String {
    let mailbox = one_line(&held.mailbox_name);
    match (held.stage, held.audience, language) {
        (HoldStage::Begun, HoldAudience::Depositor, Language::Fr) => format!(
            "Votre dépôt pour la boîte « {mailbox} » ({}) est bien arrivé et il est conservé chiffré. Il n’est pas encore remis \
             à ses destinataires, parce que {}. Ceci est un accusé de réception automatique.",
            one_line(&held.organisation_name),
            one_line(&held.because_fr)
        ),
        (HoldStage::Begun, HoldAudience::Depositor, Language::En) => format!(
            "Your deposit for the mailbox “{mailbox}” ({}) has arrived and is kept encrypted. It is not yet passed on to its \
             recipients, because {}. This is an automatic acknowledgement of receipt.",
            one_line(&held.organisation_name),
            one_line(&held.because_en)
        ),
        (HoldStage::Begun, HoldAudience::Mailbox, Language::Fr) => format!(
            "Un dépôt pour la boîte « {mailbox} » est arrivé. Il ne peut pas encore être ouvert, parce que {}.",
            one_line(&held.because_fr)
        ),
        (HoldStage::Begun, HoldAudience::Mailbox, Language::En) => format!(
            "A deposit for the mailbox “{mailbox}” has arrived. It cannot be opened yet, because {}.",
            one_line(&held.because_en)
        ),
        (HoldStage::Ending, _, Language::Fr) => format!(
            "Ce dépôt pour la boîte « {mailbox} » n’a toujours pas pu être analysé, parce que {}.",
            one_line(&held.because_fr)
        ),
        (HoldStage::Ending, _, Language::En) => format!(
            "This deposit for the mailbox “{mailbox}” could still not be scanned, because {}.",
            one_line(&held.because_en)
        ),
        (HoldStage::Ended, _, Language::Fr) => format!(
            "Ce dépôt pour la boîte « {mailbox} » n’a pas pu être analysé en sept jours, parce que {}. Personne ne l’a ouvert ; son \
             contenu est supprimé.",
            one_line(&held.because_fr)
        ),
        (HoldStage::Ended, _, Language::En) => format!(
            "This deposit for the mailbox “{mailbox}” could not be scanned within seven days, because {}. Nobody has opened it; its \
             content is deleted.",
            one_line(&held.because_en)
        ),
    }
}

fn closing(held: &HoldLetter, language: Language) -> Result<String, LetterError> {
    let until = time(held.ends_at, language)?;
    Ok(match (held.stage, held.audience, language) {
        (HoldStage::Begun, HoldAudience::Depositor, Language::Fr) => {
            "Vous n’avez rien à faire : l’analyse reprend d’elle-même et vous recevrez alors l’accusé de réception habituel. La durée \
             de validité ne commence qu’à ce moment."
                .into()
        }
        (HoldStage::Begun, HoldAudience::Depositor, Language::En) => {
            "There is nothing to do: the scan goes on by itself, and you will then get the usual acknowledgement. The time of validity \
             begins only then."
                .into()
        }
        (HoldStage::Begun, HoldAudience::Mailbox, Language::Fr) => {
            "L’avis habituel vous parviendra dès que l’analyse aura abouti ; le délai d’ouverture ne commence qu’à ce moment.".into()
        }
        (HoldStage::Begun, HoldAudience::Mailbox, Language::En) => {
            "The usual notice will reach you as soon as the scan is done; the time to open it begins only then.".into()
        }
        (HoldStage::Ending, HoldAudience::Depositor, Language::Fr) => format!(
            "Sans analyse d’ici au {until}, il ne sera pas remis et son contenu sera supprimé. Si c’est urgent, prenez contact avec \
             la boîte par téléphone en citant la référence."
        ),
        (HoldStage::Ending, HoldAudience::Depositor, Language::En) => format!(
            "Without a scan by {until} it will not be delivered and its content will be deleted. If it is urgent, telephone the \
             mailbox and quote the reference."
        ),
        (HoldStage::Ending, HoldAudience::Mailbox, Language::Fr) => format!(
            "Sans analyse d’ici au {until}, il ne sera pas remis et son contenu sera supprimé. Prévenez l’exploitant de la \
             passerelle, et l’expéditeur si c’est urgent."
        ),
        (HoldStage::Ending, HoldAudience::Mailbox, Language::En) => format!(
            "Without a scan by {until} it will not be delivered and its content will be deleted. Tell the operator of the gateway, and \
             the sender if it is urgent."
        ),
        (HoldStage::Ended, HoldAudience::Depositor, Language::Fr) => {
            "Renvoyez-le, ou prenez contact avec la boîte par téléphone en citant la référence.".into()
        }
        (HoldStage::Ended, HoldAudience::Depositor, Language::En) => {
            "Send it again, or telephone the mailbox and quote the reference.".into()
        }
        (HoldStage::Ended, HoldAudience::Mailbox, Language::Fr) => {
            "L’expéditeur a été invité à le renvoyer. Prenez contact avec lui si vous attendiez ce dépôt.".into()
        }
        (HoldStage::Ended, HoldAudience::Mailbox, Language::En) => {
            "The sender was asked to send it again. Contact the sender if you were waiting for it.".into()
        }
    })
}
