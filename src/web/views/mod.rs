//! Every page as a pure view: a struct of plain data that renders itself to HTML ([`Template::render`]).
//!
//! A handler fills the struct and sends the text; no view knows of HTTP, a store or a clock. All text of a
//! view is escaped by the template engine. Forms, field names and element ids are what outsiders rely on:
//! `tests/pages.rs` holds them.
//!
//! Each page extends `templates/layout.html` and so carries a [`Frame`].

mod account;
mod accounts;
mod boxes;
mod case;
mod case_more;
mod caseload;
mod defaults;
mod demo;
mod deposit;
mod desk;
mod draft;
mod draft_form;
mod entry;
mod error;
mod frame;
mod heard;
mod history;
mod home;
mod kits;
mod legal;
mod mailbox_settings;
mod members;
mod outside;
mod passkey;
mod people_import;
mod problem;
mod receipt;
mod register;
mod second_factor;
mod sign_in;
mod status;
mod step_up;
mod structures;
mod tokens;
mod transfer;

pub use account::{AccountNotice, AccountPage, SessionRow};
pub use accounts::{AccountsPage, HousePersonRow};
pub use askama::Template;
pub use boxes::{Mailbox, MailboxesPage, TransferRow, TransferState, WaitingRow};
pub use case::{CaseDue, CaseNotice, CaseStage, CaseView, DispatchPage, DispatchProblem, DispatchTyped};
pub use case_more::{CaseMore, CodesTold};
pub use caseload::{CaseRow, CaseTabLink, CaseloadPage, CaseloadTyped};
pub use defaults::DefaultsPage;
pub use demo::{DemoGuidePage, DemoMail, DemoMailListPage, DemoMailPage, DemoMailbox, DemoPerson, DemoRole};
pub use deposit::{CodePage, DepositHost, DepositPage, LinkPage};
pub use desk::{
    AccountRow, AgreementRow, JournalFilter, JournalOutcome, JournalPage, JournalRow, JournalState, KeyFate,
    LogVerdict, PageLink, PersonCount, PersonPage, ProofsPage, QueueNotice, QueuePage, QueueRow, RefusalRow,
    RefusalsPage, RightsPage, StoryPage, StoryRow,
};
pub use draft::{
    DraftFile, DraftFileState, DraftPage, LedTo, Limits, OutgoingForm, SentPage, TitleFinding, UnfinishedFile,
};
pub use draft_form::{FormFields, FormPart, OpenedForm, form_element};
pub use entry::{
    AccountLinkPage, ChoosePasswordPage, ChooseProblem, ForgottenPage, TermsNotice, TermsPage, TermsPart,
};
pub use error::{ErrorKind, ErrorPage};
pub use frame::{Frame, SignedIn};
pub use heard::HeardPage;
pub use history::{HistoryTyped, OwnHistoryPage, StructureHistoryPage};
pub use home::{DepositLink, HomePage};
pub use kits::{
    BreachPage, BreachTyped, KitProblem, KitsPage, PersonOutcome, PersonRequestPage, ProcessingPage,
};
pub use legal::{AccessibilityPage, DataProtectionPage};
pub use mailbox_settings::{SettingsNotice, SettingsPage};
pub use members::{KeyNotice, KeyPage, MemberRow, MembersNotice, MembersPage};
pub use outside::{
    AnswerPart, OutsideGonePage, OutsideLinkPage, OutsideOpenedPage, OutsideStepPage, SentListPage,
};
pub use passkey::{PasskeyNotice, PasskeyRow, PasskeysPage};
pub use people_import::{ImportPage, ImportProblem};
pub use problem::{AddressProblem, CodeProblem, DraftField, DraftProblem};
pub use receipt::{AskedFileOutcome, HeldReceipt, ReceiptOutcome, ReceiptPage};
pub use register::{
    Bar, Chart, RegisterChoice, RegisterLineRow, RegisterListPage, RegisterTyped, StatisticsGroup,
    StatisticsPage, TallyRow,
};
pub use second_factor::{CodeNotice, FactorNotice, FactorPage, FactorStep, SignInCodePage};
pub use sign_in::{SignInNotice, SignInPage};
pub use status::{OtherDraftRow, StatusAskPage, StatusCodePage, StatusLinkPage, StatusPage, WithdrawForm};
pub use step_up::{StepUpNotice, StepUpPage};
pub use structures::{
    NewPerson, PersonRow, StructureNotice, StructurePage, StructureRow, StructuresPage, agreement_row,
};
pub use tokens::{TokenMailbox, TokenNotice, TokenRow, TokensPage};
pub use transfer::{Delivery, EnvelopePage, LetterKind, LetterState, OpenedFile, OpenedPage, TransferHead};
