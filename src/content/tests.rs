//! Whole inspections, over a stand-in for the antivirus that knows one marker: what is found however it is packed, what is
//! refused however it is called, what a hostile file may cost.

use std::io::{Cursor, Read, Write};

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::inspect::ScanFailure;
use super::*;

/// Not EICAR, so that no scanner of a developer's machine eats this file.
const MARKER: &[u8] = b"PLI-SYNTHETIC-INFECTION-FOR-TESTS";
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\n%%EOF\n";

/// Knows the marker. Counts what it was given.
#[derive(Default)]
struct Stand {
    streams: usize,
    bytes: u64,
    largest: Option<u64>,
    is_gone: bool,
}

impl Antivirus for Stand {
    fn scan(&mut self, member: &mut dyn Read) -> Result<AntivirusAnswer, ScanFailure> {
        if self.is_gone {
            return Err(ScanFailure::Antivirus);
        }
        self.streams += 1;
        let (mut window, mut buffer, mut found) = (Vec::new(), vec![0; 64 * 1024], false);
        loop {
            let count = member.read(&mut buffer).map_err(ScanFailure::Member)?;
            if count == 0 {
                break;
            }
            self.bytes += count as u64;
            window.extend_from_slice(&buffer[..count]);
            found |= window.windows(MARKER.len()).any(|bytes| bytes == MARKER);
            window.drain(..window.len().saturating_sub(MARKER.len()));
        }
        if found {
            Ok(AntivirusAnswer::Infected { signature: "Test".into() })
        } else {
            Ok(AntivirusAnswer::Clean)
        }
    }

    fn largest(&self) -> u64 {
        self.largest.unwrap_or(2_000_000_000)
    }
}

fn policy() -> FilePolicy {
    policy_with("")
}

/// The built-in policy with another measure.
fn policy_with(replaced: &str) -> FilePolicy {
    let built_in = include_str!("../../policies/files.toml");
    let text: Vec<&str> = match replaced.split_once(' ') {
        Some((key, _)) => {
            built_in.lines().map(|line| if line.starts_with(key) { replaced } else { line }).collect()
        }
        None => built_in.lines().collect(),
    };
    FilePolicies::parse(&text.join("\n")).unwrap().of("any").clone()
}

fn look(bytes: &[u8], name: &str, policy: &FilePolicy) -> Inspection {
    let mut source = Cursor::new(bytes);
    inspect(&mut source, name, None, policy, WalkLimits::default(), &mut Stand::default()).unwrap()
}

fn judged(bytes: &[u8], name: &str) -> Judgement {
    look(bytes, name, &policy()).judgement
}

fn refused(cause: RefusalCause) -> Judgement {
    Judgement::Refused { cause }
}

fn warned(warnings: &[Finding]) -> Judgement {
    Judgement::Accepted { warnings: warnings.to_vec() }
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = ::tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn mail_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let body = STANDARD
        .encode(bytes)
        .as_bytes()
        .chunks(76)
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join("\r\n");
    format!(
        "From: jeanne@departement.example\r\nDate: Fri, 20 Nov 2026 10:00:00 +0100\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n--b\r\n\
         Content-Type: application/octet-stream; name=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n{body}\r\n--b--\r\n"
    )
    .into_bytes()
}

