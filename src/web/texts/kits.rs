//! The words of the pages on receipts and of the officer's kits, in French and English. A word that is missing in one
//! language does not compile.

use super::words::words;

words! {
    /// The page that verifies a receipt, and the part of the sent page that speaks of it.
    ReceiptWords {
        title: "Vérifier un reçu de dépôt", "Verify a deposit receipt";
        lead: "Un reçu prouve qu’un dépôt est bien arrivé ici, à telle heure, et qu’il figure dans le journal. Toute personne peut le vérifier, sans compte.",
            "A receipt proves that a deposit arrived here, at that time, and stands in the log. Anyone can verify it, without an account.";
        file: "Fichier du reçu", "Receipt file";
        file_help: "Le fichier « recu-….pli-receipt.txt » joint à l’accusé de réception.", "The file “recu-….pli-receipt.txt” joined to the acknowledgement.";
        paste: "ou texte du reçu", "or text of the receipt";
        paste_help: "Collez tout le texte, lignes « BEGIN » et « END » comprises.", "Paste the whole text, the “BEGIN” and “END” lines included.";
        about_file: "Vérifier aussi un fichier (facultatif)", "Check a file too (optional)";
        about_file_help: "Pour savoir si un document que vous avez est l’un de ceux qui ont été déposés. Le document n’est pas envoyé : son empreinte suffit.",
            "To know whether a document that you have is one of those deposited. The document is not sent: its fingerprint is enough.";
        salt: "Sel du reçu", "Salt of the receipt";
        salt_help: "32 caractères, affichés au déposant sur la page d’envoi.", "32 characters, shown to the depositor on the page after sending.";
        fingerprint: "Empreinte SHA-256 du fichier", "SHA-256 fingerprint of the file";
        fingerprint_help: "64 caractères. Sous Windows : certutil -hashfile document.pdf SHA256.", "64 characters. On Windows: certutil -hashfile document.pdf SHA256.";
        submit: "Vérifier", "Verify";
        holds: "Ce reçu est authentique", "This receipt is authentic";
        holds_text: "Il a été signé par cette passerelle et son dépôt figure dans le journal, à la place indiquée.", "It was signed by this gateway, and its deposit stands in the log, at the place given.";
        promise_text: "Il a été signé par cette passerelle. Il ne porte pas la preuve d’inscription au journal : il est parti avant.", "It was signed by this gateway. It does not carry the proof of its entry in the log: it left before.";
        gone: "Ce reçu est authentique, mais le journal ne le contient plus", "This receipt is authentic, but the log no longer holds it";
        gone_text: "La preuve signée est valable et le journal de cette passerelle ne la confirme plus : prévenez l’organisme, ce reçu à l’appui.",
            "The signed proof is valid and the log of this gateway no longer confirms it: tell the organisation, and show this receipt.";
        fails: "Ce reçu n’est pas authentique", "This receipt is not authentic";
        fails_text: "Il n’a pas été signé par cette passerelle, ou il a été modifié depuis.", "It was not signed by this gateway, or it was altered since.";
        unreadable: "Ce texte n’est pas un reçu", "This text is no receipt";
        unreadable_text: "Joignez le fichier entier, ou collez tout son texte.", "Join the whole file, or paste all of its text.";
        empty: "Joignez un reçu ou collez son texte", "Join a receipt or paste its text";
        too_many: "Trop de vérifications", "Too many verifications";
        too_many_text: "Réessayez dans quelques minutes.", "Try again in a few minutes.";
        file_yes: "Oui : ce fichier est l’un de ceux du dépôt.", "Yes: this file is one of the deposit’s.";
        file_no: "Non : avec ce sel, ce fichier n’est aucun de ceux du dépôt.", "No: with this salt, this file is none of the deposit’s.";
        file_wrong: "Le sel ou l’empreinte ne se lisent pas : le fichier n’a pas été vérifié.", "The salt or the fingerprint does not read: the file was not checked.";
        asked_file: "Fichier vérifié", "File checked";
        mailbox: "Page de dépôt", "Deposit page";
        entry: "Place dans le journal", "Place in the log";
        signed: "Journal signé le", "Log signed on";
        names_nobody: "Un reçu ne nomme personne : ni adresse, ni titre, ni nom de fichier. Cette vérification est notée dans le journal, sans le texte du reçu.",
            "A receipt names nobody: no address, no title, no file name. This verification is noted in the log, without the text of the receipt.";
        offline: "Vérifier sans cette page", "Verify without this page";
        offline_text: "Avec le logiciel Pli, hors ligne : « pli receipt verify FICHIER --key CLÉ ». Clé publique du journal :", "With the Pli software, offline: “pli receipt verify FILE --key KEY”. Public key of the log:";
        yours: "Votre reçu signé", "Your signed receipt";
        yours_text: "L’accusé de réception porte un reçu signé, qui prouve que ce dépôt est arrivé et ne nomme personne. Pour prouver un jour quels fichiers vous avez déposés, notez aussi ce sel : il n’est affiché qu’ici, jamais envoyé par courriel, et disparaît dans quelques jours.",
            "The acknowledgement carries a signed receipt, which proves that this deposit has arrived and names nobody. To prove one day which files you deposited, note this salt too: it is shown here alone, never mailed, and is gone in a few days.";
        download: "Télécharger le reçu", "Download the receipt";
        how: "Vérifier un reçu", "Verify a receipt";
    }
}

