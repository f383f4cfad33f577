//! The port to the organisation's own sign-in (OpenID Connect): where people are sent, and who came back.

use async_trait::async_trait;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::value::MailAddress;

/// A person who is sent to the provider.
pub struct SentToProvider {
    /// Where the browser goes.
    pub url: String,
    /// What must come back with it.
    pub pending: PendingProvider,
}

/// What is kept while the person is at the provider.
pub struct PendingProvider {
    /// Ties the answer to this browser (RFC 6749 section 10.12).
    pub state: String,
    /// Ties the identity token to this request (OpenID Connect Core section 3.1.2.1).
    pub nonce: Zeroizing<String>,
    /// Ties the code to this gateway (PKCE, RFC 7636).
    pub verifier: Zeroizing<String>,
}

/// Who came back, as the provider vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvidedIdentity {
    /// Who vouches.
    pub issuer: String,
    /// The person there, never given to another.
    pub subject: String,
    /// The mail address, if the provider vouches for it.
    pub verified_email: Option<MailAddress>,
    /// The identity token, for the provider's own sign-out.
    pub id_token: Zeroizing<String>,
}

/// Why nobody came back.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// It does not answer. The person tries again, or signs in with a password or passkey.
    #[error("the provider does not answer: {0}")]
    Unreachable(String),
    /// What it says does not hold: signature, issuer, audience, nonce, time, algorithm, level.
    #[error("the provider's answer does not hold: {0}")]
    NotHeld(String),
}

/// The organisation's own sign-in. Safe to call from many tasks; what it learnt of the provider is kept for a while.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// What people call it.
    fn name(&self) -> &str;

    /// Sends a person there; `anew` demands that the person signs in again now.
    async fn send(&self, anew: bool) -> Result<SentToProvider, ProviderError>;

    /// Takes the code of whoever came back, and asks the provider who it is. Everything that is signed is verified.
    async fn receive(&self, code: &str, pending: PendingProvider) -> Result<ProvidedIdentity, ProviderError>;

    /// Where the browser goes to sign out there too; none where the provider has no such place.
    async fn sign_out_url(&self, id_token: &str) -> Option<String>;
}
