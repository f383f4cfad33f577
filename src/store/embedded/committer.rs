//! The one thread that commits: units that wait share one forced write of the journal (group commit). What was committed is
//! read from memory until it is in sled.

use std::io;
use std::sync::{Arc, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::super::keyspace::{Group, KeyspaceError, Writes};
use super::changes::PIECE_BYTES;
use super::journal::Journal;
use super::settler::{SettleError, Settler};
use super::{Lost, Shared, unavailable};
use crate::app::ports::{CommitError, Committed, StoreError, UnitOfWork};

/// Units that share one forced write at most.
const GROUP_MAX_UNITS: usize = 256;
/// What is committed is put into sled when it takes this much memory: most of what a mail writes only to remove it again
/// never gets there.
const SETTLED_FROM_BYTES: usize = 4 * 1024 * 1024;
/// Committing waits for sled when this much is committed on top of what is being put there.
const WAITS_FROM_BYTES: usize = 2 * SETTLED_FROM_BYTES;

type Outcome = Result<Committed, CommitError>;

/// A unit that waits.
pub(super) struct Order {
    unit: UnitOfWork,
    answer: oneshot::Sender<Outcome>,
}

impl Order {
    pub(super) fn new(unit: UnitOfWork) -> (Self, oneshot::Receiver<Outcome>) {
        let (answer, outcome) = oneshot::channel();
        (Self { unit, answer }, outcome)
    }
}

/// What can go wrong on the way to the disk; the state is unknown after it.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error("the journal could not be forced to the disk")]
    Disk(#[from] io::Error),
}

/// Commits groups of units.
pub(super) struct Committer {
    shared: Arc<Shared>,
    journal: Journal,
    settler: Settler,
    /// Bytes that sled was given by removals and that nobody has forced to the disk.
    not_forced: usize,
}

impl Committer {
    pub(super) const fn new(shared: Arc<Shared>, journal: Journal, settler: Settler) -> Self {
        Self { shared, journal, settler, not_forced: 0 }
    }

    /// Commits until nobody can send any more; then puts all into sled.
    pub(super) fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(first) = orders.blocking_recv() {
            let group = gather(first, &mut orders);
            if self.shared.is_lost() {
                answer_all(group, || Err(unavailable(Lost).into()));
            } else {
                self.commit(group);
            }
        }
        if !self.shared.is_lost()
            && let Err(error) = self.settle_all()
        {
            self.lose(&error.into());
        }
    }

    fn commit(&mut self, orders: Vec<Order>) {
        match self.write(&orders) {
            Ok(outcomes) => {
                for (order, outcome) in orders.into_iter().zip(outcomes) {
                    // Who went away is told by the record, when it looks again.
                    let _ = order.answer.send(outcome);
                }
                if let Err(error) = self.settle_what_is_due() {
                    self.lose(&error.into());
                }
            }
            Err(error) => {
                self.lose(&error);
                answer_all(orders, || Err(unavailable(Lost).into()));
            }
        }
    }

    fn lose(&self, error: &WriteError) {
        tracing::error!(error = error as &dyn std::error::Error, "store.embedded.lost");
        self.shared.lose();
    }

    /// Forces a group to the disk, and lets readers see it. A unit that conflicts has its own outcome; an error is the
    /// group's.
    fn write(&mut self, orders: &[Order]) -> Result<Vec<Outcome>, WriteError> {
        let (writes, outcomes) = self.judge(orders)?;
        if writes.is_empty() {
            return Ok(outcomes);
        }
        self.journal.append(&writes)?;
        let mut layers = self.shared.layers.write().unwrap_or_else(PoisonError::into_inner);
        let pictures = &self.shared.pictures;
        layers.read(&self.shared.database, |pairs| pictures.keep(&writes.keys(), pairs))?;
        self.not_forced += layers.add(writes, &self.shared.database)?;
        Ok(outcomes)
    }

    /// What the units write, each judged on top of those before it.
    fn judge(&self, orders: &[Order]) -> Result<(Writes, Vec<Outcome>), WriteError> {
        let layers = self.shared.layers.read().unwrap_or_else(PoisonError::into_inner);
        layers.read(&self.shared.database, |pairs| {
            let mut group = Group::new(pairs)?;
            let mut outcomes = Vec::with_capacity(orders.len());
            for order in orders {
                match group.add(&order.unit) {
                    // The database cannot be read any more, as when its own thread met a full disk before this one did.
                    Err(CommitError::Store(error)) if is_of_the_engine(&error) => return Err(error.into()),
                    outcome => outcomes.push(outcome),
                }
            }
            Ok((group.into_writes()?, outcomes))
        })
    }

    /// Hands the fresh layer on when it has grown enough; waits when sled does not keep up.
    fn settle_what_is_due(&mut self) -> Result<(), SettleError> {
        if self.not_forced >= PIECE_BYTES {
            self.shared.database.force()?;
            self.not_forced = 0;
        }
        let fresh = self.shared.layers.read().unwrap_or_else(PoisonError::into_inner).fresh_bytes();
        if fresh >= WAITS_FROM_BYTES {
            self.settler.wait()?;
        }
        if fresh >= SETTLED_FROM_BYTES && !self.settler.is_busy()? {
            self.begin_settling()?;
        }
        Ok(())
    }

    fn begin_settling(&mut self) -> Result<(), SettleError> {
        let last = self.journal.take_turns()?;
        let writes = self.shared.layers.write().unwrap_or_else(PoisonError::into_inner).begin_settling();
        self.settler.give(writes, last)
    }

    fn settle_all(&mut self) -> Result<(), SettleError> {
        self.settler.wait()?;
        self.begin_settling()?;
        self.settler.wait()
    }
}

/// Whether the database itself failed, rather than one record that is too large or damaged.
fn is_of_the_engine(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(cause) if !cause.is::<KeyspaceError>())
}

/// The first order and those that wait already.
fn gather(first: Order, orders: &mut mpsc::Receiver<Order>) -> Vec<Order> {
    let mut group = vec![first];
    while group.len() < GROUP_MAX_UNITS
        && let Ok(order) = orders.try_recv()
    {
        group.push(order);
    }
    group
}

fn answer_all(orders: Vec<Order>, outcome: impl Fn() -> Outcome) {
    for order in orders {
        let _ = order.answer.send(outcome());
    }
}
