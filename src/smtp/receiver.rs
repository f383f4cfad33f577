//! Takes lines and messages off the wire, byte by byte, however the bytes are cut into packets.
//!
//! Strict on line endings, against smuggling (CVE-2023-51764 and cousins): only CRLF ends a line, only
//! CRLF.CRLF ends a message (RFC 5321 sections 2.3.8 and 4.1.1.4). A lone CR, a lone LF or a NUL ends
//! nothing; it spoils the line or the message that it stands in. Nothing here knows commands or replies.

use zeroize::{Zeroize, Zeroizing};

use super::limits::{
    COMMAND_LINE_BYTES_MAX, DISCARDED_BYTES_MAX, FIRST_ALLOCATION_BYTES_MAX, SKIPPED_LINE_BYTES_MAX,
    TEXT_LINE_BYTES_MAX,
};
use crate::value::{ByteSize, SecretBytes, wipe};

/// A command line, or what was wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole line with its CRLF. It may carry a secret, so it is wiped on drop.
    Whole(Zeroizing<Vec<u8>>),
    /// It holds a lone CR or LF, or a NUL. Told at once; the rest up to the next CRLF is skipped.
    Faulty,
    /// Longer than a command may be. Told at once; the rest up to the next CRLF is skipped.
    TooLong,
    /// A faulty line that does not end.
    Endless,
}

/// Collects command lines.
#[derive(Debug, Default)]
pub(super) struct LineReceiver {
    /// Set aside as a whole at its first byte: a vector that grows leaves copies behind.
    line: Zeroizing<Vec<u8>>,
    after_cr: bool,
    /// Bytes skipped of a faulty line; `None` outside of one.
    skipped: Option<usize>,
}

impl LineReceiver {
    /// Takes bytes from the front of `input` until there is a line to tell of, or none are left.
    pub(super) fn take(&mut self, input: &mut &[u8]) -> Option<Line> {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            let ends = byte == b'\n' && self.after_cr;
            let faulty = byte == 0 || self.after_cr != (byte == b'\n');
            self.after_cr = byte == b'\r';
            if let Some(skipped) = &mut self.skipped {
                *skipped += 1;
                if *skipped > SKIPPED_LINE_BYTES_MAX {
                    return Some(Line::Endless);
                }
                if ends {
                    self.skipped = None;
                }
                continue;
            }
            if faulty {
                return Some(self.skip(Line::Faulty));
            }
            if self.line.is_empty() {
                self.line.reserve_exact(COMMAND_LINE_BYTES_MAX);
            }
            self.line.push(byte);
            if ends {
                return Some(Line::Whole(std::mem::take(&mut self.line)));
            }
            if self.line.len() >= COMMAND_LINE_BYTES_MAX {
                return Some(self.skip(Line::TooLong));
            }
        }
        None
    }

    fn skip(&mut self, fault: Line) -> Line {
        self.line.zeroize();
        self.skipped = Some(0);
        fault
    }
}

/// Why a message is not taken. The first fault found is the one told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageFault {
    /// It holds a lone CR or LF, or a NUL.
    LineEnding,
    /// A line is longer than [`TEXT_LINE_BYTES_MAX`].
    LineTooLong,
    /// It is larger than allowed.
    TooLarge {
        /// What is allowed.
        limit: ByteSize,
    },
    /// There is no memory for it now.
    NoRoom,
}

/// The bytes of a message as they come in: bounded, checked, wiped when dropped.
#[derive(Debug)]
pub(super) struct Message {
    bytes: Vec<u8>,
    limit: ByteSize,
    fault: Option<MessageFault>,
    /// All bytes seen, kept or not.
    seen: u64,
    line_bytes: usize,
    after_cr: bool,
}

impl Message {
    /// An empty message of at most `limit`, of which the sender announced `declared`.
    pub(super) fn new(limit: ByteSize, declared: ByteSize) -> Self {
        let announced = usize::try_from(declared.bytes().min(limit.bytes())).unwrap_or(usize::MAX);
        Self {
            bytes: Vec::with_capacity(announced.min(FIRST_ALLOCATION_BYTES_MAX)),
            limit,
            fault: None,
            seen: 0,
            line_bytes: 0,
            after_cr: false,
        }
    }

    /// Adds bytes, or notes why they are not kept.
    pub(super) fn push(&mut self, run: &[u8]) {
        self.seen = self.seen.saturating_add(run.len() as u64);
        if self.fault.is_some() {
            return;
        }
        if self.seen > self.limit.bytes() {
            return self.spoil(MessageFault::TooLarge { limit: self.limit });
        }
        match self.check(run) {
            Ok(()) => self.append(run),
            Err(fault) => self.spoil(fault),
        }
    }

