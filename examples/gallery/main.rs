//! Writes every page in every state and both languages as files into a directory, with the assets, so that the
//! pages can be looked at and checked without a gateway:
//!
//! ```text
//! cargo run --example gallery -- DIRECTORY
//! python3 -m http.server --bind 127.0.0.1 --directory DIRECTORY 8000
//! ```
//!
//! All people, addresses and cases are made up.

mod samples;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use pli::value::Language;
use pli::web::assets::ASSETS;

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.ok_or_else(|| io::Error::other("usage: gallery DIRECTORY"))?;
    write_assets(&directory.join("assets"))?;
    for language in [Language::Fr, Language::En] {
        write_pages(&directory.join(language.tag()), language)?;
    }
    Ok(())
}

fn write_assets(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    ASSETS.iter().try_for_each(|asset| fs::write(directory.join(asset.name), asset.body))
}

fn write_pages(directory: &Path, language: Language) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (name, html) in samples::pages(language) {
        fs::write(directory.join(format!("{name}.html")), html.map_err(io::Error::other)?)?;
    }
    Ok(())
}
