//! The door for mail programs: hands what people submit to the use cases. The answers on the wire are `smtp`'s, the
//! decisions are `app`'s; here the two are only told to each other.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use super::mail_door::later_of;
use crate::app::{
    App, MailRefusal, MailSenderError, MailSignInError, SubmissionAnswer, SubmissionRefusal, SubmittedMail,
    Visitor,
};
use crate::identity::{MailSecret, MailSession};
use crate::message::MessageError;
use crate::smtp::{
    MailCredentials, RefusedSubmission, SenderAnswer, SignInAnswer, SubmissionHandler, SubmissionOutcome,
    TryLater,
};
use crate::value::MailAddress;

/// The door of a gateway for mail programs.
pub struct SubmissionDoor {
    app: Arc<App>,
}

impl SubmissionDoor {
    /// Opens it.
    pub const fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

#[async_trait]
impl SubmissionHandler for SubmissionDoor {
    async fn sign_in(&self, credentials: MailCredentials, peer: IpAddr) -> SignInAnswer {
        let address = MailAddress::parse(credentials.name.trim()).ok();
        let secret = MailSecret::parse(credentials.secret.expose());
        match self.app.sign_in_to_submit(address, secret, Visitor { address: peer }).await {
            Ok(session) => SignInAnswer::Signed(session),
            Err(MailSignInError::Refused) => SignInAnswer::Refused,
            Err(MailSignInError::TooMany) => SignInAnswer::TooMany,
            Err(MailSignInError::Fault(error)) => {
                later_of(&error);
                SignInAnswer::TryLater
            }
        }
    }

    async fn check_sender(&self, session: MailSession, from: &MailAddress, peer: IpAddr) -> SenderAnswer {
        match self.app.check_mail_sender(session, from, Visitor { address: peer }).await {
            Ok(()) => SenderAnswer::Allowed,
            Err(MailSenderError::Ended) => SenderAnswer::CutOff,
            Err(MailSenderError::NotYours) => SenderAnswer::NotYours,
            Err(MailSenderError::Fault(error)) => {
                later_of(&error);
                SenderAnswer::TryLater
            }
        }
    }

    async fn submit(&self, mail: SubmittedMail) -> SubmissionOutcome {
        let outcome = match self.app.submit_mail(mail).await {
            Ok(SubmissionAnswer::Sent { reference }) => SubmissionOutcome::Taken { reference },
            Err(refusal) => refused(&refusal),
        };
        let told = match &outcome {
            SubmissionOutcome::Taken { .. } => "accepted",
            SubmissionOutcome::Refused(_) => "refused",
            SubmissionOutcome::TryLater(_) => "later",
        };
        metrics::counter!("pli_mails_submitted_total", "outcome" => told).increment(1);
        outcome
    }
}

fn refused(refusal: &SubmissionRefusal) -> SubmissionOutcome {
    SubmissionOutcome::Refused(match refusal {
        SubmissionRefusal::MayNotSend => RefusedSubmission::MayNotSend,
        SubmissionRefusal::WhichMailbox => RefusedSubmission::WhichMailbox,
        SubmissionRefusal::Automatic => RefusedSubmission::Automatic,
        SubmissionRefusal::Loop => RefusedSubmission::Loop,
        SubmissionRefusal::Malformed(MessageError::TooDeep { .. } | MessageError::TooManyParts { .. }) => {
            RefusedSubmission::TooComplex
        }
        SubmissionRefusal::RecipientRefused => RefusedSubmission::RecipientRefused,
        SubmissionRefusal::TooManyRecipients { limit } => {
            RefusedSubmission::TooManyRecipients { limit: *limit }
        }
        SubmissionRefusal::Validity => RefusedSubmission::Validity,
        SubmissionRefusal::FileRefused => RefusedSubmission::FileRefused,
        SubmissionRefusal::TooFast { .. } => return SubmissionOutcome::TryLater(TryLater::TooFast),
        SubmissionRefusal::Malformed(MessageError::TooLarge { limit, .. })
        | SubmissionRefusal::Content(MailRefusal::TooLarge { limit, .. }) => {
            RefusedSubmission::TooLarge { limit: *limit }
        }
        SubmissionRefusal::Malformed(_) => RefusedSubmission::Malformed,
        SubmissionRefusal::Content(MailRefusal::TooManyFiles { limit }) => {
            RefusedSubmission::TooManyFiles { limit: *limit }
        }
        SubmissionRefusal::Content(MailRefusal::Title(_)) => RefusedSubmission::TitleNamesPerson,
        SubmissionRefusal::Content(_) => RefusedSubmission::Empty,
        SubmissionRefusal::Fault(error) => return SubmissionOutcome::TryLater(later_of(error)),
    })
}
