//! The mails as a recipient's program reads them, with mail-parser and with our own parser of mails.

use mail_parser::{Message as Parsed, MessageParser, MimeHeaders};
use proptest::prelude::*;

use super::*;
use crate::message::{self, Limits, MailKind};
use crate::value::{Domain, MailId};

/// 11 December 2026, 09:30 in Paris.
const UNTIL: Timestamp = Timestamp(1_796_977_800_000);
const CHECKPOINT: &str = "pli.example/log\n42\nq6w=\n\n— pli.example/log Az3grl==\n";

const RECEIPT: &str = "-----BEGIN PLI PROMISE-----\n— pli.example/log Az3grl==\n";

fn reference() -> Reference {
    Reference::parse("7K3M-9QXD-04TZ").unwrap()
}

fn acknowledgement(title: &str) -> Letter {
    Letter::Acknowledgement {
        reference: reference(),
        mailbox_name: "Partenaires retraite".to_owned(),
        organisation_name: "Carsat Bretagne".to_owned(),
        title: title.to_owned(),
        received_at: UNTIL - crate::value::Millis::days(20),
        file_count: 3,
        total: ByteSize(4_512_000),
        can_be_opened_until: UNTIL,
        refused: vec![],
        replaced_title: true,
        by_mail: true,
        checkpoint: Some(CHECKPOINT.to_owned()),
        receipt: Some(RECEIPT.to_owned()),
    }
}

fn deposit_link(mailbox_name: &str) -> Letter {
    Letter::DepositLink {
        mailbox_name: mailbox_name.to_owned(),
        organisation_name: "Carsat Bretagne".to_owned(),
        path: SecretText::new("/d/SECRETTOKEN?a=1&b=2".to_owned()),
        code: SecretText::new("12345678".to_owned()),
        starts_until: UNTIL,
    }
}

fn undelivered(still_waits: bool) -> Letter {
    Letter::Undelivered(UndeliveredLetter {
        to_manager: false,
        mailbox_name: "Partenaires retraite".to_owned(),
        notice_address: "retraite@carsat.example".to_owned(),
        reference: still_waits.then(reference),
        can_be_opened_until: still_waits.then_some(UNTIL),
        still_waits,
        is_further_on: false,
        because_fr: "aucun serveur de messagerie ne répond".to_owned(),
        because_en: "no mail server answers".to_owned(),
        path: "/transferts/7K3M-9QXD-04TZ".to_owned(),
    })
}

fn notice(title: &str, site: &str) -> Letter {
    Letter::Notice {
        reference: reference(),
        mailbox_name: "Partenaires retraite".to_owned(),
        title: title.to_owned(),
        sender: "lea.petit@ccas.example".to_owned(),
        partner: "Département d'Ille-et-Vilaine".to_owned(),
        site: Some(site.to_owned()),
        file_count: 1,
        total: ByteSize(1_234_567),
        can_be_opened_until: UNTIL,
        path: "/transferts/7K3M-9QXD-04TZ".to_owned(),
    }
}

fn letters() -> Vec<Letter> {
    let mut letters = vec![
        acknowledgement("Urgence CD35"),
        deposit_link("Accueil"),
        notice("Urgence CD35", "CDAS de Redon"),
    ];
    letters.extend([true, false].map(undelivered));
    letters.push(Letter::Heartbeat(HeartbeatLetter {
        mailbox_name: "Partenaires retraite".to_owned(),
        every_days: 7,
        path: SecretText::new("/avis-recus/00.11".to_owned()),
    }));
    for stage in [HoldStage::Begun, HoldStage::Ending, HoldStage::Ended] {
        letters
            .extend([HoldAudience::Depositor, HoldAudience::Mailbox].map(|audience| hold(stage, audience)));
    }
    letters
}

