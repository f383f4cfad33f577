//! The rules of the house, enforced: which module may name which (the arrows of the design), where each external
//! crate belongs, and what no file may hold. The code is read as tokens, so that comments and strings do not count.
//!
//! Test modules (`#[cfg(test)]`, files named `tests.rs` or `testing.rs`) may reach up and use any crate: a use case
//! is tested over the memory store. They are held to everything else.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The longest that a file may be, its tests left out.
const FILE_LINES_MAX: usize = 700;

/// Below `app`: each module and what it names today. A new arrow is a decision: it is added here, and must point down.
const DOMAIN: &[(&str, &[&str])] = &[
    ("value", &[]),
    ("policy", &["value"]),
    ("vault", &["value"]),
    ("audit", &["value"]),
    ("message", &["value"]),
    ("content", &["message", "value"]),
    // What a form says becomes a document.
    ("document", &["policy", "value"]),
    ("mailbox", &["value", "vault"]),
    // An agreement holds its deadlines.
    ("identity", &["policy", "value", "vault"]),
    // What a link of a transfer asks for as a second step.
    ("transfer", &["content", "identity", "mailbox", "policy", "value", "vault"]),
    // A receipt and an alert are told in a letter.
    ("relay", &["audit", "value", "vault"]),
    ("retention", &["audit", "identity", "transfer", "value"]),
];
/// The layers, from the bottom; a module names modules of lower rows only, and of its own row only where [`DOMAIN`] says so.
const LAYERS: &[&[&str]] = &[
    &["value"],
    &["policy"],
    &["identity", "mailbox", "vault", "audit", "message", "content", "document"],
    &["transfer", "relay", "retention"],
    &["app"],
    &["web", "smtp", "jobs", "store", "scanner"],
    COMPOSITION,
];
/// What puts the parts together may name anything.
const COMPOSITION: &[&str] = &["config", "cli", "serve", "demo", "main", "lib"];

const DOMAIN_AND_UP: &[&str] = &["*"];
const EDGES: &[&str] = &["web", "smtp", "jobs", "store", "scanner", "config", "cli", "serve", "demo", "main"];
const TLS: &[&str] = &["smtp", "web", "config", "cli", "serve", "demo"];
const WEB: &[&str] = &["web", "cli", "serve", "demo"];
const START: &[&str] = &["config", "cli", "serve", "demo", "main"];

