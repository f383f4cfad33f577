//! The words of the pages of structures and their people, in French and English.

use super::words::words;

words! {
    /// The list of structures, and one structure with its people.
    StructureWords {
        list: "Structures", "Structures";
        list_lead: "Les structures partenaires, leurs gestionnaires et leurs techniciens.", "The partner structures, their gestionnaires and techniciens.";
        list_caption: "Structures partenaires", "Partner structures";
        none_title: "Aucune structure", "No structure";
        none_text: "L’exploitant ajoute une structure par pli partner add ou en important sa convention.", "The operator adds a structure by pli partner add, or by importing its agreement.";
        own: "Ma structure", "My structure";
        structure: "Structure", "Structure";
        gestionnaires: "Gestionnaires", "Gestionnaires";
        techniciens: "Techniciens", "Techniciens";
        state: "État", "State";
        open: "convention en vigueur", "agreement in force";
        closed: "aucune convention en vigueur", "no agreement in force";
        suspended: "suspendue", "suspended";
        confirmed: "Liste confirmée", "List confirmed";
        never: "jamais", "never";
        due: "à confirmer", "to be confirmed";
        late: "confirmation en retard", "confirmation late";
        next_due: "Prochaine confirmation", "Next confirmation";
        no_people: "sans compte", "without accounts";
        gestionnaires_text: "De un à cinq, nommés par l’organisme. Ils créent, modifient et désactivent les techniciens. Le dernier gestionnaire actif ne peut pas être désactivé.",
            "One to five, appointed by the fund. They create, change and deactivate the techniciens. The last active gestionnaire cannot be deactivated.";
        techniciens_text: "Ils déposent pour la structure. Un technicien désactivé ne peut plus déposer, même avec un lien déjà reçu.",
            "They deposit for the structure. A deactivated technicien cannot deposit any more, not even with a link that was sent before.";
        no_gestionnaire: "Aucun gestionnaire.", "No gestionnaire.";
        no_technicien: "Aucun technicien.", "No technicien.";
        name: "Prénom et nom", "First and last name";
        address: "Adresse", "Address";
        address_help: "Adresse professionnelle de la structure. Un lien d’activation y est envoyé.", "A professional address of the structure. A link to activate the account is sent to it.";
        last_used: "Dernier usage", "Last used";
        change: "Modifier", "Change";
        you: "vous", "you";
        appoint: "Nommer un gestionnaire", "Appoint a gestionnaire";
        create: "Créer un technicien", "Create a technicien";
        language: "Langue des courriels", "Language of mails";
        rename: "Corriger le nom", "Correct the name";
        send_link: "Envoyer un lien", "Send a link";
        deactivate: "Désactiver", "Deactivate";
        deactivate_text: "Ses connexions, ses liens et ses brouillons se ferment aussitôt.", "Sessions, links and drafts end at once.";
        reactivate: "Réactiver", "Reactivate";
        cut_off: "Couper (fraude, perte, vol)", "Cut off (fraud, loss, theft)";
        cut_off_text: "Le compte est fermé et l’adresse bloquée aussitôt. La structure en est informée par courriel.", "The account is closed and its address blocked at once. The structure is told by mail.";
        review: "Revue des comptes", "Review of accounts";
        review_text: "Vérifiez que chaque personne travaille encore pour la structure et a besoin de son compte, puis confirmez.", "Check that each person still works for the structure and needs the account, then confirm.";
        review_confirm: "La liste est exacte, je la confirme", "The list is right, I confirm it";
        export: "Exporter en CSV", "Export as CSV";
        history: "Historique des dépôts", "History of deposits";
        import: "Importer un tableau", "Import a table";
        agreements: "Conventions", "Agreements";
        no_agreement: "Aucune convention.", "No agreement.";
        mailbox: "Boîte", "Mailbox";
        from: "Depuis le", "From";
        until: "Jusqu’au", "Until";
        no_end: "sans fin", "no end";
        admitted: "Qui dépose", "Who deposits";
        by_domain: "toute adresse de la structure", "any address of the structure";
        listed: "adresses nommées et techniciens actifs", "named addresses and active techniciens";
        exclusion: "Exclusion", "Exclusion";
        exclusion_text: "La structure en est informée par courriel, et chaque étape est inscrite au journal.", "The structure is told by mail, and each step is written into the log.";
        suspend: "Suspendre la structure", "Suspend the structure";
        suspend_text: "Aucun dépôt de la structure n’est accepté, aucun lien qu’elle a reçu ne s’ouvre.", "No deposit of the structure is taken, no link that it was sent opens.";
        resume: "Lever la suspension", "End the suspension";
        block: "Bloquer une adresse", "Block an address";
        blocked: "Adresses bloquées", "Blocked addresses";
        unblock: "Débloquer", "Unblock";
        done_account: "Le compte est créé ; un lien d’activation vient d’être envoyé.", "The account is made; a link to activate it has just been sent.";
        done: "C’est enregistré.", "It is saved.";
        done_link: "Un lien vient d’être envoyé.", "A link has just been sent.";
        done_cut: "Le compte est coupé et l’adresse bloquée.", "The account is cut off and its address blocked.";
        done_review: "La liste est confirmée.", "The list is confirmed.";
        taken: "Un compte existe déjà pour cette adresse. Rien n’a été changé.", "There is an account for this address already. Nothing was changed.";
        outside: "Cette adresse n’est pas dans les domaines de la structure. Rien n’a été changé.", "This address is in none of the structure’s domains. Nothing was changed.";
        too_many: "Une structure a cinq gestionnaires au plus. Rien n’a été changé.", "A structure has five gestionnaires at most. Nothing was changed.";
        last: "C’est le dernier gestionnaire actif : nommez-en un autre d’abord. Rien n’a été changé.", "This is the last active gestionnaire: appoint another first. Nothing was changed.";
        last_member: "Cette personne est la seule à pouvoir ouvrir une boîte dont les membres gardent la clé : faites-en ouvrir l’accès à une autre d’abord. Rien n’a été changé.", "This person is the only one who opens a mailbox whose members keep the key: have it opened to another first. Nothing was changed.";
        not_fitting: "Le compte n’est pas dans un état qui le permet. Rien n’a été changé.", "The account is in no state for this. Nothing was changed.";
        not_found: "Ce compte n’existe plus. Rien n’a été changé.", "This account is no more. Nothing was changed.";
        name_unfit: "Un nom a de 1 à 100 caractères. Rien n’a été changé.", "A name has 1 to 100 characters. Nothing was changed.";
        address_unfit: "Ce n’est pas une adresse de courriel. Rien n’a été changé.", "This is not a mail address. Nothing was changed.";
        second_account: "Une personne qui est aussi gestionnaire reçoit un second compte : elle s’y connecte avec son adresse suivie de +technicien avant l’arobase.",
            "Somebody who is a gestionnaire too gets a second account, and signs in to it with the address followed by +technicien before the at sign.";
        waits: "à activer", "to be activated";
        active: "actif", "active";
        off: "désactivé", "deactivated";
        cut: "coupé", "cut off";
    }
}

