//! Every place where a use case makes a refusal, and whether a story met it with its event.
//!
//! The source says where a kind of refusal is made (`CaseError::InCharge`), and which call before or after it, on the same
//! way through the function, writes an event. The notes of the stories say whether a refusal was committed from that very
//! line. What is handed on to a caller is judged there. So a new refusal that returns without an event is found, although
//! its use case tells of others; the few that are none, or that are told where this cannot be read, are listed below.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Where a token stands: each block or arm around it, with the number of its statement there.
type Place = Vec<(usize, usize)>;

#[derive(Debug, Clone)]
struct Token {
    text: String,
    line: usize,
    place: Place,
    /// Part of what is matched against, which makes nothing.
    pattern: bool,
    /// What is called: a parenthesis follows.
    call: bool,
}

/// A function below `src/app`.
#[derive(Debug)]
struct Function {
    file: String,
    name: String,
    /// What `Self` is in it.
    own: String,
    /// From which type it converts, when it is a conversion.
    from: Option<String>,
    tokens: Vec<Token>,
}

#[derive(Default)]
struct Source {
    functions: Vec<Function>,
    /// The kinds of refusal, with their variants.
    refusals: BTreeMap<String, Vec<String>>,
    /// Variants that a refusal of another layer becomes by itself.
    converted: Vec<(String, String, String)>,
    regions: usize,
}

/// What is wrong: refusals that no story met with an event, and rows of the lists that nothing needs.
pub fn untold(notes: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app");
    let mut source = Source::default();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("ports") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                let tokens: TokenStream = fs::read_to_string(&path).unwrap().parse().unwrap();
                source.items(&file, &Vec::from_iter(tokens), "", None);
            }
        }
    }
    let told = Told::read(notes);
    let left = source.untold(&told.lines);
    judged(&left, &told)
}

/// What the stories left of refusals and failures.
#[derive(Default)]
struct Told {
    /// From which lines of which files.
    lines: BTreeSet<(String, usize)>,
    /// In which files which action ended how.
    events: BTreeSet<(String, String, String)>,
}

impl Told {
    fn read(notes: &str) -> Self {
        let mut told = Self::default();
        for line in notes.lines() {
            let [places, action, outcome] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            if !outcome.starts_with("refused") && !outcome.starts_with("failed") {
                continue;
            }
            for (file, line) in places.split(' ').filter_map(|place| place.rsplit_once(':')) {
                told.lines.insert((file.to_owned(), line.parse().unwrap()));
                told.events.insert((file.to_owned(), action.to_owned(), outcome.to_owned()));
            }
        }
        told
    }
}

/// Compares what is left with the lists.
fn judged(left: &BTreeSet<Left>, told: &Told) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for left in left {
        let elsewhere = TOLD_ELSEWHERE.iter().find(|(what, ..)| left.is(what));
        let none = NO_REFUSAL.iter().find(|(what, _)| left.is(what));
        match (elsewhere, none) {
            (Some((what, file, action, outcome)), None) => {
                used.insert(*what);
                let event = ((*file).to_owned(), (*action).to_owned(), (*outcome).to_owned());
                if !told.events.contains(&event) {
                    wrong.push(format!("{left}: no story leaves {action} {outcome} in {file}"));
                }
            }
            (None, Some((what, _))) => {
                used.insert(*what);
            }
            (None, None) => wrong.push(format!(
                "{left}: no story meets this refusal with an event: log it and tell one, or say why in `refusals.rs`"
            )),
            (Some(_), Some(_)) => wrong.push(format!("{left} is in both lists")),
        }
    }
    let rows = TOLD_ELSEWHERE.iter().map(|row| row.0).chain(NO_REFUSAL.iter().map(|row| row.0));
    wrong.extend(
        rows.filter(|what| !used.contains(what))
            .map(|what| format!("{what} is told by a story or made nowhere: take it out of `refusals.rs`")),
    );
    wrong
}

/// A refusal that no story was seen to meet with an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Left {
    file: String,
    function: String,
    kind: String,
    variant: String,
}

