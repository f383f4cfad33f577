//! Seals and hashes a stream on a thread of its own beside the receiving, so that a large file takes as long as the slower
//! of the two and not both one after the other. Two buffers: one fills while the other is sealed.

use std::mem;

use tokio::task::{JoinHandle, spawn_blocking};

use super::AppError;
use crate::value::{ByteSize, wipe};
use crate::vault::{SealSummary, Sealer, SealingKey, VaultError};

/// Bytes that are gathered before they go to the other thread; what is smaller is sealed where it is.
const STEP_BYTES: usize = 256 * 1024;
/// The room that a buffer begins with; most files of a form are not much larger.
const FIRST_ROOM_BYTES: usize = 32 * 1024;
/// What sealing adds to a buffer at most: the beginning of the age file, a tag for each chunk.
const SEALED_BEYOND_BYTES: usize = 1024;

/// A part that streams in and is sealed beside.
pub(super) struct SealStream {
    filling: Vec<u8>,
    size: u64,
    /// Sealed bytes were in it that are kept by now; the next go there.
    emptied: Vec<u8>,
    sealing: Sealing,
}

enum Sealing {
    /// Nothing is being sealed; an empty buffer to swap.
    Idle(Box<(Sealer, Vec<u8>)>),
    /// A buffer is being sealed.
    Busy(JoinHandle<Result<Step, VaultError>>),
    /// An error was told; nothing more is taken.
    Failed,
}

/// What a step gives back: the sealer, the buffer, emptied, and what is ready to be kept.
struct Step {
    idle: Box<(Sealer, Vec<u8>)>,
    ready: Vec<u8>,
}

impl SealStream {
    /// Begins a part under a key.
    pub(super) fn new(key: &SealingKey) -> Result<Self, VaultError> {
        let idle = Box::new((Sealer::new(key)?, Vec::new()));
        Ok(Self { filling: Vec::new(), size: 0, emptied: Vec::new(), sealing: Sealing::Idle(idle) })
    }

    /// Bytes in clear so far.
    pub(super) const fn plain_size(&self) -> ByteSize {
        ByteSize(self.size)
    }

    /// Takes the next bytes, waits for the thread when it is slower, and returns what is ready to be kept; often nothing.
    pub(super) async fn push(&mut self, mut plain: &[u8]) -> Result<Vec<u8>, AppError> {
        self.size += plain.len() as u64;
        let mut ready = Vec::new();
        while !plain.is_empty() {
            let (now, later) = plain.split_at(plain.len().min(STEP_BYTES - self.filling.len()));
            self.hold(now);
            plain = later;
            if self.filling.len() == STEP_BYTES {
                let sealed = self.step().await?;
                if ready.is_empty() { ready = sealed } else { ready.extend_from_slice(&sealed) }
            }
        }
        Ok(ready)
    }

    /// Seals what is left; returns the last sealed bytes and what is known of the part.
    pub(super) async fn finish(mut self) -> Result<(Vec<u8>, SealSummary), AppError> {
        let (mut idle, mut last) = self.idle().await?;
        last.reserve_exact(self.filling.len() + SEALED_BEYOND_BYTES);
        idle.0.push_onto(&self.filling, &mut last)?;
        wipe(&mut idle.1);
        let (tail, summary) = idle.0.finish()?;
        last.extend(tail);
        Ok((last, summary))
    }

    /// Takes back a buffer whose sealed bytes are kept.
    pub(super) fn reuse(&mut self, mut emptied: Vec<u8>) {
        emptied.clear();
        if emptied.capacity() > self.emptied.capacity() {
            self.emptied = emptied;
        }
    }

    /// A buffer that grows is wiped where it was: plaintext may not be left behind in freed memory.
    fn hold(&mut self, plain: &[u8]) {
        let needed = self.filling.len() + plain.len();
        if needed > self.filling.capacity() {
            // No more than a small file needs: all of it is wiped in the end.
            let room = needed.next_power_of_two().clamp(FIRST_ROOM_BYTES, STEP_BYTES);
            let mut roomy = Vec::with_capacity(room);
            roomy.extend_from_slice(&self.filling);
            wipe(&mut self.filling);
            self.filling = roomy;
        }
        self.filling.extend_from_slice(plain);
    }

    /// Hands the full buffer over; returns what the one before gave.
    async fn step(&mut self) -> Result<Vec<u8>, AppError> {
        let (mut idle, ready) = self.idle().await?;
        mem::swap(&mut idle.1, &mut self.filling);
        let mut emptied = mem::take(&mut self.emptied);
        self.sealing = Sealing::Busy(spawn_blocking(move || {
            let (sealer, full) = &mut *idle;
            sealer.push_onto(full, &mut emptied)?;
            let ready = emptied;
            full.clear();
            Ok(Step { idle, ready })
        }));
        Ok(ready)
    }

    /// Waits until nothing is being sealed.
    async fn idle(&mut self) -> Result<(Box<(Sealer, Vec<u8>)>, Vec<u8>), AppError> {
        match mem::replace(&mut self.sealing, Sealing::Failed) {
            Sealing::Idle(idle) => Ok((idle, Vec::new())),
            Sealing::Busy(task) => {
                let step = task.await.map_err(|_| AppError::Broken("sealing"))??;
                Ok((step.idle, step.ready))
            }
            Sealing::Failed => Err(AppError::Broken("sealing after an error")),
        }
    }
}

impl Drop for SealStream {
    fn drop(&mut self) {
        wipe(&mut self.filling);
        if let Sealing::Idle(idle) = &mut self.sealing {
            wipe(&mut idle.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Digest;
    use crate::vault::{Identity, Sealed, open};

    #[tokio::test]
    async fn what_comes_out_is_what_went_in_whatever_the_pieces() {
        let identity = Identity::generate();
        let key = SealingKey::new(&identity.recipient()).unwrap();
        for (size, piece) in [
            (0, 1),
            (1, 1),
            (STEP_BYTES - 1, 70_000),
            (STEP_BYTES, 8_192),
            (STEP_BYTES + 1, STEP_BYTES + 1),
            (3 * STEP_BYTES + 17, 100_000),
            (1_000_000, 1_000_000),
        ] {
            let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n % 241).unwrap()).collect();
            let mut stream = SealStream::new(&key).unwrap();
            let mut sealed = Vec::new();
            for piece in plain.chunks(piece) {
                let mut ready = stream.push(piece).await.unwrap();
                sealed.append(&mut ready);
                stream.reuse(ready);
            }
            assert_eq!(stream.plain_size().bytes(), size as u64);
            let (tail, summary) = stream.finish().await.unwrap();
            sealed.extend(tail);
            assert_eq!(summary.plain_digest, Digest::of(&plain), "{size} in pieces of {piece}");
            assert_eq!(open(&identity, &Sealed::from_bytes(sealed).unwrap()).unwrap().expose(), plain);
        }
    }
}
