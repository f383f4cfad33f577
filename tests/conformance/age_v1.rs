//! The age v1 format (<https://c2sp.org/age>): the project's own vectors against our reader, and files both ways between
//! us, the age crate and the stock `age` tool.

#![expect(clippy::disallowed_methods, reason = "the peer is another program")]
#![expect(clippy::expect_used, reason = "says what is missing on the machine")]

use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;

use flate2::read::ZlibDecoder;
use pli::value::{ByteSize, Digest};
use pli::vault::{
    AGE_MAGIC, Identity, ManifestPart, PartOpener, PartRole, Sealed, SealingKey, Segment, SegmentSealer,
    SegmentSource, TruncatedSegment, VaultError, open, seal,
};
use tempfile::TempDir;

/// How many vectors there are; a run that finds fewer proves less.
const VECTORS: usize = 69;

/// One file of the testkit.
struct Vector {
    name: String,
    expect: String,
    payload: Option<String>,
    identities: Vec<Identity>,
    age: Vec<u8>,
}

impl Vector {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let all = |key: &str| -> Vec<String> {
            let values = head.lines().filter_map(|line| line.split_once(": "));
            values.filter(|(known, _)| *known == key).map(|(_, value)| value.to_owned()).collect()
        };
        let mut age = bytes[end + 2..].to_vec();
        if all("compressed") == ["zlib"] {
            let mut inflated = Vec::new();
            ZlibDecoder::new(&age[..]).read_to_end(&mut inflated).unwrap();
            age = inflated;
        }
        let mut identities: Vec<_> =
            all("identity").iter().map(|key| Identity::parse(key).unwrap()).collect();
        // A vector for a passphrase names no identity; its header is wrong for everybody.
        if identities.is_empty() {
            identities.push(Identity::generate());
        }
        Self {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            expect: all("expect").remove(0),
            payload: all("payload").pop(),
            identities,
            age,
        }
    }

    /// Opens it whole, with the identity that fits.
    fn opened(&self) -> Result<Vec<u8>, VaultError> {
        let sealed = Sealed::from_bytes(self.age.clone())?;
        let mut outcome = Err(VaultError::WrongKey);
        for identity in &self.identities {
            outcome = open(identity, &sealed).map(|plain| plain.expose().to_vec());
            if !matches!(outcome, Err(VaultError::WrongKey)) {
                break;
            }
        }
        outcome
    }

    /// What binds it, if it has a beginning: as the sealer that made it would have recorded.
    fn binding(&self) -> Digest {
        let lines = self.age.split_inclusive(|byte| *byte == b'\n');
        let mut header = 0;
        for line in lines {
            header += line.len();
            if line.starts_with(b"--- ") {
                break;
            }
        }
        Digest::of(&self.age[..(header + 16).min(self.age.len())])
    }
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/age-testkit");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap() != "README.md");
    paths.sort();
    paths.iter().map(|path| Vector::read(path)).collect()
}

#[test]
fn each_vector_of_the_testkit_is_read_as_it_says() {
    let vectors = vectors();
    assert_eq!(vectors.len(), VECTORS);
    for vector in &vectors {
        let (name, outcome) = (&vector.name, vector.opened());
        match vector.expect.as_str() {
            "success" => {
                let plain = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(Some(Digest::of(&plain).to_hex()), vector.payload, "{name}");
            }
            "no match" => assert!(matches!(outcome, Err(VaultError::WrongKey)), "{name}: {outcome:?}"),
            "header failure" | "HMAC failure" | "payload failure" => {
                assert!(matches!(outcome, Err(VaultError::Damaged)), "{name}: {outcome:?}");
            }
            other => panic!("{name} expects {other}"),
        }
    }
}

