//! The words that tell what became of a mail, in French and English. A word that is missing in one language does not compile.
//! The reasons themselves are `relay::truth`'s, which letters use too.

use super::words::words;

words! {
    /// What became of mails, and the page on which a mailbox says that notices arrive.
    DeliveryWords {
        undelivered: "Alerte à la seconde adresse ou au responsable", "Warning to the second address or a manager";
        tls13: "par une connexion chiffrée (TLS 1.3)", "over an encrypted connection (TLS 1.3)";
        tls12: "par une connexion chiffrée (TLS 1.2)", "over an encrypted connection (TLS 1.2)";
        clear: "par une connexion non chiffrée", "over a connection that was not encrypted";
        delayed_further_on: "Retardé chez le destinataire", "Delayed on the recipient’s side";
        delivered: "Remis dans la boîte aux lettres", "Delivered to the mailbox";
        relayed: "Transmis à un serveur qui ne confirme pas la remise", "Passed to a server that does not confirm delivery";
        because: "Raison", "Reason";
        call_back: "Le déposant n’a pas reçu son accusé de réception : rappelez-le par téléphone en citant la référence.",
            "The depositor has not received the acknowledgement: call back by telephone and quote the reference.";
        unreachable: "Les avis de cette boîte n’arrivent plus à l’adresse", "Notices of this mailbox no longer arrive at the address";
        since: "depuis le", "since";
        unreachable_help: "Les dépôts continuent d’arriver ici : consultez cette page chaque jour, et prévenez l’exploitant de la passerelle.",
            "Deposits still arrive here: look at this page each day, and tell the operator of the gateway.";
        heard_title: "Réception des avis", "Receiving notices";
        heard_ask: "Appuyez sur le bouton pour confirmer que ce message est bien arrivé dans votre boîte.",
            "Press the button to confirm that this message has arrived in your mailbox.";
        heard_button: "Nous recevons les avis", "We receive the notices";
        heard_thanks: "Merci : la passerelle sait que les avis arrivent.", "Thank you: the gateway knows that notices arrive.";
        heard_wrong: "Ce lien est incomplet ou ne vient pas de cette passerelle.", "This link is incomplete or not of this gateway.";
    }
}
