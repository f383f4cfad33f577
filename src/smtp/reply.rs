//! Every reply of the SMTP server: code (RFC 5321 section 4.2), enhanced code (RFC 3463) and a sentence for
//! people. The one place where an outcome becomes words; nothing of our insides is told.
//!
//! What a sender's system will show to a person is said in French first, then in English. Replies are ASCII
//! (RFC 5321 section 2.4), so the French ones are worded without accents.

use super::command::CommandError;
use super::mail::{MailOutcome, RefusedMail, TryLater};
use super::receiver::MessageFault;
use super::submission::{RefusedSubmission, SubmissionOutcome};
use crate::value::ByteSize;

/// An enhanced status code: class, subject, detail.
type Enhanced = (u8, u8, u8);

/// What a person reads in the mail program: it does not know that a mail password is needed.
const SIGN_IN_REFUSED_LINES: &[&str] = &[
    "Adresse ou mot de passe de messagerie incorrects. Il differe du mot de passe des pages web.",
    "The address and the mail password do not go together. It differs from the password of the web pages.",
];

/// A reply of one or more lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<Enhanced>,
    text: Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    Fixed(&'static [&'static str]),
    Made(Vec<String>),
}

impl Reply {
    pub(super) const OK: Self = fixed(250, (2, 0, 0), &["OK"]);
    pub(super) const SENDER_OK: Self = fixed(250, (2, 1, 0), &["Sender OK"]);
    pub(super) const RECIPIENT_OK: Self = fixed(250, (2, 1, 5), &["Recipient OK"]);
    pub(super) const NOTED: Self = fixed(250, (2, 0, 0), &["Noted"]);
    pub(super) const BYE: Self = fixed(221, (2, 0, 0), &["Goodbye"]);
    /// RFC 5321 section 3.5.3: an address is neither confirmed nor denied.
    pub(super) const CANNOT_VERIFY: Self = fixed(252, (2, 5, 0), &["Send a mail to find out"]);
    pub(super) const HELP: Self = fixed(214, (2, 0, 0), &["See RFC 5321"]);
    pub(super) const START_TLS: Self = fixed(220, (2, 0, 0), &["Ready to start TLS"]);
    /// 354 has no enhanced code (RFC 2034 section 3).
    pub(super) const START_MAIL: Self =
        Self { code: 354, enhanced: None, text: Text::Fixed(&["Send the message, end with a lone dot"]) };

