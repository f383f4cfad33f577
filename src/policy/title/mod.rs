//! The title guard: the title of a deposit travels in clear, so it must name nobody (rule D5).
//!
//! [`TitlePolicy`] is the file an organisation writes, [`TitleGuard`] what is compiled from it.
//! [`TitleGuard::inspect`] is the one function: title in, findings out. `clean_for_web` and `clean_for_mail`
//! apply the mailbox's rules and make the only [`CleanTitle`]s there are. Nothing here reads a file or a clock.

mod address;
mod clean;
mod dates;
mod digits;
mod email;
mod encoded_word;
mod finding;
mod fold;
mod guard;
mod hits;
mod lists;
mod names;
mod nir;
mod numbers;
mod prefix;
mod report;
mod rules;
mod scan;
mod words;

pub use clean::{CleanTitle, MAX_TITLE_CHARS, TitleShapeError};
pub use finding::{Confidence, Finding, Kind, Reason};
pub(crate) use fold::fold_key;
pub use guard::{Inspection, MAX_INSPECTED_CHARS, MailTitle, TitleGuard, TitleRefusal};
pub use lists::{NameListError, compile_word_list, import_names};
pub use nir::{NirFault, judge_nir};
pub use report::{check_line, explain};
pub use rules::{MailboxTitleRules, OnSmtp, OnWeb, TitleMode, TitlePolicy, TitlePolicyError};