fn hold(stage: HoldStage, audience: HoldAudience) -> Letter {
    Letter::Hold(HoldLetter {
        stage,
        audience,
        reference: reference(),
        mailbox_name: "Partenaires retraite".to_owned(),
        organisation_name: "Carsat Bretagne".to_owned(),
        title: "Urgence CD35".to_owned(),
        sender: "lea.petit@ccas.example".to_owned(),
        partner: "CCAS".to_owned(),
        accepted_at: UNTIL - crate::value::Millis::days(7),
        file_count: 2,
        total: ByteSize(4_512_000),
        because_fr: "l’antivirus ne répond pas".to_owned(),
        because_en: "the antivirus does not answer".to_owned(),
        ends_at: UNTIL,
        path: "/boites".to_owned(),
    })
}

#[test]
fn a_held_deposit_is_told_as_it_is_to_each_side() {
    let begun = text(&hold(HoldStage::Begun, HoldAudience::Depositor), Language::Fr).replace('\n', " ");
    assert!(begun.contains("parce que l’antivirus ne répond pas"), "{begun}");
    assert!(!begun.contains("/boites"), "the depositor has no list of the agents");
    let begun = text(&hold(HoldStage::Begun, HoldAudience::Mailbox), Language::En).replace('\n', " ");
    assert!(begun.contains("cannot be opened yet, because the antivirus does not answer"), "{begun}");
    assert!(begun.contains("https://pli.example/boites"), "{begun}");
    let ended = text(&hold(HoldStage::Ended, HoldAudience::Depositor), Language::Fr).replace('\n', " ");
    assert!(ended.contains("Personne ne l’a ouvert") && ended.contains("Renvoyez-le"), "{ended}");
}

#[test]
fn a_refused_file_is_told_by_its_number_type_and_size() {
    let mut letter = acknowledgement("Urgence CD35");
    if let Letter::Acknowledgement { refused, .. } = &mut letter {
        refused.push(RefusedLine {
            number: 2,
            of: 3,
            kind_fr: "PDF".to_owned(),
            kind_en: "PDF".to_owned(),
            size: ByteSize(1_234_567),
            because_fr: "contient un virus".to_owned(),
            because_en: "contains a virus".to_owned(),
        });
    }
    let french = text(&letter, Language::Fr).replace(['\n', '\u{a0}'], " ");
    assert!(
        french.contains("Le fichier 2 sur 3 (PDF, 1,2 Mo) n’a pas été transmis : il contient un virus."),
        "{french}"
    );
    let english = text(&letter, Language::En).replace('\n', " ");
    assert!(
        english.contains("File 2 of 3 (PDF, 1.2 MB) was not passed on: it contains a virus."),
        "{english}"
    );
}

fn addressing(letter: &Letter, language: Language) -> Addressing {
    Addressing {
        from_name: "Carsat Bretagne, dépôt sécurisé".to_owned(),
        from: MailAddress::parse("ne-pas-repondre@pli.example").unwrap(),
        to: MailAddress::parse("lea.petit@ccas.example").unwrap(),
        message_id: message_id(letter.kind(), MailId::new([9; 16]), &Domain::parse("pli.example").unwrap()),
        date: UNTIL,
        language,
        base_url: "https://pli.example".to_owned(),
    }
}

fn rendered(letter: &Letter, language: Language) -> Vec<u8> {
    render(letter, &addressing(letter, language)).unwrap()
}

fn parsed(bytes: &[u8]) -> Parsed<'_> {
    MessageParser::default().parse(bytes).unwrap()
}

fn text(letter: &Letter, language: Language) -> String {
    parsed(&rendered(letter, language)).body_text(0).unwrap().replace("\r\n", "\n")
}

fn html(letter: &Letter, language: Language) -> String {
    parsed(&rendered(letter, language)).body_html(0).unwrap().into_owned()
}

/// The header fields that every mail of ours has, whatever it is about.
fn header_names(mail: &Parsed<'_>) -> Vec<String> {
    let mut names: Vec<String> = mail.headers().iter().map(|h| h.name().to_ascii_lowercase()).collect();
    names.sort();
    names
}

