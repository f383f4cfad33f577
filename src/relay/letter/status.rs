//! The letter with the link to the state of one deposit, in words: to whoever asked for it and sent that deposit.

use super::wording::{Page, grouped, our_link, say, time};
use super::{Letter, LetterError};
use crate::value::{Language, Reference};

/// Where the state of a deposit is asked for, below the base URL: the address has still to be proved there.
pub(super) fn path_of(reference: &Reference) -> String {
    format!("/suivi/{reference}")
}

/// The button that leads there.
pub(super) const fn label(language: Language) -> &'static str {
    say(language, "Suivre ce dépôt", "Follow this deposit")
}

/// What a mail says in the place of names.
pub(super) fn names_there(language: Language) -> String {
    say(
        language,
        "Un courriel voyage en clair et ne dit pas le nom des fichiers : la page de suivi le montre, une fois votre adresse \
         vérifiée.",
        "A mail travels in clear and does not tell names of files: the page behind the link shows them, once your address \
         is proved.",
    )
    .to_owned()
}

pub(super) fn subject(reference: Option<&Reference>, language: Language) -> String {
    match reference {
        Some(reference) => {
            let what = say(language, "Votre lien de suivi", "Your link to follow a deposit");
            format!("{what} – {reference}")
        }
        None => say(language, "Votre lien de suivi", "Your link to follow your deposits").to_owned(),
    }
}

pub(super) fn summary(language: Language) -> String {
    say(
        language,
        "En français : le lien ci-dessus montre où en est votre dépôt. Si vous n’avez rien demandé, ignorez ce message.",
        "In English: the link above shows where your deposit stands. If you did not ask for it, ignore this mail.",
    )
    .to_owned()
}

pub(super) fn page(
    page: &mut Page,
    letter: &Letter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let Letter::StatusLink { reference, path, code, starts_until } = letter else { return Ok(()) };
    let until = time(*starts_until, language)?;
    page.before.push(match (reference, language) {
        (None, Language::Fr) => {
            format!("Vous avez demandé à voir où en sont vos dépôts. Ouvrez le lien avant le {until}.")
        }
        (None, Language::En) => {
            format!("You asked to see where your deposits stand. Open the link before {until}.")
        }
        (Some(reference), Language::Fr) => {
            format!(
                "Vous avez demandé à voir où en est le dépôt {reference}. Ouvrez le lien avant le {until}."
            )
        }
        (Some(reference), Language::En) => {
            format!("You asked to see where the deposit {reference} stands. Open the link before {until}.")
        }
    });
    page.button =
        Some((say(language, "Voir le dépôt", "See the deposit"), our_link(path.expose(), base_url)?));
    page.code = Some((
        say(
            language,
            "Le lien ne s’ouvre pas ? Saisissez ce code sur la page où vous l’avez demandé",
            "The link does not open? Type this code on the page where you asked for it",
        ),
        grouped(code.expose())?,
    ));
    page.after.push(
        say(
            language,
            "Ce lien est personnel : ne transférez pas ce message. Il montre l’état du dépôt, jamais son contenu.",
            "This link is personal: do not forward this message. It shows the state of the deposit, never its content.",
        )
        .to_owned(),
    );
    Ok(())
}
