//! The words around the form of a deposit, in French and English. What the form itself asks stands in its file.

use super::words::words;

words! {
    /// The form's part of the deposit page, and what it becomes.
    FormWords {
        title: "Fiche de la personne", "Form about the person";
        needed: "Ce dépôt demande une fiche, remplie ici ou jointe en fichier.", "This deposit needs a form, filled in here or joined as a file.";
        offered: "Si le dépôt concerne le dossier d’une personne, joignez-lui sa fiche.", "If the deposit is about a person’s case, a form goes with it.";
        fill: "Remplir :", "Fill in:";
        instead_file: "Je joins la fiche en fichier (scan, PDF, Word)", "I join the form as a file (scan, PDF, Word)";
        without: "Sans fiche : le dépôt ne concerne pas un dossier", "Without a form: the deposit is about no case";
        as_file: "La fiche est jointe en fichier : ajoutez-la ci-dessous, parmi les fichiers.", "The form is joined as a file: add it below, among the files.";
        as_none: "Le dépôt part sans fiche.", "The deposit goes without a form.";
        instead: "Autre possibilité :", "Instead:";
        one_person: "Une fiche, une personne. Pour une autre personne, un autre dépôt : le bouton se trouve sur la page de confirmation.",
            "One form, one person. Another person is another deposit: the button is on the confirmation page.";
        required: "obligatoire", "required";
        choose: "Choisir", "Choose";
        yes: "Oui", "Yes";
        no: "Non", "No";
        say_more: "Précisez :", "Say more:";
        no_answer: "Sans réponse", "No answer";
        help_nir: "15 caractères, clé comprise. Les espaces sont libres.", "15 characters, with the key. Blanks do not matter.";
        help_phone: "Dix chiffres, par exemple 02 99 00 00 00.", "Ten digits, such as 02 99 00 00 00.";
        help_email: "Par exemple nom@organisme.example.", "Such as name@organisation.example.";
        help_day: "JJ/MM/AAAA, par exemple 21/11/2026.", "DD/MM/YYYY, such as 21/11/2026.";
        signer: "Nom du signataire", "Name of who signs";
        signed_on: "Date de la signature (JJ/MM/AAAA)", "Day of the signature (DD/MM/YYYY)";
        by_hand: "Le document sera signé à la main", "The document will be signed by hand";
        told: "Information de la personne", "What the person is told";
        colon: "\u{a0}: ", ": ";
        problem_needed: "La convention demande une fiche : remplissez-la, ou choisissez de la joindre en fichier.",
            "The agreement asks for a form: fill it in, or choose to join it as a file.";
        problem_file: "La fiche devait être jointe en fichier : ajoutez ce fichier, ou remplissez la fiche ici.",
            "The form was to be joined as a file: add that file, or fill the form in here.";
        problem_not_open: "Cette fiche n’est plus proposée à votre structure : choisissez-en une autre.",
            "This form is not open to your organisation any more: choose another.";
        problem_long: "Trop de texte dans la fiche : une partie n’a pas été reprise. Joignez le reste en fichier.",
            "Too much text in the form: a part was not kept. Join the rest as a file.";
        problem_content: "Le texte de la fiche est refusé : il", "The text of the form is refused: it";
        problem_closed: "Cette demande relève d’une boîte qui n’est pas ouverte à votre structure. Adressez-vous à votre correspondant. Boîte :",
            "This request belongs to a mailbox that is not open to your organisation. Ask your contact. Mailbox:";
        leads_title: "Ce dépôt va à une autre boîte", "This deposit goes to another mailbox";
        leads_text: "D’après la fiche, il sera reçu par :", "By what the form says, it will be received by:";
        leads_confirm: "Rien n’est encore envoyé. Si c’est bien le cas, appuyez de nouveau sur « Envoyer ».",
            "Nothing has been sent yet. If this is right, press “Send” again.";
        another: "Déposer pour une autre personne", "Deposit for another person";
        another_help: "Sans redemander de lien, pendant deux heures après la preuve de votre adresse.",
            "Without asking for another link, for two hours after your address was proved.";
        opened_title: "Fiche", "Form";
        opened_document: "Télécharger la fiche (PDF)", "Download the form (PDF)";
        nothing: "–", "–";
    }
}