/// External crates, and parts of the standard library and of tokio that reach outside: who may name them.
/// `*` is everybody, an empty list nobody. The longest path that fits decides.
const CRATES: &[(&str, &[&str])] = &[
    // Vocabulary of every layer.
    ("async_trait", DOMAIN_AND_UP),
    ("base64", DOMAIN_AND_UP),
    ("bytes", DOMAIN_AND_UP),
    ("jiff", DOMAIN_AND_UP),
    ("percent_encoding", DOMAIN_AND_UP),
    ("secrecy", DOMAIN_AND_UP),
    ("serde", DOMAIN_AND_UP),
    ("serde_json", DOMAIN_AND_UP),
    ("thiserror", DOMAIN_AND_UP),
    ("zeroize", DOMAIN_AND_UP),
    // What a thing is made of, where that thing is.
    ("age", &["vault", "store", "cli", "serve", "demo"]),
    ("aho_corasick", &["policy"]),
    ("argon2", &["identity"]),
    ("askama", &["relay", "web"]),
    ("aws_lc_rs", &["value", "audit", "vault", "identity", "smtp", "serve", "config", "cli"]),
    ("fst", &["policy"]),
    ("infer", &["app", "content"]),
    ("krilla", &["document"]),
    ("hickory_resolver", &["smtp"]),
    ("krilla", &["document"]),
    ("lettre", &["relay", "smtp"]),
    ("mail_auth", &["smtp"]),
    ("memchr", &["smtp", "store"]),
    ("mail_parser", &["message", "policy", "demo", "web"]),
    ("qrcodegen", &["web"]),
    ("rust_xlsxwriter", &["web"]),
    ("regex", &["policy"]),
    ("rust_xlsxwriter", &["web"]),
    ("smtp_proto", &["smtp"]),
    ("totp_rs", &["identity"]),
    ("openidconnect", &["serve"]),
    ("webauthn_rs", &["app"]),
    ("zxcvbn", &["policy"]),
    ("toml", &["content", "policy", "retention", "config", "cli", "demo"]),
    ("unicode_normalization", &["document", "message", "policy", "value"]),
    ("zip", &["web", "app", "content"]),
    ("tar", &["app", "content"]),
    ("flate2", &["web", "content", "store"]),
    ("cfb", &["content"]),
    ("sha2", &["value", "vault"]),
    // The certificates of a timestamp authority.
    ("webpki", &["audit"]),
    ("rustls_pki_types", &["audit"]),
    // Waiting for one another, without reaching outside.
    ("arc_swap", &["app", "web", "smtp", "jobs", "config", "cli", "serve", "demo"]),
    ("futures_util", &["app", "web", "smtp", "jobs", "store", "serve", "demo"]),
    ("tokio", &["app", "web", "smtp", "jobs", "store", "scanner", "cli", "serve", "demo", "main"]),
    ("tokio_util", &["app", "web", "smtp", "jobs", "serve", "demo"]),
    ("tracing", &["app", "web", "smtp", "jobs", "store", "config", "cli", "serve", "demo"]),
    ("metrics", &["app", "web", "smtp", "jobs", "store", "serve", "demo"]),
    // Adapters' own.
    ("axum", WEB),
    ("http_body_util", WEB),
    ("hyper", WEB),
    ("hyper_util", WEB),
    ("tower", WEB),
    ("getrandom", &["store"]),
    ("rustix", &["store", "cli", "serve", "demo"]),
    ("sled", &["store"]),
    ("rcgen", &["serve"]),
    ("rustls", TLS),
    ("rustls_native_certs", TLS),
    ("tokio_rustls", TLS),
    // Starting and watching.
    // A request is what the command line parses and what goes over the control socket: one type for both.
    ("clap", &["cli", "serve", "main"]),
    ("metrics_exporter_prometheus", &["serve", "web"]),
    ("sd_notify", &["serve"]),
    ("tracing_subscriber", &["cli", "serve", "demo", "main"]),
    // Outside: files, sockets, clocks, processes, the environment.
    ("std::env::var", &[]),
    ("std::env::var_os", &[]),
    ("std::env::vars", &[]),
    ("std::env::set_var", &[]),
    ("std::process::Command", &[]),
    // Without randomness nothing may go on.
    ("std::process::abort", &["store"]),
    ("std::process", &["cli", "serve", "demo", "main"]),
    ("std::env", START),
    ("std::fs", &["store", "scanner", "config", "cli", "serve", "demo"]),
    ("std::os", EDGES),
    ("std::thread", EDGES),
    ("std::net::TcpListener", EDGES),
    ("std::net::TcpStream", EDGES),
    ("std::net::UdpSocket", &[]),
    // The mail builder's date and a file's time are of this type; reading the clock is another matter.
    ("std::time::SystemTime", &["demo", "relay", "store"]),
    ("std::time::SystemTime::now", &["store"]),
    ("std::time::Instant", EDGES),
    ("tokio::fs", &["store", "demo", "cli", "serve"]),
    ("tokio::net", &["web", "smtp", "scanner", "serve", "demo"]),
    ("tokio::process", &[]),
    ("tokio::signal", &["cli", "serve", "demo", "main"]),
    ("tokio::time", EDGES),
];

