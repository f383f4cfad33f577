//! What the use cases need from the outside, and what they may assume of it. Each contract is written on its
//! trait; one suite (`tests/contract`) runs against every adapter.

mod authentication;
mod cases;
mod clock;
mod delivery;
mod identity_provider;
mod keyring;
mod kits;
mod log;
mod names;
mod objects;
mod random;
mod register;
mod restoration;
mod scanner;
mod store;

pub use authentication::{ExaminedMail, NoSenderAuthentication, SenderAuthentication};
pub use cases::{CasePlace, CaseSearch, CaseStanding, CaseTerm, CasesFound, terms_of};
pub use clock::Clock;
pub use delivery::{Delivery, Dispatched, KeptPolicies, OutgoingMail};
pub use identity_provider::{
    IdentityProvider, PendingProvider, ProvidedIdentity, ProviderError, SentToProvider,
};
pub use keyring::{Keyring, KeyringError, LogHead, SecretName};
pub use kits::{AlertState, DailyMail, DepositReceipt};
pub use log::{StampedCheckpoint, TimestampState, TimestampTrouble};
pub use names::{NamesUnanswered, NoNames, TextRecords};
pub use objects::{ObjectError, ObjectReader, ObjectWriter, Objects};
pub use random::Random;
pub use register::{RegisterFound, RegisterPlace, RegisterSearch};
pub use restoration::{Restoration, RestorationState, RestoreReport};
pub use scanner::{ScanStream, Scanner, ScannerError, ScannerState};
pub use store::{
    Change, CommitError, Committed, Entry, Expectation, ForwardCursor, ForwardTarget, Key, List, LogFound,
    LogOrder, LogSearch, PersonName, Record, RecordPlace, RestoredLog, Store, StoreError, StoreSnapshot,
    StoredCheckpoint, StoredLeaf, UnitOfWork, Versioned, WitnessState, WitnessTrouble,
};
