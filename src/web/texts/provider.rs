//! The words of signing in by the organisation's own provider, in French and English.

use super::words::words;

words! {
    /// The link to the provider, and what came of it.
    ProviderWords {
        sign_in: "Se connecter avec", "Sign in with";
        sign_out: "Se déconnecter aussi de", "Sign out of this too:";
        silent: "Le service de connexion de l’organisme ne répond pas. Réessayez, ou connectez-vous autrement.",
            "The organisation’s sign-in does not answer. Try again, or sign in another way.";
        refused: "La réponse du service de connexion ne convient pas, ou la demande est trop ancienne. Réessayez.",
            "The answer of the sign-in service does not hold, or the request is too old. Try again.";
        no_account: "Aucun compte d’ici n’est rattaché à cette identité. Demandez à votre organisme.",
            "No account here is linked to that identity. Ask your organisation.";
        again: "Vous vous êtes connecté par votre organisme ? Connectez-vous-y de nouveau, puis recommencez :",
            "You signed in by your organisation? Sign in there again, then start over:";
    }
}