    pub(super) const UNKNOWN_COMMAND: Self = fixed(500, (5, 5, 1), &["This command is not known here."]);
    pub(super) const LINE_ENDING: Self =
        fixed(500, (5, 5, 2), &["A line ends with CR LF; a lone CR or LF, or NUL, is refused."]);
    pub(super) const LINE_TOO_LONG: Self = fixed(500, (5, 5, 2), &["The command line is too long."]);
    pub(super) const SYNTAX: Self =
        fixed(501, (5, 5, 4), &["The parameters of this command cannot be read."]);
    pub(super) const NOT_OFFERED: Self = fixed(502, (5, 5, 1), &["This command is not offered here."]);
    pub(super) const HELLO_FIRST: Self = fixed(503, (5, 5, 1), &["Say EHLO first."]);
    pub(super) const SENDER_FIRST: Self = fixed(503, (5, 5, 1), &["Give MAIL FROM first."]);
    pub(super) const RECIPIENT_FIRST: Self =
        fixed(503, (5, 5, 1), &["Give a recipient that is accepted first."]);
    pub(super) const SENDER_GIVEN: Self = fixed(503, (5, 5, 1), &["The sender is given already."]);
    pub(super) const TLS_ALREADY: Self = fixed(503, (5, 5, 1), &["TLS is on already."]);
    pub(super) const CHUNKS_BEGUN: Self = fixed(503, (5, 5, 1), &["The message has begun with BDAT."]);
    pub(super) const TLS_FIRST: Self = fixed(530, (5, 7, 0), &["Issue STARTTLS first."]);
    /// RFC 3207 section 4.2: what came in clear behind STARTTLS could be anybody's.
    pub(super) const BYTES_AFTER_STARTTLS: Self =
        fixed(554, (5, 5, 1), &["Nothing may follow STARTTLS before TLS; closing."]);
    pub(super) const PARAMETER: Self = fixed(555, (5, 5, 4), &["This parameter is not offered here."]);
    pub(super) const SENDER_SYNTAX: Self = fixed(
        553,
        (5, 1, 7),
        &["Adresse de l'envoyeur incorrecte.", "The sender address is not of the form name@domain."],
    );
    pub(super) const RECIPIENT_SYNTAX: Self = fixed(
        553,
        (5, 1, 3),
        &["Adresse du destinataire incorrecte.", "The recipient address is not of the form name@domain."],
    );
    /// RFC 6531 section 3.5.
    pub(super) const SENDER_NEEDS_UTF8: Self =
        fixed(550, (5, 6, 7), &["This sender address needs SMTPUTF8."]);
    /// RFC 6531 section 3.5.
    pub(super) const RECIPIENT_NEEDS_UTF8: Self =
        fixed(553, (5, 6, 7), &["This recipient address needs SMTPUTF8."]);
    pub(super) const UNKNOWN_RECIPIENT: Self = fixed(
        550,
        (5, 1, 1),
        &["Adresse inconnue ici. Relisez-la, ou demandez-la au destinataire.", "No such address here."],
    );
    pub(super) const NO_RELAY: Self = fixed(
        550,
        (5, 7, 1),
        &["Ce serveur ne transmet pas de courrier vers ce domaine.", "Relaying denied for this domain."],
    );
    /// RFC 5321 section 4.5.3.1.10: the peer sends the rest in a transaction of its own.
    pub(super) const ONE_RECIPIENT: Self =
        fixed(452, (4, 5, 3), &["One recipient a mail; send it separately."]);

    /// Challenges have no enhanced code (RFC 2034 section 3); they are base64: nothing, "Username:", "Password:".
    pub(super) const CHALLENGE_EMPTY: Self = Self { code: 334, enhanced: None, text: Text::Fixed(&[""]) };
    pub(super) const CHALLENGE_NAME: Self =
        Self { code: 334, enhanced: None, text: Text::Fixed(&["VXNlcm5hbWU6"]) };
    pub(super) const CHALLENGE_SECRET: Self =
        Self { code: 334, enhanced: None, text: Text::Fixed(&["UGFzc3dvcmQ6"]) };
    pub(super) const SIGNED_IN: Self = fixed(235, (2, 7, 0), &["Signed in"]);
    pub(super) const SIGN_IN_LATER: Self =
        fixed(454, (4, 7, 0), &["Cannot sign you in now; try again later."]);
    pub(super) const SIGN_IN_FIRST: Self = fixed(530, (5, 7, 0), &["Sign in first (AUTH)."]);
    /// One text for every reason: unknown, wrong, cut off.
    pub(super) const SIGN_IN_REFUSED: Self = fixed(535, (5, 7, 8), SIGN_IN_REFUSED_LINES);
    pub(super) const SIGN_IN_REFUSED_LAST: Self = fixed(421, (4, 7, 0), SIGN_IN_REFUSED_LINES);
    pub(super) const TOO_MANY_SIGN_INS: Self = fixed(
        421,
        (4, 7, 0),
        &[
            "Trop d'essais de connexion. Attendez un quart d'heure.",
            "Too many tries; wait a quarter of an hour.",
        ],
    );
    pub(super) const SIGN_IN_NEEDS_TLS: Self = fixed(538, (5, 7, 11), &["Issue STARTTLS first."]);
    pub(super) const SIGN_IN_ENCODING: Self = fixed(501, (5, 5, 2), &["This cannot be read as base64."]);
    pub(super) const SIGN_IN_CANCELLED: Self = fixed(501, (5, 7, 0), &["Signing in was cancelled."]);
    pub(super) const SIGN_IN_LINE_TOO_LONG: Self = fixed(500, (5, 5, 6), &["The line is too long."]);
    pub(super) const SIGNED_IN_ALREADY: Self = fixed(503, (5, 5, 1), &["You are signed in already."]);
    pub(super) const SIGN_IN_BEFORE_MAIL: Self = fixed(503, (5, 5, 1), &["Sign in before MAIL FROM."]);
    pub(super) const MECHANISM: Self =
        fixed(504, (5, 5, 4), &["Only AUTH PLAIN and AUTH LOGIN are known here."]);
    pub(super) const SENDER_NOT_YOURS: Self = fixed(
        553,
        (5, 7, 1),
        &["Votre compte n'envoie pas sous cette adresse.", "Your account does not send under this address."],
    );
    pub(super) const SENDER_LATER: Self = fixed(451, (4, 3, 0), &["Cannot take mail now; try again later."]);
    pub(super) const ACCOUNT_ENDED: Self = fixed(
        421,
        (4, 7, 0),
        &[
            "Votre compte ou son mot de passe n'est plus actif.",
            "Your account or its password is not active any more.",
        ],
    );
    pub(super) const TOO_MANY_RECIPIENTS: Self =
        fixed(452, (4, 5, 3), &["Too many recipients; send the mail to the others separately."]);

