//! The words of the page that asks for a recent proof, in French and English.

use super::words::words;

words! {
    /// The page that asks who acts, before a dangerous act.
    StepUpWords {
        title: "Confirmer que c’est vous", "Confirm that it is you";
        lead: "Ce que vous allez faire est sensible, et votre dernière connexion n’est plus récente. Confirmez votre identité : l’action reprend aussitôt, rien n’est perdu.",
            "What you are about to do is sensitive, and you signed in some time ago. Confirm who you are: the action goes on at once, nothing is lost.";
        password: "Mot de passe", "Password";
        passphrase: "Phrase du coffre", "Vault passphrase";
        code: "Code à six chiffres", "Six-digit code";
        code_help: "Celui de votre application d’authentification, ou un code de secours.", "From your authenticator, or a recovery code.";
        submit: "Confirmer et continuer", "Confirm and go on";
        wrong: "Ce n’est pas cela. Rien n’a été fait encore : essayez à nouveau.", "That is not right. Nothing was done yet: try again.";
        over: "Ce formulaire est trop ancien. Revenez à la page précédente et recommencez.", "This form is too old. Go back to the page before and start again.";
        cancel: "Ne rien faire", "Do nothing";
    }
}
