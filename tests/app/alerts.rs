//! Alerts to the security officer, each by a clock that moves when told, and the daily mail that binds the log outside.

use std::sync::Arc;

use pli::app::ports::{Entry, UnitOfWork};
use pli::app::{AuditSettings, WitnessProblem};
use pli::audit::{
    Action, Actor, AlertKind, Checkpoint, Detail, Event, FailureReason, Object, Origin, Outcome,
};
use pli::identity::Password;
use pli::relay::queue::DeliveryProblem;
use pli::store::MemoryStore;
use pli::value::{Millis, Timestamp};

use crate::house::{House, NOW, address, mail_text, visitor};
use crate::scanning::{State, Told};
use crate::witnesses::Beside;

const OFFICER: &str = "securite@carsat.example";

impl House {
    /// The alerts that the log tells of.
    pub(crate) async fn alerts(&self) -> Vec<AlertKind> {
        let leaves = self.app.store.leaves(0, 100_000).await.unwrap();
        let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
        let details = events.filter(|event| event.action == Action::AlertRaised).map(|event| event.detail);
        details.map(|detail| if let Some(Detail::Alert(kind)) = detail { kind } else { panic!() }).collect()
    }

    /// Texts of the alert mails that reached the officer, the daily mail left out.
    async fn alert_mails(&self) -> Vec<String> {
        let mails = self.mails_to(OFFICER).await;
        mails.iter().filter(|mail| mail.contains("<alert.")).map(|mail| mail_text(mail)).collect()
    }

    async fn log(&self, action: Action, outcome: Outcome, at: Timestamp) {
        let event = Event::new(at, Actor::System, action, Object::None, outcome, Origin::Job);
        let entry = pli::audit::Entry::new(&event, [1; 16]).unwrap();
        let mut unit = UnitOfWork::default();
        unit.entries.push(Entry { event, entry });
        self.app.store.commit(unit).await.unwrap();
    }

    async fn refused_sign_in(&self) {
        let password = Password::new("faux".into());
        self.app.sign_in(Some(address("personne@ailleurs.example")), password, visitor()).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_storm_of_refusals_is_one_mail_now_and_one_with_the_count_after_the_quiet_time() {
    let house = House::build().await;
    for _ in 0..49 {
        house.log(Action::AccessRefused, Outcome::Refused(pli::audit::RefusalReason::NotEntitled), NOW).await;
    }
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [], "49 are not too many");
    house.refused_sign_in().await;
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::ManyRefusals]);
    let mails = house.alert_mails().await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("refus nombreux") && mails[0].contains("\u{a0}: 50"), "{}", mails[0]);
    for minute in 1..60 {
        house.clock.advance(Millis::minutes(1));
        let at = NOW + Millis::minutes(minute);
        for _ in 0..10 {
            let refused = Outcome::Refused(pli::audit::RefusalReason::NotEntitled);
            house.log(Action::AccessRefused, refused, at).await;
        }
        house.app.watch().await.unwrap();
    }
    assert_eq!(house.alert_mails().await.len(), 1, "the hour is quiet");
    house.clock.advance(Millis::minutes(1));
    house.app.watch().await.unwrap();
    let mails = house.alert_mails().await;
    assert_eq!(mails.len(), 2);
    assert!(mails[1].contains("Nombre\u{a0}: 5"), "the storm is told with its count:\n{}", mails[1]);
}

#[tokio::test]
async fn a_log_that_does_not_verify_is_told_once_and_again_each_day_while_it_lasts() {
    let house = House::build().await;
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, []);
    house.app.note_verification(NOW, false);
    house.app.watch().await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::LogNotVerified]);
    house.clock.advance(Millis::hours(24));
    house.app.upkeep().await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await.len(), 2);
    house.app.note_verification(NOW, true);
    house.app.watch().await.unwrap();
    house.app.note_verification(NOW, false);
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await.len(), 3, "a new failure is told at once");
    assert_eq!(house.alert_mails().await.len(), 3);
}

#[tokio::test]
async fn a_clock_that_jumped_is_told_although_no_other_mail_leaves() {
    let house = House::build().await;
    house
        .app
        .request_proof(
            &house.pensions,
            address("jeanne.martin@departement.example"),
            pli::value::Language::Fr,
            visitor(),
        )
        .await
        .unwrap();
    house.clock.jump_to(NOW + Millis::days(40));
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::ClockJumped]);
    let (tried, _) = house.app.deliver_due_mails().await.unwrap();
    assert_eq!(tried, 1, "the alert leaves, the deposit link does not");
    let mails = house.outbox.mails.lock().unwrap();
    assert_eq!(mails.iter().map(|(_, to, _)| to.to_string()).collect::<Vec<_>>(), [OFFICER]);
}

