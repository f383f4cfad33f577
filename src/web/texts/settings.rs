//! The words of a mailbox's settings, in French and English.

use super::words::words;

words! {
    /// The settings of a mailbox, for its manager.
    SettingsWords {
        link: "Réglages", "Settings";
        title: "Réglages de la boîte", "Settings of the mailbox";
        lead: "Ce que vous réglez ici vaut pour toute l’équipe. Chaque changement est inscrit au journal.", "What you set here holds for the whole team. Each change is written into the log.";
        validity: "Réglages des envois", "Settings of what is sent";
        days: "Jours pendant lesquels un envoi de la boîte peut être ouvert", "Days for which what the mailbox sends can be opened";
        days_help: "De 5 à 20 jours. Un membre peut choisir autrement pour ses envois, ou pour un seul.", "From 5 to 20 days. A member can choose otherwise for what the member sends, or for one transfer.";
        usual: "Durée habituelle", "The usual";
        save: "Enregistrer", "Save";
        notices: "Avis", "Notices";
        first: "Les avis arrivent à", "Notices go to";
        first_help: "L’exploitant change cette adresse.", "The operator changes this address.";
        second: "Seconde adresse", "Second address";
        second_help: "Prévenue quand un avis n’arrive pas. Laissez vide pour n’en avoir aucune.", "Told when a notice does not arrive. Leave it empty to have none.";
        deadlines: "Délais par partenaire", "Deadlines by partner";
        deadlines_help: "Ils viennent de la convention ; l’organisme les change en important son fichier.", "They come from the agreement; the organisation changes them by importing its file.";
        no_agreement: "Aucune convention.", "No agreement.";
        partner: "Partenaire", "Partner";
        taken: "Prise en charge", "Taken in charge";
        answered: "Réponse", "Answer";
        managers: "Responsables de la boîte", "Managers of the mailbox";
        manager: "responsable", "manager";
        manage: "Nommer responsable", "Make a manager";
        unmanage: "Retirer la responsabilité", "No longer a manager";
        member: "Membre", "Member";
        entitle: "Habiliter un agent", "Entitle an agent";
        entitle_text: "L’agent a déjà un compte de l’organisme. Pour une boîte dont les membres gardent la clé, un membre lui ouvre ensuite la boîte sur la page « Membres ».",
            "The agent has an account of the organisation already. For a mailbox whose members keep the key, a member then opens it to the agent on the page of members.";
        agent: "Adresse de l’agent", "Address of the agent";
        saved: "C’est enregistré.", "It is saved.";
        validity_unfit: "Une durée va de 5 à 20 jours. Rien n’a été changé.", "A validity has 5 to 20 days. Nothing was changed.";
        address_unfit: "Cette adresse ne peut pas être prise : elle ne se lit pas, ou sert déjà à la boîte ou aux dépôts. Rien n’a été changé.",
            "This address cannot be taken: it cannot be read, or serves the mailbox or deposits already. Nothing was changed.";
        not_found: "Aucun agent actif de l’organisme n’a ce compte. Rien n’a été changé.", "No active agent of the organisation has this account. Nothing was changed.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Language;

    #[test]
    fn french_sets_narrow_spaces_and_no_word_is_left_in_the_other_language() {
        let (fr, en) = (
            format!("{:?}", SettingsWords::of(Language::Fr)),
            format!("{:?}", SettingsWords::of(Language::En)),
        );
        for mark in ["e :", "s ;", "n ;", "« M"] {
            assert!(!fr.contains(mark), "a plain space in {mark:?}");
        }
        for left in [" vous ", " boîte ", " la "] {
            assert!(!en.contains(left), "{left:?} in the English words");
        }
        for left in [" you ", " the ", " your "] {
            assert!(!fr.contains(left), "{left:?} in the French words");
        }
    }
}
