//! The words of a case, of its dispatch and of the desk of a mailbox, in French and English.

use super::words::words;

words! {
    /// Where a case stands, and what can be done with it.
    CaseWords {
        title: "Suivi du dossier", "The case";
        new: "Nouveau", "New";
        in_charge: "Pris en charge", "In charge";
        answered: "Répondu", "Answered";
        treated: "Traité", "Treated";
        elsewhere: "Ventilé", "Dispatched";
        nobody: "Personne ne l’a pris en charge.", "Nobody has it in charge.";
        by: "par", "by";
        you: "vous", "you";
        way_secure: "réponse sécurisée", "secure answer";
        way_telephone: "par téléphone", "by telephone";
        way_letter: "par courrier", "by letter";
        way_meeting: "lors d’un rendez-vous", "at an appointment";
        due_taken: "À prendre en charge avant le", "To be taken in charge by";
        due_answered: "Réponse attendue avant le", "Answer due by";
        late: "En retard", "Late";
        soon: "Bientôt en retard", "Nearly late";
        take: "Je prends en charge", "I take it in charge";
        take_over: "Reprendre le dossier", "Take it over";
        take_over_text: "Le dossier est pris en charge par une autre personne. Reprenez-le si elle est absente : le journal garde les deux noms.",
            "Somebody else has this case in charge. Take it over if that person is away: the log keeps both names.";
        release: "Ne plus prendre en charge", "Give it back";
        treat: "Marquer comme traité", "Mark as treated";
        reopen: "Reprendre le suivi", "Take it up again";
        dispatch: "Ventiler vers une autre boîte", "Dispatch to another mailbox";
        way_title: "Parcours du dossier", "Way of the case";
        to: "vers", "to";
        copy: "copie à", "copy to";
        note: "Note jointe", "Note";
        note_sealed: "Une note est jointe : ouvrez le pli pour la lire.", "A note came along: open the transfer to read it.";
        done: "C’est enregistré.", "It is recorded.";
        dispatched: "Le dossier est ventilé. La boîte destinataire est prévenue.", "The case is dispatched. The other mailbox has been told.";
        taken_by_other: "Une autre personne vient de le prendre en charge. Rien n’a été changé.", "Somebody else has just taken it in charge. Nothing was changed.";
        not_fitting: "Ce n’est plus possible : le dossier a changé entre-temps.", "This is not possible any more: the case has changed meanwhile.";
    }
}

words! {
    /// The page that dispatches a case (T4).
    DispatchWords {
        title: "Ventiler le dossier", "Dispatch the case";
        lead: "Le dossier passe à une autre boîte de votre organisme, tel qu’il est. L’expéditeur, son partenaire et son site restent visibles ; rien n’est copié, et la date de suppression ne change pas.",
            "The case goes to another mailbox of your organisation, as it is. The sender, partner and site stay visible; nothing is copied, and the date of deletion does not change.";
        to: "Boîte destinataire", "Mailbox";
        choose: "Choisir une boîte", "Choose a mailbox";
        too_weak: "moins protégée, refusée", "less protected, refused";
        copy: "Copie à une personne (facultatif)", "Copy to a person (optional)";
        copy_help: "L’adresse professionnelle d’un membre de la boîte destinataire. Cette personne reçoit aussi l’avis.",
            "The professional address of a member of that mailbox. That person gets the notice too.";
        note: "Note (facultatif)", "Note (optional)";
        note_help: "Lue seulement par les personnes habilitées, une fois le pli ouvert. Elle est scellée avec le dossier et ne figure dans aucun courriel.",
            "Read only by entitled people, once the transfer is open. It is sealed with the case and stands in no mail.";
        submit: "Ventiler", "Dispatch";
        none: "Il n’y a pas d’autre boîte vers laquelle ventiler ce dossier.", "There is no other mailbox to dispatch this case to.";
        no_mailbox: "Choisissez une boîte de la liste.", "Choose a mailbox of the list.";
        already: "Cette boîte a déjà le dossier.", "This mailbox has the case already.";
        weaker: "Le contenu y serait moins protégé : cette boîte confie sa clé à la passerelle, la vôtre à ses seuls membres. La politique en vigueur ne le permet pas. Choisissez une autre boîte, ou demandez à celle-ci de confier sa clé à ses membres.",
            "The content would be less protected there: that mailbox leaves its key to the gateway, yours to its members alone. The policy in force does not allow it. Choose another mailbox, or ask that one to take its key into its members’ custody.";
        not_member: "Cette personne n’est pas membre de la boîte choisie : elle ne pourrait pas ouvrir le dossier.", "This person is no member of the chosen mailbox and could not open the case.";
        note_too_long: "La note est trop longue : 4 000 octets au plus.", "The note is too long: 4,000 bytes at most.";
        too_many: "Ce dossier a été ventilé trop de fois.", "This case was dispatched too many times.";
    }
}

words! {
    /// The desk of a mailbox.
    CaseloadWords {
        title: "Dossiers", "Cases";
        open_desk: "Dossiers de la boîte", "Cases of the mailbox";
        parts: "Dossiers par état", "Cases by state";
        new: "Nouveaux", "New";
        in_charge: "Pris en charge", "In charge";
        late: "En retard", "Late";
        soon: "Bientôt en retard", "Nearly late";
        answered: "Répondus", "Answered";
        treated: "Traités", "Treated";
        elsewhere: "Ventilés", "Dispatched";
        all: "Tous", "All";
        search: "Chercher", "Search";
        search_help: "Mots entiers : référence, titre, expéditeur", "Whole words: reference, title, sender";
        filter: "Filtrer les dossiers", "Filter the cases";
        partner: "Partenaire", "Partner";
        site: "Site", "Site";
        person: "Personne", "Person";
        any: "Tous", "All";
        apply: "Appliquer", "Apply";
        clear: "Effacer les filtres", "Clear the filters";
        none: "Aucun dossier ici", "No case here";
        none_text: "Rien ne correspond à ce choix.", "Nothing meets this choice.";
        go_on_text: "La recherche n’est pas finie : poursuivez-la.", "The search is not over: go on.";
        next: "Suite", "Next";
        first: "Début", "Beginning";
        pages: "Pages de dossiers", "Pages of cases";
        due: "Échéance", "Due";
        no_due: "aucune", "none";
        act: "Action", "Action";
        take_named: "Prendre en charge", "Take in charge";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Language;

    #[test]
    fn french_sets_narrow_spaces_and_no_word_is_left_in_the_other_language() {
        let all = |language| {
            format!(
                "{:?}{:?}{:?}",
                CaseWords::of(language),
                DispatchWords::of(language),
                CaseloadWords::of(language)
            )
        };
        let (fr, en) = (all(Language::Fr), all(Language::En));
        for mark in ["e :", "s :", "t :", "é :", "e ;", "s ;", "n :", "x :"] {
            assert!(!fr.contains(mark), "a plain space in {mark:?}");
        }
        for left in [" vous ", " votre ", " dossier ", " la "] {
            assert!(!en.contains(left), "{left:?} in the English words");
        }
        for left in [" you ", " case ", " the "] {
            assert!(!fr.contains(left), "{left:?} in the French words");
        }
    }
}