impl Left {
    /// Whether a row of the lists means it: `Kind`, `Kind::Variant`, or one of these after `function `.
    fn is(&self, what: &str) -> bool {
        let (function, refusal) = what.split_once(' ').map_or((None, what), |(f, r)| (Some(f), r));
        let (kind, variant) = refusal.split_once("::").map_or((refusal, None), |(k, v)| (k, Some(v)));
        function.is_none_or(|function| function == self.function)
            && kind == self.kind
            && variant.is_none_or(|variant| variant == self.variant)
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}::{}", self.file, self.function, self.kind, self.variant)
    }
}

fn is(token: &TokenTree, text: &str) -> bool {
    match token {
        TokenTree::Ident(ident) => ident == text,
        TokenTree::Punct(punct) => text.len() == 1 && text.starts_with(punct.as_char()),
        _ => false,
    }
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

fn is_arrow(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == '=')
        && matches!(tokens.get(at + 1), Some(TokenTree::Punct(p)) if p.as_char() == '>')
}

fn words(tokens: &[TokenTree]) -> Vec<String> {
    tokens.iter().map(ToString::to_string).collect()
}

impl Source {
    fn items(&mut self, file: &str, tokens: &[TokenTree], own: &str, from: Option<&str>) {
        let mut at = 0;
        while at < tokens.len() {
            let brace_after = |at: usize| {
                (at..tokens.len())
                    .find(|n| group(tokens.get(*n), Delimiter::Brace).is_some() || is(&tokens[*n], ";"))
            };
            if is(&tokens[at], "#") {
                let attribute = tokens.get(at + 1).map(ToString::to_string).unwrap_or_default();
                at += 2;
                if attribute.replace(' ', "") == "[cfg(test)]" {
                    at = brace_after(at).unwrap_or(tokens.len()) + 1;
                }
                continue;
            }
            let Some(end) = brace_after(at) else { return };
            let inner = group(tokens.get(end), Delimiter::Brace);
            if is(&tokens[at], "impl") {
                let head = words(&tokens[at + 1..end]);
                let split = head.iter().position(|word| word == "for");
                let own = head[split.map_or(0, |n| n + 1)..]
                    .iter()
                    .find(|w| w.chars().next().is_some_and(char::is_uppercase))
                    .cloned()
                    .unwrap_or_default();
                let from = split.filter(|_| head[0].ends_with("From")).map(|n| {
                    head[1..n]
                        .iter()
                        .rev()
                        .find(|w| w.chars().next().is_some_and(char::is_uppercase))
                        .cloned()
                        .unwrap_or_default()
                });
                if let Some(inner) = inner {
                    self.items(file, &Vec::from_iter(inner.stream()), &own, from.as_deref());
                }
                at = end + 1;
            } else if is(&tokens[at], "enum") {
                let name = tokens[at + 1].to_string();
                if (name.ends_with("Error") || name.ends_with("Refusal")) && name != "AppError" {
                    self.variants(&name, inner.unwrap());
                }
                at = end + 1;
            } else if is(&tokens[at], "fn") {
                if let Some(inner) = inner {
                    let mut function = Function {
                        file: file.to_owned(),
                        name: tokens[at + 1].to_string(),
                        own: own.to_owned(),
                        from: from.map(str::to_owned),
                        tokens: Vec::new(),
                    };
                    self.block(&Vec::from_iter(inner.stream()), &Place::new(), &mut function.tokens);
                    self.functions.push(function);
                }
                at = end + 1;
            } else {
                at += 1;
            }
        }
    }

