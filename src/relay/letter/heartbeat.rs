//! To the mailbox, when nothing has proved for a while that its notices are read: a button to press. A mailbox whose mail
//! system is dead would else be known by the deposit that nobody opened.

use serde::{Deserialize, Serialize};

use super::wording::{Page, one_line, our_link, say};
use super::{LetterError, SecretText};
use crate::value::Language;

/// Do notices arrive?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatLetter {
    /// The mailbox.
    pub mailbox_name: String,
    /// How many days apart such letters are.
    pub every_days: i64,
    /// The page with the button, below the base URL; completed with the mail's tag when it leaves.
    pub path: SecretText,
}

pub(super) fn subject(asked: &HeartbeatLetter, language: Language) -> String {
    let what = say(language, "Vérification de la réception des avis", "Check that notices arrive");
    format!("{what} – {}", one_line(&asked.mailbox_name))
}

pub(super) fn summary(asked: &HeartbeatLetter, language: Language) -> String {
    let mailbox = one_line(&asked.mailbox_name);
    match language {
        Language::En => {
            format!(
                "In English: press the button above to say that notices of the mailbox “{mailbox}” arrive."
            )
        }
        Language::Fr => format!(
            "En français : appuyez sur le bouton ci-dessus pour dire que les avis de la boîte « {mailbox} » arrivent."
        ),
    }
}

pub(super) fn page(
    page: &mut Page,
    asked: &HeartbeatLetter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let mailbox = one_line(&asked.mailbox_name);
    page.before.push(match language {
        Language::Fr => format!(
            "Personne n’a ouvert d’avis de la boîte « {mailbox} » depuis quelque temps. Ce message vérifie qu’ils arrivent bien : \
             appuyez une fois sur le bouton, aucune connexion n’est nécessaire."
        ),
        Language::En => format!(
            "Nobody has opened a notice of the mailbox “{mailbox}” for a while. This message checks that they arrive: press the \
             button once, no sign-in is needed."
        ),
    });
    page.button = Some((
        say(language, "Nous recevons les avis", "We receive the notices"),
        our_link(asked.path.expose(), base_url)?,
    ));
    page.after.push(match language {
        Language::Fr => format!(
            "Si personne n’appuie, rien ne se passe : le prochain message de ce genre viendra au plus tôt dans {} jours. S’il revient \
             à la passerelle, le responsable de la sécurité en est prévenu.",
            asked.every_days
        ),
        Language::En => format!(
            "If nobody presses it, nothing happens: the next such message comes in {} days at the earliest. If it comes back to the \
             gateway, the security officer is told.",
            asked.every_days
        ),
    });
    Ok(())
}
