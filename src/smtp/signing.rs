//! Signs every mail that leaves (DKIM, RFC 6376 and RFC 8463) by mail-auth, over the bytes as they go on the wire. A way
//! out around the way out: whatever mail is handed over, whoever wrote it, is signed here and nowhere else.
//!
//! Canonicalisation is relaxed/relaxed. Fields that a reader sees are signed once more than they occur, so that nobody can
//! add a second `From` or `Subject` on the way (RFC 6376 section 8.15). The signature's time is the machine's.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mail_auth::AuthenticatedMessage;
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{DkimSigner, Done};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

use crate::app::ports::{Delivery, Dispatched, KeptPolicies, Keyring, KeyringError, OutgoingMail};
use crate::relay::destination::{DeliveryLimits, Destination};
use crate::relay::dkim::DkimKey;
use crate::relay::queue::DeliveryProblem;
use crate::value::Domain;
use crate::vault::{SigningAlgorithm, VaultError, open};

/// Fields that are signed where they are, and once more: a field that is not there cannot be added either.
const OVERSIGNED: [&str; 14] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
];

/// Why a mail is not signed. The operator must act; the mail leaves without.
#[derive(Debug, Error)]
enum SigningError {
    /// The keyring fails.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A private half does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// mail-auth refuses the key or the message.
    #[error("mail-auth: {0}")]
    Library(String),
}

impl From<mail_auth::Error> for SigningError {
    fn from(error: mail_auth::Error) -> Self {
        Self::Library(error.to_string())
    }
}

/// A way out whose mails are signed.
pub struct SignedDelivery {
    inner: Arc<dyn Delivery>,
    keyring: Arc<dyn Keyring>,
    /// The domain that answers for mails whose author's domain has no key here.
    domain: Domain,
    ready: Mutex<Option<Arc<ReadySigners>>>,
}

/// The keys as they were read, and what signs with each that signs.
struct ReadySigners {
    keys: Vec<DkimKey>,
    signers: Vec<(Domain, Signer)>,
}

enum Signer {
    Rsa(DkimSigner<RsaKey<Sha256>, Done>),
    Ed25519(DkimSigner<Ed25519Key, Done>),
}

impl SignedDelivery {
    /// Signs what goes to this way out, for this domain, with the keys of this keyring.
    pub fn new(inner: Arc<dyn Delivery>, keyring: Arc<dyn Keyring>, domain: Domain) -> Self {
        Self { inner, keyring, domain, ready: Mutex::new(None) }
    }

    /// The message with a signature by each key that signs for its author's domain, else for the gateway's.
    fn signed(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let ready = self.ready()?;
        if ready.signers.is_empty() {
            return Ok(message.to_vec());
        }
        let author = author_domain(message);
        let author = author.filter(|author| ready.signers.iter().any(|(domain, _)| domain == author));
        let domain = author.as_ref().unwrap_or(&self.domain);
        let mut signed = Vec::with_capacity(message.len() + 2048);
        for (_, signer) in ready.signers.iter().filter(|(of, _)| of == domain) {
            signed.extend_from_slice(signer.header(message)?.as_bytes());
        }
        signed.extend_from_slice(message);
        Ok(signed)
    }

    /// What signs, made anew when a key was added or retired.
    fn ready(&self) -> Result<Arc<ReadySigners>, SigningError> {
        let keys = self.keyring.dkim_keys()?;
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = ready.as_ref().filter(|ready| ready.keys == keys) {
            return Ok(Arc::clone(ready));
        }
        let mut signers = Vec::new();
        for key in keys.iter().filter(|key| key.signs()) {
            signers.push((key.domain.clone(), self.signer(key)?));
        }
        let made = Arc::new(ReadySigners { keys, signers });
        *ready = Some(Arc::clone(&made));
        Ok(made)
    }