fn compound_of(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (path, bytes) in streams {
        let folder = std::path::Path::new(path).parent().unwrap();
        file.create_storage_all(folder).unwrap();
        file.create_stream(path).unwrap().write_all(bytes).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

fn office(extra: &[(&str, &[u8])]) -> Vec<u8> {
    let mut members: Vec<(&str, &[u8])> = vec![
        ("[Content_Types].xml", b"<?xml version=\"1.0\"?><Types/>"),
        ("word/document.xml", b"<w:document/>"),
    ];
    members.extend_from_slice(extra);
    zip_of(&members)
}

/// Marks the first member of a zip as locked, in both of its headers.
fn lock_first(mut zip: Vec<u8>) -> Vec<u8> {
    zip[6] |= 1;
    let directory = zip.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    zip[directory + 8] |= 1;
    zip
}

#[test]
fn ordinary_files_go_on_without_a_word() {
    for (bytes, name, kind) in [
        (PDF.to_vec(), "attestation.pdf", FileKind::Pdf),
        ("Madame Exemple".as_bytes().to_vec(), "note.txt", FileKind::Text),
        (zip_of(&[("scans/1.pdf", PDF), ("scans/note.txt", b"ok")]), "scans.zip", FileKind::Zip),
        (office(&[]), "rapport.docx", FileKind::WordXml),
        (gzip_of(&tar_of(&[("a/b.pdf", PDF)])), "dossier.tgz", FileKind::Gzip),
        (tar_of(&[("a.txt", b"text")]), "a.tar", FileKind::Tar),
        (mail_of("a.pdf", PDF), "message.eml", FileKind::Mail),
        (compound_of(&[("/WordDocument", &[0; 64])]), "lettre.doc", FileKind::Word),
        (Vec::new(), "vide.pdf", FileKind::Empty),
    ] {
        let found = look(&bytes, name, &policy());
        assert_eq!((found.kind, found.judgement), (kind, warned(&[])), "{name}");
    }
}

#[test]
fn an_infection_is_found_however_it_is_packed() {
    let inner = [b"before ".as_slice(), MARKER, b" after"].concat();
    let zipped = zip_of(&[("a.txt", &inner)]);
    let cases = [
        inner.clone(),
        zipped.clone(),
        zip_of(&[("b/c.zip", &zip_of(&[("d.zip", &zipped)]))]),
        gzip_of(&inner),
        gzip_of(&tar_of(&[("x", b"1"), ("y", &zipped)])),
        zip_of(&[("t.tar", &tar_of(&[("x.gz", &gzip_of(&inner))]))]),
        mail_of("a.txt", &inner),
        mail_of("a.eml", &mail_of("a.zip", &zipped)),
        office(&[("word/embeddings/x.bin", &inner)]),
        zip_of(&[("__MACOSX/._a", &inner)]),
        compound_of(&[
            ("/__properties_version1.0", b"x"),
            ("/__attach_version1.0_#00000000/__substg1.0_37010102", &zipped),
        ]),
    ];
    for (number, bytes) in cases.iter().enumerate() {
        let found = look(bytes, "file", &policy());
        assert_eq!(found.judgement, refused(RefusalCause::Infected), "case {number}");
        assert_eq!(found.signature.as_deref(), Some("Test"));
    }
}

#[test]
fn a_type_that_is_not_accepted_is_refused_whatever_it_is_called() {
    let program = b"MZ\x90\0\x03\0\0\0".to_vec();
    let not_accepted = refused(RefusalCause::TypeNotAccepted(FileKind::Executable));
    assert_eq!(judged(&program, "scan.pdf"), not_accepted);
    assert_eq!(judged(&zip_of(&[("scan.pdf", &program)]), "a.zip"), not_accepted);
    assert_eq!(judged(&mail_of("scan.pdf", &program), "a.eml"), not_accepted);
    assert_eq!(judged(&office(&[("word/media/image1.png", &program)]), "a.docx"), not_accepted);
    assert_eq!(judged(&zip_of(&[("META-INF/MANIFEST.MF", b"x")]), "a.zip"), not_accepted, "a Java archive");
    let rar = b"Rar!\x1A\x07\x01\0".to_vec();
    assert_eq!(judged(&rar, "a.rar"), refused(RefusalCause::TypeNotAccepted(FileKind::OtherArchive)));
    assert_eq!(
        judged(&zip_of(&[("page.txt", b"<html><script>")]), "a.zip"),
        refused(RefusalCause::TypeNotAccepted(FileKind::Html))
    );
}

#[test]
fn what_a_desktop_leaves_in_a_zip_refuses_nobodys_folder() {
    let zip = zip_of(&[
        ("scan.pdf", PDF),
        ("__MACOSX/._scan.pdf", b"\0\x05\x16\x07"),
        ("Thumbs.db", b"\x01\x02\0"),
    ]);
    assert_eq!(judged(&zip, "dossier.zip"), warned(&[]));
}

#[test]
fn a_name_that_promises_something_else_is_told() {
    assert_eq!(judged(PDF, "photo.jpg"), warned(&[Finding::NameContradictsContent]));
    assert_eq!(judged(&office(&[]), "archive.zip"), warned(&[Finding::NameContradictsContent]));
    assert_eq!(judged(&zip_of(&[("a.docx", PDF)]), "a.zip"), warned(&[Finding::NameContradictsContent]));
    let strict = policy_with("name_contradicts_content = \"refuse\"");
    let found = look(PDF, "photo.jpg", &strict).judgement;
    assert_eq!(found, refused(RefusalCause::Found(Finding::NameContradictsContent)));
}

#[test]
fn macros_are_found_in_new_old_and_open_documents() {
    let macros = refused(RefusalCause::Found(Finding::Macros));
    assert_eq!(judged(&office(&[("word/vbaProject.bin", b"x")]), "a.docm"), macros);
    let renamed = zip_of(&[
        ("[Content_Types].xml", b"<Override PartName=\"/word/harmless.bin\" ContentType=\"application/vnd.ms-office.vbaProject\"/>"),
        ("word/harmless.bin", b"x"),
    ]);
    assert_eq!(judged(&renamed, "a.docx"), macros, "a macro part by another name");
    assert_eq!(judged(&compound_of(&[("/WordDocument", b"x"), ("/Macros/VBA/dir", b"x")]), "a.doc"), macros);
    let odt =
        zip_of(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("Basic/Standard/M.xml", b"x")]);
    assert_eq!(judged(&odt, "a.odt"), macros);
    // BOF, then one sheet of type 1: a macro sheet of the old kind.
    let workbook = b"\x09\x08\x04\0\0\x06\x05\0\x85\0\x0a\0\0\0\0\0\0\x01\x02\0M1\x0a\0\0\0";
    assert_eq!(judged(&compound_of(&[("/Workbook", workbook)]), "a.xls"), macros);
    let lenient = policy_with("macros = \"warn\"");
    assert_eq!(
        look(&office(&[("word/vbaProject.bin", b"x")]), "a.docm", &lenient).judgement,
        warned(&[Finding::Macros])
    );
    let found = look(&zip_of(&[("in/a.docm", &office(&[("word/vbaProject.bin", b"x")]))]), "a.zip", &lenient);
    assert_eq!(found.judgement, warned(&[Finding::Macros]), "inside an archive as well");
}

#[test]
fn locked_files_meet_the_policy() {
    let locked = lock_first(zip_of(&[("a.pdf", PDF)]));
    assert_eq!(judged(&locked, "a.zip"), refused(RefusalCause::Found(Finding::LockedArchive)));
    let lenient = policy_with("locked_archive = \"warn\"");
    assert_eq!(look(&locked, "a.zip", &lenient).judgement, warned(&[Finding::LockedArchive]));
    let document = refused(RefusalCause::Found(Finding::LockedDocument));
    assert_eq!(judged(&compound_of(&[("/EncryptedPackage", b"x")]), "a.docx"), document);
    let mut word = vec![0; 64];
    word[11] = 1;
    assert_eq!(judged(&compound_of(&[("/WordDocument", &word)]), "a.doc"), document);
    let workbook = b"\x09\x08\x04\0\0\x06\x05\0\x2f\0\x02\0\0\0\x0a\0\0\0";
    assert_eq!(judged(&compound_of(&[("/Workbook", workbook)]), "a.xls"), document);
    let pdf = b"%PDF-1.4 trailer << /Encrypt 4 0 R >> %%EOF";
    assert_eq!(judged(pdf, "a.pdf"), warned(&[Finding::LockedPdf]));
}

#[test]
fn a_pdf_is_looked_through_inside_an_archive_and_when_it_was_scanned_before() {
    let script = b"%PDF-1.4 << /S /JavaScript >> %%EOF";
    assert_eq!(judged(script, "a.pdf"), warned(&[Finding::PdfScript]));
    assert_eq!(judged(&zip_of(&[("a.pdf", script)]), "a.zip"), warned(&[Finding::PdfScript]));
    let (mut stand, policy) = (Stand::default(), policy());
    let scanned = Some(AntivirusAnswer::Clean);
    let found =
        inspect(&mut Cursor::new(script), "a.pdf", scanned, &policy, WalkLimits::default(), &mut stand)
            .unwrap();
    assert_eq!((found.judgement, stand.streams), (warned(&[Finding::PdfScript]), 0));
}

#[test]
fn broken_files_are_unreadable_and_nothing_else() {
    let unreadable = refused(RefusalCause::Found(Finding::Unreadable));
    let zip = zip_of(&[("a.txt", &[b'x'; 5000])]);
    assert_eq!(judged(&zip[..zip.len() - 30], "a.zip"), unreadable);
    let gzip = gzip_of(&[b'x'; 5000]);
    assert_eq!(judged(&gzip[..gzip.len() - 10], "a.gz"), unreadable);
    assert_eq!(judged(&PDF[..30], "a.pdf"), unreadable);
    let compound = compound_of(&[("/WordDocument", &[0; 64])]);
    assert_eq!(judged(&compound[..600], "a.doc"), unreadable);
}

#[test]
fn archives_without_measure_are_refused_before_they_cost_anything() {
    let too_complex = refused(RefusalCause::TooComplex);
    let zeros = vec![b'0'; 80 * 1024 * 1024];
    let mut stand = Stand::default();
    let bomb = zip_of(&[("a.txt", &zeros), ("b.txt", &zeros)]);
    let found = inspect(&mut Cursor::new(&bomb), "a.zip", None, &policy(), WalkLimits::default(), &mut stand)
        .unwrap();
    assert_eq!(found.judgement, too_complex);
    assert!(stand.bytes < 70 * 1024 * 1024, "it read {} bytes of a bomb of 160 MiB", stand.bytes);

    let mut nested = zip_of(&[("a.txt", b"x")]);
    for _ in 0..7 {
        nested = zip_of(&[("a.zip", &nested)]);
    }
    assert_eq!(judged(&nested, "a.zip"), too_complex);
    let names: Vec<String> = (0..10_001).map(|n| format!("{n}.txt")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"x".as_slice())).collect();
    assert_eq!(judged(&zip_of(&many), "a.zip"), too_complex);
    assert_eq!(judged(&tar_of(&many), "a.tar"), too_complex);
}

