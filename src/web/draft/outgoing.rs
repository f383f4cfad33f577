//! The same form when a member of a mailbox fills it for people outside (T5, T9, V4): recipients and options beside title,
//! message and files. The told password is never given back.

use axum::response::IntoResponse;

use super::super::answer::{Answer, Errors, Outcome};
use super::super::texts::{CaseMoreWords, DefaultsWords, OutsideWords};
use super::super::upload::{DepositForm, OutgoingFields};
use super::super::views::{DraftField, DraftProblem, ErrorKind, OutgoingForm, RegisterChoice};
use super::{Place, title_problem, typed};
use crate::app::{OpenError, OutgoingSending, SendRefusal, TOLD_PASSWORD_MIN_CHARS};
use crate::identity::Password;
use crate::policy::title::TitleRefusal;
use crate::transfer::{DraftPurpose, TellDownloads};
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
        let DraftPurpose::Outgoing { account, .. } = self.view.draft.purpose else { return Ok(None) };
        let usual = app.usual_sending(account, &self.view.mailbox).await;
        let usual = usual.map_err(|error| Errors::new(self.shared, self.guest).fault(&error))?;
        let tell = TellDownloads::from_code(&typed.tell).unwrap_or(usual.tell);
        let is_said = |problem: &DraftProblem| problem.field() == DraftField::Options;
        Ok(Some(OutgoingForm {
            answers: answers.map(|(reference, address)| (reference, address.to_string())),
            recipients: typed.recipients.clone(),
            days: typed.validity.parse().unwrap_or(usual.days),
            tell: tells(tell, self.guest.language),
            note: typed.note.clone(),
            told_min: TOLD_PASSWORD_MIN_CHARS,
            unfolded: !typed.note.is_empty() || problems.iter().any(is_said),
        }))
    }

    /// The title that an answer is offered before anything is typed (D5).
    pub(super) async fn offered_title(&self) -> Result<String, axum::response::Response> {
        let DraftPurpose::Outgoing { answers: Some(_), .. } = self.view.draft.purpose else {
            return Ok(String::new());
        };
        let (app, errors) = (&self.shared.app, Errors::new(self.shared, self.guest));
        let agreed =
            match app.answered_by_draft(&self.view.draft).await.map_err(|error| errors.fault(&error))? {
                Some((reference, _)) => {
                    app.agreed_answer_title(&reference).await.map_err(|error| errors.fault(&error))?
                }
                None => None,
            };
        let usual = || app.policies.load().titles.answer_title(self.view.mailbox.slug.as_str()).to_string();
        Ok(agreed.unwrap_or_else(usual))
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

/// Of which downloads the sender can be told.
pub(in crate::web) fn tells(chosen: TellDownloads, language: Language) -> Vec<RegisterChoice> {
    let w = DefaultsWords::of(language);
    let tells = TellDownloads::ALL.map(|each| RegisterChoice {
        value: each.code().to_owned(),
        name: match each {
            TellDownloads::Never => w.tell_never,
            TellDownloads::First => w.tell_first,
            TellDownloads::Every => w.tell_every,
        }
        .to_owned(),
        is_chosen: each == chosen,
    });
    tells.into()
}

fn sending(form: &DepositForm) -> OutgoingSending {
    let told = String::from_utf8_lossy(form.outgoing.told.expose()).into_owned();
    let told_chars = told.chars().count();
    OutgoingSending {
        title: form.title.clone(),
        message: SecretBytes::new(form.message.expose().to_vec()),
        recipients: form.outgoing.recipients.clone(),
        days: form.outgoing.validity.parse().ok(),
        tell_downloads: TellDownloads::from_code(&form.outgoing.tell),
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
        SendRefusal::NotWished => {
            at(DraftField::Recipients, CaseMoreWords::of(language).answer_not_wished.to_owned())
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
