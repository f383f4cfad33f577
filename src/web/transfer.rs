//! A transfer's page: closed, until a person presses the button; then message and files (T3, invariant 6).

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::answer::{Answer, Errors, Outcome};
use super::letter_states::letters;
use super::request::Guest;
use super::sent::answer_part;
use super::texts::Texts;
use super::views::{
    AnswerPart, CaseNotice, EnvelopePage, ErrorKind, OpenedFile, OpenedForm, OpenedPage, TransferHead,
};
use super::{Shared, case};
use crate::app::{Envelope, OpenError, OpenedTransfer, Signed};
use crate::mailbox::{Custody, Mailbox};
use crate::relay::letter::TaggedMail;
use crate::transfer::{Belief, Check, SenderEvidence, Transfer};
use crate::value::{Language, Reference};

/// What the page's address says: what became of a step of its case, when the page is shown after one.
#[derive(Deserialize)]
pub(super) struct Asked {
    dossier: Option<String>,
    /// The notice by whose link somebody came: `{mail}.{tag}`.
    avis: Option<String>,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    Query(asked): Query<Asked>,
    guest: Guest,
) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let said = Said {
        notice: asked.dossier.as_deref().and_then(CaseNotice::from_code),
        read: asked.avis.as_deref().and_then(TaggedMail::parse),
        ..Said::default()
    };
    Box::pin(show_with(&shared, &guest, signed, &reference, said)).await
}

/// What a transfer's page says beside what it shows.
#[derive(Default)]
pub(super) struct Said {
    /// What became of a step of the case.
    pub notice: Option<CaseNotice>,
    /// The notice by whose link somebody came.
    pub read: Option<TaggedMail>,
    /// What is wrong with an answer that was to be recorded.
    pub problem: Option<&'static str>,
    /// Why an answer to the partner was not begun.
    pub unanswered: Option<&'static str>,
}

/// The page as it stands.
pub(super) async fn show_with(
    shared: &Shared,
    guest: &Guest,
    signed: Option<Signed>,
    reference: &Reference,
    said: Said,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(signed.as_ref());
    // Who signs in first comes back to the same link.
    let path = match said.read {
        Some(notice) => format!("/transferts/{reference}?avis={notice}"),
        None => format!("/transferts/{reference}"),
    };
    let envelope = shared.app.envelope(signed.as_ref(), reference, guest.visitor).await;
    let mut envelope = envelope.map_err(|error| errors.open(&error, &path))?;
    let answer = answer_part(shared, &mut envelope, &said).await;
    let answer = answer.map_err(|error| errors.fault(&error))?;
    match signed {
        Some(signed) if envelope.opened => opened(shared, guest, &signed, envelope, said, answer).await,
        signed => closed(shared, guest, signed.as_ref(), envelope, said, answer).await,
    }
}

pub(super) async fn open(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    form: String,
) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let errors = Errors::new(&shared, &guest).signed_as(signed.as_ref());
    let path = format!("/transferts/{reference}");
    if let Some(notice) = notice_read(&form) {
        shared.app.note_mail_read(notice, guest.visitor).await.map_err(|error| errors.fault(&error))?;
    }
    let Some(signed) = &signed else { return Err(errors.open(&OpenError::NotSignedIn, &path)) };
    shared
        .app
        .open_transfer(signed, &reference, guest.visitor)
        .await
        .map_err(|error| errors.open(&error, &path))?;
    Ok(Answer::see_other(&path).into_response())
}

/// Who asks, for which reference.
pub(super) async fn visitor(
    shared: &Shared,
    guest: &Guest,
    reference: &str,
) -> Result<(Option<Signed>, Reference), Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    let reference = Reference::parse(reference).map_err(|_| errors.page(ErrorKind::NotFound))?;
    Ok((signed, reference))
}

/// The notice by whose link somebody came, in a form: `avis={mail}.{tag}`.
fn notice_read(form: &str) -> Option<TaggedMail> {
    let typed = form.split('&').find_map(|field| field.strip_prefix("avis="))?;
    // A browser may write the dot as it is or not.
    let typed = percent_encoding::percent_decode_str(typed).decode_utf8().ok()?;
    TaggedMail::parse(&typed)
}