    pub(super) const TOO_MANY_ERRORS: Self = fixed(421, (4, 7, 0), &["Too many errors; closing."]);
    pub(super) const TOO_MANY_COMMANDS: Self = fixed(421, (4, 7, 0), &["Too many commands; closing."]);
    pub(super) const TOO_MANY_MAILS: Self =
        fixed(421, (4, 7, 0), &["Too many mails over one connection; closing."]);
    pub(super) const TOO_MANY_CONNECTIONS: Self =
        fixed(421, (4, 7, 0), &["Too many connections from your address; come back later."]);
    pub(super) const SERVER_BUSY: Self = fixed(421, (4, 3, 2), &["Too busy; come back later."]);
    pub(super) const CLOSING: Self = fixed(421, (4, 3, 2), &["Stopping; come back later."]);
    pub(super) const TIMED_OUT: Self = fixed(421, (4, 4, 2), &["Waited too long; closing."]);
    pub(super) const NO_MEMORY: Self =
        fixed(452, (4, 3, 1), &["No room for this message now; send it again later."]);

    const DISCARDED_TOO_MUCH: Self = fixed(552, (5, 3, 4), &["Message far too large; closing."]);

    /// The greeting (RFC 5321 section 4.3.1).
    pub(super) fn greeting(hostname: &str) -> Self {
        made(220, None, vec![format!("{hostname} ESMTP")])
    }

    /// The answer to HELO.
    pub(super) fn hello(hostname: &str) -> Self {
        made(250, None, vec![hostname.to_owned()])
    }

    /// The answer to EHLO: the host, then what it offers, one line each.
    pub(super) fn extended_hello(hostname: &str, extensions: Vec<String>) -> Self {
        let mut lines = vec![hostname.to_owned()];
        lines.extend(extensions);
        made(250, None, lines)
    }

    /// A chunk of BDAT was taken (RFC 3030 section 2).
    pub(super) fn chunk(bytes: u64) -> Self {
        made(250, Some((2, 0, 0)), vec![format!("{bytes} octets received")])
    }

    /// The message is larger than this server takes (RFC 1870).
    pub(super) fn too_large(limit: ByteSize) -> Self {
        let mebibytes = limit.bytes() / (1024 * 1024);
        made(
            552,
            Some((5, 3, 4)),
            vec![
                format!("Message trop volumineux : {mebibytes} Mio au plus. Passez par la page web."),
                format!("Message too large: at most {mebibytes} MiB. Use the web page instead."),
            ],
        )
    }

