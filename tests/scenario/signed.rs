//! Mails that leave are signed (RFC 6376, RFC 8463): a gateway in earnest makes its keys, waits until a real name server
//! has their records, and another implementation of DKIM verifies what the next host got.

use std::fs;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::support::peers::{Sink, free_port, swaks};
use crate::support::served::{AGENT, Served, Setting};
use crate::support::{program, run, run_well, wait_for, wait_until};

const DEPOSITOR: &str = "lea.prigent@conseil.example";

/// dkimpy (the packaged one, whichever python comes first), which shares no code with the gateway. Names and records in the first file, the message in the second; each
/// signature is verified for itself.
const ORACLE: &str = r"
import sys, json, dkim
records = json.load(open(sys.argv[1]))
message = open(sys.argv[2], 'rb').read()
find = lambda name, timeout=5: records.get(name.decode().rstrip('.') if isinstance(name, bytes) else name.rstrip('.'), '').encode()
found = dkim.DKIM(message, minkey=2048)
count = sum(1 for name, _ in found.headers if name.lower() == b'dkim-signature')
for index in range(count):
    signature = dkim.DKIM(message, minkey=2048)
    try:
        good = signature.verify(idx=index, dnsfunc=find)
    except Exception as error:
        good = repr(error)
    print(signature.signature_fields.get(b'a', b'').decode(), good)
";

#[test]
fn another_implementation_verifies_what_leaves_and_finds_what_was_changed() {
    let port = free_port();
    let names = serve_names(port, &[]);
    let sink = Sink::new();
    let dns = format!("servers = [\"127.0.0.1:{port}\"]\n");
    let served = Served::start(&Setting { smart_host: &sink.address, dns: &dns, ..Setting::default() });
    let mut records = Vec::new();
    for algorithm in ["rsa", "ed25519"] {
        let told =
            served.command(&format!("key dkim add --algorithm {algorithm} --selector cle-{algorithm}"));
        records.push(record_of(&told));
    }
    let early = run(&mut served.prepare("key dkim use cle-rsa"));
    let said = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(!early.status.success() && said.contains("no record of this key"), "{said}");
    let unsigned = mail_after_deposit(&served, &sink, "avant");
    assert!(!unsigned.contains("DKIM-Signature"), "not before its record is published");

    drop(names);
    let names = serve_names(port, &records);
    for algorithm in ["rsa", "ed25519"] {
        wait_for("the record to be seen", || {
            run(&mut served.prepare(&format!("key dkim use cle-{algorithm}"))).status.success().then_some(())
        });
    }
    let list = served.command("key dkim list");
    assert_eq!(list.matches("\tsigning\tpublished\t").count(), 2, "{list}");
    let mail = mail_after_deposit(&served, &sink, "apres");
    assert_eq!(verified(&records, &mail), "rsa-sha256 True\ned25519-sha256 True\n", "{mail}");
    for (from, to) in
        [("Date: ", "Date: x"), ("Subject: ", "Subject: faux\r\nSubject: "), ("</html>", "x</html>")]
    {
        let changed = mail.replacen(from, to, 1);
        assert_ne!(changed, mail);
        assert!(!verified(&records, &changed).contains("True"), "{from} changed, and nobody noticed");
    }
    let check = run(&mut served.prepare("check"));
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(!said.contains("_domainkey") && !said.contains("no key signs"), "{said}");

    // A new key takes the place of the RSA one; what leaves is signed by it, and by the old one no more.
    records.push(record_of(&served.command("key dkim add --algorithm rsa --selector cle-suivante")));
    drop(names);
    let _names = serve_names(port, &records);
    wait_until("the new record to be seen", || {
        run(&mut served.prepare("key dkim use cle-suivante")).status.success()
    });
    let mail = mail_after_deposit(&served, &sink, "suivant");
    assert_eq!(verified(&records, &mail), "ed25519-sha256 True\nrsa-sha256 True\n", "{mail}");
    assert!(mail.contains("s=cle-suivante") && !mail.contains("s=cle-rsa"), "{mail}");
    served.command("key dkim retire cle-rsa");
    let gone: Vec<_> = records.iter().filter(|(name, _)| !name.starts_with("cle-rsa.")).cloned().collect();
    let mail = mail_after_deposit(&served, &sink, "retire");
    assert_eq!(
        verified(&gone, &mail),
        "ed25519-sha256 True\nrsa-sha256 True\n",
        "its record is not needed: {mail}"
    );
}

