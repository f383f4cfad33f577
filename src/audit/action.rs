//! What was done: the closed list of actions, which covers rule S2 ("every deposit, refusal, mail sent, opening,
//! download, answer, transfer, deletion, login, change of rights and reading of the log itself").
//!
//! The fragments are nouns, so that they read with any outcome: « envoi d'un dépôt : fait », "refused", "failed".

use super::coded::coded;

coded! {
    /// An action that the log tells of.
    Action {
        // Deposit by the page (D1 to D9).
        DepositProofRequested = "deposit.proof_requested", "demande d'un lien de dépôt", "request for a deposit link";
        DepositProofUsed = "deposit.proof_used", "preuve d'une adresse par lien ou code", "proof of an address by link or code";
        DraftOpened = "deposit.draft_opened", "ouverture d'un brouillon de dépôt", "opening of a draft deposit";
        DraftDiscarded = "deposit.draft_discarded", "abandon d'un brouillon de dépôt", "discarding of a draft deposit";
        FormKept = "deposit.form_kept", "saisie dans la fiche d'un dépôt", "typing into the form of a deposit";
        DepositRouted = "deposit.routed", "orientation d'un dépôt vers une autre boîte", "routing of a deposit to another mailbox";
        UploadBegun = "deposit.upload_begun", "début de l'envoi d'un fichier", "beginning of the upload of a file";
        UploadRecovered = "deposit.upload_recovered", "reprise d'un envoi interrompu par un arrêt", "recovery of an upload cut by a stop";
        FileSealed = "deposit.file_sealed", "chiffrement d'un fichier déposé", "sealing of a deposited file";
        FileRemoved = "deposit.file_removed", "retrait d'un fichier par le déposant", "removal of a file by the depositor";
        FileScanned = "deposit.file_scanned", "analyse antivirus d'un fichier", "virus scan of a file";
        FileRefused = "deposit.file_refused", "refus d'un fichier", "refusal of a file";
        TitleReplaced = "deposit.title_replaced", "remplacement d'un titre", "replacement of a title";
        DepositSent = "deposit.sent", "envoi d'un dépôt", "sending of a deposit";
        DepositHeld = "deposit.held", "mise en attente d'un dépôt", "holding of a deposit";
        DepositReleased = "deposit.released", "libération d'un dépôt en attente", "release of a held deposit";
        DepositRefused = "deposit.refused", "refus d'un dépôt", "refusal of a deposit";
        DepositHistoryListed = "deposit.history_listed", "consultation de l'historique des dépôts", "listing of the history of deposits";
        // Mail in (D7) and mail out (T1, T2).
        MailReceived = "mail.received", "réception d'un dépôt par courriel", "receipt of a deposit by mail";
        MailRefused = "mail.refused", "refus d'un courriel", "refusal of a mail";
        MailAutomaticNoted = "mail.automatic_noted", "réception d'un courriel automatique", "receipt of an automatic mail";
        BounceNoted = "mail.bounce_noted", "réception d'un avis de non-remise", "receipt of a delivery failure notice";
        BounceForged = "mail.bounce_forged", "avis de non-remise contrefait", "forged delivery failure notice";
        DeliveryConfirmed = "mail.delivery_confirmed", "réception d'un avis de remise", "receipt of a delivery confirmation";
        SecondAddressTold = "mail.second_address_told", "alerte à la seconde adresse ou à un responsable d'une boîte", "warning to the second address or a manager of a mailbox";
        HeartbeatQueued = "mail.heartbeat_queued", "vérification de la réception des avis d'une boîte", "check that notices of a mailbox arrive";
        MailboxHeard = "mail.mailbox_heard", "preuve de réception des avis d'une boîte", "proof that notices of a mailbox arrive";
        MailboxUnreachable = "mail.mailbox_unreachable", "boîte injoignable par courriel", "mailbox out of reach by mail";
        RelayRefused = "mail.relay_refused", "refus de relayer un courriel", "refusal to relay a mail";
        MailQueued = "mail.queued", "mise en file d'un courriel", "queueing of a mail";
        MailSent = "mail.sent", "envoi d'un courriel", "sending of a mail";
        MailDelayed = "mail.delayed", "report d'un courriel", "delay of a mail";
        MailFailed = "mail.failed", "échec définitif d'un courriel", "final failure of a mail";
        MailSuspended = "mail.suspended", "suspension d'un courriel", "suspension of a mail";
        MailResumed = "mail.resumed", "reprise d'un courriel suspendu", "resumption of a suspended mail";
        MailHeld = "mail.held", "mise en retenue d'un courriel", "holding back of a mail";
        MailRetried = "mail.retried", "relance d'un courriel", "retry of a mail";
        MailQueueRead = "mail.queue_read", "consultation de la file d'envoi", "reading of the mail queue";
        MailCancelled = "mail.cancelled", "annulation d'un courriel", "cancellation of a mail";
        MailForwarded = "mail.forwarded", "remise d'un courriel à des collègues", "handing of a mail to colleagues";
        SubmissionRefused = "mail.submission_refused", "refus d'un courriel d'un logiciel de messagerie", "refusal of a mail from a mail program";
        // Sign-in.
        SignIn = "session.sign_in", "connexion", "sign-in";
        MailSignIn = "session.mail_sign_in", "connexion d'un logiciel de messagerie", "sign-in of a mail program";
        ProviderLinked = "account.provider_linked", "rattachement d'un compte au fournisseur d'identité", "linking of an account to the identity provider";
        PasskeyAdded = "account.passkey_added", "ajout d'une clé d'accès", "adding of a passkey";
        PasskeyRemoved = "account.passkey_removed", "retrait d'une clé d'accès", "removal of a passkey";
        PersonProven = "session.person_proven", "nouvelle preuve d'identité avant une action sensible", "renewed proof of identity before a sensitive act";
        SignOut = "session.sign_out", "déconnexion", "sign-out";
        SignInRefused = "session.sign_in_refused", "connexion refusée", "refused sign-in";
        SessionEnded = "session.ended", "fin forcée d'une session", "forced end of a session";
        LinkFollowed = "session.link_followed", "usage d'un lien reçu par courriel", "use of a mailed link";
        // Reading and treating (T3 to T9).
        TransferListed = "transfer.listed", "consultation de la liste des transferts", "listing of transfers";
        TransferOpened = "transfer.opened", "ouverture d'un transfert", "opening of a transfer";
        FileDownloaded = "transfer.file_downloaded", "téléchargement d'un fichier", "download of a file";
        ArchiveDownloaded = "transfer.archive_downloaded", "téléchargement de tous les fichiers", "download of all files";
        AccessRefused = "transfer.access_refused", "refus d'un accès", "refusal of an access";
        OpeningCodeAsked = "transfer.code_asked", "demande d'un code d'ouverture", "request for an opening code";
        TransferReplied = "transfer.replied", "début d'une réponse par un destinataire", "beginning of a reply by a recipient";
        TransferAnswered = "transfer.answered", "réponse à un transfert", "answer to a transfer";
        AnswerRecorded = "transfer.answer_recorded", "enregistrement d'une réponse donnée autrement", "recording of an answer given otherwise";
        TransferDispatched = "transfer.dispatched", "ventilation d'un transfert", "dispatch of a transfer";
        TransferEscalated = "transfer.escalated", "signalement au médiateur", "escalation to the mediator";
        TransferCoded = "transfer.coded", "saisie des codes du tableau de suivi", "entry of the register's codes";
        TransferTakenInCharge = "transfer.taken_in_charge", "prise en charge d'un transfert", "taking in charge of a transfer";
        TransferReleasedFromCharge = "transfer.released_from_charge", "fin de prise en charge d'un transfert", "giving up of the charge of a transfer";
        TransferReopened = "transfer.reopened", "réouverture d'un transfert traité", "reopening of a treated transfer";
        TransferTreated = "transfer.treated", "clôture d'un transfert", "closing of a transfer";
        TransferComposed = "transfer.composed", "envoi d'un transfert par un membre", "sending of a transfer by a member";
        RegisterExported = "register.exported", "export du tableau de suivi", "export of the register";
        StatisticsRead = "register.statistics_read", "consultation des statistiques", "reading of statistics";
        // The end of content (V1 to V5).
        ReminderQueued = "transfer.reminder_queued", "rappel avant expiration", "reminder before expiry";
        TransferRevoked = "transfer.revoked", "révocation d'un transfert", "revocation of a transfer";
        TransferExpired = "transfer.expired", "expiration d'un transfert", "expiry of a transfer";
        GrantsDestroyed = "transfer.grants_destroyed", "destruction des accès à un transfert", "destruction of the grants of a transfer";
        ObjectsErased = "transfer.objects_erased", "effacement des fichiers chiffrés", "erasure of sealed files";
        RegisterLineErased = "register.line_erased", "effacement d'une ligne du tableau de suivi", "erasure of a register line";
        // Keys and time.
        DayKeyMade = "key.day_made", "création d'une clé de jour", "making of a day key";
        DayKeyDestroyed = "key.day_destroyed", "destruction d'une clé de jour", "destruction of a day key";
        DraftKeyMade = "key.draft_made", "création d'une clé de brouillon", "making of a draft key";
        DraftKeyDestroyed = "key.draft_destroyed", "destruction d'une clé de brouillon", "destruction of a draft key";
        MailboxKeyMade = "key.mailbox_made", "création de la clé d'une boîte", "making of a mailbox key";
        MailboxKeyRotated = "key.mailbox_rotated", "renouvellement de la clé d'une boîte", "rotation of a mailbox key";
        MailboxKeyAttested = "key.mailbox_attested", "rappel au journal de la clé d'une boîte", "restating of a mailbox key in the log";
        PersonalKeyAttested = "key.personal_attested", "rappel au journal de la clé d'une personne", "restating of a personal key in the log";
        PersonalKeyMade = "key.personal_made", "création de la clé d'une personne", "making of a personal key";
        PersonalKeyOpened = "key.personal_opened", "ouverture de la clé d'une personne", "unlocking of a personal key";
        PersonalKeyLocked = "key.personal_locked", "changement du secret d'une clé personnelle", "change of the secret of a personal key";
        DkimKeyMade = "key.dkim_made", "création d'une clé de signature des courriels", "making of a mail signing key";
        DkimKeyUsed = "key.dkim_used", "mise en service d'une clé de signature des courriels", "putting to use of a mail signing key";
        DkimKeyRetired = "key.dkim_retired", "retrait d'une clé de signature des courriels", "retirement of a mail signing key";
        CustodyChanged = "mailbox.custody_changed", "changement de garde de la clé d'une boîte", "change of custody of a mailbox key";
        RecoveryExported = "key.recovery_exported", "export des données chiffrées pour le secours", "export of the sealed data for recovery";
        RecoveryAsked = "key.recovery_asked", "demande d'export des clés de secours", "request to export the recovery keys";
        RecoveryConfirmed = "key.recovery_confirmed", "confirmation d'un export des clés de secours", "confirmation of an export of the recovery keys";
        RecoveryKeysExported = "key.recovery_keys_exported", "export des clés de secours", "export of the recovery keys";
        DayKeyExported = "key.day_exported", "export d'une clé de jour", "export of a day key";
        DraftKeyExported = "key.draft_exported", "export d'une clé de brouillon", "export of a draft key";
        ClockJumped = "clock.jumped", "saut d'horloge constaté", "jump of the clock noticed";
        ClockConfirmed = "clock.confirmed", "confirmation de l'horloge", "confirmation of the clock";
        ClockMoved = "clock.moved", "avance de l'horloge de démonstration", "move of the demonstration clock";
        // The log itself (S2, S3).
        LogRead = "log.read", "lecture du journal", "reading of the log";
        LogExported = "log.exported", "export du journal", "export of the log";
        LogVerified = "log.verified", "vérification du journal", "verification of the log";
        BreachKitMade = "log.breach_kit_made", "établissement d'un dossier de violation", "making of a breach kit";
        ProcessingRecordMade = "log.processing_record_made", "établissement du registre des traitements", "making of the record of processing";
        ReceiptVerified = "log.receipt_verified", "vérification d'un reçu de dépôt", "verification of a deposit receipt";
        ReceiptSaltTold = "log.receipt_salt_told", "communication du sel d'un reçu", "telling of the salt of a receipt";
        LogPruned = "log.pruned", "purge du journal après sa durée de conservation", "pruning of the log after its retention";
        CheckpointWitnessed = "log.checkpoint_witnessed", "contresignature par un témoin", "cosignature by a witness";
        CheckpointStamped = "log.checkpoint_stamped", "horodatage d'un point de contrôle", "timestamp of a checkpoint";
        NameErased = "log.name_erased", "effacement d'un nom de la table des personnes", "erasure of a name from the table of persons";
        PersonExported = "log.person_exported", "export des données d'une personne", "export of a person's data";
        // The gateway.
        GatewayStarted = "gateway.started", "démarrage de la passerelle", "start of the gateway";
        GatewayStopped = "gateway.stopped", "arrêt de la passerelle", "stop of the gateway";
        ConfigurationReloaded = "gateway.configuration_reloaded", "rechargement de la configuration", "reload of the configuration";
        BackupMade = "gateway.backup_made", "sauvegarde", "backup";
        BackupRestored = "gateway.backup_restored", "restauration d'une sauvegarde", "restoration of a backup";
        RestoreOpened = "gateway.restore_opened", "ouverture après une restauration", "opening after a restoration";
        SelfChecked = "gateway.self_checked", "recherche d'un marqueur en clair", "search for a marker in clear";
        AlertRaised = "gateway.alert_raised", "alerte", "alert";
        // People, partners and rights (P1 to P7).
        OrganisationCreated = "organisation.created", "création d'un organisme", "creation of an organisation";
        MailboxCreated = "mailbox.created", "création d'une boîte", "creation of a mailbox";
        MailboxChanged = "mailbox.changed", "modification d'une boîte", "change of a mailbox";
        MemberAdded = "mailbox.member_added", "ajout d'un membre à une boîte", "admission of a member to a mailbox";
        MemberAdmitted = "mailbox.member_admitted", "ouverture d'une boîte à une personne par un membre", "opening of a mailbox to a person by a member";
        MemberRemoved = "mailbox.member_removed", "retrait d'un membre d'une boîte", "removal of a member from a mailbox";
        PartnerCreated = "partner.created", "création d'un partenaire", "creation of a partner";
        PartnerChanged = "partner.changed", "modification d'un partenaire", "change of a partner";
        PartnerSuspended = "partner.suspended", "suspension d'un partenaire", "suspension of a partner";
        AgreementChanged = "partner.agreement_changed", "modification d'une convention", "change of an agreement";
        AddressBlocked = "partner.address_blocked", "blocage d'une adresse", "blocking of an address";
        AddressUnblocked = "partner.address_unblocked", "déblocage d'une adresse", "unblocking of an address";
        AccountCreated = "account.created", "création d'un compte", "creation of an account";
        AccountLinkAsked = "account.link_asked", "demande d'un lien pour choisir un mot de passe", "request for a link to choose a password";
        AccountActivated = "account.activated", "activation d'un compte", "activation of an account";
        AccountChanged = "account.changed", "modification d'un compte", "change of an account";
        AccountDeactivated = "account.deactivated", "désactivation d'un compte", "deactivation of an account";
        AccountCutOff = "account.cut_off", "coupure immédiate d'un compte", "immediate cut-off of an account";
        AccountDeleted = "account.deleted", "suppression d'un compte", "deletion of an account";
        PasswordChanged = "account.password_changed", "changement de mot de passe", "change of password";
        MailPasswordMade = "account.mail_password_made", "création d'un mot de passe de messagerie", "making of a mail password";
        MailPasswordRevoked = "account.mail_password_revoked", "révocation d'un mot de passe de messagerie", "revocation of a mail password";
        SecondFactorChanged = "account.second_factor_changed", "changement du second facteur", "change of second factor";
        TermsAccepted = "account.terms_accepted", "acceptation des conditions d'utilisation", "acceptance of the terms of use";
        RightsChanged = "account.rights_changed", "changement de droits", "change of rights";
        RightsReviewed = "account.rights_reviewed", "revue des habilitations", "review of rights";
        TokenCreated = "token.created", "création d'un jeton d'accès", "creation of an access token";
        TokenUsed = "token.used", "usage d'un jeton d'accès ou d'un certificat", "use of an access token or certificate";
        TokenRefused = "token.refused", "refus d'un jeton d'accès ou d'un certificat", "refusal of an access token or certificate";
        TokenRevoked = "token.revoked", "révocation d'un jeton d'accès", "revocation of an access token";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Language;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_stable_shapes_and_name_one_action_each() {
        let codes: BTreeSet<_> = Action::ALL.iter().map(|action| action.code()).collect();
        assert_eq!(codes.len(), Action::ALL.len());
        for action in Action::ALL {
            let code = action.code();
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_'), "{code}");
            assert_eq!(code.matches('.').count(), 1, "{code}");
            assert_eq!(Action::from_code(code), Some(*action));
            assert_eq!(serde_json::to_string(action).unwrap(), format!("\"{code}\""));
        }
        assert_eq!(Action::from_code("deposit.unheard_of"), None);
    }

    #[test]
    fn each_action_reads_differently_in_each_language() {
        for language in [Language::Fr, Language::En] {
            let labels: BTreeSet<_> = Action::ALL.iter().map(|action| action.label(language)).collect();
            assert_eq!(labels.len(), Action::ALL.len(), "{language:?}");
        }
    }
}