    /// More files than the mailbox takes at once.
    fn too_many_files(limit: u32) -> Self {
        made(
            554,
            Some((5, 7, 1)),
            vec![
                format!("Trop de fichiers joints : {limit} au plus par depot. Faites plusieurs envois."),
                format!("Too many files: at most {limit} a deposit. Send several mails."),
            ],
        )
    }

    /// The answer to a command that could not be read.
    pub(super) const fn to_command_error(error: CommandError) -> Self {
        match error {
            CommandError::Unknown => Self::UNKNOWN_COMMAND,
            CommandError::Syntax => Self::SYNTAX,
            CommandError::Parameter => Self::PARAMETER,
            CommandError::SenderAddress => Self::SENDER_SYNTAX,
            CommandError::RecipientAddress => Self::RECIPIENT_SYNTAX,
            CommandError::SenderNeedsUtf8 => Self::SENDER_NEEDS_UTF8,
        }
    }

    /// The answer to a message that could not be taken off the wire.
    pub(super) fn to_message_fault(fault: MessageFault) -> Self {
        match fault {
            MessageFault::LineEnding => fixed(
                554,
                (5, 6, 0),
                &["The message holds a lone CR or LF, or NUL; each line ends with CR LF."],
            ),
            MessageFault::LineTooLong => fixed(554, (5, 6, 0), &["A line of the message is too long."]),
            MessageFault::TooLarge { limit } => Self::too_large(limit),
            MessageFault::NoRoom => Self::NO_MEMORY,
        }
    }

    /// The last word to a sender who goes on and on with a message that is refused.
    pub(super) const fn endless() -> Self {
        Self::DISCARDED_TOO_MUCH
    }

    /// The answer to a message, by what became of it.
    pub(super) fn to_outcome(outcome: &MailOutcome) -> Self {
        match outcome {
            MailOutcome::Accepted { reference } => {
                made(250, Some((2, 0, 0)), vec![format!("Deposited, reference {reference}")])
            }
            MailOutcome::Noted => Self::NOTED,
            MailOutcome::Refused(refused) => Self::to_refused(*refused),
            MailOutcome::TryLater(TryLater::Fault) => {
                fixed(451, (4, 3, 0), &["Cannot take this mail now; send it again later."])
            }
            MailOutcome::TryLater(TryLater::Busy) => {
                fixed(451, (4, 3, 2), &["Too busy; send it again later."])
            }
            MailOutcome::TryLater(TryLater::SenderUnchecked) => fixed(
                451,
                (4, 4, 3),
                &["The names that tell who sent this do not answer now; send it again later."],
            ),
            // RFC 3463 section 3.3: system not accepting messages, of this author for now.
            MailOutcome::TryLater(TryLater::TooFast) => {
                fixed(451, (4, 3, 2), &["This author sent much in an hour; send it again later."])
            }
            MailOutcome::TryLater(TryLater::Full) => Self::NO_MEMORY,
        }
    }

    /// The answer to a submitted message, by what became of it.
    pub(super) fn to_submission(outcome: &SubmissionOutcome) -> Self {
        match outcome {
            SubmissionOutcome::Taken { reference } => {
                made(250, Some((2, 0, 0)), vec![format!("Sent, reference {reference}")])
            }
            SubmissionOutcome::TryLater(later) => Self::to_outcome(&MailOutcome::TryLater(*later)),
            SubmissionOutcome::Refused(refused) => Self::to_refused_submission(*refused),
        }
    }

