//! The one thread that writes: units that wait share one batch and one forced write (group commit).

use std::fs::File;
use std::io;
use std::sync::{Arc, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use super::super::keyspace::{Group, KeyspaceError};
use super::view::{Pending, Whole};
use super::{Durability, Lost, Shared, unavailable};
use crate::app::ports::{CommitError, Committed, StoreError, UnitOfWork};

/// Units that share one forced write at most.
const GROUP_MAX_UNITS: usize = 256;

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
    #[error("the database could not be written")]
    Database(#[from] sled::Error),
    #[error("the database's file could not be forced to the disk")]
    Disk(#[from] io::Error),
}

/// Writes groups of units.
pub(super) struct Committer {
    shared: Arc<Shared>,
    /// sled's file, to be forced to the disk.
    file: File,
    durable: watch::Sender<Durability>,
    group: u64,
}

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, file: File, durable: watch::Sender<Durability>) -> Self {
        Self { shared, file, durable, group: 0 }
    }

    /// Commits until nobody can send any more.
    pub(super) fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(first) = orders.blocking_recv() {
            let group = gather(first, &mut orders);
            if *self.durable.borrow() == Durability::Lost {
                answer_all(group, || Err(unavailable(Lost).into()));
            } else {
                self.commit(group);
            }
        }
    }

    fn commit(&mut self, orders: Vec<Order>) {
        match self.write(&orders) {
            Ok(outcomes) => {
                for (order, outcome) in orders.into_iter().zip(outcomes) {
                    // Who went away is told by the record, when it looks again.
                    let _ = order.answer.send(outcome);
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "store.embedded.lost");
                self.durable.send_replace(Durability::Lost);
                answer_all(orders, || Err(unavailable(Lost).into()));
            }
        }
    }

    /// Writes a group and forces it to the disk. A unit that conflicts has its own outcome; an error is the group's.
    fn write(&mut self, orders: &[Order]) -> Result<Vec<Outcome>, WriteError> {
        let tree = Whole(&self.shared.tree);
        let mut group = Group::new(&tree)?;
        let mut outcomes = Vec::with_capacity(orders.len());
        for order in orders {
            match group.add(&order.unit) {
                // The database cannot be read any more, as when its own thread met a full disk before this one did.
                Err(CommitError::Store(error)) if is_of_the_engine(&error) => return Err(error.into()),
                outcome => outcomes.push(outcome),
            }
        }
        let writes = group.into_writes()?;
        if writes.is_empty() {
            return Ok(outcomes);
        }
        self.group += 1;
        let mut batch = sled::Batch::default();
        let pending = Pending { group: self.group, keys: writes.keys().cloned().collect() };
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        {
            let mut last = self.shared.pending.write().unwrap_or_else(PoisonError::into_inner);
            self.shared.pictures.keep(&pending.keys.iter(), &tree)?;
            *last = pending;
            self.shared.tree.apply_batch(batch)?;
        }
        self.shared.tree.flush()?;
        self.file.sync_data()?;
        self.durable.send_replace(Durability::Group(self.group));
        Ok(outcomes)
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
