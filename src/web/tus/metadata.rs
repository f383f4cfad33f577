//! `Upload-Metadata` (tus 1.0, extension "creation"): what a client says of the file that it is about to send.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

/// The longest header that is read.
pub(super) const METADATA_MAX_BYTES: usize = 8 * 1024;

/// What is kept of the metadata; every other key is passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// The file's name as the client gives it.
    pub filename: String,
    /// Its path within the folder that was chosen, name included; empty for a file chosen by itself.
    pub relative_path: String,
    /// What the client recognises the file by when it comes again; opaque here.
    pub fingerprint: String,
}

/// Reads the header; none when it is not written as the protocol says: pairs apart by commas, key and base64 value
/// apart by one space, a key alone for an empty value, no key twice.
pub(super) fn parse(header: &str) -> Option<Metadata> {
    if header.len() > METADATA_MAX_BYTES {
        return None;
    }
    let mut metadata = Metadata::default();
    let mut seen: Vec<&str> = Vec::new();
    for pair in header.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if seen.contains(&key) {
            return None;
        }
        seen.push(key);
        let value = String::from_utf8(BASE64.decode(value.trim()).ok()?).ok()?;
        match key {
            "filename" | "name" => metadata.filename = value,
            "relativePath" => metadata.relative_path = value,
            "fingerprint" => metadata.fingerprint = value,
            _ => {}
        }
    }
    Some(metadata)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_header_makes_it_panic_and_no_value_is_longer_than_it(header in "([a-zA-Z]{0,4}[ ,=]{0,2}[A-Za-z0-9+/=é]{0,9}){0,30}") {
            if let Some(read) = parse(&header) {
                let longest = read.filename.len().max(read.relative_path.len()).max(read.fingerprint.len());
                prop_assert!(longest <= header.len());
            }
        }

        #[test]
        fn what_a_client_says_is_read(filename: String, relative_path: String, fingerprint: String) {
            let of = |text: &str| BASE64.encode(text);
            let header = format!(
                "filename {},relativePath {}, fingerprint {}",
                of(&filename), of(&relative_path), of(&fingerprint)
            );
            prop_assert_eq!(parse(&header), Some(Metadata { filename, relative_path, fingerprint }));
        }
    }

    #[test]
    fn names_are_read_and_what_is_unknown_is_passed_over() {
        // "avis d'échéance.pdf", "dossier/avis.pdf", an unknown key and a key without a value.
        let header = "filename YXZpcyBkJ8OpY2jDqWFuY2UucGRm,relativePath ZG9zc2llci9hdmlzLnBkZg==, \
                      filetype YXBwbGljYXRpb24vcGRm,is_confidential";
        let metadata = parse(header).unwrap();
        assert_eq!(metadata.filename, "avis d'échéance.pdf");
        assert_eq!(metadata.relative_path, "dossier/avis.pdf");
        assert_eq!(parse("").unwrap(), Metadata::default());
    }

    #[test]
    fn what_is_not_written_as_the_protocol_says_is_refused() {
        for header in
            ["filename not-base64", "filename YQ==,filename Yg==", "filename /w==", &"a,".repeat(5000)]
        {
            assert_eq!(parse(header), None, "{header:.40}");
        }
    }
}
