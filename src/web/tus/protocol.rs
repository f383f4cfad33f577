//! The tus 1.0 protocol as words on the wire (<https://tus.io/protocols/resumable-upload>, version 1.0.0): a request's
//! method and headers in, a command or a refusal out. Nothing here knows of drafts, files or pages.

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};

use super::metadata::{self, Metadata};
use crate::value::{ByteSize, Checksum, ChecksumError};

/// The one version that is spoken.
pub(super) const VERSION: &str = "1.0.0";
/// The extensions that are spoken, as `Tus-Extension` says them.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
/// The media type of a body that brings bytes of a file.
const OFFSET_OCTET_STREAM: &str = "application/offset+octet-stream";

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// What a request is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    /// Where uploads are created.
    Uploads,
    /// One upload.
    Upload,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// What the server can do ("Core protocol", OPTIONS).
    Discover,
    /// A new upload ("Creation"); with bytes when `content` is there ("Creation With Upload").
    Create {
        /// The size of the file.
        length: ByteSize,
        /// What is said of it.
        metadata: Metadata,
        /// The bytes that come along.
        content: Option<Content>,
    },
    /// How far an upload is ("Core protocol", HEAD).
    Ask,
    /// Bytes for an upload ("Core protocol", PATCH).
    Append {
        /// Where they belong.
        offset: ByteSize,
        /// What is said of them.
        content: Content,
    },
    /// An upload that is given up ("Termination").
    Terminate,
}

/// What is said of the bytes in a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// How many, when the client says so.
    pub length: Option<ByteSize>,
    /// Their checksum, when the client announces one ("Checksum").
    pub checksum: Option<Checksum>,
}

/// Why a request is no command. The client is wrong; nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misspoken {
    /// Another version of the protocol, or none.
    Version,
    /// A method that this resource does not have.
    Method,
    /// A body that is not said to bring bytes of a file.
    MediaType,
    /// `Upload-Length` is missing or is no number; a length told later is not supported.
    Length,
    /// `Upload-Offset` is missing or is no number.
    Offset,
    /// `Upload-Metadata` does not read.
    Metadata,
    /// `Upload-Checksum` does not read.
    Checksum,
    /// Its algorithm is not known.
    ChecksumAlgorithm,
    /// `Upload-Concat`: uploads are not put together here.
    Concatenation,
}

impl Misspoken {
    /// The status that the protocol gives it.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Version => StatusCode::PRECONDITION_FAILED,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// What a developer reads.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Version => "Tus-Resumable must be 1.0.0",
            Self::Method => "this method does nothing here",
            Self::MediaType => "Content-Type must be application/offset+octet-stream",
            Self::Length => "Upload-Length must be a number of bytes, and known at the start",
            Self::Offset => "Upload-Offset must be a number of bytes",
            Self::Metadata => "Upload-Metadata does not read",
            Self::Checksum => "Upload-Checksum does not read",
            Self::ChecksumAlgorithm => {
                "Upload-Checksum must be of an algorithm that Tus-Checksum-Algorithm lists"
            }
            Self::Concatenation => "Upload-Concat is not supported",
        }
    }
}

/// Reads a request.
pub(super) fn read(resource: Resource, method: &Method, headers: &HeaderMap) -> Result<Command, Misspoken> {
    let method = effective(method, headers);
    if method == Method::OPTIONS {
        // The one request without a version: the client asks which there are.
        return Ok(Command::Discover);
    }
    if text(headers, &TUS_RESUMABLE) != Some(VERSION) {
        return Err(Misspoken::Version);
    }
    match (resource, method.as_str()) {
        (Resource::Uploads, "POST") => read_creation(headers),
        (Resource::Upload, "HEAD") => Ok(Command::Ask),
        (Resource::Upload, "DELETE") => Ok(Command::Terminate),
        (Resource::Upload, "PATCH") => {
            if !brings_bytes(headers) {
                return Err(Misspoken::MediaType);
            }
            let offset = number(headers, &UPLOAD_OFFSET).ok_or(Misspoken::Offset)?;
            Ok(Command::Append { offset, content: read_content(headers)? })
        }
        _ => Err(Misspoken::Method),
    }
}