    fn signer(&self, key: &DkimKey) -> Result<Signer, SigningError> {
        let sealed = key.private.as_ref().ok_or(VaultError::NotAKey)?;
        let private = open(&self.keyring.gateway()?, sealed)?;
        let (domain, selector) = (key.domain.as_str(), key.selector.as_str());
        let fields = || OVERSIGNED.iter().chain(&OVERSIGNED).copied();
        Ok(match key.algorithm {
            SigningAlgorithm::Rsa2048 => {
                let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(private.expose()));
                let key = RsaKey::<Sha256>::from_key_der(der)?;
                Signer::Rsa(DkimSigner::from_key(key).domain(domain).selector(selector).headers(fields()))
            }
            SigningAlgorithm::Ed25519 => {
                let key = Ed25519Key::from_pkcs8_der(private.expose())?;
                Signer::Ed25519(DkimSigner::from_key(key).domain(domain).selector(selector).headers(fields()))
            }
        })
    }
}

impl Signer {
    fn header(&self, message: &[u8]) -> Result<String, SigningError> {
        let signature = match self {
            Self::Rsa(signer) => signer.sign(message)?,
            Self::Ed25519(signer) => signer.sign(message)?,
        };
        Ok(signature.to_header())
    }
}

#[async_trait]
impl Delivery for SignedDelivery {
    /// A mail that cannot be signed leaves as it is, and the operator is told: a notice that may be doubted is worth more
    /// than one that never came.
    async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
        match self.signed(mail.message) {
            Ok(signed) => self.inner.deliver(OutgoingMail { message: &signed, ..mail }).await,
            Err(error) => {
                metrics::counter!("pli_mails_unsigned_total").increment(1);
                tracing::error!(mail = %mail.id, %error, "mail.not_signed");
                self.inner.deliver(mail).await
            }
        }
    }

    fn destination(&self, domain: &Domain) -> Destination {
        self.inner.destination(domain)
    }

    fn keep_policies_in(&self, kept: Arc<dyn KeptPolicies>) {
        self.inner.keep_policies_in(kept);
    }

    fn limits(&self) -> DeliveryLimits {
        self.inner.limits()
    }
}

