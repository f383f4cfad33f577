//! The form of a deposit on the page (D10): which are open to who deposits, what is typed so far, what becomes of it when the
//! deposit is sent, and to which mailbox that leads (T8).
//!
//! What is typed is sealed to the transfer's recipient as soon as it comes, as files are; so a reload, a lost line or a killed
//! gateway lose nothing, and nothing lies about in clear.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::spawn_blocking;

use super::ports::{Key, UnitOfWork};
use super::release::ClearPart;
use super::{App, AppError, CONFLICT_TRIES, DraftView, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome};
use crate::content::RefusalCause;
use crate::document::{FormDocument, form_document};
use crate::identity::{Agreement, Service};
use crate::mailbox::Mailbox;
use crate::policy::form::{FilledForm, Form, Problem, TypedForm};
use crate::transfer::{Depositor, Draft, DraftPurpose, DraftState, FormCodes};
use crate::value::{Day, DraftId, MailboxId, SecretBytes, Slug, Timestamp, Token, calendar};
use crate::vault::{PartRole, open, seal};

/// How the form comes with a deposit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormChoice {
    /// Nothing was chosen yet.
    #[default]
    Undecided,
    /// The form of this name is filled on the page.
    Fill(Slug),
    /// It is joined as a file, scanned or typed elsewhere.
    Joined,
    /// The deposit is about nobody's case.
    Without,
}

/// The form of a draft as far as it is filled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftForm {
    /// How it comes.
    pub choice: FormChoice,
    /// What was typed.
    pub typed: TypedForm,
}

/// The forms that are open to who fills a draft.
#[derive(Debug, Clone, Default)]
pub struct FormOffer {
    /// Those that are in force, in the order of their names.
    pub forms: Vec<Arc<Form>>,
    /// Whether the agreement asks for one.
    pub required: bool,
}

impl FormOffer {
    /// Whether there is anything to choose.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty() && !self.required
    }

    /// The form of this name, if it is open.
    pub fn form(&self, name: &Slug) -> Option<&Arc<Form>> {
        self.forms.iter().find(|form| form.name == name.as_str())
    }
}

/// Why a deposit is not sent for its form. The depositor can mend it, and nothing that was typed is lost.
#[derive(Debug, Error)]
pub enum FormRefusal {
    /// The agreement asks for a form.
    #[error("the agreement asks for a form")]
    Needed,
    /// It was to be joined as a file, and there is none.
    #[error("the form was to be joined as a file, and there is none")]
    FileMissing,
    /// The form is not open any more.
    #[error("the form is not open any more")]
    NotOpen,
    /// What is wrong with it, field by field.
    #[error("{} answers are not right", .0.len())]
    Answers(Vec<Problem>),
    /// It is refused for what is in it.
    #[error("the form is refused for what is in it")]
    Content(RefusalCause),
    /// It goes to another mailbox than that of the page, and the depositor has not seen that yet.
    #[error("the deposit goes to another mailbox")]
    Leads {
        /// To which.
        to: Box<Mailbox>,
    },
    /// It would go to a mailbox that is not open to the depositor (D3).
    #[error("the deposit would go to a mailbox that is not open to the depositor")]
    Closed {
        /// To which.
        to: Box<Mailbox>,
    },
}

/// A form that goes with a deposit.
pub(super) struct JudgedForm {
    pub filled: FilledForm,
    /// What is scanned: all that was typed.
    pub text: SecretBytes,
}

/// What a form becomes when the deposit is released: its data and its document.
pub(super) struct FormParts {
    pub codes: FormCodes,
    data: SecretBytes,
    document: SecretBytes,
    name: String,
}

impl FormParts {
    /// The two parts that are sealed, the data first.
    pub(super) fn clear(&self) -> [ClearPart<'_>; 2] {
        [
            ClearPart {
                role: PartRole::Form,
                name: "",
                content_type: "application/json",
                bytes: self.data.expose(),
            },
            ClearPart {
                role: PartRole::FormDocument,
                name: &self.name,
                content_type: "application/pdf",
                bytes: self.document.expose(),
            },
        ]
    }
}