const HEADERS: [&str; 10] = [
    "auto-submitted",
    "content-language",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "subject",
    "to",
    "x-auto-response-suppress",
];

#[test]
fn two_renderings_of_one_letter_are_the_same_bytes() {
    for letter in letters() {
        for language in [Language::Fr, Language::En] {
            assert_eq!(rendered(&letter, language), rendered(&letter, language));
        }
    }
}

#[test]
fn a_mail_is_plain_ascii_with_short_lines_and_two_readable_forms() {
    for letter in letters() {
        let bytes = rendered(&letter, Language::Fr);
        assert!(bytes.is_ascii() && bytes.ends_with(b"\r\n"));
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        for line in &lines[..lines.len() - 1] {
            assert!(line.ends_with(b"\r") && !line[..line.len() - 1].contains(&b'\r'));
            assert!(line.len() <= 998, "{} bytes", line.len());
        }
        let mail = parsed(&bytes);
        assert_eq!(header_names(&mail), HEADERS);
        let is_acknowledgement = letter.kind() == LetterKind::Acknowledgement;
        let attachments = usize::from(is_acknowledgement);
        assert_eq!((mail.text_body.len(), mail.html_body.len(), mail.attachments.len()), (1, 1, attachments));
        let named = mail.parts[1..].iter().filter_map(|part| part.attachment_name());
        let expected = is_acknowledgement.then_some("recu-7K3M-9QXD-04TZ.pli-receipt.txt");
        assert_eq!(named.collect::<Vec<_>>(), Vec::from_iter(expected), "the receipt alone is joined");
        assert_eq!(mail.from().unwrap().first().unwrap().name(), Some("Carsat Bretagne, dépôt sécurisé"));
        assert_eq!(mail.date().unwrap().to_timestamp(), UNTIL.unix_seconds());
    }
}

#[test]
fn our_own_parser_takes_none_of_our_mails_for_a_deposit() {
    let expected = [MailKind::AutomaticReply, MailKind::AutomaticGenerated, MailKind::AutomaticGenerated];
    let domain = Domain::parse("pli.example").unwrap();
    for (letter, kind) in letters().into_iter().zip(expected) {
        let bytes = rendered(&letter, Language::Fr);
        let sender = MailAddress::parse("retour@pli.example").unwrap();
        let mail = message::parse(&bytes, Some(&sender), &Limits::default()).unwrap();
        assert_eq!(mail.kind, kind);
        assert!(is_our_message_id(&mail.message_id.unwrap(), &domain));
    }
}

#[test]
fn the_notice_says_who_what_until_when_and_has_one_button() {
    let letter = notice("Urgence CD35", "CDAS de Redon");
    assert_eq!(parsed(&rendered(&letter, Language::Fr)).subject(), Some("Urgence CD35 – 7K3M-9QXD-04TZ"));
    let (text, html) = (text(&letter, Language::Fr), html(&letter, Language::Fr));
    for said in [
        "lea.petit@ccas.example",
        "CDAS de Redon",
        "1 fichier, 1,2 Mo",
        "vendredi 11 décembre 2026 à 9\u{a0}h\u{a0}30 (heure de Paris)",
        "autant de fois que nécessaire",
        "les réponses à cette adresse ne sont pas lues",
        "https://pli.example/protection-des-donnees",
        "In English: a secure deposit has arrived",
    ] {
        assert!(text.contains(said), "{said} is missing in\n{text}");
        assert!(html.contains(said), "{said} is missing in\n{html}");
    }
    assert!(text.contains("Télécharger\u{a0}:\nhttps://pli.example/transferts/7K3M-9QXD-04TZ\n"), "{text}");
    assert!(text.contains("Partenaire\u{a0}: Département d'Ille-et-Vilaine\n"));
    assert_eq!(html.matches("class=\"button\"").count(), 1);
    assert!(html.contains(">Télécharger</a>"));
}

