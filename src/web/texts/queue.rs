//! The words of the page on the queue of outgoing mails, in French and English. A word that is missing in one language does
//! not compile.

use super::words::words;
use crate::app::QueueState;
use crate::relay::letter::LetterKind;
use crate::relay::queue::DeliveryProblem;

words! {
    /// The page on the queue.
    QueueWords {
        title: "File d’envoi des courriels", "Queue of outgoing mails";
        lead: "Les courriels de la passerelle qui ne sont pas encore partis, et pourquoi. Leur texte n’est jamais montré.",
            "The gateway’s mails that have not left yet, and why. Their text is never shown.";
        all: "Tous", "All";
        empty: "Aucun courriel n’attend.", "No mail waits.";
        mail: "Courriel", "Mail";
        destination: "Destination", "Destination";
        since: "Depuis", "Since";
        change: "Agir", "Act";
        next_try: "prochain essai", "next try";
        tries: "essai(s)", "tries";
        retry: "Réessayer", "Retry";
        hold: "Retenir", "Hold";
        drop: "Abandonner", "Give up";
        drop_text: "Le courriel ne partira jamais et son texte est effacé. Le dépôt dont il parle reste en place.",
            "The mail will never leave and its text is erased. The deposit that it speaks of stays.";
        drop_confirm: "Abandonner ce courriel", "Give this mail up";
        more: "Courriels suivants", "More mails";
        logged: "Cette consultation et chaque action sont inscrites au journal.", "This look and each action are logged.";
        retried: "Le courriel est réessayé maintenant.", "The mail is tried again now.";
        held_now: "Le courriel est retenu jusqu’à ce qu’on le réessaie.", "The mail is held until somebody retries it.";
        dropped: "Le courriel est abandonné et son texte effacé.", "The mail is given up and its text erased.";
        gone: "Rien n’a changé : ce courriel n’attend plus, ou il est déjà retenu.", "Nothing changed: this mail no longer waits, or is held already.";
        waiting: "en attente", "waiting";
        delayed: "retardé", "delayed";
        held: "retenu", "held";
        suspended: "suspendu par une restauration", "suspended by a restore";
        acknowledgement: "Accusé de réception", "Acknowledgement";
        notice: "Avis de dépôt", "Notice of a deposit";
        link: "Lien ou code", "Link or code";
        officer: "Message au responsable de la sécurité", "Message to the security officer";
        report: "Rapport de remise", "Delivery report";
        postmaster: "Courriel pour le responsable de la messagerie", "Mail for the postmaster";
        forwarded: "Courriel d’un agent à un collègue", "An agent’s mail to a colleague";
        other: "Information sur un transfert", "Information on a transfer";
        unreachable: "le serveur de courrier ne répond pas", "the mail host does not answer";
        not_onward: "le serveur ne promet pas de garder le courriel chiffré, comme l’expéditeur le demande", "the host does not promise to keep the mail encrypted, as its sender demands";
        tls: "la connexion ne peut pas être protégée comme il le faut", "the connection cannot be protected as it must be";
        busy: "le serveur de courrier ne reçoit rien pour l’instant", "the mail host takes nothing at present";
        later: "le serveur demande de réessayer plus tard", "the host asks to try later";
        greylisted: "le serveur fait patienter un expéditeur qu’il ne connaît pas", "the host makes a sender that it does not know wait";
        full: "la boîte du destinataire est pleine", "the recipient’s mailbox is full";
        refused: "le serveur refuse le courriel", "the host refuses the mail";
        unknown: "l’adresse n’existe pas", "the address does not exist";
        policy: "les règles du serveur écartent le courriel", "the host’s rules keep the mail out";
        no_mail: "ce domaine ne reçoit pas de courrier", "this domain takes no mail";
        names: "le DNS ne répond pas", "the DNS does not answer";
        circle: "le chemin revient à cette passerelle", "the way leads back to this gateway";
        bounced: "le courriel est revenu", "the mail came back";
        too_late: "cinq jours d’essais sans succès", "five days of tries without success";
        given_up: "abandonné", "given up";
        broken: "le courriel n’a pas pu être composé", "the mail could not be composed";
    }
}

impl QueueWords {
    /// How a mail waits.
    pub(in crate::web) const fn state(&self, state: QueueState) -> &'static str {
        match state {
            QueueState::Waiting => self.waiting,
            QueueState::Delayed => self.delayed,
            QueueState::Held => self.held,
            QueueState::Suspended => self.suspended,
        }
    }

    /// What a mail is.
    pub(in crate::web) fn kind(&self, kind: LetterKind) -> &'static str {
        match kind {
            LetterKind::Acknowledgement => self.acknowledgement,
            LetterKind::Notice => self.notice,
            LetterKind::Alert | LetterKind::Daily => self.officer,
            LetterKind::DepositLink
            | LetterKind::StatusLink
            | LetterKind::SecureLink
            | LetterKind::AccountLink
            | LetterKind::OpeningCode => self.link,
            LetterKind::Report => self.report,
            LetterKind::Postmaster => self.postmaster,
            LetterKind::Forwarded => self.forwarded,
            _ => self.other,
        }
    }

    /// Why a mail is late or was given up.
    pub(in crate::web) const fn reason(&self, problem: DeliveryProblem) -> &'static str {
        match problem {
            DeliveryProblem::Unreachable => self.unreachable,
            DeliveryProblem::TlsRequired => self.tls,
            DeliveryProblem::NotOnward => self.not_onward,
            DeliveryProblem::HostBusy { .. } => self.busy,
            DeliveryProblem::TryLater { .. } => self.later,
            DeliveryProblem::Greylisted { .. } => self.greylisted,
            DeliveryProblem::MailboxFull { .. } => self.full,
            DeliveryProblem::Refused { .. } => self.refused,
            DeliveryProblem::UnknownRecipient { .. } => self.unknown,
            DeliveryProblem::AgainstPolicy { .. } => self.policy,
            DeliveryProblem::NoMailDomain => self.no_mail,
            DeliveryProblem::NamesUnavailable => self.names,
            DeliveryProblem::Loop => self.circle,
            DeliveryProblem::Bounced => self.bounced,
            DeliveryProblem::TooLate => self.too_late,
            DeliveryProblem::Dropped => self.given_up,
            DeliveryProblem::Broken => self.broken,
        }
    }
}
