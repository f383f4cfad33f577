//! Reads one SMTP command line (RFC 5321 section 4.1.1). The grammar is smtp-proto's; what it lets through
//! and the gateway does not is refused here: parameters that are not offered, addresses that mean
//! something else once unquoted, numbers that overflow. Whether a command fits the moment is the session's
//! business.

use std::borrow::Cow;

use smtp_proto::{
    AUTH_LOGIN, AUTH_PLAIN, MAIL_BODY_7BIT, MAIL_BODY_8BITMIME, MAIL_REQUIRETLS, MAIL_RET_FULL,
    MAIL_RET_HDRS, MAIL_SMTPUTF8, MailFrom, RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER,
    RCPT_NOTIFY_SUCCESS, RcptTo, Request,
};
use zeroize::Zeroizing;

use super::limits::{HELLO_BYTES_MAX, NUMBER_DIGITS_MAX};
use crate::value::{ByteSize, MailAddress, Notify};

/// A command, its parameters parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Ehlo(String),
    Helo(String),
    Mail(MailCommand),
    Rcpt(RcptCommand),
    Data,
    Bdat {
        bytes: u64,
        last: bool,
    },
    /// AUTH, with what came along; `None` is a mechanism that is not known here.
    Auth {
        mechanism: Option<Mechanism>,
        initial: Option<InitialResponse>,
    },
    StartTls,
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
    /// A command of SMTP that this server does not offer.
    NotOffered,
}

/// How a mail program signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// RFC 4616.
    Plain,
    /// What old mail programs speak instead.
    Login,
}

/// What came with AUTH: never printed, wiped on drop.
#[derive(PartialEq, Eq)]
pub(super) struct InitialResponse(Zeroizing<Vec<u8>>);

impl InitialResponse {
    /// `=` is an empty response (RFC 4954 section 4).
    fn new(text: &str) -> Option<Self> {
        match text {
            "" => None,
            "=" => Some(Self(Zeroizing::default())),
            text => Some(Self(Zeroizing::new(text.as_bytes().to_vec()))),
        }
    }

    /// Its base64, not decoded.
    pub(super) fn encoded(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for InitialResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InitialResponse(…)")
    }
}

/// MAIL FROM.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MailCommand {
    /// `None` is the null sender.
    pub(super) from: Option<MailAddress>,
    /// The announced size (RFC 1870); zero when there is none.
    pub(super) size: ByteSize,
    /// SMTPUTF8 (RFC 6531) was asked for.
    pub(super) smtp_utf8: bool,
    /// AUTH (RFC 4954 section 5) was given. What it says is not used: the account that signed in is who submits.
    pub(super) auth_given: bool,
    /// REQUIRETLS (RFC 8689) was asked for.
    pub(super) requires_tls: bool,
    /// ENVID (RFC 3461), decoded. RET is read and not needed: no report returns anything of a mail (decision 0099).
    pub(super) envelope_id: Option<String>,
}

/// RCPT TO.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RcptCommand {
    /// Whom it is for.
    pub(super) target: RcptTarget,
    /// Of what the sender is told (RFC 3461).
    pub(super) notify: Notify,
    /// ORCPT, decoded: type and address.
    pub(super) original: Option<String>,
}

/// Whom a mail is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RcptTarget {
    /// An address.
    Address(MailAddress),
    /// `<postmaster>` without a domain (RFC 5321 section 4.1.1.3).
    Postmaster,
}

/// Why a line is no command for this server. The peer must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommandError {
    /// No command of SMTP.
    Unknown,
    /// Its parameters cannot be read.
    Syntax,
    /// It has a parameter of an extension that is not offered.
    Parameter,
    /// The sender is no address that the gateway takes.
    SenderAddress,
    /// The recipient is no address that the gateway takes.
    RecipientAddress,
    /// The sender's address is not ASCII and SMTPUTF8 was not asked for.
    SenderNeedsUtf8,
}

impl Command {
    /// Reads a line that ends with its only CRLF.
    pub(super) fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let (line, utf8_original) = without_utf8_original(line);
        let line = &*line;
        let request = Request::parse(&mut line.iter()).map_err(|error| error_of(&error))?;
        match request {
            Request::Ehlo { host } => hello_name(&host).map(Self::Ehlo),
            Request::Helo { host } => hello_name(&host).map(Self::Helo),
            Request::Mail { from } => mail(&from, line).map(Self::Mail),
            Request::Rcpt { to } => rcpt(&to, line, utf8_original).map(Self::Rcpt),
            Request::Bdat { chunk_size, is_last } => {
                let bytes = checked_number(line, chunk_size)?;
                Ok(Self::Bdat { bytes, last: is_last })
            }
            Request::Data => alone(line, Self::Data),
            Request::StartTls => alone(line, Self::StartTls),
            Request::Rset => alone(line, Self::Rset),
            Request::Quit => alone(line, Self::Quit),
            Request::Noop { .. } => Ok(Self::Noop),
            Request::Vrfy { .. } => Ok(Self::Vrfy),
            Request::Help { .. } => Ok(Self::Help),
            Request::Auth { mechanism, initial_response } => Ok(Self::Auth {
                mechanism: match mechanism {
                    AUTH_PLAIN => Some(Mechanism::Plain),
                    AUTH_LOGIN => Some(Mechanism::Login),
                    _ => None,
                },
                initial: InitialResponse::new(&initial_response),
            }),
            Request::Expn { .. } | Request::Etrn { .. } | Request::Atrn { .. } | Request::Burl { .. } => {
                Ok(Self::NotOffered)
            }
            Request::Lhlo { .. } => Err(CommandError::Unknown),
        }
    }
}

