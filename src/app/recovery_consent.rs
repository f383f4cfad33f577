//! Two people agree that the keys of the live days go out: one asks, another confirms, and one of the two exports. Each
//! proves who it is by the password of an account; each step and each refusal is an event that names the person. Which
//! two may, and how long, is [`crate::retention::RecoveryRequest`]'s to say; the export is `recover`'s.

use thiserror::Error;

use super::ports::{Key, List, UnitOfWork};
use super::tries::FAILURES_MAX;
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome, RecoveryPurpose};
use crate::identity::{Account, Password};
use crate::retention::{RecoveryParty, RecoveryRefusal, RecoveryRequest};
use crate::value::{MailAddress, RecoveryId, Timestamp};
use crate::vault::Recipient;

/// How many requests may be open at once.
const REQUESTS_MAX: usize = 16;

/// Why the keys stay where they are.
#[derive(Debug, Error)]
pub enum RecoveryError {
    /// A rule says no; the people must act.
    #[error(transparent)]
    Refused(#[from] RecoveryRefusal),
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// Who says so: an address and the password of its account.
#[derive(Debug)]
pub struct Voucher {
    /// The address that signs in.
    pub address: MailAddress,
    /// The password; none when what was typed is too long to be one.
    pub password: Option<Password>,
}

/// An export that two people agreed to.
#[derive(Debug, Clone)]
pub(super) struct AgreedExport {
    /// Who does it.
    pub actor: Actor,
    /// The other one.
    pub other: Object,
    /// What for.
    pub purpose: RecoveryPurpose,
    /// What the keys are sealed to.
    pub recipient: Recipient,
}

impl App {
    /// Asks for the keys of the live days; returns what a second person confirms.
    pub async fn ask_for_recovery(
        &self,
        voucher: Voucher,
        purpose: RecoveryPurpose,
        origin: Origin,
    ) -> Result<RecoveryRequest, RecoveryError> {
        let step = Step { action: Action::RecoveryAsked, origin, now: self.believed_now()? };
        let (account, asked) = self.vouched(voucher, step).await?;
        let open = self.recovery_requests().await?.len();
        let refusal = match &self.settings.recovery {
            None => Some(RecoveryRefusal::NoRecipient),
            Some(_) if open >= REQUESTS_MAX => Some(RecoveryRefusal::TooMany { limit: REQUESTS_MAX }),
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            return Err(self.refuse_recovery(Actor::Person(asked.person), step, refusal).await);
        }
        let id = RecoveryId::new(self.random.bytes());
        let request = RecoveryRequest { id, purpose, asked, confirmed: None };
        self.commit_recovery(&account, &request, None, step).await?;
        Ok(request)
    }

    /// A second person confirms a request.
    pub async fn confirm_recovery(
        &self,
        id: RecoveryId,
        voucher: Voucher,
        origin: Origin,
    ) -> Result<RecoveryRequest, RecoveryError> {
        let step = Step { action: Action::RecoveryConfirmed, origin, now: self.believed_now()? };
        let (account, second) = self.vouched(voucher, step).await?;
        let actor = Actor::Person(second.person);
        let found: Option<(RecoveryRequest, u64)> = self.read(&Key::RecoveryRequest(id)).await?;
        let Some((request, version)) = found else {
            return Err(self.refuse_recovery(actor, step, RecoveryRefusal::Unknown).await);
        };
        match request.confirmed_by(second) {
            Ok(confirmed) => {
                self.commit_recovery(&account, &confirmed, Some(version), step).await?;
                Ok(confirmed)
            }
            Err(refusal) => Err(self.refuse_recovery(actor, step, refusal).await),
        }
    }

    /// The requests that can still be confirmed or used.
    pub async fn recovery_requests(&self) -> Result<Vec<RecoveryRequest>, AppError> {
        let now = self.believed_now()?;
        let found: Vec<(RecoveryRequest, u64)> =
            self.read_list(&List::RecoveryRequests, REQUESTS_MAX * 2).await?;
        Ok(found.into_iter().map(|(request, _)| request).filter(|request| !request.is_over(now)).collect())
    }

    /// Whether this person may export the keys now; asked anew at each export. The other one's account must still be
    /// active.
    pub(super) async fn agreed_export(
        &self,
        id: RecoveryId,
        voucher: Voucher,
        origin: Origin,
    ) -> Result<AgreedExport, RecoveryError> {
        let step = Step { action: Action::RecoveryKeysExported, origin, now: self.believed_now()? };
        let (_, one) = self.vouched(voucher, step).await?;
        let actor = Actor::Person(one.person);
        let found: Option<(RecoveryRequest, u64)> = self.read(&Key::RecoveryRequest(id)).await?;
        let agreed = match found {
            None => Err(RecoveryRefusal::Unknown),
            Some((request, _)) => request.other_than(&one).map(|other| (request.purpose, other)),
        };
        let (purpose, other) = match agreed {
            Ok(agreed) => agreed,
            Err(refusal) => return Err(self.refuse_recovery(actor, step, refusal).await),
        };
        let account: Option<(Account, u64)> = self.read(&Key::Account(other.account)).await?;
        if !account.is_some_and(|(account, _)| account.is_active()) {
            return Err(self.refuse_recovery(actor, step, RecoveryRefusal::CutOff).await);
        }
        let Some(recipient) = self.settings.recovery.clone() else {
            return Err(self.refuse_recovery(actor, step, RecoveryRefusal::NoRecipient).await);
        };
        Ok(AgreedExport { actor, other: Object::Person(other.person), purpose, recipient })
    }

    /// Who this is, by password; the same work whoever it is. Wrong ones are slowed down like those of the sign-in page,
    /// by address.
    async fn vouched(&self, voucher: Voucher, step: Step) -> Result<(Account, RecoveryParty), RecoveryError> {
        let person = self.person_of(&voucher.address)?;
        if let Err(minutes) = self.recovery_tries.begin(&person, FAILURES_MAX, step.now) {
            let refusal = RecoveryRefusal::TooManyTries { minutes };
            return Err(self.refuse_recovery(Actor::Anonymous, step, refusal).await);
        }
        let vouched = self.vouched_by_password(voucher, step).await;
        match &vouched {
            Ok(_) => self.recovery_tries.forget(&person),
            Err(RecoveryError::Refused(RecoveryRefusal::Credentials)) => {}
            Err(_) => self.recovery_tries.take_back(&person),
        }
        vouched
    }

    async fn vouched_by_password(
        &self,
        voucher: Voucher,
        step: Step,
    ) -> Result<(Account, RecoveryParty), RecoveryError> {
        let found: Option<(Account, u64)> = self.read_one(&List::AccountByAddress(voucher.address)).await?;
        let account = found.map(|(account, _)| account);
        let known = self.check_password(account.as_ref(), voucher.password).await?;
        let Some(account) = account else {
            return Err(self.refuse_recovery(Actor::Anonymous, step, RecoveryRefusal::Credentials).await);
        };
        let actor = Actor::Person(account.person);
        if known.is_none() {
            return Err(self.refuse_recovery(actor, step, RecoveryRefusal::Credentials).await);
        }
        match RecoveryParty::of(&account, step.now) {
            Ok(party) => Ok((account, party)),
            Err(refusal) => Err(self.refuse_recovery(actor, step, refusal).await),
        }
    }

    async fn commit_recovery(
        &self,
        account: &Account,
        request: &RecoveryRequest,
        version: Option<u64>,
        step: Step,
    ) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        let key = Key::RecoveryRequest(request.id);
        match version {
            None => unit.expect_absent(key),
            Some(version) => unit.expect_unchanged(key, version),
        }
        self.note_person(&mut unit, &account.address, step.now)?;
        // Of a confirmation: whose request it was.
        let object = match version {
            None => Object::None,
            Some(_) => Object::Person(request.asked.person),
        };
        let actor = Actor::Person(account.person);
        let told = event(step.now, actor, step.action, object, Outcome::Done, step.origin);
        self.log(&mut unit, told.with(Detail::Recovery(request.purpose)))?;
        unit.put(request.clone());
        self.store.commit(unit).await?;
        Ok(())
    }

    async fn refuse_recovery(&self, actor: Actor, step: Step, refusal: RecoveryRefusal) -> RecoveryError {
        let outcome = Outcome::Refused(refusal.reason());
        let refused = event(step.now, actor, step.action, Object::None, outcome, step.origin);
        match self.log_alone(refused).await {
            Ok(()) => refusal.into(),
            Err(error) => error.into(),
        }
    }
}

/// What is being done, from where and when.
#[derive(Clone, Copy)]
struct Step {
    action: Action,
    origin: Origin,
    now: Timestamp,
}
