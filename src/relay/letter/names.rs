//! The names by which a mail of ours is known again: its `Message-ID`, so that an answer to it is no deposit
//! (invariant 10), and its return address, so that a bounce finds the mail that it is about. A return address carries a
//! keyed tag, as does the proof that a mail was read: nobody but this gateway can make either.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::{AddressError, Domain, MailAddress, MailId, are_same_bytes, keyed_digest};

/// The start of every return address.
const RETURN_PREFIX: &str = "retour+";
/// Bytes of a tag: 80 bits, so that prefix, id and tag are the 64 characters at most of a local part (RFC 5321 section
/// 4.5.3.1.1).
const TAG_BYTES: usize = 10;

/// What proves that a name was given by this gateway: an HMAC-SHA-256, cut.
#[derive(Debug, Clone, Copy)]
pub struct MailTag([u8; TAG_BYTES]);

impl MailTag {
    /// The tag of a mail's return address.
    pub fn of_return(key: &[u8; 32], mail: MailId) -> Self {
        Self::of(key, b"return address", mail)
    }

    /// The tag of the link in a mail, by which it is proved that a person has read it. Not the one of the return address,
    /// which every host on the way reads.
    pub fn of_reading(key: &[u8; 32], mail: MailId) -> Self {
        Self::of(key, b"reading", mail)
    }

    fn of(key: &[u8; 32], label: &[u8], mail: MailId) -> Self {
        let digest = keyed_digest(key, &[label, mail.as_bytes()]);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&digest.as_bytes()[..TAG_BYTES]);
        Self(tag)
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_plain = bytes.len() == 2 * TAG_BYTES && bytes.iter().all(u8::is_ascii_hexdigit);
        if !is_plain {
            return None;
        }
        let mut tag = [0; TAG_BYTES];
        for (place, byte) in tag.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
        }
        Some(Self(tag))
    }
}

impl PartialEq for MailTag {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        are_same_bytes(&self.0, &other.0)
    }
}

impl Eq for MailTag {}

/// A mail and a tag that somebody claims for it: `{mail id}.{tag}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaggedMail {
    /// The mail.
    pub mail: MailId,
    /// The tag, to be compared with the true one.
    pub tag: MailTag,
}

impl TaggedMail {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let (mail, tag) = text.split_once('.')?;
        Some(Self { mail: mail.parse().ok()?, tag: MailTag::parse(tag)? })
    }
}

impl fmt::Display for TaggedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.mail)?;
        self.tag.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Which of the gateway's mails one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterKind {
    /// To the depositor, after sending.
    Acknowledgement,
    /// To the security officer: something is to be looked at.
    Alert,
    /// To the security officer, each day.
    Daily,
    /// To someone who asked to deposit.
    DepositLink,
    /// To someone who asked where a deposit stands.
    StatusLink,
    /// To the mailbox.
    Notice,
    /// To somebody outside: a transfer waits behind the link.
    SecureLink,
    /// To somebody outside who pressed the link's button: the code.
    OpeningCode,
    /// To a member: what was to be sent was sent.
    SentConfirmation,
    /// To a member: it was downloaded.
    DownloadNotice,
    /// To the depositor or the mailbox: a deposit is held, will end, or ended unreleased.
    Hold,
    /// To the second address of a mailbox: a notice does not arrive at the first.
    Undelivered,
    /// To the mailbox: do notices arrive?
    Heartbeat,
    /// To the mailbox, its manager or the mediator: something is to be done about a case.
    Reminder,
    /// To the sender of a mail: what became of it.
    Report,
    /// To the operator: a mail for the postmaster.
    Postmaster,
    /// To a colleague of a member: the member's own mail.
    Forwarded,
    /// To the owner of an account: a link by which a password is chosen.
    AccountLink,
    /// To the people of a structure: something about their accounts.
    AccountNotice,
}

impl LetterKind {
    const ALL: [Self; 19] = [
        Self::Report,
        Self::Postmaster,
        Self::Forwarded,
        Self::AccountLink,
        Self::AccountNotice,
        Self::Reminder,
        Self::Acknowledgement,
        Self::Alert,
        Self::Daily,
        Self::DepositLink,
        Self::SecureLink,
        Self::OpeningCode,
        Self::SentConfirmation,
        Self::DownloadNotice,
        Self::StatusLink,
        Self::Notice,
        Self::Hold,
        Self::Undelivered,
        Self::Heartbeat,
    ];

    /// Whether it is worth nothing without a link or a code that the gateway must still know.
    pub const fn needs_its_link(self) -> bool {
        match self {
            Self::DepositLink
            | Self::StatusLink
            | Self::SecureLink
            | Self::OpeningCode
            | Self::AccountLink => true,
            Self::Acknowledgement
            | Self::Alert
            | Self::Daily
            | Self::Notice
            | Self::SentConfirmation
            | Self::DownloadNotice
            | Self::Hold
            | Self::Undelivered
            | Self::Reminder
            | Self::Report
            | Self::Postmaster
            | Self::Forwarded
            | Self::AccountNotice
            | Self::Heartbeat => false,
        }
    }

