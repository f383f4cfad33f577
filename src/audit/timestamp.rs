//! Timestamps of an outside authority, RFC 3161 with RFC 5816: what is asked, and whether the answer says so. The
//! token's signature (CMS, RFC 5652) is checked with a certificate that must lead to the authority that the operator
//! named and be made for timestamping. Revocation lists are not asked.
//!
//! It signs nothing and sends nothing; what is stamped, and when, is decided above.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use thiserror::Error;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::der::{BOOLEAN, Der, FIRST, INTEGER, OBJECT, OCTETS, SEQUENCE, SET, TIME};
use crate::value::{Digest, Timestamp};

/// Bytes of an answer: a token with a few certificates has less than 20 KiB.
pub const TIMESTAMP_MAX_BYTES: usize = 64 * 1024;
/// Certificates of a token that are looked at.
const CERTIFICATES_MAX: usize = 16;
/// Attributes of a signature that are looked at.
const ATTRIBUTES_MAX: usize = 32;

// Object identifiers, as their DER contents.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x0c];
const SIGNING_CERTIFICATE_V2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
const SHA256_ID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA384_ID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA512_ID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
/// The extended key usage of who signs timestamps.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// Why a timestamp is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TimestampError {
    /// The operator must name a certificate of an authority.
    #[error("no certificate of a timestamp authority")]
    Authority,
    /// Longer than any answer of an authority.
    #[error("an answer of {actual} bytes, at most {limit} are read")]
    TooLong {
        /// What is read, in bytes.
        limit: usize,
        /// What came, in bytes.
        actual: usize,
    },
    /// The authority did not stamp (RFC 3161 section 2.4.2).
    #[error("the authority refuses with status {status}")]
    Refused {
        /// The PKIStatus of the answer.
        status: u8,
    },
    /// Not what RFC 3161 says.
    #[error("not a timestamp answer")]
    Shape,
    /// It stamps something else.
    #[error("the timestamp is of something else")]
    Imprint,
    /// It answers another request, or is an old answer sent again.
    #[error("the timestamp answers another request")]
    Nonce,
    /// Who signed is not of this authority, or not to sign timestamps.
    #[error("the timestamp is signed by somebody whom the authority does not vouch for")]
    Signer,
    /// What is signed is not what the token says.
    #[error("the signature of the timestamp is wrong")]
    Signature,
}

/// What is asked of an authority. Only the hash leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampRequest {
    imprint: Digest,
    nonce: [u8; 8],
}

impl TimestampRequest {
    /// Asks for a stamp on these bytes; `random` makes the answer one to this request.
    pub fn new(stamped: &[u8], random: [u8; 8]) -> Self {
        let mut nonce = random;
        // Positive, and of one length in DER.
        nonce[0] = (nonce[0] & 0x3f) | 0x40;
        Self { imprint: Digest::of(stamped), nonce }
    }

    /// The request in DER (RFC 3161 section 2.4.1); the signer's certificate is asked for.
    pub fn to_der(&self) -> Vec<u8> {
        let algorithm = wrapped(SEQUENCE, &[&wrapped(OBJECT, &[SHA256_ID]), &[0x05, 0x00]]);
        let imprint = wrapped(SEQUENCE, &[&algorithm, &wrapped(OCTETS, &[self.imprint.as_bytes()])]);
        let (version, certificates) = (wrapped(INTEGER, &[&[1]]), wrapped(BOOLEAN, &[&[0xff]]));
        wrapped(SEQUENCE, &[&version, &imprint, &wrapped(INTEGER, &[&self.nonce]), &certificates])
    }
}

/// A value whose contents have fewer than 128 bytes.
fn wrapped(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    debug_assert!(contents.len() < 0x80, "the short form of a length");
    [&[tag, u8::try_from(contents.len()).unwrap_or(0x7f)], &contents[..]].concat()
}

/// Whose timestamps are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampAuthority {
    certificates: Vec<CertificateDer<'static>>,
}

impl TimestampAuthority {
    /// Believes what leads to one of these certificates.
    pub fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, TimestampError> {
        let authority = Self { certificates };
        if authority.anchors()?.is_empty() { Err(TimestampError::Authority) } else { Ok(authority) }
    }