fn error_of(error: &smtp_proto::Error) -> CommandError {
    match error {
        smtp_proto::Error::InvalidSenderAddress => CommandError::SenderAddress,
        smtp_proto::Error::InvalidRecipientAddress => CommandError::RecipientAddress,
        smtp_proto::Error::SyntaxError { .. } | smtp_proto::Error::InvalidParameter { .. } => {
            CommandError::Syntax
        }
        smtp_proto::Error::UnsupportedParameter { .. } => CommandError::Parameter,
        _ => CommandError::Unknown,
    }
}

fn hello_name(host: &str) -> Result<String, CommandError> {
    let is_name = host.len() <= HELLO_BYTES_MAX && host.bytes().all(|b| b.is_ascii_graphic());
    if is_name { Ok(host.to_owned()) } else { Err(CommandError::Syntax) }
}

fn mail(from: &MailFrom<Cow<'_, str>>, line: &[u8]) -> Result<MailCommand, CommandError> {
    const OFFERED: u64 =
        MAIL_BODY_7BIT | MAIL_BODY_8BITMIME | MAIL_SMTPUTF8 | MAIL_REQUIRETLS | MAIL_RET_FULL | MAIL_RET_HDRS;
    let others = from.trans_id.is_some()
        || from.solicit.is_some()
        || from.mtrk.is_some()
        || (from.hold_for, from.hold_until, from.mt_priority, from.by) != (0, 0, 0, 0);
    if others || from.flags & !OFFERED != 0 {
        return Err(CommandError::Parameter);
    }
    let size = ByteSize(checked_number(line, from.size)?);
    let (smtp_utf8, auth_given) = (from.flags & MAIL_SMTPUTF8 != 0, from.auth.is_some());
    let requires_tls = from.flags & MAIL_REQUIRETLS != 0;
    let envelope_id = from.env_id.as_deref().map(str::to_owned);
    // smtp-proto reads `<>` and `<postmaster>` alike.
    if from.address.is_empty() {
        let null = path_is(line, "");
        let command = MailCommand { from: None, size, smtp_utf8, auth_given, requires_tls, envelope_id };
        return if null { Ok(command) } else { Err(CommandError::SenderAddress) };
    }
    let address = MailAddress::parse(&from.address).map_err(|_| CommandError::SenderAddress)?;
    if !smtp_utf8 && !address_is_ascii(&address) {
        return Err(CommandError::SenderNeedsUtf8);
    }
    Ok(MailCommand { from: Some(address), size, smtp_utf8, auth_given, requires_tls, envelope_id })
}

fn rcpt(
    to: &RcptTo<Cow<'_, str>>,
    line: &[u8],
    utf8_original: Option<String>,
) -> Result<RcptCommand, CommandError> {
    const ASKED: u64 = RCPT_NOTIFY_SUCCESS | RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY;
    if to.rrvs != 0 || to.flags & !(ASKED | RCPT_NOTIFY_NEVER) != 0 {
        return Err(CommandError::Parameter);
    }
    let notify = match (to.flags & RCPT_NOTIFY_NEVER != 0, to.flags & ASKED) {
        (true, 0) => Notify::NEVER,
        // RFC 3461 section 4.1: NEVER stands alone.
        (true, _) => return Err(CommandError::Syntax),
        (false, 0) => Notify::default(),
        (false, asked) => Notify {
            success: asked & RCPT_NOTIFY_SUCCESS != 0,
            failure: asked & RCPT_NOTIFY_FAILURE != 0,
            delay: asked & RCPT_NOTIFY_DELAY != 0,
        },
    };
    let original = to.orcpt.as_deref().map(|address| format!("rfc822;{address}")).or(utf8_original);
    let target = if to.address.is_empty() {
        if !path_is(line, "postmaster") {
            return Err(CommandError::RecipientAddress);
        }
        RcptTarget::Postmaster
    } else {
        MailAddress::parse(&to.address)
            .map(RcptTarget::Address)
            .map_err(|_| CommandError::RecipientAddress)?
    };
    Ok(RcptCommand { target, notify, original })
}

