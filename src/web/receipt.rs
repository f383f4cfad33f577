//! The public page that verifies a receipt (D9): a file or a pasted text, no account, limited by network. It tells
//! nothing that the receipt does not say itself, but whether the log still has its entry.

use axum::Router;
use axum::extract::multipart::{Field, Multipart, MultipartRejection};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::{AskedFileOutcome, ErrorKind, HeldReceipt, ReceiptOutcome, ReceiptPage};
use crate::app::{AskedFile, CheckedReceipt};
use crate::audit::{FileSalt, RECEIPT_MAX_BYTES, ReceiptError};
use crate::value::Digest;

/// A receipt as a file or pasted, and what surrounds it in the form.
const BODY_MAX_BYTES: usize = 2 * RECEIPT_MAX_BYTES + 16 * 1024;
/// Parts of the form that are read.
const FIELDS_MAX: usize = 8;

/// The routes of the page.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/verifier-un-recu", get(show).post(verify))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
}

async fn show(State(shared): State<Shared>, guest: Guest) -> Outcome {
    page(&shared, &guest, StatusCode::OK, None).await
}

async fn verify(
    State(shared): State<Shared>,
    guest: Guest,
    form: Result<Multipart, MultipartRejection>,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    if shared.receipts.begin(guest.visitor.address, shared.app.now().at).is_err() {
        return page(&shared, &guest, StatusCode::TOO_MANY_REQUESTS, Some(ReceiptOutcome::TooMany)).await;
    }
    let form = form.map_err(|_| errors.page(ErrorKind::BadRequest))?;
    let typed = read(form).await.ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    if typed.receipt.trim().is_empty() {
        return page(&shared, &guest, StatusCode::UNPROCESSABLE_ENTITY, Some(ReceiptOutcome::Empty)).await;
    }
    let asked = typed.asked();
    let checked = shared.app.check_receipt(&typed.receipt, asked.file(), guest.visitor).await;
    let (status, outcome) = match checked.map_err(|error| errors.fault(&error))? {
        Ok(checked) => (StatusCode::OK, ReceiptOutcome::Holds(held(checked, asked))),
        Err(ReceiptError::Shape | ReceiptError::TooLong { .. }) => {
            (StatusCode::UNPROCESSABLE_ENTITY, ReceiptOutcome::Unreadable)
        }
        Err(_) => (StatusCode::UNPROCESSABLE_ENTITY, ReceiptOutcome::Fails),
    };
    page(&shared, &guest, status, Some(outcome)).await
}

/// What was typed.
#[derive(Default)]
struct Typed {
    receipt: String,
    salt: String,
    fingerprint: String,
}

/// What is asked about a file.
#[derive(Clone, Copy)]
enum Asked {
    Nothing,
    File(AskedFile),
    Unreadable,
}

impl Asked {
    const fn file(self) -> Option<AskedFile> {
        match self {
            Self::File(file) => Some(file),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

impl Typed {
    fn asked(&self) -> Asked {
        if self.salt.trim().is_empty() && self.fingerprint.trim().is_empty() {
            return Asked::Nothing;
        }
        match (self.salt.parse::<FileSalt>(), fingerprint(&self.fingerprint)) {
            (Ok(salt), Some(digest)) => Asked::File(AskedFile { salt, digest }),
            _ => Asked::Unreadable,
        }
    }
}

/// Reads the form; none when it is none.
async fn read(mut form: Multipart) -> Option<Typed> {
    let mut typed = Typed::default();
    for _ in 0..FIELDS_MAX {
        let Some(field) = form.next_field().await.ok()? else { break };
        let name = field.name().unwrap_or_default().to_owned();
        let text = text(field).await?;
        match name.as_str() {
            "recu" | "texte" if typed.receipt.trim().is_empty() => typed.receipt = text,
            "sel" => typed.salt = text,
            "empreinte" => typed.fingerprint = text,
            _ => {}
        }
    }
    Some(typed)
}

async fn text(field: Field<'_>) -> Option<String> {
    let bytes = field.bytes().await.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A SHA-256 as programs print it, in hexadecimal.
fn fingerprint(text: &str) -> Option<Digest> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).take(65).collect();
    let (high, low) = digits.is_ascii().then(|| digits.split_at_checked(32)).flatten()?;
    let (high, low): (FileSalt, FileSalt) = (high.parse().ok()?, low.parse().ok()?);
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(high.as_bytes());
    bytes[16..].copy_from_slice(low.as_bytes());
    Some(Digest::from_bytes(bytes))
}

fn held(checked: CheckedReceipt, asked: Asked) -> HeldReceipt {
    let promise = checked.receipt.promise;
    HeldReceipt {
        reference: promise.reference,
        mailbox: promise.mailbox,
        received: promise.received_at,
        files: u32::try_from(promise.file_count).unwrap_or(u32::MAX),
        entry: checked.receipt.proved.map(|proved| (proved.index + 1, proved.signed_at)),
        still_there: checked.still_there,
        file: match (asked, checked.holds_file) {
            (Asked::Unreadable, _) => Some(AskedFileOutcome::Unreadable),
            (_, Some(true)) => Some(AskedFileOutcome::Yes),
            (_, Some(false)) => Some(AskedFileOutcome::No),
            (_, None) => None,
        },
    }
}

async fn page(
    shared: &Shared,
    guest: &Guest,
    status: StatusCode,
    outcome: Option<ReceiptOutcome>,
) -> Result<Response, Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    let key = shared.app.log_key().map_err(|error| errors.fault(&error))?.to_string();
    let view = ReceiptPage { frame: guest.frame(shared, signed.as_ref()), key, outcome };
    Ok(Answer::page(status, guest, &view).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_as_programs_print_it() {
        let digest = Digest::of(b"x");
        let hex = digest.to_hex();
        assert_eq!(fingerprint(&hex), Some(digest));
        assert_eq!(fingerprint(&format!(" {} \n", hex.to_uppercase())), Some(digest));
        let spaced: Vec<_> = hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair)).collect();
        assert_eq!(fingerprint(&spaced.join(" ")), Some(digest), "as certutil of old printed it");
        for wrong in ["", &hex[1..], &format!("{hex}0"), &hex.replace(&hex[..1], "é")] {
            assert_eq!(fingerprint(wrong), None, "{wrong}");
        }
    }
}