async fn closed(
    shared: &Shared,
    guest: &Guest,
    signed: Option<&Signed>,
    envelope: Envelope,
    said: Said,
    answer: AnswerPart,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(signed);
    let opened = match envelope.transfer.first_opening {
        Some(opening) => {
            let by = shared.app.name_of_account(opening.by).await.map_err(|error| errors.fault(&error))?;
            Some((by, opening.at))
        }
        None => None,
    };
    let case = case::view(shared, signed, &envelope.transfer, None, said.notice, guest.language).await;
    let page = EnvelopePage {
        case: case.map_err(|error| errors.fault(&error))?,
        frame: guest.frame(shared, signed),
        head: head(&envelope.transfer, &envelope.mailbox, guest.language),
        opened,
        held: false,
        answer,
        letters: letters(envelope.mails, guest.language),
        notice_read: said.read.map(|notice| notice.to_string()),
    };
    Ok(Answer::page(StatusCode::OK, guest, &page).into_response())
}

async fn opened(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    envelope: Envelope,
    said: Said,
    answer: AnswerPart,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    let reference = &envelope.transfer.reference;
    let path = format!("/transferts/{reference}");
    let opened = shared.app.opened_transfer(Some(signed), reference, guest.visitor).await;
    let opened = opened.map_err(|error| errors.open(&error, &path))?;
    let message = shared.app.message(&opened).await.map_err(|error| errors.fault(&error))?;
    let form = shared.app.filled_form(&opened).await.map_err(|error| errors.fault(&error))?;
    let document = opened.files().iter().find(|file| file.is_form).map(|file| file.number);
    let form = form.map(|form| OpenedForm::of(&form, document, guest.language));
    let unscanned = opened.files().iter().any(|file| file.check == Check::Off);
    let case =
        case::view(shared, Some(signed), &opened.transfer, Some(&opened), said.notice, guest.language).await;
    let page = OpenedPage {
        case: case.map_err(|error| errors.fault(&error))?,
        frame: guest.frame(shared, Some(signed)),
        head: head(&opened.transfer, &opened.mailbox, guest.language),
        message: String::from_utf8_lossy(message.expose()).into_owned(),
        form,
        files: opened_files(&opened, guest.language),
        unscanned,
        answer,
        refused: opened.transfer.refused.len(),
        original_digest: opened.transfer.original_digest.map(crate::value::Digest::to_hex),
        letters: letters(envelope.mails, guest.language),
    };
    Ok(Answer::page(StatusCode::OK, guest, &page).into_response())
}

/// The files of an opened transfer, in order.
pub(super) fn opened_files(opened: &OpenedTransfer, language: Language) -> Vec<OpenedFile> {
    let files = opened.files().into_iter().map(|file| OpenedFile {
        number: file.number,
        name: file.name,
        media_type: file.content_type,
        size: file.size,
        digest: file.digest.to_hex(),
        warnings: file.check.warnings().iter().map(|found| found.told(language).to_owned()).collect(),
    });
    files.collect()
}

pub(super) fn head(transfer: &Transfer, mailbox: &Mailbox, language: Language) -> TransferHead {
    TransferHead {
        reference: transfer.reference.clone(),
        mailbox: mailbox.name.clone(),
        title: transfer.title.to_string(),
        sender: transfer.depositor.address.to_string(),
        partner: transfer.depositor.partner_name.clone(),
        site: transfer.depositor.site.clone(),
        proof: transfer.depositor.evidence.as_ref().map(|evidence| proof(evidence, language)),
        files: transfer.file_count,
        size: transfer.total_size,
        received: transfer.received_at,
        expires: transfer.expires_at,
        gateway_custody: mailbox.key.custody == Custody::Gateway,
    }
}

/// Why a mail was believed, then what was found in the words of RFC 8601, which mail people know.
fn proof(evidence: &SenderEvidence, language: Language) -> String {
    let texts = Texts::of(language);
    let believed = match evidence.believed {
        Belief::RelayAddress => texts.transfer.by_relay_address,
        Belief::RelayCertificate => texts.transfer.by_relay_certificate,
        Belief::Dmarc => texts.transfer.by_dmarc,
    };
    let mut told = vec![believed.to_owned()];
    if let Some(findings) = &evidence.findings {
        told.push(format!("spf={} ({})", findings.spf.result.keyword(), findings.spf.domain));
        let signatures = findings.dkim.iter();
        told.extend(signatures.map(|dkim| format!("dkim={} ({})", dkim.result.keyword(), dkim.domain)));
        told.push(format!("dmarc={} ({})", findings.dmarc.result.keyword(), findings.dmarc.domain));
        told.push(format!("arc={}", findings.arc.keyword()));
    }
    told.push(evidence.tls.clone().unwrap_or_else(|| texts.transfer.in_clear.to_owned()));
    told.join(" · ")
}