/// Takes an original recipient of the type `utf-8` (RFC 6533 section 3) out of a line: smtp-proto knows `rfc822` alone.
fn without_utf8_original(line: &[u8]) -> (Cow<'_, [u8]>, Option<String>) {
    const PARAMETER: &[u8] = b" ORCPT=utf-8;";
    let is_rcpt = line.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"RCPT "));
    let Some(path_end) = line.iter().position(|&b| b == b'>').filter(|_| is_rcpt) else {
        return (Cow::Borrowed(line), None);
    };
    let parameters = &line[path_end..];
    let at = parameters.windows(PARAMETER.len()).position(|word| word.eq_ignore_ascii_case(PARAMETER));
    let Some(at) = at.map(|at| path_end + at) else { return (Cow::Borrowed(line), None) };
    let value = &line[at + PARAMETER.len()..];
    let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (value, rest) = value.split_at(end);
    let original = String::from_utf8(value.to_vec()).ok().map(|address| format!("utf-8;{address}"));
    (Cow::Owned([&line[..at], rest].concat()), original)
}

/// Whether an address can be said without SMTPUTF8 (RFC 6531).
pub(super) fn address_is_ascii(address: &MailAddress) -> bool {
    address.local().is_ascii() && address.domain().as_str().is_ascii()
}

/// What stands between the first `<` and the next `>`.
fn path_is(line: &[u8], expected: &str) -> bool {
    let path = line.split(|&b| b == b'<').nth(1).and_then(|rest| rest.split(|&b| b == b'>').next());
    path.is_some_and(|path| path.trim_ascii().eq_ignore_ascii_case(expected.as_bytes()))
}

/// A number that smtp-proto read. Past `usize::MAX` it starts again from the last digit, so two programs could
/// understand two sizes: a line with a longer run of digits than any honest number is refused.
fn checked_number(line: &[u8], number: usize) -> Result<u64, CommandError> {
    let parameters = line.splitn(2, |&b| b == b'>').last().unwrap_or(line);
    let longest = parameters.split(|b| !b.is_ascii_digit()).map(<[u8]>::len).max().unwrap_or(0);
    if longest > NUMBER_DIGITS_MAX {
        return Err(CommandError::Syntax);
    }
    u64::try_from(number).map_err(|_| CommandError::Syntax)
}

