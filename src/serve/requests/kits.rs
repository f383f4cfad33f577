//! What is asked of the log for people: the salt of a receipt.

use std::sync::Arc;

use super::{Replies, RequestError, line};
use crate::app::App;
use crate::audit::{Actor, Origin};
use crate::value::Reference;

pub(super) async fn receipt_salt(
    app: &Arc<App>,
    replies: &Replies,
    reference: &Reference,
) -> Result<(), RequestError> {
    match app.tell_receipt_salt(reference, Actor::Operator, Origin::Cli).await? {
        Some(salt) => line(replies, salt.to_string()).await,
        None => Err(RequestError::Unknown { kind: "receipt with a salt for", name: reference.to_string() }),
    }
}
