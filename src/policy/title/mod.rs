//! The title guard: the title of a deposit travels in clear, so it must name nobody (rule D5).
//!
//! [`TitlePolicy`] is the file an organisation writes, [`TitleGuard`] what is compiled from it.
//! [`TitleGuard::inspect`] is the one function: title in, findings out. `clean_for_web` and `clean_for_mail`
//! apply the mailbox's rules and make the only [`CleanTitle`]s there are. Nothing here reads a file or a clock.

mod clean;
mod digits;
mod encoded_word;
mod finding;
mod fold;
mod guard;
mod hits;
mod nir;
mod prefix;
mod rules;
mod scan;

pub use clean::{CleanTitle, MAX_TITLE_CHARS, TitleShapeError};
pub use finding::{Confidence, Finding, Kind, Reason};
pub use guard::{Inspection, MAX_INSPECTED_CHARS, MailTitle, TitleGuard, TitleRefusal};
pub use rules::{MailboxTitleRules, OnSmtp, OnWeb, TitleMode, TitlePolicy, TitlePolicyError};
