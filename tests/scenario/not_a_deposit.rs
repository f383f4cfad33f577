//! Not every mail is a deposit (invariant 10): a reply to a notice is refused with guidance, a bounce and an absence
//! notice are recognised; none becomes a transfer, none is acknowledged.

use crate::support::gateway::{Gateway, Mailbox};
use crate::support::outbox::{self, Mail};
use crate::support::smtp::{self, Session};
use crate::support::steps::{open_draft, open_transfer, sign_in};
use crate::support::{log, wait_until};

#[test]
fn a_reply_to_a_notice_is_refused_with_guidance() {
    let (gateway, mailbox, reference) = deposited();
    let notice = about(&gateway, &mailbox.notice_address, &reference);
    let from = &mailbox.notice_address;
    let depositor = gateway.facts().depositor();
    let sender = regex::Regex::new(r"[^\s<>]+@[^\s<>]+").unwrap();
    let no_reply = sender.find(&notice.header("From").unwrap()).unwrap().as_str().to_owned();
    for (from, to) in
        [(from, &no_reply), (from, &mailbox.deposit_address), (&depositor, &mailbox.deposit_address)]
    {
        let reply = format!(
            "From: {from}\r\nTo: {to}\r\nSubject: Re: votre message\r\nMessage-ID: <r1@carsat.example>\r\n\
             In-Reply-To: <{0}>\r\nReferences: <{0}>\r\n\r\nBien reçu, merci.\r\n",
            notice.id
        );
        let answer = smtp::send(&gateway.smtp, from, to, reply.as_bytes()).unwrap();
        assert!(answer.code >= 500, "{from} to {to}: {}", answer.text);
        let guided =
            ["Le partenaire ne recoit pas cette reponse", "Ouvrez le lien de l'avis", "puis Repondre"];
        assert!(
            guided.iter().all(|words| answer.text.contains(words)),
            "it says what to do: {}",
            answer.text
        );
    }
    nothing_came_of_it(gateway, &reference);
}

#[test]
fn a_bounce_is_shown_where_the_mail_belongs() {
    let (gateway, mailbox, reference) = deposited();
    let depositor = gateway.facts().depositor();
    let acknowledgement = about(&gateway, &depositor, &reference);
    let back = acknowledgement.header("Return-Path").unwrap();
    let back = back.trim_matches(['<', '>', ' ']);
    let answer = bounce(&gateway, back, &depositor, &acknowledgement.id);
    assert_eq!(answer.code, 250, "{}", answer.text);
    let mut agent = sign_in(&gateway, &gateway.facts().agent_of(&mailbox));
    wait_until("the transfer's page to show that a mail came back", || {
        let page = open_transfer(&mut agent, &reference).text();
        let letters = page.split("class=\"letters\"").nth(1).unwrap_or_default();
        let item = letters.split("<li>").find(|item| item.contains(&depositor)).unwrap_or_default();
        item.contains("tag bad")
    });
    // A bounce of nothing that was sent from here changes nothing.
    let forged = back.replacen(|c: char| c.is_ascii_digit(), "0", 8);
    let answer = bounce(&gateway, &forged, &depositor, "notice.x@pli.example");
    assert!(answer.code != 354, "{}", answer.text);
    nothing_came_of_it(gateway, &reference);
}

/// Agents ask for a validity by a tag on the recipient; from outside, such an address is nobody's.
#[test]
fn a_tag_on_a_deposit_address_is_nobodys_address() {
    let gateway = Gateway::new();
    let (mailbox, depositor) = (gateway.facts().generic().remove(0), gateway.facts().depositor());
    let (local, domain) = mailbox.deposit_address.split_once('@').unwrap();
    let mut session = Session::open(&gateway.smtp).unwrap();
    assert!(session.say(&format!("MAIL FROM:<{depositor}>")).unwrap().is_yes());
    for tag in ["pli-20j", "pli-20d", "urgent"] {
        let answer = session.say(&format!("RCPT TO:<{local}+{tag}@{domain}>")).unwrap();
        assert!(answer.code == 550 && answer.text.contains("5.1.1"), "{tag}: {}", answer.text);
    }
    assert!(session.say("DATA").unwrap().code >= 500, "nobody is left who would get it");
    let answer = session.say(&format!("RCPT TO:<{local}@{domain}>")).unwrap();
    assert_eq!(answer.code, 250, "without it, it is a mailbox's: {}", answer.text);
}

