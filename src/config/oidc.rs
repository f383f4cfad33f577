//! `[oidc]`: the organisation's own sign-in.

use std::path::PathBuf;

use serde::Deserialize;

/// `[oidc]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OidcSection {
    /// The provider's issuer; empty means that there is none.
    pub issuer: String,
    /// What people call it.
    pub name: String,
    /// By what the provider knows this gateway.
    pub client_id: String,
    /// The secret beside it.
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// Levels of authentication that are taken; none named means any.
    pub acr_values: Vec<String>,
    /// Whether userinfo must be a signed token.
    #[serde(default = "default_signed_userinfo")]
    pub signed_userinfo: bool,
    /// The provider vouches for addresses without saying so.
    pub email_is_verified: bool,
    /// Identity providers behind it that are taken; none named means any.
    pub idp_ids: Vec<String>,
}

fn default_scopes() -> Vec<String> {
    ["openid", "email", "given_name", "usual_name", "siret", "idp_id"].map(str::to_owned).into()
}

const fn default_signed_userinfo() -> bool {
    true
}

impl OidcSection {
    /// Whether there is a provider.
    pub fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// What is wrong with it, if anything is.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if !self.is_on() {
            return None;
        }
        let is_local =
            ["http://localhost:", "http://127.0.0.1:"].iter().any(|local| self.issuer.starts_with(local));
        if !self.issuer.starts_with("https://") && !is_local {
            return Some("[oidc] issuer is an address that begins with https://");
        }
        if self.client_id.is_empty() || self.client_secret_file.is_none() {
            return Some("[oidc] needs client_id and client_secret_file");
        }
        None
    }
}
