//! A certificate authority for development and the demonstration, made on the spot and kept nowhere but beside the
//! gateway. Its key is thrown away once it has signed the one certificate.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use thiserror::Error;

use crate::value::Day;

/// Browsers refuse server certificates that live for longer.
const CERTIFICATE_DAYS: i32 = 397;

/// Why the certificates could not be made.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// The library refuses.
    #[error("the development certificates cannot be made: {0}")]
    Rejected(#[from] rcgen::Error),
    /// A file cannot be written.
    #[error("the development certificates cannot be written: {0}")]
    Unwritten(#[from] io::Error),
}

/// Makes `authority.pem`, `server.pem` and `server.key` (0600) in a directory, for these names and addresses.
pub fn make_development_certificates(
    directory: &Path,
    names: &[String],
    today: Day,
) -> Result<(), AuthorityError> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.distinguished_name.push(DnType::CommonName, "Pli development authority");
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;

    let mut server = CertificateParams::new(names.to_vec())?;
    server.distinguished_name.push(DnType::CommonName, names.first().map_or("pli", String::as_str));
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server_key = KeyPair::generate()?;

    for params in [&mut authority, &mut server] {
        let ((from_year, from_month, from_day), (year, month, day)) =
            (date(today.plus(-1)), date(today.plus(CERTIFICATE_DAYS)));
        params.not_before = date_time_ymd(from_year, from_month, from_day);
        params.not_after = date_time_ymd(year, month, day);
    }
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let server_pem = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?.pem();

    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    write_new(&directory.join("authority.pem"), authority_pem.as_bytes(), 0o644)?;
    write_new(&directory.join("server.key"), server_key.serialize_pem().as_bytes(), 0o600)?;
    write_new(&directory.join("server.pem"), format!("{server_pem}{authority_pem}").as_bytes(), 0o644)?;
    Ok(())
}

fn date(day: Day) -> (i32, u8, u8) {
    let text = day.to_string();
    let mut numbers = text.split('-');
    let mut next = || numbers.next().unwrap_or_default();
    (next().parse().unwrap_or(1970), next().parse().unwrap_or(1), next().parse().unwrap_or(1))
}

/// What an interrupted attempt left is overwritten: only the last file that is written makes the set complete.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::serve::tls::Certificates;

    #[test]
    fn what_is_made_serves_and_the_key_is_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let certs = place.path().join("certs");
        make_development_certificates(&certs, &["pli.example".into(), "127.0.0.1".into()], Day(20_778))
            .unwrap();
        let mode = fs::metadata(certs.join("server.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = crate::config::InitialFile {
            base_url: "https://pli.example".into(),
            http_listen: "localhost:0".into(),
            smtp_listen: "localhost:0".into(),
            hostname: "pli.example".into(),
            mail_domain: "pli.example".into(),
            recovery: None,
            demo: false,
        };
        let certificates = Certificates::load(&Config::parse(&text.text(), place.path()).unwrap()).unwrap();
        assert!(certificates.http.is_some() && certificates.smtp.is_some());
    }
}
