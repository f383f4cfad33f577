//! `pli mailbox change`: who else is told when a notice to a mailbox does not arrive.

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::change::find_mailbox;
use super::{Replies, RequestError, line};
use crate::app::App;
use crate::audit::Origin;
use crate::value::{MailAddress, Slug};

/// A mailbox, and what is changed of it.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxChange {
    /// The mailbox's slug.
    #[arg(value_name = "SLUG", value_parser = Slug::parse)]
    pub mailbox: Slug,
    /// Who is told when a notice does not arrive at the notice address.
    #[arg(long, value_name = "ADDRESS", value_parser = MailAddress::parse, required_unless_present = "no_second_notice_address")]
    pub second_notice_address: Option<MailAddress>,
    /// Nobody is.
    #[arg(long, conflicts_with = "second_notice_address")]
    pub no_second_notice_address: bool,
}

pub(super) async fn change(
    app: &Arc<App>,
    replies: &Replies,
    change: MailboxChange,
) -> Result<(), RequestError> {
    let mailbox = find_mailbox(app, &change.mailbox).await?;
    let second = change.second_notice_address;
    let told = match &second {
        Some(second) => format!("{second} is told when a notice to {} does not arrive", mailbox.slug),
        None => format!("nobody else is told when a notice to {} does not arrive", mailbox.slug),
    };
    app.set_second_notice_address(mailbox.id, second, Origin::Cli).await?;
    line(replies, told).await
}
