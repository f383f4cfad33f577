//! The words of passkeys, in French and English.

use super::words::words;

words! {
    /// The page of one's own passkeys, and the button that signs in with one.
    PasskeyWords {
        title: "Clés d’accès", "Passkeys";
        lead: "Une clé d’accès remplace le mot de passe et le code : l’empreinte, le visage ou le code de votre appareil suffit. Personne ne peut la deviner ni vous la faire taper sur un faux site.",
            "A passkey takes the place of password and code: your device’s fingerprint, face or PIN is enough. Nobody can guess it or have you type it on a false site.";
        back: "← Mon compte", "← My account";
        list_title: "Vos clés", "Your passkeys";
        none: "Aucune pour l’instant.", "None yet.";
        name: "Nom", "Name";
        added_on: "Ajoutée le", "Added on";
        used: "Dernier usage", "Last used";
        never: "jamais", "never";
        vault: "Coffre", "Vault";
        opens: "l’ouvre", "opens it";
        opens_not: "ne l’ouvre pas", "does not open it";
        action: "Action", "Action";
        remove: "Retirer", "Remove";
        remove_it: "Retirer la clé", "Remove the passkey";
        add_title: "Ajouter une clé", "Add a passkey";
        add_text: "Votre appareil ou votre clé de sécurité va vous demander de confirmer. Vos autres connexions seront fermées.",
            "Your device or security key is going to ask you to confirm. Your other sessions will be ended.";
        name_label: "Nom de la clé", "Name of the passkey";
        name_help: "Pour la reconnaître : « ordinateur du bureau », « clé bleue ».", "To tell it from others: “office computer”, “blue key”.";
        add: "Ajouter", "Add";
        no_script: "Les clés d’accès demandent JavaScript dans votre navigateur. Le mot de passe et le code restent utilisables sans lui.",
            "Passkeys need JavaScript in your browser. Password and code work without it.";
        not_here: "L’adresse de cette passerelle ne permet pas les clés d’accès.", "The address of this gateway does not allow passkeys.";
        vault_closed: "Votre coffre est fermé dans cette connexion : une clé ajoutée maintenant connecte, mais n’ouvrira pas le coffre. Ouvrez-le d’abord.",
            "Your vault is closed in this session: a passkey added now signs in, but will not open the vault. Open it first.";
        open_vault: "Ouvrir mon coffre", "Open my vault";
        vault_text: "Si votre appareil le permet, la clé ouvrira aussi votre coffre. Sinon votre mot de passe ou votre phrase sera demandé après la connexion.",
            "If your device can, the passkey will open your vault too. If not, your password or passphrase will be asked for after signing in.";
        added: "La clé est ajoutée.", "The passkey is added.";
        removed: "La clé est retirée.", "The passkey is removed.";
        over: "La clé n’a pas été ajoutée : le temps est passé, ou la réponse de l’appareil ne convient pas. Recommencez.",
            "The passkey was not added: the time is over, or the device’s answer does not hold. Start again.";
        known: "Cette clé est déjà dans la liste.", "This passkey is in the list already.";
        too_many: "Dix clés au plus : retirez-en une d’abord.", "Ten passkeys at most: remove one first.";
        no_name: "Donnez un nom à la clé.", "Give the passkey a name.";
        sign_in: "Se connecter avec une clé d’accès", "Sign in with a passkey";
        failed: "L’appareil n’a pas terminé. Réessayez, ou utilisez votre mot de passe.", "The device did not finish. Try again, or use your password.";
        refused: "Cette clé n’est pas connue ici, ou la demande est trop ancienne. Réessayez, ou utilisez votre mot de passe.",
            "This passkey is not known here, or the request is too old. Try again, or use your password.";
        account_link: "Ajouter ou retirer une clé d’accès", "Add or remove a passkey";
        confirm: "Confirmer avec une clé d’accès", "Confirm with a passkey";
    }
}
