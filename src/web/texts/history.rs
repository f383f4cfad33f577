//! The words of the history of deposits, in French and English.

use super::words::words;

words! {
    /// A depositor's own history, and a structure's.
    HistoryWords {
        ask_title: "Suivre mes dépôts", "Follow my deposits";
        ask_lead: "Vérifiez votre adresse pour voir tous les dépôts qu’elle a envoyés : référence, date, boîte et état. Le contenu n’est jamais montré ici.",
            "Prove your address to see all deposits that it sent: reference, date, mailbox and state. Their content is never shown here.";
        code_lead: "Si cette adresse a envoyé des dépôts, un courriel vient de lui être envoyé.", "If this address sent deposits, a mail has just been sent to it.";
        own_title: "Vos dépôts", "Your deposits";
        own_lead: "Tous les dépôts que cette adresse a envoyés, du plus récent au plus ancien.", "All deposits that this address sent, newest first.";
        none_title: "Aucun dépôt", "No deposit";
        none_own: "Le suivi n’est pas ouvert pour les boîtes où vous avez déposé.", "Following deposits is not open for the mailboxes that you deposited into.";
        none_text: "Rien ne correspond à ce choix.", "Nothing meets this choice.";
        print_help: "Cette page ne se recharge pas d’elle-même : redemandez un lien pour la revoir plus tard.",
            "This page does not reload by itself: ask for another link to see it again later.";
        structure_title: "Historique des dépôts", "History of deposits";
        structure_lead: "Ce que la structure a déposé : référence, date, boîte, site et état. Aucun contenu.", "What the structure deposited: reference, date, mailbox, site and state. No content.";
        caption: "Dépôts, du plus récent au plus ancien", "Deposits, newest first";
        site: "Site", "Site";
        end: "Fin", "End";
        filter: "Filtrer les dépôts", "Filter the deposits";
        any: "Tous", "All";
        from: "Du", "From";
        until: "Au", "To";
        apply: "Appliquer", "Apply";
        clear: "Effacer les filtres", "Clear the filters";
        older: "Dépôts plus anciens", "Older deposits";
        pages: "Pages de dépôts", "Pages of deposits";
        export: "Exporter en CSV", "Export as CSV";
        logged: "Chaque consultation est inscrite au journal.", "Each look is written into the log.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Language;

    #[test]
    fn french_sets_narrow_spaces_and_no_word_is_left_in_the_other_language() {
        let (fr, en) = (
            format!("{:?}", HistoryWords::of(Language::Fr)),
            format!("{:?}", HistoryWords::of(Language::En)),
        );
        for mark in ["s :", "é :", "e :"] {
            assert!(!fr.contains(mark), "a plain space in {mark:?}");
        }
        for left in [" vous ", " votre ", " boîte "] {
            assert!(!en.contains(left), "{left:?} in the English words");
        }
        for left in [" you ", " the ", " your "] {
            assert!(!fr.contains(left), "{left:?} in the French words");
        }
    }
}