/// The method, or the one that a client behind an old proxy writes into a header. Only a POST may stand for another:
/// whether it comes from this site was asked of the method on the wire.
fn effective(method: &Method, headers: &HeaderMap) -> Method {
    let overriding = text(headers, &METHOD_OVERRIDE).filter(|_| *method == Method::POST);
    overriding.and_then(|name| name.parse().ok()).unwrap_or_else(|| method.clone())
}

fn read_creation(headers: &HeaderMap) -> Result<Command, Misspoken> {
    if headers.contains_key(UPLOAD_CONCAT) {
        return Err(Misspoken::Concatenation);
    }
    if headers.contains_key(UPLOAD_DEFER_LENGTH) {
        return Err(Misspoken::Length);
    }
    let length = number(headers, &UPLOAD_LENGTH).ok_or(Misspoken::Length)?;
    let metadata = match headers.get(UPLOAD_METADATA) {
        Some(value) => value.to_str().ok().and_then(metadata::parse).ok_or(Misspoken::Metadata)?,
        None => Metadata::default(),
    };
    let content = if brings_bytes(headers) { Some(read_content(headers)?) } else { None };
    Ok(Command::Create { length, metadata, content })
}

fn read_content(headers: &HeaderMap) -> Result<Content, Misspoken> {
    let checksum = match headers.get(UPLOAD_CHECKSUM) {
        Some(value) => Some(value.to_str().map_err(|_| Misspoken::Checksum)?),
        None => None,
    };
    let checksum = checksum.map(Checksum::parse).transpose().map_err(|error| match error {
        ChecksumError::Algorithm => Misspoken::ChecksumAlgorithm,
        ChecksumError::Shape => Misspoken::Checksum,
    })?;
    Ok(Content { length: number(headers, &CONTENT_LENGTH), checksum })
}