    fn anchors(&self) -> Result<Vec<TrustAnchor<'_>>, TimestampError> {
        let anchors = self.certificates.iter().map(anchor_from_trusted_cert);
        anchors.collect::<Result<_, _>>().map_err(|_| TimestampError::Authority)
    }

    /// When the answer to a request says that it was made.
    pub fn answered(&self, answer: &[u8], request: &TimestampRequest) -> Result<Timestamp, TimestampError> {
        let (at, nonce) = self.open(answer, request.imprint)?;
        if nonce == Some(&request.nonce[..]) { Ok(at) } else { Err(TimestampError::Nonce) }
    }

    /// When these bytes were stamped, by an answer that was kept.
    pub fn stamped_at(&self, answer: &[u8], stamped: &[u8]) -> Result<Timestamp, TimestampError> {
        Ok(self.open(answer, Digest::of(stamped))?.0)
    }

    fn open<'a>(
        &self,
        answer: &'a [u8],
        imprint: Digest,
    ) -> Result<(Timestamp, Option<&'a [u8]>), TimestampError> {
        let token = Token::parse(answer)?;
        let info = Info::parse(token.info).ok_or(TimestampError::Shape)?;
        if info.algorithm != SHA256_ID || info.imprint != imprint.as_bytes() {
            return Err(TimestampError::Imprint);
        }
        token.signer.signs(token.info)?;
        self.vouches(&token, info.at)?;
        Ok((info.at, info.nonce))
    }

    /// The signer's certificate leads to this authority, was in force then, and its key made the signature.
    fn vouches(&self, token: &Token<'_>, at: Timestamp) -> Result<(), TimestampError> {
        let signer = token.signer.certificate_of(&token.certificates).ok_or(TimestampError::Signer)?;
        let signer = CertificateDer::from(signer);
        let between: Vec<_> = token.certificates.iter().map(|one| CertificateDer::from(*one)).collect();
        let certificate = EndEntityCert::try_from(&signer).map_err(|_| TimestampError::Signer)?;
        let seconds = u64::try_from(at.unix_seconds()).map_err(|_| TimestampError::Shape)?;
        let then = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let (anchors, usage) = (self.anchors()?, KeyUsage::required(TIME_STAMPING));
        certificate
            .verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &between, then, usage, None, None)
            .map_err(|_| TimestampError::Signer)?;
        let (signed, signature) = (token.signer.signed_bytes(), token.signer.signature);
        // The key's own kind decides which of them can be right at all.
        let is_right = |algorithm: &&'static dyn SignatureVerificationAlgorithm| {
            certificate.verify_signature(*algorithm, &signed, signature).is_ok()
        };
        if ALL_VERIFICATION_ALGS.iter().any(is_right) { Ok(()) } else { Err(TimestampError::Signature) }
    }
}

/// The parts of an answer (RFC 3161 section 2.4.2, RFC 5652 section 5), nothing judged but the status.
struct Token<'a> {
    info: &'a [u8],
    certificates: Vec<&'a [u8]>,
    signer: Signer<'a>,
}

impl<'a> Token<'a> {
    fn parse(answer: &'a [u8]) -> Result<Self, TimestampError> {
        if answer.len() > TIMESTAMP_MAX_BYTES {
            return Err(TimestampError::TooLong { limit: TIMESTAMP_MAX_BYTES, actual: answer.len() });
        }
        let mut outer = Der::new(answer);
        let mut answer = outer.enter(SEQUENCE).ok_or(TimestampError::Shape)?;
        let status = answer.enter(SEQUENCE).and_then(|mut status| status.take(INTEGER));
        match status {
            // Granted, and granted with changes that the checks below would find.
            Some([0 | 1]) if outer.is_at_end() => Self::content(answer).ok_or(TimestampError::Shape),
            Some([status]) if *status > 1 => Err(TimestampError::Refused { status: *status }),
            _ => Err(TimestampError::Shape),
        }
    }

    fn content(mut answer: Der<'a>) -> Option<Self> {
        let mut content = answer.enter(SEQUENCE)?;
        if content.take(OBJECT)? != SIGNED_DATA {
            return None;
        }
        let mut data = content.enter(FIRST)?.enter(SEQUENCE)?;
        data.take(INTEGER)?;
        data.take(SET)?;
        let mut encapsulated = data.enter(SEQUENCE)?;
        if encapsulated.take(OBJECT)? != TST_INFO {
            return None;
        }
        let info = encapsulated.enter(FIRST)?.take(OCTETS)?;
        let mut certificates = Vec::new();
        if let Some(given) = data.optional(FIRST) {
            let mut given = Der::new(given.contents);
            while let Some(certificate) = given.next().filter(|_| certificates.len() < CERTIFICATES_MAX) {
                certificates.push(certificate.whole);
            }
        }
        data.optional(FIRST + 1);
        let mut signers = data.enter(SET)?;
        let signer = Signer::parse(signers.enter(SEQUENCE)?)?;
        // Nobody but the authority signs a token.
        signers.is_at_end().then_some(Self { info, certificates, signer })
    }
}

/// What the token says (RFC 3161 section 2.4.2, TSTInfo).
struct Info<'a> {
    algorithm: &'a [u8],
    imprint: &'a [u8],
    at: Timestamp,
    nonce: Option<&'a [u8]>,
}

impl<'a> Info<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut info = Der::new(bytes).enter(SEQUENCE)?;
        if info.take(INTEGER)? != [1] {
            return None;
        }
        info.take(OBJECT)?;
        let mut imprint = info.enter(SEQUENCE)?;
        let algorithm = imprint.enter(SEQUENCE)?.take(OBJECT)?;
        let imprint = imprint.take(OCTETS)?;
        info.take(INTEGER)?;
        let at = time(info.take(TIME)?)?;
        info.optional(SEQUENCE);
        info.optional(BOOLEAN);
        let nonce = info.optional(INTEGER).map(|nonce| nonce.contents);
        Some(Self { algorithm, imprint, at, nonce })
    }
}

