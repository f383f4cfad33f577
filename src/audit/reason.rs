//! How it ended: outcomes, and the closed lists of reasons for a refusal (a rule said no) and a failure (something
//! broke). A reason says which rule, never what the person wrote.

use serde::{Deserialize, Serialize};

use super::coded::coded;
use crate::value::Language;

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It happened.
    Done,
    /// It is about to happen outside the store; a second event will tell how it ended (invariant 2).
    Intended,
    /// A rule said no, nothing happened.
    Refused(RefusalReason),
    /// Something broke.
    Failed(FailureReason),
}

impl Outcome {
    /// The code of the outcome, without its reason.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Intended => "intended",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }

    /// What a person reads, without the reason.
    pub const fn label(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Done, Language::Fr) => "fait",
            (Self::Done, Language::En) => "done",
            (Self::Intended, Language::Fr) => "engagé",
            (Self::Intended, Language::En) => "begun",
            (Self::Refused(_), Language::Fr) => "refusé",
            (Self::Refused(_), Language::En) => "refused",
            (Self::Failed(_), Language::Fr) => "échoué",
            (Self::Failed(_), Language::En) => "failed",
        }
    }

    /// The reason that a person reads, of a refusal or a failure.
    pub const fn reason(self, language: Language) -> Option<&'static str> {
        match self {
            Self::Done | Self::Intended => None,
            Self::Refused(reason) => Some(reason.label(language)),
            Self::Failed(reason) => Some(reason.label(language)),
        }
    }
}

coded! {
    /// Which rule said no.
    RefusalReason {
        AddressNotAdmitted = "address_not_admitted", "adresse non admise par une convention en vigueur", "address not admitted by an agreement in force";
        PartnerSuspended = "partner_suspended", "partenaire suspendu", "partner suspended";
        MailboxUnknown = "mailbox_unknown", "boîte inconnue", "unknown mailbox";
        ProofWrong = "proof_wrong", "lien ou code faux", "wrong link or code";
        ProofExpired = "proof_expired", "lien ou code expiré", "expired link or code";
        ProofUsed = "proof_used", "lien ou code déjà utilisé", "link or code used already";
        TooManyTries = "too_many_tries", "trop d'essais", "too many tries";
        RateLimited = "rate_limited", "trop de demandes", "too many requests";
        TitlePersonalData = "title_personal_data", "titre contenant des données personnelles", "title with personal data";
        ServiceNotOpen = "service_not_open", "voie de dépôt non ouverte par la convention", "way of depositing not opened by the agreement";
        FormIncomplete = "form_incomplete", "formulaire incomplet", "incomplete form";
        FileInfected = "file_infected", "fichier infecté", "infected file";
        FileTypeForbidden = "file_type_forbidden", "type de fichier non accepté", "file type not accepted";
        FileTypeMismatch = "file_type_mismatch", "contenu différent de l'extension", "content that differs from its extension";
        FileUnreadable = "file_unreadable", "fichier illisible", "unreadable file";
        FileProtected = "file_protected", "fichier protégé par mot de passe", "password-protected file";
        ArchiveTooDeep = "archive_too_deep", "archive trop imbriquée ou trop volumineuse", "archive too deep or too large";
        TooLarge = "too_large", "taille dépassée", "too large";
        TooMany = "too_many", "nombre dépassé", "too many";
        NothingSent = "nothing_sent", "dépôt vide", "empty deposit";
        Malformed = "malformed", "message mal formé", "malformed message";
        SenderNotAuthenticated = "sender_not_authenticated", "expéditeur non authentifié", "sender not authenticated";
        ReturnForged = "return_forged", "adresse de retour contrefaite", "forged return address";
        MailLoop = "mail_loop", "boucle de courriels", "mail loop";
        RelayDenied = "relay_denied", "relais interdit", "relaying denied";
        CredentialsWrong = "credentials_wrong", "identifiants faux", "wrong credentials";
        SecondFactorWrong = "second_factor_wrong", "second facteur faux", "wrong second factor";
        AccountInactive = "account_inactive", "compte inactif", "inactive account";
        AccountCutOff = "account_cut_off", "compte coupé", "account cut off";
        SessionExpired = "session_expired", "session expirée", "expired session";
        RequestForged = "request_forged", "requête venue d'un autre site", "request from another site";
        NotEntitled = "not_entitled", "personne non habilitée", "person not entitled";
        TransferExpired = "transfer_expired", "transfert expiré", "expired transfer";
        TransferRevoked = "transfer_revoked", "transfert révoqué", "revoked transfer";
        NotFound = "not_found", "objet inexistant", "no such object";
        ValidityTooLong = "validity_too_long", "durée de validité trop longue", "validity too long";
        CustodyWeaker = "custody_weaker", "destination moins protégée", "destination less protected";
        NotAdmitted = "not_admitted", "boîte non encore ouverte à la personne par un membre", "mailbox not opened to the person by a member yet";
        KeyLocked = "key_locked", "clé personnelle fermée", "personal key locked";
        LastMember = "last_member", "dernier membre à pouvoir ouvrir la boîte", "last member who can open the mailbox";
        LastManager = "last_manager", "dernier gestionnaire actif", "last active manager";
        PasswordTooWeak = "password_too_weak", "mot de passe trop faible", "password too weak";
        TermsNotAccepted = "terms_not_accepted", "conditions d'utilisation non acceptées", "terms of use not accepted";
        ClockNotTrusted = "clock_not_trusted", "horloge non fiable", "clock not trusted";
        PolicyDenied = "policy_denied", "interdit par la politique en vigueur", "denied by the policy in force";
        AccountNeeded = "account_needed", "compte encore nécessaire", "account still needed";
        CaseInCharge = "case_in_charge", "déjà pris en charge par une autre personne", "in the charge of somebody else";
        StateNotFitting = "state_not_fitting", "état incompatible avec l'action", "state that does not fit the action";
        ReceiptFalse = "receipt_false", "reçu illisible, faux ou modifié", "unreadable, false or altered receipt";
        SecondPersonNeeded = "second_person_needed", "seconde personne nécessaire", "second person needed";
        RecoveryRequestOver = "recovery_request_over", "demande de secours de plus de 24 heures", "recovery request of more than 24 hours";
    }
}