/// The domain of the one author.
fn author_domain(message: &[u8]) -> Option<Domain> {
    let parsed = AuthenticatedMessage::parse(message)?;
    let [author] = parsed.from.as_slice() else { return None };
    Domain::parse(author.rsplit_once('@')?.1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::ports::Random;
    use crate::relay::dkim::{DkimState, Selector};
    use crate::store::{MemoryKeyring, SystemRandom};
    use crate::value::{MailAddress, MailId, Timestamp};
    use crate::vault::{generate_signing_key, seal};

    const MAIL: &str = "From: Pli <ne-pas-repondre@pli.example>\r\nTo: retraite@caisse.example\r\n\
        Subject: =?utf-8?b?RMOpcMO0dA==?= re=?utf-8?b?w6c=?=u\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\
        Message-ID: <notice.1@pli.example>\r\n\r\nUn  depot.\r\n.point\r\n\r\n\r\n";

    /// Keeps what is handed over.
    #[derive(Default)]
    struct Kept(Mutex<Vec<Vec<u8>>>);

    #[async_trait]
    impl Delivery for Kept {
        async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
            self.0.lock().unwrap().push(mail.message.to_vec());
            Ok(Dispatched { tls: None })
        }
    }

    struct Desk {
        keyring: Arc<MemoryKeyring>,
        kept: Arc<Kept>,
        delivery: SignedDelivery,
    }

    impl Desk {
        fn new() -> Self {
            let random: Arc<dyn Random> = Arc::new(SystemRandom);
            let (keyring, kept) = (Arc::new(MemoryKeyring::new(&random)), Arc::new(Kept::default()));
            let domain = Domain::parse("pli.example").unwrap();
            let delivery = SignedDelivery::new(kept.clone(), keyring.clone(), domain);
            Self { keyring, kept, delivery }
        }

        fn key(
            &self,
            domain: &str,
            selector: &str,
            algorithm: SigningAlgorithm,
            state: DkimState,
        ) -> DkimKey {
            let pair = generate_signing_key(algorithm).unwrap();
            let key = DkimKey {
                domain: Domain::parse(domain).unwrap(),
                selector: Selector::parse(selector).unwrap(),
                algorithm,
                public: pair.public,
                made_at: Timestamp(0),
                state,
                private: Some(
                    seal(&self.keyring.gateway().unwrap().recipient(), pair.private.expose()).unwrap(),
                ),
            };
            self.keyring.set_dkim_key(&key).unwrap();
            key
        }

        async fn send(&self, message: &str) -> String {
            let (from, to) = ("retour@pli.example", "retraite@caisse.example");
            let (from, to) = (MailAddress::parse(from).unwrap(), MailAddress::parse(to).unwrap());
            let message = message.as_bytes();
            let mail = OutgoingMail {
                id: MailId::new([1; 16]),
                from: Some(&from),
                to: &to,
                message,
                protection: crate::relay::queue::Protection::Usual,
            };
            self.delivery.deliver(mail).await.unwrap();
            String::from_utf8(self.kept.0.lock().unwrap().pop().unwrap()).unwrap()
        }
    }

    const SIGNING: DkimState = DkimState::Signing { since: Timestamp(0) };

    #[tokio::test]
    async fn a_mail_is_signed_by_each_key_that_signs_and_by_no_other() {
        let desk = Desk::new();
        desk.key("pli.example", "rsa", SigningAlgorithm::Rsa2048, SIGNING);
        desk.key("pli.example", "ed", SigningAlgorithm::Ed25519, SIGNING);
        desk.key("pli.example", "new", SigningAlgorithm::Rsa2048, DkimState::Waiting);
        desk.key("caisse.example", "other", SigningAlgorithm::Ed25519, SIGNING);
        let signed = desk.send(MAIL).await;
        assert!(signed.ends_with(MAIL), "the mail itself is not touched");
        assert_eq!(signed.matches("DKIM-Signature:").count(), 2, "{signed}");
        for told in
            ["a=rsa-sha256", "a=ed25519-sha256", "s=rsa", "s=ed", "d=pli.example", "c=relaxed/relaxed"]
        {
            assert!(signed.contains(told), "{told}: {signed}");
        }
        assert!(!signed.contains("s=new"), "not before its record is seen");
    }

    #[tokio::test]
    async fn fields_that_a_reader_sees_are_signed_once_more_than_they_occur() {
        let desk = Desk::new();
        desk.key("pli.example", "ed", SigningAlgorithm::Ed25519, SIGNING);
        let signed = desk.send(MAIL).await;
        let unfolded = signed.replace("\r\n\t", "").replace("\r\n ", "");
        let fields = unfolded.split("h=").nth(1).unwrap().split(';').next().unwrap().to_lowercase();
        let count = |name: &str| fields.split(':').filter(|field| field.trim() == name).count();
        for name in ["from", "to", "subject", "date", "message-id"] {
            assert_eq!(count(name), 2, "{name}: {fields}");
        }
        assert!(count("cc") >= 1, "what is not there cannot be added: {fields}");
    }

    #[tokio::test]
    async fn an_authors_own_domain_signs_when_it_has_a_key_here() {
        let desk = Desk::new();
        desk.key("pli.example", "ours", SigningAlgorithm::Ed25519, SIGNING);
        desk.key("caisse.example", "theirs", SigningAlgorithm::Ed25519, SIGNING);
        let of = |author: &str| MAIL.replace("Pli <ne-pas-repondre@pli.example>", author);
        assert!(desk.send(&of("Agent <agent@caisse.example>")).await.contains("d=caisse.example"));
        assert!(desk.send(&of("Agent <agent@ailleurs.example>")).await.contains("d=pli.example"));
    }

    #[tokio::test]
    async fn a_key_that_was_retired_while_the_gateway_runs_signs_no_more() {
        let desk = Desk::new();
        let key = desk.key("pli.example", "ed", SigningAlgorithm::Ed25519, SIGNING);
        assert!(desk.send(MAIL).await.contains("s=ed"));
        desk.keyring.set_dkim_key(&key.retired(Timestamp(1))).unwrap();
        assert_eq!(desk.send(MAIL).await, MAIL);
    }

    #[tokio::test]
    async fn a_mail_that_cannot_be_signed_leaves_all_the_same() {
        let desk = Desk::new();
        let key = desk.key("pli.example", "ed", SigningAlgorithm::Ed25519, SIGNING);
        let other = crate::vault::Identity::generate().recipient();
        desk.keyring.set_dkim_key(&DkimKey { private: Some(seal(&other, b"x").unwrap()), ..key }).unwrap();
        assert_eq!(desk.send(MAIL).await, MAIL);
    }
}
