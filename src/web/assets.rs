//! The files that pages load: stylesheet, scripts, drawings. They are part of the program, so that a page
//! never asks a third party for anything (the content security policy allows `'self'` alone).
//!
//! This module says what there is; headers and caching are the handlers'.

/// A file under `/assets/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Its name, the last part of the path.
    pub name: &'static str,
    /// Its media type, for `Content-Type`.
    pub media_type: &'static str,
    /// Its bytes.
    pub body: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const DRAWING: &str = "image/svg+xml";

/// All assets.
pub const ASSETS: [Asset; 8] = [
    Asset { name: "pli.css", media_type: CSS, body: include_str!("assets/pli.css") },
    Asset { name: "pli.js", media_type: SCRIPT, body: include_str!("assets/pli.js") },
    Asset { name: "deposit.js", media_type: SCRIPT, body: include_str!("assets/deposit.js") },
    Asset { name: "passkey.js", media_type: SCRIPT, body: include_str!("assets/passkey.js") },
    Asset { name: "upload.js", media_type: SCRIPT, body: include_str!("assets/upload.js") },
    // tus-js-client 4.3.1, the file of its package as it is: see `docs/dependencies.md`.
    Asset { name: "tus.min.js", media_type: SCRIPT, body: include_str!("assets/tus.min.js") },
    Asset { name: "favicon.svg", media_type: DRAWING, body: include_str!("assets/favicon.svg") },
    Asset { name: "seal.svg", media_type: DRAWING, body: include_str!("assets/seal.svg") },
];

/// The asset of this name, if there is one.
pub fn asset(name: &str) -> Option<Asset> {
    ASSETS.into_iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_by_its_name_alone() {
        assert_eq!(asset("pli.css").map(|found| found.media_type), Some(CSS));
        assert_eq!(asset("../Cargo.toml"), None);
    }

    #[test]
    fn the_script_of_others_is_the_one_that_was_read() {
        let published = "8cbb1b63fccc3bba0ae73ad1deb160ce046c3750851d0c3e94921ae3ef070eb8";
        let tus = asset("tus.min.js").unwrap();
        assert_eq!(crate::value::Digest::of(tus.body.as_bytes()).to_hex(), published);
    }

    #[test]
    fn no_asset_asks_a_third_party_for_anything() {
        for asset in ASSETS {
            let outside = asset.body.replace("http://www.w3.org/2000/svg", "");
            assert!(!outside.contains("http://") && !outside.contains("https://"), "{}", asset.name);
            assert!(!outside.contains("@import"), "{}", asset.name);
        }
    }
}