#[test]
fn every_arrow_points_down() {
    let mut wrong = Vec::new();
    for file in sources() {
        for name in &file.modules_named {
            if !may_name(&file.module, name) {
                wrong.push(format!("{}: `{}` names `{name}`", file.shown, file.module));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_of_the_domain_is_what_the_code_does() {
    let files = sources();
    for (module, allowed) in DOMAIN {
        let named: BTreeSet<&str> = files
            .iter()
            .filter(|file| file.module == *module)
            .flat_map(|file| file.modules_named.iter().map(String::as_str))
            .filter(|name| name != module)
            .collect();
        assert_eq!(named, allowed.iter().copied().collect(), "what `{module}` names");
        for below in *allowed {
            assert!(layer(below) <= layer(module), "the table itself points up: {module} to {below}");
        }
    }
}

#[test]
fn every_module_has_its_place() {
    for file in sources() {
        assert!(layer(&file.module).is_some(), "{} is in no layer: add it to LAYERS", file.shown);
    }
}

#[test]
fn crates_are_named_where_they_belong() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (path, line) in &file.outside_paths {
            if let Some(places) = places_of(path)
                && !places.contains(&"*")
                && !places.contains(&file.module.as_str())
            {
                wrong.push(format!("{}:{line}: `{path}` does not belong in `{}`", file.shown, file.module));
            }
        }
    }
    assert!(wrong.is_empty(), "crates out of place:\n{}", wrong.join("\n"));
}

#[test]
fn every_dependency_has_its_place() {
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().unwrap();
    for name in manifest["dependencies"].as_table().unwrap().keys() {
        let name = name.replace('-', "_");
        assert!(CRATES.iter().any(|(path, _)| *path == name), "{name} is in no row of CRATES");
    }
}

#[test]
fn every_file_says_what_it_is_responsible_for() {
    let tests = rust_files(&root().join("tests"));
    let benches = rust_files(&root().join("benches"));
    for path in rust_files(&root().join("src")).iter().chain(&tests).chain(&benches) {
        let text = read(path);
        let opens = text.lines().next().is_some_and(|line| line.starts_with("//! "));
        assert!(opens, "{} does not open with //!", shown(path));
    }
}

#[test]
fn no_file_grows_over_its_bound() {
    for file in sources() {
        assert!(
            file.lines_without_tests <= FILE_LINES_MAX,
            "{} has {} lines without its tests; {FILE_LINES_MAX} are allowed",
            file.shown,
            file.lines_without_tests
        );
    }
}

#[test]
fn nothing_is_left_undone_or_hushed_up() {
    let mut wrong = Vec::new();
    for path in ["src", "tests", "benches"].iter().flat_map(|folder| rust_files(&root().join(folder))) {
        let tokens: Vec<TokenTree> = flat(parse(&path));
        for (at, token) in tokens.iter().enumerate() {
            let line = token.span().start().line;
            let next = |n: usize| tokens.get(at + n).map(ToString::to_string).unwrap_or_default();
            let word = token.to_string();
            if matches!(word.as_str(), "dbg" | "todo" | "unimplemented") && next(1) == "!" {
                wrong.push(format!("{}:{line}: {word}!", shown(&path)));
            }
            let attribute = if next(1) == "!" { next(3) } else { next(2) };
            if word == "#" && matches!(attribute.as_str(), "allow" | "ignore") {
                wrong.push(format!("{}:{line}: #[{attribute}]", shown(&path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_tree_names_no_machine_and_no_registry() {
    // Put together here, so that this file does not hold them itself.
    let machine = ["work", "root"].map(|name| format!("/{name}/"));
    let hosts = [
        ["registry.npmjs", "org"],
        ["static.crates", "io"],
        ["deb.debian", "org"],
        ["files.pythonhosted", "org"],
    ]
    .map(|parts| parts.join("."));
    for path in text_files(&root()) {
        let text = read(&path);
        for bad in machine.iter().chain(&hosts) {
            assert!(!text.contains(bad.as_str()), "{} holds {bad}", shown(&path));
        }
    }
}

#[test]
fn the_map_of_the_house_names_every_room() {
    let map = root().join("docs/architecture.md");
    if !map.exists() {
        return;
    }
    let text = read(&map);
    let modules: BTreeSet<String> = sources().into_iter().map(|file| file.module).collect();
    for module in modules.iter().filter(|module| !matches!(module.as_str(), "lib" | "main")) {
        let named = [format!("`{module}`"), format!("`{module}::")].iter().any(|name| text.contains(name));
        assert!(named, "docs/architecture.md does not name `{module}`");
    }
}

#[test]
fn the_reader_of_code_sees_what_it_should() {
    let code = r#"
        //! Speaks of crate::web and std::fs.
        use crate::{app::ports::Store, value::{Id, Time as Moment}};
        use std::{fs::File, net::{IpAddr, TcpStream}};
        fn f() { let s = "crate::smtp"; crate::vault::seal(); tokio::fs::read(s); ::age::x(); self::std::y() }
        #[cfg(test)]
        mod tests { use crate::store::Memory; use std::fs; }
    "#;
    let file = source("app", "example", code);
    let named: Vec<&str> = file.modules_named.iter().map(String::as_str).collect();
    assert_eq!(named, ["app", "value", "vault"]);
    let outside: Vec<&str> = file.outside_paths.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        outside,
        ["std::fs::File", "std::net::IpAddr", "std::net::TcpStream", "tokio::fs::read", "age::x"]
    );
    assert!(!may_name("smtp", "web") && !may_name("app", "store") && !may_name("value", "policy"));
    assert!(may_name("serve", "web") && may_name("smtp", "app") && may_name("transfer", "mailbox"));
    assert_eq!(places_of("std::process::Command::new"), Some([].as_slice()));
    assert_eq!(places_of("std::net::IpAddr"), None);
}

// --- How the code is read.

struct Source {
    /// The top module that it belongs to; `lib` and `main` for the two roots.
    module: String,
    shown: String,
    /// Top modules of this crate that its code names.
    modules_named: BTreeSet<String>,
    /// Paths into other crates, with their line.
    outside_paths: Vec<(String, usize)>,
    lines_without_tests: usize,
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let found: Vec<Source> = rust_files(&src)
        .iter()
        .map(|path| {
            let first = path.strip_prefix(&src).unwrap().iter().next().unwrap().to_string_lossy();
            source(first.trim_end_matches(".rs"), &shown(path), &read(path))
        })
        .collect();
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn source(module: &str, shown: &str, text: &str) -> Source {
    let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{shown}: {error}"));
    let all_tests = ["/tests.rs", "/testing.rs"].iter().any(|name| shown.ends_with(name));
    let facade = shown == format!("src/{module}/mod.rs") || shown == format!("src/{module}.rs");
    let (tokens, test_lines) = without_tests(tokens);
    let mut reader = Reader { facade, ..Reader::default() };
    if !all_tests {
        reader.read(tokens);
    }
    Source {
        module: module.to_owned(),
        shown: shown.to_owned(),
        modules_named: reader.modules,
        outside_paths: reader.outside,
        lines_without_tests: if all_tests { 0 } else { text.lines().count() - test_lines },
    }
}

/// Drops every item under `#[cfg(test)]`, and counts the lines that it took.
fn without_tests(tokens: TokenStream) -> (TokenStream, usize) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let (mut kept, mut lines, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        let attribute = tokens.get(at + 1).map(|next| next.to_string().replace(' ', ""));
        if tokens[at].to_string() == "#" && attribute.as_deref() == Some("[cfg(test)]") {
            let first = tokens[at].span().start().line;
            at += 2;
            while at < tokens.len() && !ends_item(&tokens[at]) {
                at += 1;
            }
            lines += tokens.get(at).map_or(0, |end| end.span().end().line + 1 - first);
        } else {
            kept.push(tokens[at].clone());
        }
        at += 1;
    }
    (kept.into_iter().collect(), lines)
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

#[derive(Default)]
struct Reader {
    /// In the file of a top module, `super` is the crate's root.
    facade: bool,
    modules: BTreeSet<String>,
    outside: Vec<(String, usize)>,
}

impl Reader {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Ident(_) => {
                    at = self.path(&tokens, at, "");
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads the path that begins here, under `before`; returns where it ends.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, before: &str) -> usize {
        let line = tokens[at].span().start().line;
        let mut path = before.to_owned();
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) => {
                    if !path.is_empty() {
                        path.push_str("::");
                    }
                    path.push_str(&word.to_string());
                    at += 1;
                }
                Some(TokenTree::Group(group))
                    if group.delimiter() == Delimiter::Brace && !path.is_empty() =>
                {
                    self.branches(&group.stream().into_iter().collect::<Vec<_>>(), &path);
                    return at + 1;
                }
                _ => break,
            }
            if !is_separator(tokens, at) {
                break;
            }
            at += 2;
        }
        self.note(&path, line);
        at
    }

    /// The branches of `use path::{a, b::{c}}`.
    fn branches(&mut self, tokens: &[TokenTree], before: &str) {
        let mut at = 0;
        while at < tokens.len() {
            if matches!(tokens[at], TokenTree::Ident(_)) {
                at = self.path(tokens, at, before);
                while at < tokens.len() && tokens[at].to_string() != "," {
                    at += 1;
                }
            }
            at += 1;
        }
    }

    fn note(&mut self, path: &str, line: usize) {
        let mut parts = path.split("::");
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        let to_root = matches!(first, "crate" | "pli") || (self.facade && first == "super");
        match second {
            Some(name) if to_root && layer(name).is_some() => {
                self.modules.insert(name.to_owned());
            }
            Some(_) if CRATES.iter().any(|(row, _)| row.split("::").next() == Some(first)) => {
                self.outside.push((path.to_owned(), line));
            }
            _ => {}
        }
    }
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

fn may_name(module: &str, name: &str) -> bool {
    if module == name || COMPOSITION.contains(&module) {
        return true;
    }
    match DOMAIN.iter().find(|(row, _)| *row == module) {
        Some((_, allowed)) => allowed.contains(&name),
        None => layer(name) < layer(module),
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

fn places_of(path: &str) -> Option<&'static [&'static str]> {
    let fits = |row: &str| path == row || path.strip_prefix(row).is_some_and(|rest| rest.starts_with("::"));
    CRATES.iter().filter(|(row, _)| fits(row)).max_by_key(|(row, _)| row.len()).map(|(_, places)| *places)
}

fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    tokens
        .into_iter()
        .flat_map(|token| match &token {
            TokenTree::Group(group) => {
                let inner = flat(group.stream());
                // The bracket itself stands for nothing: `#` is followed by what is in it.
                std::iter::once(token.clone()).chain(inner).collect::<Vec<_>>()
            }
            _ => vec![token],
        })
        .collect()
}

fn parse(path: &Path) -> TokenStream {
    read(path).parse().unwrap_or_else(|error| panic!("{}: {error}", shown(path)))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files(folder, &|path| path.extension().is_some_and(|extension| extension == "rs"))
}

/// Everything that a person wrote; what was built or locked is left out.
fn text_files(folder: &Path) -> Vec<PathBuf> {
    files(folder, &|path| {
        path.file_name().is_some_and(|name| name != "Cargo.lock") && fs::read_to_string(path).is_ok()
    })
}

fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    const BUILT: [&str; 6] = ["target", "node_modules", "venv", ".git", "demo-data", "certs"];
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let built = path.file_name().is_some_and(|name| BUILT.iter().any(|built| name == *built));
        if path.is_dir() && !built {
            found.extend(files(&path, wanted));
        } else if path.is_file() && !built && wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}