fn brings_bytes(headers: &HeaderMap) -> bool {
    text(headers, &CONTENT_TYPE) == Some(OFFSET_OCTET_STREAM)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A number of bytes: digits and nothing else.
fn number(headers: &HeaderMap, name: &HeaderName) -> Option<ByteSize> {
    let digits = text(headers, name).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().map(ByteSize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request as it stands in the specification: a request line, then headers.
    fn say(lines: &str) -> Result<Command, Misspoken> {
        let mut lines = lines.lines().map(str::trim);
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let resource = if path.ends_with("/files") { Resource::Uploads } else { Resource::Upload };
        let pairs = lines.map(|line| line.split_once(": ").unwrap());
        let pairs = pairs.map(|(name, value)| (name.to_lowercase().parse().unwrap(), value.parse().unwrap()));
        read(resource, &method.parse().unwrap(), &pairs.collect::<HeaderMap>())
    }

    fn content(length: u64) -> Content {
        Content { length: Some(ByteSize(length)), checksum: None }
    }

    #[test]
    fn core_protocol_example() {
        let asked =
            say("HEAD /files/24e533e02ec3bc40c387f1a0e460e216\nHost: tus.example.org\nTus-Resumable: 1.0.0");
        assert_eq!(asked, Ok(Command::Ask));
        let appended = say("PATCH /files/24e533e02ec3bc40c387f1a0e460e216\nHost: tus.example.org\n\
             Content-Type: application/offset+octet-stream\nContent-Length: 30\nUpload-Offset: 70\nTus-Resumable: 1.0.0");
        assert_eq!(appended, Ok(Command::Append { offset: ByteSize(70), content: content(30) }));
    }

    #[test]
    fn core_protocol_headers() {
        let patch = "PATCH /files/24\nTus-Resumable: 1.0.0\nContent-Type: application/offset+octet-stream";
        for offset in ["", "\nUpload-Offset: -1", "\nUpload-Offset: 1.5", "\nUpload-Offset: +7"] {
            assert_eq!(say(&format!("{patch}{offset}")), Err(Misspoken::Offset), "{offset:?}");
        }
        for resumable in ["", "\nTus-Resumable: 0.2.2", "\nTus-Resumable: 2.0.0"] {
            let said = say(&format!("HEAD /files/24{resumable}")).unwrap_err();
            assert_eq!((said, said.status()), (Misspoken::Version, StatusCode::PRECONDITION_FAILED));
        }
        let overridden =
            say("POST /files/24\nTus-Resumable: 1.0.0\nX-HTTP-Method-Override: PATCH\nUpload-Offset: 0\n\
             Content-Type: application/offset+octet-stream");
        let content = Content::default();
        assert_eq!(overridden, Ok(Command::Append { offset: ByteSize(0), content }));
    }

    #[test]
    fn a_method_that_needs_no_proof_of_its_site_stands_for_no_other() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let said =
                say(&format!("{method} /files/24\nTus-Resumable: 1.0.0\nX-HTTP-Method-Override: DELETE"));
            assert_ne!(said, Ok(Command::Terminate), "{method}");
        }
    }

    #[test]
    fn core_protocol_patch_requires_its_media_type() {
        let said = say("PATCH /files/24\nTus-Resumable: 1.0.0\nUpload-Offset: 0\nContent-Type: text/plain");
        assert_eq!(said.unwrap_err().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }

    #[test]
    fn core_protocol_options_need_no_version() {
        assert_eq!(say("OPTIONS /files\nHost: tus.example.org"), Ok(Command::Discover));
    }

    #[test]
    fn creation_example() {
        let said = say("POST /files\nHost: tus.example.org\nContent-Length: 0\nUpload-Length: 100\n\
             Tus-Resumable: 1.0.0\nUpload-Metadata: filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential");
        let Ok(Command::Create { length, metadata, content: None }) = said else { panic!("{said:?}") };
        assert_eq!((length, metadata.filename.as_str()), (ByteSize(100), "world_domination_plan.pdf"));
    }

    #[test]
    fn creation_needs_a_length_that_is_known() {
        let post = "POST /files\nTus-Resumable: 1.0.0";
        for length in ["", "\nUpload-Length: -1", "\nUpload-Length: many", "\nUpload-Defer-Length: 1"] {
            assert_eq!(say(&format!("{post}{length}")), Err(Misspoken::Length), "{length:?}");
        }
        let concat = say(&format!("{post}\nUpload-Length: 5\nUpload-Concat: partial"));
        assert_eq!(concat, Err(Misspoken::Concatenation));
    }

    #[test]
    fn creation_with_upload_example() {
        let said = say("POST /files\nHost: tus.example.org\nContent-Length: 5\nUpload-Length: 100\n\
             Tus-Resumable: 1.0.0\nContent-Type: application/offset+octet-stream");
        let (length, metadata) = (ByteSize(100), Metadata::default());
        assert_eq!(said, Ok(Command::Create { length, metadata, content: Some(content(5)) }));
    }

    #[test]
    fn checksum_example() {
        let patch = |checksum: &str| {
            say(&format!(
                "PATCH /files/17f44dbe1c4bace0e18ab850cf2b3a83\nContent-Length: 11\nUpload-Offset: 0\n\
                 Tus-Resumable: 1.0.0\nContent-Type: application/offset+octet-stream\nUpload-Checksum: {checksum}"
            ))
        };
        let good = patch("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").unwrap();
        assert!(matches!(good, Command::Append { content: Content { checksum: Some(_), .. }, .. }));
        assert_eq!(patch("crc32 AAAA"), Err(Misspoken::ChecksumAlgorithm));
        assert_eq!(patch("sha1 AAAA").unwrap_err().status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn termination_example() {
        let said =
            say("DELETE /files/24e533e02ec3bc40c387f1a0e460e216\nContent-Length: 0\nTus-Resumable: 1.0.0");
        assert_eq!(said, Ok(Command::Terminate));
        assert_eq!(say("DELETE /files\nTus-Resumable: 1.0.0"), Err(Misspoken::Method));
        assert_eq!(say("GET /files/24\nTus-Resumable: 1.0.0"), Err(Misspoken::Method));
    }
}
