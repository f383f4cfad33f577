//! The words of the pages on which a depositor follows a deposit, and of the list of other open drafts, in French and
//! English.

use super::words::words;

words! {
    /// The depositor's view of one deposit, and the way to it.
    StatusWords {
        title: "Suivre un dépôt", "Follow a deposit";
        lead: "Vérifiez votre adresse pour voir où en est ce dépôt. Seule l’adresse qui l’a envoyé peut le voir ; le contenu n’est jamais montré ici.",
            "Prove your address to see where this deposit stands. Only the address that sent it can see it; its content is never shown here.";
        address: "L’adresse électronique qui a envoyé le dépôt", "The mail address that sent the deposit";
        submit: "Recevoir le lien", "Get the link";
        code_lead: "Si cette adresse a envoyé ce dépôt, un courriel vient de lui être envoyé.", "If this address sent this deposit, a mail has just been sent to it.";
        code_same: "Cette réponse est la même pour toutes les adresses et toutes les références.", "This answer is the same for all addresses and all references.";
        link_title: "Voir votre dépôt", "See your deposit";
        link_button: "Voir le dépôt", "See the deposit";
        state_held: "Reçu, en attente d’analyse", "Received, waiting for its scan";
        state_held_text: "Le dépôt est conservé chiffré. Il sera remis à la boîte dès que l’analyse aura abouti. Vous n’avez rien à renvoyer.",
            "The deposit is kept encrypted. It will be passed on to the mailbox as soon as the scan is done. You have nothing to send again.";
        because: "Motif", "Because";
        held_until: "Conservé au plus tard jusqu’au", "Kept until, at the latest";
        state_waiting: "Remis à la boîte, pas encore ouvert", "Passed on to the mailbox, not opened yet";
        state_opened: "Ouvert par la boîte", "Opened by the mailbox";
        state_dispatched: "Transmis au service qui le traite", "Passed on to who treats it";
        state_answered: "Une réponse a été donnée", "It was answered";
        state_ended: "Délai écoulé, contenu détruit", "Time over, content destroyed";
        opened: "Ouvert pour la première fois le", "First opened";
        dispatched: "Transmis le", "Passed on";
        answered: "Répondu le", "Answered";
        never_opened: "Le dépôt n’avait pas été ouvert.", "The deposit had not been opened.";
        ended: "Détruit le", "Destroyed";
        print_help: "Cette page ne se recharge pas d’elle-même : redemandez un lien pour la revoir plus tard.",
            "This page does not reload by itself: ask for another link to see it again later.";
    }
}

words! {
    /// Withdrawing a deposit, and what is left of it.
    WithdrawnWords {
        title: "Retirer ce dépôt", "Withdraw this deposit";
        text: "Plus personne ne pourra l’ouvrir et son contenu est effacé, tout de suite. Un téléchargement en cours est interrompu. La boîte est prévenue par courriel. Cela ne peut pas être annulé.",
            "Nobody can open it any more and its content is erased, at once. A download under way is cut. The mailbox is told by mail. This cannot be undone.";
        confirm: "Je retire ce dépôt définitivement", "I withdraw this deposit for good";
        submit: "Retirer maintenant", "Withdraw now";
        state: "Retiré par vous, contenu détruit", "Withdrawn by you, content destroyed";
        on: "Retiré le", "Withdrawn";
        gone_title: "Retiré par son expéditeur", "Withdrawn by its sender";
        gone: "L’expéditeur a retiré cet envoi. Son contenu est supprimé : plus personne ne peut l’ouvrir.",
            "Whoever sent it withdrew it. Its content is deleted: nobody can open it any more.";
        gone_next: "Si vous en avez encore besoin, demandez à l’expéditeur de l’envoyer de nouveau.",
            "If you still need it, ask the sender to send it again.";
        gone_on: "Retiré le", "Withdrawn on";
    }
}

words! {
    /// Other open drafts of the same address.
    OtherDraftsWords {
        title: "Vos autres dépôts commencés", "Your other deposits in the making";
        lead: "Ils sont gardés chiffrés. Pour en reprendre un sur cet ordinateur, recevez son lien à votre adresse.",
            "They are kept encrypted. To go on with one on this computer, get its link at your address.";
        touched: "Modifié le", "Changed";
        ask: "Recevoir son lien", "Get its link";
    }
}
