//! How long things live, and when the clock may be believed: validity of transfers, lives of keys, the guard
//! that lets no key be destroyed by a clock that jumped, what must outlive a restored backup, who may take keys out.

mod clock_guard;
mod effect;
mod key_plan;
mod recovery;
mod standing;
mod validity;

pub use clock_guard::{AGREEMENT, ClockAnchor, ClockGuard, ClockVerdict, RawClock};
pub use effect::{Effect, ErasureOf, PendingEffect};
pub use key_plan::{DAY_KEYS_AHEAD, DRAFT_KEY_DAYS, KeyName, KeyPlan, plan};
pub use recovery::{RECOVERY_LIFE, RecoveryParty, RecoveryRefusal, RecoveryRequest};
pub use standing::{Standing, StandingNote, Subject, last_standing};
pub use validity::{
    LONGEST_VALIDITY, LONGEST_VALIDITY_DAYS, SHORTEST_VALIDITY_DAYS, ValidityPolicy, ValidityPolicyError,
};