    fn variants(&mut self, name: &str, inner: &Group) {
        let tokens = Vec::from_iter(inner.stream());
        let mut variants = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            if is(&tokens[at], "#") {
                at += 2;
                continue;
            }
            let variant = tokens[at].to_string();
            if let Some(fields) = group(tokens.get(at + 1), Delimiter::Parenthesis) {
                let fields = words(&Vec::from_iter(fields.stream()));
                if fields.iter().any(|word| word.replace(' ', "") == "[from]") {
                    self.converted.push((name.to_owned(), variant.clone(), fields.last().cloned().unwrap()));
                }
            }
            variants.push(variant);
            while at < tokens.len() && !is(&tokens[at], ",") {
                at += 1;
            }
            at += 1;
        }
        self.refusals.insert(name.to_owned(), variants);
    }

    /// The statements of a block, or the arms of a match.
    fn block(&mut self, tokens: &[TokenTree], around: &Place, told: &mut Vec<Token>) {
        if !(0..tokens.len()).any(|at| is_arrow(tokens, at)) {
            self.regions += 1;
            let mut place = around.clone();
            place.push((self.regions, 0));
            self.statements(tokens, &mut place, false, true, told);
            return;
        }
        let mut at = 0;
        while at < tokens.len() {
            self.regions += 1;
            let mut place = around.clone();
            place.push((self.regions, 0));
            let arrow = (at..tokens.len()).find(|n| is_arrow(tokens, *n)).unwrap_or(tokens.len());
            self.statements(&tokens[at..arrow], &mut place, true, false, told);
            at = arrow + 2;
            let ends = |at: usize| at >= tokens.len() || is(&tokens[at], ",");
            let braced = group(tokens.get(at), Delimiter::Brace).is_some()
                && !tokens.get(at + 1).is_some_and(|next| is(next, "."));
            let mut end = at;
            while !braced && !ends(end) {
                end += 1;
            }
            if braced {
                end = at + 1;
            }
            if at < tokens.len() {
                self.statements(&tokens[at..end], &mut place, false, false, told);
            }
            at = if ends(end) { end + 1 } else { end };
        }
    }

    fn statements(
        &mut self,
        tokens: &[TokenTree],
        place: &mut Place,
        pattern: bool,
        is_block: bool,
        told: &mut Vec<Token>,
    ) {
        let (mut at, mut in_let) = (0, false);
        while at < tokens.len() {
            let token = &tokens[at];
            match token {
                TokenTree::Punct(punct)
                    if punct.as_char() == '#' && group(tokens.get(at + 1), Delimiter::Bracket).is_some() =>
                {
                    at += 2;
                    continue;
                }
                TokenTree::Group(inner) => {
                    let stream = Vec::from_iter(inner.stream());
                    if inner.delimiter() == Delimiter::Brace && !pattern && !in_let {
                        self.block(&stream, place, told);
                        let goes_on = tokens
                            .get(at + 1)
                            .is_none_or(|next| matches!(next, TokenTree::Punct(_)) || is(next, "else"));
                        if is_block && !goes_on {
                            place.last_mut().unwrap().1 += 1;
                        }
                    } else if at >= 2 && is(&tokens[at - 1], "!") && is(&tokens[at - 2], "matches") {
                        let comma = stream.iter().position(|token| is(token, ",")).unwrap_or(0);
                        self.statements(&stream[..comma], place, false, false, told);
                        self.statements(&stream[comma..], place, true, false, told);
                    } else {
                        self.statements(&stream, place, pattern || in_let, false, told);
                    }
                }
                token => {
                    let text = token.to_string();
                    let is_equals = text == "="
                        && !is_arrow(tokens, at)
                        && !(at > 0 && matches!(&tokens[at - 1], TokenTree::Punct(p) if p.as_char() == '.' ));
                    if text == "let" {
                        in_let = true;
                    } else if in_let && is_equals {
                        in_let = false;
                    }
                    let call = matches!(token, TokenTree::Ident(_))
                        && group(tokens.get(at + 1), Delimiter::Parenthesis).is_some();
                    let line = token.span().start().line;
                    told.push(Token {
                        text: text.clone(),
                        line,
                        place: place.clone(),
                        pattern: pattern || in_let,
                        call,
                    });
                    if text == ";" && is_block {
                        place.last_mut().unwrap().1 += 1;
                    }
                }
            }
            at += 1;
        }
    }

    /// Where a refusal is made, as positions in the function.
    fn sites(&self, function: &Function) -> Vec<(usize, String, String)> {
        let tokens = &function.tokens;
        let mut found = Vec::new();
        for at in 0..tokens.len().saturating_sub(3) {
            let token = &tokens[at];
            let name = if token.text == "Self" { &function.own } else { &token.text };
            let Some(variants) = self.refusals.get(name) else { continue };
            let variant = &tokens[at + 3].text;
            let path = tokens[at + 1].text == ":" && tokens[at + 2].text == ":";
            let compared =
                at > 1 && tokens[at - 1].text == "=" && matches!(tokens[at - 2].text.as_str(), "=" | "!");
            if path && !compared && !token.pattern && variants.contains(variant) && !is_ours(variant) {
                found.push((at, name.clone(), variant.clone()));
            }
        }
        found
    }

    fn untold(&self, told: &BTreeSet<(String, usize)>) -> BTreeSet<Left> {
        let mut left = BTreeSet::new();
        let mut made = BTreeSet::new();
        let known = |from: &String| self.refusals.contains_key(from) || from == "AppError";
        for (kind, variant, from) in &self.converted {
            made.insert((kind.clone(), variant.clone()));
            if !is_ours(variant) && !known(from) {
                let (file, function) = ("any".to_owned(), format!("from:{from}"));
                left.insert(Left { file, function, kind: kind.clone(), variant: variant.clone() });
            }
        }
        for (at, function) in self.functions.iter().enumerate() {
            let converts = function.from.as_ref().is_some_and(known);
            for (site, kind, variant) in self.sites(function) {
                made.insert((kind.clone(), variant.clone()));
                if !converts && !self.is_told(at, site, told, CALLERS_DEEP) {
                    let (file, function) = (function.file.clone(), function.name.clone());
                    left.insert(Left { file, function, kind, variant });
                }
            }
        }
        // A kind of which nobody makes anything would be judged by nothing.
        for (kind, variants) in &self.refusals {
            let never = variants
                .iter()
                .filter(|variant| !is_ours(variant) && !made.contains(&(kind.clone(), (*variant).clone())));
            left.extend(never.map(|variant| {
                let (file, function) = ("any".to_owned(), "never-made".to_owned());
                Left { file, function, kind: kind.clone(), variant: variant.clone() }
            }));
        }
        left
    }

    /// Whether an event is written on the way to what is made at a place, or after it, and a story met it.
    fn is_told(&self, at: usize, site: usize, told: &BTreeSet<(String, usize)>, depth: usize) -> bool {
        let function = &self.functions[at];
        let tokens = &function.tokens;
        let here = &tokens[site].place;
        for (call, token) in tokens.iter().enumerate() {
            // `Err(…)` is no call that could tell.
            let is_call = token.call && token.text.starts_with(|c: char| c.is_ascii_lowercase());
            if !is_call || !met(function, call, told) {
                continue;
            }
            let there = &token.place;
            let tells = tells(&token.text);
            // How many blocks they share, by region.
            let shared = here.iter().zip(there).take_while(|(a, b)| a.0 == b.0).count();
            let above = shared == there.len();
            let same_statement = shared > 0 && here[shared - 1].1 == there[shared - 1].1;
            if call < site && above && (tells || same_statement) {
                return true;
            }
            if call > site && tells && shared > 0 && Self::falls_through(function, site, call, shared) {
                let level = &there[..shared];
                let judged = |token: &Token| {
                    token.place.len() >= shared
                        && token.place[..shared] == *level
                        && (token.text == "Err" || token.text.contains("efus") || token.text == "error")
                };
                if above || tokens.iter().any(judged) {
                    return true;
                }
            }
        }
        if depth == 0 {
            return false;
        }
        // Handed to whoever called: each of them has to tell.
        let same: Vec<usize> =
            (0..self.functions.len()).filter(|n| self.functions[*n].name == function.name).collect();
        let mut callers = Vec::new();
        for (n, caller) in self.functions.iter().enumerate() {
            if same.len() > 1 && caller.file != function.file {
                continue;
            }
            for (position, token) in caller.tokens.iter().enumerate() {
                if token.call && token.text == function.name && n != at {
                    callers.push((n, position));
                }
            }
        }
        !callers.is_empty()
            && callers.iter().all(|(n, position)| self.is_told(*n, *position, told, depth - 1))
    }

    /// Whether what is made at a place gets to a later one of the same function.
    fn falls_through(function: &Function, site: usize, call: usize, shared: usize) -> bool {
        let here = &function.tokens[site].place;
        let around = |token: &Token| {
            let depth = token.place.len();
            depth >= shared && depth <= here.len() && token.place[..] == here[..depth]
        };
        let leaves = |range: Range<usize>, word: &str| {
            function.tokens[range].iter().any(|token| token.text == word && around(token))
        };
        !leaves(0..site, "return") && !leaves(site..call, "?")
    }
}

