//! The words of what is chosen beforehand for what a member sends, in French and English.

use super::words::words;

words! {
    /// Default validity and options.
    DefaultsWords {
        title: "Réglages des envois", "Settings of what is sent";
        lead_own: "Ce qui est choisi d’avance pour vos envois. Vous pouvez choisir autrement à chaque envoi.", "What is chosen beforehand for what you send. You can choose otherwise each time.";
        validity: "Validité", "Validity";
        days: "jours", "days";
        as_mailbox: "comme la boîte", "as the mailbox";
        as_policy: "réglage général", "general setting";
        tell: "Prévenir l’expéditeur des téléchargements", "Tell the sender of downloads";
        tell_never: "jamais", "never";
        tell_first: "au premier de chaque destinataire", "of each recipient’s first";
        tell_every: "à chaque fois (au plus un courriel par heure et destinataire)", "every time (one mail per hour and recipient at most)";
        submit: "Enregistrer", "Record";
        done: "C’est enregistré.", "It is recorded.";
    }
}
