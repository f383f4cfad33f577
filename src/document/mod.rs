//! Documents that agents file: a filled form as a PDF that is archivable and accessible (ISO 19005-2 level A, ISO 14289-1).
//! Bytes go out; nothing is kept and nothing is read but the fonts that Pli brings along (`fonts/LICENSE.txt`).

mod font;
mod form;
mod pages;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use form::{FormDocument, form_document};

/// A document could not be made: a defect of ours, since whatever can be typed can be printed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the document could not be made: {0}")]
pub struct DocumentError(pub String);
