//! One SMTP session from the receiving side (RFC 5321): bytes in, steps out. It holds no socket and no clock
//! and awaits nothing; `listener.rs` does what the steps say.
//!
//! Who may deposit is not judged here but by the handler, after the message is in. What differs when a mail program
//! submits (RFC 6409) is in `session/submitting.rs`.

mod submitting;

use std::net::IpAddr;
use std::sync::Arc;

use self::submitting::{SignInExchange, Submitter};
use super::command::{Command, MailCommand, RcptCommand, RcptTarget, address_is_ascii};
use super::limits::{ADDRESSEES_MAX, DISCARDED_BYTES_MAX, SessionLimits};
use super::mail::{
    MailOutcome, PeerTls, ReceivedMail, Recipient, RecipientAnswer, RecipientRole, Recipients,
};
use super::receiver::{DataReceiver, Line, LineReceiver, Message, MessageFault};
use super::reply::Reply;
use super::submission::MailCredentials;
use crate::app::SubmittedMail;
use crate::identity::MailSession;
use crate::value::{Addressee, ByteSize, Domain, MailAddress, SecretBytes};

/// What a session is told about its server.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The server's name, in the greeting.
    pub hostname: Domain,
    /// STARTTLS can be offered.
    pub offers_tls: bool,
    /// No mail is taken before TLS is on (RFC 3207 section 4: not for a server that the whole Internet writes to).
    pub requires_tls: bool,
    /// What follows from a mail can leave protected as RFC 8689 asks, so that REQUIRETLS can be offered.
    pub offers_requiretls: bool,
    /// What the session may use up.
    pub limits: SessionLimits,
}

/// What the session wants done, in this order.
#[derive(Debug)]
pub enum Step {
    /// Send this.
    Reply(Reply),
    /// Send this, do the TLS handshake, then call [`Session::tls_established`].
    StartTls(Reply),
    /// Have this treated, then call [`Session::outcome`] and send what it returns.
    Deliver(Box<ReceivedMail>),
    /// Have this looked at, then call [`Session::signed_in`] and do what it returns.
    SignIn(MailCredentials),
    /// Have it looked up whether the account may send as this address, then call [`Session::sender_checked`].
    CheckSender {
        /// Who is signed in.
        signed: MailSession,
        /// MAIL FROM.
        from: MailAddress,
    },
    /// Have this treated, then call [`Session::submission_outcome`] and send what it returns.
    Submit(Box<SubmittedMail>),
    /// Send this and close.
    Close(Reply),
}

/// One session.
pub struct Session {
    config: SessionConfig,
    purpose: Purpose,
    peer: IpAddr,
    tls: Option<PeerTls>,
    hello: Option<String>,
    transaction: Option<Transaction>,
    phase: Phase,
    errors: u32,
    commands: u32,
    mails: u32,
}

/// What mail is for here.
enum Purpose {
    /// From other hosts, for the gateway's own addresses.
    Exchange(Arc<dyn Recipients>),
    /// From the mail programs of people who have an account, for anybody.
    Submission(Submitter),
}

/// What the next byte belongs to.
enum Phase {
    Command(LineReceiver),
    /// A line of AUTH (RFC 4954 section 4).
    SigningIn(LineReceiver, SignInExchange),
    Data(DataReceiver),
    /// A chunk of BDAT, whose message is in the transaction.
    Chunk(Chunk),
    /// The handler has the message.
    Handling,
    /// The handshake is under way.
    Handshake,
    Closed,
}

struct Transaction {
    from: Option<MailAddress>,
    declared: ByteSize,
    smtp_utf8: bool,
    requires_tls: bool,
    /// ENVID (RFC 3461).
    envelope_id: Option<String>,
    /// Whom it is for, on a door for other hosts.
    recipient: Option<Recipient>,
    /// Whom it is for, when it is submitted.
    addressees: Vec<Addressee>,
    /// The message so far, when it comes by BDAT.
    chunks: Option<Message>,
}

struct Chunk {
    size: u64,
    left: u64,
    last: bool,
    /// The answer at its end when the chunk was not wanted.
    refusal: Option<Reply>,
}

