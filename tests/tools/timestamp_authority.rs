//! A timestamp authority for tests: keys and certificates made on the spot, answers by `openssl ts -reply`.

#![expect(clippy::disallowed_methods, reason = "it runs openssl")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How it signs.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What `openssl req -newkey` and `-pkeyopt` are given.
    pub key: [&'static str; 2],
    /// Of the signed attributes.
    pub digest: &'static str,
    /// By which its certificate is named (RFC 5816; `sha1` is RFC 2634).
    pub certificate_digest: &'static str,
}

pub const ELLIPTIC: Kind =
    Kind { key: ["ec", "ec_paramgen_curve:P-256"], digest: "sha256", certificate_digest: "sha256" };
pub const RSA: Kind =
    Kind { key: ["rsa", "rsa_keygen_bits:2048"], digest: "sha512", certificate_digest: "sha1" };

pub struct Authority {
    place: tempfile::TempDir,
}

impl Authority {
    pub fn new(kind: Kind) -> Self {
        let authority = Self { place: tempfile::tempdir().unwrap() };
        let settings = format!(
            "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = Horodatage de test\n\
             [authority]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n\
             [signer]\nbasicConstraints = CA:FALSE\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = critical,timeStamping\n\
             [tsa]\ndefault_tsa = here\n[here]\nserial = serial\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n\
             signer_digest = {}\ness_cert_id_alg = {}\naccuracy = secs:1\nordering = yes\ntsa_name = yes\n\
             clock_precision_digits = 3\nsigner_cert = signer.pem\nsigner_key = signer.key\n",
            kind.digest, kind.certificate_digest
        );
        fs::write(authority.file("settings"), settings).unwrap();
        let new_key = ["-config", "settings", "-nodes", "-newkey", kind.key[0], "-pkeyopt", kind.key[1]];
        let root = [
            "req",
            "-x509",
            "-days",
            "2",
            "-extensions",
            "authority",
            "-keyout",
            "root.key",
            "-out",
            "root.pem",
        ];
        authority.openssl(&[&root[..], &new_key].concat());
        let request = ["req", "-subj", "/CN=Signataire", "-keyout", "signer.key", "-out", "signer.csr"];
        authority.openssl(&[&request[..], &new_key].concat());
        let sign =
            ["x509", "-req", "-days", "2", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key"];
        let with = ["-CAcreateserial", "-extfile", "settings", "-extensions", "signer", "-out", "signer.pem"];
        authority.openssl(&[&sign[..], &with].concat());
        authority
    }

    /// The certificate that its answers lead to.
    pub fn certificate(&self) -> PathBuf {
        self.file("root.pem")
    }

    /// The answer to a request.
    pub fn reply(&self, request: &[u8]) -> Vec<u8> {
        fs::write(self.file("request.tsq"), request).unwrap();
        let ts = ["ts", "-reply", "-config", "settings", "-section", "here", "-queryfile", "request.tsq"];
        self.openssl(&[&ts[..], &["-out", "answer.tsr"]].concat());
        fs::read(self.file("answer.tsr")).unwrap()
    }

    /// Whether openssl finds that the answer stamps this file.
    pub fn verifies(&self, answer: &Path, stamped: &Path) -> bool {
        let mut command = Command::new("openssl");
        command.args(["ts", "-verify", "-CAfile"]).arg(self.certificate()).arg("-in").arg(answer);
        command.arg("-data").arg(stamped).output().unwrap().status.success()
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").current_dir(self.place.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }
}