#[test]
fn the_acknowledgement_explains_itself_and_carries_its_proof_to_the_letter() {
    let letter = acknowledgement("Urgence CD35");
    let mail = rendered(&letter, Language::Fr);
    let subject = "Accusé de réception automatique – Urgence CD35 – 7K3M-9QXD-04TZ";
    assert_eq!(parsed(&mail).subject(), Some(subject));
    let french = text(&letter, Language::Fr);
    assert!(french.contains("3 fichiers, 4,5 Mo en tout"));
    assert!(french.contains("a été remplacé par «\u{a0}Urgence CD35\u{a0}»"));
    assert!(french.contains("ont été mis sous pli"));
    assert!(french.contains(&format!("\n\n{CHECKPOINT}")), "{french}");
    assert!(french.contains("https://pli.example/verifier-un-recu"), "{french}");
    let joined = parsed(&mail).attachment(0).unwrap().contents().to_vec();
    assert_eq!(String::from_utf8(joined).unwrap(), RECEIPT);
    let english = text(&letter, Language::En);
    assert!(
        english.contains("automatic acknowledgement") && english.contains("Reference: 7K3M"),
        "{english}"
    );
    assert!(english.contains("En français\u{a0}: votre dépôt 7K3M"));
}

#[test]
fn the_acknowledgement_that_asks_for_answers_does_not_say_that_they_are_not_read() {
    for (language, asks, unread) in [
        (Language::Fr, "répondez à ce message", "ne sont pas lues"),
        (Language::En, "answer this message", "are not read"),
    ] {
        let said = text(&acknowledgement("Urgence CD35"), language);
        assert!(said.contains(asks), "{said}");
        assert!(!said.contains(unread), "{said}");
        assert!(text(&notice("Urgence CD35", "CDAS de Redon"), language).contains(unread));
    }
}

#[test]
fn no_letter_has_a_gap_in_a_line() {
    for letter in letters() {
        for language in [Language::Fr, Language::En] {
            let said = text(&letter, language);
            assert!(!said.contains("  "), "{said}");
        }
    }
}

#[test]
fn the_deposit_link_mail_gives_link_code_and_what_to_do_if_one_did_not_ask() {
    let letter = deposit_link("Accueil");
    let french = text(&letter, Language::Fr);
    assert!(french.contains("https://pli.example/d/SECRETTOKEN?a=1&b=2\n"), "{french}");
    assert!(french.contains(": 1234 5678\n") && french.contains("15 minutes pour commencer"));
    assert!(french.contains("Si vous n’avez rien demandé, ignorez ce message"));
    assert!(html(&letter, Language::Fr).contains("href=\"https://pli.example/d/SECRETTOKEN?a=1&#38;b=2\""));
    assert_eq!(
        format!("{letter:?}").matches("SECRET").count() + format!("{letter:?}").matches("1234").count(),
        0
    );
}

#[test]
fn nothing_in_a_mail_is_fetched_or_run() {
    for letter in letters() {
        let html = html(&letter, Language::Fr);
        for forbidden in ["<img", "src=", "url(", "<script", "<link", "@import", "<form"] {
            assert!(!html.contains(forbidden), "{forbidden} in\n{html}");
        }
        let elsewhere = html.matches("://").count() - html.matches("https://pli.example/").count();
        assert_eq!(elsewhere, 0, "{html}");
    }
}