#[test]
fn a_segment_is_read_from_a_vector_as_a_blob_is_and_what_is_authentic_of_a_cut_one_is_had() {
    for vector in vectors() {
        if !matches!(vector.expect.as_str(), "success" | "payload failure") {
            continue;
        }
        let identity = &vector.identities[0];
        let mut segment = TruncatedSegment::new(identity, &vector.age[..], vector.binding()).unwrap();
        let mut plain = Vec::new();
        while let Some(chunk) = segment.next_chunk().unwrap() {
            plain.extend_from_slice(&chunk);
        }
        // The vector says how much a reader that streams may have handed out before it failed.
        assert_eq!(Some(Digest::of(&plain).to_hex()), vector.payload, "{}", vector.name);
        let whole = read_as_part(identity, &vector, &plain);
        assert_eq!(whole.is_ok(), vector.expect == "success", "{}: {whole:?}", vector.name);
    }
}

struct Kept(Vec<u8>);

impl SegmentSource for Kept {
    type Sealed = Cursor<Vec<u8>>;

    fn open(&mut self, _place: usize) -> io::Result<Self::Sealed> {
        Ok(Cursor::new(self.0.clone()))
    }
}

fn read_as_part(identity: &Identity, vector: &Vector, plain: &[u8]) -> Result<(), VaultError> {
    let size = ByteSize(plain.len() as u64);
    let part = ManifestPart {
        role: PartRole::Attachment,
        name: String::new(),
        content_type: String::new(),
        size,
        digest: Digest::of(plain),
        segments: vec![Segment { size, binding: vector.binding() }],
    };
    let mut opener = PartOpener::new(Arc::new(again(identity)), &part, Kept(vector.age.clone()))?;
    let mut read = Vec::new();
    opener.read_to_end(&mut read).map_err(VaultError::from)?;
    assert_eq!(read, plain);
    Ok(())
}

fn again(identity: &Identity) -> Identity {
    Identity::parse(&text_of(identity)).unwrap()
}

fn text_of(identity: &Identity) -> String {
    String::from_utf8(identity.expose().expose().to_vec()).unwrap()
}

/// Sizes around the edges of chunks.
const SIZES: [usize; 8] = [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 300_000];

fn sealed_segment(identity: &Identity, plain: &[u8]) -> Vec<u8> {
    let mut sealer = SegmentSealer::new(&SealingKey::new(&identity.recipient()).unwrap()).unwrap();
    let mut sealed = sealer.push(plain).unwrap();
    sealed.extend(sealer.finish().unwrap().0);
    assert!(sealed.starts_with(AGE_MAGIC));
    sealed
}

#[test]
fn the_age_crate_and_we_open_what_the_other_sealed() {
    let ours = Identity::generate();
    let theirs = age::x25519::Identity::from_str(&text_of(&ours)).unwrap();
    for size in SIZES {
        let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n % 253).unwrap()).collect();
        assert_eq!(age::decrypt(&theirs, &sealed_segment(&ours, &plain)).unwrap(), plain, "{size} from us");
        let blob = seal(&ours.recipient(), &plain).unwrap();
        assert_eq!(age::decrypt(&theirs, blob.as_bytes()).unwrap(), plain, "{size} as a blob");
        let sealed = age::encrypt(&theirs.to_public(), &plain).unwrap();
        let opened = open(&ours, &Sealed::from_bytes(sealed).unwrap()).unwrap();
        assert_eq!(opened.expose(), plain, "{size} from the age crate");
    }
}

#[test]
fn the_age_tool_and_we_open_what_the_other_sealed() {
    let place = TempDir::new().unwrap();
    let ours = Identity::generate();
    let key = place.path().join("key");
    fs::write(&key, text_of(&ours)).unwrap();
    for size in SIZES {
        let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n % 253).unwrap()).collect();
        let opened = age_tool(&["-d", "-i", key.to_str().unwrap()], &sealed_segment(&ours, &plain));
        assert_eq!(opened, plain, "{size} from us");
        let sealed = age_tool(&["-r", &ours.recipient().to_string()], &plain);
        let opened = open(&ours, &Sealed::from_bytes(sealed).unwrap()).unwrap();
        assert_eq!(opened.expose(), plain, "{size} from the age tool");
    }
}

fn age_tool(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("age")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the stock age tool is installed (tests/tools/install)");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap().unwrap();
    assert!(output.status.success(), "age {arguments:?}");
    output.stdout
}
