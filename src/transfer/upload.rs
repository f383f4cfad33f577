//! Uploads: files on their way into a draft, which may be interrupted and go on later (D4, D8). What has come is sealed
//! in segments; how far it is, what was begun and how it is folded stands here. Nothing here seals or stores.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ObjectLocator;
use crate::value::{ByteSize, Digest, DraftId, Timestamp, UploadId};
use crate::vault::{Sealed, Segment};

/// A segment is ended and another begun at this size: so much is committed, and can be read without the others.
pub const SEGMENT_FULL: ByteSize = ByteSize::mebibytes(64);
/// A segment of this size stays as it is; smaller ones are folded together.
pub const SEGMENT_SMALL: ByteSize = ByteSize::mebibytes(16);
/// The most segments of one upload. Folding keeps far below it: a file of 10 GiB has 160, and never over 700 however
/// it was cut (see [`fold_from`]).
pub const SEGMENTS_MAX: usize = 1000;

/// A segment that is kept, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSegment {
    /// Where it is kept.
    pub object: ObjectLocator,
    /// Its size in clear, and what binds it.
    #[serde(flatten)]
    pub segment: Segment,
}

/// A segment that is being written: what of it is on the disk after a crash is authentic if it begins as this says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSegment {
    /// Where it is written.
    pub object: ObjectLocator,
    /// SHA-256 of its beginning.
    pub binding: Digest,
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum UploadState {
    /// Bytes are missing.
    Receiving {
        /// What has come and is durable, in order.
        segments: Vec<KeptSegment>,
        /// The running digest of all that is durable, sealed.
        digest: Sealed,
        /// The segment that is being written, when one is.
        open: Option<OpenSegment>,
    },
    /// All came; it is a file of the draft. Kept so that who missed the answer is told.
    Complete {
        /// The number of the file.
        part: u32,
    },
}

/// A file on its way into a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id, part of its address.
    pub id: UploadId,
    /// The draft that it belongs to.
    pub draft: DraftId,
    /// Its name, path and fingerprint, sealed to the transfer's recipient.
    pub facts: Sealed,
    /// Its size, as announced; reserved in the draft.
    pub length: ByteSize,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// How far it is.
    pub state: UploadState,
}

/// Why an upload does not take bytes. The client must ask how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UploadError {
    /// They belong elsewhere.
    #[error("the upload is at byte {expected}, not {actual}")]
    WrongOffset {
        /// Where the next byte belongs.
        expected: ByteSize,
        /// Where the client would have put it.
        actual: ByteSize,
    },
    /// More than was announced.
    #[error("{actual} bytes for an upload of {limit}")]
    TooLong {
        /// What was announced.
        limit: ByteSize,
        /// What came, at least.
        actual: ByteSize,
    },
    /// It is cut into more segments than are kept.
    #[error("more than {limit} segments")]
    TooManySegments {
        /// What is allowed.
        limit: usize,
    },
}

impl Upload {
    /// How many bytes are durable.
    pub fn offset(&self) -> ByteSize {
        match &self.state {
            UploadState::Receiving { segments, .. } => segments.iter().map(|kept| kept.segment.size).sum(),
            UploadState::Complete { .. } => self.length,
        }
    }

    /// What bytes from `offset` on may still be; refuses where they do not belong.
    pub fn room(&self, offset: ByteSize, announced: Option<ByteSize>) -> Result<ByteSize, UploadError> {
        let expected = self.offset();
        if offset != expected {
            return Err(UploadError::WrongOffset { expected, actual: offset });
        }
        let end = ByteSize(offset.bytes().saturating_add(announced.unwrap_or_default().bytes()));
        if end > self.length {
            return Err(UploadError::TooLong { limit: self.length, actual: end });
        }
        Ok(ByteSize(self.length.bytes() - offset.bytes()))
    }

    /// The objects that it holds, the one that is being written too.
    pub fn objects(&self) -> Vec<ObjectLocator> {
        let UploadState::Receiving { segments, open, .. } = &self.state else { return Vec::new() };
        let kept = segments.iter().map(|kept| kept.object.clone());
        kept.chain(open.iter().map(|open| open.object.clone())).collect()
    }
}

/// From which segment on they are to be folded into one: the trailing ones of which each is small and no larger than
/// all after it together. Returns the number of segments when nothing is to be folded.
///
/// So each byte is sealed again at most once for each doubling, and after folding a small segment outweighs all that
/// follow it: there are at most 24 of them below 16 MiB, the others have 16 MiB or more each.
pub fn fold_from(sizes: &[ByteSize]) -> usize {
    let Some((last, before)) = sizes.split_last() else { return 0 };
    let (mut from, mut after) = (before.len(), last.bytes());
    for size in before.iter().rev() {
        if *size >= SEGMENT_SMALL || size.bytes() > after {
            break;
        }
        from -= 1;
        after += size.bytes();
    }
    if from == before.len() { sizes.len() } else { from }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Folds as the use case does, and returns how many bytes were sealed again.
    fn fold(sizes: &mut Vec<ByteSize>) -> u64 {
        let from = fold_from(sizes);
        if from == sizes.len() {
            return 0;
        }
        let folded: ByteSize = sizes.drain(from..).sum();
        sizes.push(folded);
        folded.bytes()
    }

    proptest! {
        #[test]
        fn however_a_file_is_cut_its_segments_stay_few_and_are_seldom_sealed_again(
            pieces in proptest::collection::vec(prop_oneof![1u64..100, 1u64..2_000_000, 1u64..=67_108_864], 1..400)
        ) {
            let (mut sizes, mut total, mut again) = (Vec::new(), 0, 0);
            for piece in &pieces {
                sizes.push(ByteSize(*piece));
                total += piece;
                again += fold(&mut sizes);
                let kept: ByteSize = sizes.iter().copied().sum();
                prop_assert_eq!(kept, ByteSize(total));
                let full = usize::try_from(total / SEGMENT_SMALL.bytes()).unwrap();
                prop_assert!(sizes.len() <= full + 25, "{} segments of {} bytes", sizes.len(), total);
            }
            prop_assert!(again <= total * 27, "{again} bytes sealed again of {total}");
        }
    }

    #[test]
    fn single_bytes_are_folded_like_the_digits_of_a_counter() {
        let mut sizes = Vec::new();
        let mut again = 0;
        for _ in 0..1024 {
            sizes.push(ByteSize(1));
            again += fold(&mut sizes);
        }
        assert_eq!(sizes, [ByteSize(1024)]);
        assert!(again <= 1024 * 10, "{again}");
    }

    #[test]
    fn whole_segments_are_left_alone() {
        assert_eq!(fold_from(&[SEGMENT_FULL, SEGMENT_FULL]), 2);
        assert_eq!(fold_from(&[SEGMENT_FULL, ByteSize(5)]), 2);
        assert_eq!(
            fold_from(&[SEGMENT_FULL, ByteSize(5), SEGMENT_FULL]),
            1,
            "a small one goes into its follower"
        );
        assert_eq!(fold_from(&[]), 0);
    }
}
