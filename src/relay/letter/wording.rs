//! What the mails say, in French and English: the words, the facts in their order, the one button. How it
//! looks is in the templates.

use super::officer;
use super::{
    Letter, LetterError, LetterKind, PRIVACY_PATH, RECEIPT_PATH, account, heartbeat, hold, outside,
    postmaster, reminder, report, status, undelivered,
};
use crate::value::{ByteSize, Language, Timestamp, calendar};

/// Characters of a name, title or address that a mail shows; policies keep them shorter.
const FIELD_MAX_CHARS: usize = 200;
/// Bytes of a checkpoint that a mail carries: three lines and the signatures of a few witnesses.
const CHECKPOINT_MAX_BYTES: usize = 4096;

/// A mail in words, ready for the templates.
#[derive(Debug)]
pub(super) struct Page {
    pub subject: String,
    pub language: &'static str,
    pub greeting: &'static str,
    /// What stands between a label and its value: French has a space before the colon.
    pub colon: &'static str,
    pub before: Vec<String>,
    pub facts: Vec<(&'static str, String)>,
    pub button: Option<(&'static str, String)>,
    /// What the code is for, and the code.
    pub code: Option<(&'static str, String)>,
    pub after: Vec<String>,
    /// What the proof is, and its lines.
    pub proof: Option<(&'static str, String)>,
    /// The name and the text of the one file that is joined.
    pub file: Option<(String, String)>,
    pub footer: &'static str,
    pub privacy: (&'static str, String),
    pub other_language: &'static str,
    pub in_other_language: String,
}

/// Puts a letter into words.
pub(super) fn page(letter: &Letter, language: Language, base_url: &str) -> Result<Page, LetterError> {
    if !is_link(base_url) {
        return Err(LetterError::Link);
    }
    let other = match language {
        Language::Fr => Language::En,
        Language::En => Language::Fr,
    };
    let mut page = Page {
        subject: subject(letter, language)?,
        language: language.tag(),
        greeting: say(language, "Bonjour,", "Hello,"),
        colon: say(language, "\u{a0}:", ":"),
        before: Vec::new(),
        facts: Vec::new(),
        button: None,
        code: None,
        after: Vec::new(),
        proof: None,
        file: None,
        footer: footer(letter.kind(), language),
        privacy: (
            say(
                language,
                "Données personnelles et contact du délégué (DPO)",
                "Personal data and DPO contact",
            ),
            format!("{base_url}{PRIVACY_PATH}"),
        ),
        other_language: other.tag(),
        in_other_language: summary(letter, other)?,
    };
    match letter {
        Letter::Acknowledgement { .. } => acknowledgement(&mut page, letter, language, base_url)?,
        Letter::Alert { .. } => officer::alert(&mut page, letter, language, base_url)?,
        Letter::Daily { .. } => officer::daily(&mut page, letter, language, base_url)?,
        Letter::DepositLink { .. } => deposit_link(&mut page, letter, language, base_url)?,
        Letter::StatusLink { .. } => status::page(&mut page, letter, language, base_url)?,
        Letter::Notice { .. } => notice(&mut page, letter, language, base_url)?,
        Letter::Hold(held) => hold::page(&mut page, held, language, base_url)?,
        Letter::Undelivered(told) => undelivered::page(&mut page, told, language, base_url)?,
        Letter::Heartbeat(asked) => heartbeat::page(&mut page, asked, language, base_url)?,
        Letter::Outside(letter) => outside::page(&mut page, letter, language, base_url)?,
        Letter::Reminder(letter) => reminder::page(&mut page, letter, language, base_url)?,
        Letter::Report(told) => report::page(&mut page, told, language)?,
        Letter::Postmaster(mail) => postmaster::page(&mut page, mail, language)?,
        // Its own words.
        Letter::Forwarded { .. } => {}
        Letter::Account(letter) => account::page(&mut page, letter, language, base_url)?,
    }
    for sentence in page.before.iter_mut().chain(&mut page.after).chain([&mut page.in_other_language]) {
        *sentence = unbroken(sentence);
    }
    Ok(page)
}

/// French sets a space within quotation marks and before high punctuation: a line must not break there.
fn unbroken(sentence: &str) -> String {
    [" :", " ;", " ?", " !", " »"].iter().fold(sentence.replace("« ", "«\u{a0}"), |text, mark| {
        text.replace(mark, &mark.replace(' ', "\u{a0}"))
    })
}

pub(super) const fn say(language: Language, french: &'static str, english: &'static str) -> &'static str {
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}

fn subject(letter: &Letter, language: Language) -> Result<String, LetterError> {
    Ok(match letter {
        Letter::Acknowledgement { reference, title, .. } => {
            let what =
                say(language, "Accusé de réception automatique", "Automatic acknowledgement of receipt");
            format!("{what} – {} – {reference}", one_line(title))
        }
        Letter::Alert { kind, count, .. } => officer::alert_subject(*kind, *count, language),
        Letter::Daily { at, .. } => officer::daily_subject(*at, language)?,
        Letter::DepositLink { mailbox_name, .. } => {
            let what = say(language, "Votre lien de dépôt", "Your deposit link");
            format!("{what} – {}", one_line(mailbox_name))
        }
        Letter::Notice { reference, title, .. } => format!("{} – {reference}", one_line(title)),
        Letter::StatusLink { reference, .. } => status::subject(reference.as_ref(), language),
        Letter::Hold(held) => hold::subject(held, language),
        Letter::Undelivered(told) => undelivered::subject(told, language),
        Letter::Heartbeat(asked) => heartbeat::subject(asked, language),
        Letter::Outside(letter) => outside::subject(letter, language),
        Letter::Reminder(letter) => reminder::subject(letter, language),
        Letter::Report(told) => report::subject(told, language),
        Letter::Postmaster(mail) => postmaster::subject(mail, language),
        Letter::Forwarded { .. } => String::new(),
        Letter::Account(letter) => account::subject(letter, language),
    })
}

/// The mail in one sentence, for someone who does not read its language.
fn summary(letter: &Letter, language: Language) -> Result<String, LetterError> {
    Ok(match (letter, language) {
        (Letter::Acknowledgement { reference, can_be_opened_until: until, .. }, Language::En) => {
            format!(
                "In English: your deposit {reference} has arrived; it can be opened until {}.",
                time(*until, language)?
            )
        }
        (Letter::Acknowledgement { reference, can_be_opened_until: until, .. }, Language::Fr) => format!(
            "En français : votre dépôt {reference} est arrivé ; il peut être ouvert jusqu’au {}.",
            time(*until, language)?
        ),
        (Letter::Alert { kind, .. }, _) => officer::alert_summary(*kind, language),
        (Letter::Daily { .. }, _) => officer::daily_summary(language),
        (Letter::DepositLink { starts_until: until, .. }, Language::En) => format!(
            "In English: open the link above before {} to start your deposit. If you did not ask for it, ignore this mail.",
            time(*until, language)?
        ),
        (Letter::DepositLink { starts_until: until, .. }, Language::Fr) => format!(
            "En français : ouvrez le lien ci-dessus avant le {} pour commencer votre dépôt. Si vous n’avez rien \
             demandé, ignorez ce message.",
            time(*until, language)?
        ),
        (Letter::StatusLink { .. }, _) => status::summary(language),
        (Letter::Hold(held), _) => hold::summary(held, language)?,
        (Letter::Undelivered(told), _) => undelivered::summary(told, language),
        (Letter::Heartbeat(asked), _) => heartbeat::summary(asked, language),
        (Letter::Outside(letter), _) => outside::summary(letter, language)?,
        (Letter::Reminder(letter), _) => reminder::summary(letter, language)?,
        (Letter::Report(told), _) => report::summary(told, language),
        (Letter::Postmaster(mail), _) => postmaster::summary(mail, language),
        (Letter::Forwarded { .. }, _) => String::new(),
        (Letter::Account(letter), _) => account::summary(letter, language)?,
        (Letter::Notice { can_be_opened_until: until, .. }, Language::En) => format!(
            "In English: a secure deposit has arrived; sign in by the link above to open it until {}.",
            time(*until, language)?
        ),
        (Letter::Notice { can_be_opened_until: until, .. }, Language::Fr) => format!(
            "En français : un dépôt sécurisé est arrivé ; connectez-vous par le lien ci-dessus pour l’ouvrir jusqu’au {}.",
            time(*until, language)?
        ),
    })
}

fn acknowledgement(
    page: &mut Page,
    letter: &Letter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let Letter::Acknowledgement {
        reference,
        mailbox_name,
        organisation_name,
        title,
        received_at,
        file_count,
        total,
        can_be_opened_until,
        refused,
        replaced_title,
        by_mail,
        checkpoint,
        receipt,
    } = letter
    else {
        return Ok(());
    };
    let (mailbox, organisation, title) =
        (one_line(mailbox_name), one_line(organisation_name), one_line(title));
    page.before.push(match language {
        Language::Fr => format!(
            "Votre dépôt pour la boîte « {mailbox} » ({organisation}) est bien arrivé. Ceci est un accusé de réception \
             automatique."
        ),
        Language::En => format!(
            "Your deposit for the mailbox “{mailbox}” ({organisation}) has arrived. This is an automatic acknowledgement \
             of receipt."
        ),
    });
    page.facts = vec![
        (say(language, "Référence", "Reference"), reference.to_string()),
        (say(language, "Titre", "Title"), title.clone()),
        (say(language, "Reçu le", "Received"), time(*received_at, language)?),
        (say(language, "Contenu", "Content"), content(*file_count, *total, language)),
        (
            say(language, "Peut être ouvert jusqu’au", "Can be opened until"),
            time(*can_be_opened_until, language)?,
        ),
    ];
    page.button = Some((status::label(language), our_link(&status::path_of(reference), base_url)?));
    page.after.extend(refused.iter().map(|line| hold::refused(line, language)));
    if !refused.is_empty() {
        page.after.push(status::names_there(language));
    }
    if *replaced_title {
        page.after.push(replaced(&title, language));
    }
    if *by_mail {
        page.after.push(
            say(
                language,
                "Le texte et les pièces jointes de votre message ont été mis sous pli chiffré. Pour compléter \
             ce dépôt, répondez à ce message ; pour un autre usager, envoyez un autre message.",
                "The text and the attachments of your message have been sealed. To add to this deposit, \
             answer this message; for another insured person, send another message.",
            )
            .to_owned(),
        );
    }
    page.after.push(say(
        language,
        "Vous n’avez rien d’autre à faire : un agent habilité de la boîte va l’ouvrir. Gardez la référence, elle permet \
         d’en parler au téléphone ; elle ne permet pas d’ouvrir le dépôt. Passé la date ci-dessus, son contenu est \
         supprimé définitivement.",
        "There is nothing else to do: an entitled agent of the mailbox will open it. Keep the reference to speak of it \
         on the telephone; it does not open the deposit. After the date above its content is deleted for good.",
    ).to_owned());
    if let Some(text) = receipt {
        page.after.push(joined_receipt(checkpoint.is_some(), language, base_url));
        page.file = Some((format!("recu-{reference}.pli-receipt.txt"), text.clone()));
    }
    page.proof = checkpoint.as_deref().map(|text| {
        (
            say(
                language,
                "Preuve à conserver : point de contrôle signé du journal",
                "Proof to keep: signed checkpoint of the log",
            ),
            lines(text),
        )
    });
    Ok(())
}

/// An answer to what a partner may answer joins the case (decision 0117); nobody reads one to any other letter.
fn footer(kind: LetterKind, language: Language) -> &'static str {
    match kind {
        LetterKind::Acknowledgement | LetterKind::SecureLink => {
            say(language, "Ce message est automatique.", "This is an automatic message.")
        }
        _ => say(
            language,
            "Ce message est automatique\u{a0}: les réponses à cette adresse ne sont pas lues.",
            "This is an automatic message: replies to this address are not read.",
        ),
    }
}

fn joined_receipt(proved: bool, language: Language, base_url: &str) -> String {
    let missing = match (proved, language) {
        (true, _) => "",
        (false, Language::Fr) => ", sans la preuve d’inscription au journal",
        (false, Language::En) => ", without the proof of its entry in the log",
    };
    match language {
        Language::Fr => format!(
            "Le fichier joint est votre reçu signé{missing}. Gardez-le : il prouve que ce dépôt est bien arrivé. Toute \
             personne peut le vérifier, sans compte, sur {base_url}{RECEIPT_PATH} ou hors ligne avec le logiciel Pli. Il \
             ne nomme personne."
        ),
        Language::En => format!(
            "The attached file is your signed receipt{missing}. Keep it: it proves that this deposit has arrived. Anyone \
             can verify it, without an account, at {base_url}{RECEIPT_PATH} or offline with the Pli software. It names \
             nobody."
        ),
    }
}

fn replaced(title: &str, language: Language) -> String {
    match language {
        Language::Fr => format!(
            "Le titre de votre envoi a été remplacé par « {title} » : un titre voyage en clair et ne doit contenir aucune \
             donnée personnelle (nom, prénom, numéro de sécurité sociale)."
        ),
        Language::En => format!(
            "The title of what you sent was replaced by “{title}”: a title travels in clear and must hold no personal \
             data (name, first name, social-security number)."
        ),
    }
}

fn deposit_link(
    page: &mut Page,
    letter: &Letter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let Letter::DepositLink { mailbox_name, organisation_name, path, code, starts_until } = letter else {
        return Ok(());
    };
    let (mailbox, organisation) = (one_line(mailbox_name), one_line(organisation_name));
    let until = time(*starts_until, language)?;
    page.before = match language {
        Language::Fr => vec![
            format!("Vous avez demandé à déposer des fichiers pour la boîte « {mailbox} » ({organisation})."),
            format!(
                "Ouvrez le lien ci-dessous avant le {until} : vous avez 15 minutes pour commencer. Une fois le dépôt \
                 commencé, prenez le temps qu’il vous faut."
            ),
        ],
        Language::En => vec![
            format!("You asked to deposit files for the mailbox “{mailbox}” ({organisation})."),
            format!(
                "Open the link below before {until}: you have 15 minutes to start. Once you have started, take the time \
                 that you need."
            ),
        ],
    };
    page.button =
        Some((say(language, "Commencer le dépôt", "Start the deposit"), our_link(path.expose(), base_url)?));
    page.code = Some((
        say(
            language,
            "Le lien ne s’ouvre pas ? Saisissez ce code sur la page où vous l’avez demandé",
            "The link does not open? Type this code on the page where you asked for it",
        ),
        grouped(code.expose())?,
    ));
    page.after = vec![
        say(
            language,
            "Ce lien est personnel : ne transférez pas ce message. Il peut être ouvert plusieurs fois jusqu’à \
             l’heure indiquée.",
            "This link is personal: do not forward this message. It can be opened several times until the time given.",
        )
        .to_owned(),
        say(
            language,
            "Si vous n’avez rien demandé, ignorez ce message : rien ne sera déposé en votre nom.",
            "If you did not ask for it, ignore this message: nothing will be deposited in your name.",
        )
        .to_owned(),
    ];
    Ok(())
}

fn notice(page: &mut Page, letter: &Letter, language: Language, base_url: &str) -> Result<(), LetterError> {
    let Letter::Notice {
        reference,
        mailbox_name,
        title,
        sender,
        partner,
        site,
        file_count,
        total,
        can_be_opened_until,
        path,
    } = letter
    else {
        return Ok(());
    };
    let (mailbox, until) = (one_line(mailbox_name), time(*can_be_opened_until, language)?);
    page.before.push(match language {
        Language::Fr => format!("Un dépôt sécurisé vous attend dans la boîte « {mailbox} »."),
        Language::En => format!("A secure deposit waits for you in the mailbox “{mailbox}”."),
    });
    page.facts = vec![
        (say(language, "Titre", "Title"), one_line(title)),
        (say(language, "Référence", "Reference"), reference.to_string()),
        (say(language, "Expéditeur", "Sender"), one_line(sender)),
        (say(language, "Partenaire", "Partner"), one_line(partner)),
    ];
    page.facts.extend(site.as_deref().map(|site| (say(language, "Site", "Site"), one_line(site))));
    page.facts.extend([
        (say(language, "Contenu", "Content"), content(*file_count, *total, language)),
        (say(language, "À ouvrir avant le", "To be opened before"), until.clone()),
    ]);
    page.button = Some((say(language, "Télécharger", "Download"), our_link(path, base_url)?));
    page.after.push(match language {
        Language::Fr => format!(
            "Connectez-vous pour lire le message et télécharger les fichiers. Chaque agent habilité de la boîte \
             peut ouvrir ce lien autant de fois que nécessaire jusqu’au {until}. Ensuite, le contenu est supprimé et plus \
             personne ne peut l’ouvrir."
        ),
        Language::En => format!(
            "Sign in to read the message and download the files. Each entitled agent of the mailbox can open \
             this link any number of times until {until}. After that the content is deleted and nobody can open it."
        ),
    });
    Ok(())
}

pub(super) fn content(file_count: u32, total: ByteSize, language: Language) -> String {
    let size = total.for_people(language);
    match (file_count, language) {
        (0, Language::Fr) => "un message, sans fichier".to_owned(),
        (0, Language::En) => "a message, no file".to_owned(),
        (1, Language::Fr) => format!("1 fichier, {size}"),
        (1, Language::En) => format!("1 file, {size}"),
        (count, Language::Fr) => format!("{count} fichiers, {size} en tout"),
        (count, Language::En) => format!("{count} files, {size} in all"),
    }
}

pub(super) fn time(instant: Timestamp, language: Language) -> Result<String, LetterError> {
    let zone = match language {
        Language::Fr => "heure de Paris",
        Language::En => "Paris time",
    };
    calendar::try_full(instant, language).map(|time| format!("{time} ({zone})")).ok_or(LetterError::Date)
}

/// Eight digits as people read them out: `1234 5678`.
pub(super) fn grouped(code: &str) -> Result<String, LetterError> {
    if code.len() != 8 || !code.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(LetterError::Code);
    }
    Ok(format!("{} {}", &code[..4], &code[4..]))
}

/// The link to a path of this gateway; no mail of ours leads anywhere else.
pub(super) fn our_link(path: &str, base_url: &str) -> Result<String, LetterError> {
    let link = format!("{base_url}{path}");
    if path.starts_with('/') && is_link(&link) { Ok(link) } else { Err(LetterError::Link) }
}

fn is_link(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`');
    (text.starts_with("https://") || text.starts_with("http://")) && text.chars().all(is_allowed)
}

/// One line of what someone else wrote: no control character, line or paragraph separator, direction
/// override or invisible character is left; runs of spaces become one.
pub(super) fn one_line(text: &str) -> String {
    let visible: String = text.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ").chars().take(FIELD_MAX_CHARS).collect::<String>().trim_end().to_owned()
}

/// Several lines, each cleaned of what is not printable; a checkpoint's spaces count.
pub(super) fn lines(text: &str) -> String {
    let kept = text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= CHECKPOINT_MAX_BYTES);
    kept.map(|(_, c)| c).filter(|c| *c == '\n' || !is_unprintable(*c)).collect()
}

fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}')
}
