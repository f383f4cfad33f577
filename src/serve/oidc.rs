//! OpenID Connect by the profile of ProConnect: authorization code with PKCE, state and nonce, an authentication level, userinfo as a
//! signed token. What is signed is verified by the library; requests go out by our own client. What the provider publishes is
//! kept for an hour, so that its keys can change.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
    CoreClientAuthMethod, CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AuthenticationContextClass, AuthorizationCode, ClientId,
    ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, Scope, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::outside::{Outside, OutsideError};
use crate::app::ports::{IdentityProvider, PendingProvider, ProvidedIdentity, ProviderError, SentToProvider};
use crate::config::OidcSection;
use crate::value::MailAddress;

/// How long what the provider publishes is kept.
const METADATA_LIFE: Duration = Duration::from_hours(1);
/// Where people come back to.
pub const CALLBACK: &str = "/connexion/fournisseur/retour";

/// Where one signs out (OpenID Connect RP-Initiated Logout).
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Logout {
    end_session_endpoint: Option<String>,
}
impl AdditionalProviderMetadata for Logout {}

/// What ProConnect says beside the standard claims.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    idp_id: Option<String>,
}
impl AdditionalClaims for Claims {}

type Metadata = ProviderMetadata<
    Logout,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The provider of the configuration.
pub struct Oidc {
    section: OidcSection,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    back: String,
    secret: ClientSecret,
    outside: Outside,
    known: Mutex<Option<(Instant, Arc<Metadata>)>>,
}

impl Oidc {
    /// Puts it together; nothing is asked of the provider yet. None if an address is none.
    pub fn new(section: OidcSection, base_url: &str, secret: String, outside: Outside) -> Option<Self> {
        Some(Self {
            issuer: IssuerUrl::new(section.issuer.clone()).ok()?,
            redirect: RedirectUrl::new(format!("{base_url}{CALLBACK}")).ok()?,
            back: format!("{base_url}/connexion?sortie=1"),
            secret: ClientSecret::new(secret),
            section,
            outside,
            known: Mutex::new(None),
        })
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some((_, metadata)) = known.as_ref().filter(|(at, _)| at.elapsed() < METADATA_LIFE) {
            return Ok(Arc::clone(metadata));
        }
        let http = client_of(&self.outside);
        let found = Metadata::discover_async(self.issuer.clone(), &http).await;
        let found = Arc::new(found.map_err(|error| ProviderError::Unreachable(chain(&error)))?);
        *known = Some((Instant::now(), Arc::clone(&found)));
        Ok(found)
    }
}

/// An exchange under way.
type Exchange = Pin<Box<dyn Future<Output = Result<HttpResponse, OutsideError>> + Send>>;

/// Our own client, as the library takes one.
fn client_of(outside: &Outside) -> impl Fn(HttpRequest) -> Exchange + Send + Sync + use<> {
    let outside = outside.clone();
    move |request| {
        let outside = outside.clone();
        Box::pin(async move { outside.exchange(request).await })
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

macro_rules! client {
    ($self:ident, $metadata:ident) => {
        CoreClient::from_provider_metadata(
            (*$metadata).clone(),
            ClientId::new($self.section.client_id.clone()),
            Some($self.secret.clone()),
        )
        .set_redirect_uri($self.redirect.clone())
    };
}

#[async_trait]
impl IdentityProvider for Oidc {
    fn name(&self) -> &str {
        &self.section.name
    }

    async fn send(&self, anew: bool) -> Result<SentToProvider, ProviderError> {
        let metadata = self.metadata().await?;
        let client = client!(self, metadata);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        for scope in &self.section.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        for level in &self.section.acr_values {
            request = request.add_auth_context_value(AuthenticationContextClass::new(level.clone()));
        }
        if anew {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let pending = PendingProvider {
            state: state.secret().clone(),
            nonce: Zeroizing::new(nonce.secret().clone()),
            verifier: Zeroizing::new(verifier.secret().clone()),
        };
        Ok(SentToProvider { url: url.to_string(), pending })
    }

    async fn receive(&self, code: &str, pending: PendingProvider) -> Result<ProvidedIdentity, ProviderError> {
        let metadata = self.metadata().await?;
        let client = client!(self, metadata);
        let http = client_of(&self.outside);
        let not_held = |what: &dyn std::error::Error| ProviderError::NotHeld(chain(what));
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| not_held(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.to_string()))
            .request_async(&http)
            .await
            .map_err(|error| not_held(&error))?;
        let id_token = tokens.id_token().ok_or_else(|| ProviderError::NotHeld("no identity token".into()))?;
        let allowed =
            [CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, CoreJwsSigningAlgorithm::EcdsaP256Sha256];
        let verifier = client.id_token_verifier().set_allowed_algs(allowed.clone());
        let nonce = Nonce::new(pending.nonce.to_string());
        let claims = id_token.claims(&verifier, &nonce).map_err(|error| not_held(&error))?;
        if !self.section.acr_values.is_empty() {
            let level = claims.auth_context_ref().map(|level| level.as_str());
            if !level.is_some_and(|level| self.section.acr_values.iter().any(|wanted| wanted == level)) {
                return Err(ProviderError::NotHeld(format!("authentication level {level:?}")));
            }
        }
        let subject = claims.subject().clone();
        let asked = client
            .user_info(tokens.access_token().clone(), Some(subject.clone()))
            .map_err(|error| not_held(&error))?
            .require_signed_response(self.section.signed_userinfo);
        let info: UserInfoClaims<Claims, CoreGenderClaim> =
            asked.request_async(&http).await.map_err(|error| not_held(&error))?;
        let idp = info.additional_claims().idp_id.as_deref();
        let idps = &self.section.idp_ids;
        if !idps.is_empty() && !idp.is_some_and(|idp| idps.iter().any(|known| known == idp)) {
            return Err(ProviderError::NotHeld(format!("identity provider {idp:?}")));
        }
        let vouched = self.section.email_is_verified || info.email_verified() == Some(true);
        let email =
            info.email().filter(|_| vouched).and_then(|email| MailAddress::parse(email.as_str()).ok());
        Ok(ProvidedIdentity {
            issuer: self.issuer.to_string(),
            subject: subject.to_string(),
            verified_email: email,
            id_token: Zeroizing::new(id_token.to_string()),
        })
    }

    async fn sign_out_url(&self, id_token: &str) -> Option<String> {
        let metadata = self.metadata().await.ok()?;
        let mut url: openidconnect::url::Url =
            metadata.additional_metadata().end_session_endpoint.as_ref()?.parse().ok()?;
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("post_logout_redirect_uri", &self.back);
        Some(url.to_string())
    }
}