/// What an agent's own mail program wrote, and the gateway hands on to a colleague: bytes that are not its own.
#[test]
fn another_implementation_verifies_an_agents_mail_that_is_handed_on_as_it_was_written() {
    let port = free_port();
    let sink = Sink::new();
    let dns = format!("servers = [\"127.0.0.1:{port}\"]\n");
    let served = Served::start(&Setting {
        smart_host: &sink.address,
        dns: &dns,
        submission: "listen_starttls = \"127.0.0.1:0\"\n",
        ..Setting::default()
    });
    let secret = served.mail_password();
    let records = [record_of(&served.command("key dkim add --algorithm rsa --selector cle"))];
    let _names = serve_names(port, &records);
    wait_until("the record to be seen", || run(&mut served.prepare("key dkim use cle")).status.success());

    // Colleagues get the mail itself where the house says so.
    let policies = served.directory().join("regles");
    run_well(program("cp").arg("-r").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/policies")).arg(&policies));
    fs::write(
        policies.join("outgoing.toml"),
        "internal_domains = [\"caisse.example\"]\ninternal = \"forward\"\n",
    )
    .unwrap();
    let settings = served.directory().join("pli.toml");
    let text = fs::read_to_string(&settings).unwrap();
    let here = format!("[policies]\ndirectory = \"{}\"\n", policies.display());
    fs::write(&settings, text.replacen("[policies]\n", &here, 1)).unwrap();
    let served = served.kill_and_start_again();

    // Eight-bit text and names, spaces at ends of lines, tabs that fold, a part in a part, an end without a line end.
    let written = "From: \"Agent,  de la Caisse\" <agent@caisse.example>\r\nTo:  chef@caisse.example\r\n\
        Subject: Dossier\r\n\t de Mme Exemple  \r\nDate: Mon, 30 Nov 2026 10:00:00 +0100\r\nMessage-ID: <8@caisse.example>\r\n\
        X-Mailer: Ailleurs 1.0\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"=_ b\"\r\n\r\n\
        Pr\u{e9}ambule\r\n--=_ b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        La pension est r\u{e9}tablie.  \r\n\t\r\n\r\n--=_ b\r\nContent-Type: message/rfc822\r\n\r\n\
        From: x@ailleurs.example\r\nSubject: \u{e9}t\u{e9}\r\n\r\nTexte.\r\n--=_ b--\r\n\r\n\r\n";
    let file = served.directory().join("mail.eml");
    fs::write(&file, written).unwrap();
    let sent = run(program("swaks")
        .args(["--server", &served.submission_starttls, "--tls", "--auth", "PLAIN", "--auth-user", AGENT])
        .args(["--auth-password", &secret, "--from", AGENT, "--to", "chef@caisse.example", "--data"])
        .arg(format!("@{}", file.display())));
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    let mail = wait_for("the mail at the colleague's host", || {
        sink.mails().into_iter().find(|mail| mail.to.iter().any(|to| to == "chef@caisse.example"))
    });
    let mail = String::from_utf8(mail.raw).unwrap();
    assert!(mail.contains("La pension est rétablie.  \n\t\n"), "as it was written: {mail}");
    assert_eq!(verified(&records, &mail), "rsa-sha256 True\n", "{mail}");
    for (from, to) in [("rétablie", "retablie"), ("Subject: été", "Subject: ete"), ("<8@caisse", "<9@caisse")]
    {
        let changed = mail.replacen(from, to, 1);
        assert_ne!(changed, mail);
        assert!(!verified(&records, &changed).contains("True"), "{from} changed, and nobody noticed");
    }
}

/// The name and the strings of the record that a new key asks for.
fn record_of(told: &str) -> (String, Vec<String>) {
    let line = told.lines().next().unwrap();
    let name = line.split(". IN TXT").next().unwrap().to_owned();
    (name, line.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

#[test]
fn check_says_when_the_record_of_a_key_that_signs_is_gone() {
    let port = free_port();
    let sink = Sink::new();
    let dns = format!("servers = [\"127.0.0.1:{port}\"]\n");
    let served = Served::start(&Setting { smart_host: &sink.address, dns: &dns, ..Setting::default() });
    let told = served.command("key dkim add --algorithm ed25519 --selector cle");
    let line = told.lines().next().unwrap();
    let text = line.split('"').nth(1).unwrap().to_owned();
    let names = serve_names(port, &[("cle._domainkey.pli.example".to_owned(), vec![text])]);
    served.command("key dkim use cle");
    drop(names);
    let _names = serve_names(port, &[]);
    let check = run(&mut served.prepare("check"));
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(
        !check.status.success() && said.contains("fault: cle._domainkey.pli.example is not in the DNS"),
        "{said}"
    );
}

/// A deposit, and the notice about it as the next host got it.
fn mail_after_deposit(served: &Served, sink: &Sink, text: &str) -> String {
    let before = sink.mails().len();
    let sent = swaks(&served.smtp, DEPOSITOR, "retraite@pli.example", "Demande urgente", text, &[]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    let mail = wait_for("the notice", || {
        let mails = sink.mails();
        mails.into_iter().skip(before).find(|mail| mail.to.iter().any(|to| to.contains("retraite@caisse")))
    });
    String::from_utf8(mail.raw).unwrap()
}

fn verified(records: &[(String, Vec<String>)], mail: &str) -> String {
    let folder = TempDir::new().unwrap();
    let (names, file, oracle) =
        (folder.path().join("names"), folder.path().join("mail"), folder.path().join("oracle.py"));
    let known: serde_json::Map<String, serde_json::Value> =
        records.iter().map(|(name, strings)| (name.clone(), strings.concat().into())).collect();
    fs::write(&names, serde_json::Value::Object(known).to_string()).unwrap();
    let whole = mail.replace("\r\n", "\n").trim_end().replace('\n', "\r\n") + "\r\n";
    fs::write(&file, whole).unwrap();
    fs::write(&oracle, ORACLE).unwrap();
    String::from_utf8(run_well(program("/usr/bin/python3").args([oracle, names, file]))).unwrap()
}

struct NameServer(Child);

fn serve_names(port: u16, records: &[(String, Vec<String>)]) -> NameServer {
    let mut command = program("dnsmasq");
    command.args([
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--conf-file=/dev/null",
        "--user=root",
    ]);
    command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/example/", "--pid-file"]);
    command.arg(format!("--port={port}"));
    for (name, strings) in records {
        command.arg(format!("--txt-record={name},{}", strings.join(",")));
    }
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the name server to answer", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    NameServer(process)
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
