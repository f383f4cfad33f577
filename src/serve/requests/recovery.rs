//! What the command line asks of the recovery: who asks for the keys of the live days, who confirms, who takes them.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::audit::RecoveryPurpose;
use crate::relay::letter::SecretText;
use crate::value::{MailAddress, RecoveryId};

/// What the keys of the live days are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurposeName {
    /// To know that it works.
    Drill,
    /// The gateway does not come back.
    Breakdown,
    /// The mail goes to another tool.
    Migration,
    /// A court or an authority asks.
    LegalRequest,
}

impl From<PurposeName> for RecoveryPurpose {
    fn from(name: PurposeName) -> Self {
        match name {
            PurposeName::Drill => Self::Drill,
            PurposeName::Breakdown => Self::Breakdown,
            PurposeName::Migration => Self::Migration,
            PurposeName::LegalRequest => Self::LegalRequest,
        }
    }
}

/// Somebody asks for the keys of the live days.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryAsk {
    /// The address of your account: an agent's or a security officer's.
    #[arg(long = "as", value_name = "ADDRESS", value_parser = MailAddress::parse)]
    pub address: MailAddress,
    /// What for.
    #[arg(long, value_enum)]
    pub purpose: PurposeName,
    /// The account's password. Read from standard input, never from the command line.
    #[arg(skip = SecretText::new(String::new()))]
    pub password: SecretText,
}

/// Somebody else confirms it.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryConfirm {
    /// The request, as `pli recover ask` or `list` told it.
    #[arg(value_name = "REQUEST")]
    pub request: RecoveryId,
    /// The address of your account. One of the two people is a security officer.
    #[arg(long = "as", value_name = "ADDRESS", value_parser = MailAddress::parse)]
    pub address: MailAddress,
    /// The account's password. Read from standard input, never from the command line.
    #[arg(skip = SecretText::new(String::new()))]
    pub password: SecretText,
}

/// One of the two takes the keys out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryKeys {
    /// The confirmed request.
    pub request: RecoveryId,
    /// The address of the account.
    pub address: MailAddress,
    /// The account's password.
    pub password: SecretText,
}