    /// Goes from one CR, LF or NUL to the next.
    fn check(&mut self, run: &[u8]) -> Result<(), MessageFault> {
        let mut start = 0;
        for at in memchr::memchr3_iter(b'\r', b'\n', 0, run) {
            // What stands between two marks follows no CR, and makes the line longer.
            if at > start && self.after_cr {
                return Err(MessageFault::LineEnding);
            }
            self.grow_line(at - start)?;
            let byte = run[at];
            if byte == 0 || self.after_cr != (byte == b'\n') {
                return Err(MessageFault::LineEnding);
            }
            self.after_cr = byte == b'\r';
            if byte == b'\n' {
                self.line_bytes = 0;
            } else {
                self.grow_line(1)?;
            }
            start = at + 1;
        }
        if start < run.len() && self.after_cr {
            return Err(MessageFault::LineEnding);
        }
        self.grow_line(run.len() - start)
    }

    fn grow_line(&mut self, bytes: usize) -> Result<(), MessageFault> {
        self.line_bytes += bytes;
        if self.line_bytes > TEXT_LINE_BYTES_MAX { Err(MessageFault::LineTooLong) } else { Ok(()) }
    }

    /// Gives the message up for this reason; its bytes are wiped now.
    pub(super) fn spoil(&mut self, fault: MessageFault) {
        self.fault.get_or_insert(fault);
        wipe(&mut self.bytes);
        self.bytes = Vec::new();
    }

    /// The memory that the message takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// The bytes that came, kept or not.
    pub(super) const fn seen(&self) -> u64 {
        self.seen
    }

    /// The message is refused and its sender goes on beyond all measure.
    pub(super) fn is_endless(&self) -> bool {
        self.seen > self.limit.bytes().saturating_add(DISCARDED_BYTES_MAX)
    }

    /// Why the message is refused, if it is so far.
    pub(super) const fn fault(&self) -> Option<MessageFault> {
        self.fault
    }

