//! Puts what the journal holds into sled, on a thread of its own, while commits go on.
//!
//! sled writes the pages of its file in no order that a power cut respects: of what it wrote between two forced writes it
//! may find any part, and then not open at all. So it is given a little at a time, and each piece is forced to the disk
//! before the next. The mark that says how far sled has come is written when all of it is there, and the journal's file
//! is free only when the mark is on the disk.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use super::super::keyspace::Writes;
use super::Shared;
use crate::app::ports::StoreError;

/// Bytes of keys and values between two forced writes: less than one of sled's segments, of 512 KiB.
pub(super) const PIECE_BYTES: usize = 128 * 1024;
/// The number of the journal's last group that is in sled, big-endian. No key of the key space begins so.
const MARK_KEY: &[u8] = b"\0journal";

/// What can go wrong on the way into sled.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettleError {
    #[error("the database could not be written")]
    Database(#[from] sled::Error),
    #[error("the database's file could not be forced to the disk")]
    Disk(#[from] io::Error),
    #[error("the thread that writes the database has ended")]
    Gone,
}

/// sled and the file that it keeps.
pub(super) struct Sled {
    pub(super) tree: sled::Tree,
    /// sled's file, to be forced to the disk.
    pub(super) file: File,
}

impl Sled {
    /// The number of the last group of the journal that is here; 0 in a database that never had a journal.
    pub(super) fn mark(&self) -> Result<u64, StoreError> {
        let Some(mark) = self.tree.get(MARK_KEY).map_err(super::unavailable)? else { return Ok(0) };
        let mark = mark.as_ref().try_into().map_err(|_| StoreError::Damaged)?;
        Ok(u64::from_be_bytes(mark))
    }

    /// Writes all of it, then the mark; both are on the disk when it returns.
    pub(super) fn settle(&self, writes: &Writes, last: u64) -> Result<(), SettleError> {
        let mut bytes = 0;
        for (key, value) in writes {
            match value {
                Some(value) => self.tree.insert(key, value.as_slice())?,
                None => self.tree.remove(key)?,
            };
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            if bytes >= PIECE_BYTES {
                self.force()?;
                bytes = 0;
            }
        }
        self.force()?;
        self.tree.insert(MARK_KEY, &last.to_be_bytes())?;
        self.force()
    }

    /// Forces what it was given to the disk.
    pub(super) fn force(&self) -> Result<(), SettleError> {
        self.tree.flush()?;
        Ok(self.file.sync_data()?)
    }
}

/// The thread.
pub(super) struct Settler {
    orders: Option<Sender<(Arc<Writes>, u64)>>,
    done: Receiver<Result<(), SettleError>>,
    thread: Option<JoinHandle<()>>,
    is_busy: bool,
}

impl Settler {
    /// Starts it.
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (orders, receiver) = channel::<(Arc<Writes>, u64)>();
        let (answers, done) = channel();
        let thread = std::thread::Builder::new().name("pli-settles".to_owned()).spawn(move || {
            for (writes, last) in receiver {
                let outcome = shared.sled.settle(&writes, last);
                if outcome.is_ok() {
                    shared.layers.write().unwrap_or_else(PoisonError::into_inner).settled();
                }
                if answers.send(outcome).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { orders: Some(orders), done, thread: Some(thread), is_busy: false })
    }

    /// Whether it still works on what it was given last.
    pub(super) fn is_busy(&mut self) -> Result<bool, SettleError> {
        if self.is_busy {
            match self.done.try_recv() {
                Ok(outcome) => {
                    self.is_busy = false;
                    outcome?;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(SettleError::Gone),
            }
        }
        Ok(self.is_busy)
    }

    /// Waits until it has done what it was given last.
    pub(super) fn wait(&mut self) -> Result<(), SettleError> {
        if self.is_busy {
            self.is_busy = false;
            self.done.recv().map_err(|_| SettleError::Gone)??;
        }
        Ok(())
    }

    /// Gives it a layer; it must not be busy.
    pub(super) fn give(&mut self, writes: Arc<Writes>, last: u64) -> Result<(), SettleError> {
        let orders = self.orders.as_ref().ok_or(SettleError::Gone)?;
        orders.send((writes, last)).map_err(|_| SettleError::Gone)?;
        self.is_busy = true;
        Ok(())
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // It has told its error, if there was one.
            let _ = thread.join();
        }
    }
}