/// With these limits and every other as it is.
fn with(change: impl FnOnce(&mut WalkLimits)) -> WalkLimits {
    let mut limits = WalkLimits { ratio_from: 0, ratio: 1_000_000, ..WalkLimits::default() };
    change(&mut limits);
    limits
}

/// The least number for which this holds, as it does for every larger one.
fn least_that(holds: impl Fn(u64) -> bool) -> u64 {
    let (mut not, mut is) = (0, 1 << 20);
    while is - not > 1 {
        let middle = u64::midpoint(not, is);
        if holds(middle) { is = middle } else { not = middle }
    }
    is
}

/// What is as large as a limit goes on, what is one over does not: each limit for itself, in every kind of archive.
#[test]
fn each_limit_of_a_walk_holds_to_the_last_member_level_and_byte() {
    let noise: Vec<u8> = (0..3000u32).map(|n| b'a' + u8::try_from(n * n % 23).unwrap()).collect();
    let three: [(&str, &[u8]); 3] = [("a.txt", &noise), ("b.txt", &noise), ("c.txt", &noise)];
    // The deposited file is the first, what is in it the others; the gzip's one member is a tar.
    let archives = [
        ("a.zip", zip_of(&three), 3, 1),
        ("a.tar", tar_of(&three), 3, 1),
        ("a.tgz", gzip_of(&tar_of(&three)), 4, 2),
        ("a.eml", mail_of("a.zip", &zip_of(&three)), 4, 2),
        ("b.zip", zip_of(&[("a.zip", &zip_of(&three))]), 4, 2),
    ];
    for (name, bytes, members, depth) in &archives {
        let judged = |limits| {
            let mut source = Cursor::new(bytes);
            inspect(&mut source, name, None, &policy(), limits, &mut Stand::default()).unwrap()
        };
        let found = judged(with(|_| {}));
        assert_eq!((found.members, &found.judgement), (*members, &warned(&[])), "{name}");
        let fits = |limits, what| assert_eq!(judged(limits).judgement, warned(&[]), "{name}: {what}");
        let over = |limits, what| {
            assert_eq!(judged(limits).judgement, refused(RefusalCause::TooComplex), "{name}: {what}");
        };
        fits(with(|limits| limits.members = *members), "members");
        over(with(|limits| limits.members = members - 1), "members");
        fits(with(|limits| limits.depth = *depth), "depth");
        over(with(|limits| limits.depth = depth - 1), "depth");
        // What came out of all of it: the least total that lets it go on is found, and all of it is needed.
        let least = least_that(|total| judged(with(|limits| limits.total = total)).judgement == warned(&[]));
        assert!(least >= 9000, "{name}: three files of 3,000 bytes came out of {least}");
        over(with(|limits| limits.total = least - 1), "total");
        // The same number as so many times what was deposited.
        let size = bytes.len() as u64;
        fits(with(|limits| limits.ratio = least.div_ceil(size)), "ratio");
        over(with(|limits| limits.ratio = (least - 1) / size), "ratio");
        // A small archive is not judged by its ratio.
        fits(with(|limits| (limits.ratio, limits.ratio_from) = (0, least)), "ratio of little");
        over(with(|limits| (limits.ratio, limits.ratio_from) = (0, least - 1)), "ratio of little");
    }
}