    /// Takes the whole message out, or tells why there is none.
    pub(super) fn finish(&mut self) -> Result<SecretBytes, MessageFault> {
        if self.after_cr {
            self.spoil(MessageFault::LineEnding);
        }
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(SecretBytes::new(std::mem::take(&mut self.bytes))),
        }
    }

    /// Grows by hand: `Vec` would leave a copy of the old bytes behind in freed memory.
    fn append(&mut self, run: &[u8]) {
        let needed = self.bytes.len() + run.len();
        if needed > self.bytes.capacity() {
            // No more room than the largest message takes: that much is there for it.
            let limit = usize::try_from(self.limit.bytes()).unwrap_or(usize::MAX);
            let doubled = self.bytes.capacity().saturating_mul(2).min(limit);
            let mut larger = Vec::with_capacity(needed.max(doubled));
            larger.extend_from_slice(&self.bytes);
            wipe(&mut self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(run);
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

/// Finds the end of a message sent by DATA and undoes dot-stuffing (RFC 5321 section 4.5.2).
#[derive(Debug)]
pub(super) struct DataReceiver {
    message: Message,
    at: At,
}

/// Where in the stream the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    /// After a dot that began a line.
    Dot,
    /// After a dot that began a line, and a CR.
    DotCr,
    Middle,
    Cr,
}

impl DataReceiver {
    /// Starts on the byte after the 354.
    pub(super) const fn new(message: Message) -> Self {
        // The CRLF of the DATA command counts as the one before a dot (RFC 5321 section 4.1.1.4).
        Self { message, at: At::LineStart }
    }

    /// Takes bytes from the front of `input` until the message ends; then the message, or why there is none.
    pub(super) fn take(&mut self, input: &mut &[u8]) -> Option<Result<SecretBytes, MessageFault>> {
        while let Some((&byte, rest)) = input.split_first() {
            if matches!(self.at, At::Middle | At::LineStart) && byte != b'.' && byte != b'\r' {
                *input = self.run(input);
                continue;
            }
            *input = rest;
            if self.step(byte) {
                return Some(self.message.finish());
            }
        }
        None
    }

    /// Takes what stands before the next dot that begins a line, or all there is; returns the rest. Most of a message is
    /// taken so, many lines at once.
    fn run<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let end = memchr::memmem::find(input, b"\r\n.").map_or(input.len(), |at| at + 2);
        let (run, rest) = input.split_at(end);
        self.message.push(run);
        self.at = match run {
            [.., b'\r', b'\n'] => At::LineStart,
            [.., b'\r'] => At::Cr,
            _ => At::Middle,
        };
        rest
    }

    /// The message in the making.
    pub(super) const fn message(&self) -> &Message {
        &self.message
    }

    /// The message in the making, to give it up.
    pub(super) const fn message_mut(&mut self) -> &mut Message {
        &mut self.message
    }

    fn step(&mut self, byte: u8) -> bool {
        match (self.at, byte) {
            (At::LineStart, b'.') => {
                self.at = At::Dot;
                return false;
            }
            (At::Dot, b'\r') => {
                self.at = At::DotCr;
                return false;
            }
            (At::DotCr, b'\n') => return true,
            // The CR was held back in case it ended the message. It did not: it is a lone one.
            (At::DotCr, _) => self.message.push(b"\r"),
            _ => {}
        }
        self.message.push(&[byte]);
        self.at = match (self.at, byte) {
            (_, b'\r') => At::Cr,
            (At::Cr, b'\n') => At::LineStart,
            _ => At::Middle,
        };
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(limit: u64) -> Message {
        Message::new(ByteSize(limit), ByteSize(0))
    }

    #[test]
    fn a_message_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
        for (bytes, taken) in [(&b"12345678\r\n"[..], true), (b"123456789\r\n", false)] {
            let mut message = message(10);
            message.push(bytes);
            assert_eq!(message.finish().is_ok(), taken);
        }
    }

    #[test]
    fn a_cr_as_the_last_byte_is_a_lone_one() {
        let mut message = message(100);
        message.push(b"x\r\ny\r");
        assert_eq!(message.finish().unwrap_err(), MessageFault::LineEnding);
    }

    #[test]
    fn a_message_given_up_holds_no_memory_and_tells_its_first_fault() {
        let mut message = message(100);
        message.push(b"secret");
        message.spoil(MessageFault::NoRoom);
        message.push(b"a\nb");
        assert_eq!(message.memory(), 0);
        assert_eq!(message.finish().unwrap_err(), MessageFault::NoRoom);
    }

    /// The rule of line endings and line lengths, byte by byte.
    fn first_fault(bytes: &[u8]) -> Option<MessageFault> {
        let (mut after_cr, mut line) = (false, 0);
        for &byte in bytes {
            if byte == 0 || after_cr != (byte == b'\n') {
                return Some(MessageFault::LineEnding);
            }
            after_cr = byte == b'\r';
            line = if byte == b'\n' { 0 } else { line + 1 };
            if line > TEXT_LINE_BYTES_MAX {
                return Some(MessageFault::LineTooLong);
            }
        }
        None
    }

    proptest! {
        #[test]
        fn looking_from_mark_to_mark_finds_what_looking_at_each_byte_finds(
            pieces in prop::collection::vec(prop_oneof!["\r\n", "\r\n", "[\r\n\0.]", "[a-z.]{1,9}", "x{600}"], 0..40),
            cut in 1..700_usize,
        ) {
            let whole = pieces.concat();
            let mut message = message(1_000_000);
            for piece in whole.as_bytes().chunks(cut) {
                message.push(piece);
            }
            prop_assert_eq!(message.fault(), first_fault(whole.as_bytes()));
        }

        #[test]
        fn a_message_ends_and_is_unstuffed_alike_however_it_is_cut(
            lines in prop::collection::vec("[.]{0,2}[a-c]{0,3}", 0..20), cut in 1..40_usize,
        ) {
            let stuff = |line: &String| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" });
            let sent: String = lines.iter().map(stuff).chain([".\r\nQUIT\r\n".to_owned()]).collect();
            let mut receiver = DataReceiver::new(message(1_000_000));
            let (mut ended, mut left) = (None, 0);
            for piece in sent.as_bytes().chunks(cut) {
                let mut input = piece;
                if ended.is_none() {
                    ended = receiver.take(&mut input);
                }
                left += input.len();
            }
            let whole = lines.iter().map(|line| format!("{line}\r\n")).collect::<Vec<_>>().concat();
            let taken = ended.unwrap().unwrap();
            prop_assert_eq!(taken.expose(), whole.as_bytes());
            prop_assert_eq!(left, "QUIT\r\n".len());
        }

        /// The message grows by hand: no byte is lost or doubled on the way.
        #[test]
        fn a_message_is_the_sum_of_its_pieces(lines in prop::collection::vec("[a-zé]{0,300}\r\n", 0..60), cut in 1..500_usize) {
            let whole = lines.concat();
            let mut message = message(1_000_000);
            for piece in whole.as_bytes().chunks(cut) {
                message.push(piece);
            }
            let finished = message.finish().unwrap();
            prop_assert_eq!(finished.expose(), whole.as_bytes());
        }
    }
}
