//! What ends with an account (P6): its sessions and open keys, its links, the proofs and drafts of its address. And what an
//! address may do that has an account: rights are asked at each use, so that nothing outlives them.

use crate::app::ports::{Key, List, UnitOfWork};
use crate::app::{App, AppError};
use crate::identity::{Account, AccountState, AddressProof, Partner, Role, second_account_address};
use crate::transfer::{Draft, DraftState};
use crate::value::{MailAddress, Millis, PartnerId};

/// How many proofs and drafts are looked through; what is not found is refused at its next use all the same.
const FOUND_MAX: usize = 10_000;

/// What an address is known to be by accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum AddressStanding {
    /// Nothing follows from accounts.
    Open,
    /// An active technicien's: admitted by name where an agreement lists addresses (P1).
    Technicien(PartnerId),
    /// Of somebody whose account was deactivated or cut off: it deposits nothing and opens nothing.
    Barred,
}

impl App {
    /// What an address is known to be. Reads the same records for every address (invariant 8).
    pub(in crate::app) async fn standing_of(
        &self,
        address: &MailAddress,
    ) -> Result<AddressStanding, AppError> {
        let second = second_account_address(address).unwrap_or_else(|| address.clone());
        let plain: Option<(Account, u64)> = self.read_one(&List::AccountByAddress(address.clone())).await?;
        let second: Option<(Account, u64)> = self.read_one(&List::AccountByAddress(second)).await?;
        let second = second.map(|(account, _)| account).filter(|account| account.role == Role::Technicien);
        Ok(standing(plain.map(|(account, _)| account).as_ref(), second.as_ref()))
    }

    /// Whether an address may use nothing that it was given before: by its account, or by its partner's word.
    pub(in crate::app) async fn is_barred_of(
        &self,
        address: &MailAddress,
        partner: Option<PartnerId>,
    ) -> Result<bool, AppError> {
        let is_barred = self.standing_of(address).await? == AddressStanding::Barred;
        // One is looked up also where none is known: the work is the same.
        let looked_up = partner.unwrap_or(PartnerId::new([0; 16]));
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(looked_up)).await?;
        let bars = partner.is_some() && found.is_none_or(|(partner, _)| partner.bars(address));
        Ok(is_barred || bars)
    }

    /// Ends all ways in of an account that is about to be closed.
    pub(in crate::app) async fn end_ways_in(
        &self,
        unit: &mut UnitOfWork,
        account: &Account,
    ) -> Result<(), AppError> {
        self.end_other_sessions(unit, account.id, None).await?;
        self.use_account_links_up(unit, account.id).await?;
        unit.delete(Key::MailPassword(account.id));
        self.end_deposits_of(unit, &account.professional_address()).await
    }

    /// Voids the proofs of an address and shuts its browsers out of its drafts.
    pub(in crate::app) async fn end_deposits_of(
        &self,
        unit: &mut UnitOfWork,
        address: &MailAddress,
    ) -> Result<(), AppError> {
        let soon = self.now().at + Millis(1);
        let proofs: Vec<(AddressProof, u64)> =
            self.read_list(&List::ProofsAskedBefore(soon), FOUND_MAX).await?;
        for (proof, _) in proofs.into_iter().filter(|(proof, _)| proof.address == *address) {
            unit.delete(Key::Proof(proof.id));
        }
        let drafts: Vec<(Draft, u64)> = self.read_list(&List::DraftsTouchedBefore(soon), FOUND_MAX).await?;
        let open = |draft: &Draft| draft.address == *address && draft.state == DraftState::Open;
        for (mut draft, version) in drafts.into_iter().filter(|(draft, _)| open(draft)) {
            unit.expect_unchanged(Key::Draft(draft.id), version);
            draft.tokens.clear();
            unit.put(draft);
        }
        Ok(())
    }
}

fn standing(plain: Option<&Account>, second: Option<&Account>) -> AddressStanding {
    let both = || plain.into_iter().chain(second);
    if both().any(|account| matches!(account.state, AccountState::CutOff { .. })) {
        return AddressStanding::Barred;
    }
    // Who has a technicien's account deposits as such; else a gestionnaire's own account counts.
    let deposits = both().find(|account| account.role == Role::Technicien);
    match deposits.or(plain.filter(|account| account.role == Role::Gestionnaire)) {
        Some(account) if account.unused_since().is_some() => AddressStanding::Barred,
        Some(account) if account.role == Role::Technicien && account.is_active() => {
            account.partner.map_or(AddressStanding::Open, AddressStanding::Technicien)
        }
        _ => AddressStanding::Open,
    }
}