#[test]
fn what_must_not_be_sent_is_refused() {
    let base = notice("x", "y");
    for path in [
        "https://evil.example/x",
        ".evil.example/",
        "@evil.example/",
        "",
        "/\r\nBcc: x",
        "/\"onclick=",
        "javascript:alert(1)",
    ] {
        let mut letter = base.clone();
        if let Letter::Notice { path: field, .. } = &mut letter {
            path.clone_into(field);
        }
        assert_eq!(render(&letter, &addressing(&letter, Language::Fr)), Err(LetterError::Link), "{path}");
    }
    let mut asked = deposit_link("x");
    if let Letter::DepositLink { code, .. } = &mut asked {
        *code = SecretText::new("12345 78".to_owned());
    }
    assert_eq!(render(&asked, &addressing(&asked, Language::Fr)), Err(LetterError::Code));
    for message_id in ["", "x@y", "<x@y>\r\nBcc: z", "<x y@z>", "<é@z>"] {
        let addressing = Addressing { message_id: message_id.to_owned(), ..addressing(&base, Language::Fr) };
        assert_eq!(render(&base, &addressing), Err(LetterError::MessageId), "{message_id}");
    }
    for to in ["é@ccas.example", "a@é.example"] {
        let addressing =
            Addressing { to: MailAddress::parse(to).unwrap(), ..addressing(&base, Language::Fr) };
        assert!(render(&base, &addressing) == Err(LetterError::Address), "{to}");
    }
    let never = Addressing { date: Timestamp(i64::MAX), ..addressing(&base, Language::Fr) };
    assert_eq!(render(&base, &never), Err(LetterError::Date));
}

#[test]
fn a_letter_reads_back_from_the_queue_as_it_was_put_there() {
    for letter in letters() {
        let json = serde_json::to_string(&letter).unwrap();
        assert_eq!(serde_json::from_str::<Letter>(&json).unwrap(), letter);
    }
}

proptest! {
    #[test]
    fn no_field_writes_a_header_or_a_recipient(
        hostile in prop_oneof![
            any::<String>(),
            "[\r\n\u{0}\u{2028}\u{2029}\u{85}\u{b}: ,;<>@\"=?.a-zé]{0,60}",
            "(\r\n|\n|\r|\u{2028}|\u{0}){1,2}Bcc: <x@evil\\.example>(\r\n){0,2}<b>",
        ]
    ) {
        for letter in [acknowledgement(&hostile), deposit_link(&hostile), notice(&hostile, &hostile)] {
            let addressing = Addressing { from_name: hostile.clone(), ..addressing(&letter, Language::Fr) };
            let bytes = render(&letter, &addressing).unwrap();
            let mail = parsed(&bytes);
            prop_assert_eq!(header_names(&mail), HEADERS);
            let to: Vec<_> = mail.to().unwrap().iter().map(|a| a.address().unwrap().to_owned()).collect();
            prop_assert_eq!(to, ["lea.petit@ccas.example"]);
            let from: Vec<_> = mail.from().unwrap().iter().map(|a| a.address().unwrap().to_owned()).collect();
            prop_assert_eq!(from, ["ne-pas-repondre@pli.example"]);
            let separators = ['\r', '\n', '\0', '\u{2028}', '\u{85}'];
            prop_assert!(!mail.subject().unwrap().contains(separators));
            let joined = usize::from(letter.kind() == LetterKind::Acknowledgement);
            prop_assert_eq!((mail.parts.len(), mail.attachments.len()), (3 + 2 * joined, joined));
            let plain = addressing.message_id.trim_matches(['<', '>']).to_owned();
            prop_assert_eq!(mail.message_id(), Some(plain.as_str()));
        }
    }

    #[test]
    fn a_title_arrives_as_it_was_written(title in "[A-Za-zÀ-ÿ0-9'’«»:,()–!?]{1,12}( [A-Za-zÀ-ÿ0-9'’:,()–]{1,12}){0,8}") {
        let bytes = rendered(&notice(&title, "x"), Language::Fr);
        let mail = parsed(&bytes);
        prop_assert_eq!(mail.subject().unwrap(), format!("{title} – 7K3M-9QXD-04TZ"));
        prop_assert!(mail.body_text(0).unwrap().contains(&title));
    }
}
