//! What is allowed: closed vocabularies read from data files, default refuse.
//!
//! A policy decides and says why; it does nothing. Its files come in as text, their digest goes into every
//! audit event that cites a decision.

pub mod access;
pub mod agreement;
pub mod alerts;
pub mod custody;
pub mod deadline;
pub mod form;
pub mod holidays;
pub mod outgoing;
pub mod partner_answer;
pub mod password;
pub mod people;
pub mod privacy;
pub mod register;
pub mod reminders;
pub mod rights;
pub mod sign_in;
pub mod title;
