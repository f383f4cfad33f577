//! The draft's form (D4 to D6, D9): what is sealed stays listed, what was typed is kept, each thing that is wrong is
//! said where it is, and sending twice is sending once.

mod form;
mod outgoing;

pub(super) use form::{another, read_choice};
pub(super) use outgoing::tells;

use axum::extract::rejection::PathRejection;
use axum::extract::{Form, Path, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::deposit::{begin, code_asked, code_page, host_of, inspection_words, limits_of};
use super::request::{CookieName, Guest};
use super::texts::{FormWords, Texts};
use super::tus::Uploads;
use super::upload::{
    DepositForm, FormError, Incoming, OutgoingFields, Target, Wish, form_limit, is_without_files, problem_of,
    read, read_without_files,
};
use super::views::{
    DepositHost, DraftFile, DraftFileState, DraftPage, DraftProblem, ErrorKind, LedTo, OtherDraftRow,
    SentPage, TitleFinding, UnfinishedFile,
};
use crate::app::{
    AppError, DepositRefusal, DraftForm, DraftView, FileRefusal, NamedRefusal, OpenError, OtherDraft,
    Sending, Signed, TogetherRefusal, UnfinishedUpload, UploadRefusal,
};
use crate::content::RefusalCause;
use crate::mailbox::Mailbox;
use crate::policy::title::TitleRefusal;
use crate::transfer::{DraftPurpose, DraftState, REFUSED_TEXT, RefusedFile};
use crate::value::{ByteSize, DraftId, Language, MailboxId, SecretBytes, Token, TransferId, UploadId};

/// The path of a draft: organisation, mailbox, draft.
pub(super) type DraftPath = Result<Path<(String, String, String)>, PathRejection>;

pub(super) async fn show(State(shared): State<Shared>, path: DraftPath, guest: Guest) -> Outcome {
    let place = Place::find(&shared, &guest, path).await?;
    match place.view.draft.state {
        _ if guest.wants_json => place.listed().await,
        DraftState::Sent { transfer, .. } => place.sent(transfer).await,
        DraftState::Open => place.form(Typed::default()).await,
    }
}

pub(super) async fn submit(
    State(shared): State<Shared>,
    path: DraftPath,
    guest: Guest,
    request: Request,
) -> Outcome {
    let place = Place::find(&shared, &guest, path).await?;
    let errors = Errors::new(&shared, &guest);
    // What says that it is too large is not read first; what does not say so is cut at the limit.
    let limit = place.view.limits.deposit;
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > form_limit(limit)) {
        return Err(errors.page(ErrorKind::TooLarge { limit }));
    }
    if let DraftState::Sent { .. } = place.view.draft.state {
        return Ok(place.already_sent());
    }
    let read_form = if is_without_files(&request) {
        read_without_files(request).await
    } else {
        let incoming = Incoming::of(request, limit).await.map_err(|_| errors.page(ErrorKind::BadRequest))?;
        read(&place.target(), incoming).await
    };
    let read_form = read_form.and_then(|mut form| match form.fault.take() {
        None => Ok(form),
        Some(error) if guest.wants_json || matches!(error, AppError::ClosedAfterRestore) => {
            Err(FormError::Fault(error))
        }
        Some(error) => {
            form.problems.insert(0, DraftProblem::NotKept { support: errors.note_fault(&error) });
            Ok(form)
        }
    });
    match read_form {
        // What is sent with its last file is looked at as it was when that file began.
        Ok(form) if form.arrived.is_some() => Box::pin(place.send(form)).await,
        Ok(form) => Box::pin(place.refreshed().await?.act(form)).await,
        Err(FormError::Unreadable) => Err(errors.page(ErrorKind::BadRequest)),
        Err(FormError::TooLarge) => Err(errors.page(ErrorKind::TooLarge { limit })),
        Err(FormError::NoDraft) => {
            Err(errors.page(ErrorKind::LinkExpired { again: Some(place.host.path.clone()) }))
        }
        Err(FormError::AlreadySent) => Ok(place.already_sent()),
        Err(FormError::Fault(error)) => Err(errors.fault(&error)),
    }
}