words! {
    /// The officer's kits.
    KitWords {
        hub: "Dossiers", "Kits";
        hub_title: "Dossiers de l’officier de sécurité", "Security officer’s kits";
        hub_lead: "Ce qu’il faut pouvoir produire tout de suite : une violation de données, le registre des traitements, la demande d’une personne.",
            "What must be at hand at once: a breach, the record of processing, a person’s request.";
        logged: "L’établissement d’un dossier est noté dans le journal. Aucun dossier ne contient de contenu, de titre ni de nom d’usager.",
            "Making a kit is noted in the log. No kit holds content, a title or the name of an insured person.";
        french: "Les dossiers sont rédigés en français.", "Kits are written in French.";
        breach: "Violation de données", "Data breach";
        breach_text: "Ce qui a été touché, par qui, combien de personnes et de fichiers, qui prévenir et avant quand, un projet de notification, les preuves.",
            "What was touched, by whom, how many persons and files, whom to tell by when, a draft of the notice, the proofs.";
        record: "Registre des traitements", "Record of processing";
        record_text: "L’article 30 du RGPD, établi à partir de ce qui est réellement réglé.", "GDPR article 30, made from what is really set.";
        person: "Demande d’une personne", "A person’s request";
        person_text: "Tout ce qui est détenu au sujet d’une adresse : trouver, exporter, effacer ce que la loi permet d’effacer.",
            "All that is held about an address: find it, export it, erase what the law allows.";
        back: "Tous les dossiers", "All kits";
        from: "Du", "From";
        until: "Au", "To";
        aware: "Connaissance de la violation", "The breach came to be known";
        aware_help: "Les délais de 48 ou 72 heures courent à partir de cet instant.", "The delays of 48 or 72 hours run from this moment.";
        mailbox: "Boîte", "Mailbox";
        all_mailboxes: "Toutes les boîtes", "All mailboxes";
        account: "Compte ou adresse (facultatif)", "Account or address (optional)";
        account_help: "Ce que cette personne a fait. Une adresse, ou un pseudonyme du journal.", "What this person did. An address, or a pseudonym of the log.";
        transfer: "Référence d’un transfert (facultatif)", "Reference of a transfer (optional)";
        make: "Établir le dossier", "Make the kit";
        download: "Télécharger le dossier complet", "Download the whole kit";
        download_help: "Un fichier zip : rapport, projet de notification, chronologie, transferts, personnes, preuves.", "A zip file: report, draft of the notice, timeline, transfers, persons, proofs.";
        download_record: "Télécharger le registre", "Download the record";
        wrong_time: "Indiquez le début, la fin et l’instant de connaissance ; la fin vient après le début.", "Give the beginning, the end and the moment of knowledge; the end comes after the beginning.";
        wrong_account: "Ce compte n’est ni une adresse ni un pseudonyme.", "This account is neither an address nor a pseudonym.";
        wrong_transfer: "Aucun transfert n’a cette référence.", "No transfer has this reference.";
        wrong_address: "Indiquez une adresse électronique complète.", "Give a complete mail address.";
        address: "Adresse électronique", "Mail address";
        find: "Chercher", "Find";
        export: "Exporter", "Export";
        export_help: "Un fichier zip : données à lire (HTML) et à réutiliser (JSON).", "A zip file: data to read (HTML) and to reuse (JSON).";
        erase: "Effacer", "Erase";
        erase_title: "Effacer cette personne", "Erase this person";
        erase_text: "Le nom, le compte, les sessions, les liens demandés et les états de courriels sont effacés pour de bon. Les transferts en cours restent jusqu’à leur expiration ; le journal garde un pseudonyme et reste vérifiable.",
            "Name, account, sessions, links asked for and states of mails are erased for good. Transfers under way stay until they expire; the log keeps a pseudonym and still verifies.";
        confirm: "Je confirme que la loi permet cet effacement", "I confirm that the law allows this erasure";
        not_confirmed: "Cochez la confirmation pour effacer.", "Tick the confirmation to erase.";
        needed: "Ce compte ne peut pas être effacé : c’est le vôtre, ou celui du dernier officier de sécurité.", "This account cannot be erased: it is yours, or that of the last security officer.";
        opens_mailboxes: "Ce compte ouvre des boîtes dont les membres gardent seuls la clé : un membre l’en retire d’abord, pour que la clé soit renouvelée.",
            "This account opens mailboxes whose key the members alone keep: a member removes it there first, so that the key is made anew.";
        erased: "L’effacement est fait", "It is erased";
        nothing: "Rien n’est détenu sous cette adresse", "Nothing is held under this address";
    }
}
