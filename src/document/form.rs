//! The document of a filled form, in French, the language of who files it.

use super::DocumentError;
use super::pages::{Pages, Row};
use crate::policy::form::FilledForm;
use crate::value::Language;

/// What a form's document says beside the form.
pub struct FormDocument<'a> {
    /// The form.
    pub form: &'a FilledForm,
    /// Who sent it: address and partner.
    pub sender: &'a str,
    /// The mailbox that it goes to, and the organisation.
    pub recipient: &'a str,
    /// The day on which it was sent, in Paris, as ISO 8601 writes it.
    pub day: &'a str,
}

/// Makes the document of a form. Its metadata holds no personal data: the form's title, and the day.
pub fn form_document(document: &FormDocument<'_>) -> Result<Vec<u8>, DocumentError> {
    let form = document.form;
    let mut pages = Pages::new()?;
    pages.title(&form.title.fr);
    pages.paragraph(&format!("Transmis par {}, le {}.", document.sender, french_day(document.day)), 9.5);
    pages.paragraph(&format!("À l’attention de {}.", document.recipient), 9.5);
    for section in &form.sections {
        pages.heading(&section.title.fr);
        let rows = section.fields.iter().map(|field| {
            let lines = field.lines(Language::Fr);
            Row {
                label: &field.label.fr,
                // An empty cell is said to be empty, not left to be wondered at.
                lines: if lines.is_empty() { vec!["–".to_owned()] } else { lines },
                to_sign: field.is_signed_by_hand(),
            }
        });
        pages.table(&rows.collect::<Vec<_>>());
    }
    pages.heading("Information de la personne");
    pages.paragraph(&form.notice.fr, 8.5);
    pages.write(&form.title.fr, document.day, "Document confidentiel")
}

fn french_day(iso: &str) -> String {
    let parts: Vec<&str> = iso.splitn(3, '-').collect();
    match parts.as_slice() {
        [year, month, day] => format!("{day}/{month}/{year}"),
        _ => iso.to_owned(),
    }
}
