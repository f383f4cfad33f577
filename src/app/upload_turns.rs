//! One request at a time writes to an upload; and the pace of each address. Both are kept in memory: a restart begins
//! with nobody writing and an hour's bytes for everyone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use crate::transfer::Pace;
use crate::value::{ByteSize, MailboxId, PersonId, Timestamp, UploadId};

/// How many addresses are remembered at once; beyond, those that sent nothing for an hour are forgotten first, and then
/// any.
const PACES_MAX: usize = 10_000;

/// Whose turn it is, for each upload that is being asked for.
#[derive(Default)]
pub(super) struct UploadTurns(Mutex<HashMap<UploadId, Weak<Place>>>);

struct Place {
    turns: Arc<Turns<()>>,
    /// Asks whoever has the turn to end.
    stop: Mutex<CancellationToken>,
}

/// The right to write to an upload, until it is dropped.
pub(super) struct Turn {
    /// Cancelled when somebody else waits for the turn: what has come is to be kept, and the turn given up.
    pub(super) stop: CancellationToken,
    _held: OwnedMutexGuard<()>,
    // The place stays known while the turn is held.
    _place: Arc<Place>,
}

impl UploadTurns {
    /// The turn, if nobody has it.
    pub(super) fn try_take(&self, id: UploadId) -> Option<Turn> {
        let place = self.place(id);
        let held = Arc::clone(&place.turns).try_lock_owned().ok()?;
        Some(Turn::new(held, place))
    }

    /// The turn; whoever has it is asked to end. A client that asks how far its upload is has lost its line: what
    /// still writes for it is talking to nobody.
    pub(super) async fn take_over(&self, id: UploadId) -> Turn {
        let place = self.place(id);
        place.stop.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        let held = Arc::clone(&place.turns).lock_owned().await;
        Turn::new(held, place)
    }

    fn place(&self, id: UploadId) -> Arc<Place> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(&id).and_then(Weak::upgrade) {
            return place;
        }
        places.retain(|_, place| place.strong_count() > 0);
        let place = Arc::new(Place { turns: Arc::default(), stop: Mutex::default() });
        places.insert(id, Arc::downgrade(&place));
        place
    }
}

impl Turn {
    fn new(held: OwnedMutexGuard<()>, place: Arc<Place>) -> Self {
        let stop = CancellationToken::new();
        *place.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
        Self { stop, _held: held, _place: place }
    }
}

/// How fast each address sends into each mailbox.
#[derive(Default)]
pub(super) struct Paces(Mutex<HashMap<(MailboxId, PersonId), Pace>>);

impl Paces {
    /// Whether bytes may come now; else from when on.
    pub(super) fn check(
        &self,
        who: (MailboxId, PersonId),
        limit: ByteSize,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.get_mut(&who).map_or(Ok(()), |pace| pace.check(limit, now))
    }

    /// Counts bytes that came.
    pub(super) fn count(&self, who: (MailboxId, PersonId), limit: ByteSize, bytes: usize, now: Timestamp) {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= PACES_MAX && !paces.contains_key(&who) {
            paces.retain(|_, pace| !pace.is_forgotten(now));
            if paces.len() >= PACES_MAX {
                let any = paces.keys().next().copied();
                any.map(|any| paces.remove(&any));
            }
        }
        paces.entry(who).or_default().count(limit, bytes, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_second_is_sent_away_and_who_asks_is_let_in_when_the_first_ends() {
        let (turns, id) = (Arc::new(UploadTurns::default()), UploadId::new([1; 16]));
        let first = turns.try_take(id).unwrap();
        assert!(turns.try_take(id).is_none(), "one writes");
        assert!(turns.try_take(UploadId::new([2; 16])).is_some(), "others are others");
        let asks = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take_over(id).await }
        });
        first.stop.cancelled().await;
        assert!(!asks.is_finished(), "the first one ends in order");
        drop(first);
        let second = asks.await.unwrap();
        assert!(!second.stop.is_cancelled());
        drop(second);
        assert!(turns.try_take(id).is_some());
    }

    #[test]
    fn the_pace_is_of_an_address_and_a_mailbox() {
        let paces = Paces::default();
        let who = |mailbox, person| (MailboxId::new([mailbox; 16]), PersonId::new([person; 16]));
        paces.count(who(1, 1), ByteSize(100), 100, Timestamp(0));
        assert!(paces.check(who(1, 1), ByteSize(100), Timestamp(0)).is_err());
        assert_eq!(paces.check(who(1, 2), ByteSize(100), Timestamp(0)), Ok(()));
        assert_eq!(paces.check(who(2, 1), ByteSize(100), Timestamp(0)), Ok(()));
    }
}
