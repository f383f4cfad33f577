//! The reminders of a case in words: to the mailbox, its manager or the mediator's mailbox (T2, T5, V5). As every letter, they
//! hold nothing of what is sealed.

use serde::{Deserialize, Serialize};

use super::LetterError;
use super::wording::{Page, one_line, our_link, say, time};
use crate::value::{Language, Reference, Timestamp};

/// What the mailbox is reminded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReminderTopic {
    /// Nobody of the mailbox has opened it; it ends.
    Unopened,
    /// It is to be taken in charge soon.
    TakeSoon,
    /// It should have been taken in charge.
    TakeLate,
    /// It is to be answered soon.
    AnswerSoon,
    /// It should have been answered.
    AnswerLate,
    /// To the mediator: it has been late for long.
    Mediator,
    /// Who deposited it withdrew it: nothing is left to do.
    Withdrawn,
    /// To the mediator: an agent says that it does not get on.
    Blocked,
    /// To the mediator: an agent says that it wants care.
    Sensitive,
}

/// A reminder of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReminderLetter {
    /// Of what.
    pub topic: ReminderTopic,
    /// What to quote.
    pub reference: Reference,
    /// The mailbox whose it is to treat.
    pub mailbox_name: String,
    /// The title after the title policy (D5).
    pub title: String,
    /// The partner who deposited.
    pub partner: String,
    /// The partner's site, where it is known.
    pub site: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
    /// By when it is or was due; for an unopened one, when it ends.
    pub due_at: Timestamp,
    /// The first instant at which nobody can open it any more.
    pub can_be_opened_until: Timestamp,
    /// The transfer's page, below the base URL.
    pub path: String,
}

pub(super) fn subject(letter: &ReminderLetter, language: Language) -> String {
    let what = match letter.topic {
        ReminderTopic::Unopened => {
            say(language, "Rappel : dépôt jamais ouvert", "Reminder: deposit never opened")
        }
        ReminderTopic::TakeSoon => {
            say(language, "Rappel : dossier à prendre en charge", "Reminder: case to be taken in charge")
        }
        ReminderTopic::TakeLate => {
            say(language, "En retard : dossier à prendre en charge", "Late: case to be taken in charge")
        }
        ReminderTopic::AnswerSoon => say(language, "Rappel : réponse attendue", "Reminder: answer due"),
        ReminderTopic::AnswerLate => say(language, "En retard : réponse attendue", "Late: answer due"),
        ReminderTopic::Mediator => say(
            language,
            "Dossier sans réponse, signalé au médiateur",
            "Case without answer, told to the mediator",
        ),
        ReminderTopic::Withdrawn => {
            say(language, "Dépôt retiré par son expéditeur", "Deposit withdrawn by its sender")
        }
        ReminderTopic::Blocked => {
            say(language, "Dossier bloqué, signalé au médiateur", "Blocked case, told to the mediator")
        }
        ReminderTopic::Sensitive => {
            say(language, "Dossier sensible, signalé au médiateur", "Sensitive case, told to the mediator")
        }
    };
    format!("{} – {}", what.replace(" :", "\u{a0}:"), letter.reference)
}

pub(super) fn summary(letter: &ReminderLetter, language: Language) -> Result<String, LetterError> {
    let (reference, until) = (&letter.reference, time(letter.due_at, language)?);
    Ok(match (letter.topic, language) {
        (ReminderTopic::Unopened, Language::En) => {
            format!(
                "In English: nobody has opened the deposit {reference}; its content is deleted on {until}."
            )
        }
        (ReminderTopic::Unopened, Language::Fr) => {
            format!(
                "En français : personne n’a ouvert le dépôt {reference} ; son contenu est supprimé le {until}."
            )
        }
        (ReminderTopic::Withdrawn, Language::En) => {
            format!(
                "In English: the deposit {reference} was withdrawn by its sender on {until}; its content is deleted."
            )
        }
        (ReminderTopic::Withdrawn, Language::Fr) => format!(
            "En français : le dépôt {reference} a été retiré par son expéditeur le {until} ; son contenu est supprimé."
        ),
        (_, Language::En) => {
            format!("In English: something is to be done about the case {reference}, due {until}.")
        }
        (_, Language::Fr) => {
            format!("En français : le dossier {reference} attend une action, échéance : {until}.")
        }
    })
}

