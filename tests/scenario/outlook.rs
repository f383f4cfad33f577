//! The road from Outlook without an add-in: an agent writes in an ordinary mail program to somebody outside; the gateway puts
//! a link in the place of text and files; the person outside opens it by link and code; the agent is told what became of it.

use std::fs;

use crate::support::html::{by_id, form_to, form_with};
use crate::support::http::Browser;
use crate::support::outbox::Mail;
use crate::support::peers::{Postfix, Sink};
use crate::support::served::{AGENT, PAGE_PASSWORD, Served, Setting};
use crate::support::steps::{file_names, past_terms, press};
use crate::support::{program, run, run_well, samples, wait_for, wait_until};

const BOTH_PORTS: &str = "listen_starttls = \"127.0.0.1:0\"\nlisten_tls = \"127.0.0.1:0\"\n";
const DOCTOR: &str = "docteur@cabinet.example";
const TEXT: &str = "La pension de Mme Exemple est rétablie.";

fn served(smart_host: &str) -> Served {
    Served::start(&Setting { smart_host, submission: BOTH_PORTS, ..Setting::default() })
}

fn mail_to(sink: &Sink, to: &str, what: &str, fits: impl Fn(&Mail) -> bool) -> Mail {
    wait_for(&format!("{what} at {to}"), || {
        sink.mails().into_iter().find(|mail| mail.to.iter().any(|known| known == to) && fits(mail))
    })
}

fn link_of(mail: &Mail) -> Option<String> {
    mail.links().into_iter().find(|link| link.starts_with("/plis/lien/"))
}

