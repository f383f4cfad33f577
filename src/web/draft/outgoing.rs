//! The same form when a member of a mailbox fills it for people outside (T5, T9, V4): recipients and options beside title,
//! message and files. The told password is never given back.

use axum::response::IntoResponse;

use super::super::answer::{Answer, Errors, Outcome};
use super::super::texts::OutsideWords;
use super::super::upload::{DepositForm, OutgoingFields};
use super::super::views::{DraftField, DraftProblem, ErrorKind, OutgoingForm};
use super::{Place, title_problem, typed};
use crate::app::{OpenError, OutgoingSending, SendRefusal, TOLD_PASSWORD_MIN_CHARS};
use crate::identity::Password;
use crate::policy::title::TitleRefusal;
use crate::transfer::DraftPurpose;
use crate::value::{Language, SecretBytes};

impl Place<'_> {
    /// Whether a member fills it for people outside.
    pub(super) fn is_outgoing(&self) -> bool {
        matches!(self.view.draft.purpose, DraftPurpose::Outgoing { .. })
    }

    /// What the form has beside a depositor's; none of a deposit.
    pub(super) async fn outgoing_form(
        &self,
        typed: &OutgoingFields,
        problems: &[DraftProblem],
    ) -> Result<Option<OutgoingForm>, axum::response::Response> {
        if !self.is_outgoing() {
            return Ok(None);
        }
        let app = &self.shared.app;
        let answers = app.answered_by_draft(&self.view.draft).await;
        let answers = answers.map_err(|error| Errors::new(self.shared, self.guest).fault(&error))?;
        let usual = self.view.mailbox.validity_days;
        let usual = usual.unwrap_or_else(|| app.policies.load().validity.member_days());
        let is_said = |problem: &DraftProblem| problem.field() == DraftField::Options;
        Ok(Some(OutgoingForm {
            answers: answers.map(|(reference, address)| (reference, address.to_string())),
            recipients: typed.recipients.clone(),
            days: typed.validity.parse().unwrap_or(usual),
            tell: typed.tell,
            note: typed.note.clone(),
            told_min: TOLD_PASSWORD_MIN_CHARS,
            unfolded: typed.tell || !typed.note.is_empty() || problems.iter().any(is_said),
        }))
    }

    /// The title that an answer is offered before anything is typed (D5).
    pub(super) fn offered_title(&self) -> String {
        match self.view.draft.purpose {
            DraftPurpose::Outgoing { answers: Some(_), .. } => {
                let policies = self.shared.app.policies.load();
                policies.titles.answer_title(self.view.mailbox.slug.as_str()).to_string()
            }
            _ => String::new(),
        }
    }

    pub(super) async fn send_outgoing(self, form: DepositForm) -> Outcome {
        let errors = Errors::new(self.shared, self.guest);
        let (shared, guest) = (self.shared, self.guest);
        let Some(signed) = &self.signed else { return Err(errors.open(&OpenError::NotSignedIn, "/boites")) };
        let outcome = shared.app.send_outgoing(signed, self.view, sending(&form), guest.visitor).await;
        let (problem, title) = match outcome {
            // Its page tells who opened it; one that waits for its scan has none yet.
            Ok(_) => return Ok(Answer::see_other(&self.action).into_response()),
            Err(SendRefusal::Fault(error)) => (errors.not_kept(&error)?, None),
            Err(SendRefusal::NotEntitled) => return Err(errors.page(ErrorKind::Forbidden)),
            Err(refusal) => problem_of(refusal, guest.language),
        };
        let draft = shared.app.draft(self.draft, &self.token).await.map_err(|error| errors.fault(&error))?;
        let view = draft.ok_or_else(|| errors.page(ErrorKind::LinkExpired { again: None }))?;
        let place = Place { view, ..self };
        place.form(typed(form, vec![problem], title)).await
    }
}

fn sending(form: &DepositForm) -> OutgoingSending {
    let told = String::from_utf8_lossy(form.outgoing.told.expose()).into_owned();
    let told_chars = told.chars().count();
    OutgoingSending {
        title: form.title.clone(),
        message: SecretBytes::new(form.message.expose().to_vec()),
        recipients: form.outgoing.recipients.clone(),
        days: form.outgoing.validity.parse().ok(),
        tell_downloads: form.outgoing.tell,
        note: form.outgoing.note.clone(),
        told: if told.is_empty() { None } else { Password::new(told) },
        told_chars,
    }
}

fn problem_of(refusal: SendRefusal, language: Language) -> (DraftProblem, Option<TitleRefusal>) {
    let w = OutsideWords::of(language);
    let at = |field, text: String| (DraftProblem::Outgoing { field, text }, None);
    match refusal {
        SendRefusal::Title(refusal) => (title_problem(&refusal), Some(refusal)),
        SendRefusal::Note(refusal) => {
            let found = refusal.findings().iter().map(|finding| finding.reason.sentence(language));
            let found: Vec<_> = found.collect();
            at(DraftField::Options, format!("{} {}", w.note_refused, found.join(" ")))
        }
        SendRefusal::NoRecipient => at(DraftField::Recipients, w.recipient_missing.to_owned()),
        SendRefusal::NotAnAddress { typed } => {
            at(DraftField::Recipients, format!("{} « {typed} »", w.recipient_wrong))
        }
        SendRefusal::TooManyRecipients { limit, .. } => {
            at(DraftField::Recipients, format!("{} {limit}.", w.recipients_many))
        }
        SendRefusal::Validity { .. } => at(DraftField::Options, w.validity_wrong.to_owned()),
        SendRefusal::PasswordTooShort { limit } => {
            at(DraftField::Options, format!("{} {limit}.", w.told_short))
        }
        SendRefusal::Empty => (DraftProblem::NothingToSend, None),
        SendRefusal::Unfinished { name } => (DraftProblem::UploadUnfinished { name }, None),
        SendRefusal::MessageTooLong { limit, .. } => {
            let limit = usize::try_from(limit.bytes()).unwrap_or(usize::MAX);
            (DraftProblem::MessageTooLong { limit }, None)
        }
        SendRefusal::FileRefused | SendRefusal::NotEntitled | SendRefusal::Fault(_) => {
            (DraftProblem::RefusedAtSending, None)
        }
    }
}