/// The signed receipt of what was sent, as it stands now (D9).
pub(super) async fn receipt(State(shared): State<Shared>, path: DraftPath, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let place = Place::find(&shared, &guest, path).await?;
    let DraftState::Sent { transfer, reference } = &place.view.draft.state else {
        return Err(errors.page(ErrorKind::NotFound));
    };
    let receipt = shared.app.receipt_of(*transfer).await.map_err(|error| errors.fault(&error))?;
    let receipt = receipt.ok_or_else(|| errors.page(ErrorKind::NotFound))?;
    let name = format!("attachment; filename=\"recu-{reference}.pli-receipt.txt\"");
    let name = HeaderValue::from_str(&name).map_err(|_| errors.page(ErrorKind::NotFound))?;
    let answer = Answer::text(StatusCode::OK, &receipt.to_string());
    Ok(answer.with(CONTENT_DISPOSITION, name).into_response())
}

#[derive(Deserialize)]
pub(super) struct OtherForm {
    draft: DraftId,
}

/// A link to another open draft of the same address is asked for: it goes to the address, as for a new one.
pub(super) async fn ask_for_other(
    State(shared): State<Shared>,
    path: DraftPath,
    guest: Guest,
    Form(form): Form<OtherForm>,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let place = Place::find(&shared, &guest, path).await?;
    begin(&shared, &guest, &shared.asks)?;
    let (language, visitor) = (guest.language, guest.visitor);
    let asked = shared.app.request_other_draft(&place.view, form.draft, language, visitor).await;
    let asked = asked.map_err(|error| errors.fault(&error))?;
    let asked = asked.ok_or_else(|| errors.page(ErrorKind::NotFound))?;
    let address = place.view.draft.address.to_string();
    let page = code_page(&shared, &guest, place.host, address, None);
    Ok(code_asked(&shared, &guest, &page, &asked))
}

/// What the depositor typed, to be given back.
#[derive(Default)]
struct Typed {
    title: String,
    message: String,
    outgoing: OutgoingFields,
    /// None: as it was kept.
    form: Option<DraftForm>,
    /// The other mailbox that the depositor was told the deposit goes to.
    seen: Option<MailboxId>,
    /// That mailbox, when it is told now.
    leads: Option<Mailbox>,
    problems: Vec<DraftProblem>,
    refusal: Option<TitleRefusal>,
}

/// A draft that this browser may fill, and what its pages need.
pub(super) struct Place<'a> {
    pub(super) shared: &'a Shared,
    pub(super) guest: &'a Guest,
    pub(super) view: DraftView,
    draft: DraftId,
    /// The member who fills it; none of a depositor.
    signed: Option<Signed>,
    token: Token,
    host: DepositHost,
    action: String,
}

