//! Real input, made here: files that the usual programs open, and mails by programs that are not ours. All about nobody.

use std::fmt::Write as _;
use std::io::{Cursor, Write};
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{program, run_well};

/// A name as a scanner in France gives it.
pub const SCAN_NAME: &str = "Numérisation – pièces n° 3 (été 2026) œuvre.tiff";

/// A PDF of one page with a correct cross-reference table.
pub fn pdf(text: &str) -> Vec<u8> {
    let content = format!("BT /F1 18 Tf 72 720 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut file = String::from("%PDF-1.4\n");
    let mut offsets = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        writeln!(file, "{} 0 obj\n{object}\nendobj", number + 1).unwrap();
    }
    let start = file.len();
    writeln!(file, "xref\n0 {}\n0000000000 65535 f ", objects.len() + 1).unwrap();
    for offset in offsets {
        writeln!(file, "{offset:010} 00000 n ").unwrap();
    }
    writeln!(file, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF", objects.len() + 1)
        .unwrap();
    file.into_bytes()
}

/// A DOCX with one paragraph: the three parts that a word processor needs.
pub fn docx(text: &str) -> Vec<u8> {
    const TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
    const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#;
    let document = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"#
    );
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let plain = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, part) in
        [("[Content_Types].xml", TYPES), ("_rels/.rels", RELATIONS), ("word/document.xml", &document)]
    {
        writer.start_file(name, plain).unwrap();
        writer.write_all(part.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A scan of so many bytes: a TIFF head, then bytes that no compressor shortens (a fixed linear generator).
pub fn scan(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    while file.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        file.extend_from_slice(&state.to_be_bytes());
    }
    file.truncate(bytes);
    file
}

/// A plain mail.
pub fn plain_mail(from: &str, to: &str, subject: &str, id: &str, body: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0100\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n"
    )
    .into_bytes()
}

/// A mail by Python's `email`: mixed in mixed, alternative with a related picture, a PDF under a UTF-8 name, and a
/// forwarded message attached whole, which itself holds a DOCX.
pub fn nested_mail(folder: &Path, from: &str, to: &str, pdf: &[u8], docx: &[u8]) -> Vec<u8> {
    const SCRIPT: &str = r#"
import sys
from email.message import EmailMessage
from email.policy import SMTP
folder, sender, to = sys.argv[1:4]
pdf = open(folder + "/in.pdf", "rb").read()
docx = open(folder + "/in.docx", "rb").read()
word = ("application", "vnd.openxmlformats-officedocument.wordprocessingml.document")
inner = EmailMessage(policy=SMTP)
inner["From"], inner["To"], inner["Subject"] = "ccas@mairie-exemple.example", sender, "Pièces demandées"
inner["Message-ID"] = "<inner-1@mairie-exemple.example>"
inner.set_content("Voici les pièces.\n")
inner.add_attachment(docx, maintype=word[0], subtype=word[1], filename="attestation d'hébergement.docx")
outer = EmailMessage(policy=SMTP)
outer["From"], outer["To"], outer["Subject"] = sender, to, "Demande urgente"
outer["Date"] = "Fri, 20 Nov 2026 10:00:00 +0100"
outer["Message-ID"] = "<nested-1@cd35.example>"
outer.set_content("Bonjour,\nvoici le dossier complété.\n")
outer.add_alternative("<p>Bonjour,<br>voici le dossier complété.<img src='cid:logo'></p>", subtype="html")
outer.get_payload()[1].add_related(b"\x89PNG\r\n\x1a\n" + bytes(64), "image", "png", cid="<logo>")
outer.add_attachment(pdf, maintype="application", subtype="pdf", filename="Évaluation – été.pdf")
outer.add_attachment(inner)
sys.stdout.buffer.write(outer.as_bytes())
"#;
    std::fs::write(folder.join("in.pdf"), pdf).unwrap();
    std::fs::write(folder.join("in.docx"), docx).unwrap();
    run_well(program("python3").args(["-c", SCRIPT]).arg(folder).args([from, to]))
}