/// Follows the link, types the code that comes, and reads: the page, and the first file.
fn open_outside(served: &Served, sink: &Sink, link: &str) -> (String, Vec<u8>) {
    let mut outside = Browser::new(&served.http);
    let asked = press(&mut outside, link);
    let code = mail_to(sink, DOCTOR, "the code", |mail| link_of(mail).is_none() && mail.code().is_some());
    let opened = outside.submit(&form_with(&asked.text(), "code"), &[("code", &code.code().unwrap())], &[]);
    let page = outside.follow(opened).text();
    let path = regex::Regex::new(r#"href="(/plis/[0-9a-f]{32}/fichiers/1)""#).unwrap();
    let file = path.captures(&page).map(|found| outside.get(&found[1]).body).unwrap_or_default();
    (page, file)
}

#[test]
fn what_swaks_submits_is_opened_outside_by_link_and_code_and_seen_by_the_team() {
    let sink = Sink::new();
    let served = served(&sink.address);
    let secret = served.mail_password();
    let (decision, file) = (samples::pdf("Décision"), served.directory().join("décision.pdf"));
    fs::write(&file, &decision).unwrap();
    let sent = run(program("swaks")
        .args(["--server", &served.submission_starttls, "--tls", "--auth", "PLAIN"])
        .args(["--auth-user", AGENT, "--auth-password", &secret, "--from", AGENT, "--to", DOCTOR])
        .args(["--header", "Subject: Re: Mme Exemple, 2 84 06 35 288 118 22", "--body", TEXT])
        .args(["--add-header", "Pli-Validity-Days: 10"])
        .args(["--attach-type", "application/pdf", "--attach-name", "décision.pdf"])
        .arg("--attach")
        .arg(format!("@{}", file.display())));
    let said = String::from_utf8_lossy(&sent.stdout).into_owned();
    assert!(sent.status.success(), "{said}");
    let reference =
        said.split("250 2.0.0 Sent, reference ").nth(1).expect(&said).lines().next().unwrap().to_owned();

    let notice = mail_to(&sink, DOCTOR, "the link", |mail| link_of(mail).is_some());
    let raw = String::from_utf8_lossy(&notice.raw).into_owned();
    for word in ["pension", "Exemple", "06 35 288", "cision"] {
        assert!(!raw.contains(word) && !notice.text.contains(word), "{word} travels in clear:\n{raw}");
    }
    let (page, got) = open_outside(&served, &sink, &link_of(&notice).unwrap());
    assert_eq!(by_id(&page, "message").unwrap().trim(), TEXT);
    assert_eq!(file_names(&page), ["décision.pdf"]);
    assert!(got == decision, "byte for byte");
    let confirmation = mail_to(&sink, AGENT, "the confirmation", |mail| mail.text.contains(DOCTOR));
    assert!(confirmation.text.contains(&reference));

    let mut agent = Browser::new(&served.http);
    let page = agent.get("/connexion").text();
    let reply =
        agent.submit(&form_with(&page, "password"), &[("address", AGENT), ("password", PAGE_PASSWORD)], &[]);
    let page = agent.follow(reply);
    past_terms(&mut agent, page);
    let list = agent.get("/boites/retraite/envois").text();
    assert!(list.contains(&reference) && list.contains(DOCTOR), "it stands among what the mailbox sent");
    let envelope = agent.get(&format!("/transferts/{reference}")).text();
    assert!(
        form_to(&envelope, &format!("/transferts/{reference}/retirer")).is_some(),
        "and can be withdrawn"
    );
    assert!(served.log().contains("transfer.composed"));
}

#[test]
fn msmtp_hands_over_a_whole_mail_to_several_and_its_user_is_told_what_became_of_it() {
    let sink = Sink::new();
    // A host that knows no such person refuses at RCPT; the mail program asked to be told of nothing in particular.
    let host = Postfix::relaying_to(
        &sink.address,
        &[
            "smtpd_recipient_restrictions = check_recipient_access inline:{ { parti@cabinet.example = REJECT } }",
        ],
    );
    let served = served(&host.address);
    let secret = served.mail_password();
    let directory = served.directory();
    let (settings, mail) = (directory.join("msmtp.rc"), directory.join("mail.eml"));
    let port = served.submission_tls.rsplit(':').next().unwrap();
    let text = format!(
        "account default\nhost localhost\nport {port}\ntls on\ntls_starttls off\ntls_trust_file {}\nauth plain\n\
         user {AGENT}\npassword {secret}\nfrom {AGENT}\ndsn_notify failure\ndsn_return full\n",
        directory.join("certs/authority.pem").display()
    );
    fs::write(&settings, text).unwrap();
    run_well(program("chmod").arg("600").arg(&settings));
    fs::write(&mail, format!("From: {AGENT}\nTo: {DOCTOR}\nSubject: Demande urgente\nMessage-ID: <un@caisse.example>\n\n{TEXT}\n"))
        .unwrap();
    let mut msmtp = program("msmtp");
    msmtp.arg("-C").arg(&settings).args([DOCTOR, "parti@cabinet.example"]);
    let sent = run(msmtp.stdin(fs::File::open(&mail).unwrap()));
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));

    let notice = mail_to(&sink, DOCTOR, "the link", |mail| link_of(mail).is_some());
    let (page, _) = open_outside(&served, &sink, &link_of(&notice).unwrap());
    assert_eq!(by_id(&page, "message").unwrap().trim(), TEXT);
    let report = mail_to(&sink, AGENT, "the report", |mail| {
        String::from_utf8_lossy(&mail.raw).contains("message/delivery-status")
    });
    let raw = String::from_utf8_lossy(&report.raw).into_owned();
    for said in [
        "Final-Recipient: rfc822; parti@cabinet.example",
        "Action: failed",
        "Message-ID: <un@caisse.example>",
    ] {
        assert!(raw.contains(said), "{said}:\n{raw}");
    }
    for sealed in ["pension", "Exemple", "Demande urgente"] {
        assert!(
            !raw.contains(sealed) && !report.text.contains(sealed),
            "RET=FULL brings nothing in clear:\n{raw}"
        );
    }
    assert!(host.log().contains("from=<>"), "the report came from the null sender:\n{}", host.log());
}

