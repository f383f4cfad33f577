//! What is different when a person's mail program submits (RFC 6409): signing in by AUTH PLAIN or LOGIN, over TLS only
//! (RFC 4954, RFC 8314), a sender that must be the account's, and recipients that may be anybody. Who may is asked of
//! the handler; nothing is known here of accounts.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use zeroize::Zeroizing;

use super::super::command::{InitialResponse, Mechanism, RcptCommand, RcptTarget, address_is_ascii};
use super::super::limits::{ADDRESSEES_MAX, SIGN_IN_FAILURES_MAX};
use super::super::receiver::{Line, LineReceiver};
use super::super::reply::Reply;
use super::super::submission::{MailCredentials, SenderAnswer, SignInAnswer, SubmissionOutcome};
use super::{Phase, Purpose, Session, Step, Transaction};
use crate::app::{SubmittedEnvelope, SubmittedMail, Visitor};
use crate::identity::MailSession;
use crate::value::{Addressee, MailAddress, SecretBytes};

/// Who submits.
#[derive(Debug, Default)]
pub(super) struct Submitter {
    signed: Option<MailSession>,
    failures: u32,
}

/// What the next line of AUTH is (RFC 4616; draft-murchison-sasl-login for LOGIN).
pub(super) enum SignInExchange {
    /// Both, in one line.
    Plain,
    /// The name.
    LoginName,
    /// The secret of this name.
    LoginSecret(String),
}

impl Session {
    /// How signing in went, as the peer is told.
    pub fn signed_in(&mut self, answer: &SignInAnswer) -> Step {
        self.phase = Phase::Command(LineReceiver::default());
        let Purpose::Submission(submitter) = &mut self.purpose else {
            return Step::Reply(Reply::NOT_OFFERED);
        };
        match answer {
            SignInAnswer::Signed(signed) => {
                (submitter.signed, submitter.failures) = (Some(*signed), 0);
                Step::Reply(Reply::SIGNED_IN)
            }
            SignInAnswer::TryLater => Step::Reply(Reply::SIGN_IN_LATER),
            SignInAnswer::TooMany => self.close(Reply::TOO_MANY_SIGN_INS),
            SignInAnswer::Refused => {
                submitter.failures += 1;
                if submitter.failures >= SIGN_IN_FAILURES_MAX {
                    return self.close(Reply::SIGN_IN_REFUSED_LAST);
                }
                self.count_refusal(Step::Reply(Reply::SIGN_IN_REFUSED))
            }
        }
    }

    /// Whether the account may send as the address that it gave, as the peer is told.
    pub fn sender_checked(&mut self, answer: SenderAnswer) -> Step {
        self.phase = Phase::Command(LineReceiver::default());
        if answer != SenderAnswer::Allowed {
            self.transaction = None;
        }
        match answer {
            SenderAnswer::Allowed => Step::Reply(Reply::SENDER_OK),
            SenderAnswer::NotYours => self.count_refusal(Step::Reply(Reply::SENDER_NOT_YOURS)),
            SenderAnswer::TryLater => Step::Reply(Reply::SENDER_LATER),
            // Its rights are over: so is the session.
            SenderAnswer::CutOff => self.close(Reply::ACCOUNT_ENDED),
        }
    }

    /// What became of the mail of [`Step::Submit`], as the peer is told.
    pub fn submission_outcome(&mut self, outcome: &SubmissionOutcome) -> Reply {
        self.told(Reply::to_submission(outcome))
    }

    /// AUTH is offered where it is safe (RFC 4954 section 4).
    pub(super) fn offers_sign_in(&self) -> bool {
        matches!(self.purpose, Purpose::Submission(_)) && self.tls.is_some()
    }

    /// RFC 4954 section 4.
    pub(super) fn auth(&mut self, mechanism: Option<Mechanism>, initial: Option<InitialResponse>) -> Step {
        if let Some(refusal) = self.refusal_of_auth() {
            return Step::Reply(refusal);
        }
        match mechanism {
            None => Step::Reply(Reply::MECHANISM),
            Some(Mechanism::Plain) => self.exchange(SignInExchange::Plain, initial, Reply::CHALLENGE_EMPTY),
            Some(Mechanism::Login) => {
                self.exchange(SignInExchange::LoginName, initial, Reply::CHALLENGE_NAME)
            }
        }
    }

    fn refusal_of_auth(&self) -> Option<Reply> {
        let Purpose::Submission(submitter) = &self.purpose else { return Some(Reply::NOT_OFFERED) };
        if self.tls.is_none() {
            Some(Reply::SIGN_IN_NEEDS_TLS)
        } else if self.hello.is_none() {
            Some(Reply::HELLO_FIRST)
        } else if submitter.signed.is_some() {
            Some(Reply::SIGNED_IN_ALREADY)
        } else if self.transaction.is_some() {
            Some(Reply::SIGN_IN_BEFORE_MAIL)
        } else {
            None
        }
    }

    /// Goes on with what came with the command, or asks for it.
    fn exchange(&mut self, exchange: SignInExchange, initial: Option<InitialResponse>, ask: Reply) -> Step {
        if let Some(response) = initial {
            self.respond(exchange, response.encoded())
        } else {
            self.phase = Phase::SigningIn(LineReceiver::default(), exchange);
            Step::Reply(ask)
        }
    }