/// Through how many callers a refusal is followed.
const CALLERS_DEEP: usize = 4;

/// Faults of ours, which are no refusal, and wraps of a refusal that is judged where it was made.
fn is_ours(variant: &str) -> bool {
    matches!(variant, "Fault" | "Open")
}

/// Whether a call is there to tell.
fn tells(name: &str) -> bool {
    name == "commit"
        || name == "refuse"
        || name.starts_with("refuse_")
        || name.starts_with("log_")
        || name.starts_with("note_")
}

/// Whether a story met a refusal at this call.
fn met(function: &Function, call: usize, told: &BTreeSet<(String, usize)>) -> bool {
    let tokens = &function.tokens;
    let place = &tokens[call].place;
    let mut from = call;
    while from > 0
        && tokens[from - 1].place == *place
        && matches!(tokens[from - 1].text.as_str(), "." | "self" | "store" | "app")
    {
        from -= 1;
    }
    let until = tokens[call..].iter().find(|token| token.text == "await" && token.place == *place);
    let until = until.map_or(tokens[call].line, |token| token.line);
    (tokens[from].line..=until).any(|line| told.contains(&(function.file.clone(), line)))
}

/// What is told, but not where this reads it: the refusal, and the file, action and outcome with which a story met it.
const TOLD_ELSEWHERE: &[(&str, &str, &str, &str)] = &[
    ("AccountLinkError::Weak", "people/links.rs", "account.activated", "refused:password_too_weak"),
    ("ApiAccessError::Refused", "api_clients.rs", "token.refused", "refused:credentials_wrong"),
    ("DepositRefusal::FileRefused", "inspect_draft.rs", "deposit.file_refused", "refused:file_infected"),
    ("SendRefusal::FileRefused", "inspect_draft.rs", "deposit.file_refused", "refused:file_infected"),
    ("DispatchError::NoteTooLong", "dispatch.rs", "transfer.dispatched", "refused:too_large"),
    ("DispatchError::NotItsMember", "dispatch.rs", "transfer.dispatched", "refused:not_entitled"),
    ("FileRefusal::Draft", "fill_draft.rs", "deposit.file_refused", "refused:too_large"),
    ("judge_form FormRefusal", "accept_deposit.rs", "deposit.refused", "refused:form_incomplete"),
    ("led_to FormRefusal::Leads", "accept_deposit.rs", "deposit.refused", "refused:form_incomplete"),
    ("led_to FormRefusal::Closed", "accept_deposit.rs", "deposit.refused", "refused:address_not_admitted"),
    ("LimitsRefusal::Limits", "change_limits.rs", "mailbox.changed", "refused:policy_denied"),
    ("MailRefusal::Malformed", "accept_mail.rs", "mail.refused", "refused:malformed"),
    (
        "member_identity OpenError::Locked",
        "open_transfer.rs",
        "transfer.access_refused",
        "refused:key_locked",
    ),
    (
        "member_identity OpenError::NotAdmitted",
        "open_transfer.rs",
        "transfer.access_refused",
        "refused:not_admitted",
    ),
    (
        "put_address_blocked PeopleError::NotFound",
        "people/exclude.rs",
        "partner.address_blocked",
        "refused:not_found",
    ),
    (
        "put_address_blocked PeopleError::OutsideDomains",
        "people/exclude.rs",
        "partner.address_blocked",
        "refused:address_not_admitted",
    ),
    (
        "invited PeopleError::OutsideDomains",
        "people/change.rs",
        "account.created",
        "refused:address_not_admitted",
    ),
    ("invited PeopleError::TooMany", "people/change.rs", "account.created", "refused:too_many"),
    ("free_address PeopleError::Taken", "people/change.rs", "account.created", "refused:state_not_fitting"),
    ("PeopleImportError::Refused", "people/import.rs", "account.created", "refused:address_not_admitted"),
    (
        "RecoveryError::Refused",
        "recovery_consent.rs",
        "key.recovery_confirmed",
        "refused:second_person_needed",
    ),
    ("SecondAddressError", "second_notice.rs", "mailbox.changed", "refused:policy_denied"),
    ("SecretError::Weak", "personal_keys.rs", "account.password_changed", "refused:policy_denied"),
    ("SubmissionRefusal::Malformed", "submit_mail.rs", "mail.submission_refused", "refused:malformed"),
    ("UploadRefusal::Draft", "upload.rs", "deposit.file_refused", "refused:too_large"),
];

