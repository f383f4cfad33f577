//! The life of a case (T2, T5): in charge of a named person, given back, treated; each step in the log, none by who may not.

use pli::app::{CaseChange, CaseError, OpenError, Signed};
use pli::audit::{Action, Outcome, RefusalReason};
use pli::transfer::{CaseState, Due, Transfer};
use pli::value::{Millis, Reference};

use crate::custody_house::{COLLEAGUE, MEMBER, OTHER, admit, log, members_house};
use crate::house::{House, visitor};

async fn change(
    house: &House,
    who: &Signed,
    reference: &Reference,
    change: CaseChange,
) -> Result<(), CaseError> {
    house.app.change_case(who, reference, change, visitor()).await
}

async fn transfer(house: &House, who: &Signed, reference: &Reference) -> Transfer {
    house.app.envelope(Some(who), reference, visitor()).await.unwrap().transfer
}

const TAKE: CaseChange = CaseChange::Take { from: None };

#[tokio::test]
async fn a_case_is_taken_by_name_given_back_treated_and_taken_up_again() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let anne = house.sign_in(MEMBER).await;
    admit(&house, &anne, COLLEAGUE).await;
    let bruno = house.sign_in(COLLEAGUE).await;

    let fresh = transfer(&house, &anne, &reference).await;
    assert_eq!(fresh.case.next_due(), Some(Due::Taken(fresh.received_at + Millis::hours(48))));
    change(&house, &anne, &reference, TAKE).await.unwrap();
    let taken = transfer(&house, &bruno, &reference).await;
    assert_eq!(taken.case.state.by(), Some(anne.account.id));
    assert_eq!(taken.case.next_due(), Some(Due::Answered(fresh.received_at + Millis::hours(72))));

    let refused = change(&house, &bruno, &reference, TAKE).await;
    assert!(matches!(refused, Err(CaseError::InCharge { by }) if by == anne.account.id));
    change(&house, &bruno, &reference, CaseChange::Take { from: Some(anne.account.id) }).await.unwrap();
    change(&house, &bruno, &reference, CaseChange::Release).await.unwrap();
    let refused = change(&house, &bruno, &reference, CaseChange::Release).await;
    assert!(matches!(refused, Err(CaseError::NotFitting)));
    change(&house, &bruno, &reference, CaseChange::Treat).await.unwrap();
    assert_eq!(transfer(&house, &anne, &reference).await.case.next_due(), None);
    change(&house, &anne, &reference, CaseChange::Reopen).await.unwrap();
    assert!(matches!(transfer(&house, &anne, &reference).await.case.state, CaseState::InCharge(_)));

    let told: Vec<(Action, Outcome)> = log(&house)
        .await
        .into_iter()
        .filter(|event| event.action.code().starts_with("transfer."))
        .map(|event| (event.action, event.outcome))
        .collect();
    assert_eq!(
        told,
        [
            (Action::TransferTakenInCharge, Outcome::Done),
            (Action::TransferTakenInCharge, Outcome::Refused(RefusalReason::CaseInCharge)),
            (Action::TransferTakenInCharge, Outcome::Done),
            (Action::TransferReleasedFromCharge, Outcome::Done),
            (Action::TransferReleasedFromCharge, Outcome::Refused(RefusalReason::StateNotFitting)),
            (Action::TransferTreated, Outcome::Done),
            (Action::TransferReopened, Outcome::Done),
        ]
    );
}

#[tokio::test]
async fn who_may_not_read_it_changes_nothing_and_is_told_of_in_the_log() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let stranger = house.sign_in(OTHER).await;
    for step in [TAKE, CaseChange::Release, CaseChange::Treat, CaseChange::Reopen] {
        let refused = change(&house, &stranger, &reference, step).await;
        assert!(matches!(refused, Err(CaseError::Open(OpenError::NotEntitled))), "{step:?}");
    }
    let refusals = log(&house).await.into_iter().filter(|event| {
        event.action == Action::AccessRefused && event.outcome == Outcome::Refused(RefusalReason::NotEntitled)
    });
    assert_eq!(refusals.count(), 4);
    let member = house.sign_in(MEMBER).await;
    assert_eq!(transfer(&house, &member, &reference).await.case.state, CaseState::New);
}
