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
        from: "Depuis", "From";
        unknown_place: "non noté", "not noted";
        by_password: "mot de passe", "password";
        by_passkey: "clé d’accès", "passkey";
        by_provider: "compte de l’organisme", "organisation’s account";
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
        factor: "Code à la connexion", "Code at sign-in";
        factor_off: "Demander un code de plus à la connexion", "Ask for a code too at sign-in";
        factor_on: "Un code est demandé. Le changer ou le retirer", "A code is asked for. Change or remove it";
        locked: "Ouvrez d’abord votre coffre, puis recommencez.", "Open your vault first, then try again.";
    }
}

words! {
    /// The second factor: its set-up, and the code of a sign-in.
    FactorWords {
        title: "Code à la connexion", "Code at sign-in";
        lead: "En plus du mot de passe, un code de six chiffres que votre téléphone calcule. Qui vous vole votre mot de passe n’entre pas.",
            "Beside the password, a code of six digits that your telephone computes. Whoever steals your password does not get in.";
        back: "← Mon compte", "← My account";
        off_text: "Il faut une application d’authentification sur votre téléphone ou votre poste (FreeOTP, Aegis, celle de votre organisme…).",
            "You need an authenticator on your telephone or computer (FreeOTP, Aegis, your organisation’s…).";
        begin: "Mettre en place", "Set up";
        scan: "1. Dans l’application, ajoutez un compte et visez cette image.", "1. In the application, add an account and scan this picture.";
        picture: "Image à viser avec l’application d’authentification", "Picture to scan with the authenticator";
        or_type: "Ou tapez cette clé :", "Or type this key:";
        code: "Code", "Code";
        confirm_help: "2. Tapez les six chiffres que l’application affiche maintenant.", "2. Type the six digits that the application shows now.";
        present: "Mot de passe actuel", "Present password";
        confirm: "Demander ce code à chaque connexion", "Ask for this code at each sign-in";
        done: "C’est en place. Vos autres connexions sont fermées.", "It is set up. Your other sessions are ended.";
        paper_title: "Vos codes de secours", "Your recovery codes";
        paper_text: "Imprimez-les ou recopiez-les : chacun remplace une fois le code, si vous perdez le téléphone. Ils ne seront plus affichés.",
            "Print them or write them down: each takes the place of the code once, if you lose the telephone. They will not be shown again.";
        paper_kept: "Je les ai notés", "I have noted them";
        on: "Un code est demandé à chaque connexion", "A code is asked for at each sign-in";
        on_since: "Depuis le", "Since";
        codes_left: "Codes de secours restants :", "Recovery codes left:";
        renew: "Changer de téléphone, ou refaire les codes de secours", "Change the telephone, or renew the recovery codes";
        remove: "Ne plus demander de code", "Ask for no code any more";
        remove_text: "Votre mot de passe suffira de nouveau.", "Your password alone will do again.";
        removed: "Aucun code n’est plus demandé.", "No code is asked for any more.";
        password_wrong: "Le mot de passe actuel n’est pas le bon. Rien n’a été changé.", "The present password is not right. Nothing was changed.";
        set_up_wrong: "Ce code n’est pas le bon. Voici une nouvelle image : effacez le compte dans l’application et recommencez. Vérifiez l’heure du téléphone.",
            "This code is not right. Here is a new picture: delete the account in the application and begin again. Check the telephone’s clock.";
        over: "La mise en place a trop duré. Recommencez avec cette image.", "The set-up took too long. Begin again with this picture.";
        code_title: "Code de connexion", "Sign-in code";
        code_lead: "Votre mot de passe est le bon. Tapez maintenant le code de votre application d’authentification.", "Your password is right. Now type the code of your authenticator.";
        code_help: "Six chiffres, ou l’un de vos codes de secours.", "Six digits, or one of your recovery codes.";
        code_submit: "Continuer", "Go on";
        code_wrong: "Ce code n’est pas le bon, ou a déjà servi. Attendez le suivant.", "This code is not right, or was used already. Wait for the next one.";
        lost_title: "Téléphone perdu ?", "Telephone lost?";
        lost_text: "Tapez un code de secours. Si vous n’en avez plus, l’exploitant de la passerelle retire le code après avoir vérifié qui vous êtes.",
            "Type a recovery code. If you have none left, the gateway’s operator removes the code after having checked who you are.";
    }
}