/// The recipe of `deploy/`, its lines as they stand but for port and folder: an agent's mail goes to the house's own Postfix
/// as ever, which hands it to the gateway with the agent's mail password.
#[test]
fn a_postfix_hands_the_mail_of_agents_to_the_gateway_as_a_content_filter() {
    let sink = Sink::new();
    let served = served(&sink.address);
    let secret = served.mail_password();
    let passwords = served.directory().join("agents");
    fs::write(&passwords, format!("{AGENT} {AGENT}:{secret}\n")).unwrap();
    run_well(program("chmod").arg("644").arg(&passwords));
    run_well(program("chmod").arg("755").arg(served.directory()).arg(served.directory().parent().unwrap()));
    let (_, port) = served.submission_starttls.rsplit_once(':').unwrap();
    let recipe = include_str!("../../deploy/postfix/content-filter.cf")
        .replace(":587 ", &format!(":{port} "))
        .replace("agent@carsat.example", AGENT)
        .replace("/etc/postfix/pli-agents", &passwords.display().to_string())
        .replace(
            "/etc/postfix/pli-authority.pem",
            &served.directory().join("certs/authority.pem").display().to_string(),
        )
        .replace("pli.carsat.example", "localhost");
    let lines: Vec<&str> = recipe.lines().filter(|line| !line.starts_with('#')).collect();
    let house = Postfix::relaying_to(&sink.address, &lines);
    for (from, subject) in [(AGENT, "Demande urgente"), ("autre@caisse.example", "En clair")] {
        let sent = crate::support::peers::swaks(&house.address, from, DOCTOR, subject, TEXT, &[]);
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    }
    wait_until(&format!("Postfix to hand it over: {}", house.log()), || {
        house.log().contains("status=sent (250 2.0.0 Sent, reference")
    });
    let notice = mail_to(&sink, DOCTOR, "the link", |mail| link_of(mail).is_some());
    let (page, _) = open_outside(&served, &sink, &link_of(&notice).unwrap());
    assert_eq!(by_id(&page, "message").unwrap().trim(), TEXT);
    mail_to(&sink, DOCTOR, "the other person's mail, which is no agent's", |mail| mail.subject == "En clair");
}

/// The other recipe of `deploy/`: the gateway's own mails go to a Postfix on the same machine, which delivers them.
#[test]
fn a_postfix_behind_the_gateway_takes_its_mails_and_bounces_come_back_by_it() {
    let dovecot = crate::support::dovecot::Dovecot::with(&["responsable@caisse.example"]);
    let recipe = include_str!("../../deploy/postfix/smart-host.cf");
    let lines: Vec<&str> = recipe.lines().filter(|line| !line.starts_with('#')).collect();
    let host = Postfix::relaying_to("127.0.0.1:9", &lines);
    let served = Served::start(&Setting { smart_host: &host.address, ..Setting::default() });
    let (_, port) = served.smtp.rsplit_once(':').unwrap();
    let (at, lmtp) = dovecot.lmtp.rsplit_once(':').unwrap();
    // Where the mails go from there is the house's own matter; the way back is the recipe's.
    let back = recipe.replace(":2525 ", &format!(":{port} "));
    let back = back.lines().find(|line| line.starts_with("transport_maps")).unwrap();
    let more = format!("{{ {{ caisse.example = lmtp:[{at}]:{lmtp} }} {{ conseil.example = discard: }}");
    host.configure(&back.replacen('{', &more, 1));
    served.command("mailbox change retraite --second-notice-address responsable@caisse.example");
    let sent = crate::support::peers::swaks(
        &served.smtp,
        "lea.prigent@conseil.example",
        "retraite@pli.example",
        "Demande urgente",
        "Bonjour.",
        &[],
    );
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    wait_for(&format!("the second address to be told: {}", host.log()), || {
        dovecot.fetch("responsable@caisse.example").first().map(|_| ())
    });
    assert!(served.log().contains("mail.bounce_noted"));
}

/// RFC 5321 section 4.5.1, from a stranger's mail program to the operator's mailbox.
#[test]
fn who_writes_to_the_postmaster_reaches_the_operator() {
    let sink = Sink::new();
    let served = Served::start(&Setting {
        smart_host: &sink.address,
        gateway: "postmaster = \"messagerie@caisse.example\"\n",
        ..Setting::default()
    });
    for to in ["postmaster@pli.example", "abuse@pli.example"] {
        let sent = crate::support::peers::swaks(
            &served.smtp,
            "x@ailleurs.example",
            to,
            "Vos courriels",
            "Bonjour.",
            &[],
        );
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
        mail_to(&sink, "messagerie@caisse.example", "the mail", |mail| mail.subject.contains(to));
    }
}