/// Each member is a stream of its own for the antivirus, which may stop looking at the whole after its limits.
#[test]
fn each_member_is_scanned_for_itself_whatever_was_said_of_the_whole() {
    let inner = zip_of(&[("c.txt", b"3"), ("d.txt", b"4")]);
    let zip = zip_of(&[("a.txt", b"1"), ("b.txt", b"2"), ("e.zip", &inner)]);
    for (scanned, streams) in [(None, 6), (Some(AntivirusAnswer::Clean), 5)] {
        let mut stand = Stand::default();
        let found =
            inspect(&mut Cursor::new(&zip), "a.zip", scanned, &policy(), WalkLimits::default(), &mut stand);
        assert_eq!((found.unwrap().judgement, stand.streams), (warned(&[]), streams));
    }
}

/// What the policy says of each finding is what happens: nothing is said, the agent is warned, the file is refused.
#[test]
fn each_finding_meets_each_measure() {
    let locked = lock_first(zip_of(&[("a.pdf", PDF)]));
    let files: [(Finding, &str, &str, Vec<u8>); 9] = [
        (Finding::Macros, "macros", "a.docm", office(&[("word/vbaProject.bin", b"x")])),
        (Finding::PdfScript, "pdf_script", "a.pdf", b"%PDF-1.4 << /S /JavaScript >> %%EOF".to_vec()),
        (Finding::PdfLaunch, "pdf_launch", "a.pdf", b"%PDF-1.4 << /S /Launch >> %%EOF".to_vec()),
        (
            Finding::PdfAttachment,
            "pdf_attachment",
            "a.pdf",
            b"%PDF-1.4 << /Type /EmbeddedFile >> %%EOF".to_vec(),
        ),
        (Finding::LockedPdf, "locked_pdf", "a.pdf", b"%PDF-1.4 trailer << /Encrypt 4 0 R >> %%EOF".to_vec()),
        (Finding::LockedDocument, "locked_document", "a.docx", compound_of(&[("/EncryptedPackage", b"x")])),
        (Finding::LockedArchive, "locked_archive", "a.zip", locked),
        (Finding::NameContradictsContent, "name_contradicts_content", "a.jpg", PDF.to_vec()),
        (Finding::Unreadable, "unreadable", "a.pdf", PDF[..30].to_vec()),
    ];
    let tried: Vec<Finding> = files.iter().map(|(finding, ..)| *finding).collect();
    assert_eq!(tried, Finding::ALL, "every finding is tried");
    for (finding, key, name, bytes) in &files {
        for (measure, judgement) in [
            ("accept", warned(&[])),
            ("warn", warned(std::slice::from_ref(finding))),
            ("refuse", refused(RefusalCause::Found(*finding))),
        ] {
            let policy = policy_with(&format!("{key} = \"{measure}\""));
            assert_eq!(look(bytes, name, &policy).judgement, judgement, "{key} = {measure}");
            let packed = zip_of(&[(*name, bytes)]);
            assert_eq!(look(&packed, "in.zip", &policy).judgement, judgement, "{key} = {measure}, packed");
        }
    }
}