#[test]
fn an_absence_notice_is_noted_and_not_answered() {
    let (gateway, mailbox, reference) = deposited();
    let depositor = gateway.facts().depositor();
    let acknowledgement = about(&gateway, &depositor, &reference);
    let back = acknowledgement.header("Return-Path").unwrap();
    let back = back.trim_matches(['<', '>', ' ']).to_owned();
    for (from, to) in
        [(depositor.as_str(), &mailbox.deposit_address), ("", &mailbox.deposit_address), ("", &back)]
    {
        let absent = format!(
            "From: {depositor}\r\nTo: {to}\r\nSubject: Absence du bureau\r\nMessage-ID: <a1@cd35.example>\r\n\
             Auto-Submitted: auto-replied\r\nIn-Reply-To: <{}>\r\n\r\nJe suis absente.\r\n",
            acknowledgement.id
        );
        let answer = smtp::send(&gateway.smtp, from, to, absent.as_bytes()).unwrap();
        assert_eq!(answer.code, 250, "taken, so that nothing bounces back and forth: {}", answer.text);
    }
    nothing_came_of_it(gateway, &reference);
}

#[test]
fn a_program_that_mails_by_itself_is_told_that_it_does_not_deposit() {
    let (gateway, mailbox, reference) = deposited();
    let depositor = gateway.facts().depositor();
    let report = format!(
        "From: {depositor}\r\nTo: {0}\r\nSubject: Demande urgente\r\nMessage-ID: <p1@cd35.example>\r\n\
         Auto-Submitted: auto-generated\r\n\r\nRapport de nuit.\r\n",
        mailbox.deposit_address
    );
    let answer = smtp::send(&gateway.smtp, &depositor, &mailbox.deposit_address, report.as_bytes()).unwrap();
    assert!(answer.code >= 500, "{}", answer.text);
    nothing_came_of_it(gateway, &reference);
}

/// A deposit, acknowledged and noticed.
fn deposited() -> (Gateway, Mailbox, String) {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference =
        open_draft(&gateway, &mailbox, &facts.depositor()).send_well("Demande urgente", "Une.", &[]);
    about(&gateway, &facts.depositor(), &reference);
    about(&gateway, &mailbox.notice_address, &reference);
    (gateway, mailbox, reference)
}

fn about(gateway: &Gateway, to: &str, reference: &str) -> Mail {
    outbox::wait(gateway, to, reference, |mail| mail.text.contains(reference))
}

/// RFC 3464, from the null sender.
fn bounce(gateway: &Gateway, to: &str, recipient: &str, id: &str) -> smtp::Answer {
    let report = format!(
        "From: MAILER-DAEMON@relais.example\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n\
         Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nUser unknown.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relais.example\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{id}>\r\n\r\n--b--\r\n"
    );
    let mut session = Session::open(&gateway.smtp).unwrap();
    session.mail("", to, report.as_bytes()).unwrap()
}

/// One transfer, the one that was deposited, and its two mails beside the link's.
fn nothing_came_of_it(mut gateway: Gateway, reference: &str) {
    let mut agent = sign_in(&gateway, &gateway.facts().agent_of(&gateway.facts().generic()[0]));
    let list = agent.get("/boites").text();
    let rows = list.matches("href=\"/transferts/").count();
    assert_eq!(rows, 1, "only the deposit is listed");
    assert!(list.contains(reference));
    gateway.interrupt();
    assert_eq!(
        outbox::all(&gateway).len(),
        3,
        "the link, the acknowledgement, the notice: nothing was answered"
    );
    let told = log::payloads(&log::export(&gateway));
    let of_transfers = told
        .iter()
        .filter(|event| event["action"] == "mail.queued" && event["object"]["transfer_mail"].is_object());
    assert_eq!(of_transfers.count(), 2, "the acknowledgement and the notice");
}