/// `YYYYMMDDhhmmss[.f…]Z`; what is finer than a millisecond is left out.
fn time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| !text.bytes().any(|byte| !byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let number = |from: usize, to: usize| whole.get(from..to)?.parse::<i8>().ok();
    let date = DateTime::new(
        whole.get(..4)?.parse().ok()?,
        number(4, 6)?,
        number(6, 8)?,
        number(8, 10)?,
        number(10, 12)?,
        number(12, 14)?,
        0,
    );
    let at = date.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(Timestamp(at + millis))
}

/// A signature of the token, with what it signs.
struct Signer<'a> {
    algorithm: &'a [u8],
    attributes: &'a [u8],
    attributes_whole: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signer<'a> {
    fn parse(mut signer: Der<'a>) -> Option<Self> {
        signer.take(INTEGER)?;
        // Who signed is bound by the attribute that holds the certificate's digest, not by this name.
        signer.next()?;
        let algorithm = signer.enter(SEQUENCE)?.take(OBJECT)?;
        let attributes = signer.optional(FIRST)?;
        signer.take(SEQUENCE)?;
        let signature = signer.take(OCTETS)?;
        Some(Self {
            algorithm,
            attributes: attributes.contents,
            attributes_whole: attributes.whole,
            signature,
        })
    }

    /// The value of the one attribute of this kind.
    fn attribute(&self, kind: &[u8]) -> Option<Der<'a>> {
        let mut attributes = Der::new(self.attributes);
        let mut found = None;
        for _ in 0..ATTRIBUTES_MAX {
            let Some(mut attribute) = attributes.enter(SEQUENCE) else { break };
            if attribute.take(OBJECT)? == kind {
                let values = attribute.enter(SET)?;
                if found.replace(values).is_some() {
                    return None;
                }
            }
        }
        found
    }

    /// The attributes speak of this content (RFC 5652 section 5.4).
    fn signs(&self, content: &[u8]) -> Result<(), TimestampError> {
        let kind = self.attribute(CONTENT_TYPE).and_then(|mut values| values.take(OBJECT));
        let said = self.attribute(MESSAGE_DIGEST).and_then(|mut values| values.take(OCTETS));
        let algorithm = match self.algorithm {
            SHA256_ID => &SHA256,
            SHA384_ID => &SHA384,
            SHA512_ID => &SHA512,
            _ => return Err(TimestampError::Signature),
        };
        let is_right = kind == Some(TST_INFO) && said == Some(digest(algorithm, content).as_ref());
        if is_right { Ok(()) } else { Err(TimestampError::Signature) }
    }

    /// What the signature is over: the attributes as a SET.
    fn signed_bytes(&self) -> Vec<u8> {
        [&[SET], &self.attributes_whole[1..]].concat()
    }

    /// The certificate that the signature names by its digest (RFC 2634 section 5.4, RFC 5816).
    fn certificate_of(&self, certificates: &[&'a [u8]]) -> Option<&'a [u8]> {
        let first = |kind| {
            let mut attribute = self.attribute(kind)?.enter(SEQUENCE)?;
            attribute.enter(SEQUENCE)?.enter(SEQUENCE)
        };
        let (algorithm, hash) = if let Some(mut id) = first(SIGNING_CERTIFICATE_V2) {
            let algorithm = match id.optional(SEQUENCE) {
                None => &SHA256,
                Some(named) => match Der::new(named.contents).take(OBJECT)? {
                    SHA256_ID => &SHA256,
                    SHA384_ID => &SHA384,
                    SHA512_ID => &SHA512,
                    _ => return None,
                },
            };
            (algorithm, id.take(OCTETS)?)
        } else {
            (&SHA1_FOR_LEGACY_USE_ONLY, first(SIGNING_CERTIFICATE)?.take(OCTETS)?)
        };
        certificates.iter().copied().find(|certificate| digest(algorithm, certificate).as_ref() == hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_what_the_standard_says() {
        let request = TimestampRequest::new(b"", [0xff; 8]).to_der();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let hex = request.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(
            hex,
            format!("304302010130313 00d060960864801650304020105000420{empty}02087fffffffffffffff0101ff")
                .replace(' ', "")
        );
    }

    #[test]
    fn times_of_tokens_are_read() {
        assert_eq!(time(b"19700101000001Z"), Some(Timestamp(1000)));
        assert_eq!(time(b"20261121071500.25Z"), Some(Timestamp(1_795_245_300_250)));
        for wrong in
            ["20261121071500", "20261321071500Z", "2026112107150Z", "20261121071500.xZ", "+0261121071500Z"]
        {
            assert_eq!(time(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_refusal_is_told_as_one() {
        let refusal = [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02];
        assert_eq!(Token::parse(&refusal).err(), Some(TimestampError::Refused { status: 2 }));
        let granted_without_a_token = [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00];
        assert_eq!(Token::parse(&granted_without_a_token).err(), Some(TimestampError::Shape));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let answer = [&[0x30, 0x81, 0xc8, 0x30, 0x03, 0x02, 0x01, 0x00][..], &bytes].concat();
            prop_assert!(Token::parse(&answer).is_err() || !bytes.is_empty());
        }
    }
}