impl Session {
    /// A session with a peer that has just connected; `tls` is set when it came over TLS from the start.
    pub fn new(
        config: SessionConfig,
        recipients: Arc<dyn Recipients>,
        peer: IpAddr,
        tls: Option<PeerTls>,
    ) -> Self {
        Self::with(config, Purpose::Exchange(recipients), peer, tls)
    }

    /// A session that takes mail of people who sign in (RFC 6409), over TLS only.
    pub fn for_submission(config: SessionConfig, peer: IpAddr, tls: Option<PeerTls>) -> Self {
        let config = SessionConfig { requires_tls: true, ..config };
        Self::with(config, Purpose::Submission(Submitter::default()), peer, tls)
    }

    fn with(config: SessionConfig, purpose: Purpose, peer: IpAddr, tls: Option<PeerTls>) -> Self {
        Self {
            config,
            purpose,
            peer,
            tls,
            hello: None,
            transaction: None,
            phase: Phase::Command(LineReceiver::default()),
            errors: 0,
            commands: 0,
            mails: 0,
        }
    }

    /// Who is on the other side.
    pub const fn peer(&self) -> IpAddr {
        self.peer
    }

    /// What is sent first.
    pub fn greeting(&self) -> Reply {
        Reply::greeting(self.config.hostname.as_str())
    }

    /// Takes bytes from the front of `input` until there is something to do. `None`: it wants more bytes.
    /// After [`Step::Deliver`] and [`Step::StartTls`] it takes nothing until it is told how that went.
    pub fn advance(&mut self, input: &mut &[u8]) -> Option<Step> {
        loop {
            match &mut self.phase {
                Phase::Command(lines) => {
                    let line = lines.take(input)?;
                    let step = self.line(line, !input.is_empty());
                    // A chunk of BDAT answers at its end.
                    if step.is_some() {
                        return step;
                    }
                }
                Phase::SigningIn(lines, _) => {
                    let line = lines.take(input)?;
                    return Some(self.sign_in_line(line));
                }
                Phase::Data(data) => {
                    if let Some(message) = data.take(input) {
                        return Some(self.end_of_data(message));
                    }
                    return data.message().is_endless().then(|| self.close(Reply::endless()));
                }
                Phase::Chunk(_) => return self.chunk(input),
                Phase::Handling | Phase::Handshake | Phase::Closed => return None,
            }
        }
    }

    /// TLS is on: all that was said before is forgotten (RFC 3207 section 4.2).
    pub fn tls_established(&mut self, tls: PeerTls) {
        self.tls = Some(tls);
        self.hello = None;
        self.transaction = None;
        self.phase = Phase::Command(LineReceiver::default());
    }

    /// What became of the mail of [`Step::Deliver`], as the peer is told.
    pub fn outcome(&mut self, outcome: &MailOutcome) -> Reply {
        self.told(Reply::to_outcome(outcome))
    }

    /// What a mail's sender is told; whoever sends what is taken may go on for longer.
    fn told(&mut self, reply: Reply) -> Reply {
        self.phase = Phase::Command(LineReceiver::default());
        if reply.is_refusal() {
            self.errors += 1;
        } else {
            (self.errors, self.commands) = (0, 0);
        }
        reply
    }