impl<'a> Place<'a> {
    fn target(&self) -> Target<'_> {
        Target {
            app: &self.shared.app,
            draft: self.view.draft.id,
            token: &self.token,
            limits: self.view.limits,
            visitor: self.guest.visitor,
            files_first: self.guest.wants_json || self.is_outgoing(),
        }
    }

    /// Finds the draft by its path and cookie. Not there, not this browser's, over: the same page.
    pub(super) async fn find(
        shared: &'a Shared,
        guest: &'a Guest,
        path: DraftPath,
    ) -> Result<Self, Response> {
        let errors = Errors::new(shared, guest);
        let Ok(Path((organisation, mailbox, draft))) = path else {
            return Err(errors.page(ErrorKind::NotFound));
        };
        let Ok(draft) = draft.parse::<DraftId>() else { return Err(errors.page(ErrorKind::NotFound)) };
        let again = format!("/depot/{organisation}/{mailbox}");
        let gone = || errors.page(ErrorKind::LinkExpired { again: Some(again.clone()) });
        let token = guest.token(CookieName::Draft(draft));
        let view = match &token {
            Some(token) => shared.app.draft(draft, token).await.map_err(|error| errors.fault(&error))?,
            None => None,
        };
        let Some((view, token)) = view.zip(token) else {
            let logged = shared.app.log_draft_refused(draft, None, guest.visitor).await;
            return Err(logged.map_or_else(|error| errors.fault(&error), |()| gone()));
        };
        let host = host_of(shared, &view.mailbox).await.map_err(|error| errors.fault(&error))?;
        if host.path != again {
            return Err(errors.page(ErrorKind::NotFound));
        }
        let action = format!("{}/brouillon/{draft}", host.path);
        let signed = Self::member(shared, guest, &view, &action).await?;
        Ok(Self { shared, guest, view, draft, signed, token, host, action })
    }

    /// The member whose draft it is, signed in now; none of a depositor's.
    async fn member(
        shared: &Shared,
        guest: &Guest,
        view: &DraftView,
        action: &str,
    ) -> Result<Option<Signed>, Response> {
        let DraftPurpose::Outgoing { account, .. } = view.draft.purpose else { return Ok(None) };
        let errors = Errors::new(shared, guest);
        match guest.signed(shared).await.map_err(|error| errors.fault(&error))? {
            Some(signed) if signed.account.id == account => Ok(Some(signed)),
            Some(other) => {
                let logged = shared.app.log_draft_refused(view.draft.id, Some(&other), guest.visitor).await;
                logged.map_err(|error| errors.fault(&error))?;
                Err(errors.page(ErrorKind::Forbidden))
            }
            None => Err(errors.open(&OpenError::NotSignedIn, action)),
        }
    }

    /// The same draft as it is after files came in.
    async fn refreshed(self) -> Result<Self, Response> {
        let errors = Errors::new(self.shared, self.guest);
        let view = self.shared.app.draft(self.view.draft.id, &self.token).await;
        let view = view.map_err(|error| errors.fault(&error))?;
        let gone = ErrorKind::LinkExpired { again: Some(self.host.path.clone()) };
        Ok(Self { view: view.ok_or_else(|| errors.page(gone))?, ..self })
    }

    async fn act(self, mut form: DepositForm) -> Outcome {
        if self.guest.wants_json {
            return Ok(self.json(&form));
        }
        if let DraftState::Sent { .. } = self.view.draft.state {
            return Ok(self.already_sent());
        }
        if form.form_cut {
            let text = FormWords::of(self.guest.language).problem_long.to_owned();
            form.problems.push(DraftProblem::Form { text });
        }
        if let Wish::Choose(choice) = &form.wish {
            // What was typed stays, also for a form that has some of the same fields.
            let chosen = DraftForm { choice: choice.clone(), ..self.form_of(&form)? };
            form.form = Some(chosen);
        }
        match form.wish {
            Wish::Send | Wish::AcceptTitle if form.problems.is_empty() => Box::pin(self.send(form)).await,
            Wish::Remove(number) => {
                let removed = self
                    .shared
                    .app
                    .remove_file(self.view.draft.id, &self.token, number, self.guest.visitor)
                    .await;
                if let Err(FileRefusal::Fault(error)) = removed {
                    return Err(Errors::new(self.shared, self.guest).fault(&error));
                }
                self.refreshed().await?.form(typed(form, Vec::new(), None)).await
            }
            Wish::Drop(upload) => {
                if let Err(UploadRefusal::Fault(error)) = self.drop_upload(upload).await {
                    return Err(Errors::new(self.shared, self.guest).fault(&error));
                }
                self.refreshed().await?.form(typed(form, Vec::new(), None)).await
            }
            Wish::Add | Wish::Choose(_) => {
                let problems = std::mem::take(&mut form.problems);
                self.form(typed(form, problems, None)).await
            }
            Wish::Send | Wish::AcceptTitle => {
                // A file was refused: say at once what else would be, so that it is put right in one go.
                let mut problems = std::mem::take(&mut form.problems);
                let policies = self.shared.app.policies.load();
                let refusal =
                    policies.titles.clean_for_web(self.view.mailbox.slug.as_str(), &form.title).err();
                problems.splice(0..0, refusal.as_ref().map(title_problem));
                self.form(typed(form, problems, refusal)).await
            }
        }
    }

    async fn send(self, mut form: DepositForm) -> Outcome {
        if form.wish == Wish::AcceptTitle {
            form.title = form.suggested_title.take().unwrap_or(form.title);
        }
        if self.is_outgoing() {
            return Box::pin(self.send_outgoing(form)).await;
        }
        let message = SecretBytes::new(form.message.expose().to_vec());
        let sending =
            Sending { title: form.title.clone(), message, form: form.form.clone(), seen: form.seen };
        let (shared, guest, action) = (self.shared, self.guest, self.action.clone());
        let (draft, slug) = (self.view.draft.id, self.view.mailbox.slug.to_string());
        let errors = Errors::new(shared, guest);
        let arrived = form.arrived.take().map(|file| (file.name().to_string(), file));
        let outcome = match arrived {
            None => shared.app.accept_deposit(self.view, sending, guest.visitor).await,
            Some((name, file)) => match shared.app.accept_deposit_with(*file, sending, guest.visitor).await {
                Ok(answer) => Ok(answer),
                Err(TogetherRefusal::Deposit(refusal)) => Err(refusal),
                Err(TogetherRefusal::File(refusal)) => {
                    match problem_of(refusal, &name, ByteSize(0)) {
                        Ok(problem) => form.problems.push(problem),
                        Err(FormError::Fault(error)) => form.problems.push(errors.not_kept(&error)?),
                        Err(_) => return Ok(self.already_sent()),
                    }
                    let problems = std::mem::take(&mut form.problems);
                    return self.refreshed().await?.form(typed(form, problems, None)).await;
                }
            },
        };
        let (problems, refusal) = match outcome {
            Ok(_) => return Ok(Answer::see_other(&action).into_response()),
            Err(DepositRefusal::Fault(error)) => (vec![errors.not_kept(&error)?], None),
            Err(DepositRefusal::NotAdmitted) => return Err(errors.page(ErrorKind::Forbidden)),
            Err(DepositRefusal::Closed(closed)) => return Err(errors.page(ErrorKind::DoorClosed(closed))),
            Err(DepositRefusal::Form(refusal)) => {
                let (mut problems, leads) = form::told(refusal, guest.language);
                if let Some(leads) = leads {
                    form.seen = Some(leads.id);
                    form.leads = Some(leads);
                }
                // What else is wrong is said in one go.
                let refusal = shared.app.policies.load().titles.clean_for_web(&slug, &form.title).err();
                problems.splice(0..0, refusal.as_ref().map(title_problem));
                (problems, refusal)
            }
            Err(DepositRefusal::Title(refusal)) => (vec![title_problem(&refusal)], Some(refusal)),
            Err(refusal) => (vec![problem_of_refusal(refusal)], None),
        };
        let view = shared.app.draft(draft, &self.token).await.map_err(|error| errors.fault(&error))?;
        let gone = ErrorKind::LinkExpired { again: Some(self.host.path.clone()) };
        let view = view.ok_or_else(|| errors.page(gone))?;
        let place = Self { shared, guest, view, ..self };
        place.form(typed(form, problems, refusal)).await
    }

    /// The form with everything typed kept.
    async fn form(self, mut typed: Typed) -> Outcome {
        let errors = Errors::new(self.shared, self.guest);
        self.keep_form(typed.form.as_ref()).await?;
        let form = match typed.form.take() {
            Some(form) => form,
            None => self.shared.app.draft_form(&self.view.draft).map_err(|error| errors.fault(&error))?,
        };
        let form = self.form_part(&form, &typed.problems).await?;
        let outgoing = self.outgoing_form(&typed.outgoing, &typed.problems).await?;
        if typed.title.is_empty() && typed.problems.is_empty() {
            typed.title = self.offered_title().await?;
        }
        let unfinished = self.shared.app.unfinished_uploads(&self.view.draft).await;
        let unfinished = unfinished.map_err(|error| errors.fault(&error))?.into_iter().map(unfinished_file);
        let others = self.shared.app.other_drafts(&self.view).await.map_err(|error| errors.fault(&error))?;
        let listed = self.shared.app.listed_files(&self.view.draft).map_err(|error| errors.fault(&error))?;
        let files = listed.into_iter().map(|file| DraftFile {
            number: file.number,
            name: file.name,
            size: file.size,
            digest: Some(file.digest),
            state: if file.waits { DraftFileState::Held } else { DraftFileState::Sealed },
        });
        let refused = self.shared.app.named_refusals(&self.view.draft.inspection.refused).into_iter();
        let files = files.chain(refused.map(|file| refused_file(file, self.guest.language)));
        let policies = self.shared.app.policies.load();
        let slug = self.view.mailbox.slug.to_string();
        let canonical = policies.titles.canonical_titles(&slug);
        let refusal = typed.refusal.as_ref();
        let findings =
            refusal.map(TitleRefusal::findings).unwrap_or_default().iter().map(|finding| TitleFinding {
                start: finding.start,
                end: finding.end,
                reason: finding.reason.sentence(self.guest.language).to_owned(),
            });
        let is_our_fault =
            typed.problems.iter().any(|problem| matches!(problem, DraftProblem::NotKept { .. }));
        let status = match typed.problems.is_empty() {
            true => StatusCode::OK,
            false if is_our_fault => StatusCode::SERVICE_UNAVAILABLE,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let page = DraftPage {
            frame: self.guest.frame(self.shared, self.signed.as_ref()),
            host: self.host,
            mailbox_slug: slug,
            action: self.action,
            depositor: self.view.draft.address.to_string(),
            title: typed.title,
            message: typed.message,
            files: files.collect(),
            unfinished: unfinished.collect(),
            canonical_titles: canonical.iter().map(ToString::to_string).collect(),
            findings: findings.collect(),
            suggestion: refusal.map(|refusal| refusal.suggestion().to_string()),
            problems: typed.problems,
            form,
            seen: typed.seen.map(|seen| seen.to_string()),
            leads: typed.leads.map(|mailbox| LedTo { name: mailbox.name, purpose: mailbox.purpose }),
            outgoing,
            others: others.iter().map(other_row).collect(),
            limits: limits_of(self.shared, &self.view.mailbox),
            inspection: inspection_words(self.shared, self.guest, &self.view.mailbox),
        };
        let answer = Answer::page(status, self.guest, &page);
        Ok(if is_our_fault { answer.later() } else { answer }.into_response())
    }

    /// What the draft holds, for the page's script after a file came in.
    async fn listed(&self) -> Outcome {
        let errors = Errors::new(self.shared, self.guest);
        let app = &self.shared.app;
        let files = app.listed_files(&self.view.draft).map_err(|error| errors.fault(&error))?;
        let files = files.into_iter().map(|file| {
            serde_json::json!({
                "n": file.number, "name": file.name, "size": file.size.bytes(), "digest": file.digest.to_hex(),
                "state": if file.waits { "held" } else { "sealed" },
            })
        });
        let unfinished =
            app.unfinished_uploads(&self.view.draft).await.map_err(|error| errors.fault(&error))?;
        let unfinished = unfinished.into_iter().map(|upload| {
            serde_json::json!({
                "id": upload.progress.id.to_string(), "name": upload.path, "fingerprint": upload.fingerprint,
                "offset": upload.progress.offset.bytes(), "size": upload.progress.length.bytes(),
            })
        });
        let body = serde_json::json!({
            "files": files.collect::<Vec<_>>(), "uploads": unfinished.collect::<Vec<_>>(),
        });
        Ok(Answer::json(StatusCode::OK, &body).into_response())
    }

    /// Where uploads into the draft are created.
    pub(super) async fn drop_upload(&self, id: UploadId) -> Result<(), UploadRefusal> {
        self.shared.app.drop_upload(self.view.draft.id, &self.token, id, self.guest.visitor).await
    }

    /// Where the files of this draft come by tus.
    pub(super) fn uploads(self) -> Uploads<'a> {
        let path = format!("{}/fichiers/tus", self.action);
        Uploads { shared: self.shared, guest: self.guest, view: self.view, token: self.token, path }
    }

    /// What the page's script gets for the files that it sent: those that were sealed, and what is wrong with one.
    fn json(&self, form: &DepositForm) -> Response {
        let files = form.sealed.iter().map(|file| {
            serde_json::json!({
                "n": file.number, "name": file.name.as_str(), "size": file.size.bytes(), "state": "sealed",
            })
        });
        let mut body = serde_json::json!({"files": files.collect::<Vec<_>>()});
        let Some(problem) = form.problems.first() else {
            return Answer::json(StatusCode::OK, &body).into_response();
        };
        body["error"] = problem.text(self.guest.language).into();
        Answer::json(StatusCode::UNPROCESSABLE_ENTITY, &body).into_response()
    }

    /// For who adds to a deposit that was sent: the script is told so, a person sees the page of what was sent.
    fn already_sent(&self) -> Response {
        if self.guest.wants_json {
            let error = Texts::of(self.guest.language).problem.already_sent;
            return Answer::json(StatusCode::CONFLICT, &serde_json::json!({"error": error})).into_response();
        }
        Answer::see_other(&self.action).into_response()
    }

    /// The page of a deposit that waits for its scan.
    async fn held(self, transfer: TransferId) -> Outcome {
        let errors = Errors::new(self.shared, self.guest);
        let found = self.shared.app.held_deposit(transfer).await.map_err(|error| errors.fault(&error))?;
        let held = found.ok_or_else(|| errors.page(ErrorKind::TransferExpired { at: None }))?;
        let (went_to, another) = (self.went_to(held.mailbox).await?, self.another().await?);
        let page = SentPage {
            frame: self.guest.frame(self.shared, None),
            host: self.host,
            files: held.file_count(),
            size: held.total_size(),
            expires: held.ends_at(),
            reference: held.reference,
            title: held.title.to_string(),
            received: held.accepted_at,
            went_to,
            another,
            depositor: self.view.draft.address.to_string(),
            held: true,
            receipt: None,
            salt: None,
            refused: refused_names(self.shared, self.guest, &held.refused),
        };
        Ok(Answer::page(StatusCode::OK, self.guest, &page).into_response())
    }

    /// The page that tells the reference (D9).
    async fn sent(self, transfer: TransferId) -> Outcome {
        let errors = Errors::new(self.shared, self.guest);
        let found = self.shared.app.sent_transfer(transfer).await.map_err(|error| errors.fault(&error))?;
        let Some(transfer) = found else { return self.held(transfer).await };
        if self.is_outgoing() {
            return Ok(Answer::see_other(&format!("/transferts/{}", transfer.reference)).into_response());
        }
        let app = &self.shared.app;
        let receipt = app.receipt_of(transfer.id).await.map_err(|error| errors.fault(&error))?;
        let salt = app.receipt_salt(transfer.id).await.map_err(|error| errors.fault(&error))?;
        let page = SentPage {
            went_to: self.went_to(transfer.mailbox).await?,
            another: self.another().await?,
            receipt: receipt.map(|_| format!("{}/recu", self.action)),
            salt: salt.map(|salt| salt.to_string()),
            frame: self.guest.frame(self.shared, None),
            host: self.host,
            reference: transfer.reference,
            title: transfer.title.to_string(),
            files: transfer.file_count,
            size: transfer.total_size,
            received: transfer.received_at,
            expires: transfer.expires_at,
            depositor: self.view.draft.address.to_string(),
            held: false,
            refused: refused_names(self.shared, self.guest, &transfer.refused),
        };
        Ok(Answer::page(StatusCode::OK, self.guest, &page).into_response())
    }
}