    /// A line that is not a command: the client's answer to a challenge.
    pub(super) fn sign_in_line(&mut self, line: Line) -> Step {
        let phase = std::mem::replace(&mut self.phase, Phase::Command(LineReceiver::default()));
        let Phase::SigningIn(lines, exchange) = phase else { return Step::Reply(Reply::SYNTAX) };
        let step = match line {
            Line::Whole(line) => {
                let response = line.strip_suffix(b"\r\n").unwrap_or(&line);
                if response == b"*" {
                    Step::Reply(Reply::SIGN_IN_CANCELLED)
                } else {
                    self.respond(exchange, response)
                }
            }
            fault => {
                // The rest of that line is still to be skipped.
                self.phase = Phase::Command(lines);
                match fault {
                    Line::TooLong => Step::Reply(Reply::SIGN_IN_LINE_TOO_LONG),
                    Line::Endless => self.close(Reply::TOO_MANY_ERRORS),
                    _ => Step::Reply(Reply::LINE_ENDING),
                }
            }
        };
        self.count_refusal(step)
    }

    fn respond(&mut self, exchange: SignInExchange, encoded: &[u8]) -> Step {
        let Ok(decoded) = BASE64.decode(encoded).map(Zeroizing::new) else {
            return Step::Reply(Reply::SIGN_IN_ENCODING);
        };
        match exchange {
            SignInExchange::Plain => match plain(&decoded) {
                Some(credentials) => self.ask(credentials),
                None => Step::Reply(Reply::SIGN_IN_ENCODING),
            },
            SignInExchange::LoginName => match String::from_utf8(decoded.to_vec()) {
                Ok(name) => self.exchange(SignInExchange::LoginSecret(name), None, Reply::CHALLENGE_SECRET),
                Err(_) => Step::Reply(Reply::SIGN_IN_ENCODING),
            },
            SignInExchange::LoginSecret(name) => {
                self.ask(MailCredentials { name, secret: SecretBytes::new(decoded.to_vec()) })
            }
        }
    }

    fn ask(&mut self, credentials: MailCredentials) -> Step {
        self.phase = Phase::Handling;
        Step::SignIn(credentials)
    }

    /// The account's rights are looked up anew for each mail (invariant 7).
    pub(super) fn check_sender(&mut self, from: Option<MailAddress>) -> Step {
        let signed = match &self.purpose {
            Purpose::Submission(submitter) => submitter.signed,
            Purpose::Exchange(_) => None,
        };
        let (step, transaction) = match (signed, from) {
            (None, _) => (Step::Reply(Reply::SIGN_IN_FIRST), None),
            // Only programs send from nowhere (RFC 5321 section 4.5.5), and no program has an account.
            (Some(_), None) => (Step::Reply(Reply::SENDER_NOT_YOURS), None),
            (Some(signed), Some(from)) => {
                self.phase = Phase::Handling;
                (Step::CheckSender { signed, from }, self.transaction.take())
            }
        };
        self.transaction = transaction;
        step
    }

    pub(super) fn submit(&mut self, transaction: Option<Transaction>, message: SecretBytes) -> Step {
        let (Purpose::Submission(Submitter { signed: Some(signed), .. }), Some(tls)) =
            (&self.purpose, &self.tls)
        else {
            return Step::Reply(Reply::SIGN_IN_FIRST);
        };
        let Some(transaction) = transaction else { return Step::Reply(Reply::RECIPIENT_FIRST) };
        let Transaction { from, addressees, smtp_utf8, requires_tls, envelope_id, .. } = transaction;
        let Some(from) = from else { return Step::Reply(Reply::SENDER_NOT_YOURS) };
        let envelope = SubmittedEnvelope {
            from,
            recipients: addressees,
            envelope_id,
            helo: self.hello.clone().unwrap_or_default(),
            tls: tls.protocol.clone(),
            smtp_utf8,
            requires_tls,
        };
        let visitor = Visitor { address: self.peer };
        let mail = SubmittedMail { account: signed.account, visitor, envelope, message };
        self.phase = Phase::Handling;
        Step::Submit(Box::new(mail))
    }
}

impl Transaction {
    /// Anybody may be written to; naming somebody twice does no harm.
    pub(super) fn add_addressee(&mut self, rcpt: RcptCommand) -> Reply {
        let RcptCommand { target, notify, original } = rcpt;
        let RcptTarget::Address(address) = target else { return Reply::RECIPIENT_SYNTAX };
        if !self.smtp_utf8 && !address_is_ascii(&address) {
            return Reply::RECIPIENT_NEEDS_UTF8;
        }
        if self.addressees.iter().any(|known| known.address == address) {
            return Reply::RECIPIENT_OK;
        }
        if self.addressees.len() >= ADDRESSEES_MAX {
            return Reply::TOO_MANY_RECIPIENTS;
        }
        self.addressees.push(Addressee { address, notify, original });
        Reply::RECIPIENT_OK
    }
}

/// RFC 4616: `[authzid] NUL authcid NUL passwd`. Nobody acts for somebody else.
fn plain(decoded: &[u8]) -> Option<MailCredentials> {
    let mut fields = decoded.split(|&byte| byte == 0);
    let (authority, name, secret) = (fields.next()?, fields.next()?, fields.next()?);
    let acts_for_itself = authority.is_empty() || authority == name;
    if fields.next().is_some() || !acts_for_itself {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?.to_owned();
    Some(MailCredentials { name, secret: SecretBytes::new(secret.to_vec()) })
}