#[tokio::test]
async fn a_person_who_opens_very_much_is_told_with_a_link_to_what_was_done() {
    let house = House::build().await;
    let signed = house.sign_in("agent@carsat.example").await;
    let reference = house.deposit().await;
    for _ in 0..99 {
        house.app.open_transfer(&signed, &reference, visitor()).await.unwrap();
    }
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, []);
    house.app.open_transfer(&signed, &reference, visitor()).await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::MassDownload]);
    let mail = house.alert_mails().await.pop().unwrap();
    assert!(mail.contains(&format!("/journal?person={}", signed.account.person)), "{mail}");
    assert!(!mail.contains("agent@carsat.example"), "the mail names nobody");
}

#[tokio::test]
async fn a_hundred_openings_over_a_day_are_a_day_of_work() {
    let house = House::build().await;
    let signed = house.sign_in("agent@carsat.example").await;
    let reference = house.deposit().await;
    for _ in 0..120 {
        house.clock.advance(Millis::minutes(1));
        house.app.open_transfer(&signed, &reference, visitor()).await.unwrap();
        house.app.watch().await.unwrap();
    }
    assert_eq!(house.alerts().await, []);
}

#[tokio::test]
async fn a_member_who_comes_at_night_is_told_a_depositor_is_not() {
    let house = House::build().await;
    house.clock.advance(Millis::hours(11));
    house.app.upkeep().await.unwrap();
    house.deposit().await;
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, []);
    house.sign_in("agent@carsat.example").await;
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::OutsideHours]);
}

#[tokio::test]
async fn a_day_key_that_outlives_its_day_is_told_after_the_grace() {
    let house = House::build().await;
    let end = NOW.day().end();
    house.clock.advance(Millis(NOW.until(end).0 + Millis::minutes(29).0));
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, []);
    house.clock.advance(Millis::minutes(1));
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::DayKeyLate]);
    house.app.upkeep().await.unwrap();
    house.clock.advance(Millis::hours(10));
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await.len(), 1, "destroyed, it is told no more");
}

#[tokio::test]
async fn a_scan_that_fails_and_a_backup_that_is_not_made_are_told() {
    let house = House::build().await;
    house.log(Action::FileScanned, Outcome::Failed(FailureReason::Scanner), NOW).await;
    house.log(Action::BackupMade, Outcome::Done, NOW).await;
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::ScannerTrouble]);
    house.clock.advance(Millis::hours(31));
    house.app.upkeep().await.unwrap();
    house.app.watch().await.unwrap();
    assert!(house.alerts().await.contains(&AlertKind::BackupOld));
}

#[tokio::test]
async fn a_scanner_that_is_gone_is_told_before_anybody_deposits_and_its_coming_and_going_is_no_storm() {
    let scanner = Told::new(State::Fit);
    let house = House::build_with(Some(scanner.scanning())).await;
    let told = async |minutes| {
        house.clock.advance(Millis::minutes(minutes));
        house.app.watch().await.unwrap();
        house.alerts().await.len()
    };
    assert_eq!(told(0).await, 0);
    scanner.is(State::Gone);
    house.log(Action::FileScanned, Outcome::Failed(FailureReason::Scanner), NOW).await;
    assert_eq!(told(1).await, 1, "the state and the failed scan are one alert");
    assert_eq!(house.alerts().await, [AlertKind::ScannerTrouble]);
    for _ in 0..20 {
        scanner.is(State::Fit);
        assert_eq!(told(1).await, 1);
        scanner.is(State::Gone);
        assert_eq!(told(1).await, 1, "the hour is quiet");
    }
    assert_eq!(told(20).await, 2, "it is gone still when the hour is over");
    assert_eq!(told(120).await, 2, "while it lasts, once a day");
    assert_eq!(house.alert_mails().await.len(), 2);
}

#[tokio::test]
async fn a_scanner_with_old_signatures_is_told() {
    let scanner = Told::new(State::SignedAt(NOW - Millis::hours(71)));
    let house = House::build_with(Some(scanner.scanning())).await;
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [], "three days are allowed");
    house.clock.advance(Millis::hours(2));
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::ScannerTrouble]);
}