pub(super) fn page(
    page: &mut Page,
    letter: &ReminderLetter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let (mailbox, due) = (one_line(&letter.mailbox_name), time(letter.due_at, language)?);
    page.before.push(match language {
        Language::Fr => french(letter.topic, &mailbox, &due),
        Language::En => english(letter.topic, &mailbox, &due),
    });
    page.facts = vec![
        (say(language, "Titre", "Title"), one_line(&letter.title)),
        (say(language, "Référence", "Reference"), letter.reference.to_string()),
        (say(language, "Partenaire", "Partner"), one_line(&letter.partner)),
    ];
    page.facts.extend(letter.site.as_deref().map(|site| (say(language, "Site", "Site"), one_line(site))));
    page.facts.push((say(language, "Reçu le", "Received"), time(letter.received_at, language)?));
    if letter.topic == ReminderTopic::Withdrawn {
        return Ok(());
    }
    page.facts.push((
        say(language, "À ouvrir avant le", "To be opened before"),
        time(letter.can_be_opened_until, language)?,
    ));
    page.button = Some((say(language, "Voir le dossier", "See the case"), our_link(&letter.path, base_url)?));
    page.after.push(
        say(
            language,
            "Ce rappel n’est envoyé qu’une fois. Passé la date ci-dessus, le contenu est supprimé et plus personne ne \
             peut l’ouvrir.",
            "This reminder is sent once. After the date above the content is deleted and nobody can open it.",
        )
        .to_owned(),
    );
    Ok(())
}

fn french(topic: ReminderTopic, mailbox: &str, due: &str) -> String {
    match topic {
        ReminderTopic::Unopened => format!(
            "Personne de la boîte « {mailbox} » n’a encore ouvert ce dépôt. Son contenu sera supprimé le {due}."
        ),
        ReminderTopic::TakeSoon => format!(
            "Dans la boîte « {mailbox} », ce dossier n’est pris en charge par personne. Il doit l’être avant le {due}."
        ),
        ReminderTopic::TakeLate => format!(
            "Dans la boîte « {mailbox} », ce dossier devait être pris en charge avant le {due}. Personne ne l’a fait."
        ),
        ReminderTopic::AnswerSoon => {
            format!("Dans la boîte « {mailbox} », une réponse à ce dossier est attendue avant le {due}.")
        }
        ReminderTopic::AnswerLate => {
            format!("Dans la boîte « {mailbox} », une réponse à ce dossier était attendue avant le {due}.")
        }
        ReminderTopic::Mediator => format!(
            "Un dossier de la boîte « {mailbox} » devait recevoir une réponse avant le {due} et n’en a pas. La boîte peut \
             vous le ventiler."
        ),
        ReminderTopic::Withdrawn => format!(
            "Ce dépôt, reçu dans la boîte « {mailbox} », a été retiré par son expéditeur le {due}. Son contenu est supprimé : \
             plus personne ne peut l’ouvrir, et il n’y a plus rien à faire."
        ),
        ReminderTopic::Blocked => format!(
            "La boîte « {mailbox} » vous signale un dossier bloqué. Une réponse en est attendue avant le {due}. La boîte peut \
             vous le ventiler."
        ),
        ReminderTopic::Sensitive => format!(
            "La boîte « {mailbox} » vous signale un dossier sensible. Une réponse en est attendue avant le {due}. La boîte peut \
             vous le ventiler."
        ),
    }
}

fn english(topic: ReminderTopic, mailbox: &str, due: &str) -> String {
    match topic {
        ReminderTopic::Unopened => format!(
            "Nobody of the mailbox “{mailbox}” has opened this deposit yet. Its content will be deleted on {due}."
        ),
        ReminderTopic::TakeSoon => format!(
            "In the mailbox “{mailbox}” nobody has this case in charge. It is to be taken in charge by {due}."
        ),
        ReminderTopic::TakeLate => format!(
            "In the mailbox “{mailbox}” this case should have been taken in charge by {due}. Nobody has done so."
        ),
        ReminderTopic::AnswerSoon => {
            format!("In the mailbox “{mailbox}” an answer to this case is due by {due}.")
        }
        ReminderTopic::AnswerLate => {
            format!("In the mailbox “{mailbox}” an answer to this case was due by {due}.")
        }
        ReminderTopic::Mediator => format!(
            "A case of the mailbox “{mailbox}” was to be answered by {due} and has no answer. The mailbox can dispatch it \
             to you."
        ),
        ReminderTopic::Withdrawn => format!(
            "This deposit in the mailbox “{mailbox}” was withdrawn by its sender on {due}. Its content is deleted: nobody can \
             open it any more, and nothing is left to do."
        ),
        ReminderTopic::Blocked => format!(
            "The mailbox “{mailbox}” tells you of a blocked case. It is to be answered by {due}. The mailbox can dispatch it to \
             you."
        ),
        ReminderTopic::Sensitive => format!(
            "The mailbox “{mailbox}” tells you of a sensitive case. It is to be answered by {due}. The mailbox can dispatch it to \
             you."
        ),
    }
}