/// What is no refusal, or of which nothing is to be told, each with the reason.
const NO_REFUSAL: &[(&str, &str)] = &[
    // Mistyped at the shell, by who may do all of it.
    (
        "NewClientError",
        "what the operator mistypes is answered at the shell; of a gestionnaire, `structure_tokens` tells",
    ),
    ("DkimError", "what the operator mistypes is answered at the shell"),
    ("ImportError", "a file that is not understood is answered at the shell"),
    ("SiteImportError", "a file that is not understood is answered at the shell"),
    ("may_join PeopleError", "asked at the shell before an account is made there"),
    ("BackupError", "a backup that does not open changes nothing, and there is no log to tell it yet"),
    // What was asked for is not there, and nobody was kept from anything.
    ("ApiDepositError::NotFound", "there is no such deposit of the software's"),
    ("open_file OpenError::NotFound", "there is no file of this number in a transfer that the person reads"),
    ("managed SettingsError::NotFound", "there is no such mailbox"),
    ("structure PeopleError::NotFound", "there is no such structure, for who sees them all"),
    ("history_of_structure PeopleError::NotFound", "there is no such structure, for who sees them all"),
    ("appoint PeopleError::NotFound", "of no structure, which no door asks"),
    ("ProofError", "a place that the log does not have or has not signed yet"),
    ("UploadRefusal::NotFound", "there is no such upload of the depositor's own draft"),
    ("PasskeyError::NotHere", "nobody has passkeys at a gateway without a host name"),
    ("ProviderSignInError::None", "no provider is configured"),
    // It ended while the request was at work; its end has an event.
    ("OpenError::Gone", "it ended between two readings of one request"),
    ("OpenError::NotEntitled", "the right ended between two readings of one request; the first is told"),
    ("SignInError::Refused", "the session ended between two readings of one request"),
    ("choose_password AccountLinkError::NotGood", "pressed twice: the other press has its event"),
    // To be asked again, by the same person or program.
    ("OpenError::NotSignedIn", "sent to the sign-in first"),
    ("rows_of PeopleImportError", "a table that does not read is shown again, with the line"),
    ("PasskeyError::NoName", "a form that is not filled in is shown again"),
    ("MailRefusal::SenderUnchecked", "put off while the DNS does not answer: the sender comes back"),
    ("UploadRefusal::Busy", "another request writes the same file, and goes on"),
    ("UploadRefusal::TakenOver", "another request writes the same file, and goes on"),
    (
        "UploadRefusal::Upload",
        "bytes that do not fit what was announced: their program is told where the file goes on",
    ),
    ("ForwardError::NotConfirmed", "the receiver did not take it: it is sent again"),
    ("TimestampDoorError", "made by an adapter; what comes of it is told by `stamp_log`"),
    ("ProviderSignInError::Unreachable", "nobody is known yet; in the operator's log"),
    // Told, and not met.
    ("RegisterExportError::TooMany", "told by the line before it; no story has fifty thousand lines"),
];
