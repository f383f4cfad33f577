//! Who is who: organisations that run mailboxes, partners that deposit, accounts that sign in, and how each
//! proves it. No rights are decided here: that is [`crate::mailbox`] for members and [`Agreement`] for partners.

mod account;
mod account_link;
mod api_client;
mod link;
mod mail_password;
mod organisation;
mod partner;
mod passkey;
mod personal;
mod proof;
mod review;
mod second_factor;
mod session;
mod terms;

pub use account::{
    AcceptedTerms, Account, AccountState, Deactivation, Password, PasswordHash, PasswordHashError, Place,
    ProviderLink, Role, second_account_address,
};
pub use account_link::{AccountLink, LinkPurpose};
pub use api_client::{
    API_DEPOSIT_LIFE, ApiClient, ApiDeposit, CLIENT_DAYS_MAX, ClientProof, read_token, token_text,
};
pub use link::{CodeChallenge, LINK_SESSION_LIFE, LinkSession, RecipientLink, StepRefusal, ToldPassword};
pub use mail_password::{MailPassword, MailSecret, MailSession};
pub use organisation::Organisation;
pub use partner::{Admission, Agreement, NetworkRange, NetworkRangeError, Partner, Site};
pub use passkey::{PASSKEYS_MAX, PRF_INPUT, Passkey, passkey_name, prf_secret};
pub use personal::{PersonalKey, PersonalLock};
pub use proof::{AddressProof, CODE_TRIES, CodeAnswer, PROOF_LIFE, ProofCode, ProofPurpose};
pub use review::{Confirmation, StructureReview};
pub use second_factor::{
    AcceptedCode, FACTOR_SECRET_BYTES, FACTOR_TRIES, FactorSecret, RECOVERY_CODE_BYTES, RECOVERY_CODES,
    RecoveryCode, SecondFactor,
};
pub use session::{SESSION_IDLE, SESSION_LIFE, Session, SignInWay};
pub use terms::{ANSWERED_WITHIN, AgreementTerms, AnswerTo, RouteRow, Service, TAKEN_WITHIN};