fn other_row(draft: &OtherDraft) -> OtherDraftRow {
    let files = u32::try_from(draft.files).unwrap_or(u32::MAX);
    OtherDraftRow { id: draft.id, touched_at: draft.touched_at, files, size: draft.size }
}

fn unfinished_file(upload: UnfinishedUpload) -> UnfinishedFile {
    let UnfinishedUpload { progress, path, fingerprint } = upload;
    UnfinishedFile {
        id: progress.id,
        name: path,
        size: progress.length,
        received: progress.offset,
        fingerprint,
    }
}

fn refused_file(file: NamedRefusal, language: Language) -> DraftFile {
    let t = &Texts::of(language).inspection;
    let name = match file.name {
        _ if file.number == REFUSED_TEXT => t.the_text.to_owned(),
        Some(name) => name,
        None => t.unnamed.to_owned(),
    };
    DraftFile {
        number: file.number,
        name,
        size: file.size,
        digest: None,
        state: DraftFileState::Refused { reason: reason_in_words(file.cause, language) },
    }
}

fn reason_in_words(cause: RefusalCause, language: Language) -> String {
    format!("{} {}.", Texts::of(language).inspection.this_file, cause.told(language))
}

fn refused_names(shared: &Shared, guest: &Guest, refused: &[RefusedFile]) -> Vec<(String, String)> {
    names_and_reasons(shared.app.named_refusals(refused), guest.language)
}