    /// The word that starts the message ids of this kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::Alert => "alert",
            Self::Daily => "daily",
            Self::DepositLink => "deposit-link",
            Self::StatusLink => "status-link",
            Self::Notice => "notice",
            Self::Hold => "hold",
            Self::Undelivered => "undelivered",
            Self::Heartbeat => "heartbeat",
            Self::Reminder => "reminder",
            Self::Report => "report",
            Self::Postmaster => "postmaster",
            Self::Forwarded => "forwarded",
            Self::AccountLink => "account-link",
            Self::AccountNotice => "account",
            Self::SecureLink => "secure-link",
            Self::OpeningCode => "opening-code",
            Self::SentConfirmation => "sent",
            Self::DownloadNotice => "downloaded",
        }
    }
}

/// `<notice.{mail id}@{domain}>`: stable, so that a repeat of the same mail is known as such.
pub fn message_id(kind: LetterKind, id: MailId, domain: &Domain) -> String {
    format!("<{}.{id}@{domain}>", kind.as_str())
}

/// Whether a message id (with or without its angle brackets) is one that this gateway gives.
pub fn is_our_message_id(text: &str, domain: &Domain) -> bool {
    mail_of_message_id(text, domain).is_some()
}

/// The mail whose message id (with or without its angle brackets) this is, if it is one that this gateway gives.
pub fn mail_of_message_id(text: &str, domain: &Domain) -> Option<MailId> {
    letter_of_message_id(text, domain).map(|(_, mail)| mail)
}

/// The same, and which kind of mail the id says that it is; nothing is looked up.
pub fn letter_of_message_id(text: &str, domain: &Domain) -> Option<(LetterKind, MailId)> {
    let text = text.trim().trim_start_matches('<').trim_end_matches('>');
    let (left, right) = text.rsplit_once('@')?;
    let (kind, id) = left.split_once('.')?;
    let kind = LetterKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    let is_ours = right.to_lowercase() == domain.as_str();
    id.parse().ok().filter(|_| is_ours).map(|mail| (kind, mail))
}

/// `retour+{mail id}.{tag}@{domain}`, the envelope sender of one mail (variable envelope return path).
pub fn return_address(mail: MailId, key: &[u8; 32], domain: &Domain) -> Result<MailAddress, AddressError> {
    let tagged = TaggedMail { mail, tag: MailTag::of_return(key, mail) };
    MailAddress::parse(&format!("{RETURN_PREFIX}{tagged}@{domain}"))
}

/// The mail that something of the form of a return address claims to belong to; its tag is not compared here.
pub fn parse_return_address(address: &MailAddress, domain: &Domain) -> Option<TaggedMail> {
    // A host on the way may have changed the case of the local part, which it should not.
    let local = address.local().to_ascii_lowercase();
    let tagged = TaggedMail::parse(local.strip_prefix(RETURN_PREFIX)?)?;
    (address.domain() == domain).then_some(tagged)
}

/// RFC 5322 section 3.6.4, in ASCII and without spaces: what can stand in a header as it is.
pub(super) fn is_message_id(text: &str) -> bool {
    let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>');
    text.len() <= 250
        && inner.chars().all(is_plain)
        && inner.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn domain() -> Domain {
        Domain::parse("pli.example").unwrap()
    }

    proptest! {
        #[test]
        fn names_lead_back_to_their_mail(random: [u8; 16]) {
            let id = MailId::new(random);
            for kind in LetterKind::ALL {
                let name = message_id(kind, id, &domain());
                prop_assert!(is_message_id(&name));
                prop_assert!(is_our_message_id(&name, &domain()));
                prop_assert_eq!(mail_of_message_id(name.trim_matches(['<', '>']), &domain()), Some(id));
                prop_assert_eq!(letter_of_message_id(&name, &domain()), Some((kind, id)));
            }
            let address = return_address(id, &[7; 32], &domain()).unwrap();
            prop_assert!(address.local().len() <= 64);
            let claimed = parse_return_address(&address, &domain()).unwrap();
            prop_assert_eq!(claimed, TaggedMail { mail: id, tag: MailTag::of_return(&[7; 32], id) });
            prop_assert_ne!(claimed.tag, MailTag::of_return(&[8; 32], id), "another gateway's key");
            prop_assert_ne!(claimed.tag, MailTag::of_reading(&[7; 32], id), "read on the way, pressed by nobody");
        }
    }

    #[test]
    fn names_of_others_are_not_ours() {
        let id = MailId::new([1; 16]);
        let other = Domain::parse("other.example").unwrap();
        assert!(!is_our_message_id(&message_id(LetterKind::Notice, id, &other), &domain()));
        for text in
            ["", "@pli.example", "<x@pli.example>", "<notice.12@pli.example>", "<spam.{id}@pli.example>"]
        {
            assert!(!is_our_message_id(&text.replace("{id}", &id.to_string()), &domain()), "{text}");
        }
        let tag = "00112233445566778899";
        for stranger in [
            format!("retour+{id}.{tag}@other.example"),
            format!("retour+{id}@pli.example"),
            format!("retour+{id}.{tag}00@pli.example"),
            format!("retour+{id}.+0112233445566778899@pli.example"),
            "retour@pli.example".to_owned(),
        ] {
            let stranger = MailAddress::parse(&stranger).unwrap();
            assert_eq!(parse_return_address(&stranger, &domain()), None, "{stranger}");
        }
    }
}
