//! Which routes the web has, read from its source as tokens: a new one cannot be forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What a router says of one method of one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub path: String,
    pub method: &'static str,
}

/// Routes that take any method and sort them by themselves: those that they know.
const ANY: &[(&str, &[&str])] = &[
    ("/depot/{organisation}/{mailbox}/brouillon/{draft}/fichiers/tus", &["POST"]),
    ("/depot/{organisation}/{mailbox}/brouillon/{draft}/fichiers/tus/{upload}", &["HEAD", "PATCH", "DELETE"]),
];

const METHODS: [(&str, &str); 6] = [
    ("get", "GET"),
    ("post", "POST"),
    ("put", "PUT"),
    ("patch", "PATCH"),
    ("delete", "DELETE"),
    ("head", "HEAD"),
];

/// Other ways to add a route, which this reader would not see.
const UNREADABLE: [&str; 5] = ["nest", "nest_service", "route_service", "on", "fallback_service"];

/// All routes below a folder of the source, each method of a path for itself, in the order of paths.
pub fn of_source(folder: &str) -> Vec<Route> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut routes = Vec::new();
    for file in rust_files(&root) {
        let text = fs::read_to_string(&file).unwrap();
        let tokens: TokenStream = text.parse().unwrap();
        let tokens = without_tests(tokens);
        let mut constants = BTreeMap::new();
        note_constants(&tokens, &mut constants);
        read(&tokens, &constants, &file, &mut routes);
        if file.ends_with("web/api/mod.rs") {
            read_table(&tokens, &constants["ROOT"], &mut routes);
        }
    }
    routes.sort();
    let before = routes.len();
    routes.dedup();
    assert_eq!(routes.len(), before, "a route is declared twice");
    routes
}

fn read(tokens: &[TokenTree], constants: &BTreeMap<String, String>, file: &Path, routes: &mut Vec<Route>) {
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            read(&inner, constants, file, routes);
        }
        let is_call = |name: &str| {
            matches!(token, TokenTree::Punct(dot) if dot.as_char() == '.')
                && matches!(tokens.get(at + 1), Some(TokenTree::Ident(ident)) if ident == name)
                && matches!(tokens.get(at + 2), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
        };
        for name in UNREADABLE {
            assert!(
                !is_call(name) || !mentions_router(tokens),
                "{}: a route added by `.{name}(…)` is not seen by tests/app/rights/routes.rs: write `.route(\"/whole/path\", …)`",
                file.display()
            );
        }
        if is_call("route") {
            let Some(TokenTree::Group(arguments)) = tokens.get(at + 2) else { continue };
            let arguments: Vec<TokenTree> = arguments.stream().into_iter().collect();
            if matches!(arguments.first(), Some(TokenTree::Punct(and)) if and.as_char() == '&') {
                // A table of paths is added in a loop: it is read itself, below.
                assert!(
                    file.ends_with("web/api/mod.rs"),
                    "{}: a path is made up: write it out",
                    file.display()
                );
                continue;
            }
            let path = path_of(arguments.first(), constants, file);
            for method in methods(&arguments[1..], &path, file) {
                routes.push(Route { path: path.clone(), method });
            }
        }
    }
}

/// The table of the API: a path, what serves it, and the methods that it takes.
fn read_table(tokens: &[TokenTree], root: &str, routes: &mut Vec<Route>) {
    let is_table = |token: &TokenTree| matches!(token, TokenTree::Ident(name) if name == "PATHS");
    let rest = tokens.iter().skip_while(|token| !is_table(token));
    let mut rest = rest.skip_while(|token| !matches!(token, TokenTree::Punct(sign) if sign.as_char() == '='));
    let Some(TokenTree::Group(rows)) = rest.nth(1) else { panic!("the API has no table of paths") };
    let before = routes.len();
    for row in rows.stream() {
        let TokenTree::Group(row) = row else { continue };
        let parts: Vec<TokenTree> = row.stream().into_iter().collect();
        let (Some(TokenTree::Literal(path)), Some(methods)) = (
            parts.first(),
            parts.iter().rev().find_map(|part| match part {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                    Some(group.stream().to_string())
                }
                _ => None,
            }),
        ) else {
            panic!("a row of the API's table does not read: {row}")
        };
        let path = format!("{root}{}", path.to_string().trim_matches('"'));
        // What a resource can do (OPTIONS) is told to everybody.
        for (_, method) in METHODS.iter().filter(|(_, method)| {
            methods.split(|c: char| !c.is_ascii_uppercase()).any(|word| word == *method)
        }) {
            routes.push(Route { path: path.clone(), method });
        }
    }
    assert!(routes.len() > before, "the API's table is read");
}

/// Whether the tokens around a call speak of a router, so that other types may have methods of the same name.
fn mentions_router(tokens: &[TokenTree]) -> bool {
    tokens.iter().any(|token| matches!(token, TokenTree::Ident(ident) if ident == "Router"))
}

fn path_of(token: Option<&TokenTree>, constants: &BTreeMap<String, String>, file: &Path) -> String {
    match token {
        Some(TokenTree::Literal(literal)) => literal.to_string().trim_matches('"').to_owned(),
        Some(TokenTree::Ident(ident)) => constants.get(&ident.to_string()).cloned().unwrap_or_else(|| {
            panic!("{}: `{ident}` is no constant of this file: write the path out", file.display())
        }),
        other => panic!("{}: a route's path must be a literal or a constant, not {other:?}", file.display()),
    }
}

fn methods(handler: &[TokenTree], path: &str, file: &Path) -> Vec<&'static str> {
    let mut found = Vec::new();
    for pair in handler.windows(2) {
        let (TokenTree::Ident(name), TokenTree::Group(_)) = (&pair[0], &pair[1]) else { continue };
        if name == "any" {
            let known = ANY.iter().find(|(known, _)| *known == path);
            let (_, methods) = known.unwrap_or_else(|| {
                panic!("{path} takes any method: say in tests/app/rights/routes.rs, ANY, which it knows")
            });
            found.extend(*methods);
        } else if let Some((_, method)) = METHODS.iter().find(|(known, _)| name == known) {
            found.push(*method);
        }
    }
    assert!(!found.is_empty(), "{}: {path} has no method that this reader knows", file.display());
    found
}

/// `const NAME: &str = "…";`
fn note_constants(tokens: &[TokenTree], constants: &mut BTreeMap<String, String>) {
    for window in tokens.windows(7) {
        if let [TokenTree::Ident(word), TokenTree::Ident(name), _, _, _, _, TokenTree::Literal(value)] =
            window
            && word == "const"
        {
            constants.insert(name.to_string(), value.to_string().trim_matches('"').to_owned());
        }
    }
}

/// The tokens of a file, its test modules left out.
fn without_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut skips_block = false;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            match group.delimiter() {
                Delimiter::Bracket if group.stream().to_string().replace(' ', "") == "cfg(test)" => {
                    skips_block = true;
                    continue;
                }
                Delimiter::Brace if skips_block => {
                    skips_block = false;
                    continue;
                }
                _ => {}
            }
        }
        kept.push(token);
    }
    kept
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
