//! Begins and finishes effects outside the store: the intention is in the log before, the result after, and what a crash
//! or a fault left between the two is finished by the next run (invariant 2).

use super::ports::{Key, Keyring, KeyringError, List, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Event, FailureReason, Object, Origin, Outcome};
use crate::retention::{Effect, ErasureOf, KeyName, PendingEffect};
use crate::value::{EffectId, Timestamp};

/// How many left-over effects one run finishes.
const BATCH: usize = 200;

impl App {
    /// Puts an effect and its intention into a unit.
    pub(super) fn intend(
        &self,
        unit: &mut UnitOfWork,
        effect: Effect,
        now: Timestamp,
    ) -> Result<PendingEffect, AppError> {
        for told in told(&effect, now, Outcome::Intended) {
            self.log(unit, told)?;
        }
        let pending =
            PendingEffect { id: EffectId::new(self.random.bytes()), effect, run: self.run, begun_at: now };
        unit.put(pending.clone());
        Ok(pending)
    }

    /// Commits the intention of an effect by itself.
    pub(super) async fn begin(&self, effect: Effect, now: Timestamp) -> Result<PendingEffect, AppError> {
        let mut unit = UnitOfWork::default();
        let pending = self.intend(&mut unit, effect, now)?;
        self.store.commit(unit).await?;
        Ok(pending)
    }

    /// Does a pending effect and commits its result. When it fails, the failure is logged and the record stays for the
    /// next run.
    pub(super) async fn carry_out(&self, pending: PendingEffect) -> Result<(), AppError> {
        let done = match &pending.effect {
            Effect::EraseObjects { objects, .. } => self.objects.erase(objects).await.map_err(AppError::from),
            Effect::DestroyKey(name) => {
                let name = *name;
                self.with_keyring(move |keyring| keyring.destroy(name)).await
            }
            Effect::MakeKeys(names) => {
                let names = names.clone();
                self.with_keyring(move |keyring| make_all(keyring, &names)).await
            }
            // A stream cannot be taken up again: that it broke off is its result.
            Effect::Download { .. } => {
                return self.end_effect(&pending, Some(FailureReason::Interrupted), None).await;
            }
        };
        match done {
            Ok(()) => self.end_effect(&pending, None, None).await,
            Err(error) => {
                let mut unit = UnitOfWork::default();
                for told in told(&pending.effect, self.now().at, Outcome::Failed(reason_of(&error))) {
                    self.log(&mut unit, told)?;
                }
                self.store.commit(unit).await?;
                Err(error)
            }
        }
    }

    /// Commits the result of an effect; its record goes. Ended twice, the second time changes nothing.
    pub(super) async fn end_effect(
        &self,
        pending: &PendingEffect,
        failure: Option<FailureReason>,
        detail: Option<Detail>,
    ) -> Result<(), AppError> {
        let found: Option<(PendingEffect, u64)> = self.read(&Key::Effect(pending.id)).await?;
        let Some((_, version)) = found else { return Ok(()) };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Effect(pending.id), version);
        let outcome = failure.map_or(Outcome::Done, Outcome::Failed);
        for told in told(&pending.effect, self.now().at, outcome) {
            self.log(&mut unit, detail.map_or(told, |detail| told.with(detail)))?;
        }
        unit.delete(Key::Effect(pending.id));
        match self.store.commit(unit).await.map_err(AppError::from) {
            Err(error) if error.is_conflict() => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// Finishes what an earlier run, or a fault, left between intention and result.
    pub(super) async fn finish_left_over(&self, now: Timestamp) -> Result<(), AppError> {
        let pending: Vec<(PendingEffect, u64)> = self.read_list(&List::PendingEffects, BATCH).await?;
        let mut first_error = None;
        for (pending, _) in pending.into_iter().filter(|(pending, _)| pending.is_left_over(self.run, now)) {
            if let Err(error) = self.carry_out(pending).await {
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

/// Makes keys. One that was destroyed meanwhile is passed over: its day does not come back.
fn make_all(keyring: &dyn Keyring, names: &[KeyName]) -> Result<(), KeyringError> {
    names.iter().try_for_each(|name| match keyring.make(*name) {
        Err(KeyringError::NoKey(_)) => Ok(()),
        made => made,
    })
}

/// The events that tell of an effect.
fn told(effect: &Effect, at: Timestamp, outcome: Outcome) -> Vec<Event> {
    let job = |action, object| event(at, Actor::System, action, object, outcome, Origin::Job);
    match effect {
        Effect::MakeKeys(names) => names
            .iter()
            .map(|name| {
                job(key_action(*name, Action::DayKeyMade, Action::DraftKeyMade), Object::Day(name.day()))
            })
            .collect(),
        Effect::DestroyKey(name) => {
            let action = key_action(*name, Action::DayKeyDestroyed, Action::DraftKeyDestroyed);
            vec![job(action, Object::Day(name.day()))]
        }
        Effect::EraseObjects { of, objects } => {
            let object = match *of {
                ErasureOf::Transfer { transfer, mailbox } => Object::Transfer { transfer, mailbox },
                ErasureOf::Draft(draft) => Object::Draft(draft),
            };
            vec![job(Action::ObjectsErased, object).with(Detail::Count(objects.len() as u64))]
        }
        Effect::Download { person, transfer, mailbox, partner, part, address } => {
            let (transfer, mailbox) = (*transfer, *mailbox);
            let (action, object) = match *part {
                Some(part) => (Action::FileDownloaded, Object::TransferPart { transfer, mailbox, part }),
                None => (Action::ArchiveDownloaded, Object::Transfer { transfer, mailbox }),
            };
            let origin = Origin::Web { address: *address };
            vec![event(at, Actor::Person(*person), action, object, outcome, origin).concerning(*partner)]
        }
    }
}

const fn key_action(name: KeyName, day: Action, working: Action) -> Action {
    if matches!(name, KeyName::ExpiryDay(_)) { day } else { working }
}

const fn reason_of(error: &AppError) -> FailureReason {
    match error {
        AppError::Keyring(_) => FailureReason::Keyring,
        AppError::Objects(_) => FailureReason::Objects,
        _ => FailureReason::Internal,
    }
}