#[test]
fn a_directory_that_claims_millions_of_entries_is_not_read() {
    let mut end = b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\x10\0\0\0\0\0\0\0\0\0".to_vec();
    let mut claims = b"PK\x03\x04".to_vec();
    claims.append(&mut end);
    assert_eq!(judged(&claims, "a.zip"), refused(RefusalCause::TooComplex));
}

#[test]
fn a_member_larger_than_the_antivirus_scans_is_not_called_clean() {
    let mut stand = Stand { largest: Some(10_000), ..Stand::default() };
    let zip = zip_of(&[("a.txt", &vec![b'x'; 20_000])]);
    let found =
        inspect(&mut Cursor::new(&zip), "a.zip", None, &policy(), WalkLimits::default(), &mut stand).unwrap();
    assert_eq!(found.judgement, refused(RefusalCause::TooLargeToScan));
}

/// A zip with one member whose sizes stand in zip64 fields.
fn zip64_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    writer.start_file(name, options.large_file(true)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Writes a size over one of a member's zip64 sizes in the directory (APPNOTE 4.5.3): 0 the unpacked, 1 the packed one.
fn claiming(mut zip: Vec<u8>, which: usize, size: u64) -> Vec<u8> {
    let directory = zip.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    let field = zip[directory..].windows(3).position(|window| window == [1, 0, 16]).unwrap();
    let at = directory + field + 4 + 8 * which;
    zip[at..at + 8].copy_from_slice(&size.to_le_bytes());
    zip
}

#[test]
fn a_zip64_member_is_walked_like_any_other_and_never_believed() {
    const CLAIMED: u64 = 5 << 30;
    let infected = refused(RefusalCause::Infected);
    assert_eq!(judged(&zip64_of("a.pdf", PDF), "a.zip"), warned(&[]));
    assert_eq!(judged(&zip64_of("a.txt", MARKER), "a.zip"), infected);
    for which in [0, 1] {
        let lies = judged(&claiming(zip64_of("a.txt", MARKER), which, CLAIMED), "a.zip");
        assert_ne!(lies, warned(&[]), "{which}: what it claims hides what it holds");
        assert!(matches!(lies, Judgement::Refused { .. }), "{which}: {lies:?}");
    }
    let packed = judged(&claiming(zip64_of("a.pdf", PDF), 1, CLAIMED), "a.zip");
    assert_eq!(packed, refused(RefusalCause::Found(Finding::Unreadable)), "it does not hold what it claims");
}

/// As large as it says, all zeros behind its beginning. Counts what is read of it.
struct Huge {
    head: Vec<u8>,
    size: u64,
    at: u64,
    read: u64,
}

impl Read for Huge {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(usize::try_from(self.size - self.at).unwrap());
        for (place, byte) in (self.at..).zip(&mut buffer[..count]) {
            *byte = usize::try_from(place).ok().and_then(|place| self.head.get(place)).copied().unwrap_or(0);
        }
        self.at += count as u64;
        self.read += count as u64;
        Ok(count)
    }
}