#[tokio::test]
async fn a_witness_that_does_not_answer_is_told_and_one_that_has_nothing_to_sign_is_not() {
    let witness = Beside::new();
    let house = witness.house().await;
    let shown = async || {
        house.sign_in("agent@carsat.example").await;
        house.app.sign_checkpoint().await.unwrap();
        house.app.show_to_witnesses(&witness).await.unwrap()
    };
    let told = async |minutes| {
        house.clock.advance(Millis::minutes(minutes));
        house.app.watch().await.unwrap();
        house.alerts().await
    };
    assert_eq!(shown().await, 1);
    assert_eq!(told(180).await, [], "the log rests");
    *witness.problem.lock().unwrap() = Some(WitnessProblem::Unreachable);
    assert_eq!(shown().await, 0);
    assert_eq!(told(119).await, []);
    assert_eq!(shown().await, 0);
    assert_eq!(told(2).await, [AlertKind::WitnessSilent], "each try in vain is part of the same silence");
    *witness.problem.lock().unwrap() = None;
    assert_eq!(shown().await, 1);
    assert_eq!(told(1).await.len(), 1);
    *witness.problem.lock().unwrap() = Some(WitnessProblem::Unreachable);
    assert_eq!(shown().await, 0);
    assert_eq!(told(121).await, [AlertKind::WitnessSilent; 2], "a new silence is told");
}

#[tokio::test]
async fn a_self_check_that_fails_is_told() {
    let house = House::build().await;
    house.app.note_self_check(Some(0)).await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, []);
    house.app.note_self_check(Some(1)).await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::SelfCheckFailed]);
    house.clock.advance(Millis::hours(2));
    house.app.note_self_check(None).await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::SelfCheckFailed; 2], "one that could not be made, too");
}

#[tokio::test]
async fn a_witness_that_never_answered_is_told() {
    let witness = Beside::new();
    let house = witness.house().await;
    *witness.problem.lock().unwrap() = Some(WitnessProblem::Unreachable);
    house.app.sign_checkpoint().await.unwrap();
    house.app.show_to_witnesses(&witness).await.unwrap();
    house.clock.advance(Millis::minutes(121));
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::WitnessSilent]);
}

#[tokio::test]
async fn a_witness_that_saw_another_log_is_told_at_once_as_a_log_that_does_not_verify() {
    let witness = Beside::new();
    let house = witness.house().await;
    *witness.problem.lock().unwrap() = Some(WitnessProblem::SawLast { size: 10_000 });
    house.app.sign_checkpoint().await.unwrap();
    house.app.show_to_witnesses(&witness).await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::LogNotVerified]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_somebody_changed_in_the_store_is_told() {
    let kept = Arc::new(MemoryStore::default());
    let directory = tempfile::tempdir().unwrap();
    let house = House::over(kept.clone(), directory, AuditSettings::default(), None).await;
    house.clock.advance(Millis(7));
    house.refused_sign_in().await;
    house.app.verify_log().await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, []);
    let (at, other) = ((NOW + Millis(7)).0.to_string(), (NOW + Millis(8)).0.to_string());
    let changed = kept.overwrite(at.as_bytes(), other.as_bytes());
    assert!(changed > 0, "nothing was changed");
    house.app.verify_log().await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::LogNotVerified]);
}

#[tokio::test]
async fn the_daily_mail_carries_a_checkpoint_that_verifies_and_comes_once_a_day() {
    let house = House::build().await;
    house.deposit().await;
    house.app.watch().await.unwrap();
    house.app.watch().await.unwrap();
    let daily = |mails: Vec<String>| -> Vec<String> {
        mails.iter().filter(|mail| mail.contains("<daily.")).map(|mail| mail_text(mail)).collect()
    };
    let mails = daily(house.mails_to(OFFICER).await);
    assert_eq!(mails.len(), 1);
    let text = mails[0].replace("\r\n", "\n");
    assert!(text.contains("Dépôts\u{a0}: 1\n"), "{text}");
    let start = text.find("pli.example/log\n").unwrap();
    let note = text[start..].split("\n\n-- ").next().unwrap();
    let checkpoint =
        Checkpoint::open(&format!("{}\n", note.trim_end()), &house.app.log_key().unwrap()).unwrap();
    assert!(checkpoint.size > 0);
    house.clock.advance(Millis::hours(23));
    house.app.upkeep().await.unwrap();
    house.app.watch().await.unwrap();
    assert_eq!(daily(house.mails_to(OFFICER).await).len(), 2, "07:00 of the next day is over");
}

#[tokio::test]
async fn an_alert_that_the_host_does_not_take_is_tried_again() {
    let house = House::build().await;
    *house.outbox.problem.lock().unwrap() = Some(DeliveryProblem::Unreachable);
    house.app.note_verification(NOW, false);
    house.app.watch().await.unwrap();
    assert_eq!(house.alert_mails().await.len(), 0);
    *house.outbox.problem.lock().unwrap() = None;
    house.clock.advance(Millis::minutes(2));
    assert_eq!(house.alert_mails().await.len(), 1);
}
