//! The form's part of the deposit page: what was chosen and typed, where that leads, another person (D6, D10, T8).

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::super::Shared;
use super::super::answer::{Answer, Errors, Outcome};
use super::super::deposit::{begin, go_to_draft};
use super::super::request::Guest;
use super::super::texts::FormWords;
use super::super::upload::DepositForm;
use super::super::views::{DraftField, DraftProblem, FormFields, FormPart};
use super::{DraftPath, Place};
use crate::app::{DraftForm, FormChoice, FormRefusal};
use crate::mailbox::Mailbox;
use crate::value::{Language, MailboxId, Slug};

/// What the choice is called in the page's hidden field and on its buttons: a form's name, or one of these.
const JOINED: &str = "-file";
const WITHOUT: &str = "-none";

/// Reads a choice; what is none leaves it open.
pub(in crate::web) fn read_choice(text: &str) -> FormChoice {
    match text {
        JOINED => FormChoice::Joined,
        WITHOUT => FormChoice::Without,
        name => Slug::parse(name).map_or(FormChoice::Undecided, FormChoice::Fill),
    }
}

fn written(choice: &FormChoice) -> String {
    match choice {
        FormChoice::Undecided => String::new(),
        FormChoice::Fill(name) => name.to_string(),
        FormChoice::Joined => JOINED.to_owned(),
        FormChoice::Without => WITHOUT.to_owned(),
    }
}

/// Another person: a new deposit by the same address, in this browser (D6).
pub(in crate::web) async fn another(State(shared): State<Shared>, path: DraftPath, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let place = Place::find(&shared, &guest, path).await?;
    begin(&shared, &guest, &shared.asks)?;
    let opened = shared.app.open_another_draft(&place.view, guest.language, guest.visitor).await;
    match opened.map_err(|error| errors.fault(&error))? {
        Some(opened) => go_to_draft(&shared, &guest, &opened).await,
        // The proof is too old: the address is proved anew.
        None => Ok(Answer::see_other(&place.host.path).into_response()),
    }
}

impl Place<'_> {
    /// The name of the mailbox that a deposit went to, where that is another than the page's.
    pub(super) async fn went_to(&self, mailbox: MailboxId) -> Result<Option<String>, Response> {
        if mailbox == self.view.mailbox.id {
            return Ok(None);
        }
        let found = self.shared.app.mailbox_name(mailbox).await;
        found.map_err(|error| Errors::new(self.shared, self.guest).fault(&error))
    }

    /// Where another deposit is begun without proving the address anew, while that may be.
    pub(super) async fn another(&self) -> Result<Option<String>, Response> {
        let may = self.shared.app.may_begin_another(&self.view).await;
        let may = may.map_err(|error| Errors::new(self.shared, self.guest).fault(&error))?;
        Ok(may.then(|| format!("{}/autre-personne", self.action)))
    }

    /// The form as it came with the request, or as it was kept.
    pub(super) fn form_of(&self, posted: &DepositForm) -> Result<DraftForm, Response> {
        if let Some(form) = &posted.form {
            return Ok(form.clone());
        }
        let kept = self.shared.app.draft_form(&self.view.draft);
        kept.map_err(|error| Errors::new(self.shared, self.guest).fault(&error))
    }

    /// Keeps what was typed, sealed, before the page is shown again.
    pub(super) async fn keep_form(&self, form: Option<&DraftForm>) -> Result<(), Response> {
        let Some(form) = form.filter(|form| **form != DraftForm::default()) else { return Ok(()) };
        let kept = self.shared.app.keep_form(self.draft, &self.token, form, self.guest.visitor).await;
        kept.map_err(|error| Errors::new(self.shared, self.guest).fault(&error))
    }

    /// The form's part of the page; none where no form is open.
    pub(super) async fn form_part(
        &self,
        form: &DraftForm,
        problems: &[DraftProblem],
    ) -> Result<Option<FormPart>, Response> {
        let offer = self.shared.app.form_offer(&self.view).await;
        let offer = offer.map_err(|error| Errors::new(self.shared, self.guest).fault(&error))?;
        if offer.is_empty() {
            return Ok(None);
        }
        let language = self.guest.language;
        // Where there is one form and it is needed, nobody has to choose it.
        let choice = match (&form.choice, offer.forms.as_slice()) {
            (FormChoice::Undecided, [only]) if offer.required => read_choice(&only.name),
            (choice, _) => choice.clone(),
        };
        let filling = match &choice {
            FormChoice::Fill(name) => offer.form(name),
            _ => None,
        };
        let (organisation, dpo) = (&self.host.organisation, &self.host.dpo);
        let others =
            offer.forms.iter().filter(|form| filling.is_none_or(|filling| filling.name != form.name));
        let offered = others.map(|form| {
            let title = form.title.told(language).to_owned();
            (form.name.clone(), title, form.title.is_foreign(language))
        });
        let at_choice = problems.iter().filter(|problem| problem.field() == DraftField::Form);
        Ok(Some(FormPart {
            language,
            action: self.action.clone(),
            chosen: written(&choice),
            joined: choice == FormChoice::Joined,
            without: choice == FormChoice::Without,
            required: offer.required,
            offered: offered.collect(),
            filling: filling.map(|open| {
                let notice = open.notice_of(organisation, dpo, language);
                FormFields::of(open, &form.typed, problems, language, notice)
            }),
            problems: at_choice
                .filter(|problem| !matches!(problem, DraftProblem::Answer { .. }))
                .map(|problem| problem.text(language))
                .collect(),
        }))
    }
}

/// What a refused form is told on the page, and the mailbox that it leads to, if that is all.
pub(super) fn told(refusal: FormRefusal, language: Language) -> (Vec<DraftProblem>, Option<Mailbox>) {
    let w = FormWords::of(language);
    let one = |text: String| (vec![DraftProblem::Form { text }], None);
    match refusal {
        FormRefusal::Needed => one(w.problem_needed.to_owned()),
        FormRefusal::FileMissing => one(w.problem_file.to_owned()),
        FormRefusal::NotOpen => one(w.problem_not_open.to_owned()),
        FormRefusal::Content(cause) => one(format!("{} {}.", w.problem_content, cause.told(language))),
        FormRefusal::Closed { to } => one(format!("{} {}.", w.problem_closed, to.name)),
        FormRefusal::Leads { to } => (Vec::new(), Some(*to)),
        FormRefusal::Answers(problems) => {
            let answers = problems.into_iter().map(|problem| DraftProblem::Answer {
                at: problem.at,
                label: problem.label.told(language).to_owned(),
                what: problem.what,
            });
            (answers.collect(), None)
        }
    }
}
