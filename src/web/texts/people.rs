//! The words of the pages by which people get and keep an account, in French and English.

use super::words::words;

words! {
    /// A forgotten password, the link of an account, the terms of use.
    EntryWords {
        forgotten_link: "Mot de passe oublié ?", "Forgotten password?";
        forgotten_title: "Mot de passe oublié", "Forgotten password";
        forgotten_lead: "Saisissez l’adresse avec laquelle vous vous connectez. Si un compte y est associé, un lien vous est envoyé.",
            "Type the address that you sign in with. If there is an account for it, a link is sent to you.";
        forgotten_address: "Adresse du compte", "Address of the account";
        forgotten_submit: "Recevoir un lien", "Get a link";
        forgotten_wrong: "Ce n’est pas une adresse de courriel.", "This is not a mail address.";
        sent_title: "Regardez votre boîte aux lettres", "Look into your mail";
        sent_text: "Si un compte actif existe pour cette adresse, un lien vient d’y être envoyé. Il ne sert qu’une fois. Cette page dit la même chose pour toutes les adresses.",
            "If there is an active account for this address, a link has just been sent to it. It is good once. This page says the same for all addresses.";
        sent_nothing: "Rien ne vient ? Vérifiez l’adresse, puis demandez à votre gestionnaire ou à votre responsable.",
            "Nothing comes? Check the address, then ask your gestionnaire or your manager.";
        link_title: "Choisir votre mot de passe", "Choose your password";
        link_text: "Appuyez sur le bouton pour continuer. Tant que vous n’appuyez pas, rien ne se passe : un logiciel qui vérifie les liens ne peut pas user celui-ci.",
            "Press the button to go on. Until you do, nothing happens: a program that checks links cannot use this one up.";
        link_button: "Continuer", "Continue";
        gone_title: "Ce lien n’est plus valable", "This link is good no more";
        gone_text: "Il a déjà servi, ou son délai est passé. Demandez-en un autre avec votre adresse.", "It was used, or its time is over. Ask for another with your address.";
        choose_lead: "Ce mot de passe vous servira à vous connecter avec cette adresse.", "You will sign in with this password and this address.";
        new: "Mot de passe", "Password";
        again: "Mot de passe, une seconde fois", "Password, once more";
        choose: "Choisir ce mot de passe", "Choose this password";
        admit_title: "Ce que vous perdez, et comment le retrouver", "What you lose, and how to get it back";
        admit_text: "L’ancien mot de passe ouvrait aussi votre clé. Pour les boîtes suivantes, un autre membre devra vous ouvrir la boîte à nouveau, sur sa page « Membres » :",
            "The old password opened your key as well. For these mailboxes another member must open the mailbox to you again, on its page of members:";
        last_title: "Vous êtes la dernière personne à ouvrir une boîte", "You are the last person who opens a mailbox";
        last_text: "Changer le mot de passe rendrait ses messages illisibles pour tous. Rien n’a été changé. Demandez à l’exploitant de la passerelle ; la clé de secours de l’organisme peut être nécessaire. Boîtes concernées :",
            "To change the password would leave its messages unreadable to all. Nothing was changed. Ask the operator of the gateway; the organisation’s recovery key may be needed. Mailboxes concerned:";
        differ: "Les deux saisies diffèrent. Rien n’a été changé.", "The two entries differ. Nothing was changed.";
        done: "Votre mot de passe est choisi. Connectez-vous.", "Your password is chosen. Sign in.";
        terms_title: "Conditions d’utilisation", "Terms of use";
        terms_lead: "Lisez-les et acceptez-les pour continuer. Elles vous seront présentées à nouveau quand elles changent.",
            "Read and accept them to go on. They will be shown again when they change.";
        terms_version: "Version", "Version";
        terms_accept: "J’ai lu ces conditions et je les accepte", "I have read these terms and accept them";
        terms_submit: "Accepter et continuer", "Accept and go on";
        terms_needed: "Cochez la case pour continuer, ou fermez votre connexion.", "Tick the box to go on, or sign out.";
        terms_changed: "Ces conditions viennent de changer : relisez-les.", "These terms have just changed: read them again.";
        terms_footer: "Conditions d’utilisation", "Terms of use";
        old_password: "Votre mot de passe a atteint l’âge fixé par l’organisme. Changez-le pour continuer.",
            "Your password has reached the age that the organisation sets. Change it to go on.";
        identity_title: "Nom et langue", "Name and language";
        identity_text: "Ils figurent sur vos pages et dans les courriels que vous recevez.", "They stand on your pages and in the mails that you get.";
        identity_fund: "Votre nom et votre adresse ne peuvent être changés que par l’organisme : écrivez-lui.", "Only the organisation can change your name and address: write to it.";
        name: "Prénom et nom", "First and last name";
        language: "Langue", "Language";
        save: "Enregistrer", "Save";
        saved: "Vos données sont enregistrées.", "Your data are saved.";
        name_wrong: "Un nom a de 1 à 100 caractères. Rien n’a été changé.", "A name has 1 to 100 characters. Nothing was changed.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Language;

    #[test]
    fn french_sets_narrow_spaces_and_no_word_is_left_in_the_other_language() {
        let (fr, en) =
            (format!("{:?}", EntryWords::of(Language::Fr)), format!("{:?}", EntryWords::of(Language::En)));
        for mark in ["e :", "s :", "é :", "é ?", "s ;", "« M", "t ;"] {
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
