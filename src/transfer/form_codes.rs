//! What the register copies of a deposit's form when it is released (T7, T8): codes of the form's file, never free text,
//! so that the form itself can stay sealed and end with its transfer.

use serde::{Deserialize, Serialize};

use crate::policy::form::{FilledForm, RegisterRole};

/// The codes of one form, as its file in `policies/forms/` knows them. What a form does not ask is `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormCodes {
    /// The form's name: that of its file, without the ending; with its version behind a hyphen where it has several.
    pub form: String,
    /// The site (CDAS) or territory (TIS) that the form names.
    pub site: Option<String>,
    /// The kinds of file concerned.
    pub kinds: Vec<String>,
    /// Why it is asked.
    pub reason: Option<String>,
    /// Whether the partner asks for a copy of the answer (T6).
    pub copy_to_partner: Option<bool>,
    /// Whether the person wishes that the professional be informed (T6).
    pub inform_professional: Option<bool>,
}

impl FormCodes {
    /// The codes of a form that was filled.
    pub fn of(filled: &FilledForm) -> Self {
        let first = |role| filled.codes(role).into_iter().next();
        Self {
            form: filled.form.clone(),
            site: first(RegisterRole::Site).or_else(|| first(RegisterRole::Territory)),
            kinds: filled.codes(RegisterRole::Kind),
            reason: first(RegisterRole::Reason),
            copy_to_partner: filled.flag(RegisterRole::CopyToPartner),
            inform_professional: filled.flag(RegisterRole::InformProfessional),
        }
    }
}
