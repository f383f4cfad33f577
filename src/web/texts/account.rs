//! The words of a person's own account, in French and English.

use super::words::words;

words! {
    /// The page of one's own account.
    AccountWords {
        title: "Mon compte", "My account";
        lead: "Votre mot de passe, vos connexions ouvertes, votre coffre.", "Your password, your open sessions, your vault.";
        password_title: "Changer de mot de passe", "Change your password";
        password_rules: "Au moins 12 caractères, difficiles à deviner : par exemple quatre mots sans rapport entre eux. Ni votre nom, ni celui de l’organisme. Aucun changement périodique n’est demandé.",
            "At least 12 characters, hard to guess: for example four words that have nothing to do with each other. Neither your name nor the organisation’s. No regular change is asked for.";
        present: "Mot de passe actuel", "Present password";
        new: "Nouveau mot de passe", "New password";
        again: "Nouveau mot de passe, une seconde fois", "New password, once more";
        change: "Changer le mot de passe", "Change the password";
        others_end: "Vos autres connexions seront fermées.", "Your other sessions will be ended.";
        sessions_title: "Connexions ouvertes", "Open sessions";
        sessions_text: "Fermez celles que vous ne reconnaissez pas, puis changez de mot de passe.", "End those that you do not recognise, then change your password.";
        sessions_caption: "Vos connexions ouvertes", "Your open sessions";
        began: "Ouverte le", "Began on";
        used: "Dernier usage", "Last used";
        this_one: "celle-ci", "this one";
        end: "Fermer", "End";
        end_others: "Fermer toutes les autres", "End all others";
        passphrase_title: "Phrase du coffre", "Vault passphrase";
        passphrase_text: "Les boîtes dont les membres gardent la clé s’ouvrent avec votre mot de passe. Vous pouvez choisir une phrase à part, qui sera demandée après la connexion.",
            "Mailboxes whose members keep the key open with your password. You can choose a passphrase of its own, which will be asked for after signing in.";
        passphrase: "Phrase du coffre", "Vault passphrase";
        passphrase_set: "Choisir cette phrase", "Set this passphrase";
        passphrase_lost: "Si vous l’oubliez, un autre membre devra vous admettre à nouveau.", "If you forget it, another member will have to admit you again.";
        password_changed: "Votre mot de passe est changé.", "Your password is changed.";
        passphrase_changed: "Votre phrase du coffre est changée.", "Your vault passphrase is changed.";
        session_ended: "La connexion est fermée.", "The session is ended.";
        wrong: "Le mot de passe actuel n’est pas le bon. Rien n’a été changé.", "The present password is not right. Nothing was changed.";
        differ: "Les deux saisies du nouveau mot de passe diffèrent. Rien n’a été changé.", "The two entries of the new password differ. Nothing was changed.";
        too_short: "Il faut au moins 12 caractères. Rien n’a été changé.", "At least 12 characters are needed. Nothing was changed.";
        guessable: "Ce choix se devine trop facilement. Prenez par exemple quatre mots sans rapport entre eux. Rien n’a été changé.",
            "This choice is guessed too easily. Take for example four words that have nothing to do with each other. Nothing was changed.";
        locked: "Ouvrez d’abord votre coffre, puis recommencez.", "Open your vault first, then try again.";
    }
}