coded! {
    /// What broke.
    FailureReason {
        Objects = "objects", "stockage des fichiers indisponible", "object store not available";
        Keyring = "keyring", "trousseau de clés indisponible", "keyring not available";
        SealDamaged = "seal_damaged", "contenu chiffré endommagé ou remplacé", "sealed content damaged or replaced";
        Scanner = "scanner", "antivirus indisponible", "virus scanner not available";
        Connection = "connection", "connexion impossible", "no connection";
        ConnectionLost = "connection_lost", "connexion interrompue", "connection lost";
        Tls = "tls", "négociation TLS impossible", "TLS negotiation failed";
        PeerTemporary = "peer_temporary", "refus temporaire du serveur distant", "temporary refusal by the peer";
        PeerPermanent = "peer_permanent", "refus définitif du serveur distant", "permanent refusal by the peer";
        GaveUp = "gave_up", "abandon après tous les essais", "given up after all tries";
        Interrupted = "interrupted", "interrompu par un arrêt", "interrupted by a stop";
        Clock = "clock", "horloge incohérente", "inconsistent clock";
        LogNotVerified = "log_not_verified", "journal non conforme", "log that does not verify";
        TimestampNotVerified = "timestamp_not_verified", "horodatage non conforme", "timestamp that does not verify";
        FoundInClear = "found_in_clear", "marqueur trouvé en clair", "marker found in clear";
        Internal = "internal", "défaut interne", "internal defect";
    }
}

coded! {
    /// What the keys of the live days are exported for.
    RecoveryPurpose {
        Drill = "drill", "exercice", "drill";
        Breakdown = "breakdown", "panne", "breakdown";
        Migration = "migration", "changement d'outil", "move to another tool";
        LegalRequest = "legal_request", "demande légale", "legal request";
    }
}

coded! {
    /// What an account may do, as it was when its rights changed.
    RoleCode {
        Agent = "agent", "agent", "agent";
        Manager = "manager", "gestionnaire", "manager";
        SecurityOfficer = "security_officer", "responsable de la sécurité", "security officer";
        Technicien = "technicien", "technicien", "technicien";
        Administrator = "administrator", "administrateur des droits", "administrator of rights";
        Other = "other", "autre rôle", "other role";
    }
}

coded! {
    /// What kind of look an officer took into the log.
    LogView {
        Timeline = "timeline", "tout le journal", "the whole log";
        ByPerson = "by_person", "par personne", "by person";
        ByPartner = "by_partner", "par partenaire", "by partner";
        ByMailbox = "by_mailbox", "par boîte", "by mailbox";
        ByTransfer = "by_transfer", "par transfert", "by transfer";
        ByAction = "by_action", "par action", "by action";
        ByOutcome = "by_outcome", "par issue", "by outcome";
        ByOrigin = "by_origin", "par origine", "by origin";
        ByPeriod = "by_period", "par période", "by period";
        Story = "story", "histoire d'un transfert", "story of a transfer";
        Person = "person", "activité d'une personne", "activity of a person";
        Refusals = "refusals", "refus", "refusals";
        Rights = "rights", "droits du jour", "rights of today";
        Proofs = "proofs", "preuves", "proofs";
        RightsOnDay = "rights_on_day", "droits à une date", "rights on a day";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn reasons_have_one_code_and_one_label_each() {
        let refusals: BTreeSet<_> = RefusalReason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(refusals.len(), RefusalReason::ALL.len());
        let failures: BTreeSet<_> = FailureReason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(failures.len(), FailureReason::ALL.len());
        for language in [Language::Fr, Language::En] {
            let labels: BTreeSet<_> = RefusalReason::ALL.iter().map(|r| r.label(language)).collect();
            assert_eq!(labels.len(), RefusalReason::ALL.len());
        }
    }

    #[test]
    fn an_officer_reads_outcome_and_reason() {
        let outcome = Outcome::Refused(RefusalReason::FileInfected);
        assert_eq!(outcome.label(Language::Fr), "refusé");
        assert_eq!(outcome.reason(Language::Fr), Some("fichier infecté"));
        assert_eq!(Outcome::Done.reason(Language::En), None);
        assert_eq!(serde_json::to_string(&outcome).unwrap(), r#"{"refused":"file_infected"}"#);
    }
}
