//! `pli mailbox limits`: what a deposit into a mailbox may be, shown and set. Which limits make sense is the mailbox's to
//! say; here they are read and told.

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::change::find_mailbox;
use super::{Replies, RequestError, line};
use crate::app::{App, LimitsRefusal};
use crate::audit::Origin;
use crate::mailbox::LimitsChange;
use crate::value::{ByteSize, Slug};

/// The limits of a mailbox; what is given is set.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxLimits {
    /// The mailbox's slug.
    #[arg(value_name = "SLUG", value_parser = Slug::parse)]
    pub mailbox: Slug,
    /// Largest file, such as 2GiB; 10GiB at most, and less where a scanner takes less.
    #[arg(long, value_name = "SIZE", value_parser = ByteSize::parse)]
    pub file: Option<ByteSize>,
    /// Largest deposit, all its files together.
    #[arg(long, value_name = "SIZE", value_parser = ByteSize::parse)]
    pub deposit: Option<ByteSize>,
    /// Most files of a deposit.
    #[arg(long, value_name = "NUMBER")]
    pub files: Option<u32>,
    /// Most that one address may send in an hour.
    #[arg(long, value_name = "SIZE", value_parser = ByteSize::parse)]
    pub hourly: Option<ByteSize>,
    /// One JSON object, sizes in bytes, for scripts.
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn show_or_set(
    app: &Arc<App>,
    replies: &Replies,
    wanted: MailboxLimits,
) -> Result<(), RequestError> {
    let mut mailbox = find_mailbox(app, &wanted.mailbox).await?;
    let MailboxLimits { file, deposit, files, hourly, .. } = wanted;
    let change = LimitsChange { file, deposit, files, hourly };
    if !change.is_none() {
        mailbox = match app.change_limits(mailbox.id, change, Origin::Cli).await {
            Ok(mailbox) => mailbox,
            Err(LimitsRefusal::Limits(error)) => return Err(error.into()),
            Err(LimitsRefusal::Fault(error)) => return Err(error.into()),
        };
    }
    // A scanner takes no file that it cannot scan whole: what is set and what holds may differ.
    let (set, holds) = (mailbox.limits, app.limits_in_force(&mailbox));
    if wanted.json {
        let told = json!({
            "mailbox": mailbox.slug, "file": set.file, "file_in_force": holds.file, "deposit": set.deposit,
            "files": set.files, "hourly": set.hourly,
        });
        return line(replies, told.to_string()).await;
    }
    line(replies, format!("file\t{}", set.file)).await?;
    if holds.file != set.file {
        line(replies, format!("file in force\t{}\tas the scanner takes it", holds.file)).await?;
    }
    line(replies, format!("deposit\t{}", set.deposit)).await?;
    line(replies, format!("files\t{}", set.files)).await?;
    line(replies, format!("hourly\t{}", set.hourly)).await
}
