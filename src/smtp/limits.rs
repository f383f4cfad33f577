//! Every limit of the SMTP server, by name, with its unit and its reason (RFC 5321 section 4.5.3, invariant 9).
//!
//! Values that an operator may change are fields; values that no installation has a reason to change are
//! constants.

use std::time::Duration;

use crate::value::ByteSize;

/// Octets of a command line with its CRLF. RFC 5321 section 4.5.3.1.4 asks for 512; SIZE, BODY and SMTPUTF8
/// add 53 (RFC 1870, 6152, 6531), AUTH 500 (RFC 4954 section 5). A line of AUTH PLAIN has up to 1,037: three fields of
/// 255 octets in base64. The rest is room for what a relay may add.
pub const COMMAND_LINE_BYTES_MAX: usize = 2048;

/// Recipients of a submitted mail: what RFC 5321 section 4.5.3.1.8 asks for at least. A team writes to few people.
pub const ADDRESSEES_MAX: usize = 100;

/// Failed tries to sign in on one connection before it ends (RFC 4954 section 4 lets a server end it).
pub const SIGN_IN_FAILURES_MAX: u32 = 3;

/// Octets of a text line. RFC 5321 section 4.5.3.1.6 has 1,000, which every sender must keep to and many
/// office machines do not. A line costs no memory beyond its message, so the limit only keeps out lines that no
/// parser should meet.
pub const TEXT_LINE_BYTES_MAX: usize = 64 * 1024;

/// Octets that a faulty command line may go on for before the connection is closed.
pub const SKIPPED_LINE_BYTES_MAX: usize = 64 * 1024;

/// Octets read and thrown away of a message that is already refused, so that the sender hears why.
/// Whoever goes on for longer is cut off.
pub const DISCARDED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Octets set aside for a message before its first byte, however large its sender says it is.
pub const FIRST_ALLOCATION_BYTES_MAX: usize = 1024 * 1024;

/// Of the memory for messages, what the messages of one peer may hold, in quarters: whoever announces more than it sends, or
/// sends as slowly as it may, leaves room for the mail of others.
pub const PEER_MEMORY_QUARTERS: u64 = 3;

/// Octets of the name in EHLO or HELO (RFC 5321 section 4.5.3.1.2).
pub const HELLO_BYTES_MAX: usize = 255;

/// Digits of a number in a command; more would only serve to overflow somebody's parser.
pub const NUMBER_DIGITS_MAX: usize = 12;

/// What one session may use up.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// The largest message, announced by SIZE (RFC 1870). Default 50 MiB.
    pub message: ByteSize,
    /// Refused commands since the last accepted mail before 421. Default 20.
    pub errors: u32,
    /// Commands since the last accepted mail before 421, so that nobody idles loudly. Default 200.
    pub commands: u32,
    /// Mails of one connection, as announced by LIMITS (RFC 9422). Default 10,000.
    pub mails: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { message: ByteSize::mebibytes(50), errors: 20, commands: 200, mails: 10_000 }
    }
}

/// What all sessions of a listener may use up together, and how long it waits for whom.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    /// What one session may use up.
    pub session: SessionLimits,
    /// Connections at once. Default 500.
    pub connections: usize,
    /// Connections at once from one peer (an IPv4 address, an IPv6 /64). Default 50, so that a relay in front
    /// can send side by side and nobody else can fill the house.
    pub connections_per_peer: usize,
    /// Memory for messages in flight, all sessions together, of which one peer may hold [`PEER_MEMORY_QUARTERS`]. What does
    /// not fit is told to come later. Default 512 MiB.
    pub memory: ByteSize,
    /// Wait for a whole command line (RFC 5321 section 4.5.3.2.7), however it trickles in. Default 5 minutes.
    pub command_wait: Duration,
    /// Wait for the next bytes of a message (RFC 5321 section 4.5.3.2.5). Default 3 minutes.
    pub data_wait: Duration,
    /// Wait for a whole message: a sender that trickles does not hold its place for ever. Default 30 minutes.
    pub message_wait: Duration,
    /// Octets a second that a message must reach on the whole, once `data_wait` has gone by. Default 512: less than an old
    /// telephone line has.
    pub pace: u64,
    /// Wait for a mail: who talks and sends none does not hold its place for ever. Default 30 minutes.
    pub session_wait: Duration,
    /// Wait for a TLS handshake. Default 1 minute.
    pub handshake_wait: Duration,
    /// Wait for a peer to take a reply. Default 5 minutes.
    pub reply_wait: Duration,
    /// Wait, at the end, for the transactions in progress. Default 10 seconds.
    pub drain: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            session: SessionLimits::default(),
            connections: 500,
            connections_per_peer: 50,
            memory: ByteSize::mebibytes(512),
            command_wait: Duration::from_mins(5),
            data_wait: Duration::from_mins(3),
            message_wait: Duration::from_mins(30),
            pace: 512,
            session_wait: Duration::from_mins(30),
            handshake_wait: Duration::from_mins(1),
            reply_wait: Duration::from_mins(5),
            drain: Duration::from_secs(10),
        }
    }
}