impl App {
    /// The forms that are open to who fills a draft: those of the agreement that admits the address now (D11). What a member
    /// sends and what somebody outside replies has none.
    pub async fn form_offer(&self, view: &DraftView) -> Result<FormOffer, AppError> {
        Ok(self
            .agreement_of_draft(view)
            .await?
            .map(|agreement| self.offer_of(&agreement))
            .unwrap_or_default())
    }

    pub(super) fn offer_of(&self, agreement: &Agreement) -> FormOffer {
        let policies = self.policies.load();
        let terms = &agreement.terms;
        let forms = terms.forms.iter().filter_map(|name| policies.forms.get(name.as_str()).cloned());
        FormOffer { forms: forms.collect(), required: terms.form_required }
    }

    /// The agreement under which a draft is deposited; none when nothing admits its address any more.
    pub(super) async fn agreement_of_draft(&self, view: &DraftView) -> Result<Option<Agreement>, AppError> {
        if view.draft.purpose != DraftPurpose::Deposit {
            return Ok(None);
        }
        let now = self.believed_now()?;
        let Some(partner) = self.admitted_partner(&view.mailbox, &view.draft.address, now).await? else {
            return Ok(None);
        };
        let found: Option<(Agreement, u64)> =
            self.read(&Key::Agreement((view.mailbox.id, partner.id))).await?;
        Ok(found.map(|(agreement, _)| agreement))
    }

    /// The form of a draft as far as it is filled, opened for its own page.
    pub fn draft_form(&self, draft: &Draft) -> Result<DraftForm, AppError> {
        let (Some(sealed), Some(identity)) = (&draft.form, self.draft_identity(draft)?) else {
            return Ok(DraftForm::default());
        };
        let plain = open(&identity, sealed)?;
        serde_json::from_slice(plain.expose()).map_err(|_| AppError::Broken("form of a draft"))
    }