/// Commands without parameters: RFC 5321 section 4.1.1.4 and following, RFC 3207 section 4.
fn alone(line: &[u8], command: Command) -> Result<Command, CommandError> {
    let has_parameter = line.trim_ascii().contains(&b' ');
    if has_parameter { Err(CommandError::Syntax) } else { Ok(command) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> Result<Command, CommandError> {
        Command::parse(format!("{line}\r\n").as_bytes())
    }

    fn sender(line: &str) -> Option<MailAddress> {
        match parse(line) {
            Ok(Command::Mail(mail)) => mail.from,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn commands_are_read_in_any_case_and_with_the_spacing_that_people_use() {
        assert_eq!(parse("ehlo mx.cd35.example"), Ok(Command::Ehlo("mx.cd35.example".into())));
        assert_eq!(parse("hElO [127.0.0.1]"), Ok(Command::Helo("[127.0.0.1]".into())));
        let jeanne = MailAddress::parse("jeanne@cd35.example").unwrap();
        assert_eq!(sender("MAIL FROM:<jeanne@cd35.example>"), Some(jeanne.clone()));
        assert_eq!(sender("mail from: <Jeanne@CD35.example> size=100 BODY=8BITMIME"), Some(jeanne));
        assert_eq!(sender("MAIL FROM:<>"), None);
        let postmaster =
            RcptCommand { target: RcptTarget::Postmaster, notify: Notify::default(), original: None };
        assert_eq!(parse("RCPT TO:<Postmaster>"), Ok(Command::Rcpt(postmaster)));
        assert_eq!(parse("BDAT 12 LAST"), Ok(Command::Bdat { bytes: 12, last: true }));
        assert_eq!(parse("data"), Ok(Command::Data));
    }

    #[test]
    fn what_is_not_offered_is_refused_rather_than_ignored() {
        for parameter in ["BODY=BINARYMIME", "HOLDFOR=9", "X=1"] {
            let line = format!("MAIL FROM:<a@b.example> {parameter}");
            assert_eq!(parse(&line), Err(CommandError::Parameter), "{parameter}");
        }
        assert_eq!(parse("RCPT TO:<a@b.example> X=1"), Err(CommandError::Parameter));
        assert_eq!(parse("EXPN liste"), Ok(Command::NotOffered));
        assert_eq!(parse("LHLO x.example"), Err(CommandError::Unknown));
    }

    #[test]
    fn what_a_sender_asks_to_be_told_is_read() {
        let Ok(Command::Mail(mail)) = parse("MAIL FROM:<a@b.example> RET=HDRS ENVID=QQ+2B1") else {
            panic!()
        };
        assert_eq!(mail.envelope_id.as_deref(), Some("QQ+1"));
        let asked = |parameters: &str| match parse(&format!("RCPT TO:<a@b.example> {parameters}")) {
            Ok(Command::Rcpt(rcpt)) => Ok((rcpt.notify, rcpt.original)),
            other => Err(other),
        };
        let success = Notify { success: true, failure: false, delay: true };
        assert_eq!(asked("NOTIFY=SUCCESS,DELAY"), Ok((success, None)));
        let original = Some("rfc822;c@d.example".to_owned());
        assert_eq!(asked("ORCPT=rfc822;c@d.example NOTIFY=NEVER"), Ok((Notify::NEVER, original)));
        let original = Some("utf-8;andr\\x{E9}@d.example".to_owned());
        assert_eq!(asked("NOTIFY=NEVER ORCPT=UTF-8;andr\\x{E9}@d.example"), Ok((Notify::NEVER, original)));
        for unfit in
            ["NOTIFY=NEVER,SUCCESS", "NOTIFY=SUCCESS,NEVER", "NOTIFY=", "NOTIFY=PERHAPS", "ORCPT=x400;y"]
        {
            assert_eq!(asked(unfit), Err(Err(CommandError::Syntax)), "{unfit}");
        }
        assert_eq!(parse("MAIL FROM:<a@b.example> RET=ALL"), Err(CommandError::Syntax));
    }

    #[test]
    fn an_address_that_changes_when_unquoted_is_refused() {
        for path in [
            r#""a b"@b.example"#,
            r#""a\"b"@b.example"#,
            r#""a>b"@b.example"#,
            "a@localhost",
            "a@[127.0.0.1]",
            "a@b@c.example",
            "postmaster",
            "a",
        ] {
            let refused = parse(&format!("MAIL FROM:<{path}>"));
            assert_eq!(refused, Err(CommandError::SenderAddress), "{path}");
        }
        assert_eq!(parse("RCPT TO:<>"), Err(CommandError::RecipientAddress));
        let latin_1 = Command::parse(b"MAIL FROM:<andr\xe9@b.example> SMTPUTF8\r\n");
        assert_eq!(latin_1, Err(CommandError::SenderAddress));
    }

    #[test]
    fn auth_is_read_and_what_it_carries_is_not_printed() {
        let read = parse("AUTH plain AGEAYg==").unwrap();
        assert!(!format!("{read:?}").contains("AGEAYg"), "{read:?}");
        let initial = InitialResponse::new("AGEAYg==");
        assert_eq!(read, Command::Auth { mechanism: Some(Mechanism::Plain), initial });
        assert_eq!(
            parse("AUTH LOGIN"),
            Ok(Command::Auth { mechanism: Some(Mechanism::Login), initial: None })
        );
        assert_eq!(parse("AUTH CRAM-MD5"), Ok(Command::Auth { mechanism: None, initial: None }));
    }

    #[test]
    fn utf8_addresses_need_smtputf8() {
        assert_eq!(parse("MAIL FROM:<andré@b.example>"), Err(CommandError::SenderNeedsUtf8));
        assert!(sender("MAIL FROM:<andré@b.example> SMTPUTF8").is_some());
    }

    #[test]
    fn numbers_that_would_wrap_around_are_refused() {
        assert_eq!(parse("BDAT 184467440737095516155"), Err(CommandError::Syntax));
        assert_eq!(parse("MAIL FROM:<a@b.example> SIZE=184467440737095516155"), Err(CommandError::Syntax));
        assert_eq!(parse("BDAT 999999999999"), Ok(Command::Bdat { bytes: 999_999_999_999, last: false }));
        // Digits in an address are no number.
        assert!(sender("MAIL FROM:<12345678901234567890@b.example> SIZE=9").is_some());
    }

    #[test]
    fn commands_without_parameters_take_none() {
        for line in ["DATA x", "STARTTLS x", "RSET x", "QUIT x"] {
            assert_eq!(parse(line), Err(CommandError::Syntax), "{line}");
        }
        assert_eq!(parse("QUIT "), Ok(Command::Quit));
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line in "[^\r\n\0]{0,200}") {
            let _ = parse(&line);
        }

        #[test]
        fn what_follows_a_verb_never_makes_the_parser_panic(
            verb in "(MAIL FROM:<|RCPT TO:<|BDAT |EHLO |MAIL FROM:<a@b.example> )",
            rest in "[ -~é]{0,80}",
        ) {
            let _ = parse(&format!("{verb}{rest}"));
        }
    }
}
