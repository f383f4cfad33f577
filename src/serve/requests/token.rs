//! `pli token`: tokens and client certificates of partners' software.

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::add::{find_mailboxes, find_partner};
use super::list::row;
use super::{ListOptions, Replies, RequestError, line, parse_digest};
use crate::app::{App, NewApiClient};
use crate::audit::{Actor, Origin};
use crate::identity::{ClientProof, Partner, token_text};
use crate::mailbox::Mailbox;
use crate::value::{ApiClientId, Digest, MailAddress, Slug};

/// A new token, or a certificate that is pinned.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// The partner's name.
    #[arg(long)]
    pub partner: String,
    /// What people call the software, or the site that it runs at.
    #[arg(long)]
    pub label: String,
    /// The slug of a mailbox that it may deposit into; can be repeated.
    #[arg(long = "mailbox", required = true, value_parser = Slug::parse)]
    pub mailboxes: Vec<Slug>,
    /// An address that it may deposit for; can be repeated.
    #[arg(long = "sender", required = true, value_parser = MailAddress::parse)]
    pub senders: Vec<MailAddress>,
    /// For how many days it is good, 1 to 730.
    #[arg(long, default_value_t = 365)]
    pub days: u16,
    /// Pin this client certificate instead of making a token: SHA-256 of its DER form, in hexadecimal.
    #[arg(long, value_parser = parse_digest)]
    pub certificate: Option<Digest>,
}

/// A token or certificate, by its id.
#[derive(Debug, Clone, Copy, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenNamed {
    /// Its id, as `pli token list` tells it.
    pub id: ApiClientId,
}

pub(super) async fn add(app: &Arc<App>, replies: &Replies, new: NewToken) -> Result<(), RequestError> {
    let partner = find_partner(app, &new.partner).await?;
    let mailboxes = find_mailboxes(app, &new.mailboxes).await?;
    let new = NewApiClient {
        partner: partner.id,
        label: new.label,
        mailboxes: mailboxes.iter().map(|mailbox| mailbox.id).collect(),
        senders: new.senders,
        days: new.days,
        certificate: new.certificate,
    };
    let (client, token) = app.make_api_client(new, (Actor::Operator, Origin::Cli)).await?;
    let (id, until) = (client.id, client.expires_at);
    match token {
        Some(token) => {
            line(replies, format!("token {id} until {until}, shown this once: {}", token_text(&token))).await
        }
        None => line(replies, format!("certificate {id} is pinned until {until}")).await,
    }
}

pub(super) async fn list(
    app: &Arc<App>,
    replies: &Replies,
    options: ListOptions,
) -> Result<(), RequestError> {
    let partners: Vec<Partner> = app.partners().await?;
    let mailboxes: Vec<Mailbox> = app.mailboxes().await?;
    for client in app.api_clients().await? {
        let partner = partners.iter().find(|partner| partner.id == client.partner);
        let open = mailboxes.iter().filter(|mailbox| client.mailboxes.contains(&mailbox.id));
        let told = [
            ("id", json!(client.id)),
            ("partner", json!(partner.map(|partner| &partner.name))),
            ("label", json!(client.label)),
            (
                "proof",
                match client.proof {
                    ClientProof::Token(_) => json!("token"),
                    ClientProof::Certificate(digest) => json!(format!("certificate {}", digest.to_hex())),
                },
            ),
            ("mailboxes", json!(open.map(|mailbox| &mailbox.slug).collect::<Vec<_>>())),
            ("senders", json!(client.senders)),
            ("made_at", json!(client.made_at.to_string())),
            ("expires_at", json!(client.expires_at.to_string())),
            ("used_at", json!(client.used_at.map(|at| at.to_string()))),
        ];
        row(replies, options, &told).await?;
    }
    Ok(())
}

pub(super) async fn revoke(
    app: &Arc<App>,
    replies: &Replies,
    TokenNamed { id }: TokenNamed,
) -> Result<(), RequestError> {
    if app.revoke_api_client(id, (Actor::Operator, Origin::Cli)).await? {
        line(replies, format!("{id} is revoked")).await
    } else {
        Err(RequestError::Unknown { kind: "token", name: id.to_string() })
    }
}
