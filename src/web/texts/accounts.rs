//! The words of the accounts of the house, in French and English.

use super::words::words;

words! {
    /// Agents, and the review of all accounts.
    AccountsWords {
        title: "Comptes", "Accounts";
        lead: "Toutes les personnes qui ont un compte, ce qu’elles peuvent ouvrir et leur dernier usage.", "All people who have an account, what they may open and when they last used it.";
        review_text: "Vérifiez que chaque personne a encore besoin de son compte et de ses boîtes, puis confirmez. La confirmation est inscrite au journal.", "Check that each person still needs the account and its mailboxes, then confirm. The confirmation is written into the log.";
        agents: "Agents", "Agents";
        agents_text: "Un nouvel agent n’ouvre encore aucune boîte. Le responsable d’une boîte l’y habilite, et l’en retire, dans les réglages et les membres de la boîte.", "A new agent opens no mailbox yet. The manager of a mailbox entitles the agent to it, and removes the agent, on the mailbox’s settings and members.";
        no_agent: "Aucun agent.", "No agent.";
        others: "Administrateurs et responsables de la sécurité", "Administrators and security officers";
        others_text: "L’exploitant crée et ferme ces comptes.", "The operator makes and closes these accounts.";
        people: "Comptes des structures", "Accounts of structures";
        people_text: "Ils se modifient sur la page de la structure.", "They are changed on the structure’s page.";
        role: "Rôle", "Role";
        mailboxes: "Boîtes", "Mailboxes";
        none: "aucune", "none";
        organisation: "Organisme", "Organisation";
        create: "Créer un agent", "Create an agent";
        address_help: "Adresse professionnelle de l’organisme. Un lien d’activation y est envoyé.", "A professional address of the organisation. A link to activate the account is sent to it.";
        deactivate_text: "Ses connexions et ses liens se ferment aussitôt. Ses boîtes lui sont rendues s’il est réactivé.", "Sessions and links end at once. The mailboxes come back when the account is reactivated.";
        cut_off_text: "Le compte est fermé aussitôt et perd ses boîtes. Les boîtes dont il avait la clé en changent.", "The account is closed at once and loses its mailboxes. Mailboxes whose key it had get another.";
        done_cut: "Le compte est coupé.", "The account is cut off.";
    }
}
