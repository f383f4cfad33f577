//! The words of the API's problems, in French and English.

use super::words::words;

words! {
    /// What is wrong, as the title of a problem.
    ApiWords {
        unauthorized: "Jeton ou certificat absent, faux, expiré ou révoqué", "Token or certificate missing, wrong, expired or revoked";
        not_allowed: "Ce jeton ne permet pas de déposer dans cette boîte pour cette adresse, ou la convention ne le permet pas", "This token does not allow deposits into this mailbox for this address, or the agreement does not";
        not_found: "Introuvable", "Not found";
        method_not_allowed: "Méthode non acceptée ici", "Method not allowed here";
        invalid_request: "Requête incorrecte", "Invalid request";
        key_reused: "Cette clé d’idempotence a servi à un autre dépôt", "This idempotency key was used for another deposit";
        already_sent: "Ce dépôt est déjà envoyé", "This deposit was sent already";
        title_refused: "Le titre est refusé : il voyage en clair et ne doit contenir aucune donnée personnelle", "The title is refused: it travels in clear and must hold no personal data";
        deposit_refused: "Le dépôt ne peut pas être envoyé tel quel", "The deposit cannot be sent as it is";
        file_refused: "Le fichier est refusé", "The file is refused";
        too_large: "Une limite de la boîte est dépassée", "A limit of the mailbox is exceeded";
        upload_refused: "L’envoi du fichier est refusé", "The upload is refused";
        too_many: "Trop de demandes", "Too many requests";
        over: "Ce dépôt n’a pas été envoyé à temps, ou n’est plus permis", "This deposit was not sent in time, or is not allowed any more";
        unavailable: "Service momentanément indisponible : rien n’est perdu, réessayez", "Service unavailable for a moment: nothing is lost, try again";
        door_closed: "La convention de votre structure n’ouvre pas le dépôt par logiciel dans cette boîte. Passez par une voie ouverte, ou demandez à l’organisme.", "Your structure’s agreement does not open deposits by software into this mailbox. Take a way that is open, or ask the organisation.";
        form_missing: "La convention demande une fiche de liaison : joignez-la en fichier.", "The agreement asks for a liaison form: join it as a file.";
        no_receipt: "Le reçu n’existe qu’une fois le dépôt envoyé.", "The receipt exists once the deposit is sent.";
    }
}
