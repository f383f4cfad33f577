//! To the second address of a mailbox, and to its managers: a notice does not arrive at the first (invariant 10). It says what
//! waits and where to open it, so that nothing expires unseen. This letter's own failure is told to nobody: it never loops.

use serde::{Deserialize, Serialize};

use super::LetterError;
use super::wording::{Page, one_line, our_link, say, time};
use crate::value::{Language, Reference, Timestamp};

/// A notice does not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndeliveredLetter {
    /// The mailbox.
    pub mailbox_name: String,
    /// It goes to a manager of the mailbox; else to the second address.
    #[serde(default)]
    pub to_manager: bool,
    /// Where notices go, in vain.
    pub notice_address: String,
    /// The transfer that the notice was about; none when it was about none.
    pub reference: Option<Reference>,
    /// The first instant at which nobody can open it any more.
    pub can_be_opened_until: Option<Timestamp>,
    /// Whether the notice still waits; else it will not arrive.
    pub still_waits: bool,
    /// It left, and waits at a host further on.
    #[serde(default)]
    pub is_further_on: bool,
    /// Why, in French, after « parce que », in the words of a [`crate::relay::truth::Cause`].
    pub because_fr: String,
    /// Why, in English.
    pub because_en: String,
    /// The page to open, below the base URL.
    pub path: String,
}

pub(super) fn subject(told: &UndeliveredLetter, language: Language) -> String {
    let what = say(language, "Avis non reçu", "Notice not received");
    match &told.reference {
        Some(reference) => format!("{what} – {} – {reference}", one_line(&told.mailbox_name)),
        None => format!("{what} – {}", one_line(&told.mailbox_name)),
    }
}

pub(super) fn summary(told: &UndeliveredLetter, language: Language) -> String {
    let mailbox = one_line(&told.mailbox_name);
    match language {
        Language::En => {
            format!("In English: notices of the mailbox “{mailbox}” do not arrive at its address.")
        }
        Language::Fr => {
            format!("En français : les avis de la boîte « {mailbox} » n’arrivent pas à son adresse.")
        }
    }
}

pub(super) fn page(
    page: &mut Page,
    told: &UndeliveredLetter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let (mailbox, address) = (one_line(&told.mailbox_name), one_line(&told.notice_address));
    let because = one_line(match language {
        Language::Fr => &told.because_fr,
        Language::En => &told.because_en,
    });
    let (fr, en) = if told.is_further_on {
        ("Le serveur suivant", "The next mail server")
    } else {
        ("La passerelle", "The gateway")
    };
    page.before.push(match (told.still_waits, language) {
        (true, Language::Fr) => format!(
            "Un avis de la boîte « {mailbox} » n’est pas encore arrivé à l’adresse {address} : {because}. {fr} \
             continue ses essais."
        ),
        (true, Language::En) => format!(
            "A notice of the mailbox “{mailbox}” has not arrived at the address {address} yet: {because}. {en} goes on trying."
        ),
        (false, Language::Fr) => {
            format!("Un avis de la boîte « {mailbox} » n’arrivera pas à l’adresse {address} : {because}.")
        }
        (false, Language::En) => {
            format!("A notice of the mailbox “{mailbox}” will not arrive at the address {address}: {because}.")
        }
    });
    if let Some(reference) = &told.reference {
        page.facts.push((say(language, "Référence", "Reference"), reference.to_string()));
    }
    if let Some(until) = told.can_be_opened_until {
        page.facts.push((say(language, "À ouvrir avant le", "To be opened before"), time(until, language)?));
    }
    page.button =
        Some((say(language, "Voir ce qui attend", "See what waits"), our_link(&told.path, base_url)?));
    let why = if told.to_manager {
        say(
            language,
            "Vous recevez ce message parce que vous êtes responsable de la boîte.",
            "You get this message because you are a manager of the mailbox.",
        )
    } else {
        say(
            language,
            "Vous recevez ce message parce que votre adresse est la seconde adresse de la boîte.",
            "You get this message because yours is the second address of the mailbox.",
        )
    };
    let what = say(
        language,
        "Prévenez l’équipe, et l’exploitant de la passerelle si l’adresse des avis a changé.",
        "Tell the team, and the operator of the gateway if the address for notices has changed.",
    );
    page.after.push(format!("{why} {what}"));
    Ok(())
}
