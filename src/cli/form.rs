//! `pli form`: the files of forms, offline.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::failed;
use crate::policy::form::{FieldKind, Form, FormSet, RegisterRole};
use crate::serve::policies::form_file;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Read a form's file, with the tables beside it, and say what it defines. docs/forms.md tells how one is written.
    Check {
        /// The file; one that is shipped is in policies/forms.
        file: PathBuf,
    },
}

pub(super) fn run(action: &Action) -> ExitCode {
    let Action::Check { file } = action;
    match form_file(file) {
        Err(error) => failed(&error),
        Ok(set) => {
            print!("{}", told(&set));
            println!("{} is fit to lie in policies/forms.", shown(file));
            ExitCode::SUCCESS
        }
    }
}

fn shown(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn told(set: &FormSet) -> String {
    set.all().iter().map(|form| told_form(form)).collect()
}

fn told_form(form: &Form) -> String {
    let fields: Vec<_> = form.fields().collect();
    let required = fields.iter().filter(|field| field.required).count();
    let mut lines = vec![format!("{}: {}", form.name, form.title.fr)];
    lines.push(format!(
        "  {} fields, {required} of them required; document {}.pdf",
        fields.len(),
        form.document
    ));
    for field in fields.iter().filter(|field| field.role.is_some()) {
        let codes: Vec<&str> = field.choices().iter().map(|choice| choice.code.as_str()).collect();
        let codes = match (&field.kind, codes.as_slice()) {
            (FieldKind::YesNo | FieldKind::Checkbox, _) => "yes or no".to_owned(),
            (_, few) if few.len() <= 12 => few.join(", "),
            (_, many) => format!("{} codes", many.len()),
        };
        lines.push(format!("  register: {} from {} ({codes})", field.role.map_or("", word), field.id));
    }
    lines.join("\n") + "\n"
}

const fn word(role: RegisterRole) -> &'static str {
    match role {
        RegisterRole::Site => "site",
        RegisterRole::Territory => "territory",
        RegisterRole::Kind => "kind",
        RegisterRole::Reason => "reason",
        RegisterRole::CopyToPartner => "copy_to_partner",
        RegisterRole::InformProfessional => "inform_professional",
    }
}
