//! Puts what the journal holds into sled, on a thread of its own, while commits go on.
//!
//! The mark that says how far the database has come is written when all of it is there, and the journal's file is free only
//! when the mark is on the disk. How it gets there is `changes.rs`.

use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use super::super::keyspace::Writes;
use super::Shared;
use crate::app::ports::StoreError;

/// What can go wrong on the way into sled.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database could not be written")]
    Database(#[from] sled::Error),
    #[error("the database's file could not be forced to the disk")]
    Disk(#[from] io::Error),
    #[error("the thread that writes the database has ended")]
    Gone,
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
                let mut outcome = shared.database.settle(&writes, last);
                drop(writes);
                if outcome.is_ok() {
                    shared.layers.write().unwrap_or_else(PoisonError::into_inner).settled();
                    outcome = shared.database.tidy();
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