    fn to_refused_submission(refused: RefusedSubmission) -> Self {
        let (code, enhanced, lines): (u16, Enhanced, &'static [&'static str]) = match refused {
            RefusedSubmission::MayNotSend => (
                550,
                (5, 7, 1),
                &["Votre compte ne peut pas envoyer ce message.", "Your account may not send this message."],
            ),
            RefusedSubmission::WhichMailbox => (
                550,
                (5, 7, 1),
                &[
                    "Vous etes membre de plusieurs boites : envoyez sous l'adresse de l'une d'elles.",
                    "You are a member of several mailboxes: send from the address of one of them.",
                ],
            ),
            RefusedSubmission::Automatic => (
                550,
                (5, 7, 1),
                &[
                    "Une reponse automatique n'est pas envoyee par cette passerelle.",
                    "Automatic mail is not sent by this gateway.",
                ],
            ),
            RefusedSubmission::TooManyRecipients { limit } => {
                return made(
                    550,
                    Some((5, 5, 3)),
                    vec![
                        format!("Trop de destinataires : {limit} au plus. Faites plusieurs envois."),
                        format!("Too many recipients: at most {limit}. Send several mails."),
                    ],
                );
            }
            RefusedSubmission::Validity => (
                554,
                (5, 7, 1),
                &[
                    "Duree de validite refusee : de 5 a 20 jours (Pli-Validity-Days ou +pli-10j).",
                    "Validity refused: 5 to 20 days (Pli-Validity-Days or +pli-10d).",
                ],
            ),
            RefusedSubmission::TooManyFiles { limit } => return Self::too_many_files(limit),
            RefusedSubmission::RecipientRefused => (
                550,
                (5, 7, 1),
                &[
                    "Un destinataire n'est pas admis : une adresse de la passerelle, ou interdite par la politique.",
                    "One of the recipients is not allowed: an address of the gateway, or denied by the policy.",
                ],
            ),
            RefusedSubmission::Malformed => return Self::to_refused(RefusedMail::Malformed),
            RefusedSubmission::TooComplex => return Self::to_refused(RefusedMail::TooComplex),
            RefusedSubmission::Empty => return Self::to_refused(RefusedMail::Empty),
            RefusedSubmission::TooLarge { limit } => return Self::too_large(limit),
            RefusedSubmission::TitleNamesPerson => return Self::to_refused(RefusedMail::TitleNamesPerson),
            RefusedSubmission::FileRefused => return Self::to_refused(RefusedMail::FileRefused),
            RefusedSubmission::Loop => return Self::to_refused(RefusedMail::Loop),
        };
        fixed(code, enhanced, lines)
    }

    fn to_refused(refused: RefusedMail) -> Self {
        let (code, enhanced, lines): (u16, Enhanced, &'static [&'static str]) = match refused {
            RefusedMail::MayNotDeposit => (
                550,
                (5, 7, 1),
                &[
                    "Cette adresse ne prend pas le courrier de cet envoyeur. Contactez l'organisme.",
                    "This address does not take mail from this sender. Ask the organisation.",
                ],
            ),
            RefusedMail::AddressTakesNoMail => (
                550,
                (5, 7, 1),
                &[
                    "Cette adresse ne lit pas le courrier. Ouvrez le lien du message que vous avez eu.",
                    "This address takes no mail. Use the link in the message that you got.",
                ],
            ),
            RefusedMail::IsReply => (
                550,
                (5, 7, 1),
                &[
                    "Ceci repond a un message automatique, que personne ne lit. Ouvrez le lien de ce message, ou ecrivez un courriel nouveau.",
                    "This answers an automatic message, which nobody reads. Open the link in that message, or write a new mail.",
                ],
            ),
            RefusedMail::AnswersNotice => (
                550,
                (5, 7, 1),
                &[
                    "Le partenaire ne recoit pas cette reponse : elle repond a un avis, que personne ne lit. Ouvrez le lien de l'avis, puis Repondre sur la page du dossier.",
                    "The partner does not get this answer: it answers a notice, which nobody reads. Open the link in the notice, then Answer on the page of the case.",
                ],
            ),
            RefusedMail::Automatic => (
                550,
                (5, 7, 1),
                &[
                    "Un courriel automatique ne vaut pas depot : ecrivez en votre nom.",
                    "Automatic mail is no deposit: write in your own name.",
                ],
            ),
            RefusedMail::DoorClosed { page: true } => (
                550,
                (5, 7, 1),
                &[
                    "Votre convention n'ouvre pas le depot par courriel ici : utilisez la page de depot.",
                    "Your agreement does not open deposits by mail here: use the deposit page.",
                ],
            ),
            RefusedMail::DoorClosed { page: false } => (
                550,
                (5, 7, 1),
                &[
                    "Votre convention n'ouvre pas le depot par courriel ici. Contactez l'organisme.",
                    "Your agreement does not open deposits by mail here. Ask the organisation.",
                ],
            ),
            RefusedMail::FormNeeded => (
                554,
                (5, 6, 0),
                &[
                    "La fiche de liaison manque : joignez-la en fichier, ou remplissez-la sur la page de depot.",
                    "The liaison form is missing: join it as a file, or fill it on the deposit page.",
                ],
            ),
            RefusedMail::Malformed => {
                (554, (5, 6, 0), &["Message illisible pour ce serveur.", "The message cannot be read."])
            }
            RefusedMail::TooComplex => (
                554,
                (5, 6, 0),
                &[
                    "Message trop complexe : trop de parties.",
                    "The message has too many or too nested parts.",
                ],
            ),
            RefusedMail::Empty => (
                554,
                (5, 6, 0),
                &["Message vide : ni texte ni fichier.", "The message holds neither text nor a file."],
            ),
            RefusedMail::TooLarge { limit } => return Self::too_large(limit),
            RefusedMail::TooManyFiles { limit } => return Self::too_many_files(limit),
            RefusedMail::TitleNamesPerson => (
                554,
                (5, 7, 1),
                &[
                    "L'objet nomme une personne : retirez son nom ou son NIR, puis renvoyez.",
                    "The subject names a person: take that out and send again.",
                ],
            ),
            RefusedMail::FileRefused => (
                554,
                (5, 7, 1),
                &["Un fichier joint est d'un type interdit ou dangereux.", "An attached file is refused."],
            ),
            RefusedMail::Loop => (554, (5, 4, 6), &["This mail goes round in a loop."]),
        };
        fixed(code, enhanced, lines)
    }

    /// The reply code.
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// 4xx and 5xx: the peer did not get what it asked for.
    pub const fn is_refusal(&self) -> bool {
        self.code >= 400
    }

    /// Appends the reply as it goes over the wire. The enhanced code is on each line (RFC 2034 section 4).
    pub fn write_to(&self, wire: &mut Vec<u8>) {
        match &self.text {
            Text::Fixed(lines) => self.write_lines(lines, wire),
            Text::Made(lines) => self.write_lines(lines, wire),
        }
    }

    fn write_lines<L: AsRef<str>>(&self, lines: &[L], wire: &mut Vec<u8>) {
        for (number, line) in lines.iter().enumerate() {
            let separator = if number + 1 == lines.len() { ' ' } else { '-' };
            wire.extend_from_slice(format!("{}{separator}", self.code).as_bytes());
            if let Some((class, subject, detail)) = self.enhanced {
                wire.extend_from_slice(format!("{class}.{subject}.{detail} ").as_bytes());
            }
            wire.extend_from_slice(line.as_ref().as_bytes());
            wire.extend_from_slice(b"\r\n");
        }
    }
}

const fn fixed(code: u16, enhanced: Enhanced, lines: &'static [&'static str]) -> Reply {
    Reply { code, enhanced: Some(enhanced), text: Text::Fixed(lines) }
}

const fn made(code: u16, enhanced: Option<Enhanced>, lines: Vec<String>) -> Reply {
    Reply { code, enhanced, text: Text::Made(lines) }
}

#[cfg(test)]
mod tests;
