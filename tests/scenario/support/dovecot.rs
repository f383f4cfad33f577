//! A Dovecot of the test's own: it takes mail over LMTP and gives it over IMAP, as the mail host of a team does.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::peers::free_port;
use super::{program, run_well, wait_until};

/// The recipe of `deploy/`: its lines as they stand but for the ports.
pub const RECIPE: &str = include_str!("../../../deploy/dovecot.md");
const PASSWORD: &str = "mot-de-passe-synthetique";

/// A running Dovecot. Dropped, it is stopped.
pub struct Dovecot {
    /// Where it takes mail over LMTP.
    pub lmtp: String,
    imap: String,
    home: TempDir,
    process: Child,
}

impl Dovecot {
    /// One that has these mailboxes and refuses all others.
    pub fn with(mailboxes: &[&str]) -> Self {
        let home = TempDir::new_in(std::env::temp_dir()).unwrap();
        let path = |name: &str| home.path().join(name).display().to_string();
        let (lmtp, imap) = (free_port(), free_port());
        fs::create_dir(path("mail")).unwrap();
        run_well(program("chmod").arg("755").arg(home.path()));
        run_well(program("chown").arg("mail:mail").arg(path("mail")));
        let user = |name: &&str| format!("{name}:{{PLAIN}}{PASSWORD}:8:8::{}/{name}::\n", path("mail"));
        fs::write(path("users"), mailboxes.iter().map(user).collect::<String>()).unwrap();
        let recipe = RECIPE.split("dovecot.conf\n").nth(1).unwrap().split("    #").next().unwrap();
        let recipe = recipe.replace("port = 24\n", &format!("port = {lmtp}\n"));
        let config = format!(
            "{recipe}base_dir = {}\nlog_path = {}\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\n\
             first_valid_uid = 1\nfirst_valid_gid = 1\nlmtp_rcpt_check_quota = no\n\
             passdb {{\n driver = passwd-file\n args = scheme=PLAIN username_format=%u {users}\n}}\n\
             userdb {{\n driver = passwd-file\n args = username_format=%u {users}\n}}\n\
             service imap-login {{\n inet_listener imap {{\n address = 127.0.0.1\n port = {imap}\n }}\n inet_listener imaps {{\n port = 0\n }}\n}}\n",
            path("run"),
            path("log"),
            users = path("users"),
        );
        fs::write(path("dovecot.conf"), config).unwrap();
        let process = program("dovecot")
            .args(["-F", "-c", &path("dovecot.conf")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("dovecot: {error}; tests/tools/install installs it"));
        let dovecot =
            Self { lmtp: format!("127.0.0.1:{lmtp}"), imap: format!("127.0.0.1:{imap}"), home, process };
        wait_until(&format!("Dovecot to answer; {}", dovecot.log()), || {
            [&dovecot.lmtp, &dovecot.imap].iter().all(|at| TcpStream::connect(at.as_str()).is_ok())
        });
        dovecot
    }

    /// What it wrote down.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    /// The mails of a mailbox, fetched over IMAP (RFC 3501), oldest first.
    pub fn fetch(&self, mailbox: &str) -> Vec<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.imap).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut greeting = String::new();
        reader.read_line(&mut greeting).unwrap();
        let mut mails = Vec::new();
        for (tag, command) in [
            ("a", format!("LOGIN {mailbox} {PASSWORD}")),
            ("b", "SELECT INBOX".to_owned()),
            ("c", "UID FETCH 1:* BODY.PEEK[]".to_owned()),
        ] {
            write!(stream, "{tag} {command}\r\n").unwrap();
            let (answer, found) = read_answer(&mut reader, tag);
            assert!(answer.starts_with(&format!("{tag} OK")), "{command}: {answer}\n{}", self.log());
            mails.extend(found);
        }
        mails
    }
}

/// The last line of an answer, and the literals before it.
fn read_answer(reader: &mut impl BufRead, tag: &str) -> (String, Vec<Vec<u8>>) {
    let mut literals = Vec::new();
    loop {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "the connection ended");
        if line.starts_with(&format!("{tag} ")) {
            return (line, literals);
        }
        let size = line.trim_end().strip_suffix('}').and_then(|rest| rest.rsplit_once('{'));
        if let Some(size) = size.and_then(|(_, size)| size.parse::<usize>().ok()) {
            let mut literal = vec![0; size];
            reader.read_exact(&mut literal).unwrap();
            literals.push(literal);
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // The master ends its children on SIGTERM only.
        let _ = program("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
