//! The words of answers and transfers to people outside, in French and English: the member's forms and lists, and the pages
//! that somebody outside sees. A word that is missing in one language does not compile.

use super::words::words;

words! {
    /// Answers, transfers that members send, and their pages outside.
    OutsideWords {
        answer_title: "Répondre", "Answer";
        answer_to: "Réponse au pli", "Answer to";
        for_whom: "pour", "for";
        compose_title: "Nouvel envoi sécurisé", "New secure transfer";
        compose_lead: "Chaque destinataire reçoit un lien à son nom. Le message et les fichiers restent chiffrés ici.", "Each recipient gets a link of his or her own. Message and files stay sealed here.";
        recipients: "Destinataires", "Recipients";
        recipients_help: "Leurs adresses électroniques, séparées par une virgule ou une par ligne.", "Their mail addresses, separated by commas or one on each line.";
        recipient_missing: "Indiquez au moins un destinataire.", "Give at least one recipient.";
        recipient_wrong: "Cette adresse n’est pas celle d’un destinataire extérieur :", "This is not the address of somebody outside:";
        recipients_many: "Le nombre de destinataires est limité à", "The number of recipients is limited to";
        options: "Options : validité, texte du courriel, mot de passe", "Options: validity, text of the mail, password";
        validity: "Validité", "Validity";
        validity_wrong: "La validité va de 5 à 20 jours.", "The validity is 5 to 20 days.";
        days: "jours", "days";
        note: "Texte personnel du courriel (facultatif)", "Personal text of the mail (optional)";
        note_help: "Il voyage en clair : ni nom, ni prénom, ni numéro de Sécurité sociale.", "It travels in clear: no name, no first name, no social-security number.";
        note_refused: "Le texte personnel voyage en clair et ne peut pas contenir cela.", "The personal text travels in clear and cannot hold this.";
        tell: "Me prévenir des téléchargements", "Tell me of downloads";
        told: "Mot de passe communiqué autrement (facultatif)", "Password told by another way (optional)";
        told_help: "Au moins 8 caractères, à dire de vive voix. Sans mot de passe, un code est envoyé au destinataire quand il ouvre.", "At least 8 characters, to be told by voice. Without a password a code is mailed to the recipient on opening.";
        told_short: "Le nombre de caractères du mot de passe est d’au moins", "The password has at least this many characters:";
        answer_button: "Répondre de façon sécurisée", "Answer securely";
        answer_help: "La réponse part par un lien vers l’expéditeur. Elle ne cite rien du dossier.", "The answer goes to the sender by a link. It quotes nothing of the case.";
        recorded_title: "Réponse donnée autrement", "Answer given otherwise";
        recorded_help: "Le jour et la façon seulement, aucun contenu.", "The day and the way only, no content.";
        recorded_day: "Jour de la réponse", "Day of the answer";
        recorded_how: "Par", "By";
        recorded_submit: "Enregistrer", "Record";
        by_telephone: "téléphone", "telephone";
        by_letter: "courrier", "letter";
        by_meeting: "rendez-vous", "appointment";
        by_secure: "réponse sécurisée", "secure answer";
        answered: "Répondu le", "Answered on";
        answered_by: "par", "by";
        not_a_day: "Ce jour n’est pas possible : entre la réception et aujourd’hui.", "This day is not possible: between reception and today.";
        not_fitting: "Ce dossier ne prend plus de réponse.", "This case takes no answer any more.";
        thread: "Échanges liés", "Related transfers";
        thread_sent: "Envoyé par", "Sent by";
        thread_received: "Reçu de", "Received from";
        thread_answers: "En réponse à", "In answer to";
        sent_title: "Destinataires et ouvertures", "Recipients and openings";
        sent_by: "Envoyé par", "Sent by";
        state_unopened: "Pas encore ouvert", "Not opened yet";
        state_opened: "Ouvert le", "Opened on";
        state_downloaded: "Téléchargé le", "Downloaded on";
        by_password: "Protégé par un mot de passe communiqué autrement", "Protected by a password told by another way";
        revoke: "Retirer cet envoi", "Withdraw this transfer";
        revoke_text: "Plus personne ne pourra l’ouvrir, votre boîte comprise, et son contenu est effacé. Un téléchargement en cours est interrompu.", "Nobody can open it any more, your mailbox included, and its content is erased. A download under way is cut.";
        revoke_confirm: "Retirer maintenant", "Withdraw now";
        new_transfer: "Nouvel envoi", "New transfer";
        sent_list: "Envois", "Sent";
        sent_list_lead: "Ce que la boîte a envoyé à l’extérieur, et qui l’a ouvert.", "What the mailbox sent outside, and who opened it.";
        sent_none: "Rien n’est ouvrable en ce moment.", "Nothing can be opened at the moment.";
        sent_at: "Envoyé le", "Sent on";
        sent_live: "Ouvrables", "Can be opened";
        sent_ended: "Terminés", "Ended";
        ended_expired: "Expiré le", "Expired on";
        ended_revoked: "Retiré le", "Withdrawn on";
        opened_of: "ouvert par", "opened by";
        of: "sur", "of";
        link_title: "Un envoi sécurisé vous attend", "A secure transfer waits for you";
        link_text: "Cliquez sur le bouton pour commencer.", "Click the button to begin.";
        link_button: "Ouvrir l’envoi", "Open it";
        link_why: "Pourquoi ce bouton ? Les logiciels qui vérifient les courriels visitent les liens. Ils ne peuvent rien faire ici : le lien reste valable pour vous.", "Why this button? Programs that check mails visit links. They can do nothing here: the link stays good for you.";
        code_title: "Saisissez le code reçu", "Type the code";
        code_text: "Un code vient d’être envoyé à l’adresse qui a reçu le lien. Il est valable 15 minutes, dans ce navigateur.", "A code was just mailed to the address that got the link. It is good for 15 minutes, in this browser.";
        code_label: "Code à 8 chiffres", "8-digit code";
        code_submit: "Ouvrir", "Open";
        code_again: "Demander un autre code", "Ask for another code";
        code_shape: "Le code comporte 8 chiffres. Vérifiez votre saisie.", "The code has 8 digits. Check what you typed.";
        code_wrong: "Ce code n’est pas le bon. Vérifiez-le et saisissez-le de nouveau.", "This code is not the right one. Check it and type it again.";
        code_ended: "Ce code n’est plus valable, ou a été demandé dans un autre navigateur. Demandez-en un autre.", "This code is no longer good, or was asked for in another browser. Ask for another one.";
        told_title: "Saisissez le mot de passe", "Type the password";
        told_text: "L’expéditeur vous l’a communiqué par un autre moyen : téléphone, SMS, rendez-vous.", "The sender told it to you by another way: telephone, text message, meeting.";
        told_label: "Mot de passe", "Password";
        told_wrong: "Ce mot de passe n’est pas le bon.", "This password is not the right one.";
        gone_title: "Ce lien n’est plus valable", "This link is no longer good";
        gone_text: "L’envoi a expiré, a été retiré par son expéditeur, ou le lien est incomplet.", "The transfer has expired, was withdrawn by its sender, or the link is incomplete.";
        gone_next: "Recopiez le lien entier depuis le courriel, ou demandez un nouvel envoi à l’expéditeur.", "Copy the whole link from the mail, or ask the sender for a new transfer.";
        session_ended_title: "Votre lecture est terminée", "Your reading has ended";
        session_ended_text: "Pour continuer, suivez de nouveau le lien du courriel.", "To go on, follow the mail’s link again.";
        from: "De la part de", "From";
        reply_title: "Répondre", "Answer";
        reply_text: "Votre réponse est chiffrée comme cet envoi. Aucun compte n’est nécessaire.", "Your answer is sealed like this transfer. No account is needed.";
        reply_button: "Répondre de façon sécurisée", "Answer securely";
        personal: "Ce qui est affiché ici est confidentiel. Fermez cette page quand vous avez terminé : elle se ferme d’elle-même au bout de 2 heures.", "What is shown here is confidential. Close this page when you are done: it closes by itself after 2 hours.";
        secure_link: "Lien sécurisé", "Secure link";
        sent_confirmation: "Confirmation d’envoi", "Confirmation of sending";
    }
}
