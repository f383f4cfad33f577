//! The way to the deposit form (D1 to D3): the mailbox's page, the page after the address, the page of the
//! mailed link. None of them says whether an address may deposit.

use askama::Template;

use super::{AddressProblem, CodeProblem, Frame, Limits};

/// Whose mailbox a deposit page is for, and who answers for the data (D1, S6).
#[derive(Debug, Clone)]
pub struct DepositHost {
    /// The organisation that runs the mailbox and processes the data.
    pub organisation: String,
    /// The name of the mailbox.
    pub mailbox: String,
    /// What the mailbox is for, one sentence.
    pub purpose: String,
    /// The path of the mailbox's page, `/depot/{organisation}/{mailbox}`.
    pub path: String,
    /// The mail address of the organisation's data protection officer.
    pub dpo: String,
}

/// `GET /depot/{organisation}/{mailbox}`, and the answer to its POST when what was typed is no address.
#[derive(Debug, Clone, Template)]
#[template(path = "deposit.html")]
pub struct DepositPage {
    /// What stands around.
    pub frame: Frame,
    /// Whose mailbox.
    pub host: DepositHost,
    /// What may be sent, and how long it can be opened.
    pub limits: Limits,
    /// Whether files are scanned, and which are accepted, in a sentence.
    pub inspection: String,
    /// What was typed before.
    pub address: String,
    /// What is wrong with it.
    pub problem: Option<AddressProblem>,
}

/// The answer to every address, allowed or not: "we have sent a mail if…", and a field for the typed code.
#[derive(Debug, Clone, Template)]
#[template(path = "code.html")]
pub struct CodePage {
    /// What stands around.
    pub frame: Frame,
    /// Whose mailbox; the form posts to its path and `/code`.
    pub host: DepositHost,
    /// The address as it was typed, empty when it is not known any more.
    pub address: String,
    /// How long link and code are valid, in minutes.
    pub minutes: u32,
    /// Why the code was not accepted.
    pub problem: Option<CodeProblem>,
}

/// `GET /depot/lien/{token}`: a button, whatever the token; a robot learns and changes nothing.
#[derive(Debug, Clone, Template)]
#[template(path = "link.html")]
pub struct LinkPage {
    /// What stands around.
    pub frame: Frame,
    /// Where the button posts to: the link's own path.
    pub action: String,
}
