//! The words of a structure's tokens, in French and English.

use super::words::words;

words! {
    /// The page of a structure's tokens.
    TokenWords {
        title: "Logiciels de la structure", "Software of the structure";
        lead: "Un jeton permet à un logiciel de votre structure de déposer sans la page, pour les boîtes et les adresses choisies. Il n’ouvre rien.",
            "A token lets software of your structure deposit without the page, for the mailboxes and addresses that you choose. It opens nothing.";
        list_title: "Jetons et certificats", "Tokens and certificates";
        none: "Aucun pour l’instant.", "None yet.";
        label: "Logiciel", "Software";
        what: "Boîtes et adresses", "Mailboxes and addresses";
        until: "Valable jusqu’au", "Good until";
        used: "Dernier usage", "Last used";
        never: "jamais", "never";
        certificate: "certificat", "certificate";
        action: "Action", "Action";
        revoke: "Révoquer", "Revoke";
        revoke_it: "Révoquer l’accès de", "Revoke the access of";
        add_title: "Nouveau jeton", "New token";
        label_help: "Le nom du logiciel, ou du site qui l’utilise.", "The name of the software, or of the site that uses it.";
        mailboxes: "Boîtes", "Mailboxes";
        no_mailboxes: "Aucune convention en vigueur n’ouvre de boîte à votre structure.", "No agreement in force opens a mailbox to your structure.";
        senders: "Adresses qui déposent", "Addresses that deposit";
        senders_help: "Une par ligne, des domaines de votre structure.", "One on each line, of the domains of your structure.";
        days: "Durée en jours", "Days that it is good";
        days_help: "De 1 à 730.", "From 1 to 730.";
        add: "Créer le jeton", "Make the token";
        made: "Le jeton est créé. Copiez-le maintenant dans le logiciel : il ne sera plus affiché.", "The token is made. Copy it into the software now: it will not be shown again.";
        revoked: "L’accès est révoqué, dès maintenant.", "The access is revoked, from now on.";
        no_label: "Donnez un nom au logiciel.", "Give the software a name.";
        address_wrong: "Cette adresse n’est pas de votre structure, ou est bloquée :", "This address is not of your structure, or is blocked:";
        days_wrong: "La durée va de 1 à 730 jours.", "The duration is 1 to 730 days.";
        nothing: "Choisissez au moins une boîte et une adresse.", "Choose at least one mailbox and one address.";
        token: "Jeton", "Token";
    }
}
