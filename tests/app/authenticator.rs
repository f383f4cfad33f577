//! An authenticator in software: makes and shows credentials as WebAuthn level 3 says (sections 6.1, 6.5), with a PRF where it is
//! told to have one. It can be made to lie.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use pli::value::{Digest, SecretBytes};
use serde_json::{Value, json};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

pub struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    user: Vec<u8>,
    counter: u32,
    /// The key of its PRF; none where it has none.
    prf: Option<[u8; 32]>,
    /// Whether it verifies its user.
    pub verifies: bool,
    /// Which page it believes to be on.
    pub origin: String,
}

impl Authenticator {
    pub fn new(n: u8, has_prf: bool) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let id = vec![n; 32];
        let prf = has_prf.then_some([n; 32]);
        let origin = "https://pli.example".to_owned();
        Self { key, id, user: Vec::new(), counter: 1, prf, verifies: true, origin }
    }

    /// Makes its credential for these options; the answer as a browser writes it.
    pub fn create(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        let options = &options["publicKey"];
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required", "found without an address");
        self.user = BASE64URL.decode(options["user"]["id"].as_str().unwrap()).unwrap();
        let client = self.client_data("webauthn.create", options);
        let mut data = self.authenticator_data(HAS_CREDENTIAL);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        let point = self.key.public_key().as_ref();
        // COSE (RFC 9053 section 7.1): EC2, ES256, P-256, x, y.
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..65]);
        // CBOR (RFC 8949): {"fmt": "none", "attStmt": {}, "authData": …}.
        let mut object = vec![0xa3];
        object.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData\x59");
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        self.answer(&json!({
            "clientDataJSON": BASE64URL.encode(client), "attestationObject": BASE64URL.encode(object),
        }))
    }

    /// Shows its credential; the answer as a browser writes it.
    pub fn show(&mut self, options: &str) -> String {
        self.counter += 1;
        self.show_again(options)
    }

    /// The same, its counter not moved on, as a copy of it would.
    pub fn show_again(&self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        let client = self.client_data("webauthn.get", &options["publicKey"]);
        let data = self.authenticator_data(0);
        let signed = [data.as_slice(), Digest::of(&client).as_bytes()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        self.answer(&json!({
            "clientDataJSON": BASE64URL.encode(&client), "authenticatorData": BASE64URL.encode(data),
            "signature": BASE64URL.encode(signature.as_ref()), "userHandle": BASE64URL.encode(&self.user),
        }))
    }

    /// What its PRF gives at the gateway's input.
    pub fn prf(&self) -> Option<SecretBytes> {
        self.prf.map(|key| SecretBytes::new(Digest::of(&[key, [7; 32]].concat()).as_bytes().to_vec()))
    }

    fn answer(&self, response: &Value) -> String {
        let id = BASE64URL.encode(&self.id);
        json!({"id": id, "rawId": id, "type": "public-key", "response": response}).to_string()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false})
            .to_string()
            .into_bytes()
    }

    fn authenticator_data(&self, more: u8) -> Vec<u8> {
        let flags = USER_PRESENT | more | if self.verifies { USER_VERIFIED } else { 0 };
        let mut data = Digest::of(b"pli.example").as_bytes().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }
}
