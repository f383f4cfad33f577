//! Mail over SMTP (RFC 5321): the server that deposits, bounces and absence notices come in by, and the client
//! that takes the gateway's own mails to one host.
//!
//! The protocol is apart from the wire: [`Session`] turns bytes into steps, [`serve`] does the steps. What a
//! mail means is not known here: the server asks [`Recipients`] what an address is for and hands the mail to
//! a [`MailHandler`]; what people submit it hands to a [`SubmissionHandler`]. Parsing of messages, queues and retries are elsewhere.

mod authentication;
mod client;
mod command;
mod limits;
mod listener;
mod mail;
mod names;
mod receiver;
mod reply;
mod session;
mod signing;
mod submission;
#[cfg(test)]
mod testing;
mod tls;

pub use authentication::{DnsAuthentication, ResolverError};
pub use client::{
    ClientTls, ClientWaits, Connections, DelayReason, DeliveryOutcome, EnhancedCode, HostReply, Route,
    SentMail, TlsRequirement, TlsaMatching, TlsaRecord, TlsaSelector, TlsaUsage, Unsendable,
};
pub use limits::{ListenerLimits, SessionLimits};
pub use listener::{ListenerConfig, ListenerTls, serve, serve_submission};
pub use mail::{
    MailHandler, MailOutcome, PeerTls, ReceivedMail, Recipient, RecipientAnswer, RecipientRole, Recipients,
    RefusedMail, TryLater,
};
pub use names::{HostAddresses, MailHosts, Names, NamesError};
pub use reply::Reply;
pub use session::{Session, SessionConfig, Step};
pub use signing::SignedDelivery;
pub use submission::{
    MailCredentials, RefusedSubmission, SenderAnswer, SignInAnswer, SubmissionHandler, SubmissionOutcome,
};
