//! Checkpoints of the log, C2SP `tlog-checkpoint`: a note whose text is the origin, the number of entries and the
//! root, signed by the log. One extension line of ours, `time <milliseconds>`, says when. It signs and reads; when
//! to sign and where copies go is decided above.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;

use super::note::{Note, NoteError, NoteKey, NoteSigner};
use crate::value::{Digest, Timestamp};

/// The word that begins our extension line.
const TIME_WORD: &str = "time ";

/// Why a text is no checkpoint of this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// The note is malformed, or not signed by the key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The signed text is not origin, size, root.
    #[error("the signed text is no checkpoint")]
    Text,
    /// The checkpoint is of another log.
    #[error("the checkpoint is of another log")]
    Origin,
}

/// What a log says of itself at one moment: this many entries, under this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log, which is the name of its key.
    pub origin: String,
    /// Entries in the log.
    pub size: u64,
    /// Root of the tree over them (RFC 6962 section 2.1).
    pub root: Digest,
    /// When it was signed, by the gateway's clock; absent where another program signed.
    pub at: Option<Timestamp>,
}

impl Checkpoint {
    /// Signs the state of the log; the origin is the signer's name.
    pub fn sign(
        signer: &NoteSigner,
        size: u64,
        root: Digest,
        at: Timestamp,
    ) -> Result<Note, CheckpointError> {
        let origin = signer.public().name();
        let text = format!("{origin}\n{size}\n{root}\n{TIME_WORD}{}\n", at.0);
        Ok(signer.sign(text)?)
    }

    /// Reads a signed checkpoint of the log whose key this is.
    pub fn open(note: &str, key: &NoteKey) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(Note::parse(note)?.verified(key)?)?;
        if checkpoint.origin == key.name() { Ok(checkpoint) } else { Err(CheckpointError::Origin) }
    }

    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Text)?.split('\n');
        let mut next = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Text);
        let origin = next()?.to_owned();
        let size = parse_size(next()?).ok_or(CheckpointError::Text)?;
        let root = BASE64.decode(next()?).ok().and_then(|bytes| bytes.try_into().ok());
        let root = Digest::from_bytes(root.ok_or(CheckpointError::Text)?);
        let mut at = None;
        for extension in lines {
            if extension.is_empty() {
                return Err(CheckpointError::Text);
            }
            // Extensions of others are opaque.
            if let Some(millis) = extension.strip_prefix(TIME_WORD) {
                at = Some(Timestamp(millis.parse().map_err(|_| CheckpointError::Text)?));
            }
        }
        Ok(Self { origin, size, root, at })
    }
}

/// Decimal without leading zeros.
fn parse_size(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::note::NoteSeed;
    use super::*;

    fn signer() -> NoteSigner {
        NoteSigner::new("pli.fund.example/audit", &NoteSeed::new([9; 32])).unwrap()
    }

    #[test]
    fn a_checkpoint_reads_back_as_it_was_signed() {
        let (signer, root) = (signer(), Digest::of(b"root"));
        let note = Checkpoint::sign(&signer, 42, root, Timestamp(1_700_000_000_123)).unwrap().to_string();
        let expected =
            format!("pli.fund.example/audit\n42\n{root}\ntime 1700000000123\n\n— pli.fund.example/audit ");
        assert!(note.starts_with(&expected), "{note}");
        let read = Checkpoint::open(&note, signer.public()).unwrap();
        assert_eq!((read.size, read.root, read.at), (42, root, Some(Timestamp(1_700_000_000_123))));
    }

    #[test]
    fn a_checkpoint_that_someone_else_signed_or_altered_is_refused() {
        let other = NoteSigner::new("pli.fund.example/audit", &NoteSeed::new([8; 32])).unwrap();
        let note = Checkpoint::sign(&other, 42, Digest::of(b"root"), Timestamp(0)).unwrap().to_string();
        assert_eq!(
            Checkpoint::open(&note, signer().public()),
            Err(CheckpointError::Note(NoteError::Unsigned))
        );
        assert_eq!(
            Checkpoint::open(&note.replace("\n42\n", "\n41\n"), other.public()),
            Err(CheckpointError::Note(NoteError::Signature))
        );
    }

    #[test]
    fn a_signed_text_that_is_no_checkpoint_is_refused() {
        let signer = signer();
        let root = Digest::of(b"root");
        let origin = signer.public().name();
        for text in [
            format!("{origin}\n042\n{root}\n"),
            format!("{origin}\n+1\n{root}\n"),
            format!("{origin}\n1\nAAAA\n"),
            format!("{origin}\n1\n"),
            format!("{origin}\n1\n{root}\n\nx\n"),
            format!("{origin}\n1\n{root}\ntime soon\n"),
        ] {
            let note = signer.sign(text.clone()).unwrap().to_string();
            assert_eq!(Checkpoint::open(&note, signer.public()), Err(CheckpointError::Text), "{text:?}");
        }
        let foreign = signer.sign(format!("other.example\n1\n{root}\n")).unwrap().to_string();
        assert_eq!(Checkpoint::open(&foreign, signer.public()), Err(CheckpointError::Origin));
        let extended = signer.sign(format!("{origin}\n1\n{root}\nsomething else\n")).unwrap().to_string();
        assert_eq!(Checkpoint::open(&extended, signer.public()).unwrap().at, None);
    }
}