impl std::io::Seek for Huge {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.at = match to {
            std::io::SeekFrom::Start(at) => at,
            std::io::SeekFrom::End(by) => self.size.checked_add_signed(by).unwrap(),
            std::io::SeekFrom::Current(by) => self.at.checked_add_signed(by).unwrap(),
        };
        Ok(self.at)
    }
}

#[test]
fn a_zip_of_more_than_four_gibibytes_is_too_large_to_scan_and_not_clean() {
    let mut huge = Huge { head: zip64_of("a.pdf", PDF), size: (4 << 30) + 5, at: 0, read: 0 };
    let mut stand = Stand::default();
    for scanned in [None, Some(AntivirusAnswer::Clean)] {
        let found =
            inspect(&mut huge, "a.zip", scanned, &policy(), WalkLimits::default(), &mut stand).unwrap();
        assert_eq!(found.judgement, refused(RefusalCause::TooLargeToScan));
    }
    assert!(stand.streams == 0 && huge.read < 100_000, "{} bytes were read to say so", huge.read);
}

#[test]
fn without_an_antivirus_nothing_is_judged_by_it() {
    let mut stand = Stand { is_gone: true, ..Stand::default() };
    let zip = zip_of(&[("a.txt", b"x")]);
    let found = inspect(&mut Cursor::new(&zip), "a.zip", None, &policy(), WalkLimits::default(), &mut stand);
    assert!(matches!(found, Err(InspectError::Antivirus)));
}

/// Fails after so many bytes, as a disk does.
struct Failing<R>(R, usize);

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?.min(self.1);
        self.1 -= count;
        if count == 0 && !buffer.is_empty() { Err(std::io::Error::other("the disk")) } else { Ok(count) }
    }
}

impl<R: std::io::Seek> std::io::Seek for Failing<R> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_disk_that_fails_judges_nobody() {
    let zip = zip_of(&[("a.txt", &[b'x'; 5000])]);
    for after in [0, 10, 60, zip.len(), zip.len() + 100] {
        let mut source = Failing(Cursor::new(&zip), after);
        let found =
            inspect(&mut source, "a.zip", None, &policy(), WalkLimits::default(), &mut Stand::default());
        assert!(matches!(found, Err(InspectError::Source(_))), "{after}: {found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_change_of_any_byte_makes_it_panic(place in 0usize..4000, value: u8, which in 0usize..6) {
        let mut bytes = match which {
            0 => zip_of(&[("a.pdf", PDF), ("b.docx", &office(&[]))]),
            1 => office(&[("word/vbaProject.bin", b"x")]),
            2 => gzip_of(&tar_of(&[("a", b"1")])),
            3 => tar_of(&[("a", b"1"), ("b", b"2")]),
            4 => compound_of(&[("/WordDocument", &[0; 64]), ("/Macros/VBA/dir", b"x")]),
            _ => mail_of("a.zip", &zip_of(&[("a.txt", b"x")])),
        };
        let place = place % bytes.len();
        bytes[place] = value;
        look(&bytes, "file", &policy());
    }
}
