//! Keys that sign mails: made, listed with what the DNS says, put to use, retired.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::list::row;
use super::{ListOptions, Replies, RequestError, line};
use crate::app::{App, DkimRecord};
use crate::audit::Origin;
use crate::relay::dkim::{DkimKey, DkimState, Selector};
use crate::value::Domain;
use crate::vault::SigningAlgorithm;

/// What a key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlgorithmName {
    /// RSA with 2048 bits, which every verifier knows.
    Rsa,
    /// Ed25519 (RFC 8463), beside an RSA key.
    Ed25519,
}

impl From<AlgorithmName> for SigningAlgorithm {
    fn from(name: AlgorithmName) -> Self {
        match name {
            AlgorithmName::Rsa => Self::Rsa2048,
            AlgorithmName::Ed25519 => Self::Ed25519,
        }
    }
}

/// A new key.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDkimKey {
    /// What it signs with.
    #[arg(long, value_enum, default_value = "rsa")]
    pub algorithm: AlgorithmName,
    /// Its name in the DNS. Default: "pli-", the date and the algorithm.
    #[arg(long, value_parser = Selector::parse)]
    pub selector: Option<Selector>,
    /// The domain of the mails' authors. Default: the gateway's mail domain.
    #[arg(long, value_parser = Domain::parse)]
    pub domain: Option<Domain>,
}

/// A key, by its name.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimNamed {
    /// Its name in the DNS.
    #[arg(value_parser = Selector::parse)]
    pub selector: Selector,
    /// The domain. Default: the gateway's mail domain.
    #[arg(long, value_parser = Domain::parse)]
    pub domain: Option<Domain>,
}

pub(super) async fn add(app: &Arc<App>, replies: &Replies, new: NewDkimKey) -> Result<(), RequestError> {
    let domain = new.domain.unwrap_or_else(|| app.settings.mail_domain.clone());
    let selector = match new.selector {
        Some(selector) => selector,
        None => default_selector(app, new.algorithm)?,
    };
    let key = app.add_dkim_key(domain, selector, new.algorithm.into(), Origin::Cli).await?;
    line(replies, key.zone_line()).await?;
    let told = "Publish this record. The key signs once the gateway has seen it in the DNS: within a quarter of an hour, \
                or at once by `pli key dkim use`.";
    line(replies, told.to_owned()).await
}

fn default_selector(app: &App, algorithm: AlgorithmName) -> Result<Selector, RequestError> {
    let day = app.now().at.day().to_string().replace('-', "");
    let kind = if algorithm == AlgorithmName::Rsa { "rsa" } else { "ed25519" };
    Selector::parse(&format!("pli-{day}-{kind}")).map_err(|what| RequestError::Unfit { what })
}

pub(super) async fn list(
    app: &Arc<App>,
    replies: &Replies,
    options: ListOptions,
) -> Result<(), RequestError> {
    for (key, record) in app.dkim_keys().await? {
        let told = [
            ("selector", json!(key.selector)),
            ("domain", json!(key.domain)),
            ("algorithm", json!(key.algorithm)),
            ("state", json!(state(&key))),
            ("dns", json!(dns(record))),
            ("made_at", json!(key.made_at.to_string())),
            ("needed_until", json!(needed_until(&key))),
            ("record", json!(key.zone_line())),
        ];
        row(replies, options, &told).await?;
    }
    Ok(())
}

pub(super) async fn put_to_use(
    app: &Arc<App>,
    replies: &Replies,
    named: DkimNamed,
) -> Result<(), RequestError> {
    let domain = named.domain.unwrap_or_else(|| app.settings.mail_domain.clone());
    let key = app.use_dkim_key(&domain, &named.selector, Origin::Cli).await?;
    line(replies, format!("{} of {}: {}", key.selector, key.domain, state(&key))).await
}

pub(super) async fn retire(app: &Arc<App>, replies: &Replies, named: DkimNamed) -> Result<(), RequestError> {
    let domain = named.domain.unwrap_or_else(|| app.settings.mail_domain.clone());
    let key = app.retire_dkim_key(&domain, &named.selector, Origin::Cli).await?;
    let until = needed_until(&key).unwrap_or_default();
    let told = format!(
        "{} signs no more; leave its record {} in the DNS until {until}",
        key.selector,
        key.record_name()
    );
    line(replies, told).await?;
    let keys = app.keyring.dkim_keys().map_err(crate::app::AppError::from)?;
    if !keys.iter().any(|other| other.domain == domain && other.signs()) {
        line(replies, format!("warning: no key signs for {domain} any more")).await?;
    }
    Ok(())
}

const fn state(key: &DkimKey) -> &'static str {
    match key.state {
        DkimState::Waiting => "waiting for its record",
        DkimState::Signing { .. } => "signing",
        DkimState::Retired { .. } => "retired",
    }
}

const fn dns(record: DkimRecord) -> &'static str {
    match record {
        DkimRecord::Published => "published",
        DkimRecord::Missing => "missing",
        DkimRecord::Unknown => "unknown",
    }
}

fn needed_until(key: &DkimKey) -> Option<String> {
    match key.state {
        DkimState::Retired { published_until } => Some(published_until.to_string()),
        DkimState::Waiting | DkimState::Signing { .. } => None,
    }
}
