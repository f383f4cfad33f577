//! The names by which a mail of ours is known again: its `Message-ID`, so that an answer to it is no deposit
//! (invariant 10), and its return address, so that a bounce finds the mail that it is about.

use serde::{Deserialize, Serialize};

use crate::value::{AddressError, Domain, MailAddress, MailId};

/// The start of every return address.
const RETURN_PREFIX: &str = "retour+";

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
}

impl LetterKind {
    const ALL: [Self; 11] = [
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
    ];

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
    let text = text.trim().trim_start_matches('<').trim_end_matches('>');
    let Some((left, right)) = text.rsplit_once('@') else { return false };
    let Some((kind, id)) = left.split_once('.') else { return false };
    right.to_lowercase() == domain.as_str()
        && LetterKind::ALL.iter().any(|known| known.as_str() == kind)
        && id.parse::<MailId>().is_ok()
}

/// `retour+{mail id}@{domain}`, the envelope sender of one mail.
pub fn return_address(id: MailId, domain: &Domain) -> Result<MailAddress, AddressError> {
    MailAddress::parse(&format!("{RETURN_PREFIX}{id}@{domain}"))
}

/// The mail that a return address of this gateway belongs to.
pub fn parse_return_address(address: &MailAddress, domain: &Domain) -> Option<MailId> {
    let id = address.local().strip_prefix(RETURN_PREFIX)?;
    (address.domain() == domain).then(|| id.parse().ok())?
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
                prop_assert!(is_our_message_id(name.trim_matches(['<', '>']), &domain()));
            }
            let address = return_address(id, &domain()).unwrap();
            prop_assert_eq!(parse_return_address(&address, &domain()), Some(id));
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
        let stranger = MailAddress::parse(&format!("retour+{id}@other.example")).unwrap();
        assert_eq!(parse_return_address(&stranger, &domain()), None);
        assert_eq!(parse_return_address(&MailAddress::parse("retour@pli.example").unwrap(), &domain()), None);
    }
}
