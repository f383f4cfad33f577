//! The words of the page of proofs, in French and English.

use super::words::words;

words! {
    /// Proofs of the log to hand out.
    ProofWords {
        title: "Preuves du journal", "Proofs of the log";
        lead: "De quoi montrer à une juridiction, à la CNIL ou à l’autre partie que rien n’a été changé. Une preuve ne contient que des empreintes : elle ne dit rien de personne.",
            "What shows a court, the data protection authority or the other party that nothing was changed. A proof holds fingerprints only: it tells nothing of anybody.";
        entry_title: "Une entrée figure dans le journal", "An entry stands in the log";
        entry_text: "Le numéro est celui que montrent la chronologie et l’histoire d’un transfert. Pour remettre l’entrée elle-même, exportez un dossier signé : il contient aussi sa preuve.",
            "The number is the one that the timeline and a transfer’s story show. To hand out the entry itself, export a signed bundle: it holds its proof too.";
        entry: "Numéro de l’entrée", "Number of the entry";
        take: "Télécharger la preuve", "Download the proof";
        growth_title: "Entre deux points de contrôle, le journal n’a fait que grandir", "Between two checkpoints the log only grew";
        growth_text: "À remettre à qui détient l’ancien point de contrôle, reçu par exemple avec un accusé de réception ou le courriel quotidien.",
            "For whoever holds the older checkpoint, such as one that came with an acknowledgement or the daily mail.";
        older: "Taille du point de contrôle ancien (deuxième ligne)", "Size of the older checkpoint (its second line)";
        newer: "Point de contrôle récent", "Newer checkpoint";
        entries: "entrées", "entries";
        none_signed: "Aucun point de contrôle n’est encore signé.", "No checkpoint is signed yet.";
        stamps_title: "Horodatages", "Timestamps";
        stamps_text: "Une autorité extérieure atteste que ce point de contrôle existait à cette heure (RFC 3161). Les deux fichiers se vérifient sans la passerelle :",
            "An outside authority attests that this checkpoint was there at that time (RFC 3161). The two files verify without the gateway:";
        no_stamps: "Aucun horodatage : aucune autorité n’est configurée, ou elle n’a pas encore répondu.", "No timestamps: no authority is configured, or it has not answered yet.";
        stamped_at: "Horodaté le", "Stamped on";
        covers: "Couvre", "Covers";
        files: "Fichiers", "Files";
        answer: "horodatage (.tsr)", "timestamp (.tsr)";
        checkpoint: "point de contrôle", "checkpoint";
    }
}
