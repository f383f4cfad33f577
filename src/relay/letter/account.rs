//! Letters about accounts in words: a link to choose a password, and what a structure is told of its people (P1 to P6).

use serde::{Deserialize, Serialize};

use super::wording::{Page, one_line, our_link, say, time};
use super::{LetterError, LetterKind, SecretText};
use crate::value::{Language, Timestamp};

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountTopic {
    /// To the owner of a new account.
    Activation,
    /// To whoever forgot the password.
    Reset,
    /// To the gestionnaires: the list of people is to be confirmed (P5).
    ReviewDue,
    /// To the gestionnaires: an address, or the whole structure, is excluded (P6).
    Excluded,
    /// To the gestionnaires: the exclusion ended.
    Readmitted,
    /// To the gestionnaires: the last agreement ended, and the accounts with it (P4).
    AgreementsEnded,
}

/// A letter about accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountLetter {
    /// What it is about.
    pub topic: AccountTopic,
    /// The person who is written to.
    pub name: String,
    /// The structure that it speaks of.
    pub structure: Option<String>,
    /// The address that it speaks of, when it is not the whole structure.
    pub who: Option<String>,
    /// Where the button leads, below the base URL.
    pub path: SecretText,
    /// The first instant at which the link is good no more; when something is or was due.
    pub until: Option<Timestamp>,
}

impl AccountLetter {
    pub(super) const fn kind(&self) -> LetterKind {
        match self.topic {
            AccountTopic::Activation | AccountTopic::Reset => LetterKind::AccountLink,
            AccountTopic::ReviewDue
            | AccountTopic::Excluded
            | AccountTopic::Readmitted
            | AccountTopic::AgreementsEnded => LetterKind::AccountNotice,
        }
    }

    fn structure(&self) -> String {
        one_line(self.structure.as_deref().unwrap_or_default())
    }
}

pub(super) fn subject(letter: &AccountLetter, language: Language) -> String {
    let what = match letter.topic {
        AccountTopic::Activation => say(language, "Activez votre compte", "Activate your account"),
        AccountTopic::Reset => say(language, "Choisir un nouveau mot de passe", "Choose a new password"),
        AccountTopic::ReviewDue => {
            say(language, "Liste des comptes à confirmer", "List of accounts to be confirmed")
        }
        AccountTopic::Excluded if letter.who.is_some() => {
            say(language, "Un accès de votre structure est coupé", "An access of your structure is cut off")
        }
        AccountTopic::Excluded => {
            say(language, "Votre structure est suspendue", "Your structure is suspended")
        }
        AccountTopic::Readmitted => say(language, "Accès rétabli", "Access restored"),
        AccountTopic::AgreementsEnded => say(language, "Fin de convention", "End of agreement"),
    };
    match &letter.structure {
        Some(structure) => format!("{what} – {}", one_line(structure)),
        None => what.to_owned(),
    }
}

pub(super) fn summary(letter: &AccountLetter, language: Language) -> Result<String, LetterError> {
    Ok(match (letter.topic, language) {
        (AccountTopic::Activation, Language::En) => {
            "In English: an account was made for you; the link above lets you choose its password.".to_owned()
        }
        (AccountTopic::Activation, Language::Fr) => {
            "En français : un compte a été créé pour vous ; le lien ci-dessus permet d’en choisir le mot de passe."
                .to_owned()
        }
        (AccountTopic::Reset, Language::En) => {
            "In English: the link above lets you choose a new password. If you did not ask for it, ignore this mail."
                .to_owned()
        }
        (AccountTopic::Reset, Language::Fr) => {
            "En français : le lien ci-dessus permet de choisir un nouveau mot de passe. Si vous n’avez rien demandé, ignorez \
             ce message."
                .to_owned()
        }
        (_, Language::En) => {
            let told = english(letter, &until(letter, language)?);
            format!("In English: {told}")
        }
        (_, Language::Fr) => {
            let told = french(letter, &until(letter, language)?);
            format!("En français : {told}")
        }
    })
}

fn until(letter: &AccountLetter, language: Language) -> Result<String, LetterError> {
    letter.until.map_or(Ok(String::new()), |until| time(until, language))
}