/// Names and reasons of refused files, in words.
pub(super) fn names_and_reasons(refused: Vec<NamedRefusal>, language: Language) -> Vec<(String, String)> {
    let named = refused.into_iter().map(|file| refused_file(file, language));
    let told = named.filter_map(|file| match file.state {
        DraftFileState::Refused { reason } => Some((file.name, reason)),
        _ => None,
    });
    told.collect()
}

fn typed(form: DepositForm, problems: Vec<DraftProblem>, refusal: Option<TitleRefusal>) -> Typed {
    let message = String::from_utf8_lossy(form.message.expose()).into_owned();
    let DepositForm { title, outgoing, form, seen, leads, .. } = form;
    Typed { title, message, outgoing, form, seen, leads, problems, refusal }
}

/// What a refused deposit is told at a field that has no more to say.
fn problem_of_refusal(refusal: DepositRefusal) -> DraftProblem {
    match refusal {
        DepositRefusal::OverLimit(_) => DraftProblem::LimitsLowered,
        DepositRefusal::MessageRefused(cause) => DraftProblem::MessageRefused { cause },
        DepositRefusal::Empty => DraftProblem::NothingToSend,
        DepositRefusal::Unfinished { name } => DraftProblem::UploadUnfinished { name },
        DepositRefusal::MessageTooLong { limit, .. } => {
            DraftProblem::MessageTooLong { limit: usize::try_from(limit.bytes()).unwrap_or(usize::MAX) }
        }
        DepositRefusal::Title(refusal) => title_problem(&refusal),
        // The others never come here: they have pages of their own.
        DepositRefusal::FileRefused
        | DepositRefusal::Form(_)
        | DepositRefusal::NotAdmitted
        | DepositRefusal::Closed(_)
        | DepositRefusal::Fault(_) => DraftProblem::RefusedAtSending,
    }
}

fn title_problem(refusal: &TitleRefusal) -> DraftProblem {
    match refusal {
        TitleRefusal::Empty { .. } => DraftProblem::TitleMissing,
        TitleRefusal::TooLong { limit, .. } => DraftProblem::TitleTooLong { limit: *limit },
        TitleRefusal::NotCanonical { .. } | TitleRefusal::Personal { .. } => DraftProblem::TitleRefused,
    }
}