    /// Keeps what was typed into the form of a draft, sealed. The same again changes nothing.
    pub async fn keep_form(
        &self,
        draft: DraftId,
        token: &Token,
        form: &DraftForm,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        for _ in 0..CONFLICT_TRIES {
            let Some(DraftView { mut draft, version, .. }) = self.draft(draft, token).await? else {
                return Ok(());
            };
            if draft.state != DraftState::Open || self.draft_form(&draft)? == *form {
                return Ok(());
            }
            let plain = serde_json::to_vec(form).map_err(|_| AppError::Broken("form of a draft"))?;
            let plain = SecretBytes::new(plain);
            let now = self.believed_now()?;
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Draft(draft.id), version);
            draft.form = Some(seal(&draft.recipient, plain.expose())?);
            draft.touched_at = now;
            let (actor, object) = (Actor::Person(draft.person), Object::Draft(draft.id));
            let kept = event(now, actor, Action::FormKept, object, Outcome::Done, visitor.web());
            self.log(&mut unit, kept.concerning(draft.partner))?;
            unit.put(draft);
            match self.store.commit(unit).await.map_err(AppError::from) {
                // A file came in at the same time.
                Err(error) if error.is_conflict() => {}
                outcome => return outcome.map(drop),
            }
        }
        Err(AppError::Contended)
    }

    /// Judges the form of a deposit; none of a deposit that has none and needs none.
    pub(super) async fn judge_form(
        &self,
        view: &DraftView,
        agreement: &Agreement,
        form: &DraftForm,
        now: Timestamp,
    ) -> Result<Result<Option<JudgedForm>, FormRefusal>, AppError> {
        let offer = self.offer_of(agreement);
        let name = match &form.choice {
            FormChoice::Fill(name) => name,
            FormChoice::Joined if !view.draft.parts.is_empty() => return Ok(Ok(None)),
            FormChoice::Joined if !offer.is_empty() => return Ok(Err(FormRefusal::FileMissing)),
            _ if offer.required => return Ok(Err(FormRefusal::Needed)),
            _ => return Ok(Ok(None)),
        };
        let Some(open) = offer.form(name) else { return Ok(Err(FormRefusal::NotOpen)) };
        let organisation = self.organisation_of(&view.mailbox).await?;
        let today = today_in_paris(now)?;
        let dpo = organisation.data_protection_officer.to_string();
        Ok(match open.judge(&form.typed, today, &organisation.name, &dpo) {
            Err(problems) => Err(FormRefusal::Answers(problems)),
            Ok(filled) => {
                Ok(Some(JudgedForm { filled, text: SecretBytes::new(form.typed.text().into_bytes()) }))
            }
        })
    }

    /// The mailbox that a deposit goes to for what its form says (T8), open to who deposits (D3); none when it stays where it
    /// is. `seen` is what the depositor was told.
    pub(super) async fn led_to(
        &self,
        view: &DraftView,
        agreement: &Agreement,
        filled: &FilledForm,
        seen: Option<MailboxId>,
        now: Timestamp,
    ) -> Result<Result<Option<Mailbox>, FormRefusal>, AppError> {
        let codes = FormCodes::of(filled);
        let to = agreement.terms.route(&codes.form, &codes.kinds, codes.reason.as_deref());
        let Some(to) = to.filter(|to| *to != view.mailbox.id) else { return Ok(Ok(None)) };
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(to)).await?;
        let (target, _) = found.ok_or(AppError::Broken("route to no mailbox"))?;
        let to = || Box::new(target.clone());
        let partner = self.admitted_partner(&target, &view.draft.address, now).await?;
        let open = match partner {
            Some(partner) => self.closed_door(&target, partner.id, Service::Page).await?.is_none(),
            None => false,
        };
        if !open {
            return Ok(Err(FormRefusal::Closed { to: to() }));
        }
        if seen != Some(target.id) {
            return Ok(Err(FormRefusal::Leads { to: to() }));
        }
        Ok(Ok(Some(target)))
    }

    /// The name of the mailbox that a deposit went to.
    pub async fn mailbox_name(&self, mailbox: MailboxId) -> Result<Option<String>, AppError> {
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox)).await?;
        Ok(found.map(|(mailbox, _)| mailbox.name))
    }

    /// Makes the parts of a form that is sent: its data, and the document that agents file.
    pub(super) async fn form_parts(
        &self,
        filled: FilledForm,
        depositor: &Depositor,
        mailbox: &Mailbox,
        now: Timestamp,
    ) -> Result<FormParts, AppError> {
        let codes = FormCodes::of(&filled);
        let name = format!("{}.pdf", filled.document);
        let data = serde_json::to_vec(&filled).map_err(|_| AppError::Broken("form of a deposit"))?;
        let organisation = self.organisation_of(mailbox).await?.name;
        let sender = format!("{} ({})", depositor.address, depositor.partner_name);
        let recipient = format!("{}, {organisation}", mailbox.name);
        let day = calendar::local_day(now).ok_or(AppError::Broken("day of a deposit"))?;
        let made = spawn_blocking(move || {
            form_document(&FormDocument { form: &filled, sender: &sender, recipient: &recipient, day: &day })
        });
        let document = made.await.map_err(|_| AppError::Broken("document of a form"))?;
        let document = document.map_err(|error| {
            tracing::error!(%error, "form.no_document");
            AppError::Broken("document of a form")
        })?;
        Ok(FormParts { codes, data: SecretBytes::new(data), document: SecretBytes::new(document), name })
    }
}

fn today_in_paris(now: Timestamp) -> Result<Day, AppError> {
    let day = calendar::local_day(now).and_then(|day| Day::parse(&day));
    day.ok_or(AppError::Broken("day of a deposit"))
}
