//! A partner answers a letter of the gateway with the mail program (D7, T6): the answer belongs to the case that the letter
//! speaks of, when it is the partner's; everybody else reads what to do, and nothing goes round in a loop (invariant 10).

use pli::app::ports::{Key, List};
use pli::app::{MailAnswer, MailRefusal};
use pli::audit::Origin;
use pli::identity::Agreement;
use pli::transfer::Transfer;
use pli::value::{Millis, PartnerId, Reference, SecretBytes};

use crate::house::{DEPOSITOR, House, address, mail_text, relay, visitor};
use crate::outside;

const AGENT: &str = "agent@carsat.example";
const COLLEAGUE: &str = "paul.durand@departement.example";

/// An answer to the mail with this id, with a text of its own.
fn reply(from: &str, to: &str, id: &str, text: &str) -> String {
    format!(
        "From: <{from}>\nTo: {to}\nSubject: Re: Demande urgente\nMessage-ID: <{}@departement.example>\n\
         In-Reply-To: {id}\nReferences: <autre@departement.example> {id}\n\n{text}\n\n> Votre message\n",
        text.len()
    )
}

/// The id of the newest letter to an address whose text has this in it.
async fn letter(house: &House, to: &str, what: &str) -> String {
    let mails = house.mails_to(to).await;
    let mail = mails.iter().rev().find(|mail| mail_text(mail).contains(what)).expect("a letter");
    mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().trim().to_owned()
}

async fn transfer(house: &House, reference: &Reference) -> Transfer {
    let found = house.app.store.list(&List::TransferByReference(reference.clone()), 1).await.unwrap();
    Transfer::try_from(found.into_iter().next().unwrap().record).unwrap()
}

async fn added(house: &House, message: &str) -> Reference {
    let answer = house.mail_in(Some(DEPOSITOR), message, relay()).await;
    house.prove_receipts().await;
    let Ok(MailAnswer::Deposited { reference }) = answer else {
        panic!("the answer was not taken: {answer:?}")
    };
    reference
}

fn is_guided(outcome: &Result<MailAnswer, MailRefusal>) -> bool {
    matches!(outcome, Err(MailRefusal::IsReply))
}

#[tokio::test]
async fn an_answer_to_an_acknowledgement_is_added_to_the_case_and_acknowledged() {
    let house = House::build().await;
    let deposit = house.deposit().await;
    let id = letter(&house, DEPOSITOR, deposit.as_str()).await;
    let first = added(&house, &reply(DEPOSITOR, "pensions@pli.example", &id, "La pièce manquante.")).await;
    let case = transfer(&house, &deposit).await.id;
    assert_eq!(transfer(&house, &first).await.answers, Some(case));

    // The agreement asks for the form once, not with each word that is added.
    let key = Key::Agreement((house.pensions.id, PartnerId::new([2; 16])));
    let mut agreement = Agreement::try_from(house.record(&key).await.unwrap()).unwrap();
    agreement.terms.form_required = true;
    house.app.put_agreement(agreement, Origin::Cli).await.unwrap();

    // Who answers the acknowledgement of an answer speaks of the same case. Answers are listed by their time.
    house.clock.advance(Millis::seconds(1));
    let id = letter(&house, DEPOSITOR, first.as_str()).await;
    let second = added(&house, &reply(DEPOSITOR, "pensions@pli.example", &id, "Encore une pièce.")).await;
    assert_eq!(transfer(&house, &second).await.answers, Some(case));

    let agent = house.sign_in(AGENT).await;
    let page = house.app.envelope(Some(&agent), &deposit, visitor()).await.unwrap();
    let shown: Vec<_> = page.answers.iter().map(|line| line.reference.clone()).collect();
    assert_eq!(shown, [first.clone(), second], "the agent sees both on the page of the case");
    let opened = house.app.opened_transfer(Some(&agent), &first, visitor()).await.unwrap();
    let text = house.app.message(&opened).await.unwrap();
    assert!(String::from_utf8_lossy(text.expose()).contains("La pièce manquante."));
}

