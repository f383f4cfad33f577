//! Certificates of a test's own, by openssl.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{program, run_well};

/// An authority, and a certificate of it for this name.
/// Leaves `authority.pem`, `host.pem` and `host.key` in the folder.
pub fn certify(folder: &Path, name: &str) {
    let file = |name: &str| -> PathBuf { folder.join(name) };
    let openssl = |arguments: &[&str]| {
        run_well(program("openssl").current_dir(folder).args(arguments));
    };
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let authority = [
        "req",
        "-x509",
        "-days",
        "2",
        "-subj",
        "/CN=Autorite de test",
        "-keyout",
        "authority.key",
        "-out",
        "authority.pem",
    ];
    openssl(&[&authority[..], &curve].concat());
    let request = ["req", "-subj", "/CN=relais", "-keyout", "host.key", "-out", "host.csr"];
    openssl(&[&request[..], &curve].concat());
    let mut names = fs::File::create(file("names")).unwrap();
    writeln!(names, "subjectAltName = DNS:{name}").unwrap();
    openssl(&[
        "x509",
        "-req",
        "-in",
        "host.csr",
        "-CA",
        "authority.pem",
        "-CAkey",
        "authority.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "names",
        "-out",
        "host.pem",
    ]);
}
