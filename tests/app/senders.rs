//! Who wrote a mail (D3): which findings make an author believed, which do not, and that the look-up is the same work for
//! everybody.

use pli::app::ports::{Key, Record};
use pli::app::{MailAnswer, MailRefusal, Visitor};
use pli::transfer::{Belief, CheckResult, DmarcCheck, SenderFindings};
use pli::value::PartnerId;

use crate::house::{DEPOSITOR, House, relay, visitor};

const MAIL: &str = "From: jeanne.martin@departement.example\nTo: pensions@pli.example\nSubject: Demande urgente\n\nBonjour.\n";

fn findings(result: CheckResult, domain: &str, by_connection: bool) -> SenderFindings {
    let dmarc = DmarcCheck { result, domain: domain.into(), by_connection };
    SenderFindings { dmarc, ..SenderFindings::default() }
}

/// A house whose council takes DMARC, and what the DNS says there.
async fn house(said: SenderFindings) -> House {
    let house = House::build().await;
    let list = house.app.store.list(&pli::app::ports::List::Partners, 10).await.unwrap();
    for found in list {
        let Record::Partner(mut partner) = found.record else { panic!("no partner") };
        partner.accepts_dmarc = true;
        let id: PartnerId = partner.id;
        house.app.put_partner(partner, pli::audit::Origin::Cli).await.unwrap();
        assert!(house.record(&Key::Partner(id)).await.is_some());
    }
    *house.senders.findings.lock().unwrap() = Some(said);
    house
}

async fn taken(house: &House, mail: &str, via: Visitor) -> Result<MailAnswer, MailRefusal> {
    house.mail_in(Some(DEPOSITOR), mail, via).await
}

#[tokio::test]
async fn dmarc_makes_the_author_believed_and_the_agent_sees_why() {
    let house = house(findings(CheckResult::Pass, "departement.example", false)).await;
    let Ok(MailAnswer::Deposited { reference }) = taken(&house, MAIL, visitor()).await else {
        panic!("refused")
    };
    let signed = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&signed), &reference, visitor()).await.unwrap();
    let evidence = opened.transfer.depositor.evidence.unwrap();
    assert_eq!(evidence.believed, Belief::Dmarc);
    assert_eq!(evidence.findings.unwrap().dmarc.result, CheckResult::Pass);
}

#[tokio::test]
async fn no_other_finding_does() {
    for (result, domain) in [
        (CheckResult::None, "departement.example"),
        (CheckResult::Fail, "departement.example"),
        (CheckResult::PermError, "departement.example"),
        (CheckResult::Pass, "ailleurs.example"),
    ] {
        let house = house(findings(result, domain, true)).await;
        let refused = taken(&house, MAIL, visitor()).await;
        assert!(matches!(refused, Err(MailRefusal::MayNotDeposit)), "{result:?} {domain}: {refused:?}");
        assert_eq!(house.transfers().await, 0);
    }
}

#[tokio::test]
async fn a_signature_alone_must_name_the_mailbox_and_the_hosts_own_address_need_not() {
    let elsewhere = MAIL.replace("To: pensions@pli", "To: ami@ailleurs");
    let copied = MAIL
        .replace("To: pensions@pli.example", "To: ami@ailleurs.example\nCc: Pensions <pensions@pli.example>");
    for (mail, by_connection, is_taken) in
        [(&elsewhere, false, false), (&elsewhere, true, true), (&copied, false, true)]
    {
        let house = house(findings(CheckResult::Pass, "departement.example", by_connection)).await;
        assert_eq!(taken(&house, mail, visitor()).await.is_ok(), is_taken, "{mail}");
    }
}

#[tokio::test]
async fn what_could_not_be_looked_up_is_asked_for_again_whoever_writes() {
    let house = house(findings(CheckResult::TempError, "", false)).await;
    let later = |outcome| matches!(outcome, Err(MailRefusal::SenderUnchecked));
    assert!(later(taken(&house, MAIL, visitor()).await));
    let stranger = MAIL.replace("departement.example", "ailleurs.example");
    assert!(
        later(house.mail_in(Some("x@ailleurs.example"), &stranger, visitor()).await),
        "a stranger the same"
    );
    assert!(taken(&house, MAIL, relay()).await.is_ok(), "a pinned relay needs no look-up");
}

#[tokio::test]
async fn who_may_deposit_and_who_may_not_are_looked_up_alike() {
    let house = house(findings(CheckResult::Fail, "departement.example", false)).await;
    assert!(taken(&house, MAIL, visitor()).await.is_err());
    let known = *house.senders.examined.lock().unwrap();
    let stranger = MAIL.replace("departement.example", "ailleurs.example");
    assert!(house.mail_in(Some("x@ailleurs.example"), &stranger, visitor()).await.is_err());
    assert_eq!((known, *house.senders.examined.lock().unwrap()), (1, 2));
}