words! {
    /// The import of techniciens from a table.
    ImportWords {
        title: "Importer des techniciens", "Import techniciens";
        lead: "Collez un tableau CSV. La passerelle dit d’abord ce qui changerait, ligne par ligne ; rien n’est fait avant votre accord, et tout est fait ou rien.",
            "Paste a CSV table. The gateway first says what would change, line by line; nothing is done before you agree, and all is done or nothing.";
        table: "Tableau", "Table";
        help: "Première ligne : name,address. Ensuite une personne par ligne, par exemple : Jeanne Martin,jeanne.martin@departement.example. La colonne language (fr ou en) est facultative.",
            "First line: name,address. Then one person a line, for example: Jeanne Martin,jeanne.martin@departement.example. The column language (fr or en) is optional.";
        check: "Voir ce qui changerait", "See what would change";
        import: "Importer", "Import";
        would: "Voici ce qui changerait. Rien n’est fait encore.", "This is what would change. Nothing is done yet.";
        done: "C’est importé. Les personnes nouvelles ont reçu un lien d’activation.", "It is imported. New people were sent a link to activate their account.";
        caption: "Ce qui change", "What changes";
        line: "Ligne", "Line";
        who: "Adresse du compte", "Address of the account";
        what: "Changement", "Change";
        invited: "compte créé, lien envoyé", "account made, link sent";
        renamed: "nom corrigé", "name corrected";
        entitled: "boîtes ajoutées", "mailboxes added";
        unchanged: "inchangé", "as it was";
        closed: "compte désactivé, inchangé", "deactivated account, as it was";
        nothing: "Rien n’a été importé.", "Nothing was imported.";
        columns: "La première ligne doit nommer les colonnes name et address.", "The first line must name the columns name and address.";
        too_many: "Un tableau compte au plus ce nombre de lignes :", "A table has at most this number of lines:";
        address: "l’adresse ne se lit pas.", "the address cannot be read.";
        name: "un nom a de 1 à 100 caractères.", "a name has 1 to 100 characters.";
        other: "cette colonne ne peut pas être prise :", "this column cannot be taken:";
        outside: "l’adresse n’est pas dans les domaines de la structure.", "the address is in none of the structure’s domains.";
        taken: "un autre compte a déjà cette adresse.", "another account has this address already.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Language;

    #[test]
    fn french_sets_narrow_spaces_and_no_word_is_left_in_the_other_language() {
        let (fr, en) = (
            format!("{:?}{:?}", StructureWords::of(Language::Fr), ImportWords::of(Language::Fr)),
            format!("{:?}{:?}", StructureWords::of(Language::En), ImportWords::of(Language::En)),
        );
        for mark in ["e :", "s :", "f :", "é :", "s ;", "é ;", "e ;"] {
            assert!(!fr.contains(mark), "a plain space in {mark:?}");
        }
        for left in [" vous ", " votre ", " boîte ", " la "] {
            assert!(!en.contains(left), "{left:?} in the English words");
        }
        for left in [" you ", " the ", " your "] {
            assert!(!fr.contains(left), "{left:?} in the French words");
        }
    }
}