#[tokio::test]
async fn an_answer_to_the_letter_with_a_link_comes_back_to_whoever_sent_it() {
    let house = House::build().await;
    let (deposit, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    let sent = outside::answer(&house, &agent, &deposit).await;
    let id = letter(&house, DEPOSITOR, "/plis/lien/").await;
    let back = added(&house, &reply(DEPOSITOR, "pensions@pli.example", &id, "Merci.")).await;
    assert_eq!(transfer(&house, &back).await.answers, Some(transfer(&house, &sent).await.id));
}

#[tokio::test]
async fn the_address_that_letters_come_from_knows_whose_an_answer_is() {
    let house = House::build().await;
    let deposit = house.deposit().await;
    let id = letter(&house, DEPOSITOR, deposit.as_str()).await;
    let asked = |text: String| SecretBytes::new(text.replace('\n', "\r\n").into_bytes());
    let mailbox_of =
        async |text: String| house.app.mailbox_answered(&address(DEPOSITOR), &asked(text)).await.unwrap();
    let answer = reply(DEPOSITOR, "ne-pas-repondre@pli.example", &id, "Merci.");
    assert_eq!(mailbox_of(answer.clone()).await, Some(house.pensions.id));
    let absent = answer.replace("Subject", "Auto-Submitted: auto-replied\nSubject");
    assert_eq!(mailbox_of(absent).await, None, "nobody wrote it");
    assert_eq!(mailbox_of(answer.replace(&id, "<un@departement.example>")).await, None, "of nothing of ours");
}

#[tokio::test]
async fn an_answer_counts_only_when_it_is_the_partners_and_the_case_lives() {
    let house = House::build().await;
    let deposit = house.deposit().await;
    let id = letter(&house, DEPOSITOR, deposit.as_str()).await;
    let to = "pensions@pli.example";
    let answer = reply(DEPOSITOR, to, &id, "Une.");
    assert!(
        is_guided(&house.mail_in(Some(DEPOSITOR), &answer, visitor()).await),
        "not by the partner's host"
    );
    let forged = reply("x@ailleurs.example", to, &id, "Deux.");
    assert!(is_guided(&house.mail_in(Some(DEPOSITOR), &forged, relay()).await), "another's author");
    let stranger = reply("x@ailleurs.example", to, &id, "Trois.");
    assert!(is_guided(&house.mail_in(Some("x@ailleurs.example"), &stranger, relay()).await), "a stranger");

    // The link that begins a deposit and the mailbox's own notice are nobody's to answer.
    let link = letter(&house, DEPOSITOR, "/depot/lien/").await;
    let notice = letter(&house, "balc-pensions@carsat.example", deposit.as_str()).await;
    for other in [link, "<acknowledgement.00000000000000000000000000000000@pli.example>".into()] {
        let answer = reply(DEPOSITOR, to, &other, "Quatre.");
        assert!(is_guided(&house.mail_in(Some(DEPOSITOR), &answer, relay()).await), "{other}");
    }
    // Who answers a notice means the partner, and is told where that is done, whoever it is (invariant 8).
    for from in [AGENT, DEPOSITOR, "x@ailleurs.example"] {
        let answer = reply(from, to, &notice, "Quatre.");
        let told = house.mail_in(Some(from), &answer, visitor()).await;
        assert!(matches!(told, Err(MailRefusal::AnswersNotice)), "{from}: {told:?}");
        let bytes = SecretBytes::new(answer.into_bytes());
        assert!(house.app.says_it_answers_a_notice(&address(from), &bytes));
    }
    assert_eq!(house.transfers().await, 1, "nothing came of any of it");

    // Somebody else of the same partner, to whom it was handed on, adds to the case.
    let colleague = reply(COLLEAGUE, to, &id, "Cinq, de Paul.");
    let taken = house.mail_in(Some(COLLEAGUE), &colleague, relay()).await;
    assert!(matches!(taken, Ok(MailAnswer::Deposited { .. })), "{taken:?}");

    house.clock.advance(Millis::days(21));
    house.app.upkeep().await.unwrap();
    let late = house.mail_in(Some(DEPOSITOR), &reply(DEPOSITOR, to, &id, "Six, trop tard."), relay()).await;
    assert!(is_guided(&late), "the case is over: a new mail is asked for: {late:?}");
}

/// A mail program that answers by itself and says nowhere that it does would go round with our acknowledgements.
#[tokio::test]
async fn a_program_that_answers_each_acknowledgement_is_stopped_after_five() {
    let house = House::build().await;
    let mut last = house.deposit().await;
    for number in 0.. {
        let id = letter(&house, DEPOSITOR, last.as_str()).await;
        let text = format!("Je suis absente. {}", "x".repeat(number));
        let answer = reply(DEPOSITOR, "pensions@pli.example", &id, &text);
        match house.mail_in(Some(DEPOSITOR), &answer, relay()).await {
            Ok(MailAnswer::Deposited { reference }) => last = reference,
            outcome => {
                assert!(is_guided(&outcome) && number == 5, "after {number}: {outcome:?}");
                break;
            }
        }
        house.prove_receipts().await;
    }
    house.clock.advance(Millis::hours(1));
    let id = letter(&house, DEPOSITOR, last.as_str()).await;
    added(&house, &reply(DEPOSITOR, "pensions@pli.example", &id, "Me voici de retour.")).await;
}
