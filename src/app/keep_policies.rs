//! Keeps what domains demand of who brings them mail (MTA-STS, RFC 8461) in the store: a restart must not open the door that
//! a policy closed. A record of the outside world, not an effect of ours: no event tells of it.

use std::sync::Arc;

use async_trait::async_trait;

use super::ports::{Clock, KeptPolicies, Key, Store, UnitOfWork};
use crate::relay::mta_sts::{KeptStsPolicy, StsPolicy};
use crate::value::Domain;

/// The store, as the way out sees it.
pub(super) struct PoliciesInStore {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl KeptPolicies for PoliciesInStore {
    async fn kept(&self, domain: &Domain) -> Option<KeptStsPolicy> {
        let found = self.store.get(&Key::StsPolicy(domain.clone())).await;
        let found = found.inspect_err(|error| tracing::warn!(%error, "relay.policy_not_read")).ok()??;
        let kept = KeptStsPolicy::try_from(found.record).ok()?;
        kept.holds(self.clock.read().wall).then_some(kept)
    }

    async fn keep(&self, domain: &Domain, id: String, policy: &StsPolicy) {
        let mut unit = UnitOfWork::default();
        unit.put(KeptStsPolicy::new(domain.clone(), id, policy.clone(), self.clock.read().wall));
        if let Err(error) = self.store.commit(unit).await {
            tracing::warn!(%error, "relay.policy_not_kept");
        }
    }
}