pub(super) fn page(
    page: &mut Page,
    letter: &AccountLetter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let until = until(letter, language)?;
    page.before.push(match language {
        Language::Fr => french(letter, &until),
        Language::En => english(letter, &until),
    });
    let label = match letter.topic {
        AccountTopic::Activation | AccountTopic::Reset => {
            say(language, "Choisir mon mot de passe", "Choose my password")
        }
        AccountTopic::ReviewDue => say(language, "Voir la liste", "See the list"),
        AccountTopic::Excluded | AccountTopic::Readmitted | AccountTopic::AgreementsEnded => {
            say(language, "Voir ma structure", "See my structure")
        }
    };
    page.button = Some((label, our_link(letter.path.expose(), base_url)?));
    if letter.kind() == LetterKind::AccountLink {
        page.after.push(
            say(
                language,
                "Ce lien est personnel et ne sert qu’une fois : ne transférez pas ce message. Personne, pas même \
                 l’organisme, ne vous demandera votre mot de passe.",
                "This link is personal and good once: do not forward this message. Nobody, not even the organisation, will \
                 ask you for your password.",
            )
            .to_owned(),
        );
    }
    Ok(())
}

fn french(letter: &AccountLetter, until: &str) -> String {
    let structure = letter.structure();
    match (letter.topic, &letter.who) {
        (AccountTopic::Activation, _) => format!(
            "Un compte a été créé à votre nom ({}). Choisissez-en le mot de passe avant le {until} ; le compte est alors actif.",
            one_line(&letter.name)
        ),
        (AccountTopic::Reset, _) => format!(
            "Quelqu’un, sans doute vous, a demandé à choisir un nouveau mot de passe. Le lien est valable jusqu’au {until}. \
             Si vous n’avez rien demandé, ignorez ce message : rien n’est changé."
        ),
        (AccountTopic::ReviewDue, _) => format!(
            "Confirmez que la liste des comptes de « {structure} » est exacte : qui a un compte, depuis quand il n’a pas servi. \
             La confirmation était attendue le {until}."
        ),
        (AccountTopic::Excluded, Some(who)) => format!(
            "L’accès de {} pour « {structure} » est coupé depuis le {until} : cette adresse ne peut plus ni se connecter ni \
             déposer.",
            one_line(who)
        ),
        (AccountTopic::Excluded, None) => format!(
            "« {structure} » est suspendue depuis le {until} : aucun dépôt de la structure n’est accepté pour le moment."
        ),
        (AccountTopic::Readmitted, Some(who)) => {
            format!("L’adresse {} de « {structure} » peut de nouveau déposer.", one_line(who))
        }
        (AccountTopic::Readmitted, None) => format!("« {structure} » peut de nouveau déposer."),
        (AccountTopic::AgreementsEnded, _) => format!(
            "La dernière convention de « {structure} » est terminée : ses comptes sont désactivés, et seront supprimés le \
             {until} si aucune convention ne reprend."
        ),
    }
}

fn english(letter: &AccountLetter, until: &str) -> String {
    let structure = letter.structure();
    match (letter.topic, &letter.who) {
        (AccountTopic::Activation, _) => format!(
            "An account was made in your name ({}). Choose its password before {until}; the account is active then.",
            one_line(&letter.name)
        ),
        (AccountTopic::Reset, _) => format!(
            "Somebody, probably you, asked to choose a new password. The link is good until {until}. If you asked for \
             nothing, ignore this mail: nothing is changed."
        ),
        (AccountTopic::ReviewDue, _) => format!(
            "Confirm that the list of accounts of “{structure}” is right: who has an account, and since when it was not used. \
             The confirmation was due on {until}."
        ),
        (AccountTopic::Excluded, Some(who)) => format!(
            "The access of {} for “{structure}” is cut off since {until}: this address can neither sign in nor deposit.",
            one_line(who)
        ),
        (AccountTopic::Excluded, None) => {
            format!("“{structure}” is suspended since {until}: no deposit of the structure is taken for now.")
        }
        (AccountTopic::Readmitted, Some(who)) => {
            format!("The address {} of “{structure}” may deposit again.", one_line(who))
        }
        (AccountTopic::Readmitted, None) => format!("“{structure}” may deposit again."),
        (AccountTopic::AgreementsEnded, _) => format!(
            "The last agreement of “{structure}” has ended: its accounts are deactivated, and will be deleted on {until} if no \
             agreement follows."
        ),
    }
}
