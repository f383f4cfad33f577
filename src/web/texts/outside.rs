//! The words of answers and transfers to people outside, in French and English: the member's forms and lists, and the pages
//! that somebody outside sees. A word that is missing in one language does not compile.

use super::words::words;

words! {
    /// Answers, transfers that members send, and their pages outside.
    OutsideWords {
        secure_link: "Lien sécurisé", "Secure link";
        sent_confirmation: "Confirmation d’envoi", "Confirmation of sending";
    }
}