    /// Between commands, with no mail begun: the session can be ended without loss.
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Command(_) | Phase::Closed) && self.transaction.is_none()
    }

    /// A message is coming in.
    pub fn is_receiving(&self) -> bool {
        matches!(self.phase, Phase::Data(_) | Phase::Chunk(_))
    }

    /// The octets of the message coming in so far.
    pub fn received(&self) -> u64 {
        match &self.phase {
            Phase::Data(data) => data.message().seen(),
            _ => self
                .transaction
                .as_ref()
                .and_then(|transaction| transaction.chunks.as_ref())
                .map_or(0, Message::seen),
        }
    }

    /// The memory that the message coming in takes, or will take if its sender announced its size.
    pub fn memory(&self) -> ByteSize {
        let declared = self.transaction.as_ref().map_or(ByteSize(0), |transaction| transaction.declared);
        let message = match &self.phase {
            Phase::Data(data) => Some(data.message()),
            _ => self.transaction.as_ref().and_then(|transaction| transaction.chunks.as_ref()),
        };
        message.filter(|message| message.fault().is_none()).map_or(ByteSize(0), |message| {
            let limit = self.config.limits.message;
            ByteSize(message.memory() as u64).max(declared.min(limit))
        })
    }

    /// There is no memory for the message coming in: it is wiped, and at its end the peer is told to come
    /// again later.
    pub fn no_room(&mut self) {
        let message = match &mut self.phase {
            Phase::Data(data) => Some(data.message_mut()),
            _ => self.transaction.as_mut().and_then(|transaction| transaction.chunks.as_mut()),
        };
        if let Some(message) = message {
            message.spoil(MessageFault::NoRoom);
        }
    }

    /// `None` when a chunk begins, which answers at its end.
    fn line(&mut self, line: Line, more_follows: bool) -> Option<Step> {
        self.commands += 1;
        if self.commands > self.config.limits.commands {
            return Some(self.close(Reply::TOO_MANY_COMMANDS));
        }
        let step = match line {
            Line::Whole(line) => match Command::parse(&line) {
                Ok(command) => self.command(command, more_follows)?,
                Err(error) => Step::Reply(Reply::to_command_error(error)),
            },
            Line::Faulty => Step::Reply(Reply::LINE_ENDING),
            Line::TooLong => Step::Reply(Reply::LINE_TOO_LONG),
            Line::Endless => self.close(Reply::TOO_MANY_ERRORS),
        };
        Some(self.count_refusal(step))
    }

    /// Guessing and stumbling have an end. Being told to send separately is neither.
    fn count_refusal(&mut self, step: Step) -> Step {
        if let Step::Reply(reply) = &step
            && reply.is_refusal()
            && *reply != Reply::ONE_RECIPIENT
        {
            self.errors += 1;
            if self.errors > self.config.limits.errors {
                return self.close(Reply::TOO_MANY_ERRORS);
            }
        }
        step
    }

    fn command(&mut self, command: Command, more_follows: bool) -> Option<Step> {
        let reply = match command {
            Command::Ehlo(name) => self.hello(name, true),
            Command::Helo(name) => self.hello(name, false),
            Command::Mail(mail) => return Some(self.mail(mail)),
            Command::Auth { mechanism, initial } => return Some(self.auth(mechanism, initial)),
            Command::Rcpt(rcpt) => self.rcpt(rcpt),
            Command::Data => self.data(),
            Command::Bdat { bytes, last } => {
                self.phase = Phase::Chunk(self.bdat(bytes, last));
                return None;
            }
            Command::StartTls => return Some(self.start_tls(more_follows)),
            Command::Rset => {
                self.transaction = None;
                Reply::OK
            }
            Command::Noop => Reply::OK,
            Command::Vrfy => Reply::CANNOT_VERIFY,
            Command::Help => Reply::HELP,
            Command::Quit => return Some(self.close(Reply::BYE)),
            Command::NotOffered => Reply::NOT_OFFERED,
        };
        Some(Step::Reply(reply))
    }

    /// RFC 5321 section 4.1.4: a second EHLO resets like RSET.
    fn hello(&mut self, name: String, extended: bool) -> Reply {
        self.hello = Some(name);
        self.transaction = None;
        let hostname = self.config.hostname.as_str();
        if !extended {
            return Reply::hello(hostname);
        }
        let offered = ["PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"];
        let mut extensions: Vec<String> = offered.map(str::to_owned).into();
        let (limits, offers_tls) = (&self.config.limits, self.config.offers_tls);
        extensions.push(format!("SIZE {}", limits.message.bytes()));
        let recipients = if matches!(self.purpose, Purpose::Exchange(_)) { 1 } else { ADDRESSEES_MAX };
        extensions.push(format!("LIMITS MAILMAX={} RCPTMAX={recipients}", limits.mails));
        if self.offers_requiretls() {
            extensions.push("REQUIRETLS".to_owned());
        }
        if offers_tls && self.tls.is_none() {
            extensions.push("STARTTLS".to_owned());
        }
        if self.offers_sign_in() {
            extensions.push("AUTH PLAIN LOGIN".to_owned());
        }
        Reply::extended_hello(hostname, extensions)
    }

    /// RFC 8689 section 2: only where there is TLS already, and where it can be kept.
    fn offers_requiretls(&self) -> bool {
        self.config.offers_requiretls && self.tls.is_some()
    }

    fn mail(&mut self, mail: MailCommand) -> Step {
        if let Some(refusal) = self.refusal_of_mail(&mail) {
            return Step::Reply(refusal);
        }
        self.mails += 1;
        if self.mails > self.config.limits.mails {
            return self.close(Reply::TOO_MANY_MAILS);
        }
        let sender = mail.from.clone();
        self.transaction = Some(Transaction {
            from: mail.from,
            declared: mail.size,
            smtp_utf8: mail.smtp_utf8,
            requires_tls: mail.requires_tls,
            envelope_id: mail.envelope_id,
            recipient: None,
            addressees: Vec::new(),
            chunks: None,
        });
        match &self.purpose {
            Purpose::Exchange(_) => Step::Reply(Reply::SENDER_OK),
            Purpose::Submission(_) => self.check_sender(sender),
        }
    }

    fn refusal_of_mail(&self, mail: &MailCommand) -> Option<Reply> {
        let limit = self.config.limits.message;
        if self.hello.is_none() {
            Some(Reply::HELLO_FIRST)
        } else if self.config.requires_tls && self.tls.is_none() {
            Some(Reply::TLS_FIRST)
        } else if (mail.auth_given && !self.offers_sign_in())
            || (mail.requires_tls && !self.offers_requiretls())
        {
            Some(Reply::PARAMETER)
        } else if self.transaction.is_some() {
            Some(Reply::SENDER_GIVEN)
        } else if mail.size > limit {
            Some(Reply::too_large(limit))
        } else {
            None
        }
    }

    fn rcpt(&mut self, rcpt: RcptCommand) -> Reply {
        let Some(transaction) = &mut self.transaction else { return Reply::SENDER_FIRST };
        if transaction.chunks.is_some() {
            return Reply::CHUNKS_BEGUN;
        }
        let recipients = match &self.purpose {
            Purpose::Exchange(recipients) => recipients,
            Purpose::Submission(_) => return transaction.add_addressee(rcpt),
        };
        let RcptCommand { target, notify, original } = rcpt;
        let (address, answer) = match target {
            RcptTarget::Address(address) => {
                if !transaction.smtp_utf8 && !address_is_ascii(&address) {
                    return Reply::RECIPIENT_NEEDS_UTF8;
                }
                let answer = recipients.judge(&address);
                (address, answer)
            }
            RcptTarget::Postmaster => match postmaster_of(&self.config.hostname) {
                Some(address) => (address, RecipientAnswer::Accepted(RecipientRole::Postmaster)),
                None => return Reply::UNKNOWN_RECIPIENT,
            },
        };
        if !matches!(answer, RecipientAnswer::Accepted(_)) {
            recipients.note_refused(answer, self.peer);
        }
        match answer {
            RecipientAnswer::UnknownHere => Reply::UNKNOWN_RECIPIENT,
            RecipientAnswer::NotHere => Reply::NO_RELAY,
            RecipientAnswer::Accepted(role) => {
                transaction.add(Recipient { addressee: Addressee { address, notify, original }, role })
            }
        }
    }

    fn data(&mut self) -> Reply {
        let Some(transaction) = &self.transaction else { return Reply::SENDER_FIRST };
        if transaction.chunks.is_some() {
            return Reply::CHUNKS_BEGUN;
        }
        if !transaction.has_recipient() {
            return Reply::RECIPIENT_FIRST;
        }
        let message = Message::new(self.config.limits.message, transaction.declared);
        self.phase = Phase::Data(DataReceiver::new(message));
        Reply::START_MAIL
    }

    /// Whoever sends lone CR or LF may see the end of its message elsewhere, and then what follows here was
    /// never meant as commands: after such a message nothing more is read.
    fn end_of_data(&mut self, message: Result<SecretBytes, MessageFault>) -> Step {
        match message {
            Err(fault @ MessageFault::LineEnding) => self.close(Reply::to_message_fault(fault)),
            message => self.end_of_message(message),
        }
    }

    fn end_of_message(&mut self, message: Result<SecretBytes, MessageFault>) -> Step {
        let transaction = self.transaction.take();
        self.phase = Phase::Command(LineReceiver::default());
        let bytes = match message {
            Ok(bytes) => bytes,
            Err(fault) => return self.count_refusal(Step::Reply(Reply::to_message_fault(fault))),
        };
        if matches!(self.purpose, Purpose::Submission(_)) {
            return self.submit(transaction, bytes);
        }
        let Some(transaction) = transaction else { return Step::Reply(Reply::RECIPIENT_FIRST) };
        let Transaction { from, smtp_utf8, requires_tls, envelope_id, recipient, .. } = transaction;
        let Some(recipient) = recipient else { return Step::Reply(Reply::RECIPIENT_FIRST) };
        self.phase = Phase::Handling;
        Step::Deliver(Box::new(ReceivedMail {
            peer: self.peer,
            tls: self.tls.clone(),
            helo: self.hello.clone().unwrap_or_default(),
            from,
            recipient,
            bytes,
            smtp_utf8,
            requires_tls,
            envelope_id,
        }))
    }

    /// RFC 3030 section 2: the octets of a chunk follow its command, so they are read even when they are not
    /// wanted.
    fn bdat(&mut self, size: u64, last: bool) -> Chunk {
        let limit = self.config.limits.message;
        let refusal = match &mut self.transaction {
            None => Some(Reply::SENDER_FIRST),
            Some(transaction) if !transaction.has_recipient() => Some(Reply::RECIPIENT_FIRST),
            Some(transaction) => {
                transaction.chunks.get_or_insert_with(|| Message::new(limit, transaction.declared));
                None
            }
        };
        Chunk { size, left: size, last, refusal }
    }

    fn chunk(&mut self, input: &mut &[u8]) -> Option<Step> {
        let Phase::Chunk(chunk) = &mut self.phase else { return None };
        let taken = usize::try_from(chunk.left).unwrap_or(usize::MAX).min(input.len());
        let (octets, rest) = input.split_at(taken);
        *input = rest;
        chunk.left -= taken as u64;
        let message = self.transaction.as_mut().and_then(|transaction| transaction.chunks.as_mut());
        let wanted = message.filter(|_| chunk.refusal.is_none());
        let endless = match wanted {
            Some(message) => {
                message.push(octets);
                message.is_endless()
            }
            None => chunk.size > DISCARDED_BYTES_MAX,
        };
        if endless {
            return Some(self.close(Reply::endless()));
        }
        (chunk.left == 0).then(|| self.end_of_chunk())
    }

    fn end_of_chunk(&mut self) -> Step {
        let phase = std::mem::replace(&mut self.phase, Phase::Command(LineReceiver::default()));
        let chunks = self.transaction.as_mut().and_then(|transaction| transaction.chunks.as_mut());
        let step = match (phase, chunks) {
            (Phase::Chunk(Chunk { refusal: None, last: true, .. }), Some(message)) => {
                let message = message.finish();
                return self.end_of_message(message);
            }
            (Phase::Chunk(Chunk { refusal: None, size, .. }), Some(message)) => match message.fault() {
                Some(fault) => Reply::to_message_fault(fault),
                None => Reply::chunk(size),
            },
            (Phase::Chunk(Chunk { refusal: Some(refusal), .. }), _) => refusal,
            _ => Reply::SENDER_FIRST,
        };
        self.count_refusal(Step::Reply(step))
    }

    /// RFC 3207 section 4.
    fn start_tls(&mut self, more_follows: bool) -> Step {
        if self.tls.is_some() {
            return Step::Reply(Reply::TLS_ALREADY);
        }
        if !self.config.offers_tls {
            return Step::Reply(Reply::NOT_OFFERED);
        }
        if more_follows {
            return self.close(Reply::BYTES_AFTER_STARTTLS);
        }
        self.phase = Phase::Handshake;
        Step::StartTls(Reply::START_TLS)
    }

    fn close(&mut self, reply: Reply) -> Step {
        self.phase = Phase::Closed;
        self.transaction = None;
        Step::Close(reply)
    }
}

impl Transaction {
    fn has_recipient(&self) -> bool {
        self.recipient.is_some() || !self.addressees.is_empty()
    }

    /// One recipient a transaction; naming it twice does no harm.
    fn add(&mut self, recipient: Recipient) -> Reply {
        match &self.recipient {
            Some(first) if first.addressee.address != recipient.addressee.address => Reply::ONE_RECIPIENT,
            _ => {
                self.recipient = Some(recipient);
                Reply::RECIPIENT_OK
            }
        }
    }
}

fn postmaster_of(hostname: &Domain) -> Option<MailAddress> {
    MailAddress::parse(&format!("postmaster@{hostname}")).ok()
}
