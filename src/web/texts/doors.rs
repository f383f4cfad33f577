//! The words for who may deposit, but not on the page, in French and English.

use super::words::words;

words! {
    /// An agreement does not open the page.
    DoorWords {
        title: "La page de dépôt n’est pas ouverte à votre structure", "The deposit page is not open to your structure";
        what: "Votre adresse est admise, mais la convention de votre structure n’ouvre pas le dépôt sur la page pour la boîte", "Your address is admitted, but your structure’s agreement does not open deposits on the page for the mailbox";
        by_mail: "Envoyez un courriel depuis votre adresse professionnelle à l’adresse ci-dessous.", "Send a mail from your professional address to the address below.";
        or_ask: "Si la page vous est nécessaire, demandez-le à l’organisme.", "If you need the page, ask the organisation.";
        ask: "Demandez à l’organisme comment lui transmettre vos dossiers.", "Ask the organisation how to send it your cases.";
    }
}
